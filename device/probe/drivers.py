"""The hardware's rim: pump and vent valve through gpiozero. The pin factory is handed in.

Nothing here decides anything. A driver that fails says so in one exception; venting goes on past a failure.
"""

import contextlib
import os
from collections.abc import Mapping
from typing import Any

from gpiozero import GPIOZeroError, OutputDevice, PWMOutputDevice

from device.probe.ports import HardwareError
from device.probe.safety import RELEASED, Outputs
from firmware_config.device import DeviceConfig


def _hardware_errors() -> tuple[type[Exception], ...]:
    try:
        import lgpio
    except ImportError:
        return (OSError, GPIOZeroError)
    return (OSError, GPIOZeroError, lgpio.error)


HARDWARE_ERRORS = _hardware_errors()
"""What pins and bus raise when the hardware fails; lgpio's own error, where there is lgpio, is a plain Exception."""


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
                    config.pins.pump,
                    frequency=config.pump_pwm.frequency_hz,
                    initial_value=0,
                    pin_factory=pin_factory,
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
