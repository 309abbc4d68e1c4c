"""The quick way to a schedule says what the canonical records say, and still sees an altered reading."""

from dataclasses import replace

import pytest
from feed_bench import DONE, STUDY, censored, keep, small_trial
from sqlalchemy import Engine, text
from trial_bench import NOON, corrected, reading

from firmware_config.study import Study
from trial.corrections import correct
from trial.crf_files import AlteredError
from trial.schedule.rules import Taken
from trial.schedule.stored import counted, taken_of
from trial.schedule.taken import taken


def both(engine: Engine, study: Study = STUDY, site: str | None = None) -> tuple[list[Taken], list[Taken]]:
    with engine.connect() as connection:
        quick = sorted(taken(connection, study, site), key=lambda each: each.reading_id)
        slow = sorted((taken_of(each) for each in counted(connection, study, site)), key=lambda each: each.reading_id)
    return quick, slow


def test_it_says_what_the_canonical_records_say_whatever_was_corrected(engine: Engine) -> None:
    made = small_trial(engine)
    onset = NOON.isoformat()
    keep(
        engine,
        reading(1, device="bedside-3", event="inclusion", norepinephrine_onset_at=onset),
        censored(2, device=reading(2, device="bedside-3").device.model_dump(), body_site="knee"),
    )
    first, second = str(made["first"].reading_id), str(made["second"].reading_id)
    for which, field, to in (
        (first, "inclusion", "0008"),
        (first, "inclusion", "0009"),
        (first, "norepinephrine_onset_at", "2026-11-23T09:00:00+01:00"),
        (second, "body_site", "finger"),
        (second, "event", None),
        (str(made["fourth"].reading_id), "event", "day-1"),
    ):
        correct(engine, STUDY, which, field, to, **DONE)
    quick, slow = both(engine)
    assert (len(quick), quick) == (9, slow)
    assert next(each for each in quick if each.reading_id == first).subject == ("00", "0009")
    assert (
        both(engine, site="01")[0] == both(engine, site="01")[1] == [each for each in quick if each.subject[0] == "01"]
    )


def test_simulated_readings_count_only_where_the_study_says_so(engine: Engine) -> None:
    small_trial(engine)
    assert both(engine, STUDY.model_copy(update={"accept_simulated": False})) == ([], [])


@pytest.mark.slow
def test_an_altered_reading_is_seen(engine: Engine) -> None:
    entry = reading(1)
    keep(engine, entry, corrected(2, entry, ("side", entry.side, "right")))
    found, _ = both(engine)
    assert [replace(each, reading_id="") for each in found] != []
    with engine.begin() as connection:
        for statement in _without_the_trigger(connection.dialect.name):
            connection.execute(text(statement))
        connection.execute(text("UPDATE reading SET body = replace(body, '2.5', '3.5')"))
    with engine.connect() as connection, pytest.raises(AlteredError, match=str(entry.reading_id)):
        list(taken(connection, STUDY))


def _without_the_trigger(dialect: str) -> list[str]:
    if dialect == "postgresql":
        return ["ALTER TABLE reading DISABLE TRIGGER ALL"]
    return ["DROP TRIGGER reading_no_update"]
