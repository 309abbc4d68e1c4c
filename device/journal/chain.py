"""Holds a journal against its own hashes: is every record there, unaltered, in order, with its traces?"""

import hashlib
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from pydantic import ValidationError

from contract.envelope import chain_sha256
from contract.identifiers import GENESIS_SHA256
from contract.mottling import MottlingReading
from contract.records import AnyRecord
from device.journal import beside, kinds
from device.journal.schema import FORMAT, JournalRecord, format_of, tables, triggers

TRACES_CHECKED: int = 20
"""Of so many records the traces are unpacked where only the end of the chain is checked: 60 traces take 0.2 s here."""
TABLES_CHECKED: tuple[str, ...] = ("record", "measurement_begun", "press", "delivery", "journal")
"""Where only the end is checked, all but the traces: to walk through those is to read the whole file, 1 GB a year."""


@dataclass(frozen=True)
class Verification:
    """What a check went through and what it found, each problem one sentence."""

    records: int
    traces: int
    problems: tuple[str, ...]
    traces_removed: int = 0
    """How many of the traces retention removed, each written down."""
    photos: int = 0
    photos_removed: int = 0

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.problems

    def with_those_of(self, other: "Verification") -> "Verification":
        """Return it with another's traces and photos counted in."""
        return replace(
            self,
            traces=self.traces + other.traces,
            traces_removed=self.traces_removed + other.traces_removed,
            photos=self.photos + other.photos,
            photos_removed=self.photos_removed + other.photos_removed,
        )


def verify(
    connection: sqlite3.Connection, *, tail: int | None = None, progress: Callable[[int], None] = lambda _: None
) -> Verification:
    """Check file, records, traces, photos and all else beside them, or only the last `tail` records and their like.

    All of it is looked at as it is at one moment, also while another process writes. Raises `sqlite3.DatabaseError`
    where the file cannot be read.
    """
    if connection.in_transaction:
        return _verified(connection, tail, progress)
    connection.execute("BEGIN")
    try:
        return _verified(connection, tail, progress)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _verified(connection: sqlite3.Connection, tail: int | None, progress: Callable[[int], None]) -> Verification:
    problems = _form_problems(connection) or list(_file_problems(connection, thorough=tail is None))
    if problems:
        return Verification(0, 0, tuple(problems))
    last = connection.execute("SELECT MAX(device_seq) FROM record").fetchone()[0] or 0
    first = connection.execute("SELECT first_seq FROM journal").fetchone()[0]
    start = first if tail is None else max(first, last - tail + 1)
    with_traces = first if tail is None else last - TRACES_CHECKED + 1
    records, kept = 0, Verification(0, 0, ())
    previous = _expected_previous(connection, start, first)
    expected_seq = start
    for row in connection.execute("SELECT * FROM record WHERE device_seq >= ? ORDER BY device_seq", (start,)):
        record = JournalRecord(*row)
        if record.device_seq != expected_seq:
            problems.append(f"Records {expected_seq} to {record.device_seq - 1} are missing.")
        elif record.previous_sha256 != previous:
            problems.append(f"Record {record.device_seq} does not follow the record before it.")
        content, problem = _content_of(record)
        if problem is not None:
            problems.append(problem)
        if content is not None and record.device_seq >= with_traces:
            found = _trace_problems(connection, record, content)
            kept = kept.with_those_of(found)
            problems.extend(found.problems)
        if content is not None and tail is None:
            problems.extend(beside.record_problems(connection, record, content))
        records += 1
        progress(records)
        previous, expected_seq = record.sha256, record.device_seq + 1
    problems.extend(beside.unfinished_problems(connection))
    problems.extend(beside.delivery_problems(connection))
    if tail is None:
        problems.extend(beside.removal_problems(connection))
    return replace(kept, records=records, problems=tuple(problems))


def _file_problems(connection: sqlite3.Connection, *, thorough: bool) -> Iterator[str]:
    """Ask SQLite about its own structures: all of them, indexes included, or those that are quickly walked through."""
    checks = ["integrity_check(10)"] if thorough else [f"quick_check('{table}')" for table in TABLES_CHECKED]
    for check in checks:
        for (found,) in connection.execute(f"PRAGMA {check}").fetchall():
            if found != "ok":
                yield f"The journal's file is damaged: {' '.join(found.split())}."


def _form_problems(connection: sqlite3.Connection) -> list[str]:
    found_format = format_of(connection)
    if not 1 <= found_format <= FORMAT:
        return [f"The file is no journal of format 1 to {FORMAT} but of {found_format}."]
    kept = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall())
    altered = [
        f"The {kind} {name} is missing or altered."
        for kind, made in (("table", tables(found_format)), ("guard", triggers(found_format)))
        for name, text in made.items()
        if kept.get(name) != text.rstrip(";")
    ]
    if altered:
        return altered
    if connection.execute("SELECT COUNT(*) FROM journal").fetchone()[0] != 1:
        return ["The journal does not say whose it is."]
    return []


def _expected_previous(connection: sqlite3.Connection, start: int, first: int) -> str:
    if start == first:
        return GENESIS_SHA256
    row = connection.execute("SELECT sha256 FROM record WHERE device_seq = ?", (start - 1,)).fetchone()
    return str(row[0]) if row else ""


def _content_of(record: JournalRecord) -> tuple[AnyRecord | None, str | None]:
    """Return what a record says, or what is wrong with it."""
    seq = record.device_seq
    if chain_sha256(record.previous_sha256, record.body) != record.sha256:
        return None, f"Record {seq} was altered: its hash does not match."
    try:
        content = record.content
    except ValidationError:
        return None, f"Record {seq} is no record of this version."
    if (content.device_seq, str(content.reading_id)) != (seq, record.reading_id):
        return None, f"Record {seq} stands under another number or id than its own."
    return content, None


def _trace_problems(connection: sqlite3.Connection, record: JournalRecord, content: AnyRecord) -> Verification:
    """Return what is wrong with what a record says is kept beside it, how much that is, and what retention removed."""
    there, removed, problems = 0, 0, []
    for number, digest in kinds.named(content).items():
        what = f"Record {record.device_seq}: {kinds.called(content, number)}"
        there += 1
        row = connection.execute(
            "SELECT content, sha256 FROM trace WHERE reading_id = ? AND number = ?", (record.reading_id, number)
        ).fetchone()
        if row is None and beside.removed(connection, record.reading_id, number) != digest:
            problems.append(f"{what} is missing.")
        elif row is None:
            removed += 1
        elif (trace_sha256(row[0]), row[1]) != (digest, digest):
            problems.append(f"{what} was altered.")
    if isinstance(content, MottlingReading):
        return Verification(1, 0, tuple(problems), photos=there, photos_removed=removed)
    return Verification(1, there, tuple(problems), removed)


def trace_sha256(content: bytes) -> str | None:
    """Return the hash of a stored trace's text, or None where it cannot be unpacked."""
    try:
        return hashlib.sha256(zlib.decompress(content)).hexdigest()
    except (zlib.error, TypeError):
        return None
