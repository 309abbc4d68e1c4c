"""A backup brought back into an empty database, compared with its manifest, and written down in the audit trail.

SQLite: built under another name beside the database, which appears whole. PostgreSQL: pg_restore in one transaction,
behind a mark that is taken away once everything was compared. Killed at any moment, a restore has left nothing, or a
mark that `trial.database.upgrade` sees (no ingester starts on it) and a second restore of the same backup finishes.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from contract.reading import utc
from contract.version import __version__
from trial import backup_postgresql, backup_sqlite
from trial.backup import one_moment
from trial.backup_files import PRIVATE, alone_in, appear, to_the_disk
from trial.backup_manifest import (
    BackupError,
    Manifest,
    Progress,
    check_file,
    difference,
    facts,
    read_manifest,
    table_names,
)
from trial.database import RESTORE_MARK, knows_schema, note, open_database, restoring_path, writing

_RESTORE_LOCK = 0x526573746F7265
_CHUNK = 1 << 20


def restore(backup: Path, engine: Engine, progress: Progress = lambda _: None) -> Manifest:
    """Restore `backup` into the empty or missing database of `engine`; returns what it holds now.

    The schema stays the backup's: `trial.database.upgrade` brings it up to date. Raises `BackupError`, where nothing
    was written unless it says so, `OSError` and SQLAlchemy's errors.
    """
    manifest = read_manifest(backup)
    version = manifest.facts.schema_version
    if not knows_schema(version):
        raise BackupError(
            f"{backup.name}: its schema {version} is unknown to refill {__version__}: a newer one made it"
        )
    if manifest.kind != engine.dialect.name:
        raise BackupError(f"{backup.name}: is a backup of {manifest.kind} and goes into no other kind of database")
    progress("reading the backup")
    check_file(backup, manifest)
    into = _into_sqlite if manifest.kind == "sqlite" else _into_postgresql
    into(backup, manifest, engine, progress)
    return manifest


def _into_sqlite(backup: Path, manifest: Manifest, engine: Engine, progress: Progress) -> None:
    target = Path(str(engine.url.database)).absolute()
    building = restoring_path(target)
    with alone_in(target.parent):
        left = backup_sqlite.beside(target)
        if not backup_sqlite.holds_nothing(target) or (left and target.exists()):
            raise BackupError(f"{target}: is not empty: restore into a new one")
        if left:  # a WAL that lies there would be played into whatever takes the name
            raise BackupError(f"{left[0]}: belongs to a database that stood there: set it aside first")
        _remove(building)
        try:
            _copy(backup, building, progress)
            wrong = difference(manifest.facts, backup_sqlite.read_back(building, progress))
            if wrong is not None:
                raise BackupError(f"what was restored is not what was backed up: {wrong}")
            copied = open_database(str(building))
            with writing(copied).begin() as connection:
                _note(connection, backup, manifest)
            copied.dispose()
            if backup_sqlite.beside(building):
                raise BackupError(f"{building}: somebody else has it open")
            to_the_disk(building)
            target.unlink(missing_ok=True)
            appear(building, target)
            to_the_disk(target.parent)
        finally:
            _remove(building)


def _copy(backup: Path, building: Path, progress: Progress) -> None:
    size, done = backup.stat().st_size, 0
    new = os.open(building, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with backup.open("rb") as source, os.fdopen(new, "wb") as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
            done += len(chunk)
            progress(f"{done / 1e6:.0f} of {size / 1e6:.0f} MB restored")


def _remove(building: Path) -> None:
    for left in (*backup_sqlite.beside(building), building):  # the name itself last: it is the mark of the unfinished
        left.unlink(missing_ok=True)


def _into_postgresql(backup: Path, manifest: Manifest, engine: Engine, progress: Progress) -> None:
    with engine.connect() as holder:
        alone = holder.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _RESTORE_LOCK}).scalar_one()
        holder.commit()  # the lock is the session's and stays
        if not alone:
            raise BackupError("another restore into this database is at work")
        try:
            _load_and_compare(backup, manifest, engine, holder, progress)
        finally:
            holder.invalidate()  # ends the session, and with it the lock


def _load_and_compare(backup: Path, manifest: Manifest, engine: Engine, holder: Connection, progress: Progress) -> None:
    with engine.begin() as connection:
        loaded = _mark(connection, manifest)
    if not loaded:
        backup_postgresql.load(holder, backup, progress)
    with one_moment(engine) as connection:
        wrong = difference(manifest.facts, facts(connection, progress))
    if wrong is not None:
        raise BackupError(f"what was restored is not what was backed up: {wrong}; make the database anew")
    with engine.begin() as connection:
        _note(connection, backup, manifest)
        connection.execute(text(f"DROP TABLE {RESTORE_MARK}"))


def _mark(connection: Connection, manifest: Manifest) -> bool:
    """Mark the database as being restored; returns whether an earlier restore of this backup has loaded it already."""
    there = table_names(connection)
    marked = RESTORE_MARK in inspect(connection).get_table_names()
    if not marked and there:
        raise BackupError(f"{connection.engine.url.database}: is not empty: restore into a new one")
    of = connection.execute(text(f"SELECT sha256 FROM {RESTORE_MARK}")).scalar() if marked else None  # noqa: S608 - a constant
    if of == manifest.sha256:
        return bool(there)
    if there:
        raise BackupError("a restore of another backup was begun here and not finished: make the database anew")
    if marked:
        connection.execute(text(f"DROP TABLE {RESTORE_MARK}"))
    connection.execute(text(f"CREATE TABLE {RESTORE_MARK} (sha256 text NOT NULL, begun_at timestamptz NOT NULL)"))
    connection.execute(
        text(f"INSERT INTO {RESTORE_MARK} VALUES (:sha256, :at)"),  # noqa: S608 - a constant
        {"sha256": manifest.sha256, "at": datetime.now(UTC)},
    )
    return False


def _note(connection: Connection, backup: Path, manifest: Manifest) -> None:
    detail = f"from {backup.name} of {utc(manifest.begun_at)}, {manifest.facts.records} records"
    note(connection, "restore", "backup restored", f"{detail}, sha256 {manifest.sha256}")
