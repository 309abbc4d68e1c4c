"""Corrections of what a person entered. The entry stays as it came; what stands now is entry and corrections together.

A measured number is never corrected, nor what says how it was measured. Values are texts; None is "nothing entered".
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, insert, select

from contract.check_digits import CHECKS
from contract.envelope import first_error
from contract.reading import Reading, utc
from firmware_config.study import Inclusion, Study
from trial import tables
from trial.database import note
from trial.judge import not_storable
from trial.people import changing, signed

FIELDS: dict[str, tuple[str, ...]] = {
    "inclusion": ("subject", "inclusion"),
    "event": ("event",),
    "body_site": ("body_site",),
    "side": ("side",),
    "operator": ("operator",),
    "norepinephrine_onset_at": ("norepinephrine_onset_at",),
}
"""What may be corrected, and where it stands in the record: what a person entered, nothing else."""


MOST_LETTERS: int = 4
"""An operator's code with more could be a name."""


class CorrectionError(ValueError):
    """A correction cannot be made as asked. One sentence."""


@dataclass(frozen=True)
class Correction:
    """One change. `supersedes` is the correction of the same field before it."""

    id: int
    reading_id: str
    field: str
    old_value: str | None
    new_value: str | None
    supersedes: int | None
    at: datetime
    actor: str
    why: str


@dataclass(frozen=True)
class History:
    """Everything that is known of one reading: the entry as it came, and what was done since."""

    entry: Reading
    sent_at: datetime
    received_at: datetime
    corrections: tuple[Correction, ...]
    receipts: tuple[tuple[datetime, str], ...]
    """When each was issued, and its outcome."""
    replay: tuple[int, datetime, str, str] | None
    """The dead letter that it was, when it was replayed, by whom and why."""


def correct(
    engine: Engine,
    study: Study,
    reading_id: str,
    field: str,
    to: str | None,
    *,
    actor: str,
    why: str,
    stood: str | None = None,
) -> Correction:
    """Correct one field of a stored reading; returns the correction, its old value being what stood until now.

    With `stood`, what the person saw ("" for nothing), a correction that somebody made meanwhile is not overlooked.
    Raises `CorrectionError`, `trial.people.UnsignedError` and SQLAlchemy's errors.
    """
    if field not in FIELDS:
        raise CorrectionError(f"{field} is not corrected: only {', '.join(FIELDS)} were entered by a person")
    because = signed(actor, why)
    with changing(engine) as connection:
        entry = _entry(connection, reading_id)
        if entry.study != study.name:
            raise CorrectionError(f"reading {reading_id} is of study {entry.study}, not of {study.name}")
        made = of_reading(connection, reading_id)
        stands = corrected(entry, made)
        becomes = _changed(stands, {field: to})
        old, new = value(stands, field), value(becomes, field)
        if stood is not None and stood != (old or ""):
            raise CorrectionError(f"{field} of this reading is {shown(old)} now, not {shown(stood or None)}")
        if _same(stands, becomes, field):
            raise CorrectionError(f"{field} of this reading is {shown(old)} already")
        problem = not_storable(becomes) or _study_refuses(becomes, field, study)
        if problem is not None:
            raise CorrectionError(problem)
        last = next((each.id for each in reversed(made) if each.field == field), None)
        row: dict[str, Any] = {"reading_id": reading_id, "field": field, "old_value": old, "new_value": new}
        row |= {"supersedes": last, "at": datetime.now(UTC), "actor": actor, "why": because}
        added = insert(tables.correction).values(row).returning(tables.correction.c.id)
        number: int = connection.execute(added).scalar_one()
        detail = f"reading {reading_id}: {field} from {shown(old)} to {shown(new)}: {because}"
        note(connection, actor, "reading corrected", detail)
        return Correction(id=number, **row)


def of_reading(connection: Connection, reading_id: str) -> list[Correction]:
    """Return the corrections of a reading, oldest first."""
    t = tables.correction
    query = select(t).where(t.c.reading_id == reading_id).order_by(t.c.id)
    return [Correction(**row._mapping) for row in connection.execute(query)]


def of_study(connection: Connection, study: str) -> dict[str, list[Correction]]:
    """Return the corrections of a study's readings by reading, oldest first."""
    t, r = tables.correction, tables.reading.c
    query = select(t).join(tables.reading, r.reading_id == t.c.reading_id).where(r.study == study).order_by(t.c.id)
    found: dict[str, list[Correction]] = {}
    for row in connection.execute(query):
        found.setdefault(row.reading_id, []).append(Correction(**row._mapping))
    return found


def corrected(entry: Reading, made: Iterable[Correction]) -> Reading:
    """Return a reading as it stands after its corrections, oldest first."""
    changes = {each.field: each.new_value for each in made}
    return _changed(entry, changes) if changes else entry


def value(reading: Reading, field: str) -> str | None:
    """Return what stands in a field, as a text."""
    found = _typed(reading, field)
    return utc(found) if isinstance(found, datetime) else None if found is None else str(found)


def shown(text: str | None) -> str:
    """Return a value as it is written for people."""
    return "nothing" if text is None else text


def history(connection: Connection, reading_id: str) -> History:
    """Return what is known of a reading; raises `CorrectionError` where there is none of that id."""
    entry = _entry(connection, reading_id)
    r, t, p = tables.reading.c, tables.receipt.c, tables.replay.c
    times = connection.execute(select(r.sent_at, r.received_at).where(r.reading_id == reading_id)).one()
    receipts = connection.execute(
        select(t.issued_at, t.outcome).where(t.reading_id == reading_id).order_by(t.issued_at, t.id)
    )
    replays = select(p.dead_letter_id, p.at, p.actor, p.why).where(p.reading_id == reading_id).order_by(p.id)
    replay = connection.execute(replays).first()
    return History(
        entry,
        times.sent_at,
        times.received_at,
        tuple(of_reading(connection, reading_id)),
        tuple((row.issued_at, row.outcome) for row in receipts),
        None if replay is None else (replay.dead_letter_id, replay.at, replay.actor, replay.why),
    )


def _entry(connection: Connection, reading_id: str) -> Reading:
    t = tables.reading.c
    body = connection.execute(select(t.body).where(t.reading_id == reading_id)).scalar_one_or_none()
    if body is None:
        raise CorrectionError(f"there is no reading {reading_id[:40]}")
    return Reading.model_validate_json(body)


def _changed(reading: Reading, changes: dict[str, str | None]) -> Reading:
    """Return a reading with other values, checked by the contract's own types."""
    content: dict[str, Any] = reading.model_dump(mode="json")
    for field, to in changes.items():
        *way, last = FIELDS[field]
        place = content
        for step in way:
            place = place[step]
        place[last] = to
    try:
        return Reading.model_validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        raise CorrectionError(first_error(error)) from error


def _typed(reading: Reading, field: str) -> Any:
    found: Any = reading
    for step in FIELDS[field]:
        found = getattr(found, step)
    return found


def _same(one: Reading, other: Reading, field: str) -> bool:
    """Whether two readings say the same in a field; a time in another zone is the same time."""
    return bool(_typed(one, field) == _typed(other, field))


def _study_refuses(reading: Reading, field: str, study: Study) -> str | None:
    """Return why a study does not know a value that the contract lets through."""
    if field == "inclusion":
        return _wrong_inclusion(reading.subject.inclusion, study.inclusion)
    if field == "event" and reading.event is not None and reading.event not in study.events:
        return f"event: study {study.name} has no event {reading.event}; it has: {', '.join(study.events) or 'none'}"
    if field == "side" and reading.side is None and study.sides:
        return f"side: study {study.name} wants one with every measurement"
    operator = reading.operator
    if field == "operator" and operator is not None and not _is_code(operator, study.operator_pattern):
        return f"operator: no operator's code of study {study.name}"
    onset = reading.norepinephrine_onset_at
    if field == "norepinephrine_onset_at" and onset is not None and onset > datetime.now(UTC):
        return "norepinephrine_onset_at: lies in the future"
    return None


def _is_code(operator: str, pattern: str) -> bool:
    return re.fullmatch(pattern, operator) is not None and sum(map(str.isalpha, operator)) <= MOST_LETTERS


def _wrong_inclusion(inclusion: str, asked: Inclusion) -> str | None:
    least, most = asked.least_digits, asked.most_digits
    if not least <= len(inclusion) <= most:
        return f"inclusion: has {least if least == most else f'{least} to {most}'} digits in this study"
    if len(inclusion) > least and inclusion.startswith("0"):
        return f"inclusion: zeros in front fill it up to {least} digits, no further"
    check = CHECKS.get(asked.check_digit)
    if check is not None and not check(inclusion):
        return "inclusion: the check digit does not fit"
    return None
