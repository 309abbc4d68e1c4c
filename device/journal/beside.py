"""Checks what stands beside the records and is in none of their hashes: drafts, presses, removals, receipts, times.

Once its record stands nobody reads a draft or a press again. They are checked all the same, in the thorough check: a
file in which they changed is a file that changes.
"""

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime

from pydantic import ValidationError

from contract.mottling import MottlingReading
from contract.reading import PressRecord, Reading
from contract.records import AnyRecord, read_record
from device.journal.schema import JournalRecord, format_of

AT_THE_END: frozenset[str] = frozenset({"device_seq", "result", "crt_spread", "presses", "photo_sha256", "landmarks"})
"""What a measurement or an assessment does not begin with; all else of it stands in its draft."""


def record_problems(connection: sqlite3.Connection, record: JournalRecord, content: AnyRecord) -> Iterator[str]:
    """Yield where draft and presses of a record say something else than the record."""
    seq = record.device_seq
    if not _is_time(record.committed_at):
        yield f"Record {seq}: the time of its commit cannot be read."
    row = connection.execute(
        "SELECT draft, begun_at FROM measurement_begun WHERE reading_id = ?", (record.reading_id,)
    ).fetchone()
    if row is not None and not (_is_time(row[1]) and _begins(row[0], content)):
        yield f"Record {seq}: the draft that was kept when it began was altered."
    if not isinstance(content, Reading):
        return
    presses = {press.number: press.model_dump(mode="json") for press in content.presses}
    rows = connection.execute(
        "SELECT number, body, kept_at FROM press WHERE reading_id = ? ORDER BY number", (record.reading_id,)
    )
    for number, body, kept_at in rows.fetchall():
        if not _is_time(kept_at) or (number in presses and not _says(body, presses[number])):
            yield f"Record {seq}: press {number} as it was kept was altered."


def unfinished_problems(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield what was begun, has no record yet, and cannot be read: nobody could make a record of it."""
    rows = connection.execute(
        "SELECT b.reading_id, b.draft, p.body FROM measurement_begun b"
        " LEFT JOIN record r ON r.reading_id = b.reading_id LEFT JOIN press p ON p.reading_id = b.reading_id"
        " WHERE r.reading_id IS NULL ORDER BY b.reading_id"
    )
    for reading_id, draft, press in rows:
        try:
            begun = read_record(draft or "")
            found = str(begun.reading_id) if isinstance(begun, Reading | MottlingReading) else ""
            if press is not None:
                PressRecord.model_validate_json(press)
        except ValidationError:
            found = ""
        if found != reading_id:
            yield f"The measurement {reading_id}, which has no record yet, cannot be read."


def _begins(draft: str, content: AnyRecord) -> bool:
    try:
        begun = read_record(draft)
    except ValidationError:
        return False
    return isinstance(begun, type(content)) and all(
        getattr(begun, name) == getattr(content, name) for name in type(content).model_fields if name not in AT_THE_END
    )


def _says(body: str, press: dict[str, object]) -> bool:
    """Return whether the text says what the record's press says; a field that came later may be absent."""
    try:
        kept = json.loads(body)
    except ValueError:
        return False
    return isinstance(kept, dict) and all(name in press and press[name] == value for name, value in kept.items())


def delivery_problems(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the receipts that are for no record of this journal, or whose times cannot be read."""
    rows = connection.execute(
        "SELECT d.device_seq, r.device_seq IS NULL, d.received_at, d.noted_at FROM delivery d"
        " LEFT JOIN record r ON r.device_seq = d.device_seq AND r.sha256 = d.sha256 ORDER BY d.device_seq"
    )
    for seq, stray, *times in rows:
        if stray:
            yield f"The trial database confirmed a record {seq} that is not here as it was."
        elif not all(map(_is_time, times)):
            yield f"Record {seq}: the times of its receipt cannot be read."


def removed(connection: sqlite3.Connection, reading_id: str, number: int) -> str | None:
    """Return the hash of a trace whose removal is written down."""
    if format_of(connection) < 2:
        return None
    row = connection.execute(
        "SELECT sha256 FROM trace_removed WHERE reading_id = ? AND number = ?", (reading_id, number)
    ).fetchone()
    return str(row[0]) if row else None


def removal_problems(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the removals of traces that are still there, or that were not stored in the trial database."""
    if format_of(connection) < 2:
        return
    rows = connection.execute(
        "SELECT r.device_seq, x.number, x.removed_at, t.number IS NOT NULL, d.device_seq IS NULL,"
        ' instr(r.body, \'"kind":"mottling"\') FROM trace_removed x'
        " LEFT JOIN trace t ON t.reading_id = x.reading_id AND t.number = x.number"
        " LEFT JOIN record r ON r.reading_id = x.reading_id"
        " LEFT JOIN delivery d ON d.device_seq = r.device_seq AND d.outcome = 'stored' ORDER BY r.device_seq, x.number"
    )
    for seq, number, removed_at, there, not_stored, of_mottling in rows:
        what = "the photo" if of_mottling else f"the trace of press {number}"
        if seq is None:
            yield f"A trace of press {number} was removed that belongs to no record."
        elif there:
            yield f"Record {seq}: {what} is written down as removed, and is still there."
        elif not_stored or not _is_time(removed_at):
            yield f"Record {seq}: {what} was removed without a receipt or a time."


def _is_time(text: object) -> bool:
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
