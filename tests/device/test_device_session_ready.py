"""A probe that is not ready for a press just now is asked again, three times at most and within seconds."""

import pytest
from device_bench import not_measurable
from session_bench import Script

from contract.reasons import Reason
from device.session_words import AbortAsked, Press, ProbeNotReady, ProbePhase, Record, Release, Renew, State

NOT_NOW = ProbeNotReady("the vented sensor reads 2.3 kPa, not 0 kPa")


def presses(script: Script) -> int:
    return sum(isinstance(action, Press) for action in script.actions)


@pytest.mark.parametrize("refusals", [1, 2])
def test_a_press_that_is_refused_in_passing_costs_no_measurement(refusals: int) -> None:
    script = Script()
    script.reach(State.BASELINE)
    script.until(State.PRESSING)
    for _ in range(refusals):
        script.tell(NOT_NOW)
        assert Renew() not in script.wait(0.9), "no press is on that a lease could hold"
        script.wait(0.15)
    assert presses(script) == refusals + 1
    script.tell(ProbePhase("ramp"), ProbePhase("hold"))
    assert script.session.state is State.HOLDING


def test_it_is_given_up_within_three_seconds() -> None:
    script = Script()
    script.reach(State.BASELINE)
    script.until(State.PRESSING)
    since_ns = script.now_ns
    while script.session.state is State.PRESSING:
        script.tell(NOT_NOW)
        script.wait(0.05)
    assert (script.now_ns - since_ns) / 1e9 < 3
    assert presses(script) == 3
    assert script.session.state is State.PROBE_FAULT
    assert script.records() == [Record(not_measurable(Reason.PROBE_FAULT), None)]


def test_the_wait_can_be_aborted() -> None:
    script = Script()
    script.reach(State.BASELINE)
    script.until(State.PRESSING)
    script.tell(NOT_NOW)
    assert script.tell(AbortAsked()) == [Release(), Record(not_measurable(Reason.ABORTED), None)]
    assert script.wait(10) == []
