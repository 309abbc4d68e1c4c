"""How long a press is watched: to the first look that finds its number established, else as the protocol says."""

from itertools import pairwise

import pytest
from device_bench import measured, not_measurable
from session_bench import CENSORED, EARLY, PROTOCOL, Script

from contract.reasons import Reason
from device.session_words import (
    Action,
    Analyse,
    Analysed,
    AnalysisFailed,
    FrameSeen,
    Held,
    KeepPress,
    Pushed,
    Record,
    Release,
    StartRecording,
    State,
    Tick,
)
from firmware_config.protocol import Protocol

NOT_YET = Analysed(1, measured(2.0), established=False)
ESTABLISHED = Analysed(1, measured(2.0), established=True)


class Watched(Script):
    """A press that has just been released, and how long ago that was."""

    def __init__(self, protocol: Protocol = EARLY) -> None:
        super().__init__(protocol)
        self.reach(State.REFILLING)
        self.released_ns = self.now_ns

    @property
    def elapsed_s(self) -> float:
        return (self.now_ns - self.released_ns) / 1e9

    def next_look_s(self, limit_s: float = 20.0) -> float:
        """Return after how much of the refill the next look is asked for."""
        for _ in range(round(limit_s / 0.05)):
            if Analyse(1) in self.wait(0.05):
                return self.elapsed_s
        raise AssertionError("no further look")


def keeps(said: list[Action]) -> bool:
    return KeepPress(1) in said


def test_an_established_number_ends_the_press_at_the_first_look() -> None:
    script = Watched()
    assert script.next_look_s() == pytest.approx(4.0, abs=0.06)
    script.wait(0.3)
    assert keeps(script.tell(ESTABLISHED))
    assert script.session.state is State.RESTING
    assert script.session.results == [measured(2.0)]
    assert StartRecording(2) not in script.wait(9.9), "the rest is as long as ever, from the end of the window"
    assert StartRecording(2) in script.wait(0.2)


def test_a_number_that_is_not_established_is_looked_at_every_second_after_the_answer_up_to_the_window() -> None:
    script = Watched()
    looks_s = []
    while script.session.state is State.REFILLING:
        looks_s.append(script.next_look_s())
        script.wait(0.2)
        script.tell(NOT_YET)
    assert looks_s == pytest.approx([4.0, 5.2, 6.4, 7.6, 8.0], abs=0.21)
    assert script.session.results == [measured(2.0)]


def test_every_press_of_a_measurement_may_end_early() -> None:
    script = Script(EARLY)
    script.tell(Pushed(1))
    for number in (1, 2, 3):
        script.press()
        assert Analyse(number) in script.wait(4.1)
        script.tell(Analysed(number, measured(2.0), established=True))
        if number < 3:
            script.until(State.BASELINE)
    (record,) = script.records()
    assert record.result.crt_s == 2.0


@pytest.mark.parametrize("reason", [Reason.MOVED, Reason.NO_BLANCH, Reason.WINDOW_TOO_SHORT, Reason.TOO_UNCERTAIN])
def test_a_refusal_waits_for_the_whole_window_and_may_be_mended_by_it(reason: Reason) -> None:
    script = Watched()
    script.next_look_s()
    assert script.tell(Analysed(1, not_measurable(reason))) == []
    assert script.next_look_s() == pytest.approx(5.0, abs=0.11)
    assert keeps(script.tell(ESTABLISHED))
    assert script.session.results == [measured(2.0)]


def test_a_refusal_that_no_look_mends_is_the_answer_of_the_whole_window() -> None:
    script = Watched()
    while script.next_look_s() < 8.0:
        assert script.tell(Analysed(1, not_measurable(Reason.MOVED))) == []
    assert keeps(script.tell(Analysed(1, not_measurable(Reason.MOVED))))
    assert script.elapsed_s < 8.2


def test_only_a_measured_number_can_be_established() -> None:
    script = Watched()
    script.next_look_s()
    assert script.tell(Analysed(1, CENSORED, established=True)) == []
    script.next_look_s()
    assert script.tell(Analysed(1, not_measurable(Reason.MOVED), established=True)) == []
    assert script.session.state is State.REFILLING


def test_censored_is_watched_beyond_the_window_up_to_the_limit() -> None:
    script = Watched()
    looks_s = []
    while script.session.state is State.REFILLING:
        looks_s.append(script.next_look_s())
        script.tell(Analysed(1, CENSORED))
    assert looks_s == pytest.approx([4, 5, 6, 7, 8, 11, 12], abs=0.21)
    assert script.session.results == [CENSORED]


def test_beyond_the_window_a_measured_number_need_not_be_established() -> None:
    script = Watched()
    while script.next_look_s() < 8.0:
        script.tell(Analysed(1, CENSORED))
    script.tell(Analysed(1, CENSORED))
    script.next_look_s()
    assert keeps(script.tell(NOT_YET))


def test_looks_never_pile_up_however_late_the_answer() -> None:
    script = Watched()
    script.next_look_s()
    assert Analyse(1) not in script.wait(9.0), "one look at a time"
    assert script.tell(NOT_YET) == [], "13 s have passed, but the look has seen only 4 s of them"
    assert script.next_look_s() == pytest.approx(13.0, abs=0.11), "the whole window is overdue: at once"
    assert keeps(script.tell(NOT_YET))


def test_an_early_look_is_left_out_where_its_answer_would_come_after_the_whole_window() -> None:
    script = Watched()
    script.next_look_s()
    script.wait(1.6)
    script.tell(NOT_YET)
    assert script.next_look_s() == pytest.approx(8.0, abs=0.11), "at 6.6 s it would have kept the look at 8 s waiting"


def test_a_late_answer_may_still_end_the_press() -> None:
    script = Watched()
    script.next_look_s()
    script.wait(9.0)
    assert keeps(script.tell(ESTABLISHED))


def test_an_answer_that_nobody_asked_for_ends_nothing() -> None:
    script = Watched()
    assert script.tell(ESTABLISHED) == []
    script.next_look_s()
    assert script.tell(Analysed(2, measured(9.0), established=True)) == []
    script.tell(NOT_YET)
    assert script.tell(ESTABLISHED) == [], "the look has been answered"
    assert script.session.state is State.REFILLING


def test_an_abort_in_a_look_ends_it_and_its_answer_is_dropped() -> None:
    script = Watched()
    script.next_look_s()
    assert script.tell(Pushed(2), Held(2)) == [Release(), Record(not_measurable(Reason.ABORTED), None)]
    assert script.tell(ESTABLISHED, Tick()) == []
    assert script.session.state is State.ABORTED
    assert script.session.results == []


def test_after_an_abort_in_a_look_the_next_measurement_looks_at_its_own_time() -> None:
    script = Watched()
    script.next_look_s()
    script.tell(Pushed(2), Held(2))
    assert StartRecording(1) in script.tell(Pushed(3))
    script.press()
    script.released_ns = script.now_ns
    assert script.tell(ESTABLISHED) == [], "the answer to the look of the measurement that was stopped"
    assert script.next_look_s() == pytest.approx(4.0, abs=0.06)


def test_a_look_that_fails_costs_no_reading() -> None:
    script = Watched()
    script.next_look_s()
    assert script.tell(AnalysisFailed()) == []
    assert script.next_look_s() == pytest.approx(8.0, abs=0.06)
    assert keeps(script.tell(NOT_YET))


def test_an_analysis_of_the_whole_window_that_fails_ends_the_measurement() -> None:
    script = Watched()
    while script.next_look_s() < 8.0:
        script.tell(NOT_YET)
    assert script.tell(AnalysisFailed()) == [Release(), Record(not_measurable(Reason.INTERRUPTED), None)]
    assert script.session.state is State.ANALYSIS_FAULT


def test_a_look_without_end_is_given_up() -> None:
    script = Watched()
    script.next_look_s()
    assert Record(not_measurable(Reason.INTERRUPTED), None) in script.wait(31)


def test_a_fixed_window_is_looked_at_only_when_it_is_whole() -> None:
    script = Watched(PROTOCOL)
    assert script.next_look_s() == pytest.approx(8.0, abs=0.06)
    assert keeps(script.tell(NOT_YET))


def test_the_first_look_is_the_protocols() -> None:
    script = Watched(EARLY.model_copy(update={"least_observe_s": 6.0}))
    assert script.next_look_s() == pytest.approx(6.0, abs=0.06)


def test_the_countdown_goes_to_the_end_of_the_window_and_never_up_before_it() -> None:
    script = Watched()
    shown_s = []
    for _ in range(160):
        shown_s.append(script.session.remaining_s(script.now_ns))
        if Analyse(1) in script.wait(0.05):
            script.tell(NOT_YET)
    assert shown_s[0] == pytest.approx(8.0)
    assert all(later == pytest.approx(earlier - 0.05) for earlier, later in pairwise(shown_s))


def test_the_countdown_follows_an_extended_window() -> None:
    script = Watched()
    while script.next_look_s() < 8.0:
        script.tell(Analysed(1, CENSORED))
    assert script.session.remaining_s(script.now_ns) == 0.0
    script.tell(Analysed(1, CENSORED))
    assert script.session.remaining_s(script.now_ns) == pytest.approx(3.0, abs=0.11)


def test_a_camera_that_falls_silent_between_two_looks_ends_it_once_the_look_under_way_is_answered() -> None:
    script = Watched()
    script.next_look_s()
    script.tell(FrameSeen(), NOT_YET)
    script.frames = False
    script.wait(1.2)
    script.tell(NOT_YET)
    assert Record(not_measurable(Reason.CAMERA_FAULT), None) in script.wait(0.05)
