"""A SQLite database copied while others write it, and a copy read back."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast
from urllib.parse import quote

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from trial.backup_files import PRIVATE
from trial.backup_manifest import BackupError, Facts, Progress, facts

MADE_WITH: str = f"SQLite {sqlite3.sqlite_version}"
_PAGES_AT_ONCE = 2000
_BESIDE = ("-wal", "-shm", "-journal")


def copy(connection: Connection, part: Path, progress: Progress) -> None:
    """Copy what the connection's transaction sees into the new file `part`, by SQLite's online backup.

    The open transaction holds one moment: what others commit meanwhile is neither waited for nor copied. The copy is a
    single file, without a WAL.
    """
    source = cast("sqlite3.Connection", connection.connection.driver_connection)

    def tell(_status: int, left: int, total: int) -> None:
        progress(f"{total - left} of {total} pages copied")

    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
    with closing(sqlite3.connect(part)) as target:
        source.backup(target, pages=_PAGES_AT_ONCE, progress=tell)
    with closing(sqlite3.connect(part)) as target:  # the copied header still says WAL
        mode = target.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
    if mode != "delete" or beside(part):
        raise BackupError(f"{part.name}: SQLite did not make it one file")


def beside(database: Path) -> list[Path]:
    """Return the files that SQLite left beside a database: they belong to it and to no other."""
    paths = [database.with_name(database.name + suffix) for suffix in _BESIDE]
    return [path for path in paths if path.exists()]


@contextmanager
def opened(path: Path) -> Iterator[Connection]:
    """Open a copy to read it, as a file that nobody changes: nothing is made beside it."""
    address = f"file:{quote(str(path))}?mode=ro&immutable=1"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def read_back(path: Path, progress: Progress) -> Facts:
    """Return the facts of a copy; raises `BackupError` where SQLite finds it damaged."""
    with opened(path) as connection:
        progress("checking the copy")
        for check in ("integrity_check", "foreign_key_check"):
            found = connection.exec_driver_sql(f"PRAGMA {check}").fetchall()
            if found and tuple(found[0]) != ("ok",):
                raise BackupError(f"{path.name}: SQLite's {check} says: {' '.join(map(str, found[0]))[:200]}")
        return facts(connection, progress)


def holds_nothing(path: Path) -> bool:
    """Return whether there is no database, or one without any table."""
    if not path.exists():
        return True
    with opened(path) as connection:
        return connection.exec_driver_sql("SELECT COUNT(*) FROM sqlite_master").scalar_one() == 0
