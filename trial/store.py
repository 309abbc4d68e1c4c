"""Write judged messages into the trial database: all of a batch in one transaction, each exactly once."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, and_, insert, or_, select
from sqlalchemy.exc import DataError, IntegrityError

from contract.envelope import MAX_PAYLOAD_BYTES
from contract.reading import Receipt
from contract.topics import Topic
from trial import rows, tables
from trial.database import writing
from trial.judge import Accepted, AcceptedStatus, Claim, Refusal, Refused, Verdict, fingerprint

_NOT_THE_SERVER = (IntegrityError, DataError, OverflowError, UnicodeError)
"""Errors that lie in a message (or in a race with another ingester), not in the database's health."""


@dataclass(frozen=True)
class Arrival:
    """One message as it came in, with its verdict."""

    topic_text: str
    payload: bytes
    received_at: datetime
    verdict: Verdict


@dataclass(frozen=True)
class Outcome:
    """What became of one arrival, and the receipt to send, if any. "again" is a repeat of what is already stored."""

    kind: Literal["stored", "again", "refused", "status", "status ignored"]
    device: Topic | None = None
    receipt: Receipt | None = None


def store(engine: Engine, arrivals: Sequence[Arrival], now: datetime) -> list[Outcome]:
    """Commit a batch and return the outcome of each arrival, in order.

    A message that the database cannot hold never stops the others: it becomes a dead letter of its own. Raises
    SQLAlchemy's `OperationalError` and its kin where the database is not well; then nothing of the failing part is
    stored, and calling again is safe.
    """
    try:
        return _store_together(engine, arrivals, now)
    except _NOT_THE_SERVER:
        return [outcome for arrival in arrivals for outcome in _store_alone(engine, arrival, now)]


def _store_alone(engine: Engine, arrival: Arrival, now: datetime) -> list[Outcome]:
    try:
        return _store_together(engine, [arrival], now)
    except _NOT_THE_SERVER as error:
        claim = arrival.verdict.claim if isinstance(arrival.verdict, Accepted | Refused) else None
        detail = f"the database cannot hold it: {type(error).__name__}"
        refused = Refused(Refusal.NOT_STORABLE, detail, arrival.verdict.topic, claim)
        again = Arrival(arrival.topic_text, arrival.payload, arrival.received_at, refused)
        return _store_together(engine, [again], now)


def _store_together(engine: Engine, arrivals: Sequence[Arrival], now: datetime) -> list[Outcome]:
    with writing(engine).begin() as connection:
        known = _Known(connection, [a.verdict for a in arrivals if isinstance(a.verdict, Accepted)])
        outcomes = [_store_one(connection, known, arrival) for arrival in arrivals]
        receipts = [rows.receipt_row(o.device, o.receipt, now) for o in outcomes if o.device and o.receipt]
        if receipts:
            connection.execute(insert(tables.receipt), receipts)
    return outcomes


class _Known:
    """The stored readings that a batch could repeat or contradict, by id and by place in the device's journal."""

    def __init__(self, connection: Connection, batch: Sequence[Accepted]) -> None:
        self._by_id: dict[str, Any] = {}
        self._by_place: dict[tuple[str, str, int], Any] = {}
        if not batch:
            return
        t = tables.reading.c
        same_place = and_(
            t.study.in_({a.reading.study for a in batch}),
            t.device.in_({a.reading.device.name for a in batch}),
            t.device_seq.in_({a.reading.device_seq for a in batch}),
        )
        same_id = t.reading_id.in_({str(a.reading.reading_id) for a in batch})
        query = select(t.reading_id, t.study, t.device, t.device_seq, t.sha256, t.body, t.received_at)
        for row in connection.execute(query.where(or_(same_id, same_place))):
            self.add(row)

    def add(self, row: Any) -> None:
        self._by_id[row.reading_id] = row
        self._by_place[row.study, row.device, row.device_seq] = row

    def like(self, accepted: Accepted) -> list[Any]:
        """Return the stored readings with the same id or the same place: none, one or two."""
        reading = accepted.reading
        place = (reading.study, reading.device.name, reading.device_seq)
        found = (self._by_id.get(str(reading.reading_id)), self._by_place.get(place))
        return [row for row in found if row is not None]


def _store_one(connection: Connection, known: _Known, arrival: Arrival) -> Outcome:
    verdict = arrival.verdict
    if isinstance(verdict, AcceptedStatus):
        return Outcome("status" if _store_status(connection, verdict, arrival.received_at) else "status ignored")
    if isinstance(verdict, Refused):
        return _bury(connection, arrival, verdict)
    alike = known.like(verdict)
    if any(row.sha256 != verdict.envelope.sha256 or row.body != verdict.envelope.body for row in alike):
        return _bury(connection, arrival, Refused(Refusal.CONFLICT, _contradiction(verdict, alike), verdict.topic))
    if alike:
        return Outcome("again", verdict.topic, _receipt(verdict.claim, "stored", alike[0].received_at))
    connection.execute(insert(tables.reading), rows.reading_row(verdict, arrival.received_at))
    presses = rows.press_rows(verdict.reading)
    if presses:
        connection.execute(insert(tables.press), presses)
    known.add(rows.StoredRow.of(verdict, arrival.received_at))
    return Outcome("stored", verdict.topic, _receipt(verdict.claim, "stored", arrival.received_at))


def _contradiction(accepted: Accepted, alike: Iterable[Any]) -> str:
    same_id = any(row.reading_id == str(accepted.reading.reading_id) for row in alike)
    what = "reading_id" if same_id else "device_seq"
    return f"conflict: another record with this {what} is already stored"


def _bury(connection: Connection, arrival: Arrival, refused: Refused) -> Outcome:
    """Keep what cannot be accepted; the same bad record again is the same row."""
    claim = arrival.verdict.claim if isinstance(arrival.verdict, Accepted) else refused.claim
    mark = fingerprint(arrival.topic_text, arrival.payload)
    t = tables.dead_letter.c
    first = connection.execute(select(t.received_at).where(t.fingerprint == mark)).scalar_one_or_none()
    if first is None:
        row: dict[str, Any] = {
            "fingerprint": mark,
            "topic": "".join(c if c.isprintable() else "?" for c in arrival.topic_text)[:1000],
            "payload": arrival.payload[:MAX_PAYLOAD_BYTES],
            "payload_bytes": len(arrival.payload),
            "payload_sha256": hashlib.sha256(arrival.payload).hexdigest(),
            "reason": str(refused.reason),
            "detail": refused.detail,
            "received_at": arrival.received_at,
        }
        if refused.topic is not None:
            row |= {"study": refused.topic.study, "site": refused.topic.site, "device": refused.topic.device}
        if claim is not None:
            row |= {"reading_id": str(claim.reading_id), "device_seq": claim.device_seq, "sha256": claim.sha256}
        connection.execute(insert(tables.dead_letter), row)
    if refused.topic is None or claim is None:
        return Outcome("refused")
    receipt = _receipt(claim, "refused", first or arrival.received_at, refused.detail)
    return Outcome("refused", refused.topic, receipt)


def _receipt(
    claim: Claim, outcome: Literal["stored", "refused"], received_at: datetime, reason: str | None = None
) -> Receipt:
    return Receipt(
        reading_id=claim.reading_id,
        device_seq=claim.device_seq,
        sha256=claim.sha256,
        outcome=outcome,
        reason=reason,
        received_at=received_at,
    )


def _store_status(connection: Connection, accepted: AcceptedStatus, received_at: datetime) -> bool:
    """Keep a device's latest status; returns False for a last will that comes after the device has come back."""
    t = tables.device_status
    row = rows.status_row(accepted, received_at)
    here = and_(*(t.c[key] == row[key] for key in ("study", "site", "device")))
    current = connection.execute(select(t.c.session_id).where(here)).scalar_one_or_none()
    if current is None:
        connection.execute(insert(t), row)
        return True
    if accepted.status.state == "lost" and current != row["session_id"]:
        return False
    connection.execute(t.update().where(here), row)
    return True
