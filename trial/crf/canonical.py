"""One record of the case report form for each reading: what stands, what was entered first, and every change between.

The items are the columns of the CSV (`trial.crf_csv`, `trial.crf_mottling`), so that every route says the same. They
are read in the order of subject and event as they stand, a few hundred at a time: memory does not grow with the trial.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from sqlalchemy import Connection, Engine, FromClause, Row, Select, case, func, literal, select, union_all

from contract.envelope import chain_sha256
from contract.mottling import MottlingReading
from contract.reading import Reading
from trial import corrections, crf_csv, crf_mottling, remarks, tables
from trial.corrections import Correction
from trial.crf_files import AlteredError, Value
from trial.remarks import Remark

Form = Literal["refill", "mottling"]
FORMS: tuple[Form, ...] = ("refill", "mottling")
AT_ONCE: int = 400
"""Readings that are held at once; SQLite binds at most 999 values in old versions."""

Values = dict[str, Value]


@dataclass(frozen=True)
class Place:
    """Where a reading belongs in the case report form, as it stands. `event` is "" where none was chosen."""

    study: str
    form: Form
    site: str
    inclusion: str
    event: str
    measured_at: datetime
    reading_id: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return what its repeat number is counted within."""
        return self.site, self.inclusion, self.event, self.form


@dataclass(frozen=True)
class Change:
    """What one person changed at one time: (item, value before, value after) of each item that it moved."""

    items: tuple[tuple[str, Value, Value], ...]
    at: datetime
    actor: str
    why: str


@dataclass(frozen=True)
class CrfRecord:
    """A reading for the case report form. `values` stand now, `initial` were entered first; `history` leads across.

    Where status is not "measured" no value stands for a number: a censored refill has `crt_exceeds_s`, a refused one
    its `reason`.
    """

    place: Place
    values: Values
    initial: Values
    history: tuple[Change, ...]

    def text(self, item: str) -> str | None:
        """Return a value that stands, as it is written in files; None where there is none."""
        return written(self.values[item])


def written(value: Value) -> str | None:
    """Return a value as text: true and false, numbers so that they read back the same; None where nothing stands."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return None if value in (None, "") else str(value)


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Open a connection whose every query sees the database as it was at the first one."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def places(connection: Connection, study: str, site: str | None = None) -> Iterator[Place]:
    """Yield where each reading of a study belongs, in the order of site, subject, event, form, time and id."""
    query = union_all(_placed("refill", study, site), _placed("mottling", study, site)).subquery()
    c = query.c
    ordered = select(query).order_by(c.site, c.inclusion, c.event, c.form.desc(), c.measured_at, c.reading_id)
    for row in connection.execute(ordered, execution_options={"yield_per": AT_ONCE}):
        yield Place(study, row.form, row.site, row.inclusion, row.event, row.measured_at, row.reading_id)


def _placed(form: Form, study: str, site: str | None) -> Select[Any]:
    t = tables.reading if form == "refill" else tables.mottling
    inclusion, event = tables.correction.alias("by_inclusion"), tables.correction.alias("by_event")
    stands = case((inclusion.c.id.is_not(None), inclusion.c.new_value), else_=t.c.inclusion)
    chosen = func.coalesce(case((event.c.id.is_not(None), event.c.new_value), else_=t.c.event), "")
    columns = (literal(form).label("form"), t.c.site, stands.label("inclusion"), chosen.label("event"))
    source: FromClause = t
    for each, field in ((inclusion, "inclusion"), (event, "event")):
        c = tables.correction.alias()
        last = select(func.max(c.c.id)).where(c.c.reading_id == t.c.reading_id, c.c.field == field).scalar_subquery()
        source = source.outerjoin(each, each.c.id == last)
    found = select(*columns, t.c.measured_at, t.c.reading_id).select_from(source).where(t.c.study == study)
    return found if site is None else found.where(t.c.site == site)


def records(connection: Connection, study: str, site: str | None = None) -> Iterator[CrfRecord]:
    """Yield a study's records in the order of their places; raises `trial.crf_files.AlteredError`.

    The connection is one of `snapshot`, or nobody writes meanwhile.
    """
    found = places(connection, study, site)
    while some := list(islice(found, AT_ONCE)):
        yield from _of_these(connection, some)


def _of_these(connection: Connection, some: Sequence[Place]) -> Iterator[CrfRecord]:
    ids = [place.reading_id for place in some]
    made, said = corrections.of_these(connection, ids), remarks.of_these(connection, ids)
    rows = _rows(connection, ids)
    for place in some:
        row = rows[place.reading_id]
        if chain_sha256(row.previous_sha256, row.body) != row.sha256:
            raise AlteredError(f"reading {place.reading_id} is not as its device sealed it: nothing was exported")
        entry = _Entry.of(place.form, row)
        yield _record(place, entry, made.get(place.reading_id, []), said.get(place.reading_id, []))


def _rows(connection: Connection, ids: Sequence[str]) -> dict[str, Row[Any]]:
    r = tables.record.c
    found: dict[str, Row[Any]] = {}
    for table in (tables.reading, tables.mottling):
        t = table.c
        query = select(t.reading_id, t.body, t.sent_at, r.previous_sha256, r.sha256, r.received_at, r.device)
        query = query.join(tables.record, r.reading_id == t.reading_id).where(t.reading_id.in_(ids))
        found |= {row.reading_id: row for row in connection.execute(query)}
    return found


@dataclass(frozen=True)
class _Entry:
    """A reading as it came, and its values after any of its corrections and remarks."""

    reading: Reading | MottlingReading
    sha256: str
    sent_at: datetime
    received_at: datetime
    device: str

    @classmethod
    def of(cls, form: Form, row: Row[Any]) -> "_Entry":
        model = Reading if form == "refill" else MottlingReading
        return cls(model.model_validate_json(row.body), row.sha256, row.sent_at, row.received_at, row.device)

    def values(self, made: Sequence[Correction], said: Sequence[Remark]) -> Values:
        """Return every item after these corrections and remarks."""
        stands = corrections.corrected(self.reading, made)
        times = self.sha256, self.sent_at, self.received_at
        fields = tuple(sorted({each.field for each in made}))
        if isinstance(stands, MottlingReading):
            scored = crf_mottling.Scored(stands, *times, fields, tuple(said))
            return {column.name: column.value(scored) for column in crf_mottling.COLUMNS}
        who, what = tuple(remarks.confirmed_by(said)), tuple(remarks.comments(said))
        stored = crf_csv.Stored(stands, *times, fields, who, what)
        return {column.name: column.value(stored) for column in crf_csv.COLUMNS}


def _record(place: Place, entry: _Entry, made: list[Correction], said: list[Remark]) -> CrfRecord:
    initial = entry.values([], [])
    before, history = initial, []
    corrections_until, remarks_until = 0, 0
    for event in _in_time(made, said):
        corrections_until += isinstance(event, Correction)
        remarks_until += isinstance(event, Remark)
        after = entry.values(made[:corrections_until], said[:remarks_until])
        moved = tuple((name, before[name], after[name]) for name in after if before[name] != after[name])
        actor = event.actor if isinstance(event, Correction) else f"{event.operator}@{entry.device}"
        if moved:
            history.append(Change(moved, event.at, actor, event.why or "said at the bedside"))
        before = after
    return CrfRecord(place, before, initial, tuple(history))


def _in_time(made: list[Correction], said: list[Remark]) -> Iterator[Correction | Remark]:
    """Yield both by their times, each kind in its own order whatever its clock said."""
    first, second = list(made), list(said)
    while first or second:
        yield (first if not second or (first and first[0].at <= second[0].at) else second).pop(0)
