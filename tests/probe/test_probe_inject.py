"""A short round of the fault campaign, and that its judge would see a probe that fails."""

import dataclasses
from collections.abc import Callable

import pytest

from benchmarks.probe_faults import campaign, case_of, controls
from benchmarks.probe_faults_oracle import Outcome, danger_told, judge
from benchmarks.probe_faults_press import PHASES, Case, Seen, play
from benchmarks.probe_faults_report import as_markdown, as_text, failures
from benchmarks.probe_faults_table import NAMES, VENT_GONE
from device import session_table
from device.probe.faults import FaultCode
from device.probe.watch import Watch
from device.session import Session
from device.session_words import ProbeFailed
from firmware_config.device import DeviceConfig
from phantom.probe_faults import BEYOND_ONE_SENSOR, INJECTIONS

SEED = 20
ROUND = 46


def played(config: DeviceConfig, case: Case) -> Seen:
    return play(case, (INJECTIONS | BEYOND_ONE_SENSOR)[case.fault] if case.fault else None, config)


def one(fault: str | None, phase: str, where: float = 0.5, number: int = 0) -> Case:
    return dataclasses.replace(case_of(SEED, number, (fault,)), phase=phase, where=where)


@pytest.mark.slow
def test_a_round_of_random_faults_always_vents_always_names_and_never_reads(config: DeviceConfig) -> None:
    outcomes = [judge(played(config, case)) for case in campaign(SEED, ROUND)]
    assert [outcome.line for outcome in failures(outcomes, [])] == []
    assert [outcome.line for outcome in outcomes if outcome.verdict == "otherwise"] == []
    assert sum(outcome.verdict == "right" for outcome in outcomes) > ROUND / 2


@pytest.mark.slow
def test_presses_without_a_fault_are_all_read(config: DeviceConfig) -> None:
    outcomes = [judge(played(config, case)) for case in controls(SEED, 12)]
    assert [outcome.line for outcome in failures([], outcomes)] == []
    assert {outcome.verdict for outcome in outcomes} == {"without effect"}
    assert all(outcome.reading and abs(outcome.over_kpa) < 0.05 * outcome.case.target_kpa for outcome in outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("phase", PHASES)
def test_a_fault_comes_in_the_phase_that_was_asked_for(config: DeviceConfig, phase: str) -> None:
    seen = played(config, one("sensor_high_end", phase, where=0.1))
    assert seen.phase == phase
    assert judge(seen).named == FaultCode.SENSOR_CLIPPED


@pytest.mark.slow
def test_the_same_case_gives_the_same_press(config: DeviceConfig) -> None:
    first, second = (played(config, one("leak", "hold")) for _ in range(2))
    assert first.true_kpa == second.true_kpa
    assert first.said == second.said


def test_every_phase_meets_every_fault_within_as_many_rounds() -> None:
    met = {(case.fault, case.phase) for case in campaign(SEED, len(INJECTIONS) * len(PHASES))}
    assert met == {(fault, phase) for fault in INJECTIONS for phase in PHASES}


def test_every_fault_that_can_be_injected_has_names_that_are_right_for_it() -> None:
    assert set(NAMES) == set(INJECTIONS) | set(BEYOND_ONE_SENSOR)
    assert set(INJECTIONS) >= VENT_GONE


REACHED = {
    FaultCode.SENSOR_STALE: ("sensor_silent", "hold"),
    FaultCode.SENSOR_STUCK: ("sensor_stuck", "hold"),
    FaultCode.SENSOR_CLIPPED: ("sensor_low_end", "rest"),
    FaultCode.SENSOR_IMPLAUSIBLE: ("sensor_jump_up", "hold"),
    FaultCode.OVERPRESSURE: ("squeezed", "hold"),
    FaultCode.OVERSHOOT: ("squeezed", "hold"),
    FaultCode.BLOCKED_VENT: ("vent_blocked", "hold"),
    FaultCode.SLOW_RELEASE: ("vent_slow", "hold"),
    FaultCode.NO_RISE: ("pump_dead", "rest"),
    FaultCode.LEAK: ("seal_lost", "hold"),
    FaultCode.PUMP_RUNAWAY: ("pump_runs_on", "rest"),
    FaultCode.LEASE_LOST: ("owner_gone", "hold"),
    FaultCode.CONTROL_STALLED: ("control_stalled", "hold"),
    FaultCode.OUTPUT_FAILED: ("valve_line_dead", "hold"),
}
"""An injection for each row of the fault table. Of the two that are left, one is what a process finds on starting
(`test_probe_latch`), one ends a press that control does not end (`test_probe_faults`, `test_probe_safety`)."""


def test_every_row_of_the_fault_table_can_be_reached() -> None:
    assert set(FaultCode) - set(REACHED) == {FaultCode.MEMORY_UNREADABLE, FaultCode.HOLD_TOO_LONG}


@pytest.mark.slow
@pytest.mark.parametrize("code", REACHED)
def test_an_injected_fault_reaches_its_row(config: DeviceConfig, code: FaultCode) -> None:
    fault, phase = REACHED[code]
    target_kpa = 58.0 if code is FaultCode.OVERPRESSURE else 30.0
    for number in range(12):
        case = dataclasses.replace(one(fault, phase, where=0.1, number=number), target_kpa=target_kpa)
        if code in [event.code for event in played(config, case).faults]:
            return
    raise AssertionError(f"{fault} in {phase} was never named {code}")


def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watch, "step", lambda *_: None)
    monkeypatch.setattr(Watch, "at_rest", True)
    monkeypatch.setattr(Watch, "vented", True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "phase"),
    [("leak", "hold"), ("sensor_silent", "hold"), ("sensor_stuck", "release"), ("vent_blocked", "hold")],
)
def test_the_judge_sees_a_probe_that_looks_for_no_faults(
    config: DeviceConfig, monkeypatch: pytest.MonkeyPatch, fault: str, phase: str
) -> None:
    deaf(monkeypatch)
    outcome = judge(played(config, one(fault, phase, where=0.02, number=3)))
    assert outcome.verdict == "unnamed"
    assert outcome in failures([outcome], [])


@pytest.mark.slow
def test_the_judge_sees_a_number_of_a_press_whose_fault_nobody_heard(
    config: DeviceConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    unheard: Callable[..., list[object]] = lambda *_: []  # noqa: E731
    deaf_table = {pair: move for pair, move in session_table.MOVES.items() if pair[1] is not ProbeFailed}
    monkeypatch.setattr(session_table, "MOVES", deaf_table)
    monkeypatch.setattr(Session, "probe_failed", unheard)
    outcome = judge(played(config, one("sensor_high_end", "after", where=0.1)))
    assert outcome.verdict == "right"
    assert outcome.wrong_reading
    assert outcome in failures([outcome], [])


@pytest.mark.slow
def test_the_judge_sees_a_pressure_that_stays(config: DeviceConfig) -> None:
    outcome = judge(played(config, one("vent_blocked", "rest")))
    assert outcome.named == FaultCode.BLOCKED_VENT
    assert danger_told(outcome)
    assert outcome.left_kpa > 5
    stays = dataclasses.replace(outcome, vented_s=float("inf"))
    assert not stays.vented
    assert not danger_told(dataclasses.replace(outcome, named=FaultCode.SLOW_RELEASE, also=()))


@pytest.mark.slow
def test_the_report_tells_every_fault_and_every_broken_press(config: DeviceConfig) -> None:
    faulty: list[Outcome] = [judge(played(config, one("pump_dead", "rest")))]
    whole = [judge(played(config, one(None, "rest")))]
    beyond = [judge(played(config, one("sensor_reads_low", "rest")))]
    broken = [dataclasses.replace(faulty[0], named=None, effect="no press")]
    text = as_text(faulty, whole, beyond)
    assert "NOT MET" not in text
    assert "NOT MET  always named: 1 of 1" in as_text(broken, whole, beyond)
    written = as_markdown(faulty, whole, beyond, "a command")
    assert all(f"| {fault} |" in written for fault in NAMES)
