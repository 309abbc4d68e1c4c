"""The hold and the release as the sensor saw them: hold level, time zero, 90 to 10 %. Pure.

Against the true pressure of the simulated range (`benchmarks.probe_range`: sensor lag of 1 to 5 ms, 100 samples a
second, one in 300 a period late) time zero comes from 6 ms early to 8 ms late: the sensor's lag, and what lies between
two samples. The release is told from 3 ms too short to 20 ms too long, because its beginning is not seen to the sample.
"""

import math
from dataclasses import dataclass, field

DONE_SHARE = 0.10
GIVE_UP_S = 1.0
SETTLE_S = 0.05
"""Watched on for this long after 10 %, since time zero is the *last* instant at or above half."""


@dataclass
class Hold:
    """Running mean and spread of the pressure while held; in one pass, after Welford."""

    samples: int = 0
    mean_kpa: float = 0.0
    _m2: float = 0.0

    def add(self, kpa: float) -> None:
        """Take in one sample."""
        self.samples += 1
        step = kpa - self.mean_kpa
        self.mean_kpa += step / self.samples
        self._m2 += step * (kpa - self.mean_kpa)

    @property
    def sd_kpa(self) -> float:
        """Standard deviation (n - 1); 0 for fewer than two samples."""
        return math.sqrt(self._m2 / (self.samples - 1)) if self.samples > 1 else 0.0


@dataclass
class Fall:
    """The way down from `level_kpa`; crossings are interpolated between samples."""

    level_kpa: float
    opened_ns: int
    zero_ns: int | None = None
    """Where the pressure last fell through half of the level."""
    _from_90_ns: int | None = None
    _to_10_ns: int | None = None
    _last: tuple[int, float] | None = field(default=None)

    def add(self, t_ns: int, kpa: float) -> None:
        """Take in one sample, oldest first; those before the valve opened serve as starting points."""
        last, self._last = self._last, (t_ns, kpa)
        if last is None:
            return
        half, high, low = (share * self.level_kpa for share in (0.5, 0.9, DONE_SHARE))
        if last[1] >= half > kpa:
            self.zero_ns = _crossing(last, (t_ns, kpa), half)
        if last[1] >= high > kpa:
            self._from_90_ns = _crossing(last, (t_ns, kpa), high)
            self._to_10_ns = None
        if last[1] >= low > kpa and self._to_10_ns is None:
            self._to_10_ns = _crossing(last, (t_ns, kpa), low)

    def over(self, now_ns: int) -> bool:
        """Return whether there is nothing more to wait for: settled below 10 %, or given up on."""
        if now_ns - self.opened_ns > GIVE_UP_S * 1e9:
            return True
        return self._to_10_ns is not None and now_ns - self._to_10_ns > SETTLE_S * 1e9

    @property
    def release_s(self) -> float | None:
        """Time from 90 to 10 %; None where one of them was not seen."""
        if self._from_90_ns is None or self._to_10_ns is None:
            return None
        return (self._to_10_ns - self._from_90_ns) / 1e9


def _crossing(before: tuple[int, float], after: tuple[int, float], level_kpa: float) -> int:
    """Return when the level was crossed: through an orifice it is the root of the pressure that falls in a line."""
    high, level, low = (math.sqrt(max(kpa, 0.0)) for kpa in (before[1], level_kpa, after[1]))
    return before[0] + round((high - level) / (high - low) * (after[0] - before[0]))
