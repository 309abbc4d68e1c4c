"""A number is taken only once the probe would have said what was wrong with the window that it was made of."""

import pytest
from device_bench import measured, not_measurable
from session_bench import CENSORED, Script

from contract.reasons import Reason
from device.session_looks import QUIET_S, VOUCHED_S
from device.session_words import Analysed, AnalysisFailed, KeepPress, ProbeFailed, Record, Release, State

RUNAWAY = ProbeFailed(Reason.PROBE_FAULT, "the pump runs", latched=True)


def answered(script: Script, after_s: float = 0.1) -> None:
    """Up to an answer that comes `after_s` after the whole window was looked at."""
    script.vouched = False
    script.reach(State.REFILLING)
    script.wait(8.05)
    script.wait(after_s)
    script.tell(Analysed(1, measured(2.0)))


@pytest.mark.parametrize("later_s", [0.0, 0.3, 0.5])
def test_a_fault_named_shortly_after_the_window_leaves_no_number_of_it(later_s: float) -> None:
    script = Script()
    answered(script)
    script.wait(later_s)
    assert script.tell(RUNAWAY) == [Release(), Record(not_measurable(Reason.PROBE_FAULT), None)]
    assert not any(isinstance(action, KeepPress) for action in script.actions)
    assert script.wait(5) == []


def test_a_number_is_taken_when_nothing_was_said_for_so_long() -> None:
    script = Script()
    answered(script)
    assert script.session.state is State.REFILLING
    assert KeepPress(1) in script.wait(VOUCHED_S)
    assert script.session.state is State.RESTING


def test_an_analysis_that_took_longer_costs_no_time_more() -> None:
    script = Script()
    answered(script, VOUCHED_S + 0.1)
    assert script.session.state is State.RESTING


def test_an_answer_is_an_answer_whatever_the_analysis_says_after_it() -> None:
    script = Script()
    answered(script)
    script.tell(AnalysisFailed(), Analysed(1, CENSORED))
    script.wait(VOUCHED_S)
    assert script.session.state is State.RESTING
    assert script.session.results == [measured(2.0)]


def test_samples_that_show_an_empty_chamber_behind_the_window_vouch_sooner() -> None:
    script = Script()
    answered(script)
    script.samples = True
    assert not any(isinstance(action, KeepPress) for action in script.wait(0.0))
    said = script.wait(QUIET_S + 0.01)
    assert KeepPress(1) in said
    assert script.session.state is State.RESTING


def test_samples_that_end_with_the_window_vouch_for_nothing() -> None:
    script = Script()
    script.samples = True
    script.vouched = False
    script.reach(State.REFILLING)
    script.wait(8.05)
    script.samples = False
    script.tell(Analysed(1, measured(2.0)))
    assert KeepPress(1) not in script.wait(VOUCHED_S - 0.1)
    assert KeepPress(1) in script.wait(0.2)


def test_a_fault_named_before_the_samples_have_come_so_far_leaves_no_number() -> None:
    script = Script()
    answered(script, 0.05)
    script.samples = True
    script.wait(0.05)
    assert script.tell(RUNAWAY) == [Release(), Record(not_measurable(Reason.PROBE_FAULT), None)]
