"""The drivers on gpiozero's mock pins: the code that runs on the Pi."""

from collections.abc import Iterator

import pytest
from gpiozero import OutputDevice

from device.probe.drivers import PumpAndValve, hardware_pin_factory
from device.probe.mcp3008 import Mcp3008PressureSensor, kpa_of
from device.probe.ports import HardwareError
from device.probe.safety import RELEASED, Outputs
from firmware_config.device import DeviceConfig
from phantom.pins import counts_at
from refill.simulation import SimulatedProbe, SteppedClock


@pytest.fixture
def simulated(config: DeviceConfig) -> SimulatedProbe:
    return SimulatedProbe(config, clock=SteppedClock())


@pytest.fixture
def outputs(config: DeviceConfig, simulated: SimulatedProbe) -> Iterator[PumpAndValve]:
    port = PumpAndValve(config, simulated.pin_factory)
    yield port
    port.close()


@pytest.mark.parametrize("named", [{}, {"GPIOZERO_PIN_FACTORY": "mock"}, {"GPIOZERO_PIN_FACTORY": "rpigpio"}])
def test_no_other_pin_factory_than_lgpio_is_taken(named: dict[str, str]) -> None:
    with pytest.raises(HardwareError, match="GPIOZERO_PIN_FACTORY must be lgpio"):
        hardware_pin_factory(named)


def test_pins_start_released(config: DeviceConfig, simulated: SimulatedProbe, outputs: PumpAndValve) -> None:
    assert simulated.pin_factory.pin(config.pins.vent_valve).state == 0
    assert simulated.pin_factory.pin(config.pins.pump).state == 0


def test_valve_and_pump_follow_the_outputs_and_closing_lets_go(
    config: DeviceConfig, simulated: SimulatedProbe, outputs: PumpAndValve
) -> None:
    valve = simulated.pin_factory.pin(config.pins.vent_valve)
    pump = simulated.pin_factory.pin(config.pins.pump)
    outputs.apply(Outputs(valve_closed=True, pump_duty=0.4))
    assert (valve.state, pump.state) == (1, 0.4)
    outputs.apply(Outputs(valve_closed=True, pump_duty=0.0))
    outputs.apply(RELEASED)
    valve.assert_states([False, True, False])
    outputs.apply(Outputs(valve_closed=True, pump_duty=0.9))
    outputs.close()
    assert (valve.state, pump.state) == (0, 0)


def test_the_pump_is_stopped_although_the_valve_fails(
    config: DeviceConfig, simulated: SimulatedProbe, outputs: PumpAndValve, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs.apply(Outputs(valve_closed=True, pump_duty=0.4))

    def fail(_state: object) -> None:
        raise OSError("line is gone")

    valve = simulated.pin_factory.pin(config.pins.vent_valve)
    monkeypatch.setattr(valve, "_set_state", fail)
    with pytest.raises(HardwareError, match="vent valve: line is gone"):
        outputs.apply(RELEASED)
    assert simulated.pin_factory.pin(config.pins.pump).state == 0


def test_a_pin_in_use_is_one_line(config: DeviceConfig, simulated: SimulatedProbe) -> None:
    taken = OutputDevice(config.pins.pump, pin_factory=simulated.pin_factory)
    with pytest.raises(HardwareError, match=r"^pump: [^\n]*in use"):
        PumpAndValve(config, simulated.pin_factory)
    taken.close()


def test_counts_and_pressure_are_each_others_inverse(config: DeviceConfig) -> None:
    sensor = config.pressure_sensor.model_copy(update={"zero_kpa": 0.7})
    one_count = kpa_of(501, sensor) - kpa_of(500, sensor)
    assert 0.10 < one_count < 0.12
    for tenth in range(-30, 1000):
        assert kpa_of(counts_at(tenth / 10, sensor), sensor) == pytest.approx(tenth / 10, abs=one_count / 2 + 1e-9)


def test_the_curve_is_the_data_sheets(config: DeviceConfig) -> None:
    volts_at_40_kpa = (0.2 + 4.5 * 0.4) * 0.66
    assert kpa_of(round(volts_at_40_kpa / 3.3 * 1024), config.pressure_sensor) == pytest.approx(40.0, abs=0.06)


def test_a_converter_that_does_not_answer_is_no_sample(config: DeviceConfig, simulated: SimulatedProbe) -> None:
    clock = SteppedClock()
    sensor = Mcp3008PressureSensor(config.pressure_sensor, simulated.pin_factory, clock)
    first = sensor.read()
    assert first is not None
    assert first.t_ns == clock()
    assert first.kpa == pytest.approx(0.0, abs=0.5)
    simulated.hydraulics.faults.sensor = "stale"
    assert sensor.read() is None
    simulated.hydraulics.faults.sensor = "none"
    assert sensor.read() is not None
    sensor.close()
