"""Alembic's entry point: runs on the connection, inside the transaction, that `trial.database.upgrade` holds."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
