"""A measurement follows the protocol, and ends vented, with a record, whatever happens in whatever state."""

from collections.abc import Callable

import pytest
from device_bench import measured, not_measurable
from session_bench import CENSORED, EARLY, PROTOCOL, Script

from contract.reasons import Reason
from device.session_words import (
    ACTIVE,
    NO_CAMERA,
    NO_PROBE,
    STARTABLE,
    STILL_RELEASING,
    Analyse,
    Analysed,
    AnalysisFailed,
    Begin,
    CameraFailed,
    Committed,
    Event,
    FrameSeen,
    Held,
    KeepPress,
    Press,
    ProbeFailed,
    ProbePhase,
    ProbeReady,
    ProbeReleased,
    Pushed,
    Record,
    Refuse,
    Release,
    Renew,
    SettingsMoved,
    StartRecording,
    State,
    Tick,
)
from firmware_config.protocol import Protocol


def test_three_presses_make_one_reading_with_their_median_and_spread() -> None:
    script = Script()
    assert script.tell(Pushed(1)) == [Begin(), StartRecording(1)]
    for number, crt_s in enumerate((2.0, 2.2, 2.1), start=1):
        script.press()
        assert script.session.state is State.REFILLING
        assert Analyse(number) in script.wait(8.1)
        assert KeepPress(number) in script.tell(Analysed(number, measured(crt_s)))
        if number < 3:
            assert script.session.state is State.RESTING
            assert not any(isinstance(action, StartRecording) for action in script.wait(9.8))
            assert StartRecording(number + 1) in script.wait(0.4)
    (record,) = script.records()
    assert record.result.crt_s == 2.1
    assert record.crt_spread == pytest.approx(0.2 / 2.1)
    assert script.session.state is State.JUDGING
    script.tell(Committed())
    assert script.session.state is State.DONE
    assert [action for action in script.actions if isinstance(action, Press)] == [Press(40, 1, 5)] * 3


def test_nothing_is_pressed_before_the_draft_is_asked_for() -> None:
    script = Script()
    script.reach(State.HOLDING)
    kinds = [type(action) for action in script.actions]
    assert kinds.index(Begin) < kinds.index(Press)


def test_the_lease_is_renewed_while_frames_come_and_at_no_other_time() -> None:
    script = Script()
    script.reach(State.HOLDING)
    assert script.wait(1.0).count(Renew()) == 20
    script.frames = False
    assert script.wait(0.5).count(Renew()) <= 4
    assert Renew() not in script.wait(0.3)
    resting = Script()
    resting.reach(State.RESTING)
    assert Renew() not in resting.wait(3)


@pytest.mark.parametrize("state", sorted(ACTIVE))
def test_a_long_push_stops_it_at_any_instant_vented_and_with_a_record(state: State) -> None:
    script = Script()
    script.reach(state)
    assert script.tell(Pushed(2)) == []
    assert script.tell(Held(2)) == [Release(), Record(not_measurable(Reason.ABORTED), None)]
    assert script.session.state is State.ABORTED
    assert script.wait(60) == []


ENDINGS: list[tuple[Event, State, Reason]] = [
    (ProbeFailed(Reason.PRESSURE_NOT_HELD, "leak"), State.PROBE_FAULT, Reason.PRESSURE_NOT_HELD),
    (ProbeFailed(Reason.PROBE_FAULT, "gone", latched=True), State.PROBE_FAULT, Reason.PROBE_FAULT),
    (CameraFailed(), State.CAMERA_FAULT, Reason.CAMERA_FAULT),
    (AnalysisFailed(), State.ANALYSIS_FAULT, Reason.INTERRUPTED),
]


@pytest.mark.parametrize("state", sorted(ACTIVE))
@pytest.mark.parametrize(("event", "ends_in", "reason"), ENDINGS)
def test_every_fault_in_every_state_ends_vented_with_one_record(
    state: State, event: Event, ends_in: State, reason: Reason
) -> None:
    script = Script()
    script.reach(state)
    assert script.tell(event) == [Release(), Record(not_measurable(reason), None)]
    assert script.session.state is ends_in
    assert script.tell(event, Tick(), Committed()) == []
    assert script.session.state is ends_in


@pytest.mark.parametrize("state", sorted(ACTIVE - {State.RESTING, State.REPEATING}))
def test_camera_settings_that_move_end_it_by_that_name(state: State) -> None:
    script = Script()
    script.reach(state)
    assert Record(not_measurable(Reason.CAMERA_SETTINGS_MOVED), None) in script.tell(SettingsMoved())
    assert script.session.state is State.CAMERA_FAULT


@pytest.mark.parametrize("state", sorted(ACTIVE))
def test_a_camera_that_falls_silent_ends_it_within_a_good_second(state: State) -> None:
    script = Script()
    script.reach(state)
    script.frames = False
    assert Record(not_measurable(Reason.CAMERA_FAULT), None) in script.wait(1.2)
    assert script.session.state is State.CAMERA_FAULT


@pytest.mark.parametrize("state", [State.PRESSING, State.HOLDING])
def test_a_probe_that_does_not_go_on_is_given_up(state: State) -> None:
    script = Script()
    script.reach(state)
    assert Record(not_measurable(Reason.PROBE_FAULT), None) in script.wait(11)
    assert Release() in script.actions
    assert script.session.state is State.PROBE_FAULT


def test_an_analysis_without_end_is_given_up() -> None:
    script = Script()
    script.reach(State.REFILLING)
    script.wait(8.1)
    script.wait(31)
    assert script.session.state is State.ANALYSIS_FAULT
    assert script.records() == [Record(not_measurable(Reason.INTERRUPTED), None)]


def test_a_camera_that_pauses_while_the_analysis_works_costs_no_reading() -> None:
    script = Script()
    script.reach(State.REFILLING)
    script.wait(8.1)
    assert Analyse(1) in script.actions
    script.frames = False
    assert script.wait(3.0) == []
    assert KeepPress(1) in script.tell(Analysed(1, measured(2.0)))


def test_a_camera_that_stays_silent_after_an_analysis_that_needs_more_ends_it() -> None:
    script = Script()
    script.reach(State.REFILLING)
    script.wait(8.1)
    script.frames = False
    script.wait(3.0)
    script.tell(Analysed(1, CENSORED))
    script.wait(0.05)
    assert script.session.state is State.CAMERA_FAULT


def test_a_lease_that_ran_out_because_frames_stopped_is_a_camera_fault() -> None:
    lost = ProbeFailed(Reason.INTERRUPTED, "busy", lease_lost=True)
    silent = Script()
    silent.reach(State.HOLDING)
    silent.frames = False
    silent.wait(0.6)
    silent.tell(lost)
    assert silent.session.state is State.CAMERA_FAULT
    busy = Script()
    busy.reach(State.HOLDING)
    busy.tell(lost)
    assert busy.session.state is State.PROBE_FAULT
    assert busy.records()[0].result.reason is Reason.INTERRUPTED


def test_somebody_elses_release_stops_the_measurement() -> None:
    script = Script()
    script.reach(State.HOLDING)
    assert Record(not_measurable(Reason.ABORTED), None) in script.tell(ProbeReleased("asked", None))


@pytest.mark.parametrize("state", sorted(ACTIVE))
def test_a_push_during_a_measurement_never_starts_a_second(state: State) -> None:
    script = Script()
    script.reach(state)
    assert script.tell(Pushed(2), Pushed(3)) == []
    assert script.actions.count(Begin()) == 1


def test_the_push_that_starts_it_may_be_held_by_a_gloved_hand() -> None:
    script = Script()
    script.tell(Pushed(7))
    assert script.tell(Held(7)) == []
    assert script.session.state is State.BASELINE


@pytest.mark.parametrize("state", sorted(STARTABLE))
def test_a_push_starts_from_every_resting_place(state: State) -> None:
    script = Script()
    script.session.state = state
    assert script.tell(Pushed(9)) == [Begin(), StartRecording(1)]


def test_nothing_starts_without_a_probe_a_vented_probe_or_a_camera() -> None:
    script = Script(ready=False)
    assert script.tell(Pushed(1)) == [Refuse(NO_PROBE)]
    script.tell(ProbeReady())
    assert script.tell(Pushed(2)) == [Refuse(NO_CAMERA)]
    script.tell(FrameSeen(), ProbePhase("release"))
    assert script.tell(Pushed(3)) == [Refuse(STILL_RELEASING)]
    script.tell(ProbePhase("idle"), ProbeFailed(Reason.PROBE_FAULT, "The sensor is stuck.", latched=True))
    assert script.tell(Pushed(4)) == [Refuse("The sensor is stuck.")]
    script.tell(ProbeReady())
    assert script.tell(Pushed(5)) == [Begin(), StartRecording(1)]


def test_a_refill_that_has_not_settled_is_watched_longer_up_to_the_protocols_limit() -> None:
    script = Script()
    script.reach(State.REFILLING)
    assert script.wait(8.1).count(Analyse(1)) == 1
    assert script.tell(Analysed(1, CENSORED)) == []
    assert script.session.state is State.REFILLING
    assert Analyse(1) not in script.wait(2.7)
    assert script.wait(0.5).count(Analyse(1)) == 1
    assert script.tell(Analysed(1, not_measurable(Reason.NOT_SETTLED))) == []
    assert script.wait(1.2).count(Analyse(1)) == 1
    assert script.tell(Analysed(1, CENSORED)) == [KeepPress(1)]
    assert script.session.results == [CENSORED]


def test_a_late_answer_of_an_earlier_press_changes_nothing() -> None:
    script = Script()
    script.reach(State.RESTING)
    assert script.tell(Analysed(1, measured(9.0))) == []
    script.press()
    assert script.tell(Analysed(1, measured(9.0)), Analysed(2, measured(9.0))) == []
    assert script.session.results == [measured(2.0)]


def test_the_next_press_waits_for_the_probe_to_be_vented() -> None:
    script = Script()
    script.reach(State.RESTING)
    script.tell(ProbePhase("release"))
    assert script.wait(15) == []
    script.tell(ProbePhase("idle"))
    assert StartRecording(2) in script.wait(0.1)


@pytest.mark.parametrize(
    ("reach", "expected_s"),
    [(State.BASELINE, 2.0), (State.HOLDING, 5.0), (State.REFILLING, 8.0), (State.RESTING, 10.0)],
)
def test_the_countdown_is_the_protocols(reach: State, expected_s: float) -> None:
    script = Script()
    script.reach(reach)
    assert script.session.remaining_s(script.now_ns) == pytest.approx(expected_s)
    script.wait(0.5)
    assert script.session.remaining_s(script.now_ns) == pytest.approx(expected_s - 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", [PROTOCOL, EARLY], ids=["fixed", "early"])
def test_events_in_any_order_never_raise_and_never_leave_a_pressed_finger(protocol: Protocol) -> None:
    import random

    chance = random.Random(7)
    makers: list[Callable[[], Event]] = [
        lambda: Pushed(chance.randrange(3)),
        lambda: Held(chance.randrange(3)),
        FrameSeen,
        SettingsMoved,
        CameraFailed,
        lambda: ProbePhase(chance.choice(("idle", "ramp", "hold", "release"))),
        lambda: ProbeReleased(
            chance.choice(("held", "asked", "fault")),
            chance.choices((10**12, None), (9, 1))[0],
            chance.choices((None, ProbeFailed(Reason.RELEASE_INCOMPLETE, "x")), (9, 1))[0],
        ),
        lambda: ProbeFailed(chance.choice(list(Reason)), "x", latched=False),
        ProbeReady,
        lambda: Analysed(
            chance.randrange(1, 4), chance.choice((measured(2.0), CENSORED, not_measurable())), chance.random() < 0.5
        ),
        AnalysisFailed,
        Committed,
        Tick,
    ]
    weights = [3, 0.2, 30, 0.2, 0.2, 10, 5, 0.2, 3, 5, 0.1, 3, 60]
    begun = recorded = 0
    for _ in range(200):
        script = Script(protocol)
        for make in chance.choices(makers, weights, k=400):
            script.now_ns += chance.randrange(1, 400) * 1_000_000
            before = script.session.state
            said = script.tell(make())
            begun += said.count(Begin())
            recorded += sum(isinstance(action, Record) for action in said)
            if before in (State.PRESSING, State.HOLDING) and script.session.state not in (*ACTIVE,):
                assert Release() in said
            unfinished = script.session.state in ACTIVE
        begun -= unfinished
    assert begun == recorded
    assert begun > 200
