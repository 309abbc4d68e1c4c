"""Simulated pins: plain gpiozero devices on them drive the model and read it."""

from collections.abc import Iterator

import pytest
from gpiozero import MCP3008, Device, OutputDevice, PWMOutputDevice

from firmware_config.device import load_device
from phantom.hydraulics import Chamber, Hydraulics
from phantom.pins import SimulatedPinFactory, counts_at

CONFIG = load_device()
MS = 1_000_000


class Bench:
    def __init__(self) -> None:
        self.now_ns = 0
        self.air = Hydraulics(Chamber(noise_kpa=0.0, sensor_lag_s=0.0), clock=lambda: self.now_ns)
        self.factory = SimulatedPinFactory(self.air, CONFIG.pins, CONFIG.pressure_sensor)
        self.before = Device.pin_factory
        Device.pin_factory = self.factory
        self.pump = PWMOutputDevice(CONFIG.pins.pump, pin_factory=self.factory)
        self.valve = OutputDevice(CONFIG.pins.vent_valve, pin_factory=self.factory)
        self.adc = MCP3008(CONFIG.pressure_sensor.channel, pin_factory=self.factory)

    def wait_ms(self, milliseconds: int) -> None:
        self.now_ns += milliseconds * MS

    def close(self) -> None:
        for device in (self.pump, self.valve, self.adc):
            device.close()
        Device.pin_factory = self.before


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def test_the_converter_gives_the_pressure_through_the_sensors_curve(bench: Bench) -> None:
    assert bench.adc.raw_value == counts_at(0.0, CONFIG.pressure_sensor) == 41
    bench.valve.on()
    bench.pump.value = 0.5
    for _ in range(10):
        bench.wait_ms(100)
        assert bench.adc.raw_value == counts_at(bench.air.pressure_kpa(), CONFIG.pressure_sensor)
    assert bench.adc.raw_value > 350


def test_every_one_of_the_1024_counts_crosses_the_bus_whole(bench: Bench) -> None:
    for counts in range(0, 1024, 31):
        bench.factory.converter._counts = lambda counts=counts: counts
        assert bench.adc.raw_value == counts


def test_other_channels_are_not_wired(bench: Bench) -> None:
    with MCP3008(5, pin_factory=bench.factory) as other:
        assert other.raw_value == 0


def test_dropping_the_valve_vents_and_closing_the_pins_does_too(bench: Bench) -> None:
    for let_go in (bench.valve.off, bench.close):
        bench.valve.on()
        bench.pump.value = 0.5
        bench.wait_ms(800)
        assert bench.air.pressure_kpa() > 25
        let_go()
        bench.pump.close()
        bench.wait_ms(400)
        assert bench.air.pressure_kpa() < 0.3
        bench.pump = PWMOutputDevice(CONFIG.pins.pump, pin_factory=bench.factory)
    bench.valve = OutputDevice(CONFIG.pins.vent_valve, pin_factory=bench.factory)


def test_sensor_faults_show_on_the_bus(bench: Bench) -> None:
    bench.valve.on()
    bench.pump.value = 0.5
    bench.air.faults.sensor = "stuck"
    first = bench.adc.raw_value
    bench.wait_ms(500)
    assert bench.adc.raw_value == first
    bench.air.faults.sensor = "clipped_high"
    assert bench.adc.raw_value == 1023
    bench.air.faults.sensor = "clipped_low"
    assert bench.adc.raw_value == 0
    bench.air.faults.sensor = "jumps"
    assert abs(bench.adc.raw_value - bench.adc.raw_value) > 300
    bench.air.faults.sensor = "stale"
    with pytest.raises(OSError, match="does not answer"):
        _ = bench.adc.raw_value
    bench.air.faults.sensor = "none"
    assert bench.adc.raw_value > first


def test_ordinary_pins_are_ordinary_mock_pins(bench: Bench) -> None:
    with OutputDevice(CONFIG.pins.buzzer, pin_factory=bench.factory) as buzzer:
        buzzer.on()
        assert bench.factory.pin(CONFIG.pins.buzzer).state
