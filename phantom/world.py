"""The skin is one, though two processes touch it: the true pressure, from the simulated probe to the phantom camera.

A memory-mapped file with a ring of stamped samples. One writer, any number of readers, no locks between them: each
record carries its number and a check over its words, so a reader takes only whole records, also from a writer that was
killed in mid-write. Where nothing new has come for 50 ms the probe is gone, and a normally-open valve lets go.

That takes lines that drop with their process (`dtparam=strict_gpiod`). Without it a Raspberry Pi's kernel keeps the
last level of a dead process's lines; the file holds what they said, and a reader can look at it so (`lines_kept`).
"""

import contextlib
import fcntl
import functools
import math
import mmap
import os
import struct
import uuid
from pathlib import Path

import numpy as np
import numpy.typing as npt

CAPACITY = 8192
"""Samples in the ring; at the hydraulic model's 2 ms, some 16 s."""
STALE_NS = 50_000_000
VENT_TAU_S = 0.03

_RECENT = 256

_MAGIC = b"RFLWRLD2"
_HEADER = struct.Struct("<8s16sQQd")
_COUNT_AT = 32
_DUTY_AT = 40
_OPEN = -1.0
"""In the place of the pump's duty: the valve is open."""
_RECORD = struct.Struct("<QqQQ")
_FIELDS = np.dtype([("number", "<u8"), ("t_ns", "<i8"), ("kpa", "<f8"), ("check", "<u8")])
_SIZE = _HEADER.size + CAPACITY * _RECORD.size


class WorldError(Exception):
    """The world file cannot be used. One line."""


@functools.cache
def _boot_id() -> bytes:
    with contextlib.suppress(OSError, ValueError):
        return uuid.UUID(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()).bytes
    return bytes(16)


class PressureWorldWriter:
    """The simulated probe's end. Carries on in the file that an earlier writer of this boot left behind."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; raises `WorldError` where that fails or another writer has it."""
        try:
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
        except OSError as error:
            raise WorldError(f"{path}: {error.strerror}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._fd, _SIZE)
            self._map = mmap.mmap(self._fd, _SIZE)
        except OSError as error:
            os.close(self._fd)
            raise WorldError(f"{path}: another simulated probe writes there, or {error.strerror}") from error
        magic, boot, capacity, self._count, _ = _HEADER.unpack_from(self._map, 0)
        if (magic, boot, capacity) != (_MAGIC, _boot_id(), CAPACITY):
            self._map[:] = bytes(_SIZE)
            self._count = 0
            _HEADER.pack_into(self._map, 0, _MAGIC, _boot_id(), CAPACITY, 0, _OPEN)

    def write(self, t_boot_ns: int, kpa: float) -> None:
        """Add one sample: CLOCK_BOOTTIME in ns, later than the one before, and the true gauge pressure."""
        number = self._count + 1
        bits = struct.unpack("<Q", struct.pack("<d", kpa))[0]
        check = number ^ t_boot_ns ^ bits
        at = _HEADER.size + self._count % CAPACITY * _RECORD.size
        _RECORD.pack_into(self._map, at, number, t_boot_ns, bits, check)
        self._count = number
        struct.pack_into("<Q", self._map, _COUNT_AT, number)

    def lines(self, valve_closed: bool, duty: float) -> None:
        """Say what the probe's lines say from now on: vent valve closed, pump's duty from 0 to 1."""
        struct.pack_into("<d", self._map, _DUTY_AT, duty if valve_closed else _OPEN)

    def close(self) -> None:
        """Let go; the samples stay for the readers."""
        self._map.close()
        os.close(self._fd)


class PressureWorldReader:
    """The phantom camera's end. May be there before, between and after writers; without one the skin is not pressed."""

    def __init__(self, path: Path, *, lines_kept: bool = False) -> None:
        """`lines_kept`: as where the kernel keeps a dead process's lines; a closed valve then keeps the pressure."""
        self._path = path
        self._lines_kept = lines_kept
        self._map: mmap.mmap | None = None
        self._inode = -1

    def pressure_at(self, t_boot_ns: int) -> float:
        """Return the true pressure in kPa at that CLOCK_BOOTTIME, interpolated; vented where the probe has gone quiet.

        An instant younger than the newest sample reads as that sample for 50 ms (ask one camera period late for the
        exact value), and decays as through the open valve from then on. Older than the ring: its oldest sample.
        """
        recent = self._whole_records(_RECENT)
        if not len(recent) or t_boot_ns < int(recent["t_ns"][0]):
            recent = self._whole_records(CAPACITY)
        t_ns, kpa = recent["t_ns"], recent["kpa"]
        if not len(t_ns):
            return 0.0
        after = int(np.searchsorted(t_ns, t_boot_ns))
        if after == 0:
            return float(kpa[0])
        before_ns, before_kpa = int(t_ns[after - 1]), float(kpa[after - 1])
        if after < len(t_ns) and int(t_ns[after]) - before_ns <= STALE_NS:
            share = (t_boot_ns - before_ns) / (int(t_ns[after]) - before_ns)
            return before_kpa + share * (float(kpa[after]) - before_kpa)
        quiet_s = (t_boot_ns - before_ns - STALE_NS) / 1e9
        if quiet_s <= 0 or (self._lines_kept and self.left_closed() is not None):
            return before_kpa
        return before_kpa * math.exp(-quiet_s / VENT_TAU_S)

    def left_closed(self) -> float | None:
        """Return the pump's duty beside a closed valve, as the lines last said, by a living probe or a dead one.

        None where they said that the valve is open.
        """
        mapped = self._mapped()
        duty: float = _OPEN if mapped is None else struct.unpack_from("<d", mapped, _DUTY_AT)[0]
        return None if duty < 0 else duty

    def history(self, since_boot_ns: int = 0) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Return `(t_ns, kpa)`, oldest first, of what the ring holds since then, and the one sample before."""
        records = self._whole_records(CAPACITY)
        t_ns = records["t_ns"].astype(np.int64)
        first = max(int(np.searchsorted(t_ns, since_boot_ns)) - 1, 0)
        return t_ns[first:], records["kpa"][first:].astype(np.float64)

    def close(self) -> None:
        """Let go of the file."""
        if self._map is not None:
            self._map.close()
        self._map = None
        self._inode = -1

    def _whole_records(self, newest: int) -> npt.NDArray[np.void]:
        """Return the last `newest` records that are whole, oldest first."""
        nothing: npt.NDArray[np.void] = np.empty(0, dtype=_FIELDS)
        mapped = self._mapped()
        if mapped is None:
            return nothing
        magic, boot, capacity, count, _ = _HEADER.unpack_from(mapped, 0)
        if (magic, boot, capacity) != (_MAGIC, _boot_id(), CAPACITY):
            return nothing
        numbers = np.arange(max(count - newest, 0) + 1, count + 1, dtype=np.uint64)
        ring = np.frombuffer(mapped, dtype=_FIELDS, count=CAPACITY, offset=_HEADER.size)
        copy = ring[(numbers - np.uint64(1)) % np.uint64(CAPACITY)]
        check = copy["number"] ^ copy["t_ns"].view("<u8") ^ copy["kpa"].view("<u8")
        whole: npt.NDArray[np.void] = copy[(copy["number"] == numbers) & (copy["check"] == check)]
        return whole

    def _mapped(self) -> mmap.mmap | None:
        try:
            found = self._path.stat()
        except OSError:
            self.close()
            return None
        if self._map is None or found.st_ino != self._inode:
            self.close()
            if found.st_size < _SIZE:
                return None
            try:
                with self._path.open("rb") as file:
                    self._map = mmap.mmap(file.fileno(), _SIZE, access=mmap.ACCESS_READ)
            except OSError:
                return None
            self._inode = found.st_ino
        return self._map
