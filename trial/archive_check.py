"""The check of an archive years later: every sum, and whether the CSV is what the archived rows give.

For the second the rows go into a database of their own, at the schema that the archive was made with, which is then
brought up to date: so a later version of this program checks what an earlier one made. Format 1 had a backup of the
database in place of the rows.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, event, insert
from sqlalchemy.exc import SQLAlchemyError

from trial.archive_tables import TRACES, read_rows, trace_name
from trial.backup_manifest import file_sha256
from trial.crf_files import AlteredError
from trial.database import knows_schema, make_at, open_database, upgrade
from trial.reconcile_csv import CsvError, compare_csv
from trial.traces import named_here

FORMAT: int = 2
SUMS = "SHA256SUMS"
MANIFEST = "archive.json"
SCHEMA = "schema.json"
README = "README.txt"
CSVS = ("crf.csv", "mottling.csv")
DATABASE_OF_FORMAT_1 = "trial.sqlite3"
_AT_ONCE = 500


class ArchiveError(ValueError):
    """The archive cannot be made, or is none. One sentence."""


@dataclass(frozen=True)
class Checked:
    """What a check of an archive found. `not_compared`: why the CSV was not made again, None where it was."""

    files: int
    wrong: list[str]
    sums_sha256: str
    not_compared: str | None = None


def verify(folder: Path) -> Checked:
    """Check every file of an archive, and its CSV against its rows.

    Raises `ArchiveError` where it is none or of a format that is not known yet, `OSError` and SQLAlchemy's errors.
    """
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        told = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        about = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        study, version, made_as = str(about["study"]), str(about["schema_version"]), int(about.get("format", 1))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArchiveError(f"{folder}: is no archive: {error}") from error
    if made_as > FORMAT:
        raise ArchiveError(f"{folder}: is of format {made_as}, a newer one: check it with sha256sum -c {SUMS}")
    wrong, sums = _sums(folder, told), file_sha256(folder / SUMS)
    if wrong:
        return Checked(len(told), wrong, sums, "its files are not as they were")
    if not knows_schema(version):
        return Checked(len(told), [], sums, f"its schema {version} is newer than this program")
    if made_as == 1 and not (folder / DATABASE_OF_FORMAT_1).is_file():
        return Checked(len(told), [], sums, "its database is a PostgreSQL dump: restore it, then reconcile --crf")
    return Checked(len(told), _compared(folder, study, version, made_as, told), sums)


def _sums(folder: Path, told: dict[str, str]) -> list[str]:
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()} - {SUMS}
    wrong = [f"{name}: is missing" for name in sorted(told.keys() - there)]
    wrong += [f"{name}: is not in {SUMS}" for name in sorted(there - told.keys())]
    for name in sorted(told.keys() & there):
        if file_sha256(folder / name) != told[name]:
            wrong.append(f"{name}: was altered: its hash does not match")
    return wrong


def _compared(folder: Path, study: str, version: str, made_as: int, told: dict[str, str]) -> list[str]:
    wrong = []
    with _database(folder, version, made_as) as engine:
        upgrade(engine)
        with engine.connect() as connection:
            for name in CSVS:
                try:
                    agrees = compare_csv(connection, study, folder / name).agrees
                except (CsvError, AlteredError) as error:
                    wrong.append(f"{name}: {error}")
                    continue
                if not agrees:
                    wrong.append(f"{name}: is not what the archived database gives")
            wrong += _traces(connection, study, told)
    return wrong


def _traces(connection: Connection, study: str, told: dict[str, str]) -> Iterator[str]:
    """Yield what is wrong between the traces' files, known by their sums, and the readings that name them."""
    left = {name for name in told if name.startswith(f"{TRACES}/")}
    for reading_id, number, sha256 in named_here(connection, study):
        name = f"{TRACES}/{trace_name(reading_id, number)}"
        left.discard(name)
        if told.get(name) != sha256:
            yield f"{name}: is not the trace that its reading names"
    yield from sorted(f"{name}: is a trace of no reading" for name in left)


@contextmanager
def _database(folder: Path, version: str, made_as: int) -> Iterator[Engine]:
    """Open a database with the archived rows, in a folder of its own that goes again."""
    with tempfile.TemporaryDirectory(prefix="refill-archive-") as place:
        file = Path(place) / DATABASE_OF_FORMAT_1
        if made_as == 1:
            shutil.copyfile(folder / DATABASE_OF_FORMAT_1, file)
        engine = open_database(str(file))
        try:
            if made_as > 1:
                _load(engine, folder, version)
            yield engine
        finally:
            engine.dispose()


def _load(engine: Engine, folder: Path, version: str) -> None:
    """Put the archived rows into an empty database; the audit trail stays out, which numbers its own lines."""
    # An account's hash and other studies' letters are not there to be referred to.
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = OFF"))
    make_at(engine, version)
    there = MetaData()
    try:
        with engine.begin() as connection:
            there.reflect(connection)
            kept = json.loads((folder / SCHEMA).read_text(encoding="utf-8"))["tables"]
            for described in sorted(kept, key=lambda each: bool(each["table"] != "record")):  # a trigger wants it first
                if described["table"] != "audit":
                    _fill(connection, there, folder, described)
    except (ValueError, KeyError, TypeError, SQLAlchemyError) as error:
        raise ArchiveError(f"{folder}: its rows cannot be read: {type(error).__name__}") from error


def _fill(connection: Connection, there: MetaData, folder: Path, described: dict[str, Any]) -> None:
    table = there.tables[described["table"]]
    without = {name: None if table.c[name].nullable else b"" for name in described["left_out"]}
    rows: list[dict[str, Any]] = []
    count = 0
    for row in read_rows(folder, described):
        rows.append(row | without)
        count += 1
        if len(rows) == _AT_ONCE:
            connection.execute(insert(table), rows)
            rows = []
    if rows:
        connection.execute(insert(table), rows)
    if count != described["rows"]:
        raise ValueError(described["file"])
