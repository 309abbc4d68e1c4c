"""The hardware's rim: pump and vent valve. The pin factory, and what else the board gives, is handed in.

Nothing here decides anything. A driver that fails says so in one exception; venting goes on past a failure.
"""

import contextlib
import os
from collections.abc import Mapping
from typing import Any

from gpiozero import GPIOZeroError, OutputDevice

from device.probe.ports import HardwareError, Sysfs
from device.probe.pump import HardwarePump, PumpLine, SoftwarePump
from device.probe.safety import RELEASED, Outputs
from firmware_config.device import DeviceConfig
from firmware_config.hardware import HardwarePwm


def _hardware_errors() -> tuple[type[Exception], ...]:
    try:
        import lgpio
    except ImportError:
        return (OSError, GPIOZeroError)
    return (OSError, GPIOZeroError, lgpio.error)


HARDWARE_ERRORS = _hardware_errors()
"""What pins and bus raise when the hardware fails; lgpio's own error, where there is lgpio, is a plain Exception."""


def hardware_pin_factory(environment: Mapping[str, str] | None = None) -> Any:
    """Return the Pi's board on gpiozero's lgpio factory; raises `HardwareError` unless GPIOZERO_PIN_FACTORY names that.

    gpiozero's default falls through to other factories with no more than a warning, and those do not work on a Pi 5.
    I2C and the chip's PWM are reached through the board alone, so they are refused along with the pins.
    """
    named = (os.environ if environment is None else environment).get("GPIOZERO_PIN_FACTORY", "")
    if named != "lgpio":
        raise HardwareError(
            f"GPIOZERO_PIN_FACTORY must be lgpio, not {named or 'unset'!r}; without a Pi use --simulate"
        )
    try:
        from device.probe.board import PiBoard
    except ImportError as error:
        raise HardwareError(f"lgpio cannot be used here: {error}; without a Pi use --simulate") from error
    try:
        return PiBoard()
    except HARDWARE_ERRORS as error:
        raise HardwareError(f"lgpio cannot be used here: {error}; without a Pi use --simulate") from error


class PumpAndValve:
    """The two outputs, released on construction. One is written only when its value changes; releasing always is."""

    def __init__(self, config: DeviceConfig, pin_factory: Any, sysfs: Sysfs | None = None) -> None:
        """Open the valve's line, then the pump's, each at rest from its first instant as an output.

        `sysfs` is used where the pump's PWM is the chip's. Raises `HardwareError` after having tried both.
        """
        self._now = RELEASED
        self._valve: OutputDevice | None = None
        self._pump: PumpLine | None = None
        failed: list[str] = []
        try:
            self._valve = OutputDevice(
                config.pins.vent_valve,
                active_high=config.pins.vent_valve_active_high,
                initial_value=False,
                pin_factory=pin_factory,
            )
        except HARDWARE_ERRORS as error:
            failed.append(f"vent valve: {error}")
        try:
            self._pump = _pump(config, pin_factory, sysfs)
        except HARDWARE_ERRORS as error:
            failed.append(f"pump: {error}")
        if failed:
            self.close()
            raise HardwareError("; ".join(failed))

    def apply(self, outputs: Outputs) -> None:
        """Drive the lines, the valve before the pump; raises `HardwareError` after having tried both."""
        failed: list[str] = []
        releasing = outputs == RELEASED
        if self._valve is not None and (releasing or outputs.valve_closed != self._now.valve_closed):
            try:
                self._valve.value = outputs.valve_closed
            except HARDWARE_ERRORS as error:
                failed.append(f"vent valve: {error}")
        if self._pump is not None and (releasing or outputs.pump_duty != self._now.pump_duty):
            try:
                self._pump.set(0.0 if failed else outputs.pump_duty)
            except HARDWARE_ERRORS as error:
                failed.append(f"pump: {error}")
        self._now = outputs
        if failed:
            raise HardwareError("; ".join(failed))

    def close(self) -> None:
        """Vent and let go of the lines; what fails on the way is left to their pulls."""
        with contextlib.suppress(HardwareError):
            self.apply(RELEASED)
        for line in (self._valve, self._pump):
            if line is not None:
                with contextlib.suppress(*HARDWARE_ERRORS):
                    line.close()


def _pump(config: DeviceConfig, pin_factory: Any, sysfs: Sysfs | None) -> PumpLine:
    if not isinstance(config.pump_pwm, HardwarePwm):
        return SoftwarePump(
            config.pins.pump,
            active_high=config.pins.pump_active_high,
            frequency_hz=config.pump_pwm.frequency_hz,
            pin_factory=pin_factory,
        )
    if sysfs is None:
        raise OSError("no /sys to reach the chip's PWM")
    return HardwarePump(config.pump_pwm, sysfs)
