"""A Honeywell MicroPressure (MPR) digital sensor on I2C.

The part measures only when told to, in about 5 ms. The control loop cannot wait for that, so each reading collects the
conversion that the one before started: its sample is older by one control step, and says so in its stamp.

A reading makes two short transfers at most, and none after one that failed. Each ends after
`kernel.TRANSFER_TIMEOUT_MS` whatever the bus does: 40 ms in the worst case, well below what counts as a stalled control
loop; usually about 1 ms at 100 kHz.
"""

import contextlib
from collections import deque

from device.probe.messages import Clock
from device.probe.ports import HardwareError, I2cDevice, Sample
from firmware_config.hardware import HIGHEST_AMBIENT_KPA, MprlsSensor

START = b"\xaa\x00\x00"
"""The one command of the part: measure once, then wait again."""
ANSWER_BYTES = 4
"""Status, then 24 bits of pressure, the highest first."""
POWERED, BUSY, MEMORY_FAILED, SATURATED = 0x40, 0x20, 0x04, 0x01
ALWAYS_ZERO = 0x9A
"""Bits of the status that no healthy part sets; a bus that floats reads as all ones."""
CONVERSION_NS = 5_000_000
GIVE_UP_NS = 50_000_000
"""A part busy for so long has lost its conversion, to a reset or a glitch: it is told to start again."""
FULL_SCALE = (1 << 24) - 1
SHARES = {"A": (0.10, 0.90), "B": (0.025, 0.225), "C": (0.20, 0.80)}
"""Share of 2^24 counts at the low and the high end of the part's range, by its transfer function."""
AMBIENT_SAMPLES = 5
AMBIENT_SPREAD_KPA = 0.5
LOWEST_AMBIENT_KPA = 50.0
"""Of an absolute part: so many samples, no farther apart, and not lower than on the highest towns, are the air's."""


class MprlsPressureSensor:
    """The sensor as a port. An absolute part gives nothing until it has seen the air, in its first samples."""

    def __init__(self, sensor: MprlsSensor, i2c: I2cDevice, clock: Clock) -> None:
        """Ask the part how it is and start it; raises `HardwareError` where it does not answer or is broken."""
        self._sensor = sensor
        self._i2c = i2c
        self._clock = clock
        self._started_ns: int | None = None
        self._zero_kpa: float | None = sensor.zero_kpa if sensor.measures == "gauge" else None
        self._air_kpa: deque[float] = deque(maxlen=AMBIENT_SAMPLES)
        try:
            status = i2c.read(1)[0]
        except OSError as error:
            self.close()
            raise HardwareError(f"pressure sensor: {error}") from error
        if not is_usable(status):
            self.close()
            raise HardwareError(f"pressure sensor: status {status:#04x} is not that of a working MPR part")
        self._start()

    def read(self) -> Sample | None:
        """Return the sample started at the reading before, stamped at the middle of its conversion, and start another.

        None where there is none yet, where the part is busy, broken or does not answer. Never raises.
        """
        if self._started_ns is None:
            self._start()
            return None
        started_ns, now_ns = self._started_ns, self._clock()
        if now_ns - started_ns < CONVERSION_NS:
            return None
        try:
            answer = self._i2c.read(ANSWER_BYTES)
        except OSError:
            self._started_ns = None
            return None
        if is_usable(answer[0]) and answer[0] & BUSY:
            if now_ns - started_ns > GIVE_UP_NS:
                self._started_ns = None
            return None
        self._start()
        return self._sample(started_ns + CONVERSION_NS // 2, answer)

    def close(self) -> None:
        """Let go of the bus."""
        with contextlib.suppress(OSError):
            self._i2c.close()

    def _start(self) -> None:
        try:
            self._i2c.write(START)
            self._started_ns = self._clock()
        except OSError:
            self._started_ns = None

    def _sample(self, t_ns: int, answer: bytes) -> Sample | None:
        status, counts = answer[0], int.from_bytes(answer[1:], "big")
        if not is_usable(status):
            return None
        clipped = bool(status & SATURATED) or is_clipped(counts, self._sensor)
        kpa = kpa_of(counts, self._sensor)
        if self._zero_kpa is None:
            self._look_for_air(kpa, clipped)
            return None
        return Sample(t_ns, (kpa - self._zero_kpa) * self._sensor.gain, clipped)

    def _look_for_air(self, kpa: float, clipped: bool) -> None:
        """Take for the air's what holds still and can be air: a probe that is still venting does neither."""
        self._air_kpa.append(kpa)
        if clipped or not LOWEST_AMBIENT_KPA <= kpa <= HIGHEST_AMBIENT_KPA:
            self._air_kpa.clear()
        steady = len(self._air_kpa) == AMBIENT_SAMPLES and max(self._air_kpa) - min(self._air_kpa) < AMBIENT_SPREAD_KPA
        if steady:
            self._zero_kpa = sum(self._air_kpa) / AMBIENT_SAMPLES


def is_usable(status: int) -> bool:
    """Return whether the part is powered, its memory whole, and the status one that it can give at all."""
    return bool(status & POWERED) and not status & (MEMORY_FAILED | ALWAYS_ZERO)


def is_clipped(counts: int, sensor: MprlsSensor) -> bool:
    """Return whether `counts` lies at the top of the part's range or beyond, or at an end of its 24 bits.

    A gauge part at rest lies at the bottom of its range, so only the counts' own end is one there; what is far below it
    is not plausible, and is told as such.
    """
    return counts in (0, FULL_SCALE) or counts >= SHARES[sensor.transfer][1] * (1 << 24)


def kpa_of(counts: int, sensor: MprlsSensor) -> float:
    """Return the pressure in kPa behind `counts` (0 to 2^24 - 1) by the transfer function; no zero is taken off."""
    low, high = SHARES[sensor.transfer]
    share = (counts / (1 << 24) - low) / (high - low)
    return sensor.low_kpa + share * (sensor.high_kpa - sensor.low_kpa)
