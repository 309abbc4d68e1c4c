"""Corrections of what a person entered. The entry stays as it came; what stands now is entry and corrections together.

A measured number is never corrected, nor what says how it was measured. Values are texts; None is "nothing entered".
Corrections are made here by a data manager, and by amendments from the bedside (`trial.amendments`).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, insert, select

from contract.envelope import first_error
from contract.mottling import MottlingReading
from contract.reading import Reading, utc
from firmware_config.study import Study
from trial import tables
from trial.database import note
from trial.freezing import problem as frozen
from trial.judge import not_storable
from trial.kinds import NotAReadingError, entry_of
from trial.people import changing, signed
from trial.values import study_refuses

FIELDS: dict[str, tuple[str, ...]] = {
    "inclusion": ("subject", "inclusion"),
    "event": ("event",),
    "body_site": ("body_site",),
    "side": ("side",),
    "operator": ("operator",),
    "norepinephrine_onset_at": ("norepinephrine_onset_at",),
}
"""What may be corrected, and where it stands in the record: what a person entered, nothing else. Only a finger or knee
that was pressed is a `body_site`: a mottling reading has none."""

Entry = TypeVar("Entry", Reading, MottlingReading, Reading | MottlingReading)


class CorrectionError(ValueError):
    """A correction cannot be made as asked. One sentence."""


@dataclass(frozen=True)
class Correction:
    """One change. `supersedes` is the correction of the same field before it, `amendment` the record it comes from."""

    id: int
    reading_id: str
    field: str
    old_value: str | None
    new_value: str | None
    supersedes: int | None
    at: datetime
    actor: str
    why: str
    amendment: str | None = None


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
        if field not in fields_of(entry):
            raise CorrectionError(f"{field} is not corrected: a mottling reading has none")
        made = of_reading(connection, reading_id)
        stands = corrected(entry, made)
        becomes = changed(stands, {field: to})
        _refuse_frozen(connection, study.name, stands, becomes)
        old, new = value(stands, field), value(becomes, field)
        if stood is not None and stood != (old or ""):
            raise CorrectionError(f"{field} of this reading is {shown(old)} now, not {shown(stood or None)}")
        if same(stands, becomes, field):
            raise CorrectionError(f"{field} of this reading is {shown(old)} already")
        problem = not_storable(becomes) or study_refuses(field, new, study)
        if problem is not None:
            raise CorrectionError(problem)
        made_now = Correction(0, reading_id, field, old, new, last_of(made, field), datetime.now(UTC), actor, because)
        return add(connection, made_now)


def add(connection: Connection, correction: Correction) -> Correction:
    """Write a correction down, with its line in the audit trail; returns it with its number.

    Whoever calls has made sure that nobody else corrects meanwhile (`trial.people.changing`).
    """
    row = {each.name: getattr(correction, each.name) for each in fields(correction) if each.name != "id"}
    added = insert(tables.correction).values(row).returning(tables.correction.c.id)
    number: int = connection.execute(added).scalar_one()
    change = f"{correction.field} from {shown(correction.old_value)} to {shown(correction.new_value)}"
    detail = f"reading {correction.reading_id}: {change}: {correction.why}"
    note(connection, correction.actor, "reading corrected", detail)
    return replace(correction, id=number)


def last_of(made: Iterable[Correction], field: str) -> int | None:
    """Return the number of the last correction of a field, which the next one supersedes."""
    return max((each.id for each in made if each.field == field), default=None)


def of_reading(connection: Connection, reading_id: str) -> list[Correction]:
    """Return the corrections of a reading, oldest first."""
    t = tables.correction
    query = select(t).where(t.c.reading_id == reading_id).order_by(t.c.id)
    return [Correction(**row._mapping) for row in connection.execute(query)]


def of_study(connection: Connection, study: str) -> dict[str, list[Correction]]:
    """Return the corrections of a study's readings by reading, oldest first."""
    t, r = tables.correction, tables.record.c
    query = select(t).join(tables.record, r.reading_id == t.c.reading_id).where(r.study == study).order_by(t.c.id)
    found: dict[str, list[Correction]] = {}
    for row in connection.execute(query):
        found.setdefault(row.reading_id, []).append(Correction(**row._mapping))
    return found


def of_these(connection: Connection, reading_ids: Sequence[str]) -> dict[str, list[Correction]]:
    """Return the corrections of some readings by reading, oldest first; at most a few hundred at once."""
    t = tables.correction
    found: dict[str, list[Correction]] = {}
    for row in connection.execute(select(t).where(t.c.reading_id.in_(reading_ids)).order_by(t.c.id)):
        found.setdefault(row.reading_id, []).append(Correction(**row._mapping))
    return found


def corrected(entry: Entry, made: Iterable[Correction]) -> Entry:
    """Return a reading as it stands after its corrections, oldest first."""
    changes = {each.field: each.new_value for each in made}
    return changed(entry, changes) if changes else entry


def fields_of(entry: Reading | MottlingReading) -> tuple[str, ...]:
    """Return what may be corrected in a reading of its kind."""
    return tuple(field for field in FIELDS if field != "body_site" or isinstance(entry, Reading))


def value(reading: Reading | MottlingReading, field: str) -> str | None:
    """Return what stands in a field, as a text."""
    found = _typed(reading, field)
    return utc(found) if isinstance(found, datetime) else None if found is None else str(found)


def shown(text: str | None) -> str:
    """Return a value as it is written for people."""
    return "nothing" if text is None else text


def _refuse_frozen(connection: Connection, study: str, *entries: Reading | MottlingReading) -> None:
    """Refuse what would change a frozen subject, or move a reading to one."""
    for entry in entries:
        held = frozen(connection, study, entry.subject.site, entry.subject.inclusion)
        if held is not None:
            raise CorrectionError(held)


def _entry(connection: Connection, reading_id: str) -> Reading | MottlingReading:
    try:
        return entry_of(connection, reading_id)
    except NotAReadingError as error:
        raise CorrectionError(str(error)) from error


def changed(reading: Entry, changes: dict[str, str | None]) -> Entry:
    """Return a reading with other values, checked by the contract's own types; raises `CorrectionError`."""
    content: dict[str, Any] = reading.model_dump(mode="json")
    for field, to in changes.items():
        *way, last = FIELDS[field]
        place = content
        for step in way:
            place = place[step]
        place[last] = to
    try:
        return type(reading).model_validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        raise CorrectionError(first_error(error)) from error


def same(one: Reading | MottlingReading, other: Reading | MottlingReading, field: str) -> bool:
    """Whether two readings say the same in a field; a time in another zone is the same time."""
    return bool(_typed(one, field) == _typed(other, field))


def _typed(reading: Reading | MottlingReading, field: str) -> Any:
    found: Any = reading
    for step in FIELDS[field]:
        found = getattr(found, step)
    return found
