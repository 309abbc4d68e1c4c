"""The panel's light and buzzer: volume, pins without PWM, and lines that fail."""

from collections.abc import Iterator
from typing import Any

import pytest
from gpiozero.pins.mock import MockPin
from panel_bench import MIDNIGHT, PINS, Bench

from device.panel.lines import duty_of
from device.panel.panel import UNLIT
from device.session_words import Pushed, State
from firmware_config.panel import Loudness
from firmware_config.panel import Panel as PanelConfig


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.panel.close()


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
