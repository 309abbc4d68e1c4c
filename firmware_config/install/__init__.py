"""How the product comes onto a bedside Pi, is brought up to date, goes back by itself, and is removed: docs/install.md.

Runs on the system's Python before there is a virtual environment: it imports the standard library and nothing of ours
(decision 0022). `flow` has the order; the other modules each know one kind of thing that is put on the machine.
"""
