"""Everything that is known of one reading: the entry as it came, and what was done and said since. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from contract.mottling import MottlingReading
from contract.reading import Reading
from trial.corrections import Correction, CorrectionError, of_reading
from trial.kinds import NotAReadingError, entry_of
from trial.remarks import Remark, of_one
from trial.tables import mottling, reading, receipt, record, replay


@dataclass(frozen=True)
class History:
    """One reading, refill or mottling, and all that came of it."""

    entry: Reading | MottlingReading
    sent_at: datetime
    received_at: datetime
    remarks: tuple[Remark, ...]
    """What was confirmed, commented and corrected at the bedside, in the order of the device."""
    corrections: tuple[Correction, ...]
    receipts: tuple[tuple[datetime, str], ...]
    """When each was issued, and its outcome."""
    replay: tuple[int, datetime, str, str] | None
    """The dead letter that it was, when it was replayed, by whom and why."""


def study_of(connection: Connection, reading_id: str) -> str:
    """Return the study of a reading; raises `CorrectionError` where there is none of that id."""
    return _entry(connection, reading_id).study


def history(connection: Connection, reading_id: str) -> History:
    """Return what is known of a reading; raises `CorrectionError` where there is none of that id."""
    entry = _entry(connection, reading_id)
    r, t, p = record.c, receipt.c, replay.c
    kind = reading if isinstance(entry, Reading) else mottling
    sent = select(kind.c.sent_at, r.received_at).join(record, r.reading_id == kind.c.reading_id)
    times = connection.execute(sent.where(r.reading_id == reading_id)).one()
    receipts = connection.execute(
        select(t.issued_at, t.outcome).where(t.reading_id == reading_id).order_by(t.issued_at, t.id)
    )
    replays = select(p.dead_letter_id, p.at, p.actor, p.why).where(p.reading_id == reading_id).order_by(p.id)
    was = connection.execute(replays).first()
    return History(
        entry,
        times.sent_at,
        times.received_at,
        tuple(of_one(connection, reading_id)),
        tuple(of_reading(connection, reading_id)),
        tuple((row.issued_at, row.outcome) for row in receipts),
        None if was is None else (was.dead_letter_id, was.at, was.actor, was.why),
    )


def _entry(connection: Connection, reading_id: str) -> Reading | MottlingReading:
    try:
        return entry_of(connection, reading_id)
    except NotAReadingError as error:
        raise CorrectionError(str(error)) from error
