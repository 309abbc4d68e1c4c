"""Every edge of the pump's and the valve's line from open to close, at both polarities: none in the wrong direction."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from gpiozero import PWMOutputDevice
from lgpio_on_a_wire import Edge, LgpioOnAWire

from device.probe.drivers import PumpAndValve, hardware_pin_factory
from device.probe.hardware import outputs_off
from device.probe.ports import HardwareError
from device.probe.safety import RELEASED, Outputs
from firmware_config.device import DeviceConfig
from refill.simulation import SimulatedProbe, SteppedClock

POLARITIES = [(True, True), (True, False), (False, True), (False, False)]
PRESSING = Outputs(valve_closed=True, pump_duty=0.4)


def wired(config: DeviceConfig, pump_active_high: bool, valve_active_high: bool) -> DeviceConfig:
    pins = {"pump_active_high": pump_active_high, "vent_valve_active_high": valve_active_high}
    return config.model_copy(update={"pins": config.pins.model_copy(update=pins)})


def on(edge: Edge, active_high: bool) -> float:
    """Share of the time for which what hangs on the line is on; a line that is let go is pulled to off."""
    return 0.0 if edge is None else edge if active_high else 1.0 - edge


@pytest.fixture
def lgpio(monkeypatch: pytest.MonkeyPatch) -> Iterator[LgpioOnAWire]:
    wire = LgpioOnAWire()
    monkeypatch.setitem(sys.modules, "lgpio", wire)
    for name in ("gpiozero.pins.lgpio", "device.probe.board"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", lambda: 0xA02082)
    yield wire
    for name in ("gpiozero.pins.lgpio", "device.probe.board"):
        sys.modules.pop(name, None)


@pytest.fixture
def board(lgpio: LgpioOnAWire) -> Iterator[Any]:
    made = hardware_pin_factory({"GPIOZERO_PIN_FACTORY": "lgpio"})
    yield made
    made.close()


@pytest.mark.parametrize(("pump_high", "valve_high"), POLARITIES)
def test_no_line_of_a_pi_is_ever_on_unless_told(
    config: DeviceConfig, lgpio: LgpioOnAWire, board: Any, pump_high: bool, valve_high: bool
) -> None:
    config = wired(config, pump_high, valve_high)
    pump, valve = lgpio.edges.setdefault(12, []), lgpio.edges.setdefault(17, [])
    outputs = PumpAndValve(config, board)
    outputs.apply(RELEASED)
    assert [on(edge, pump_high) for edge in pump] == [0.0] * len(pump)
    assert [on(edge, valve_high) for edge in valve] == [0.0] * len(valve)
    assert None not in (pump[-1], valve[-1]), "both are driven to rest, not left to their pulls"
    del pump[:-1], valve[:-1]

    outputs.apply(PRESSING)
    outputs.apply(Outputs(valve_closed=True, pump_duty=0.0))
    outputs.apply(PRESSING)
    outputs.apply(RELEASED)
    assert [on(edge, pump_high) for edge in pump] == pytest.approx([0.0, 0.4, 0.0, 0.4, 0.0])
    assert [on(edge, valve_high) for edge in valve] == [0.0, 1.0, 0.0]

    outputs.apply(PRESSING)
    lgpio.period_passes()
    lgpio.ends_high = pump_high
    outputs.close()
    assert (pump[-1], valve[-1]) == (None, None)
    assert on(pump[-3], pump_high) == 1.0, "a PWM that is ended may leave the line on,"
    assert on(pump[-2], pump_high) == 0.0, "so it is put to rest before it is let go"
    outputs_off(config, board)
    assert (pump[-1], valve[-1]) == (None, None)


def test_without_the_boards_own_lines_there_would_be_such_a_pulse(lgpio: LgpioOnAWire, board: Any) -> None:
    """What the test above would see of gpiozero's own device on gpiozero's own pin."""
    from gpiozero.pins.lgpio import LGPIOPin

    board.pin_class = LGPIOPin
    PWMOutputDevice(12, active_high=False, pin_factory=board).close()
    assert 1.0 in [on(edge, False) for edge in lgpio.edges[12]]


def test_a_pi_gets_every_whole_per_cent_that_was_asked_for(
    config: DeviceConfig, lgpio: LgpioOnAWire, board: Any
) -> None:
    for active_high in (True, False):
        outputs = PumpAndValve(wired(config, active_high, True), board)
        for percent in range(1, 101):
            outputs.apply(Outputs(valve_closed=True, pump_duty=percent * 0.01))
            assert on(lgpio.edges[12][-1], active_high) == pytest.approx(percent / 100)
        outputs.close()


@pytest.mark.parametrize(("pump_high", "valve_high"), POLARITIES)
def test_no_simulated_line_is_ever_on_unless_told(config: DeviceConfig, pump_high: bool, valve_high: bool) -> None:
    config = wired(config, pump_high, valve_high)
    simulated = SimulatedProbe(config, clock=SteppedClock())
    pump, valve = (simulated.pin_factory.pin(pin) for pin in (config.pins.pump, config.pins.vent_valve))
    moved: list[tuple[str, float]] = []
    pump._switch = lambda share: moved.append(("pump", round(share, 6)))
    valve._switch = lambda share: moved.append(("valve", share))
    outputs = PumpAndValve(config, simulated.pin_factory)
    outputs.apply(RELEASED)
    assert moved == []
    outputs.apply(PRESSING)
    outputs.apply(RELEASED)
    assert moved == [("valve", 1.0), ("pump", 0.4), ("valve", 0.0), ("pump", 0.0)]
    outputs.close()
    assert len(moved) == 4
    assert (pump.state, valve.state) == (1.0 - pump_high, 1.0 - valve_high)


def test_simulated_pins_know_no_finer_steps_than_whole_per_cent(config: DeviceConfig) -> None:
    simulated = SimulatedProbe(config, clock=SteppedClock())
    pin = simulated.pin_factory.pin(config.pins.pump)
    with PWMOutputDevice(config.pins.pump, pin_factory=simulated.pin_factory) as pump:
        for duty, given in ((0.119, 0.11), (0.29, 0.28), (0.005, 0.0), (1.0, 1.0)):
            pump.value = duty
            assert pin.state == given
    outputs = PumpAndValve(config, simulated.pin_factory)
    for duty, given in ((0.119, 0.12), (0.29, 0.29), (0.57, 0.57), (0.004, 0.0), (1.0, 1.0)):
        outputs.apply(Outputs(valve_closed=True, pump_duty=duty))
        assert pin.state == given
    outputs.close()


def test_a_valve_that_cannot_be_opened_as_a_line_does_not_keep_the_pump_from_being_stopped(
    config: DeviceConfig,
) -> None:
    simulated = SimulatedProbe(config, clock=SteppedClock())
    factory = simulated.pin_factory
    holder = PumpAndValve(config, factory)
    holder._pump.close()
    with pytest.raises(HardwareError, match=r"^vent valve: [^\n]*in use"):
        outputs_off(config, factory)
    assert factory.pin(config.pins.pump).states[-1].state == 0
    holder.close()
    outputs_off(config, factory)


def test_a_valve_that_does_not_obey_when_put_off_is_told(config: DeviceConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    factory = SimulatedProbe(config, clock=SteppedClock()).pin_factory

    def fail(_state: object) -> None:
        raise OSError("line is gone")

    monkeypatch.setattr(factory.pin(config.pins.vent_valve), "_set_state", fail)
    with pytest.raises(HardwareError, match=r"^vent valve: line is gone$"):
        outputs_off(config, factory)
