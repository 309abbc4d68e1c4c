"""What the pages of this product stand behind: the door, its headers and its cookie. Imports no other room."""
