"""What the machine itself tells about its disk, its clock and its temperature. No call raises; None is: not known."""

import os
from pathlib import Path

from device.clock import Clock
from device.health import DiskFacts, TemperatureFacts

MEGABYTE: int = 1_000_000
THERMAL_ZONE = Path("/sys/class/thermal/thermal_zone0/temp")
"""In 1/1000 °C (kernel: Documentation/driver-api/thermal/sysfs-api.rst)."""
THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
"""Hexadecimal word of the Raspberry Pi's firmware; the same as `vcgencmd get_throttled`, without a process."""
UNDER_VOLTAGE, SLOWED = 0x1, 0x2 | 0x4 | 0x8
"""Now: supply too low; and frequency capped, throttled, or soft temperature limit (Raspberry Pi documentation)."""
POSSIBLE_C: tuple[float, float] = (-40.0, 125.0)


def disk(folder: Path, minimum_mb: float) -> DiskFacts | None:
    """Return how the disk of `folder` does."""
    try:
        found = os.statvfs(folder)
        writable = not found.f_flag & os.ST_RDONLY and os.access(folder, os.W_OK)
    except OSError:
        return None
    return DiskFacts(found.f_bavail * found.f_frsize / MEGABYTE, minimum_mb, bool(writable))


def clock_synchronised(clock: Clock) -> bool | None:
    """Return whether the wall clock was set from a time server."""
    try:
        return clock.synchronised()
    except OSError:
        return None


def temperature(zone: Path = THERMAL_ZONE, throttled: Path = THROTTLED) -> TemperatureFacts | None:
    """Return how hot the processor is and whether it is slowed down; None where neither is told."""
    board_c = _number(zone, 10)
    board_c = None if board_c is None else board_c / 1000
    if board_c is not None and not POSSIBLE_C[0] <= board_c <= POSSIBLE_C[1]:
        board_c = None
    word = _number(throttled, 16)
    if board_c is None and word is None:
        return None
    if word is None:
        return TemperatureFacts(board_c)
    return TemperatureFacts(board_c, bool(int(word) & SLOWED), bool(int(word) & UNDER_VOLTAGE))


def _number(path: Path, base: int) -> float | None:
    try:
        return int(path.read_text(encoding="ascii").strip(), base)
    except (OSError, ValueError):
        return None
