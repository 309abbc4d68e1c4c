"""Completeness as the page has it computed: by another process, and what is said where that cannot be done."""

import time
from pathlib import Path

import pytest
from feed_bench import STUDY, small_trial
from sqlalchemy import Engine
from trial_bench import new_database

from firmware_config.study import Study
from trial.page.standing import Found, Standing
from trial.schedule.stored import completeness, schedules

pytestmark = pytest.mark.slow

EXPECTING = Study.model_validate(
    STUDY.model_dump() | {"expected": [{"event": "inclusion", "readings": ["finger", "knee", "mottling"]}]}
)


@pytest.fixture
def filled(tmp_path: Path) -> Engine:
    engine = new_database(tmp_path / "trial.sqlite3")
    small_trial(engine)
    return engine


def looked_at(standing: Standing) -> Found:
    until_s = time.monotonic() + 60
    while (found := standing.latest()).looked_at is None and time.monotonic() < until_s:
        time.sleep(0.1)
    return found


def test_another_process_counts_what_this_one_would_and_keeps_each_schedule(filled: Engine) -> None:
    found = looked_at(Standing(filled, EXPECTING))
    assert (found.trouble, found.counted is not None) == (None, True)
    assert found.counted is not None
    with filled.connect() as connection:
        here = schedules(connection, EXPECTING, found.counted.at)
    assert found.counted.states == dict(completeness(here, "subject"))
    assert [found.counted.schedule(one.subject) for one in here] == here
    assert found.counted.schedule(("00", "9999")) is None


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (("DROP TRIGGER reading_no_update", "UPDATE reading SET body = body || ' '"), "not as its device sealed it"),
        (("DROP TABLE correction",), "the database does not answer"),
    ],
)
def test_why_nothing_is_counted_is_said_in_a_sentence(filled: Engine, statements: tuple[str, ...], words: str) -> None:
    with filled.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()
    found = looked_at(Standing(filled, EXPECTING))
    assert found.counted is None
    assert words in str(found.trouble)
    assert len(str(found.trouble).splitlines()) == 1
