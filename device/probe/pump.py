"""The pump's line: PWM by lgpio on any GPIO line, or by the chip through /sys/class/pwm."""

import math
import time
from collections.abc import Callable
from typing import Any, Protocol

from gpiozero import OutputDevice

from device.probe.ports import Sysfs
from firmware_config.hardware import HardwarePwm

EXPORT_S = 1.0
"""A channel just exported belongs to root for a moment: udev hands its files over."""
PAUSE_S = 0.01


class PumpLine(Protocol):
    """What turns the pump."""

    def set(self, duty: float) -> None:
        """Run at a duty from 0 to 1; 0 stops. Raises one of `drivers.HARDWARE_ERRORS`."""

    def close(self) -> None:
        """Stop and let go."""


class SoftwarePump(OutputDevice):  # type: ignore[misc]  # gpiozero has no types
    """PWM by lgpio's thread. gpiozero cuts a duty down to whole per cent, so no other is ever asked for.

    Not gpiozero's own PWM device: that one claims the line before it says at which level.
    """

    def __init__(self, pin: int, *, active_high: bool, frequency_hz: int, pin_factory: Any) -> None:
        super().__init__(pin, active_high=active_high, initial_value=False, pin_factory=pin_factory)
        self.pin.frequency = frequency_hz

    def set(self, duty: float) -> None:
        """Run at the nearest whole per cent of `duty` (0 to 1); in force from the next PWM period on."""
        self._write(duty)

    def close(self) -> None:
        """End the PWM, at rest, and let go of the line."""
        if self._pin is not None:
            # lgpio ends a PWM wherever in its period it is, so the line may just then be on.
            self._pin.frequency = None
            self._write(0.0)
        super().close()

    def _value_to_state(self, value: float) -> float:
        percent = round(100 * value)
        high = percent if self.active_high else 100 - percent
        # 0.29 * 100 is a little below 29 and would be cut down to 28.
        state = high / 100
        return state if int(state * 100) == high else math.nextafter(state, 1.0)


class HardwarePump:
    """PWM by the chip. The channel is enabled only while the pump runs: two writes stop it, and either would do.

    The kernel lets a channel run on when its process dies: opening stops whatever it finds running, so that opening and
    closing (`outputs_off`) needs nothing but the configuration.
    """

    def __init__(self, pwm: HardwarePwm, sysfs: Sysfs, pause: Callable[[float], None] = time.sleep) -> None:
        self._sysfs = sysfs
        self._chip = f"class/pwm/pwmchip{pwm.chip}"
        self._channel = f"{self._chip}/pwm{pwm.channel}"
        self._period_ns = round(1e9 / pwm.frequency_hz)
        self._enabled = False
        self._export(pwm.channel, pause)

    def set(self, duty: float) -> None:
        """Run at `duty` (0 to 1); 0 stops. Raises `OSError` after having tried everything."""
        if duty > 0:
            self._put("duty_cycle", min(round(duty * self._period_ns), self._period_ns))
            if not self._enabled:
                self._put("enable", 1)
                self._enabled = True
        else:
            self._stop()

    def close(self) -> None:
        """Stop. The channel stays exported, for whoever opens it next."""
        self._stop()

    def _stop(self) -> None:
        failed: OSError | None = None
        for name in ("enable", "duty_cycle"):
            try:
                self._put(name, 0)
            except OSError as error:
                failed = error
        self._enabled = False
        if failed is not None:
            raise failed

    def _export(self, channel: int, pause: Callable[[float], None]) -> None:
        try:
            self._sysfs.read(f"{self._channel}/period")
        except FileNotFoundError:
            self._sysfs.write(f"{self._chip}/export", str(channel))
        tries = round(EXPORT_S / PAUSE_S)
        for attempt in range(1, tries + 1):
            try:
                return self._stop_and_set_up()
            except (FileNotFoundError, PermissionError):
                if attempt == tries:
                    raise
            pause(PAUSE_S)
        return None

    def _stop_and_set_up(self) -> None:
        # Before it has a period the kernel takes nothing else, not even a zero; such a channel has never run.
        if int(self._sysfs.read(f"{self._channel}/period")) == 0:
            self._put("period", self._period_ns)
        self._stop()
        if self._sysfs.read(f"{self._channel}/polarity") != "normal":
            self._sysfs.write(f"{self._channel}/polarity", "normal")
        self._put("period", self._period_ns)

    def _put(self, name: str, value: int) -> None:
        self._sysfs.write(f"{self._channel}/{name}", str(value))
