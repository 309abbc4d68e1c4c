"""Which repeat of a form a reading is: given once, in the order of measuring, and kept (table `feed_instance`).

REDCap lets the sender choose the number, and overwrites what stands under it: a number that was chosen anew at every
sending would lose data once a late reading comes in. ODM's repeat keys have the same rule.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby, islice
from typing import Literal

from sqlalchemy import Connection, Engine, func, insert, select

from trial.crf.canonical import AT_ONCE, Place, places
from trial.people import changing
from trial.tables import feed_instance

Route = Literal["odm", "redcap"]


def allocate(engine: Engine, route: Route, wanted: Sequence[Place], now: datetime) -> dict[str, int]:
    """Return the repeat number of each place by reading, giving those that have none the next free ones.

    At most `AT_ONCE` places, of one study. Raises SQLAlchemy's errors.
    """
    with changing(engine) as connection:
        known = kept(connection, route, wanted)
        missing = sorted(
            (place for place in wanted if place.reading_id not in known),
            key=lambda place: (place.key, place.measured_at, place.reading_id),
        )
        rows = []
        for _, group in groupby(missing, key=lambda place: place.key):
            same = list(group)
            first = _highest(connection, route, same[0]) + 1
            known |= {place.reading_id: number for number, place in enumerate(same, first)}
            rows += [_row(route, place, known[place.reading_id], now) for place in same]
        if rows:
            connection.execute(insert(feed_instance), rows)
    return known


def allocate_all(engine: Engine, route: Route, study: str, now: datetime) -> None:
    """Give every reading of a study its number; raises SQLAlchemy's errors."""
    with engine.connect() as connection:
        found = places(connection, study)
        while some := list(islice(found, AT_ONCE)):
            allocate(engine, route, some, now)


def kept(connection: Connection, route: Route, wanted: Sequence[Place]) -> dict[str, int]:
    """Return the numbers that readings have at the places where they stand now, by reading."""
    t = feed_instance.c
    ids = [place.reading_id for place in wanted]
    query = select(t.reading_id, t.study, t.site, t.inclusion, t.event, t.form, t.instance)
    found = connection.execute(query.where(t.route == route, t.reading_id.in_(ids)))
    by_place = {
        (row.study, row.reading_id, row.site, row.inclusion, row.event, row.form): row.instance for row in found
    }
    numbers = {place.reading_id: by_place.get((place.study, place.reading_id, *place.key)) for place in wanted}
    return {reading_id: number for reading_id, number in numbers.items() if number is not None}


def left(connection: Connection, route: Route, wanted: Sequence[Place]) -> dict[str, list[tuple[str, str, str, int]]]:
    """Return the places that readings had before corrections moved them: (site, inclusion, event, number)."""
    t = feed_instance.c
    now = {place.reading_id: place.key for place in wanted}
    query = select(t.reading_id, t.site, t.inclusion, t.event, t.form, t.instance).order_by(t.id)
    found: dict[str, list[tuple[str, str, str, int]]] = {}
    for row in connection.execute(query.where(t.route == route, t.reading_id.in_(list(now)))):
        if now[row.reading_id] != (row.site, row.inclusion, row.event, row.form):
            found.setdefault(row.reading_id, []).append((row.site, row.inclusion, row.event, row.instance))
    return found


def _highest(connection: Connection, route: Route, place: Place) -> int:
    t = feed_instance.c
    query = select(func.max(t.instance)).where(t.study == place.study, t.route == route, t.form == place.form)
    here = query.where(t.site == place.site, t.inclusion == place.inclusion, t.event == place.event)
    return connection.execute(here).scalar_one() or 0


def _row(route: Route, place: Place, instance: int, now: datetime) -> dict[str, object]:
    site, inclusion, event, form = place.key
    return {
        "study": place.study,
        "route": route,
        "site": site,
        "inclusion": inclusion,
        "event": event,
        "form": form,
        "instance": instance,
        "reading_id": place.reading_id,
        "at": now,
    }
