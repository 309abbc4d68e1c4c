"""Presses that disagree are made again as a whole set after a rest; each set is judged alone, and the last counts."""

import pytest
from device_bench import measured, not_measurable
from session_bench import PROTOCOL, Script

from contract.reading import RefillResult
from contract.reasons import Reason
from device.session_words import (
    Analyse,
    Analysed,
    Committed,
    Held,
    KeepPress,
    Press,
    ProbePhase,
    Pushed,
    Record,
    Release,
    StartRecording,
    State,
)

APART = [measured(2.0), measured(2.1), measured(4.0)]
TOGETHER = [measured(2.5), measured(2.6), measured(2.7)]


class Sets(Script):
    """A measurement whose presses come to given results."""

    def __init__(self, repeat_sets: int = 1) -> None:
        super().__init__(PROTOCOL.model_copy(update={"repeat_sets": repeat_sets}))
        self.tell(Pushed(1))
        self.number = 0

    def make(self, results: list[RefillResult]) -> None:
        """Make one set of presses."""
        for result in results:
            self.number += 1
            self.press()
            self.wait(8.1)
            self.tell(Analysed(self.number, result))


def test_a_set_that_disagrees_is_made_again_after_the_protocols_rest_and_vented_meanwhile() -> None:
    script = Sets()
    script.make(APART)
    assert script.session.state is State.REPEATING
    assert script.records() == []
    assert script.session.remaining_s(script.now_ns) == pytest.approx(120)
    before = len(script.actions)
    script.wait(119.9)
    assert script.actions[before:] == [], "nothing is asked of the probe: it is vented"
    assert script.session.remaining_s(script.now_ns) == pytest.approx(0.1)
    assert StartRecording(4) in script.wait(0.2)
    assert script.session.set_number == 2


def test_the_second_set_is_judged_alone_by_the_same_rule() -> None:
    script = Sets()
    script.make(APART)
    script.until(State.BASELINE, 130)
    script.make(TOGETHER)
    (record,) = script.records()
    assert record.result.crt_s == 2.6, "the median of the second set, whatever the first one had"
    assert record.crt_spread == pytest.approx(0.2 / 2.6)
    kept = [action.number for action in script.actions if isinstance(action, KeepPress)]
    assert kept == [1, 2, 3, 4, 5, 6], "no press of either set is left out of the record"
    assert [look.set_number for look in script.actions if isinstance(look, Analyse)] == [1, 1, 1, 2, 2, 2]
    script.tell(Committed())
    assert script.session.state is State.DONE


@pytest.mark.parametrize("repeat_sets", [0, 1, 2])
def test_it_is_repeated_as_often_as_the_protocol_says_and_then_says_so(repeat_sets: int) -> None:
    script = Sets(repeat_sets)
    for _ in range(repeat_sets):
        script.make(APART)
        script.until(State.BASELINE, 130)
    script.make(APART)
    (record,) = script.records()
    assert record.result.reason is Reason.PRESSES_DISAGREE
    assert record.crt_spread == pytest.approx(2.0 / 2.1)
    assert sum(isinstance(action, Press) for action in script.actions) == 3 * (repeat_sets + 1)


def test_presses_without_numbers_are_the_nurses_to_mend_and_are_not_repeated() -> None:
    script = Sets()
    script.make([measured(2.0), not_measurable(Reason.MOVED), not_measurable(Reason.MOVED)])
    (record,) = script.records()
    assert record.result.reason is Reason.MOVED
    assert script.session.state is State.JUDGING


def test_the_rest_before_a_repetition_can_be_aborted() -> None:
    script = Sets()
    script.make(APART)
    script.wait(30)
    assert script.tell(Held(2)) == [Release(), Record(not_measurable(Reason.ABORTED), None)]
    assert script.session.state is State.ABORTED
    assert script.wait(200) == []


def test_after_a_repetition_the_next_measurement_starts_with_its_first_set() -> None:
    script = Sets()
    script.make(APART)
    script.until(State.BASELINE, 130)
    script.make(TOGETHER)
    script.tell(Committed())
    assert StartRecording(1) in script.tell(Pushed(2))
    assert (script.session.set_number, script.session.results) == (1, [])


@pytest.mark.parametrize("state", [State.RESTING, State.REPEATING])
def test_a_probe_that_is_never_vented_ends_the_rest_by_that_name(state: State) -> None:
    script = Script()
    script.reach(state)
    script.tell(ProbePhase("release"))
    script.wait(200)
    assert script.session.state is State.PROBE_FAULT
    assert script.records() == [Record(not_measurable(Reason.RELEASE_INCOMPLETE), None)]
