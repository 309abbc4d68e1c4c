"""The schedule: where readings belong, what is missing, and the same from a database through the command."""

import csv
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from feed_bench import keep
from pydantic import ValidationError
from trial_bench import NOON, mottling_reading, reading
from typer.testing import CliRunner

from firmware_config.loading import load_named
from firmware_config.study import Study
from firmware_config.study_schedule import Expected
from refill.trial_cli import app
from trial.corrections import correct
from trial.database import open_database, upgrade
from trial.schedule.rules import Schedule, Taken, schedule
from trial.schedule.stored import completeness, schedules

EXPECTED = [
    Expected(event="inclusion", readings=["finger", "knee"]),
    Expected(event="day-1", readings=["finger"], after="inclusion", from_h=12, to_h=36),
    Expected(event="day-2", readings=["finger", "mottling"], after="inclusion", from_h=30, to_h=60),
    Expected(event="shock", readings=["knee"], after="norepinephrine", from_h=6, to_h=24),
]
DAY = timedelta(hours=24)
HOUR = timedelta(hours=1)


def taken(
    name: str,
    hours: float,
    event: str = "",
    *,
    refused: str | None = None,
    onset_at: datetime | None = None,
    received_at: datetime | None = None,
) -> Taken:
    at = NOON + hours * HOUR
    return Taken(name, ("01", "0007"), "finger", event, at, received_at or at, refused, onset_at)


def of(*readings: Taken, now: datetime = NOON + 5 * DAY) -> Schedule:
    (found,) = schedule(EXPECTED, readings, DAY, now)
    return found


def states(found: Schedule) -> dict[tuple[str, str], str]:
    return {(slot.event, slot.kind): slot.state for slot in found.slots}


def test_a_named_event_stands_even_outside_its_window_and_is_shown() -> None:
    found = of(taken("a", 0, "inclusion"), taken("b", 40, "day-1"))
    assert [(each.event, each.out_of_window) for each in found.placed] == [("inclusion", False), ("day-1", True)]
    assert states(found)["day-1", "finger"] == "done"


@pytest.mark.parametrize(
    ("hours", "event", "could_be"),
    [
        (11.99, "", ()),
        (12, "day-1", ()),
        (29.99, "day-1", ()),
        (30, "", ("day-1", "day-2")),
        (36.01, "day-2", ()),
        (60, "day-2", ()),
        (60.01, "", ()),
    ],
)
def test_without_an_event_the_only_window_decides_and_both_its_ends_belong(
    hours: float, event: str, could_be: tuple[str, ...]
) -> None:
    found = of(taken("a", 0, "inclusion"), taken("b", hours))
    assert (found.placed[1].event, found.placed[1].could_be) == (event, could_be)
    if could_be:
        assert states(found)["day-1", "finger"] == states(found)["day-2", "finger"] == "ambiguous"


def test_the_last_that_was_not_refused_counts_and_the_others_are_superseded() -> None:
    found = of(taken("a", 0, "inclusion"), taken("b", 1, "inclusion"), taken("c", 2, "inclusion", refused="moved"))
    assert found.slots[0].counts is not None
    assert found.slots[0].counts.taken.reading_id == "b"
    assert [each.superseded for each in found.placed] == [True, False, True]


def test_where_all_were_refused_the_last_says_why() -> None:
    slot = of(taken("a", 0, "inclusion", refused="moved"), taken("b", 1, "inclusion", refused="dark")).slots[0]
    assert (slot.state, slot.why) == ("refused", "dark")


def test_what_is_not_there_is_waited_for_then_due_then_missing() -> None:
    first = taken("a", 0, "inclusion")
    assert states(of(first, now=NOON + 36 * HOUR))["day-1", "finger"] == "due"
    assert states(of(first, now=NOON + 36.01 * HOUR))["day-1", "finger"] == "missing"
    assert states(of(first))["inclusion", "knee"] == "missing"
    assert states(of(first))["shock", "knee"] == "waiting"
    assert states(of(taken("a", 0, "inclusion", onset_at=NOON - HOUR)))["shock", "knee"] == "missing"


def test_late_is_by_when_it_came_in() -> None:
    found = of(taken("a", 0, "inclusion", received_at=NOON + DAY), taken("b", 1, received_at=NOON + DAY + 2 * HOUR))
    assert [each.late for each in found.placed] == [False, True]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"event": "nope"}, "nope is not among events"),
        ({"after": "day-2", "to_h": 5}, "after = day-2 is no event above it"),
        ({"to_h": 5}, "need after"),
        ({"after": "inclusion", "from_h": 5, "to_h": 5}, "not before"),
        ({"readings": ["finger", "finger"]}, "each once"),
    ],
)
def test_a_schedule_that_does_not_fit_its_study_is_refused(change: dict[str, object], said: str) -> None:
    expected = [{"event": "inclusion", "readings": ["finger"]}, {"event": "day-1", "readings": ["knee"], **change}]
    with pytest.raises(ValidationError, match=said):
        Study.model_validate(
            {"name": "x", "title": "x", "sites": ["01"], "events": ["inclusion", "day-1"], "expected": expected}
        )


def test_two_different_studies_ship() -> None:
    folder = Path(__file__).parents[2] / "docs" / "examples"
    first, second = load_named("studies", "i-micro", Study), load_named("studies", "hourly-example", Study, folder)
    assert [each.event for each in first.expected] == first.events
    assert [each.event for each in first.expected if "mottling" in each.readings] == ["inclusion", "day-2"]
    assert [each.event for each in second.expected] == second.events
    assert {kind for each in second.expected for kind in each.readings} == {"finger"}


TOML = """
name = "demo"
title = "demo"
sites = ["00", "01"]
accept_simulated = true
events = ["inclusion", "day-1"]
[[expected]]
event = "inclusion"
readings = ["finger", "knee", "mottling"]
[[expected]]
event = "day-1"
readings = ["finger"]
after = "inclusion"
from_h = 12.0
to_h = 36.0
"""


@pytest.mark.slow
def test_a_correction_moves_its_reading_and_the_command_says_what_stands(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "demo.toml").write_text(TOML)
    study = load_named("studies", "demo", Study, tmp_path)
    database = tmp_path / "trial.db"
    engine = open_database(str(database))
    upgrade(engine)
    first, second = reading(1, event="day-1"), reading(2, crt_s=None, body_site="knee", event="inclusion")
    keep(engine, first, second, mottling_reading(3, event="inclusion"), study=study)
    keep(engine, reading(1, event="inclusion", device="bedside-2", site="01"), study=study)
    correct(engine, study, str(first.reading_id), "event", "inclusion", actor="dm-1", why="typed wrong")
    with engine.connect() as connection:
        (one,) = schedules(connection, study, NOON + 5 * DAY, site="00")
        both = schedules(connection, study, NOON + 5 * DAY)
        altered = study.model_copy(update={"accept_simulated": False})
        assert schedules(connection, altered, NOON) == []
    engine.dispose()
    assert [slot.state for slot in one.slots] == ["done", "refused", "done", "missing"]
    assert one.slots[1].why == "moved"
    assert [(key, dict(counts)) for key, counts in completeness(both, "site")] == [
        (("00",), {"done": 2, "refused": 1, "missing": 1}),
        (("01",), {"done": 1, "missing": 3}),
    ]
    out = tmp_path / "schedule.csv"
    options = ["--study", "demo", "--database", str(database), "--config", str(tmp_path)]
    said = CliRunner().invoke(app, ["schedule", *options, "--site", "00", "--csv", str(out)])
    assert said.exit_code == 0, said.output
    assert "1 subjects, 3 readings: 0 superseded" in said.output
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [(row["event"], row["reading"]) for row in rows] == [(slot.event, slot.kind) for slot in one.slots]
    assert rows[0]["reading_id"] == str(first.reading_id)
    assert CliRunner().invoke(app, ["schedule", *options, "--site", "13"]).exit_code == 2
