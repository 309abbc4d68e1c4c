"""Write accepted records into their tables: `record` first, then the table of each kind, then what they bring about."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table

from contract.amendment import Amendment
from contract.mottling import MottlingReading
from contract.reading import Reading
from trial import amendments, rows, tables
from trial.bulk import insert_rows
from trial.judge import Accepted


class NotAloneError(Exception):
    """Corrections are due, and others may write meanwhile: nothing is stored, it has to be done again alone."""


def keep(
    connection: Connection, new: Sequence[tuple[Accepted, datetime]], now: datetime, *, alone: bool, awaited: set[str]
) -> None:
    """Write new records, each with when it came in, in few statements, and make the corrections that they bring about.

    `alone`: what `trial.people.wait_for_others` was asked for. `awaited`: ids of which a correction may have been asked
    before they came. Raises `NotAloneError` where it has to be alone and is not; SQLAlchemy's `IntegrityError` where
    another has stored one of them.
    """
    due = awaited & {str(accepted.record.reading_id) for accepted, _ in new}
    for accepted, _ in new:
        if isinstance(accepted.record, Amendment) and accepted.record.changes:
            due.add(str(accepted.record.about))
    if due and not alone:
        raise NotAloneError
    # In the order of their places: two batches with the same records never wait for each other in a ring, and ids of
    # one millisecond say nothing of which came first.
    ordered = sorted(new, key=lambda each: _place(each[0]))
    readings = [(accepted, record, at) for accepted, at in ordered if isinstance(record := accepted.record, Reading)]
    _insert(connection, tables.reading, [rows.reading_row(*each) for each in readings])
    insert_rows(connection, tables.press, [row for _, record, _ in readings for row in rows.press_rows(record)])
    scored = [(one, record, at) for one, at in ordered if isinstance(record := one.record, MottlingReading)]
    _insert(connection, tables.mottling, [rows.mottling_row(*each) for each in scored])
    said = [(accepted, record, at) for accepted, at in ordered if isinstance(record := accepted.record, Amendment)]
    _insert(connection, tables.amendment, [rows.amendment_row(*each) for each in said])
    insert_rows(connection, tables.amendment_change, [row for _, record, _ in said for row in rows.change_rows(record)])
    amendments.settle(connection, due, now)


def _place(accepted: Accepted) -> tuple[str, str, int, str]:
    record = accepted.record
    return record.study, record.device.name, record.device_seq, str(record.reading_id)


def _insert(connection: Connection, table: Table, kept: list[dict[str, Any]]) -> None:
    insert_rows(connection, table, kept, first=tables.record)
