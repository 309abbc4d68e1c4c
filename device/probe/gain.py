"""Learns what a pump does to a chamber: kPa/s for each unit of drive, from a rise as it goes. Pure."""

import math
from dataclasses import dataclass

FIRST_KPA_PER_S = 170.0
"""Before anything is learnt."""
FIRST_WEIGHT = 0.015
"""How much the first figure counts: as much as samples of this sum of squares of drive about its mean."""
LEAST_KPA_PER_S, MOST_KPA_PER_S = 20.0, 800.0
FORGET_S = 0.5
PUMP_LAG_S = 0.03
RISEN_KPA = 0.4
"""Five times the sensor's noise: a pump that has come so far turns. Before it does, drive and rate are not one line."""


@dataclass
class Gain:
    """Slope of the line `rate = slope * drive - lost`, by least squares that forget; what leaks is in `lost`.

    Drive is known and the rate is noisy, so it is the rate that is fitted. The drive counts behind the pump's lag.
    """

    kpa_per_s: float = FIRST_KPA_PER_S
    turning: float = 0.0
    """The drive behind the pump's lag."""
    _last_kpa: float | None = None
    _n: float = 0.0
    _u: float = 0.0
    _r: float = 0.0
    _uu: float = 0.0
    _ur: float = 0.0

    def add(self, drive: float, kpa: float, step_s: float) -> None:
        """Take in the drive (0 to 1) of the last `step_s`, and the sample that it led to."""
        before, self._last_kpa = self._last_kpa, kpa
        turned = self.turning
        self.turning += (drive - self.turning) * -math.expm1(-step_s / PUMP_LAG_S)
        if before is None or step_s <= 0 or kpa < RISEN_KPA:
            return
        u, rate = (turned + self.turning) / 2, (kpa - before) / step_s
        kept = math.exp(-step_s / FORGET_S)
        self._n = kept * self._n + 1
        self._u = kept * self._u + u
        self._r = kept * self._r + rate
        self._uu = kept * self._uu + u * u
        self._ur = kept * self._ur + u * rate
        # One sample more, without drive and without rate. A pump at full duty makes no line of its own: its rate falls
        # with the pressure while its drive stays. Of small drives, where the start counts, it changes next to nothing.
        n = self._n + 1
        spread = self._uu - self._u**2 / n + FIRST_WEIGHT
        together = self._ur - self._u * self._r / n + FIRST_WEIGHT * FIRST_KPA_PER_S
        self.kpa_per_s = min(max(together / spread, LEAST_KPA_PER_S), MOST_KPA_PER_S)
