"""Schedule, queries, page and form say the same on SQLite and on PostgreSQL: one made-up trial brought into both."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from trial_bench import PostgreSQL

from benchmarks.simulated_trial import NOW, corrected, ingest
from benchmarks.simulated_trial_made import made_up, study_of
from trial import amendments, queries
from trial.crf.canonical import places, records
from trial.database import open_database, upgrade
from trial.freezing import change, standing
from trial.page import pooled
from trial.reconcile_csv import database_csv
from trial.schedule import asked
from trial.schedule.findings import findings
from trial.schedule.rules import Schedule
from trial.schedule.stored import completeness, schedules

pytestmark = pytest.mark.slow

STUDY = study_of(4)
SITE = "02"
Ask = Callable[[Connection], Any]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL) -> Iterator[tuple[Engine, Engine]]:
    """The same trial in both: what came in, what people did, in the same order and at the same times."""
    name = f"t{os.urandom(6).hex()}"
    admin = open_database(postgresql.url).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    place = tmp_path_factory.mktemp("both")
    urls = f"sqlite:///{place / 'trial.sqlite3'}", postgresql.url.replace("/postgres?", f"/{name}?")
    engines = open_database(urls[0]), open_database(urls[1])
    sites, truth = made_up(STUDY, 24, 3)
    for engine in engines:
        upgrade(engine)
        ingest(engine, STUDY, sites)
        corrected(engine, STUDY, truth)
        _asked_and_answered(engine)
    yield engines
    for engine in engines:
        engine.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def _asked_and_answered(engine: Engine) -> None:
    with engine.connect() as connection:
        found, all_of_it = findings(connection, STUDY, NOW), schedules(connection, STUDY, NOW)
    assert asked.open_findings(engine, STUDY.name, found, NOW, actor="refill") > 20
    for number, action in ((1, "answered"), (2, "closed"), (3, "answered")):
        asked.say(engine, STUDY.name, number, action, "looked at", NOW, actor="dm-1", site=None)
    slots = [slot for one in all_of_it for slot in one.slots if slot.state == "missing"]
    for slot, code in zip(slots, asked.CODES, strict=False):
        asked.code_missing(engine, STUDY.name, slot.subject, slot.event, slot.kind, code, NOW, actor="dm-1")
    change(engine, STUDY.name, (SITE, None), "frozen", NOW, actor="dm-1", why="clean")


def all_schedules(connection: Connection, site: str | None = None) -> list[Schedule]:
    return asked.with_reasons(connection, STUDY.name, schedules(connection, STUDY, NOW, site))


ASKED: dict[str, Ask] = {
    "schedules": all_schedules,
    "schedules of a site": lambda c: all_schedules(c, SITE),
    "completeness by site": lambda c: completeness(all_schedules(c), "site"),
    "completeness by subject": lambda c: completeness(all_schedules(c), "subject"),
    "completeness by event": lambda c: completeness(all_schedules(c), "event"),
    "findings": lambda c: findings(c, STUDY, NOW),
    "findings of a site": lambda c: findings(c, STUDY, NOW, SITE),
    "queries": lambda c: asked.queries(c, STUDY.name),
    "queries of a site": lambda c: asked.queries(c, STUDY.name, SITE),
    "frozen": lambda c: standing(c, STUDY.name),
    "gaps": lambda c: queries.gaps(c, STUDY.name),
    "devices": lambda c: queries.devices(c, STUDY.name),
    "dead letters": queries.letters,
    "places": lambda c: list(places(c, STUDY.name)),
    "CRF, refill": lambda c: database_csv(c, STUDY.name, "refill"),
    "CRF, mottling": lambda c: database_csv(c, STUDY.name, "mottling"),
    "counts by site": lambda c: pooled.by_site(c, STUDY.name, None),
    "first readings": lambda c: pooled.first_readings(c, STUDY.name, None),
    "refill by event": lambda c: {
        key: sorted(values) for key, values in pooled.refill_by_event(c, STUDY.name, None).items()
    },
}
EMPTY_HERE: dict[str, Ask] = {
    "chain breaks": lambda c: queries.chain_breaks(c, STUDY.name),
    "refused ahead": lambda c: queries.refused_ahead(c, STUDY.name),
    "amendments to decide": lambda c: amendments.queries(c, STUDY.name),
}
"""What the made-up trial has none of, once all has come in."""


@pytest.mark.parametrize("what", ASKED)
def test_both_databases_give_the_same_answer(both: tuple[Engine, Engine], what: str) -> None:
    sqlite, postgresql = both
    with sqlite.connect() as one, postgresql.connect() as other:
        first, second = ASKED[what](one), ASKED[what](other)
    assert first, "an empty answer compares nothing"
    assert first == second


@pytest.mark.parametrize("what", EMPTY_HERE)
def test_both_databases_agree_that_there_is_none(both: tuple[Engine, Engine], what: str) -> None:
    sqlite, postgresql = both
    with sqlite.connect() as one, postgresql.connect() as other:
        first, second = EMPTY_HERE[what](one), EMPTY_HERE[what](other)
    assert first == second


def test_the_canonical_records_are_the_same_with_all_their_changes(both: tuple[Engine, Engine]) -> None:
    sqlite, postgresql = both
    with sqlite.connect() as one, postgresql.connect() as other:
        for first, second in zip(records(one, STUDY.name), records(other, STUDY.name), strict=True):
            assert (first.place, first.values, first.initial) == (second.place, second.values, second.initial)
            # A correction that is made here has the time of its making.
            assert [each.items for each in first.history] == [each.items for each in second.history]
