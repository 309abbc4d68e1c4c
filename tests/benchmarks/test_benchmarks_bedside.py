"""What the bedside campaigns plan, judge and write, on made-up outcomes; no processes."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bedside_bench import Pace
from benchmarks.bedside_day import BODIES, Day, Made, Skin, skins
from benchmarks.bedside_day_report import as_markdown as day_page
from benchmarks.bedside_day_report import plot, slope
from benchmarks.bedside_day_report import verdicts as day_verdicts
from benchmarks.bedside_faults import Case, Outcome, cases, judge
from benchmarks.bedside_faults_report import failures as fault_failures
from benchmarks.bedside_faults_report import report as faults_page
from benchmarks.bedside_faults_table import FAULTS_OF_THE_BEDSIDE, NUMBER
from benchmarks.bedside_kill import Killed, aimed_at
from benchmarks.bedside_kill_plan import PHASE_S, Kill, plan
from benchmarks.bedside_kill_report import failures as kill_failures
from benchmarks.bedside_kill_report import report as kill_page
from benchmarks.bedside_kill_report import verdicts as kill_verdicts
from benchmarks.bedside_speed import Delays, Speed
from benchmarks.bedside_speed import verdicts as speed_verdicts
from benchmarks.bedside_speed_report import as_markdown as speed_page
from benchmarks.bedside_watch import Size, Spent, Watched, between
from contract.reasons import Reason
from device.probe.messages import boot_ns
from device.session_words import State

SECOND_NS = 1_000_000_000
KILL = Kill(1, "bedside", "holding", 1, 0.5, None, measured=True)
KILLED = Killed(KILL, "holding", 39.0, 0.2, "interrupted", 0, 1.2, "measured")


def met(verdicts: list[Any]) -> list[bool]:
    return [verdict.met for verdict in verdicts]


# ---- kill


def test_the_plan_of_kills_is_its_seeds_and_meets_every_phase_and_victim() -> None:
    planned = plan(200, 7)
    assert planned == plan(200, 7) != plan(200, 8)
    assert {kill.phase for kill in planned} == {None, *PHASE_S}
    assert {kill.victim for kill in planned} == {"bedside", "probe", "both"}
    assert sum(kill.victim == "bedside" for kill in planned) > 140
    assert any(kill.again_s is not None for kill in planned)
    assert all(kill.press == 2 for kill in planned if kill.phase == "committing")


def test_a_kill_is_aimed_at_the_phase_of_its_press() -> None:
    holding = {"event": "state", "state": "holding", "press": 1}
    assert aimed_at(holding, KILL)
    assert not aimed_at(holding | {"press": 2}, KILL)
    assert not aimed_at(holding | {"event": "progress"}, KILL)
    assert aimed_at({"event": "press", "number": 2}, replace(KILL, phase="committing", press=2))


@pytest.mark.parametrize(
    ("changes", "verdicts"),
    [
        ({}, [True, True, True, True]),
        ({"vented_s": 0.9, "problems": ["not vented"]}, [False, False, True, True]),
        ({"vented_s": None, "problems": ["not vented"]}, [False, False, True, True]),
        ({"ready_s": 4.1}, [True, True, False, True]),
        ({"problems": ["the next measurement ended as probe_fault"]}, [False, True, True, False]),
    ],
)
def test_a_broken_promise_of_a_kill_is_a_verdict_and_a_line(changes: dict[str, Any], verdicts: list[bool]) -> None:
    done = [replace(KILLED, **changes)]
    assert met(kill_verdicts(done, 1)) == verdicts
    assert bool(kill_failures(done, 1)) == bool(changes.get("problems"))
    page = kill_page("python -m benchmarks.bedside_kill", done, 1, 60.0)
    assert "| holding | 1 | 1 bedside | 1 |" in page
    assert ("No promise was broken." in page) == (not changes.get("problems"))


def test_a_campaign_that_ended_early_has_not_held() -> None:
    assert kill_failures([KILLED], 2) == ["only 1 of 2 kills were made"]


# ---- faults


def test_every_fault_of_the_table_can_be_told_apart_and_meets_its_phases() -> None:
    planned = cases(4, 3, list(FAULTS_OF_THE_BEDSIDE))
    assert planned == cases(4, 3, list(FAULTS_OF_THE_BEDSIDE))
    assert set(Counter(case.name for case in planned).values()) == {4}
    assert all(case.phase in FAULTS_OF_THE_BEDSIDE[case.name].phases for case in planned)
    said = {NUMBER, *(str(reason) for reason in Reason)}
    for fault in FAULTS_OF_THE_BEDSIDE.values():
        assert fault.outcomes
        assert set(fault.outcomes) <= {str(state) for state in State}
        assert {word for words in fault.outcomes.values() for word in words} <= said


OUTCOME = Outcome(
    Case(1, "probe_killed", "holding", 0.5, 1),
    kpa=40.0,
    vented_s=0.1,
    state="probe_fault",
    record="probe_fault",
    sentence="The probe does not answer.",
    ended_s=0.2,
    next_said=NUMBER,
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"record": NUMBER}, "ended as probe_fault with a number"),
        ({"state": "done"}, "ended as done"),
        ({"vented_s": None}, "vented not"),
        ({"vented_s": 0.8}, "only after 0.80 s"),
        ({"kpa": 0.0, "vented_s": 0.0}, None),
        ({"sentence": ""}, "no sentence"),
        ({"next_said": "too_uncertain"}, "next push gave too_uncertain"),
    ],
)
def test_an_outcome_is_held_against_the_table(changes: dict[str, Any], words: str | None) -> None:
    outcome = replace(OUTCOME, **changes)
    outcome.problems = judge(FAULTS_OF_THE_BEDSIDE["probe_killed"], outcome)
    assert (words is None) == (outcome.problems == [])
    assert words is None or words in outcome.problems[0]
    page = faults_page("python -m benchmarks.bedside_faults", [outcome], [], "ext4", 60.0)
    assert ("NOT MET  every fault ends by its name" in page) == (words is not None)
    assert "Left out: " in page


def test_what_is_wrong_at_the_end_of_all_is_a_broken_promise() -> None:
    assert fault_failures([OUTCOME], ["record 3 is not in the database"]) == [
        "at the end: record 3 is not in the database"
    ]


# ---- day

SKIN = Skin("finger", "IV", "exp", 2.0, 1)


def made(number: int = 0, crt_s: float | None = 2.05, mib: float = 120.0, descriptors: int = 12) -> Made:
    result: dict[str, Any] = {"status": "measured", "reason": None, "crt_s": crt_s, "crt_ci95_s": (1.9, 2.2)}
    if crt_s is None:
        result = {"status": "not_measurable", "reason": "moved", "crt_s": None, "crt_ci95_s": None}
    watched = Watched(14.0, {"camera": 50.0, "MainThread": 2.0}, 45.0, 59.0)
    return Made(SKIN, {"result": result}, 14.0, watched, Size(mib + 0.01 * (number % 3), descriptors, 6))


def a_day(**last: Any) -> Day:
    return Day([*(made(number) for number in range(19)), made(19, **last)], home=True, broker="a broker")


def test_the_day_measures_every_site_and_tone_and_repeats_with_its_seed() -> None:
    wanted = skins(20, 1)
    assert wanted == skins(20, 1) != skins(20, 2)
    assert [skin.body for skin in wanted[::5]] == list(BODIES)
    assert {skin.tone for skin in wanted} == {"I", "II", "III", "IV", "V", "VI"}


@pytest.mark.parametrize(
    ("last", "missed"),
    [
        ({}, []),
        ({"crt_s": 2.31}, ["every number"]),
        ({"crt_s": None}, ["every reading measurable"]),
        ({"descriptors": 13}, ["open descriptors"]),
    ],
)
def test_a_day_is_held_against_its_targets(last: dict[str, Any], missed: list[str]) -> None:
    judged = day_verdicts(a_day(**last), 20)
    assert [verdict.target for verdict in judged if not verdict.met] == pytest.approx([]) or [
        verdict.target.startswith(words)
        for verdict, words in zip([v for v in judged if not v.met], missed, strict=True)
    ] == [True] * len(missed)
    assert len([verdict for verdict in judged if not verdict.met]) == len(missed)


def test_memory_that_grows_is_seen_and_a_step_of_the_warm_up_is_not() -> None:
    growing = [made(number, mib=120.0 + 0.25 * number) for number in range(20)]
    found = slope(growing)
    assert found is not None
    assert found.kib == pytest.approx(256, rel=0.05)
    assert not day_verdicts(Day(growing, home=True), 20)[4].met
    warm = slope([made(number, mib=100.0 if number < 5 else 130.0) for number in range(20)])
    assert warm is not None
    assert abs(warm.kib) < 10
    assert slope(growing[:3]) is None


def test_what_was_not_delivered_is_missed() -> None:
    assert not day_verdicts(replace(a_day(), home=False), 20)[3].met
    assert not day_verdicts(replace(a_day(), problems=["record 4 stands in the database twice"]), 20)[3].met
    assert not day_verdicts(a_day(), 21)[0].met


@pytest.mark.slow
def test_the_page_of_the_day_has_every_measurement_and_a_plot(tmp_path: Path) -> None:
    day = a_day()
    page = day_page(day, day_verdicts(day, 20), "python -m benchmarks.bedside_day")
    assert page.count("| finger | IV | exp |") == 20
    assert "drawing the phantom" in page
    plot(day, tmp_path / "day.png")
    assert (tmp_path / "day.png").stat().st_size > 1000


# ---- speed

IDLE = Watched(60.0, {"camera": 47.0, "MainThread": 1.5}, 45.0, 59.0)
DELAYS = Delays(0.3, 0.31, 0.05, "measured")


def seen(**changes: Any) -> Speed:
    whole: dict[str, Any] = {
        "ready_s": [1.2, 1.4],
        "bare_s": [0.03],
        "libraries_s": [0.8],
        "delays": [DELAYS, DELAYS],
        "idle": IDLE,
        "floor_percent": 0.5,
    }
    return Speed(**(whole | changes))


@pytest.mark.parametrize(
    ("changes", "verdicts"),
    [
        ({}, [True] * 5),
        ({"delays": [DELAYS, replace(DELAYS, to_reading_s=0.51)]}, [False, True, True, True, True]),
        ({"delays": [replace(DELAYS, to_panel_s=0.51)]}, [True, False, True, True, True]),
        ({"ready_s": [1.0, 4.1]}, [True, True, False, True, True]),
        ({"idle": replace(IDLE, drawing=43.0)}, [True, True, True, False, True]),
        ({"delays": [replace(DELAYS, push_to_state_s=0.11)]}, [True, True, True, True, False]),
        ({"delays": [], "ready_s": [], "idle": None}, [False] * 5),
    ],
)
def test_speed_is_held_against_its_targets_by_the_slowest(changes: dict[str, Any], verdicts: list[bool]) -> None:
    assert met(speed_verdicts(seen(**changes))) == verdicts


def test_the_page_of_the_speed_has_every_target_and_thread() -> None:
    page = speed_page(seen())
    assert page.count("- met") == 5
    assert "| camera | 47.00 |" in page
    assert "| start to ready, s |" in page


# ---- what they share


def test_shares_are_of_the_time_between_and_drawing_is_taken_out() -> None:
    before = Spent(0, {"camera": SECOND_NS, "MainThread": SECOND_NS}, 100, SECOND_NS)
    after = Spent(
        10 * SECOND_NS, {"camera": 6 * SECOND_NS, "MainThread": SECOND_NS, "analysis_0": SECOND_NS}, 700, 5 * SECOND_NS
    )
    found = between(before, after)
    assert found.threads == {"camera": 50.0, "MainThread": 0.0, "analysis_0": 10.0}
    assert (found.total, found.drawing, found.own, found.frames_per_s) == (60.0, 40.0, 20.0, 60.0)


def test_the_pace_lets_six_presses_into_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    now_ns = boot_ns()
    monkeypatch.setattr("benchmarks.bedside_bench.boot_ns", lambda: now_ns + round(sum(slept) * 1e9))
    monkeypatch.setattr("benchmarks.bedside_bench.time.sleep", slept.append)
    pace = Pace()
    presses = [{"event": "state", "state": "pressing", "t_boot_ns": now_ns - 5 * SECOND_NS + n} for n in range(5)]
    pace.note(presses)
    pace.note(presses)
    pace.wait_for(1)
    assert slept == []
    pace.wait_for(2)
    assert sum(slept) == pytest.approx(55.5, abs=0.1)
