"""What the pressure does while the valve is open: it is gone in no time, and stays away.

Everything is told against what the sensor reads at rest, which is followed slowly and only while it is believable.
"""

import math
from collections import deque
from dataclasses import dataclass, field

from device.probe.faults import FaultCode

EMPTY_KPA = 1.0
"""Within this of the sensor's rest the chamber is empty. A pump that runs against the open vent makes up to 2.3 kPa."""
REST_KPA = 5.0
"""No pump keeps up so much against an open vent."""
REST_S = 0.5
"""So long it has to last: a finger that is laid down or taken away is no fault."""
ZERO_KPA = 2.0
"""A sensor whose rest is farther from zero is wrong."""
VENT_S = 0.3
"""From the order to open to an empty chamber; fault-free ones take 0.2 s at most."""
SLOW_S = 0.25
SLOW_SHARE = 0.10
"""Down to this share of the hold within `SLOW_S`, or the release was too slow to read a refill from."""
BLOCKED_SHARE = 0.5
STILL_S = 0.6
"""Without a change by a single count for so long, a sensor is stuck; a quiet one was seen to stand still for 0.5 s."""
PERHAPS_STILL_S = 0.15
STEADY_SAMPLES = 10
STEADY_SHARE = 0.15
"""A pressure that loses less than this in `STEADY_SAMPLES` falls no more: something keeps it up."""
REST_TAU_S = 3.0


@dataclass
class VentWatch:
    """The memory of an open valve: what the sensor reads at rest, and for how long it has not."""

    _rest_kpa: float | None = None
    _last_ns: int = 0
    _off_s: float = 0.0
    _left_high: bool = False
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=STEADY_SAMPLES))

    def is_empty(self, kpa: float) -> bool:
        """Return whether `kpa` is what the sensor reads at rest."""
        return abs(self._above(kpa)) <= EMPTY_KPA

    def step(
        self, now_ns: int, kpa: float, releasing: bool, since_s: float, hold_kpa: float, unchanged_s: float
    ) -> FaultCode | None:
        """Return what is wrong, `since_s` after the valve was told to open from `hold_kpa`, or after it was empty.

        `unchanged_s`: for how long the sensor has given the very same value.
        """
        step_s = min(max((now_ns - self._last_ns) / 1e9, 0.0), 0.1)
        self._last_ns = now_ns
        if releasing:
            fault = self._falling(kpa, since_s, hold_kpa, unchanged_s)
            self._recent.append(kpa)
            self._left_high = self._above(kpa) > EMPTY_KPA
            self._off_s = 0.0
            return fault
        self._recent.clear()
        return self._resting(kpa, step_s)

    def _above(self, kpa: float) -> float:
        return kpa - (self._rest_kpa or 0.0)

    def _falling(self, kpa: float, since_s: float, hold_kpa: float, unchanged_s: float) -> FaultCode | None:
        above_kpa = self._above(kpa)
        if since_s > VENT_S and above_kpa > EMPTY_KPA:
            return self._not_gone(above_kpa, hold_kpa, unchanged_s)
        least_kpa = max(SLOW_SHARE * hold_kpa, EMPTY_KPA)
        if since_s > SLOW_S and least_kpa < above_kpa < BLOCKED_SHARE * hold_kpa and not self._steady(above_kpa):
            return FaultCode.SLOW_RELEASE
        return FaultCode.SENSOR_IMPLAUSIBLE if since_s > VENT_S and above_kpa < -EMPTY_KPA else None

    def _not_gone(self, above_kpa: float, hold_kpa: float, unchanged_s: float) -> FaultCode | None:
        if above_kpa > REST_KPA and unchanged_s > STILL_S:
            return FaultCode.SENSOR_STUCK
        if above_kpa > REST_KPA and unchanged_s > PERHAPS_STILL_S:
            # The next tenths of a second tell a stuck sensor from a blocked vent.
            return None
        if above_kpa > max(BLOCKED_SHARE * hold_kpa, REST_KPA):
            return FaultCode.BLOCKED_VENT
        if self._steady(above_kpa):
            return FaultCode.PUMP_RUNAWAY if above_kpa < REST_KPA else FaultCode.BLOCKED_VENT
        return FaultCode.SLOW_RELEASE

    def _steady(self, above_kpa: float) -> bool:
        lost_kpa = self._above(self._recent[0]) - above_kpa if self._recent else 0.0
        return lost_kpa < STEADY_SHARE * above_kpa

    def _resting(self, kpa: float, step_s: float) -> FaultCode | None:
        if self._rest_kpa is None:
            # More than a sensor's zero may be off by is something else: a pump that has run from the start, for one.
            self._rest_kpa = kpa if abs(kpa) <= ZERO_KPA else 0.0
        above_kpa = self._above(kpa)
        empty = abs(above_kpa) <= EMPTY_KPA
        self._off_s = 0.0 if empty and abs(kpa) <= ZERO_KPA else self._off_s + step_s
        if empty:
            self._left_high = False
            self._rest_kpa += above_kpa * -math.expm1(-step_s / REST_TAU_S)
        if self._off_s <= REST_S:
            return None
        if empty or above_kpa < 0:
            return FaultCode.SENSOR_IMPLAUSIBLE
        stayed = self._left_high and above_kpa > REST_KPA
        return FaultCode.BLOCKED_VENT if stayed else FaultCode.PUMP_RUNAWAY
