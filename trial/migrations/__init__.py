"""Alembic's migrations of the trial database, run by `trial.database.upgrade`. A released file is never edited."""
