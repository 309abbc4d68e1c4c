"""The device's own light, on a line of the header: on, off, dimmed, or following a curve."""

import threading
import time
from collections.abc import Callable
from typing import Any

from gpiozero import PWMLED

from calibration.rig import RigError
from device.probe.drivers import HARDWARE_ERRORS
from device.probe.link import boot_ns

MOST_HZ = 1000
"""lgpio's PWM is a thread: at more than this its jitter is a share of the level."""
STEP_S = 0.001
"""How often the light is set along a curve. Each level is that of the middle of its time, which begins with the PWM's
next period: lgpio takes a change only there."""


def pwm_hz(exposure_us: int) -> int:
    """Return a frequency of which whole periods fit into an exposure, so that a dimmed light is even in every frame."""
    one_hz = 1e6 / exposure_us
    return round(one_hz * max(int(MOST_HZ / one_hz), 1))


class BenchLight:
    """The light on GPIO `pin`, lit as it is made. `set` and `follow` are of one thread at a time."""

    def __init__(self, pin: int, exposure_us: int, pin_factory: Any) -> None:
        """Claim the line; raises `RigError` where it cannot be had."""
        hz = pwm_hz(exposure_us)
        self._ahead_s = 0.5 * (STEP_S + 1.0 / hz)
        try:
            self._led = PWMLED(pin, initial_value=1, frequency=hz, pin_factory=pin_factory)
        except HARDWARE_ERRORS as error:
            raise RigError(f"The light on pins.light = {pin} cannot be switched: {error}.") from error

    def set(self, level: float) -> int:
        """Set the level, 0 to 1, and return when, CLOCK_BOOTTIME; it is there within a period of its PWM (1 ms)."""
        try:
            self._led.value = float(level)
        except HARDWARE_ERRORS as error:
            raise RigError(f"The light cannot be set to {level:g}: {error}.") from error
        return boot_ns()

    def follow(self, level_at: Callable[[float], float], start_ns: int, seconds: float, stop: threading.Event) -> None:
        """Follow `level_at` (s from `start_ns`) for so long, or until `stop`; blocks."""
        level: float | None = None
        while not stop.is_set():
            since_s = (boot_ns() - start_ns) / 1e9
            if since_s >= seconds:
                return
            wanted = float(level_at(max(since_s + self._ahead_s, 0.0)))
            if wanted != level:
                self.set(wanted)
                level = wanted
            time.sleep(STEP_S)

    def close(self) -> None:
        """Let the line go: it is an input again, and the light as it is at rest, lit by its pull-up for the bedside."""
        self._led.close()
