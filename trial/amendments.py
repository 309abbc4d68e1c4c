"""Corrections from the bedside: an amendment becomes a correction as soon as both it and its reading are there.

Records come in any order, and ingesters store them side by side. So whoever stores the later of the two makes the
correction, in the same transaction: nothing is there half, and each is made once. It is made only where what it says
stood does stand, and never after a later one of the same device changed the same field; so the order in which they came
makes no difference to what stands in the end. What fits not changes nothing: a person decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Select, and_, exists, insert, or_, select

from contract.mottling import MottlingReading
from contract.reading import Reading
from trial import corrections
from trial.bulk import one_of
from trial.corrections import Correction, CorrectionError, shown
from trial.database import note
from trial.freezing import problem as frozen
from trial.judge import not_storable
from trial.kinds import entry_of
from trial.people import changing, signed
from trial.tables import amendment, amendment_change, amendment_decision, correction, record
from trial.values import time_of


class DecisionError(ValueError):
    """A decision cannot be noted as asked. One sentence."""


class Placed(Protocol):
    """What says where a record stands: a row of table `record`."""

    study: str
    device: str
    device_seq: int
    kind: str


@dataclass(frozen=True)
class Asked:
    """An amendment as it stands in the database. `applied`: its corrections were made."""

    reading_id: str
    about: str
    study: str
    device: str
    device_seq: int
    kind: str
    action: str
    operator: str
    why: str | None
    mottling_score: int | None
    problem: str | None
    received_at: datetime
    applied: bool
    changes: tuple[tuple[str, str | None, str | None], ...] = ()
    """Field, old and new value of each."""


@dataclass(frozen=True)
class Query:
    """An amendment that has changed nothing or says nothing of any reading, and why; a person decides.

    `waits`: what it is about has not come yet, and nobody need do anything.
    """

    amendment: Asked
    reason: str
    waits: bool


def about_problem(about: Placed, study: str, device: str, device_seq: int, mottling_score: int | None) -> str | None:
    """Return why an amendment of that place cannot be about a record, or None."""
    if (about.study, about.device) != (study, device):
        return "about: that record is of another device"
    if about.kind == "amendment":
        return "about: that record is an amendment itself"
    if about.device_seq >= device_seq:
        return "about: that record comes after it"
    if mottling_score is not None and about.kind != "mottling":
        return "mottling_score: that reading is none of mottling"
    return None


def settle(connection: Connection, reading_ids: Iterable[str], now: datetime) -> None:
    """Make the corrections that were asked of these readings and fit what stands; those not yet there are left out.

    The caller's transaction is alone (`trial.people.wait_for_others`): nobody else corrects or stores meanwhile.
    """
    for reading_id in sorted(set(reading_ids)):
        about = _place_of(connection, reading_id)
        asked = (
            []
            if about is None
            else [
                each
                for each in _asked(connection, amendment.c.about == reading_id)
                if about_problem(about, each.study, each.device, each.device_seq, each.mottling_score) is None
            ]
        )
        if all(each.applied for each in asked):
            continue
        entry, made = entry_of(connection, reading_id), corrections.of_reading(connection, reading_id)
        for each in asked:
            if _held(connection, each.study, entry, made, each) is not None:
                continue
            if each.changes and not each.applied and unfit(entry, made, each, asked) is None:
                made += _apply(connection, entry, made, each, now)


def _held(
    connection: Connection, study: str, entry: Reading | MottlingReading, made: Sequence[Correction], asked: Asked
) -> str | None:
    """Return that the subject is frozen, or the one that it would move to: then it waits for a person."""
    subject = corrections.corrected(entry, made).subject
    numbers = {subject.inclusion, *(new for field, _, new in asked.changes if field == "inclusion")}
    return next(
        (held for number in sorted(numbers, key=str) if (held := frozen(connection, study, subject.site, number))), None
    )


def _apply(
    connection: Connection, entry: Reading | MottlingReading, made: Sequence[Correction], asked: Asked, now: datetime
) -> list[Correction]:
    stands = corrections.corrected(entry, made)
    becomes = corrections.changed(stands, {field: new for field, _, new in asked.changes})
    actor = f"{asked.operator}@{asked.device}"
    return [
        corrections.add(
            connection,
            Correction(
                id=0,
                reading_id=asked.about,
                field=field,
                old_value=corrections.value(stands, field),
                new_value=corrections.value(becomes, field),
                supersedes=corrections.last_of(made, field),
                at=now,
                actor=actor,
                why=str(asked.why),
                amendment=asked.reading_id,
            ),
        )
        for field, _, _ in asked.changes
    ]


def unfit(
    entry: Reading | MottlingReading, made: Sequence[Correction], asked: Asked, beside: Iterable[Asked]
) -> str | None:
    """Return why a correction does not fit what stands, or None. `beside` are all that were asked of the reading."""
    if asked.problem is not None:
        return asked.problem
    numbers = {each.reading_id: each.device_seq for each in beside}
    overtaken = {each.field for each in made if each.amendment and numbers[each.amendment] > asked.device_seq}
    stands = corrections.corrected(entry, made)
    for field, old, _ in asked.changes:
        if field not in corrections.fields_of(entry):
            return f"{field}: a mottling reading has none"
        if field in overtaken:
            return f"{field}: a later correction of this device stands"
        now = corrections.value(stands, field)
        if not _says(now, old):
            return f"{field}: is {shown(now)}, not {shown(old)}"
    return _cannot_become(stands, asked)


def _cannot_become(stands: Reading | MottlingReading, asked: Asked) -> str | None:
    try:
        becomes = corrections.changed(stands, {field: new for field, _, new in asked.changes})
    except CorrectionError as error:
        return str(error)
    same = next((field for field, _, _ in asked.changes if corrections.same(stands, becomes, field)), None)
    return f"{same}: is that already" if same is not None else not_storable(becomes)


def _says(one: str | None, other: str | None) -> bool:
    """Whether two texts say the same; a time in another zone is the same time."""
    if one == other or one is None or other is None:
        return one == other
    first, second = time_of(one), time_of(other)
    return first is not None and first == second


def queries(connection: Connection, study: str | None = None) -> list[Query]:
    """Return the amendments that are not settled, by study, device and number; those that were decided are left out."""
    a, about = amendment.c, record.alias("about")
    decided = exists().where(amendment_decision.c.amendment == a.reading_id)
    belongs = and_(
        about.c.study == record.c.study,
        about.c.device == record.c.device,
        about.c.device_seq < record.c.device_seq,
        or_(about.c.kind == "mottling", and_(about.c.kind == "refill", a.mottling_score.is_(None))),
    )
    fits = exists().where(about.c.reading_id == a.about, belongs)
    open_ones = and_(~decided, or_(~fits, and_(a.action == "corrected", ~_made())))
    if study is not None:
        open_ones = and_(open_ones, record.c.study == study)
    found = (_query(connection, each) for each in _asked(connection, open_ones))
    return sorted(
        (each for each in found if each is not None),
        key=lambda q: (q.amendment.study, q.amendment.device, q.amendment.device_seq),
    )


def _query(connection: Connection, asked: Asked) -> Query | None:
    about = _place_of(connection, asked.about)
    if about is None:
        return Query(asked, "what it is about has not come", waits=True)
    wrong = about_problem(about, asked.study, asked.device, asked.device_seq, asked.mottling_score)
    if wrong is not None:
        return Query(asked, wrong, waits=False)
    entry, made = entry_of(connection, asked.about), corrections.of_reading(connection, asked.about)
    stands = corrections.corrected(entry, made)
    known = corrections.fields_of(entry)
    if all(field in known and _says(corrections.value(stands, field), new) for field, _, new in asked.changes):
        return None  # a person has made the same correction here
    beside = _asked(connection, amendment.c.about == asked.about)
    reason = unfit(entry, made, asked, beside) or _held(connection, asked.study, entry, made, asked)
    return Query(asked, reason or "fits what stands now; it did not when it came", waits=False)


def decide(engine: Engine, reading_id: str, *, actor: str, why: str) -> None:
    """Note that a person has decided about an amendment: it is no query any more, and stays.

    Raises `DecisionError` where it is none, `trial.people.UnsignedError`, and SQLAlchemy's errors.
    """
    because = signed(actor, why)
    row = {"amendment": reading_id, "at": datetime.now(UTC), "actor": actor, "why": because}
    with changing(engine) as connection:
        if not any(each.amendment.reading_id == reading_id for each in queries(connection)):
            raise DecisionError(f"{reading_id[:40]}: no amendment that waits for a decision")
        connection.execute(insert(amendment_decision), row)
        note(connection, actor, "amendment decided", f"amendment {reading_id}: {because}")


def _made() -> Any:
    return exists().where(correction.c.amendment == amendment.c.reading_id)


def _place_of(connection: Connection, reading_id: str) -> Any | None:
    return connection.execute(select(record).where(record.c.reading_id == reading_id)).one_or_none()


def _asked(connection: Connection, which: Any) -> list[Asked]:
    """Return amendments with their changes, in the order of their device."""
    a, r = amendment.c, record.c
    query: Select[Any] = select(
        *(a.reading_id, a.about, r.study, r.device, r.device_seq, r.kind, a.action, a.operator, a.why),
        *(a.mottling_score, a.problem, r.received_at, _made().label("applied")),
    ).join(record, r.reading_id == a.reading_id)
    rows = connection.execute(query.where(which).order_by(r.device, r.device_seq)).all()
    c = amendment_change.c
    changes: dict[str, list[tuple[str, str | None, str | None]]] = {}
    ids = {row.reading_id for row in rows}
    if ids:
        asked = select(c.reading_id, c.field, c.old_value, c.new_value).where(one_of(connection, c.reading_id, ids))
        for row in connection.execute(asked.order_by(c.reading_id, c.position)):
            changes.setdefault(row.reading_id, []).append((row.field, row.old_value, row.new_value))
    return [
        Asked(**dict(row._mapping) | {"applied": bool(row.applied), "changes": tuple(changes.get(row.reading_id, ()))})
        for row in rows
    ]
