"""A DS18B20 on the 1-wire bus, through the kernel's w1_therm. It informs: a failure is no value, and never a fault."""

import contextlib
import threading

from device.probe.messages import Clock
from device.probe.ports import Sysfs
from firmware_config.hardware import TemperatureSensor

PERIOD_S = 1.0
FRESH_NS = 5_000_000_000
LOWEST_C, HIGHEST_C = -10.0, 60.0
"""Skin and rooms are between; what lies outside is not theirs, like the 85 degrees of a part that has not measured."""


class Ds18b20:
    """The sensor as a port. A conversion takes the kernel 0.75 s, so a thread of its own asks for it."""

    def __init__(self, sensor: TemperatureSensor, sysfs: Sysfs, clock: Clock) -> None:
        self._file = f"bus/w1/devices/{sensor.id}/temperature"
        self._sysfs = sysfs
        self._clock = clock
        self._last: tuple[int, float] | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="thermometer", daemon=True)

    def start(self) -> "Ds18b20":
        """Read about once a second from now on."""
        self._thread.start()
        return self

    def celsius(self) -> float | None:
        """Return the last reading, or None where it failed or is older than 5 s. Any thread; never blocks."""
        last = self._last
        return last[1] if last is not None and self._clock() - last[0] < FRESH_NS else None

    def read(self) -> None:
        """Take one reading, or note that there is none. Blocks for about a second."""
        self._last = None if (celsius := self._celsius()) is None else (self._clock(), celsius)

    def close(self) -> None:
        """Read no more. A reading that is under way is not waited for."""
        self._end.set()

    def _celsius(self) -> float | None:
        with contextlib.suppress(OSError, ValueError):
            celsius = int(self._sysfs.read(self._file)) / 1000
            if LOWEST_C <= celsius <= HIGHEST_C:
                return celsius
        return None

    def _run(self) -> None:
        while not self._end.is_set():
            self.read()
            self._end.wait(PERIOD_S)
