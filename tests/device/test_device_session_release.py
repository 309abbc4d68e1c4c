"""How a press ends, as the session takes it: only a hold of full time with a seen release and no fault is watched."""

import pytest
from device_bench import not_measurable
from session_bench import Script

from contract.reasons import Reason
from device.session_words import ACTIVE, ProbeFailed, ProbeReleased, Record, Release, State

LEAK = ProbeFailed(Reason.PRESSURE_NOT_HELD, "leak")
BLOCKED = ProbeFailed(Reason.RELEASE_INCOMPLETE, "blocked", latched=True)
LOST = ProbeFailed(Reason.INTERRUPTED, "busy", lease_lost=True)


@pytest.mark.parametrize("state", [State.PRESSING, State.HOLDING])
@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (ProbeReleased("held", 10**12, BLOCKED), Reason.RELEASE_INCOMPLETE),
        (ProbeReleased("held", None, LEAK), Reason.PRESSURE_NOT_HELD),
        (ProbeReleased("asked", 10**12, BLOCKED), Reason.RELEASE_INCOMPLETE),
        (ProbeReleased("fault", 10**12, LEAK), Reason.PRESSURE_NOT_HELD),
        (ProbeReleased("fault", 10**12), Reason.PROBE_FAULT),
        (ProbeReleased("held", None), Reason.RELEASE_INCOMPLETE),
        (ProbeReleased("held", 10**12, LOST), Reason.INTERRUPTED),
    ],
)
def test_a_press_that_ended_with_a_fault_or_unseen_gives_a_record_without_a_number(
    state: State, event: ProbeReleased, reason: Reason
) -> None:
    script = Script()
    script.reach(state)
    assert script.tell(event) == [Release(), Record(not_measurable(reason), None)]
    assert script.session.state is State.PROBE_FAULT
    assert script.wait(20) == []


@pytest.mark.parametrize("state", sorted(ACTIVE - {State.PRESSING, State.HOLDING}))
def test_a_release_that_comes_late_changes_nothing(state: State) -> None:
    script = Script()
    script.reach(state)
    assert script.tell(ProbeReleased("held", None, BLOCKED)) == []
    assert script.session.state is state


def test_a_lease_that_ran_out_because_frames_stopped_is_a_camera_fault_here_too() -> None:
    script = Script()
    script.reach(State.HOLDING)
    script.frames = False
    script.wait(0.6)
    script.tell(ProbeReleased("fault", None, LOST))
    assert script.session.state is State.CAMERA_FAULT
