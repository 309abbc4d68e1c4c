"""What is counted for the overview: by site, by day, by event. Never by anything that could tell an arm."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, func, select

from trial.tables import reading


@dataclass(frozen=True)
class SiteCount:
    """What one site has sent of refill readings."""

    site: str
    subjects: int
    readings: int
    measured: int
    censored: int
    not_measurable: int
    last_received_at: datetime

    @property
    def numbers(self) -> tuple[int, ...]:
        """The counts, in the order of the fields."""
        return self.subjects, self.readings, self.measured, self.censored, self.not_measurable


def by_site(connection: Connection, study: str, site: str | None) -> list[SiteCount]:
    """Return the counts of each site that has sent something, or of one."""
    t = reading.c
    of_status = [func.count().filter(t.status == status) for status in ("measured", "censored", "not_measurable")]
    subjects = func.count(func.distinct(t.inclusion))
    query = select(t.site, subjects, func.count(), *of_status, func.max(t.received_at))
    query = query.where(*_of(study, site)).group_by(t.site).order_by(t.site)
    return [SiteCount(*row) for row in connection.execute(query)]


def first_readings(connection: Connection, study: str, site: str | None) -> list[date]:
    """Return the day of each subject's first reading, in order."""
    t = reading.c
    query = select(func.min(t.measured_at)).where(*_of(study, site)).group_by(t.site, t.inclusion)
    return sorted(moment.date() for moment in connection.execute(query).scalars())


def refill_by_event(connection: Connection, study: str, site: str | None) -> dict[tuple[str, str], list[float]]:
    """Return the refill times, s, by event and body site; what was censored counts as its bound."""
    t = reading.c
    seconds = func.coalesce(t.crt_s, t.crt_exceeds_s)
    query = select(t.event, t.body_site, seconds).where(*_of(study, site), t.event.is_not(None), seconds.is_not(None))
    found: dict[tuple[str, str], list[float]] = {}
    for event, body_site, value in connection.execute(query):
        found.setdefault((event, body_site), []).append(value)
    return found


def _of(study: str, site: str | None) -> list[ColumnElement[bool]]:
    t = reading.c
    return [t.study == study] if site is None else [t.study == study, t.site == site]
