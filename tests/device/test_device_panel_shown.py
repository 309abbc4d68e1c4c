"""What the panel shows and sounds in each state, by day and by night."""

from collections.abc import Iterator

import pytest
from panel_bench import MIDNIGHT, MS, Bench, Steps, lengths_ms

from device.panel import local_time_of
from device.panel.lines import duty_of
from device.panel.looks import ENDED, FAST, LOOKS, QUIET, REFUSED, SLOW, STEADY, THREE_LONG
from device.session_words import ACTIVE, STARTABLE, State
from firmware_config.panel import Loudness
from firmware_config.panel import Panel as PanelConfig


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.panel.close()


def test_every_state_has_its_row_and_none_is_too_many() -> None:
    assert set(LOOKS) == set(State)
    assert all(LOOKS[state].says for state in State)


def test_the_light_says_at_a_glance_whether_to_keep_still_to_push_or_to_read_the_screen() -> None:
    for state, look in LOOKS.items():
        if state in ACTIVE or state in (State.BEGINNING, State.JUDGING):
            assert look.light is SLOW
        elif state.value.endswith("fault"):
            assert (look.light, look.sound) == (FAST, THREE_LONG)
        else:
            assert look.light is STEADY


def test_nothing_sounds_while_skin_is_measured_and_no_two_sounds_are_alike() -> None:
    assert all(LOOKS[state].sound is None for state in QUIET)
    assert QUIET >= ACTIVE
    sounds = {look.sound for look in LOOKS.values() if look.sound is not None} | {REFUSED, *ENDED.values()}
    assert len({sound.beats_ms for sound in sounds}) == len(sounds) == 5
    assert all(len(sound.beats_ms) % 2 == 1 for sound in sounds), "each ends with its last beat"


def test_no_light_flashes_three_times_a_second_or_more() -> None:
    for look in LOOKS.values():
        assert look.light.off_ms == 0 or 1000 / (look.light.on_ms + look.light.off_ms) < 3


@pytest.mark.parametrize("state", list(State))
def test_each_state_is_shown_and_sounded_as_its_row_says(bench: Bench, state: State) -> None:
    look = LOOKS[state]
    bench.panel.show(State.IDLE if state is not State.IDLE else State.DONE)
    bench.run(3000)
    bench.panel.show(state)
    assert bench.light.state == 1
    assert bench.heard() == lengths_ms(look.sound)
    flashes = 0 if look.light.off_ms == 0 else 6000 / (look.light.on_ms + look.light.off_ms)
    assert bench.flashes(6) == flashes
    assert flashes or bench.light.state == 1


def test_light_and_buzzer_do_not_wait_for_the_next_poll(bench: Bench) -> None:
    bench.panel.show(State.CAMERA_FAULT)
    assert bench.light.state == 1
    assert bench.buzzer.state > 0
    bench.panel.show(State.BASELINE)
    assert bench.buzzer.state == 0


def test_a_state_that_is_shown_again_sounds_once_and_blinks_on(bench: Bench) -> None:
    sounded = []
    for _ in range(150):
        bench.panel.show(State.PROBE_FAULT)
        sounded.append(bench.buzzer.state > 0)
        bench.clock.now_ns += 20 * MS
    assert sum(sounded) == 60
    assert bench.flashes(2) == 5


def test_the_blink_goes_on_from_one_state_of_a_measurement_to_the_next(bench: Bench) -> None:
    bench.panel.show(State.BASELINE)
    bench.run(600)
    assert bench.light.state == 0
    bench.panel.show(State.PRESSING)
    assert bench.light.state == 0
    bench.run(440)
    assert bench.light.state == 1


def test_a_problem_blinks_wherever_a_push_could_start_and_makes_no_sound(bench: Bench) -> None:
    for state in State:
        bench.panel.show(state)
        bench.run(3000)
        bench.panel.show(state, problem=True)
        assert bench.heard() == []
        wanted = FAST if state in STARTABLE else LOOKS[state].light
        assert bench.panel._pattern is wanted
    bench.panel.show(State.IDLE, problem=False)
    assert bench.flashes(2) == 0
    assert bench.light.state == 1


@pytest.mark.parametrize("measured", [True, False])
def test_the_end_tells_a_number_from_none_whether_told_before_or_after(bench: Bench, measured: bool) -> None:
    for told_first in (True, False):
        bench.panel.show(State.JUDGING)
        if told_first:
            bench.panel.ended(measured)
        bench.panel.show(State.DONE)
        if not told_first:
            bench.panel.ended(measured)
        assert bench.heard() == lengths_ms(ENDED[measured])
        bench.panel.show(State.BASELINE)


def test_an_end_that_was_told_of_the_last_measurement_is_not_that_of_the_next(bench: Bench) -> None:
    bench.panel.ended(True)
    bench.panel.show(State.BASELINE)
    bench.panel.show(State.ABORTED)
    assert bench.heard() == lengths_ms(LOOKS[State.ABORTED].sound)
    bench.panel.show(State.BASELINE)
    bench.panel.show(State.DONE)
    assert bench.heard() == lengths_ms(LOOKS[State.DONE].sound)


def test_a_fault_sounds_as_a_fault_although_it_ends_without_a_number(bench: Bench) -> None:
    bench.panel.show(State.HOLDING)
    bench.panel.ended(False)
    bench.panel.show(State.PROBE_FAULT)
    bench.panel.ended(False)
    assert bench.heard() == lengths_ms(THREE_LONG)


def test_a_refused_push_is_answered_but_not_while_skin_is_measured(bench: Bench) -> None:
    for state in State:
        bench.panel.show(state)
        bench.run(3000)
        bench.panel.refuse()
        assert bench.heard() == ([] if state in QUIET else lengths_ms(REFUSED))


def test_night_is_dim_and_silent_but_a_fault_is_heard(bench: Bench) -> None:
    night = PanelConfig().night
    bench.at = MIDNIGHT
    bench.panel.show(State.IDLE)
    assert bench.light.state == pytest.approx(night.brightness)
    bench.panel.show(State.DONE)
    assert bench.heard() == []
    bench.panel.refuse()
    assert bench.heard() == []
    bench.panel.show(State.PROBE_FAULT)
    assert bench.light.state == pytest.approx(night.brightness)
    assert bench.buzzer.state == pytest.approx(duty_of(night.fault_volume), abs=0.005)
    assert bench.heard() == lengths_ms(THREE_LONG)


def test_a_site_can_have_faults_silent_at_night_and_they_still_light_up() -> None:
    silent = Loudness(volume=0, fault_volume=0, brightness=0.1)
    bench = Bench(PanelConfig(night=silent))
    bench.at = MIDNIGHT
    bench.panel.show(State.PROBE_FAULT)
    assert bench.heard() == []
    assert bench.flashes(2) == 5
    bench.panel.close()


def test_the_light_dims_when_night_falls_and_while_nobody_knows_the_time_it_is_day(bench: Bench) -> None:
    bench.panel.show(State.IDLE)
    bench.at = MIDNIGHT
    bench.run(1100)
    assert bench.light.state == pytest.approx(0.1)
    bench.at = None
    bench.run(1100)
    assert bench.light.state == 1
    bench.panel.show(State.DONE)
    assert bench.buzzer.state == pytest.approx(duty_of(0.5), abs=0.005)


def test_the_local_time_is_none_while_nobody_has_set_the_clock() -> None:
    clock = Steps()
    local = local_time_of(clock)
    told = local()
    assert told is not None
    assert told.tzinfo is None
    clock.set = False
    assert local() is None
