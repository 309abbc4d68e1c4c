"""The journal's tables, its triggers, and how a connection to it is made."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.reading import Reading
from contract.records import AnyRecord, read_record

FORMAT: int = 3
"""`PRAGMA user_version` of the file; an older one is migrated when the bedside opens it. Format 1 had no
`trace_removed`; format 3 has the tables of format 2, and records of three kinds in them, which the software of format 2
cannot read and would set aside as broken."""
WAL_KEPT_BYTES: int = 4 * 1024 * 1024
"""SQLite brings its WAL into the file at about this size anyway."""
BUSY_TIMEOUT_S: float = 3.0
"""The other process's commit waits for the SD card at most this long; a watchdog of 5 s waits behind it."""

TABLES: str = """
CREATE TABLE journal (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    device TEXT NOT NULL,
    first_seq INTEGER NOT NULL CHECK (first_seq >= 1),
    created_at TEXT NOT NULL,
    follows TEXT
) STRICT;
CREATE TABLE measurement_begun (
    reading_id TEXT PRIMARY KEY,
    draft TEXT NOT NULL,
    begun_at TEXT NOT NULL
) STRICT;
CREATE TABLE press (
    reading_id TEXT NOT NULL REFERENCES measurement_begun (reading_id),
    number INTEGER NOT NULL CHECK (number >= 1),
    body TEXT NOT NULL,
    kept_at TEXT NOT NULL,
    PRIMARY KEY (reading_id, number)
) STRICT;
CREATE TABLE trace (
    reading_id TEXT NOT NULL REFERENCES measurement_begun (reading_id),
    number INTEGER NOT NULL CHECK (number >= 1),
    sha256 TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (reading_id, number)
) STRICT;
CREATE TABLE trace_removed (
    reading_id TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 1),
    sha256 TEXT NOT NULL,
    removed_at TEXT NOT NULL,
    operator TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (reading_id, number)
) STRICT;
CREATE TABLE record (
    device_seq INTEGER PRIMARY KEY CHECK (device_seq >= 1),
    reading_id TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL,
    previous_sha256 TEXT NOT NULL,
    sha256 TEXT NOT NULL UNIQUE,
    committed_at TEXT NOT NULL
) STRICT;
CREATE TABLE delivery (
    device_seq INTEGER NOT NULL REFERENCES record (device_seq),
    sha256 TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('stored', 'refused')),
    reason TEXT,
    received_at TEXT NOT NULL,
    noted_at TEXT NOT NULL,
    PRIMARY KEY (device_seq, outcome)
) STRICT;
CREATE VIEW unsent AS
    SELECT * FROM record r WHERE NOT EXISTS
    (SELECT 1 FROM delivery d WHERE d.device_seq = r.device_seq AND d.outcome = 'stored');
CREATE VIEW refused AS
    SELECT DISTINCT device_seq FROM delivery d WHERE outcome = 'refused'
    AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.device_seq = d.device_seq AND e.outcome = 'stored');
"""

KEPT_TABLES: tuple[str, ...] = ("journal", "measurement_begun", "press", "trace", "trace_removed", "record", "delivery")
"""Rows of these are only ever added; a trace may go once its removal is written down."""

# A BEFORE INSERT trigger, because INSERT OR REPLACE removes the row in its way without asking a DELETE trigger.
NEXT_ONLY: str = """
CREATE TRIGGER record_next_only BEFORE INSERT ON record
WHEN NEW.device_seq IS NOT (
        SELECT COALESCE((SELECT MAX(device_seq) + 1 FROM record), (SELECT first_seq FROM journal)))
    OR EXISTS (SELECT 1 FROM record WHERE reading_id = NEW.reading_id OR sha256 = NEW.sha256)
BEGIN SELECT RAISE(ABORT, 'the journal takes the next record only'); END;
"""
NO_REPLACE: str = """
CREATE TRIGGER {name} BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE {key})
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: no second {table} of that key'); END;
"""
ADD_ONLY_KEYS: dict[str, str] = {
    "journal": "only_one = NEW.only_one",
    "measurement_begun": "reading_id = NEW.reading_id",
    "press": "reading_id = NEW.reading_id AND number = NEW.number",
    "trace": "reading_id = NEW.reading_id AND number = NEW.number",
    "trace_removed": "reading_id = NEW.reading_id AND number = NEW.number",
    "delivery": "device_seq = NEW.device_seq AND outcome = NEW.outcome",
}


TRACE_DELETE: str = """
CREATE TRIGGER trace_no_delete BEFORE DELETE ON trace
WHEN NOT EXISTS (SELECT 1 FROM trace_removed t
    WHERE t.reading_id = OLD.reading_id AND t.number = OLD.number AND t.sha256 = OLD.sha256)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: no DELETE of trace without its removal written down'); END;
"""
"""Retention: `device.journal.retention` writes the removal first."""


REMOVED_ONLY: str = """
CREATE TRIGGER trace_removed_only BEFORE INSERT ON trace_removed
WHEN NOT EXISTS (SELECT 1 FROM trace t JOIN record r ON r.reading_id = t.reading_id
    JOIN delivery d ON d.device_seq = r.device_seq AND d.sha256 = r.sha256 AND d.outcome = 'stored'
    WHERE t.reading_id = NEW.reading_id AND t.number = NEW.number AND t.sha256 = NEW.sha256)
BEGIN SELECT RAISE(ABORT, 'the journal removes no trace that is not here, or not in the trial database'); END;
"""


class JournalError(Exception):
    """The journal cannot be used; the text is one sentence."""


class JournalFullError(JournalError):
    """The disk is full: nothing was written, and the same may be tried again."""


class JournalReadOnlyError(JournalError):
    """The disk takes no writing: nothing was written, and the same may be tried again."""


class JournalVersionError(JournalError):
    """A newer version of the software wrote this journal: it is left as it is."""


class JournalInUseError(JournalError):
    """Another process writes this journal."""


@dataclass(frozen=True)
class JournalRecord:
    """One record as it stands in the journal, in the order of its table: `body` is the exact text that was hashed."""

    device_seq: int
    reading_id: str
    body: str
    previous_sha256: str
    sha256: str
    committed_at: str

    @property
    def content(self) -> AnyRecord:
        """The body as the record that it is; raises `pydantic.ValidationError` where it is none that is known."""
        return read_record(self.body)

    @property
    def reading(self) -> Reading:
        """The body as a refill reading; raises `pydantic.ValidationError` where it is none, but of another kind."""
        return Reading.model_validate_json(self.body)


def tables(file_format: int = FORMAT) -> dict[str, str]:
    """Return the statements that make the tables and views of a file of a format, by name."""
    parts = [part.strip() for part in TABLES.split(";\n") if part.strip()]
    made = {part.split()[2]: part for part in parts}
    return {name: text for name, text in made.items() if file_format >= 2 or name != "trace_removed"}


def triggers(file_format: int = FORMAT) -> dict[str, str]:
    """Return the statements that make a file of a format append-only, by trigger name."""
    made = {"record_next_only": NEXT_ONLY.strip()}
    kept = [table for table in KEPT_TABLES if file_format >= 2 or table != "trace_removed"]
    for table in kept:
        for action in ("UPDATE", "DELETE"):
            name = f"{table}_no_{action.lower()}"
            made[name] = (
                f"CREATE TRIGGER {name} BEFORE {action} ON {table}\n"
                f"BEGIN SELECT RAISE(ABORT, 'the journal is append-only: no {action} of {table}'); END;"
            )
    if file_format >= 2:
        made |= {"trace_no_delete": TRACE_DELETE.strip(), "trace_removed_only": REMOVED_ONLY.strip()}
    for table in kept:
        key = ADD_ONLY_KEYS.get(table)
        if key is None:
            continue
        name = f"{table}_no_replace"
        made[name] = NO_REPLACE.format(name=name, table=table, key=key).strip()
    return made


class _Connection(sqlite3.Connection):
    """Python cannot say SQLite's sentence about a damaged name in a file; that is a damaged file as well."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        try:
            return super().execute(sql, *values)
        except UnicodeDecodeError as error:
            damaged = sqlite3.DatabaseError("a name in it is no text")
            damaged.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damaged from error


def connect(path: Path, *, mode: str = "rw", immutable: bool = False) -> sqlite3.Connection:
    """Return a connection in autocommit; `mode` is SQLite's "ro", "rw" or "rwc". Raises `sqlite3.Error`.

    `immutable` is for a file that nobody can write: no lock is taken, and no file is made beside it.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}{'&immutable=1' if immutable else ''}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        factory=_Connection,
    )
    try:
        _set_up(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection) -> None:
    # A byte that is no UTF-8 must come out as a record whose hash is wrong, not as an error that hides which one it is.
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    # FULL: with NORMAL a committed record may be gone after a power cut.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA recursive_triggers = ON")
    # A long look at the journal makes its WAL grow; once that is over it gives the space back.
    connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
    # SQLite opens the file only when it is asked for something in it.
    format_of(connection)


def create(connection: sqlite3.Connection, device: str, first_seq: int, created_at: str, follows: str | None) -> None:
    """Make an empty file a journal, in one transaction; an interrupted creation leaves an empty file."""
    connection.execute("PRAGMA journal_mode = WAL")
    statements = [*tables().values(), *triggers().values()]
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements:
            connection.execute(statement)
        connection.execute(
            "INSERT INTO journal VALUES (1, ?, ?, ?, ?)",
            (device, first_seq, created_at, follows),
        )
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def is_empty(connection: sqlite3.Connection) -> bool:
    """Return whether the file holds no table at all; raises `sqlite3.DatabaseError` where it is no database."""
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def format_of(connection: sqlite3.Connection) -> int:
    """Return the format that a file says it has; raises `sqlite3.DatabaseError` where it is no database."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
