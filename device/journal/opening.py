"""Opens the journal for its writer: looked at first, set aside where it is broken, migrated where it is old."""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from contract.reading import utc
from device.journal import keeping
from device.journal.chain import verify
from device.journal.disk import sync_folder
from device.journal.schema import FORMAT, JournalError, connect, create, format_of, is_empty, tables, triggers

log = logging.getLogger(__name__)


def opened(path: Path, device: str, now: Callable[[], datetime]) -> tuple[sqlite3.Connection, str | None]:
    """Return a connection to the journal of `device`, made where there is none, and the sentence of one set aside.

    Call it with the writer's lock held. Raises `JournalError`, `sqlite3.Error` or `OSError`, and then leaves nothing
    half made.
    """
    if path.is_symlink():
        # Its WAL would stand beside the one name and its lock and mark beside the other.
        raise JournalError(f"The journal {path.name} is a symbolic link, not a file. Call the study engineer.")
    keeping.refuse_newer(path)
    sentence, first_seq = keeping.what_is_wrong(path), 1
    if sentence is not None:
        first_seq = keeping.last_known_seq(path) + 1
        aside = keeping.set_aside(path, now())
        kept = f"It was set aside as {aside.name}." if aside else "There was no file to set aside."
        sentence = f"{sentence} {kept} Call the study engineer."
    fresh = not path.exists()
    try:
        connection = _prepared(path, device, (first_seq, utc(now()), sentence))
    except BaseException:
        if fresh:
            for ending in ("-wal", "-shm", ""):
                with suppress(OSError):
                    path.with_name(path.name + ending).unlink()
        raise
    return connection, sentence


def _prepared(path: Path, device: str, beginning: tuple[int, str, str | None]) -> sqlite3.Connection:
    connection = connect(path, mode="rwc")
    try:
        if is_empty(connection):
            create(connection, device, *beginning)
            sync_folder(path.parent)
        elif format_of(connection) < FORMAT:
            migrate(connection)
            log.info("the journal was brought to format %d", FORMAT)
        _check(connection, path, device)
        keeping.catch_up(path, connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, path: Path, device: str) -> None:
    owner = connection.execute("SELECT device FROM journal").fetchone()[0]
    if owner != device:
        raise JournalError(f"The journal {path.name} belongs to {owner}, not to {device}.")
    # One damaged byte can make it a file that is kept in another way.
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise JournalError(f"The journal {path.name} could not be opened: it has no WAL but {mode}.")


def migrate(connection: sqlite3.Connection) -> None:
    """Bring an older journal to this format in one transaction; raises `JournalError` where it is not sound after it.

    Records, traces and hashes are not touched. It was checked from end to end before (`keeping.what_is_wrong`).
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        _change(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _change(connection: sqlite3.Connection) -> None:
    found_format = format_of(connection)
    kept, old = tables(found_format), triggers(found_format)
    for name, statement in tables().items():
        if name not in kept:
            connection.execute(statement)
    for name, statement in triggers().items():
        if old.get(name) != statement:
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    found = verify(connection)
    if not found.sound:
        raise JournalError(f"The journal could not be brought to format {FORMAT}: {found.problems[0]}")
