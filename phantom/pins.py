"""Simulated pins below the real drivers: gpiozero's own mock factory, and the hydraulic model behind it.

The driver code is the same as on the Pi. Every write to a pin and every read of the converter moves the model to now.
"""

import time
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPin, MockPWMPin, MockSPIDevice

from firmware_config.hardware import Mcp3008Sensor, Pins, PressureSensor
from phantom.hydraulics import Hydraulics

CLOCK_PIN, MOSI_PIN, MISO_PIN, SELECT_PIN = 11, 10, 9, 8
FULL_SCALE = 1023
_HANG_S = 3.0


def counts_at(kpa: float, sensor: Mcp3008Sensor) -> int:
    """Return what the converter gives at `kpa`: the sensor's curve and divider, clipped to 0 to 1023."""
    volts = sensor.volts_at(kpa) * sensor.divider
    return min(max(round(volts / sensor.reference_v * (FULL_SCALE + 1)), 0), FULL_SCALE)


class PumpPin(MockPWMPin):  # type: ignore[misc]  # gpiozero has no types
    """The pump's gate: its duty is the model's."""

    def __init__(self, factory: MockFactory, info: object, hydraulics: Hydraulics) -> None:
        self._hydraulics = hydraulics
        super().__init__(factory, info)

    def _change_state(self, value: float) -> bool:
        changed: bool = super()._change_state(value)
        if changed:
            self._hydraulics.set_pump(float(value))
        return changed

    def close(self) -> None:
        """Let go of the pin: its pull-down stops the pump."""
        super().close()
        self._change_state(0.0)


class ValvePin(MockPin):  # type: ignore[misc]  # gpiozero has no types
    """The vent valve's gate: high is closed."""

    def __init__(self, factory: MockFactory, info: object, hydraulics: Hydraulics) -> None:
        self._hydraulics = hydraulics
        super().__init__(factory, info)

    def _change_state(self, value: bool) -> bool:
        changed: bool = super()._change_state(value)
        if changed:
            self._hydraulics.set_valve(bool(value))
        return changed

    def close(self) -> None:
        """Let go of the pin: its pull-down drops the valve open."""
        super().close()
        self._change_state(False)


class MockMcp3008(MockSPIDevice):  # type: ignore[misc]  # gpiozero has no types
    """An MCP3008 on the mock SPI bus; its one wired channel carries the pressure sensor, the others read 0."""

    def __init__(self, factory: MockFactory, hydraulics: Hydraulics, sensor: Mcp3008Sensor) -> None:
        self._hydraulics = hydraulics
        self._sensor = sensor
        self._held: int | None = None
        self._jump = False
        super().__init__(CLOCK_PIN, MOSI_PIN, MISO_PIN, SELECT_PIN, pin_factory=factory)

    def on_start(self) -> None:
        """Begin a conversation; a stale converter does not answer, a hanging bus does not come back for long."""
        super().on_start()
        fault = self._hydraulics.faults.sensor
        if fault == "stale":
            raise OSError("simulated converter does not answer")
        if fault == "hangs":
            time.sleep(_HANG_S)

    def on_bit(self) -> None:
        """Answer with a null bit and ten bits, once start bit, mode and channel are in (datasheet, figure 6-1)."""
        bits = self.rx_buf
        if True not in bits:
            return
        word = bits[bits.index(True) :]
        if len(word) == 6:
            channel = word[2] << 2 | word[3] << 1 | word[4]
            self.tx_word(self._counts() if channel == self._sensor.channel else 0, 11)

    def _counts(self) -> int:
        counts = counts_at(self._hydraulics.sensed_kpa(), self._sensor)
        fault = self._hydraulics.faults.sensor
        if fault == "stuck":
            self._held = counts if self._held is None else self._held
            return self._held
        self._held = None
        if fault == "clipped_low":
            return 0
        if fault == "clipped_high":
            return FULL_SCALE
        if fault == "jumps":
            self._jump = not self._jump
            return min(counts + 400 * self._jump, FULL_SCALE - 10)
        return counts


class SimulatedPinFactory(MockFactory):  # type: ignore[misc]  # gpiozero has no types
    """A Pi whose pump, valve and converter end in a hydraulic model."""

    def __init__(self, hydraulics: Hydraulics, pins: Pins, sensor: PressureSensor) -> None:
        super().__init__()
        self.hydraulics = hydraulics
        self._wired = {pins.pump: PumpPin, pins.vent_valve: ValvePin}
        self.converter = MockMcp3008(self, hydraulics, sensor) if isinstance(sensor, Mcp3008Sensor) else None

    def pin(self, name: Any, pin_class: type[MockPin] | None = None, **kwargs: Any) -> MockPin:
        """Return the pin, with the model behind it where it is pump's or valve's."""
        wired = self._wired.get(name) if isinstance(name, int) else None
        if wired is not None:
            return super().pin(name, pin_class=wired, hydraulics=self.hydraulics)
        return super().pin(name, pin_class=pin_class, **kwargs)
