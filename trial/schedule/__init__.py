"""The study's schedule: which reading belongs to which event, what is missing, late, refused, and questions about it.

`rules` decides without a database; `stored` reads the database as it stands after corrections; `findings` raises the
queries that need no person to see them, and `asked` keeps queries and coded reasons for what is missing.
"""
