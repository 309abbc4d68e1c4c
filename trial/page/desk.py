"""The only way from the page to the data: each question asks first who is there, and narrows itself to their site.

Nothing here takes a site from the page without holding it against the account: an address that was typed, a row of
another page and a call of the interface all end at the same place.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, func, literal, null, select, union_all

from contract.reading import PressRecord, Reading
from firmware_config.study import Study
from trial.accounts import Account
from trial.calibration_queries import Calibration, calibrations, told_of
from trial.freezing import Freeze, Whose, standing
from trial.history import History, history
from trial.kinds import NotAReadingError
from trial.page.doors import Doors
from trial.queries import DeviceSummary, devices
from trial.tables import audit, correction, mottling, reading, record
from trial.traces import Kept, kept, text_of

PER_PAGE: int = 50
MOST_PER_PAGE: int = 200
Kind = Literal["refill", "mottling"]


class SessionEndedError(Exception):
    """Nobody is there any more: the session has ended, or the account was closed."""


class NotYoursError(Exception):
    """The account may not see or do that. Whether there is such a thing is not said."""


@dataclass(frozen=True)
class Row:
    """One reading in a list, as entered; `corrected` says that something of it stands otherwise now."""

    reading_id: str
    kind: Kind
    site: str
    inclusion: str
    event: str | None
    where: str | None
    measured_at: datetime
    received_at: datetime
    status: str
    reason: str | None
    crt_s: float | None
    crt_low_s: float | None
    crt_high_s: float | None
    crt_exceeds_s: float | None
    score: int | None
    device: str
    corrected: bool
    simulated: bool


@dataclass(frozen=True)
class Filter:
    """What a list is narrowed to; None is everything that may be seen."""

    site: str | None = None
    inclusion: str | None = None
    event: str | None = None
    status: str | None = None
    kind: Kind | None = None


class Desk:
    """One session's questions. Every method raises `SessionEndedError`, and `NotYoursError` where it may not."""

    def __init__(self, engine: Engine, study: Study, doors: Doors, token: str | None) -> None:
        self._engine = engine
        self.study = study
        self._doors = doors
        self._token = token

    def who(self, *, touch: bool = True) -> Account:
        """Return whose session it is."""
        account = self._doors.account_of(self._token, touch=touch)
        if account is None:
            raise SessionEndedError
        return account

    def sites(self) -> list[str]:
        """Return the sites that may be seen, in the study's order."""
        account = self.who()
        return [site for site in self.study.sites if account.sees(site)]

    def site_of(self, asked: str | None) -> str | None:
        """Return the site that a question is narrowed to: the account's own, or the one that was asked for."""
        account = self.who()
        if asked is not None and (asked not in self.study.sites or not account.sees(asked)):
            raise NotYoursError
        return asked if account.site is None else account.site

    def whole_study(self) -> Account:
        """Return the account where it sees every site; raises `NotYoursError` for any other."""
        account = self.who()
        if account.site is not None:
            raise NotYoursError
        return account

    def writes(self) -> Account:
        """Return the account where it may answer and give reasons."""
        account = self.who()
        if not account.may_write:
            raise NotYoursError
        return account

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """Open a connection to read with."""
        with self._engine.connect() as connection:
            yield connection

    @property
    def engine(self) -> Engine:
        """The database, for what writes in a transaction of its own."""
        return self._engine

    def count(self, asked: Filter) -> int:
        """Return how many readings there are."""
        site = self.site_of(asked.site)
        with self.looking() as connection:
            counts = (select(func.count()).where(*_which(kind, self._wanted(asked, site))) for kind in _kinds(asked))
            return sum(int(connection.execute(count).scalar_one()) for count in counts)

    def page(self, asked: Filter, number: int, per_page: int = PER_PAGE) -> list[Row]:
        """Return a page of the readings, newest first; `number` counts from 0."""
        size = max(1, min(per_page, MOST_PER_PAGE))
        wanted = self._wanted(asked, self.site_of(asked.site))
        until = (max(0, number) + 1) * size
        with self.looking() as connection:
            # First which: from the indexes alone. Then all that is shown of these few.
            newest = union_all(*(_newest(kind, wanted, until) for kind in _kinds(asked))).subquery()
            order = (newest.c.measured_at.desc(), newest.c.reading_id.desc())
            some = select(newest.c.reading_id).order_by(*order).offset(until - size).limit(size)
            ids = list(connection.execute(some).scalars())
            shown = [row for kind in _kinds(asked) for row in connection.execute(_shown(kind, ids)).mappings()]
            changed = select(correction.c.reading_id).where(correction.c.reading_id.in_(ids))
            corrected = set(connection.execute(changed).scalars())
        rows = {row["reading_id"]: Row(**row, corrected=row["reading_id"] in corrected) for row in shown}
        return [rows[reading_id] for reading_id in ids]

    def one(self, reading_id: str) -> History:
        """Return all that is known of a reading; raises `NotYoursError` where there is none that may be seen."""
        with self._seeing(reading_id) as connection:
            try:
                return history(connection, reading_id)
            except (NotAReadingError, ValueError) as error:
                raise NotYoursError from error

    def traces(self, reading_id: str) -> dict[int, Kept]:
        """Return what is here of a reading's traces, by the number of the press."""
        with self._seeing(reading_id) as connection:
            return kept(connection, reading_id)

    def press(self, reading_id: str, number: int) -> PressRecord | None:
        """Return a press of a reading as the device sealed it, None where it has none of that number."""
        entry = self.one(reading_id).entry
        found = entry.presses if isinstance(entry, Reading) else []
        return next((each for each in found if each.number == number), None)

    def trace(self, reading_id: str, number: int) -> bytes | None:
        """Return the trace of a press, None where it is not here; raises `trial.traces.AlteredTraceError` too."""
        with self._seeing(reading_id) as connection:
            return text_of(connection, reading_id, number)

    @contextmanager
    def _seeing(self, reading_id: str) -> Iterator[Connection]:
        """Open a connection to read what belongs to a reading that may be seen."""
        account = self.who()
        with self.looking() as connection:
            where = (record.c.reading_id == reading_id, record.c.study == self.study.name)
            site = connection.execute(select(record.c.site).where(*where)).scalar_one_or_none()
            if site is None or not account.sees(site):
                raise NotYoursError
            yield connection

    def devices(self) -> list[DeviceSummary]:
        """Return the devices that may be seen."""
        account = self.who()
        with self.looking() as connection:
            return [each for each in devices(connection, self.study.name) if account.sees(each.site)]

    def calibrations(self) -> dict[str, Calibration]:
        """Return the newest certificate of each device that may be seen and has sent one."""
        account = self.who()
        with self.looking() as connection:
            found = calibrations(connection, self.study.name)
        return {device: each for device, each in found.items() if account.sees(each.site)}

    def certificate(self, device: str, certificate_id: UUID | None) -> str:
        """Return the certificate that a reading of a device names, and what there is of it."""
        self.who()
        if certificate_id is None:
            return "none: bench use"
        with self.looking() as connection:
            return f"{certificate_id}, {told_of(connection, self.study.name, device, str(certificate_id))}"

    def frozen(self) -> dict[Whose, Freeze]:
        """Return what is frozen of the sites that may be seen."""
        account = self.who()
        with self.looking() as connection:
            return {whose: by for whose, by in standing(connection, self.study.name).items() if account.sees(whose[0])}

    def audit(self, number: int, per_page: int = PER_PAGE) -> list[tuple[datetime, str, str, str]]:
        """Return a page of the audit trail, newest first: when, who, what, about what. It knows no sites."""
        self.whole_study()
        size = max(1, min(per_page, MOST_PER_PAGE))
        t = audit.c
        query = select(t.at, t.actor, t.action, t.detail).order_by(t.id.desc())
        with self.looking() as connection:
            return [tuple(row) for row in connection.execute(query.offset(max(0, number) * size).limit(size))]

    def _wanted(self, asked: Filter, site: str | None) -> dict[str, str]:
        wanted = {"study": self.study.name, "site": site, "inclusion": asked.inclusion}
        wanted |= {"event": asked.event, "status": asked.status}
        return {name: value for name, value in wanted.items() if value is not None}


_TABLES: dict[Kind, Table] = {"refill": reading, "mottling": mottling}


def _kinds(asked: Filter) -> list[Kind]:
    return [asked.kind] if asked.kind is not None else ["refill", "mottling"]


def _which(kind: Kind, wanted: Mapping[str, str]) -> list[ColumnElement[bool]]:
    return [_TABLES[kind].c[name] == value for name, value in wanted.items()]


def _newest(kind: Kind, wanted: Mapping[str, str], count: int) -> Select[Any]:
    t = _TABLES[kind].c
    query = select(t.measured_at, t.reading_id).where(*_which(kind, wanted))
    # SQLite takes no LIMIT within a union but that of a query within.
    return select(query.order_by(t.measured_at.desc(), t.reading_id.desc()).limit(count).subquery())


def _shown(kind: Kind, ids: Sequence[str]) -> Select[Any]:
    """Return the columns of `Row`, as they stand in the table of a kind."""
    t, r = _TABLES[kind].c, record.c
    nothing = [null().label(name) for name in ("crt_s", "crt_low_s", "crt_high_s", "crt_exceeds_s")]
    refill = kind == "refill"
    return (
        select(
            t.reading_id,
            literal(kind).label("kind"),
            *(t.site, t.inclusion, t.event, (t.body_site if refill else literal("leg")).label("where")),
            *(t.measured_at, r.received_at, t.status, t.reason),
            *((t.crt_s, t.crt_low_s, t.crt_high_s, t.crt_exceeds_s) if refill else nothing),
            (null().label("score") if refill else t.score),
            *(r.device, t.simulated),
        )
        .join_from(_TABLES[kind], record, r.reading_id == t.reading_id)
        .where(t.reading_id.in_(ids))
    )
