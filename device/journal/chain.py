"""Holds a journal against its own hashes: is every record there, unaltered, in order, with its traces?"""

import hashlib
import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from contract.envelope import chain_sha256
from contract.identifiers import GENESIS_SHA256
from contract.reading import Reading
from device.journal.schema import FORMAT, JournalRecord, triggers


@dataclass(frozen=True)
class Verification:
    """What a check went through and what it found, each problem one sentence."""

    records: int
    traces: int
    problems: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def verify(connection: sqlite3.Connection, *, tail: int | None = None) -> Verification:
    """Check the last `tail` records (all where None) and their traces; raises `sqlite3.DatabaseError` if unreadable."""
    problems = list(_form_problems(connection))
    if problems:
        return Verification(0, 0, tuple(problems))
    last = connection.execute("SELECT MAX(device_seq) FROM record").fetchone()[0] or 0
    first = connection.execute("SELECT first_seq FROM journal").fetchone()[0]
    start = first if tail is None else max(first, last - tail + 1)
    records, traces = 0, 0
    previous = _expected_previous(connection, start, first)
    expected_seq = start
    for row in connection.execute("SELECT * FROM record WHERE device_seq >= ? ORDER BY device_seq", (start,)):
        record = JournalRecord(*row)
        if record.device_seq != expected_seq:
            problems.append(f"Records {expected_seq} to {record.device_seq - 1} are missing.")
        elif record.previous_sha256 != previous:
            problems.append(f"Record {record.device_seq} does not follow the record before it.")
        trace_count, found = _record_problems(connection, record)
        problems.extend(found)
        records, traces = records + 1, traces + trace_count
        previous, expected_seq = record.sha256, record.device_seq + 1
    problems.extend(_delivery_problems(connection))
    return Verification(records, traces, tuple(problems))


def _form_problems(connection: sqlite3.Connection) -> Iterator[str]:
    found_format = connection.execute("PRAGMA user_version").fetchone()[0]
    if found_format != FORMAT:
        yield f"The file is no journal of format {FORMAT} but of {found_format}."
        return
    kept = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall())
    for name, statement in triggers().items():
        if kept.get(name) != statement.rstrip(";"):
            yield f"The guard {name} is missing or altered."
    if connection.execute("SELECT COUNT(*) FROM journal").fetchone()[0] != 1:
        yield "The journal does not say whose it is."


def _expected_previous(connection: sqlite3.Connection, start: int, first: int) -> str:
    if start == first:
        return GENESIS_SHA256
    row = connection.execute("SELECT sha256 FROM record WHERE device_seq = ?", (start - 1,)).fetchone()
    return str(row[0]) if row else ""


def _record_problems(connection: sqlite3.Connection, record: JournalRecord) -> tuple[int, list[str]]:
    """Return how many traces the record has and what is wrong with it and them."""
    seq = record.device_seq
    if chain_sha256(record.previous_sha256, record.body) != record.sha256:
        return 0, [f"Record {seq} was altered: its hash does not match."]
    try:
        reading = Reading.model_validate_json(record.body)
    except ValidationError:
        return 0, [f"Record {seq} is not a reading of this version."]
    if (reading.device_seq, str(reading.reading_id)) != (seq, record.reading_id):
        return 0, [f"Record {seq} stands under another number or id than its own."]
    count, problems = 0, []
    for press in reading.presses:
        if press.trace_sha256 is None:
            continue
        count += 1
        row = connection.execute(
            "SELECT content FROM trace WHERE reading_id = ? AND number = ?", (record.reading_id, press.number)
        ).fetchone()
        if row is None:
            problems.append(f"Record {seq}: the trace of press {press.number} is missing.")
        elif trace_sha256(row[0]) != press.trace_sha256:
            problems.append(f"Record {seq}: the trace of press {press.number} was altered.")
    return count, problems


def trace_sha256(content: bytes) -> str | None:
    """Return the hash of a stored trace's text, or None where it cannot be unpacked."""
    try:
        return hashlib.sha256(zlib.decompress(content)).hexdigest()
    except zlib.error:
        return None


def _delivery_problems(connection: sqlite3.Connection) -> Iterator[str]:
    rows = connection.execute(
        "SELECT d.device_seq FROM delivery d LEFT JOIN record r ON r.device_seq = d.device_seq AND r.sha256 = d.sha256"
        " WHERE r.device_seq IS NULL ORDER BY d.device_seq"
    )
    for (seq,) in rows:
        yield f"The trial database confirmed a record {seq} that is not here as it was."
