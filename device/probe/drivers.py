"""The hardware's rim: pump, vent valve and pressure sensor through gpiozero. The pin factory is handed in.

Nothing here decides anything. A driver that fails says so in one exception; venting goes on past a failure.
"""

import contextlib
import os
import warnings
from collections.abc import Mapping
from typing import Any, Protocol

from gpiozero import MCP3008, Device, GPIOZeroError, OutputDevice, PWMOutputDevice, SPISoftwareFallback

from device.probe.messages import Clock
from device.probe.safety import RELEASED, Outputs
from device.probe.watch import FULL_SCALE, Sample
from firmware_config.device import DeviceConfig, PressureSensor


def _hardware_errors() -> tuple[type[Exception], ...]:
    try:
        import lgpio
    except ImportError:
        return (OSError, GPIOZeroError)
    return (OSError, GPIOZeroError, lgpio.error)


HARDWARE_ERRORS = _hardware_errors()
"""What pins and bus raise when the hardware fails; lgpio's own error, where there is lgpio, is a plain Exception."""


class HardwareError(Exception):
    """The probe's hardware cannot be used. One line."""


class OutputPort(Protocol):
    """Where outputs go."""

    def apply(self, outputs: Outputs) -> None:
        """Make it so; raises `HardwareError` after having tried everything."""

    def close(self) -> None:
        """Vent and let go of the pins."""


class SensorPort(Protocol):
    """Where pressure comes from."""

    def read(self) -> Sample | None:
        """Return one fresh sample, or None where the sensor does not answer. Never raises."""

    def close(self) -> None:
        """Let go of the bus."""


def hardware_pin_factory(environment: Mapping[str, str] | None = None) -> Any:
    """Return gpiozero's lgpio factory; raises `HardwareError` unless GPIOZERO_PIN_FACTORY names just that.

    gpiozero's default falls through to other factories with no more than a warning, and those do not work on a Pi 5.
    """
    named = (os.environ if environment is None else environment).get("GPIOZERO_PIN_FACTORY", "")
    if named != "lgpio":
        raise HardwareError(
            f"GPIOZERO_PIN_FACTORY must be lgpio, not {named or 'unset'!r}; without a Pi use --simulate"
        )
    try:
        from gpiozero.pins.lgpio import LGPIOFactory
    except ImportError as error:
        raise HardwareError(f"lgpio cannot be used here: {error}; without a Pi use --simulate") from error
    try:
        return LGPIOFactory()
    except HARDWARE_ERRORS as error:
        raise HardwareError(f"lgpio cannot be used here: {error}; without a Pi use --simulate") from error


class PumpAndValve:
    """The two outputs. Released on construction; a pin is written only when its value changes, releasing always is."""

    def __init__(self, config: DeviceConfig, pin_factory: Any) -> None:
        self._now = RELEASED
        try:
            self._valve = OutputDevice(config.pins.vent_valve, initial_value=False, pin_factory=pin_factory)
            try:
                self._pump = PWMOutputDevice(
                    config.pins.pump, frequency=config.probe.pump_hz, initial_value=0, pin_factory=pin_factory
                )
            except HARDWARE_ERRORS:
                self._valve.close()
                raise
        except HARDWARE_ERRORS as error:
            raise HardwareError(f"pump and valve: {error}") from error

    def apply(self, outputs: Outputs) -> None:
        """Drive the pins, the valve before the pump; raises `HardwareError` after having tried both."""
        failed: list[str] = []
        releasing = outputs == RELEASED
        if releasing or outputs.valve_closed != self._now.valve_closed:
            try:
                self._valve.value = outputs.valve_closed
            except HARDWARE_ERRORS as error:
                failed.append(f"vent valve: {error}")
        if releasing or outputs.pump_duty != self._now.pump_duty:
            try:
                self._pump.value = 0.0 if failed else outputs.pump_duty
            except HARDWARE_ERRORS as error:
                failed.append(f"pump: {error}")
        self._now = outputs
        if failed:
            raise HardwareError("; ".join(failed))

    def close(self) -> None:
        """Vent and let go of the pins; what fails on the way is left to the pull-downs."""
        with contextlib.suppress(HardwareError):
            self.apply(RELEASED)
        for device in (self._valve, self._pump):
            with contextlib.suppress(*HARDWARE_ERRORS):
                device.close()


class Mcp3008PressureSensor:
    """The analogue sensor behind an MCP3008."""

    def __init__(self, sensor: PressureSensor, pin_factory: Any, clock: Clock) -> None:
        self._sensor = sensor
        self._clock = clock
        # gpiozero's software bus, which its mock uses, asks for the process-wide factory whatever it was handed.
        Device.pin_factory = pin_factory
        try:
            with warnings.catch_warnings():
                # Bit-banged SPI on a Pi is too slow for the loop: a missing /dev/spidev has to be an error.
                warnings.simplefilter("error", SPISoftwareFallback)
                self._converter = MCP3008(channel=sensor.channel, pin_factory=pin_factory)
        except (SPISoftwareFallback, *HARDWARE_ERRORS) as error:
            raise HardwareError(f"pressure sensor: {error}") from error

    def read(self) -> Sample | None:
        """Return one sample stamped at the middle of its reading; None where the converter does not answer."""
        before_ns = self._clock()
        try:
            counts = int(self._converter.raw_value)
        except HARDWARE_ERRORS:
            return None
        return Sample((before_ns + self._clock()) // 2, counts, kpa_of(counts, self._sensor))

    def close(self) -> None:
        """Let go of the bus."""
        with contextlib.suppress(*HARDWARE_ERRORS):
            self._converter.close()


def kpa_of(counts: int, sensor: PressureSensor) -> float:
    """Return the gauge pressure in kPa behind `counts` (0 to 1023): converter, divider, the sensor's line, its zero."""
    volts = counts / (FULL_SCALE + 1) * sensor.reference_v / sensor.divider
    return (volts - sensor.zero_v) / sensor.span_v * sensor.span_kpa - sensor.zero_kpa
