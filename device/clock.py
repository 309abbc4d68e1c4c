"""The two clocks: CLOCK_BOOTTIME for intervals and order, the wall clock for records; and whether the latter is set."""

import ctypes
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

BOOT_ID: Path = Path("/proc/sys/kernel/random/boot_id")
TIMESYNCD_MARK: Path = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd touches it at the first synchronisation since boot (systemd-timesyncd.service(8))."""

TIME_ERROR: int = 5
"""adjtimex(2): the clock is not synchronised to a reliable server."""
TIMEX_BYTES: int = 256
"""At least sizeof(struct timex), which is 208 on 64-bit Linux; all zero means: change nothing, only report."""


class Clock(Protocol):
    """What a measurement needs to know about time."""

    def boottime_ns(self) -> int:
        """Return CLOCK_BOOTTIME in ns, the clock of libcamera's SensorTimestamp; it never steps."""

    def now(self) -> datetime:
        """Return the wall clock in UTC; it may be wrong, and it may step."""

    def boot_id(self) -> UUID:
        """Return which boot `boottime_ns` counts from."""

    def synchronised(self) -> bool:
        """Return whether the wall clock was set from a time server."""


class SystemClock:
    """The clocks of this Linux machine."""

    def boottime_ns(self) -> int:
        """Return CLOCK_BOOTTIME in ns."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def now(self) -> datetime:
        """Return the wall clock in UTC."""
        return datetime.now(UTC)

    def boot_id(self) -> UUID:
        """Return the kernel's boot id; raises `OSError` where the kernel does not tell."""
        return UUID(BOOT_ID.read_text(encoding="ascii").strip())

    def synchronised(self) -> bool:
        """Return whether systemd-timesyncd or the kernel says so; a doubt counts as no."""
        if TIMESYNCD_MARK.exists():
            return True
        report = ctypes.create_string_buffer(TIMEX_BYTES)
        state = int(ctypes.CDLL(None, use_errno=True).adjtimex(report))
        return 0 <= state < TIME_ERROR
