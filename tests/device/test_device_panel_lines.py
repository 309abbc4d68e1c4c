"""What the panel does to a Pi's lines, edge by edge: gpiozero's own lgpio factory on a stand-in for lgpio."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from device.clock import SystemClock
from device.panel import Panel
from device.panel.lines import Line
from device.probe.drivers import hardware_pin_factory
from device.session_words import State
from firmware_config.hardware import Pins
from firmware_config.panel import Loudness
from firmware_config.panel import Panel as PanelConfig
from tests.probe.lgpio_on_a_wire import LgpioOnAWire

PINS = Pins()
MS = 1_000_000


class Steps(SystemClock):
    def __init__(self) -> None:
        self.now_ns = 5_000_000_000

    def boottime_ns(self) -> int:
        return self.now_ns


class Wire(LgpioOnAWire):
    """Also what the panel's button asks for: alerts, and freeing a line to give it a pull."""

    def __init__(self) -> None:
        super().__init__()
        self.pulls: dict[int, int] = {}
        self.down = False
        self.hear: Any = None

    def gpio_claim_input(self, handle: int, line: int, flags: int = 0) -> None:
        self.pulls[line] = flags
        super().gpio_claim_input(handle, line, flags)

    def gpio_free(self, _handle: int, line: int) -> None:
        self.pulls.pop(line, None)

    def gpio_claim_alert(self, _handle: int, line: int, _edges: int, flags: int) -> None:
        self.pulls[line] = flags

    def gpio_get_mode(self, handle: int, line: int) -> int:
        # GPIO_IS_BIAS_PULL_UP of gpiozero's pin
        return super().gpio_get_mode(handle, line) | (1 << 5 if self.pulls.get(line) else 0)

    def gpio_set_debounce_micros(self, _handle: int, _line: int, _micros: int) -> None:
        pass

    def gpio_read(self, handle: int, line: int) -> int:
        return int(not self.down) if line == PINS.button else super().gpio_read(handle, line)

    def callback(self, _handle: int, _line: int, _edges: int, func: Any) -> "Wire":
        self.hear = func
        return self

    def cancel(self) -> None:
        self.hear = None

    def push(self, down: bool) -> None:
        self.down = down
        self.hear(0, PINS.button, int(not down), 0)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    made = Wire()
    monkeypatch.setitem(sys.modules, "lgpio", made)
    for name in ("gpiozero.pins.lgpio", "device.probe.board"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", lambda: 0xA02082)
    yield made
    for name in ("gpiozero.pins.lgpio", "device.probe.board"):
        sys.modules.pop(name, None)


@pytest.fixture
def board(wire: Wire) -> Iterator[Any]:
    made = hardware_pin_factory({"GPIOZERO_PIN_FACTORY": "lgpio"})
    yield made
    made.close()


def test_a_pis_button_is_heard(wire: Wire, board: Any) -> None:
    clock = Steps()
    panel = Panel(PanelConfig(), PINS, board, clock, lambda: None)
    assert wire.pulls[PINS.button] == wire.SET_PULL_UP or wire.pulls[PINS.button] & 1 << 5
    assert panel.poll() == []
    wire.push(True)
    clock.now_ns += 40 * MS
    meant = panel.poll()
    assert [type(item).__name__ for item in meant] == ["Pushed"]
    panel.close()
    assert wire.hear is None


def test_light_and_buzzer_are_off_from_the_first_instant_on_and_run_no_pwm_unless_they_are_on(
    wire: Wire, board: Any
) -> None:
    clock = Steps()
    config = PanelConfig(day=Loudness(volume=1, brightness=0.29))
    light, buzzer = wire.edges.setdefault(PINS.status_light, []), wire.edges.setdefault(PINS.buzzer, [])
    panel = Panel(config, PINS, board, clock, lambda: None)
    assert not any(light)
    assert not any(buzzer)
    panel.show(State.PROBE_FAULT)
    assert wire._pwm.keys() == {PINS.status_light, PINS.buzzer}
    assert (light[-1], buzzer[-1]) == (0.29, 0.5)
    wire.period_passes()
    clock.now_ns += 2500 * MS - 300 * MS
    panel.poll()
    assert wire._pwm == {}
    assert (light[-1], buzzer[-1]) == (0, 0)
    panel.show(State.CAMERA_FAULT)
    wire.period_passes()
    panel.close()
    assert wire._pwm == {}
    assert (light[-2:], buzzer[-2:]) == ([0, None], [0, None]), "off first, then let go"


def test_a_light_at_full_brightness_costs_no_pwm(wire: Wire, board: Any) -> None:
    panel = Panel(PanelConfig(), PINS, board, Steps(), lambda: None)
    panel.show(State.IDLE)
    assert wire.edges[PINS.status_light][-1] == 1
    assert wire._pwm == {}
    panel.close()


def test_a_pi_gets_every_whole_per_cent_that_was_asked_for(wire: Wire, board: Any) -> None:
    line = Line(PINS.buzzer, 2700, board)
    for percent in range(101):
        line.set(percent * 0.01)
        assert wire.edges[PINS.buzzer][-1] == pytest.approx(percent / 100)
    line.close()
    assert wire.edges[PINS.buzzer][-1] is None
