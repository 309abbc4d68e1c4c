"""The data managers' page: what has arrived, what is missing and why, for those who may see it."""
