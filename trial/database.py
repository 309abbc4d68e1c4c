"""Open the trial database (SQLite file or PostgreSQL) and bring its schema up to date."""

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, insert, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, ProgrammingError

from contract.version import __version__
from trial.tables import audit

DEFAULT_DATABASE: str = "sqlite:///refill-trial.sqlite3"
BUSY_TIMEOUT_MS: int = 10_000
_WRITE = "refill_write"
_UPGRADE_LOCK = 0x526566696C6C
_WAL_ATTEMPTS = 100
_NO_RIGHT = "42501"
RESTORE_MARK: str = "restore_unfinished"
"""PostgreSQL: a table of this name stands while a restore is not finished (`trial.backup_restore`)."""


class DatabaseChoiceError(ValueError):
    """The database's URL names nothing that this program can use."""


class SchemaError(Exception):
    """The database's schema is not one that this version of the program knows."""


class SchemaRightError(SchemaError):
    """The schema is older than this program's, and this account may not change it."""


class UnfinishedRestoreError(SchemaError):
    """A restore into this database was begun and not finished: what stands there is not to be used."""


def open_database(url: str = DEFAULT_DATABASE) -> Engine:
    """Return an engine for `url`: a SQLite or PostgreSQL URL, or the path of a SQLite file. Nothing is connected yet.

    SQLite: WAL, synchronous=FULL, foreign keys, busy time-out. PostgreSQL: synchronous commit, statements limited to
    30 s so that a stalled server shows as an error. Raises `DatabaseChoiceError`; its text never holds a password.
    """
    try:
        address = make_url(url if "://" in url else f"sqlite:///{url}")
    except ArgumentError as error:
        raise DatabaseChoiceError("the database's URL cannot be read") from error
    backend = address.get_backend_name()
    if backend == "postgresql":
        if address.drivername == "postgresql":
            address = address.set(drivername="postgresql+psycopg")
        options = "-c synchronous_commit=on -c statement_timeout=30s -c timezone=UTC"
        try:
            return create_engine(address, connect_args={"connect_timeout": 10, "options": options}, pool_pre_ping=True)
        except (ImportError, NoSuchModuleError) as error:
            raise DatabaseChoiceError("PostgreSQL needs the psycopg package: install refill[trial]") from error
    if backend != "sqlite":
        raise DatabaseChoiceError(f"the database {backend!r} is not supported: use sqlite or postgresql")
    if address.database in (None, "", ":memory:"):
        raise DatabaseChoiceError("the trial database must be a file: nothing may be lost")
    engine = create_engine(address, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    """Set up one SQLite connection. The driver's own transaction handling is off: `_begin_sqlite` does it."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Two processes that open a new file at once: the change of journal mode does not wait for the busy time-out."""
    for attempt in range(_WAL_ATTEMPTS):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if attempt == _WAL_ATTEMPTS - 1:
                raise
            time.sleep(0.05)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the write lock at once, so that what it has looked up cannot change before it inserts."""
    writes = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def writing(engine: Engine) -> Engine:
    """Return the engine for transactions that write."""
    return engine.execution_options(**{_WRITE: True})


def upgrade(engine: Engine) -> tuple[str | None, str | None]:
    """Bring the schema up to date in one transaction; returns the version before and after, the same where it is.

    Safe when several processes start at once: the first takes the lock (SQLite's write lock, PostgreSQL's advisory
    lock), the others wait and find nothing to do. Where there is nothing to do, the right to read is enough. Raises
    `SchemaError` where a newer program has been here, and its kin; and SQLAlchemy's errors.
    """
    if restore_is_unfinished(engine):
        raise UnfinishedRestoreError("a restore of this database was not finished: run `refill trial restore` again")
    config = _migrations()
    before: str | None = None
    try:
        with engine.connect() as connection:
            before = schema_version(connection)
        if before is not None and before == newest_schema():
            return before, before
        return _upgrade(engine, config)
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _NO_RIGHT:
            raise
        raise SchemaRightError(
            f"the database's schema {before or '(none)'} is not {newest_schema()} and this account may not change it: "
            "the owner runs `refill trial upgrade`, then `refill trial roles`"
        ) from error


def _upgrade(engine: Engine, config: Config) -> tuple[str | None, str | None]:
    with writing(engine).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        config.attributes["connection"] = connection
        before = schema_version(connection)
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise SchemaError(f"schema {before} of the database is unknown to refill {__version__}") from error
        after = schema_version(connection)
        if before != after:
            note(connection, "refill", "schema upgraded", f"from {before or 'nothing'} to {after}")
    return before, after


def make_at(engine: Engine, version: str) -> None:
    """Make the tables of an older schema in an empty database: for data that were kept with it."""
    config = _migrations()
    with writing(engine).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return config


def newest_schema() -> str:
    """Return the schema version that this program brings a database to."""
    return str(ScriptDirectory.from_config(_migrations()).get_current_head())


def knows_schema(version: str) -> bool:
    """Return whether this program can bring a database of that schema version up to date."""
    return version in {script.revision for script in ScriptDirectory.from_config(_migrations()).walk_revisions()}


def restoring_path(database: Path) -> Path:
    """Return where a restore builds a SQLite file before it stands under its name."""
    return database.with_name(f".{database.name}.restoring")


def restore_is_unfinished(engine: Engine) -> bool:
    """Return whether a restore into this database was begun and not ended; makes no SQLite file by looking."""
    if engine.dialect.name == "sqlite":
        return restoring_path(Path(str(engine.url.database))).exists()
    with engine.connect() as connection:
        return engine.dialect.has_table(connection, RESTORE_MARK)


def schema_version(connection: Connection) -> str | None:
    """Return the schema's version, or None where there is no schema yet."""
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return version


def note(connection: Connection, actor: str, action: str, detail: str) -> None:
    """Add a line to the audit trail, in the caller's transaction."""
    connection.execute(
        insert(audit).values(at=datetime.now(UTC), actor=f"{actor} ({__version__})", action=action, detail=detail)
    )
