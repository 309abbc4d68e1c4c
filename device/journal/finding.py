"""Finds things in the journal: what was begun and not ended, a record by its id, what was added to it, a subject's."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from contract.envelope import first_error
from contract.mottling import MottlingReading
from contract.reading import PressRecord, Reading
from contract.source import Subject
from device.journal.schema import JournalError, JournalRecord

Entry = Reading | MottlingReading


AMENDS: str = '"kind":"amendment"'
"""Stands in the text of every amendment, and in no other record's: keys are sorted, and no text of a record is free."""


def find(connection: sqlite3.Connection, reading_id: str) -> JournalRecord | None:
    """Return the record of an id, or None where there is none."""
    row = connection.execute("SELECT * FROM record WHERE reading_id = ?", (reading_id,)).fetchone()
    return JournalRecord(*row) if row else None


def amendments_of(connection: sqlite3.Connection, record: JournalRecord) -> list[JournalRecord]:
    """Return what was added to a record since, in order."""
    rows = connection.execute(
        "SELECT * FROM record WHERE device_seq > ? AND instr(body, ?) AND instr(body, ?) ORDER BY device_seq",
        (record.device_seq, f'"about":"{record.reading_id}"', AMENDS),
    )
    return [JournalRecord(*row) for row in rows.fetchall()]


def of_subject(connection: sqlite3.Connection, subject: Subject) -> list[JournalRecord]:
    """Return all that may be a subject's, in order: as it was entered, and whatever an amendment is about, with those.

    The records are looked through as text: to parse a year's records of everybody would take seconds.
    """
    text = json.dumps(subject.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    rows = connection.execute(
        "WITH amends AS (SELECT json_extract(body, '$.about') AS about FROM record"
        " WHERE instr(body, ?) AND json_valid(body))"
        " SELECT * FROM record WHERE instr(body, ?) OR instr(body, ?) OR reading_id IN (SELECT about FROM amends)"
        " ORDER BY device_seq",
        (AMENDS, f'"subject":{text}', AMENDS),
    )
    return [JournalRecord(*row) for row in rows.fetchall()]


def interrupted(connection: sqlite3.Connection) -> Iterator[Entry]:
    """Yield the drafts of all that was begun and has no record, oldest first, each with the presses that were kept."""
    rows = connection.execute(
        "SELECT b.reading_id, b.draft FROM measurement_begun b LEFT JOIN record r"
        " ON r.reading_id = b.reading_id WHERE r.reading_id IS NULL ORDER BY b.begun_at, b.reading_id"
    ).fetchall()
    for reading_id, text in rows:
        draft = _draft(text)
        kept = {"presses": presses(connection, reading_id)} if isinstance(draft, Reading) else {}
        yield draft.model_copy(update=kept)


def presses(connection: sqlite3.Connection, reading_id: str) -> list[PressRecord]:
    """Return the presses kept for a measurement, in order."""
    rows = connection.execute("SELECT body FROM press WHERE reading_id = ? ORDER BY number", (reading_id,))
    return [_press(body) for (body,) in rows.fetchall()]


_ENTRY: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])


def _draft(text: str) -> Entry:
    """Return a draft as it was kept; raises `JournalError` where it is damaged.

    Opened anew, the journal is looked at again then.
    """
    try:
        return _ENTRY.validate_json(text)
    except ValidationError as error:
        raise JournalError(f"A draft in the journal cannot be read: {first_error(error)}.") from error


def _press(text: str) -> PressRecord:
    try:
        return PressRecord.model_validate_json(text)
    except ValidationError as error:
        raise JournalError(f"A press in the journal cannot be read: {first_error(error)}.") from error
