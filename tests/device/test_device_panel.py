"""The panel on gpiozero's mock pins at the pace of a stepped clock: what it hears, shows and sounds, and lets go."""

import threading
import time
from collections.abc import Iterator
from datetime import time as wall_time
from typing import Any

import pytest
from gpiozero import DigitalOutputDevice, GPIOZeroError
from gpiozero.pins.mock import MockFactory, MockPin, MockPWMPin

from device.clock import SystemClock
from device.panel import Panel, PanelError, local_time_of
from device.panel.lines import duty_of
from device.panel.looks import ENDED, FAST, LOOKS, QUIET, REFUSED, SLOW, STEADY, THREE_LONG, Sound
from device.panel.panel import UNLIT, UNREADABLE
from device.panel.pushes import STUCK
from device.session_words import ACTIVE, STARTABLE, Held, Pushed, State
from firmware_config.hardware import Pins
from firmware_config.panel import Loudness
from firmware_config.panel import Panel as PanelConfig
from phantom.nurse import Nurse

MS = 1_000_000
PINS = Pins()
NOON, MIDNIGHT = wall_time(12), wall_time(0)


class Steps(SystemClock):
    def __init__(self) -> None:
        self.now_ns = 5_000_000_000
        self.set = True

    def boottime_ns(self) -> int:
        return self.now_ns

    def synchronised(self) -> bool:
        return self.set


class Bench:
    """A panel on mock pins with PWM, polled every 20 ms of a clock that only the bench moves."""

    def __init__(self, config: PanelConfig | None = None, pin_class: type[MockPin] = MockPWMPin) -> None:
        self.clock, self.at = Steps(), NOON
        self.factory = MockFactory(pin_class=pin_class)
        self.panel = Panel(config or PanelConfig(), PINS, self.factory, self.clock, lambda: self.at)
        self.button = self.factory.pin(PINS.button)
        self.light = self.factory.pin(PINS.status_light)
        self.buzzer = self.factory.pin(PINS.buzzer)

    def run(self, milliseconds: int) -> list[Pushed | Held]:
        meant: list[Pushed | Held] = []
        for _ in range(milliseconds // 20):
            meant += self.panel.poll()
            self.clock.now_ns += 20 * MS
        return meant

    def heard(self, milliseconds: int = 3000) -> list[tuple[bool, int]]:
        """Lengths of sound and silence in ms, until it stays silent."""
        spans: list[tuple[bool, int]] = []
        for _ in range(milliseconds // 20):
            self.panel.poll()
            on = self.buzzer.state > 0
            if spans and spans[-1][0] == on:
                spans[-1] = (on, spans[-1][1] + 20)
            else:
                spans.append((on, 20))
            self.clock.now_ns += 20 * MS
        return spans[:-1] if spans and not spans[-1][0] else spans

    def flashes(self, seconds: int) -> int:
        """How often the light went on."""
        self.panel.poll()
        count, before = 0, self.light.state > 0
        for _ in range(seconds * 50):
            self.clock.now_ns += 20 * MS
            self.panel.poll()
            now = self.light.state > 0
            count, before = count + (now and not before), now
        return count


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.panel.close()


def lengths_ms(sound: Sound | None) -> list[tuple[bool, int]]:
    return [] if sound is None else [(n % 2 == 0, beat_ms) for n, beat_ms in enumerate(sound.beats_ms)]


def test_the_button_on_its_pin_is_debounced(bench: Bench) -> None:
    bench.run(100)
    for _ in range(4):
        bench.button.drive_low()
        bench.clock.now_ns += 2 * MS
        bench.button.drive_high()
        bench.clock.now_ns += 2 * MS
    bench.button.drive_low()
    assert bench.run(100) == [Pushed(1)]
    assert bench.run(1500) == [Held(1)]
    bench.button.drive_high()
    assert bench.run(200) == []


def test_a_push_between_two_polls_is_not_lost(bench: Bench) -> None:
    bench.run(100)
    bench.button.drive_low()
    bench.clock.now_ns += 100 * MS
    bench.button.drive_high()
    assert bench.run(20) == [Pushed(1)]


def test_an_edge_that_comes_just_after_the_level_was_read_is_not_taken_for_a_lost_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run(100)
    read = bench.button._get_state

    def read_and_push() -> bool:
        level = read()
        monkeypatch.undo()
        bench.clock.now_ns += MS
        bench.button.drive_low()
        return level

    monkeypatch.setattr(bench.button, "_get_state", read_and_push)
    assert bench.panel.poll() == []
    bench.clock.now_ns += 40 * MS
    bench.button.drive_high()
    assert bench.run(20) == [Pushed(1)]


def test_debounce_and_long_push_are_the_files() -> None:
    bench = Bench(PanelConfig(debounce_s=0.1, long_push_s=0.5))
    bench.run(100)
    bench.button.drive_low()
    assert bench.run(100) == []
    assert bench.run(40) == [Pushed(1)]
    assert bench.run(360) == []
    assert bench.run(40) == [Held(1)]
    bench.panel.close()


def test_what_is_pushed_before_the_first_poll_starts_nothing(bench: Bench) -> None:
    bench.button.drive_low()
    bench.clock.now_ns += 500 * MS
    bench.button.drive_high()
    bench.clock.now_ns += 500 * MS
    assert bench.run(500) == []
    assert bench.panel.trouble is None


def test_a_push_that_lasts_across_the_start_is_a_stuck_button_until_it_is_over(bench: Bench) -> None:
    bench.button.drive_low()
    assert bench.panel.trouble is None
    assert bench.run(20_000) == []
    assert bench.panel.trouble == STUCK
    bench.button.drive_high()
    assert bench.run(200) == []
    assert bench.panel.trouble is None
    bench.button.drive_low()
    assert bench.run(200) == [Pushed(1)]


def test_a_button_that_stays_down_is_told(bench: Bench) -> None:
    bench.run(100)
    bench.button.drive_low()
    assert bench.run(12_000) == [Pushed(1), Held(1)]
    assert bench.panel.trouble == STUCK


def test_a_button_that_cannot_be_read_is_told_and_what_came_meanwhile_counts_for_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run(100)

    def fails() -> bool:
        raise GPIOZeroError("no line")

    with monkeypatch.context() as broken:
        broken.setattr(bench.button, "_get_state", fails)
        assert bench.run(100) == []
        assert bench.panel.trouble == UNREADABLE
        bench.button.drive_low()
        bench.clock.now_ns += 100 * MS
        bench.button.drive_high()
        assert bench.run(20) == []
    assert bench.run(100) == []
    assert bench.panel.trouble is None
    bench.button.drive_low()
    assert bench.run(100) == [Pushed(1)]


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


def test_volume_is_perceived_loudness() -> None:
    assert duty_of(0) == 0
    assert duty_of(1) == pytest.approx(0.5)
    assert duty_of(0.5) == pytest.approx(0.1020, abs=1e-4)
    duties = [duty_of(n / 100) for n in range(101)]
    assert duties == sorted(duties)


def test_the_softest_volume_is_still_a_sound_and_the_tone_stops_between_the_beats() -> None:
    bench = Bench(PanelConfig(day=Loudness(volume=0.01, brightness=0.29), tone_hz=3100))
    bench.panel.show(State.DONE)
    assert bench.buzzer.state == pytest.approx(0.01)
    assert bench.buzzer.frequency == 3100
    assert bench.light.state == pytest.approx(0.29)
    assert int(bench.light.state * 100) == 29
    bench.run(200)
    assert (bench.buzzer.state, bench.buzzer.frequency) == (0, None)
    bench.panel.close()


def test_an_active_buzzer_is_on_or_silent() -> None:
    bench = Bench(PanelConfig(buzzer="active", day=Loudness(volume=0.1, brightness=1)))
    bench.panel.show(State.DONE)
    assert (bench.buzzer.state, bench.buzzer.frequency) == (1, None)
    bench.at = MIDNIGHT
    bench.run(1100)
    bench.panel.show(State.ABORTED)
    assert bench.buzzer.state == 0
    bench.panel.close()


def test_pins_without_pwm_are_on_and_off() -> None:
    bench = Bench(PanelConfig(day=Loudness(volume=0.1, brightness=0.2)), pin_class=MockPin)
    bench.panel.show(State.PROBE_FAULT)
    assert (bench.light.state, bench.buzzer.state) == (True, True)
    bench.run(240)
    assert (bench.light.state, bench.buzzer.state) == (False, True)
    bench.panel.close()
    assert (bench.light.state, bench.buzzer.state) == (False, False)


@pytest.mark.parametrize("broken", [PINS.status_light, PINS.buzzer])
def test_a_line_that_fails_is_told_until_it_obeys_and_takes_nothing_else_along(
    bench: Bench, broken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin, other = bench.factory.pin(broken), bench.buzzer if broken == PINS.status_light else bench.light

    def fails(_: Any) -> None:
        raise OSError("no line")

    with monkeypatch.context() as failing:
        failing.setattr(pin, "_set_state", fails)
        bench.panel.show(State.PROBE_FAULT)
        assert bench.panel.trouble == UNLIT
        assert other.state > 0
        bench.button.drive_low()
        bench.button.drive_high()
        bench.run(100)
        bench.button.drive_low()
        assert bench.run(100) == [Pushed(1)]
    bench.run(100)
    assert bench.panel.trouble is None


def test_no_thread_blinks_or_waits(bench: Bench) -> None:
    before = threading.active_count()
    for state in State:
        bench.panel.show(state)
        bench.run(500)
    assert threading.active_count() == before


def test_closing_switches_everything_off_and_lets_go_also_twice_and_after_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    bench.panel.show(State.PROBE_FAULT)
    assert bench.light.state == 1

    def fails(_: Any) -> None:
        raise OSError("no line")

    with monkeypatch.context() as failing:
        failing.setattr(bench.buzzer, "_set_state", fails)
        bench.panel.close()
    bench.panel.close()
    assert bench.light.state == 0
    assert bench.panel.poll() == []
    assert bench.panel.trouble == UNREADABLE
    again = Panel(PanelConfig(), PINS, bench.factory, bench.clock, lambda: NOON)
    assert bench.buzzer.state == 0
    again.close()


@pytest.mark.parametrize("taken", [PINS.button, PINS.status_light, PINS.buzzer])
def test_a_pin_that_is_taken_is_one_sentence_and_the_others_are_let_go(taken: int) -> None:
    factory = MockFactory(pin_class=MockPWMPin)
    with DigitalOutputDevice(taken, initial_value=True, pin_factory=factory):
        with pytest.raises(PanelError, match=f"^The panel's pins cannot be used: GPIO {taken}: ") as caught:
            Panel(PanelConfig(), PINS, factory, Steps(), lambda: NOON)
        assert "\n" not in str(caught.value)
        assert factory.pin(taken).state == 1, "what another has is left as it is"
        for free in {PINS.button, PINS.status_light, PINS.buzzer} - {taken}:
            DigitalOutputDevice(free, pin_factory=factory).close()
    Panel(PanelConfig(), PINS, factory, Steps(), lambda: NOON).close()


class Touch:
    def __init__(self) -> None:
        self.pushes = 0
        self.down = threading.Event()

    def drive_low(self) -> None:
        self.pushes += 1
        self.down.set()

    def drive_high(self) -> None:
        self.down.clear()


def test_the_nurse_pushes_when_the_bedside_is_ready_until_enough_is_measured() -> None:
    touch = Touch()
    nurse = Nurse(touch, measurements=2, pause_s=0.02, push_s=0.01)
    nurse.start()
    time.sleep(0.08)
    assert touch.pushes == 0
    for completed in range(2):
        nurse.hear({"event": "state", "state": "idle", "completed": completed})
        assert touch.down.wait(2)
        nurse.hear({"event": "state", "state": "baseline", "completed": completed})
        time.sleep(0.1)
        assert touch.pushes == completed + 1
    nurse.hear({"event": "reading", "completed": 2})
    nurse.hear({"event": "state", "state": "done", "completed": 2})
    time.sleep(0.1)
    nurse.stop()
    assert touch.pushes == 2
    assert not touch.down.is_set()


def test_the_nurse_pushes_again_where_a_push_brought_nothing() -> None:
    touch = Touch()
    nurse = Nurse(touch, measurements=1, pause_s=0.02, push_s=0.01)
    nurse.start()
    nurse.hear({"event": "state", "state": "idle", "completed": 0})
    time.sleep(0.6)
    nurse.stop()
    # After 0.02, 0.04, 0.08, 0.16 and 0.32 s, less where the machine is busy.
    assert 2 <= touch.pushes <= 5
