"""A backup of the trial database in one file, made while the ingesters write, and read back before it has a name.

SQLite by its online backup, PostgreSQL by pg_dump. Both copy one moment: counts and hashes in the manifest are taken
in the transaction that is copied. What devices send after it is not in it, and after a restore is in their journals
only: `trial.reconcile`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from trial import backup_postgresql, backup_sqlite
from trial.backup_files import alone_in, appear, name_in_series, part_of, prune, to_the_disk, write_private
from trial.backup_manifest import (
    BackupError,
    Manifest,
    Progress,
    difference,
    facts,
    file_sha256,
    manifest_path,
    rows_differ,
    seconds_between,
)
from trial.database import note, restore_is_unfinished, writing


@dataclass(frozen=True)
class Made:
    """A backup that stands under its name, and what was removed for it."""

    path: Path
    manifest: Manifest
    pruned: list[str]


def backup(
    engine: Engine, out: Path, *, verify: bool = False, keep: int | None = None, progress: Progress = lambda _: None
) -> Made:
    """Write a backup to `out`, a new file, or into `out`, a folder, where it gets a name of a series.

    It is read back before it gets its name: a SQLite file whole, a PostgreSQL dump unpacked and its rows counted; with
    `verify` the dump is restored into a scratch database and compared. `keep` leaves that many of the series in the
    folder, and removes none before the new one stands. Raises `BackupError`, `OSError` and SQLAlchemy's errors; then
    there is no backup under that name, except where only the line in the audit trail was refused, which is said.
    """
    begun_at = datetime.now(UTC)
    if restore_is_unfinished(engine):
        raise BackupError("a restore of this database was not finished: there is nothing to back up yet")
    if keep is not None and not out.is_dir():
        raise BackupError(f"{out}: is no folder: only a series in a folder is pruned")
    path = out / name_in_series(begun_at, engine.dialect.name) if out.is_dir() else out
    beside = manifest_path(path)
    with alone_in(path.parent):
        for there in (path, beside):
            if there.exists():
                raise BackupError(f"{there}: is there already; nothing was written over it")
        part, beside_part = part_of(path), part_of(beside)
        try:
            manifest = _written(engine, part, path.name, begun_at, verify=verify, progress=progress)
            write_private(beside_part, manifest.json_text.encode())
            appear(part, path)
            appear(beside_part, beside)
            to_the_disk(path.parent)
        finally:
            for left in (part, beside_part, *backup_sqlite.beside(part)):
                left.unlink(missing_ok=True)
        pruned = prune(path.parent, manifest, keep) if keep is not None else []
    _note(engine, path.name, manifest, pruned)
    return Made(path, manifest, pruned)


def _written(
    engine: Engine, part: Path, name: str, begun_at: datetime, *, verify: bool, progress: Progress
) -> Manifest:
    """Write and read back; returns the manifest of what lies under `part`."""
    sqlite = engine.dialect.name == "sqlite"
    with one_moment(engine) as connection:
        told = facts(connection, progress)
        if sqlite:
            backup_sqlite.copy(connection, part, progress)
        made_with = backup_sqlite.MADE_WITH if sqlite else backup_postgresql.dump(connection, part, progress)
    to_the_disk(part)
    sha256 = file_sha256(part)
    if sqlite:
        wrong = difference(told, backup_sqlite.read_back(part, progress))
    else:
        progress("reading the dump back")
        wrong = rows_differ(told, backup_postgresql.rows_in(part, made_with))
        if verify and wrong is None:
            wrong = difference(told, backup_postgresql.restored_facts(engine, part, progress))
    if wrong is not None:
        raise BackupError(f"the copy is not what was copied: {wrong}")
    return Manifest(
        file=name,
        kind="sqlite" if sqlite else "postgresql",
        database=public_name(engine),
        made_with=made_with,
        begun_at=begun_at,
        took_s=seconds_between(begun_at, datetime.now(UTC)),
        bytes=part.stat().st_size,
        sha256=sha256,
        facts=told,
    )


@contextmanager
def one_moment(engine: Engine) -> Iterator[Connection]:
    """See the database as it is when it is first looked at, whatever others commit meanwhile."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection, connection.begin():
            yield connection
        return
    with engine.execution_options(isolation_level="REPEATABLE READ").connect() as connection, connection.begin():
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        yield connection


def public_name(engine: Engine) -> str:
    """Return which database it is, without user and password."""
    url = engine.url
    if engine.dialect.name == "sqlite":
        return f"sqlite:{Path(str(url.database)).resolve()}"
    where = url.host or "".join(str(url.query.get("host", "")))
    return f"postgresql:{where}:{url.port or 5432}/{url.database}"


def _note(engine: Engine, name: str, manifest: Manifest, pruned: list[str]) -> None:
    detail = f"{name}, {manifest.facts.records} records, sha256 {manifest.sha256}"
    removed = f"; removed {', '.join(pruned)}" if pruned else ""
    try:
        with writing(engine).begin() as connection:
            note(connection, "backup", "backup made", detail + removed)
    except SQLAlchemyError as error:
        words = " ".join(str(getattr(error, "orig", None) or type(error).__name__).split())[:200]
        raise BackupError(f"{name}: stands and is whole, but the audit trail does not say so: {words}") from error
