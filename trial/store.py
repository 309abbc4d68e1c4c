"""Write judged messages into the trial database: all of a batch in one transaction, each exactly once.

Any number of ingesters may do so at once. What stands is looked up first; where another ingester commits the same
record between look-up and insert, a unique key stops the insert, and the batch is decided anew on what then stands.
Rows go in in the order of their keys, so that two batches with the same records never wait for each other in a ring.

Corrections that an amendment asks for are made here too (`trial.amendments`). A batch that brings some about is alone:
all others only stand side by side with those that bring none.

A message that comes again changes nothing and is answered again. Its receipt is written down once for each record and
outcome: a device that sends again for a week must not fill a table from which nothing may be deleted.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, Engine, bindparam, insert, select, tuple_
from sqlalchemy.exc import DataError, IntegrityError

from contract.calibration import CertificateReceipt
from contract.envelope import MAX_PAYLOAD_BYTES
from contract.reading import Receipt
from contract.topics import Topic
from trial import calibrations, rows, tables
from trial.bulk import insert_rows
from trial.database import writing
from trial.judge import (
    Accepted,
    AcceptedCertificate,
    AcceptedStatus,
    CertificateClaim,
    Claim,
    Refusal,
    Refused,
    Verdict,
    fingerprint,
)
from trial.keeping import NotAloneError, keep
from trial.known import Known
from trial.people import wait_for_others

ATTEMPTS: int = 3
"""A record loses a race with another ingester at most twice: once for its id, once for its place."""
_IN_A_MESSAGE = (IntegrityError, DataError, OverflowError, UnicodeError)
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
    receipt: Receipt | CertificateReceipt | None = None
    first: bool = False
    """Whether it was this arrival that was written down."""


Judged = TypeVar("Judged")
Numbered = Mapping[int, tuple[Arrival, Judged]]
"""Arrivals by their place in the batch, each with what it was judged to be."""


def store(engine: Engine, arrivals: Sequence[Arrival], now: datetime) -> list[Outcome]:
    """Commit a batch and return the outcome of each arrival, in order.

    A message that the database cannot hold never stops the others: it becomes a dead letter of its own. Raises
    SQLAlchemy's `OperationalError` and its kin where the database is not well; then nothing of the failing part is
    stored, and calling again is safe.
    """
    for attempt in range(ATTEMPTS):
        try:
            return _store_together(engine, arrivals, now, by_place=attempt > 0)
        except IntegrityError as found:
            error: Exception = found
        except _IN_A_MESSAGE as found:
            error = found
            break
    if len(arrivals) != 1:
        return [outcome for arrival in arrivals for outcome in store(engine, [arrival], now)]
    return _store_together(engine, [_not_storable(arrivals[0], error)], now, by_place=True)


def _not_storable(arrival: Arrival, error: Exception) -> Arrival:
    claim = None if isinstance(arrival.verdict, AcceptedStatus) else arrival.verdict.claim
    detail = f"the database cannot hold it: {type(error).__name__}"
    return replace(arrival, verdict=Refused(Refusal.NOT_STORABLE, detail, arrival.verdict.topic, claim))


def _store_together(engine: Engine, arrivals: Sequence[Arrival], now: datetime, by_place: bool) -> list[Outcome]:
    """Store a batch in one transaction and few statements, however large it is. `by_place`: look closer."""
    accepted: dict[int, tuple[Arrival, Accepted]] = {}
    refused: dict[int, tuple[Arrival, Refused]] = {}
    statuses: dict[int, tuple[Arrival, AcceptedStatus]] = {}
    calibrated: dict[int, tuple[Arrival, AcceptedCertificate]] = {}
    for number, arrival in enumerate(arrivals):
        if isinstance(arrival.verdict, Accepted):
            accepted[number] = arrival, arrival.verdict
        elif isinstance(arrival.verdict, Refused):
            refused[number] = arrival, arrival.verdict
        elif isinstance(arrival.verdict, AcceptedCertificate):
            calibrated[number] = arrival, arrival.verdict
        else:
            statuses[number] = arrival, arrival.verdict

    def write(*, alone: bool) -> dict[int, Outcome]:
        with writing(engine).begin() as connection:
            if accepted:
                wait_for_others(connection, alone=alone)
            outcomes, unfit = _store_records(connection, accepted, now, by_place=by_place, alone=alone)
            made, unfit_too = _store_certificates(connection, calibrated)
            outcomes |= made | _bury(connection, refused | unfit | unfit_too)
            outcomes |= _store_statuses(connection, statuses)
            _note_receipts(connection, outcomes.values(), now)
            return outcomes

    try:
        outcomes = write(alone=False)
    except NotAloneError:
        outcomes = write(alone=True)
    return [outcomes[number] for number in range(len(arrivals))]


def _store_records(
    connection: Connection, accepted: Numbered[Accepted], now: datetime, *, by_place: bool, alone: bool
) -> tuple[dict[int, Outcome], dict[int, tuple[Arrival, Refused]]]:
    known = Known(connection, [verdict for _, verdict in accepted.values()], by_place)
    outcomes: dict[int, Outcome] = {}
    unfit: dict[int, tuple[Arrival, Refused]] = {}
    new: list[tuple[Accepted, datetime]] = []
    for number, (arrival, verdict) in accepted.items():
        alike = known.like(verdict)
        # The hash covers the record, byte for byte, and the one before it: `judge` has seen to that.
        if any(row.sha256 != verdict.envelope.sha256 for row in alike):
            refused = Refused(Refusal.CONFLICT, _contradiction(verdict, alike), verdict.topic, verdict.claim)
            unfit[number] = arrival, refused
        elif alike:
            receipt = _receipt(verdict.claim, "stored", alike[0].received_at)
            outcomes[number] = Outcome("again", verdict.topic, receipt)
        elif (problem := known.about_problem(verdict)) is not None:
            unfit[number] = arrival, Refused(Refusal.ABOUT, problem, verdict.topic, verdict.claim)
        else:
            known.add(rows.StoredRow.of(verdict, arrival.received_at))
            new.append((verdict, arrival.received_at))
            receipt = _receipt(verdict.claim, "stored", arrival.received_at)
            outcomes[number] = Outcome("stored", verdict.topic, receipt, first=True)
    keep(connection, new, now, alone=alone, awaited=known.awaited)
    return outcomes, unfit


def _store_certificates(
    connection: Connection, came: Numbered[AcceptedCertificate]
) -> tuple[dict[int, Outcome], dict[int, tuple[Arrival, Refused]]]:
    known = calibrations.known(connection, [verdict for _, verdict in came.values()])
    new: dict[calibrations.Place, tuple[AcceptedCertificate, datetime]] = {}
    outcomes: dict[int, Outcome] = {}
    unfit: dict[int, tuple[Arrival, Refused]] = {}
    for number, (arrival, verdict) in came.items():
        place = calibrations.place_of(verdict)
        first = place not in known
        sha256, received_at = known.setdefault(place, (verdict.sha256, arrival.received_at))
        if sha256 != verdict.sha256:
            detail = "conflict: another certificate with this id is already stored"
            unfit[number] = arrival, Refused(Refusal.CONFLICT, detail, verdict.topic, verdict.claim)
            continue
        if first:
            new[place] = verdict, arrival.received_at
        receipt = calibrations.receipt(verdict.claim, "stored", received_at)
        outcomes[number] = Outcome("stored" if first else "again", verdict.topic, receipt, first)
    calibrations.keep(connection, new)
    return outcomes, unfit


def _contradiction(accepted: Accepted, alike: Iterable[Any]) -> str:
    same_id = any(row.reading_id == str(accepted.record.reading_id) for row in alike)
    what = "reading_id" if same_id else "device_seq"
    return f"conflict: another record with this {what} is already stored"


def _bury(connection: Connection, refused: Numbered[Refused]) -> dict[int, Outcome]:
    """Keep what cannot be accepted; the same bad record again is the same row."""
    if not refused:
        return {}
    marks = {number: fingerprint(arrival.topic_text, arrival.payload) for number, (arrival, _) in refused.items()}
    t = tables.dead_letter.c
    query = select(t.fingerprint, t.received_at).where(t.fingerprint.in_(set(marks.values())))
    first_at: dict[str, datetime] = {row.fingerprint: row.received_at for row in connection.execute(query)}
    new: dict[str, dict[str, Any]] = {}
    outcomes: dict[int, Outcome] = {}
    for number, (arrival, verdict) in refused.items():
        mark = marks[number]
        first = mark not in first_at
        if first:
            first_at[mark] = arrival.received_at
            new[mark] = _letter(mark, arrival, verdict)
        if verdict.topic is None or verdict.claim is None:
            outcomes[number] = Outcome("refused", first=first)
        else:
            receipt = _refusal(verdict.claim, first_at[mark], verdict.detail)
            outcomes[number] = Outcome("refused", verdict.topic, receipt, first)
    if new:
        connection.execute(insert(tables.dead_letter), [new[mark] for mark in sorted(new)])
    return outcomes


def _letter(mark: str, arrival: Arrival, refused: Refused) -> dict[str, Any]:
    topic, claim = refused.topic, refused.claim
    of_record = claim if isinstance(claim, Claim) else None
    return {
        "fingerprint": mark,
        "topic": "".join(c if c.isprintable() else "?" for c in arrival.topic_text)[:1000],
        "payload": arrival.payload[:MAX_PAYLOAD_BYTES],
        "payload_bytes": len(arrival.payload),
        "payload_sha256": hashlib.sha256(arrival.payload).hexdigest(),
        "reason": str(refused.reason),
        "detail": refused.detail,
        "study": topic.study if topic else None,
        "site": topic.site if topic else None,
        "device": topic.device if topic else None,
        "reading_id": str(of_record.reading_id) if of_record else None,
        "device_seq": of_record.device_seq if of_record else None,
        "sha256": claim.sha256 if claim else None,
        "received_at": arrival.received_at,
    }


def _receipt(
    claim: Claim, outcome: Literal["stored", "refused"], received_at: datetime, reason: str | None = None
) -> Receipt:
    return Receipt(
        schema_version=claim.answer_in,
        reading_id=claim.reading_id,
        device_seq=claim.device_seq,
        sha256=claim.sha256,
        outcome=outcome,
        reason=reason,
        received_at=received_at,
    )


def _refusal(claim: Claim | CertificateClaim, received_at: datetime, reason: str) -> Receipt | CertificateReceipt:
    if isinstance(claim, CertificateClaim):
        return calibrations.receipt(claim, "refused", received_at, reason)
    return _receipt(claim, "refused", received_at, reason)


def _note_receipts(connection: Connection, outcomes: Iterable[Outcome], now: datetime) -> None:
    """Write down the receipts that this batch gives, each record and outcome once."""
    new: dict[tuple[str, str, str], dict[str, Any]] = {}
    repeated: set[str] = set()
    of_certificates: list[tuple[Topic, CertificateReceipt]] = []
    for outcome in outcomes:
        if outcome.device is None or outcome.receipt is None:
            continue
        if isinstance(outcome.receipt, CertificateReceipt):
            of_certificates.append((outcome.device, outcome.receipt))
            continue
        row = rows.receipt_row(outcome.device, outcome.receipt, now)
        new.setdefault((row["reading_id"], row["sha256"], row["outcome"]), row)
        if not outcome.first:
            repeated.add(row["reading_id"])
    if repeated:
        # Seldom missing: a replayed dead letter was stored without its device waiting for it.
        t = tables.receipt.c
        for given in connection.execute(select(t.reading_id, t.sha256, t.outcome).where(t.reading_id.in_(repeated))):
            new.pop(tuple(given), None)
    insert_rows(connection, tables.receipt, list(new.values()))
    calibrations.note_receipts(connection, of_certificates, now)


def _store_statuses(connection: Connection, statuses: Numbered[AcceptedStatus]) -> dict[int, Outcome]:
    """Keep each device's latest status; a last will that comes after the device has come back is ignored."""
    if not statuses:
        return {}
    t = tables.device_status
    key = (t.c.study, t.c.site, t.c.device)
    found = {number: rows.status_row(verdict, arrival.received_at) for number, (arrival, verdict) in statuses.items()}
    places = {number: (row["study"], row["site"], row["device"]) for number, row in found.items()}
    query = select(t).where(tuple_(*key).in_(set(places.values())))
    stood = {(row["study"], row["site"], row["device"]): dict(row) for row in connection.execute(query).mappings()}
    latest = dict(stood)
    outcomes: dict[int, Outcome] = {}
    for number, row in found.items():
        current = latest.get(places[number])
        late = row["state"] == "lost" and current is not None and current["session_id"] != row["session_id"]
        outcomes[number] = Outcome("status ignored" if late else "status")
        if not late and (current is None or not _same_status(row, current)):
            latest[places[number]] = row
    changed = [(place, row) for place, row in sorted(latest.items()) if row is not stood.get(place)]
    if added := [row for place, row in changed if place not in stood]:
        connection.execute(insert(t), added)
    if others := [row | dict(zip(_WHOSE, place, strict=True)) for place, row in changed if place in stood]:
        whose = [column == bindparam(name) for column, name in zip(key, _WHOSE, strict=True)]
        connection.execute(t.update().where(*whose), others)
    return outcomes


_WHOSE = ("whose_study", "whose_site", "whose_device")


def _same_status(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether it is a message that another ingester has kept already: every one of them hears every status."""
    return all(value == other[name] for name, value in row.items() if name != "received_at")
