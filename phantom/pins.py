"""The simulated board below the real drivers: gpiozero's own mock factory, I2C, sysfs, and the hydraulic model behind.

The driver code is the same as on the Pi. Every write to a pin and every read of the sensor moves the model to now.
"""

import errno
import os
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPin, MockPWMPin, MockSPIDevice

from firmware_config.hardware import (
    HardwarePwm,
    Mcp3008Sensor,
    MprlsSensor,
    Pins,
    PressureSensor,
    PumpPwm,
    TemperatureSensor,
)
from phantom.hydraulics import Hydraulics
from phantom.i2c import MockMpr
from phantom.sysfs import SimulatedSysfs

CLOCK_PIN, MOSI_PIN, MISO_PIN, SELECT_PIN = 11, 10, 9, 8
SPI_PINS = (CLOCK_PIN, MOSI_PIN, MISO_PIN, SELECT_PIN)
FULL_SCALE = 1023
_HANG_S = 3.0


def counts_at(kpa: float, sensor: Mcp3008Sensor) -> int:
    """Return what the converter gives at `kpa`: the sensor's curve and divider, clipped to 0 to 1023."""
    volts = sensor.volts_at(kpa) * sensor.divider
    return min(max(round(volts / sensor.reference_v * (FULL_SCALE + 1)), 0), FULL_SCALE)


class ActuatorPin(MockPWMPin):  # type: ignore[misc]  # gpiozero has no types
    """A line that switches something: as the Pi's lines do, and with an external pull to where that thing is off.

    Claimed as an output without a level it goes low, as with lgpio; with one it has it from the first instant, and
    starting or ending PWM leaves it, as with `SteadyPin` of the real board.
    """

    def __init__(
        self, factory: MockFactory, info: object, switch: Callable[[float], None], *, active_high: bool
    ) -> None:
        """`switch` is told how far on the line is, from 0 to 1, whenever that changes."""
        self._switch = switch
        self._rest = 0.0 if active_high else 1.0
        super().__init__(factory, info)
        self._frequency: float | None = None
        self._state = self._rest
        self.clear_states()

    def output_with_state(self, state: float) -> None:
        """Become an output that has `state` from its first instant."""
        self._function = "output"
        self._change_state(float(state))

    def close(self) -> None:
        """Let go of the line: its pull takes it to rest."""
        self._frequency = None
        super().close()
        self._change_state(self._rest)

    def _set_function(self, value: str) -> None:
        claimed = value == "output" != self._function
        super()._set_function(value)
        if claimed:
            self._change_state(0.0)

    def _set_frequency(self, value: float | None) -> None:
        self._frequency = value

    def _set_state(self, value: float) -> None:
        # gpiozero's lgpio pins cut a duty down to whole per cent, and know on and off where no PWM runs.
        super()._set_state(int(100 * value) / 100 if self._frequency else float(bool(value)))

    def _change_state(self, value: float) -> bool:
        changed: bool = super()._change_state(value)
        if changed:
            self._switch(abs(value - self._rest))
        return changed


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
    """A Pi whose pump, valve and sensor end in a hydraulic model, whichever way they are wired."""

    def __init__(
        self,
        hydraulics: Hydraulics,
        pins: Pins,
        sensor: PressureSensor,
        pwm: PumpPwm | None = None,
        thermometer: TemperatureSensor | None = None,
    ) -> None:
        """`pwm` None: lgpio's."""
        super().__init__()
        self.hydraulics = hydraulics
        chip = pwm if isinstance(pwm, HardwarePwm) else None
        self.sysfs = SimulatedSysfs(chip, thermometer, hydraulics.set_pump)
        self._wired: dict[int, tuple[Callable[[float], None], bool]] = {
            pins.vent_valve: (lambda on: hydraulics.set_valve(on > 0), pins.vent_valve_active_high)
        }
        if chip is None:
            self._wired[pins.pump] = (hydraulics.set_pump, pins.pump_active_high)
        self.converter = MockMcp3008(self, hydraulics, sensor) if isinstance(sensor, Mcp3008Sensor) else None
        self.mpr = MockMpr(hydraulics, sensor) if isinstance(sensor, MprlsSensor) else None
        self._at = (sensor.bus, sensor.address) if isinstance(sensor, MprlsSensor) else None

    def pin(self, name: Any, pin_class: type[MockPin] | None = None, **kwargs: Any) -> MockPin:
        """Return the pin, with the model behind it where it is pump's or valve's."""
        wired = self._wired.get(name) if isinstance(name, int) else None
        if wired is not None:
            return super().pin(name, pin_class=ActuatorPin, switch=wired[0], active_high=wired[1])
        made: MockPin = super().pin(name, pin_class=pin_class, **kwargs)
        if name in SPI_PINS:
            # gpiozero's mock remembers every edge: on the bus's lines that would be megabytes a minute.
            made.states = deque(made.states, maxlen=1)
        return made

    def i2c(self, bus: int, address: int) -> MockMpr:
        """Return the device at `address` of I2C bus `bus`; raises `OSError` where there is none."""
        if self.mpr is None or (bus, address) != self._at:
            raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))
        return self.mpr
