"""The panel on gpiozero's mock pins at the pace of a stepped clock: what it hears, and that it lets go."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from gpiozero import DigitalOutputDevice, GPIOZeroError
from gpiozero.pins.mock import MockFactory, MockPWMPin
from panel_bench import MS, NOON, PINS, Bench, Steps

from device.panel import Panel, PanelError
from device.panel.panel import UNREADABLE
from device.panel.pushes import STUCK
from device.session_words import Held, Pushed, State
from firmware_config.panel import Panel as PanelConfig


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.panel.close()


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
