"""A simulated Honeywell MPR pressure sensor on I2C, below the real driver."""

import errno
import os
import time

from firmware_config.hardware import MprlsSensor
from phantom.chamber import AMBIENT_KPA
from phantom.hydraulics import Hydraulics

MEASURE = b"\xaa\x00\x00"
READY, BUSY = 0x40, 0x20
CONVERSION_NS = 5_000_000
FULL_SCALE = (1 << 24) - 1
_ENDS = {"A": (0.1, 0.9), "B": (0.025, 0.225), "C": (0.2, 0.8)}
_JUMP_KPA = 40.0
_TIMEOUT_S = 0.02


def mpr_counts(kpa: float, sensor: MprlsSensor) -> int:
    """Return the 24 bits that the part gives at `kpa` of its own kind (gauge or absolute), clipped to their range."""
    low, high = _ENDS[sensor.transfer]
    share = low + (high - low) * (kpa - sensor.low_kpa) / (sensor.high_kpa - sensor.low_kpa)
    return min(max(round(share * (1 << 24)), 0), FULL_SCALE)


class MockMpr:
    """The part: measures when told, is busy for 5 ms, then gives what the pressure was in the middle of them."""

    def __init__(self, hydraulics: Hydraulics, sensor: MprlsSensor) -> None:
        self._hydraulics = hydraulics
        self._sensor = sensor
        self._begun: tuple[int, float, float] | None = None
        self._counts = 0
        self._held: int | None = None
        self._jump = False
        self.status = READY
        """Bits of the status that are set beside `BUSY`: change to break the part."""
        self.ambient_kpa = AMBIENT_KPA
        self.transfers: list[tuple[str, bytes]] = []
        """What crossed the bus since it was last emptied: "write" or "read", and the bytes."""

    def write(self, data: bytes) -> None:
        """Take a command; any other than the one there is goes unanswered."""
        self.transfers.append(("write", data))
        self._answer()
        if data != MEASURE:
            raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))
        now_ns = self._hydraulics.clock()
        self._begun = (now_ns, self._hydraulics.pressure_kpa(), self._hydraulics.sensed_kpa())

    def read(self, count: int) -> bytes:
        """Give status and counts; counts are those of the conversion before while the part is busy."""
        self._answer()
        now_ns, status = self._hydraulics.clock(), self.status
        if self._begun is not None and now_ns - self._begun[0] < CONVERSION_NS:
            status |= BUSY
        elif self._begun is not None:
            begun_ns, true_kpa, sensed_kpa = self._begun
            moved_kpa = self._hydraulics.pressure_kpa() - true_kpa
            middle_kpa = sensed_kpa + moved_kpa * CONVERSION_NS / 2 / (now_ns - begun_ns)
            self._begun, self._counts = None, self._converted(middle_kpa)
        answer = (bytes([status]) + self._counts.to_bytes(3, "big"))[:count]
        self.transfers.append(("read", answer))
        return answer

    def close(self) -> None:
        """Let go of the bus."""

    def _answer(self) -> None:
        fault = self._hydraulics.faults.sensor
        if fault == "stale":
            raise OSError(errno.EREMOTEIO, "simulated sensor does not answer")
        if fault == "hangs":
            # The kernel ends a transfer on a bus that is held down.
            time.sleep(_TIMEOUT_S)
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))

    def _converted(self, gauge_kpa: float) -> int:
        fault = self._hydraulics.faults.sensor
        absolute = self._sensor.measures == "absolute"
        offset_kpa = self.ambient_kpa if absolute else self._sensor.zero_kpa
        if fault == "jumps":
            self._jump = not self._jump
            offset_kpa += _JUMP_KPA * self._jump
        counts = mpr_counts(gauge_kpa / self._sensor.gain + offset_kpa, self._sensor)
        if fault == "stuck":
            self._held = counts if self._held is None else self._held
            return self._held
        self._held = None
        return {"clipped_low": 0, "clipped_high": FULL_SCALE}.get(fault, counts)
