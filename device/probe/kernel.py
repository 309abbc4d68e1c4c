"""What the kernel gives beside GPIO: an I2C device, and the files of sysfs. The Pi's board hands them to the drivers.

I2C goes through the kernel's own device file, since neither lgpio nor the usual libraries let the time-out be set, and
that of the Pi's bus is a second: a hundred control steps.
"""

import errno
import fcntl
import os
from pathlib import Path

I2C_RETRIES, I2C_TIMEOUT, I2C_SLAVE = 0x0701, 0x0702, 0x0703
"""Requests of linux/i2c-dev.h."""
TRANSFER_TIMEOUT_MS = 20
"""Longest time for which one transfer can block; the kernel counts in tens of ms."""


class KernelI2c:
    """One device on an I2C bus of this machine. Raises `OSError` where the bus cannot be used or does not answer."""

    def __init__(self, bus: int, address: int) -> None:
        self._file = os.open(f"/dev/i2c-{bus}", os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(self._file, I2C_SLAVE, address)
            fcntl.ioctl(self._file, I2C_RETRIES, 0)
            fcntl.ioctl(self._file, I2C_TIMEOUT, TRANSFER_TIMEOUT_MS // 10)
        except OSError:
            os.close(self._file)
            raise

    def write(self, data: bytes) -> None:
        """Send `data` in one transfer; raises `OSError`, after `TRANSFER_TIMEOUT_MS` at the latest."""
        if os.write(self._file, data) != len(data):
            raise OSError(errno.EIO, "not all was taken")

    def read(self, count: int) -> bytes:
        """Return `count` bytes of one transfer; raises `OSError`, after `TRANSFER_TIMEOUT_MS` at the latest."""
        data = os.read(self._file, count)
        if len(data) != count:
            raise OSError(errno.EIO, "not all was given")
        return data

    def close(self) -> None:
        """Let go of the bus."""
        os.close(self._file)


class KernelFiles:
    """The files below `root`, by their names from there, read and written whole. Raises `OSError`."""

    def __init__(self, root: Path = Path("/sys")) -> None:
        self._root = root

    def read(self, name: str) -> str:
        """Return what stands in the file, without the white space around it."""
        return (self._root / name).read_text(encoding="ascii", errors="replace").strip()

    def write(self, name: str, text: str) -> None:
        """Write into a file that is there; none is made."""
        file = os.open(self._root / name, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
        try:
            os.write(file, text.encode("ascii"))
        finally:
            os.close(file)
