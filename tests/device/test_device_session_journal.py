"""What a disk that does not serve does to a measurement: nothing is pressed, or it is vented and its record waits."""

import pytest
from device_bench import measured, not_measurable
from session_bench import Script

from contract.reasons import Reason
from device.session_words import (
    ACTIVE,
    NOBODY_CHOSEN,
    AbortAsked,
    Action,
    Analysed,
    Begin,
    Begun,
    CameraFailed,
    Committed,
    Held,
    JournalFailed,
    Press,
    ProbePhase,
    Pushed,
    Record,
    Refuse,
    Release,
    StartRecording,
    State,
)

FULL = JournalFailed("The disk is full.")


def test_a_draft_that_the_journal_does_not_take_presses_nothing_and_says_why() -> None:
    script = Script()
    script.journal = False
    assert script.tell(Pushed(1)) == [Begin()]
    assert script.session.state is State.BEGINNING
    assert script.tell(FULL) == [Refuse("The disk is full.")]
    assert script.session.state is State.IDLE
    assert script.wait(10) == []
    script.journal = True
    assert script.tell(Pushed(2)) == [Begin(), StartRecording(1)]


def test_nothing_is_recorded_or_pressed_before_the_draft_is_committed() -> None:
    script = Script()
    script.journal = False
    script.tell(Pushed(1))
    assert script.wait(5) == []
    assert script.tell(Pushed(2), Held(2), AbortAsked()) == []
    assert script.tell(Begun()) == [StartRecording(1)]


@pytest.mark.parametrize("state", sorted(ACTIVE))
def test_a_journal_that_fails_in_a_measurement_ends_it_vented_and_its_record_waits(state: State) -> None:
    script = Script()
    script.reach(state)
    assert script.tell(FULL) == [Release(), Record(not_measurable(Reason.INTERRUPTED), None)]
    assert script.session.state is State.JOURNAL_FAULT
    assert script.tell(FULL, FULL) == [Release(), Release()]
    assert script.tell(Pushed(5)) == [Refuse("The disk is full.")]
    assert script.tell(Held(5), AbortAsked()) == []
    assert script.wait(60) == []
    script.tell(Committed(), ProbePhase("idle"))
    assert script.session.state is State.DONE
    assert script.tell(Pushed(6)) == [Begin(), StartRecording(1)]


def last_press(script: Script) -> list[Action]:
    script.reach(State.RESTING)
    for number in (2, 3):
        script.press()
        script.wait(8.1)
        said = script.tell(Analysed(number, measured(2.0)))
    return said


def test_a_result_that_the_disk_does_not_take_is_no_reading_yet_and_is_one_when_it_does() -> None:
    script = Script()
    assert Record(measured(2.0), 0.0) in last_press(script)
    assert script.session.state is State.JUDGING
    script.tell(FULL)
    assert script.session.state is State.JOURNAL_FAULT
    assert script.session.refusal(script.now_ns) == "The disk is full."
    script.tell(Committed())
    assert script.session.state is State.DONE
    assert len(script.records()) == 1, "the record is asked for once; keeping it is the keeper's"


def test_an_end_whose_record_the_disk_does_not_take_has_its_name_again_once_it_is_committed() -> None:
    script = Script()
    script.reach(State.HOLDING)
    script.tell(CameraFailed())
    assert script.session.state is State.CAMERA_FAULT
    script.tell(FULL)
    assert script.session.state is State.JOURNAL_FAULT
    script.tell(Committed())
    assert script.session.state is State.CAMERA_FAULT


def test_an_abort_while_the_reading_is_committed_vents_and_leaves_the_reading() -> None:
    script = Script()
    last_press(script)
    assert script.tell(AbortAsked()) == [Release()]
    assert script.session.state is State.JUDGING
    assert script.tell(Pushed(8)) == []


@pytest.mark.parametrize("state", sorted(ACTIVE))
def test_a_screen_stops_it_at_any_instant(state: State) -> None:
    script = Script()
    script.reach(state)
    assert script.tell(AbortAsked()) == [Release(), Record(not_measurable(Reason.ABORTED), None)]
    assert script.session.state is State.ABORTED
    assert script.tell(AbortAsked()) == []


def test_nobody_chosen_starts_nothing_and_one_under_way_goes_on() -> None:
    script = Script()
    plan = script.session._next
    script.session.follow(None)
    assert script.tell(Pushed(1)) == [Refuse(NOBODY_CHOSEN)]
    script.session.follow(plan)
    script.tell(Pushed(2))
    script.session.follow(None)
    script.until(State.PRESSING)
    assert any(isinstance(action, Press) for action in script.actions)
