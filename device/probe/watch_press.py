"""What the pressure does while the valve is closed: it rises as fast as the pump works, and stays where it is held.

Effort is drive times seconds: drive is the duty above that at which the pump begins to turn, as a share of the rest.
Every figure stands well away from what fault-free presses show on the phantom's whole range of bodies
(`python -m benchmarks.probe_faults --controls`).
"""

import math
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

from device.probe.faults import FaultCode

OVERSHOOT = 0.15
OVERSHOOT_KPA = 0.5
AHEAD_KPA = 3.0
AHEAD = 0.10
"""So far, in kPa or of the target, the ramp may run before its own plan; a fault-free one runs behind it."""
SAMPLES = 3
"""So many in a row, so that no single wrong sample ends a press."""

LISTEN_SAMPLES, LISTEN_KPA, LISTEN_STEP_KPA = 6, 2.5, 0.2
"""A rise of so much before this ramp has begun to pump, without a pause, is a pump that runs all the same. Later in a
press it looks like a hand that closes: the press ends as too high, and the next one listens again."""

FALL_KPA = 3.0
FALL = 0.10
"""A ramp that loses so much of what it had, in kPa and of the target, leaks."""
DROP_KPA = 10.0
"""Lost between two samples: whatever it is, the pump must not fill it up again."""
EFFORT_PER_RISE_S, EFFORT_NEAR_S = 0.2, 0.5
RISE_KPA = 1.0
NEAR = 0.9
"""Most effort for one kPa more, and for one near the target, where the ramp slows down and a leak takes its share:
0.04 and 0.11 were seen."""
NO_RISE_SHARE = 0.10
LEAST_EFFORT_S_PER_KPA, MOST_EFFORT_S_PER_KPA = 0.0008, 0.04
"""Effort of a whole ramp for each kPa: 0.003 to 0.025 was seen, from the smallest chamber with the strongest pump to
the largest with the weakest; 0.001 in a corner, where the pump also starts earlier than its file says. All that a
single sensor and a pump of unknown strength can say of the sensor's gain."""
EFFORT_FROM_KPA = 10.0

HELD = 0.10
HELD_KPA = 1.0
"""The hold is held while within this of its target: of it, or in kPa."""
OFF_S = 0.3
SUNK = 0.75
LAST_SAMPLES = 5
"""At the end of the hold, most of so many have to be within what counts as held."""
OFF_SHARE = 0.05
"""Share of the hold's samples that may lie outside."""
STEADY_S = 0.5
"""The ramp's transient is over; a leak is judged from then on."""
LEAK_DRIVE = 0.4
LEAK_DRIVE_S = 0.5
"""Mean drive, over about so long, that no seal in range needs: 0.2 was seen, of the leakiest at 60 kPa."""
SETTLE_FROM_S, SETTLE_TO_S = 1.0, 2.0
"""Then the hold's effort is what this seal needs."""
LOOSE_DRIVE = 0.05
MORE_EFFORT_S = 0.08
"""More effort than that, less what a pump's start may be off by, summed up. A seal that opens, or a sensor that no
longer follows: the pressure that the pump has put in is not there. Nothing was seen in 500 holds after fast ramps."""


@dataclass
class PressWatch:
    """The memory of one press; a fresh one for each."""

    _drive: float = 0.0
    _step_s: float = 0.0
    _listened: deque[float] = field(default_factory=lambda: deque(maxlen=LISTEN_SAMPLES))
    _before_kpa: float | None = None
    _from_kpa: float = 0.0
    _mark_kpa: float = 0.0
    _highest_kpa: float = 0.0
    _effort_s: float = 0.0
    _mark_effort_s: float = 0.0
    _over: int = 0
    _fallen: int = 0
    _checked: bool = False
    _off_s: float = 0.0
    _held_samples: int = 0
    _off_samples: int = 0
    _last_off: deque[float] = field(default_factory=lambda: deque(maxlen=LAST_SAMPLES))
    _settled_s: float = 0.0
    _settled_drive: float = 0.0
    _mean_drive: float = 0.0
    _more_s: float = 0.0

    def work(self, step_s: float, drive: float) -> None:
        """Take in what the pump was told since the last sample."""
        self._step_s, self._drive = step_s, drive
        self._effort_s += drive * step_s
        self._mark_effort_s += drive * step_s

    def rise(self, kpa: float, since_s: float, target_kpa: float, ramp_s: float, limit_s: float) -> FaultCode | None:
        """Return what is wrong with the ramp, `since_s` after it began; `limit_s` is the longest that it may take."""
        if self._before_kpa is None:
            self._from_kpa = self._mark_kpa = self._highest_kpa = kpa
        planned_kpa = target_kpa / ramp_s * since_s + max(AHEAD_KPA, AHEAD * target_kpa)
        fault = self._listen(kpa) or self._too_high(kpa, min(planned_kpa, _ceiling_kpa(target_kpa)))
        dropped = self._dropped(kpa)
        self._highest_kpa = max(self._highest_kpa, kpa)
        self._fallen = self._fallen + 1 if kpa < self._highest_kpa - max(FALL_KPA, FALL * target_kpa) else 0
        if kpa >= self._mark_kpa + RISE_KPA:
            self._mark_kpa, self._mark_effort_s = kpa, 0.0
        if fault is not None:
            return fault
        if dropped or self._fallen >= SAMPLES:
            return FaultCode.LEAK
        low = FaultCode.NO_RISE if kpa < 0.5 * target_kpa else FaultCode.LEAK
        most_s = EFFORT_NEAR_S if kpa > NEAR * target_kpa else EFFORT_PER_RISE_S
        if self._mark_effort_s > most_s or since_s > min(1.5 * ramp_s + 1.5, limit_s):
            return low
        late = since_s > max(0.5, 0.5 * ramp_s) and kpa < NO_RISE_SHARE * target_kpa
        return FaultCode.NO_RISE if late else None

    def hold(self, kpa: float, since_s: float, target_kpa: float, *, ended: bool) -> FaultCode | None:
        """Return what is wrong with the hold, `since_s` after it began; `ended`: it is to be called held after this."""
        fault = self._too_high(kpa, _ceiling_kpa(target_kpa))
        dropped = self._dropped(kpa)
        if not self._checked:
            self._checked = True
            fault = fault or self._effort_of_ramp(kpa)
        if fault is not None:
            return fault
        off_kpa = kpa - target_kpa
        held = abs(off_kpa) <= max(HELD * target_kpa, HELD_KPA)
        self._held_samples += 1
        self._off_samples += not held
        self._off_s = 0.0 if held else self._off_s + self._step_s
        self._fallen = self._fallen + 1 if kpa < SUNK * target_kpa else 0
        self._last_off.append(0.0 if held else off_kpa)
        if dropped or self._fallen >= SAMPLES or self._works_too_hard(since_s):
            return FaultCode.LEAK
        if self._off_s > OFF_S or (ended and self._not_held()):
            return FaultCode.LEAK if off_kpa < 0 else FaultCode.OVERSHOOT
        return None

    def _not_held(self) -> bool:
        """Return whether the hold that ends now may not be called held."""
        last = sum(off != 0 for off in self._last_off)
        return 2 * last > len(self._last_off) or self._off_samples > OFF_SHARE * self._held_samples

    def _listen(self, kpa: float) -> FaultCode | None:
        if self._effort_s > 0:
            return None
        self._listened.append(kpa)
        rose_kpa = kpa - self._listened[0]
        steady = all(b - a > LISTEN_STEP_KPA for a, b in pairwise(self._listened))
        runs = len(self._listened) == LISTEN_SAMPLES and steady and rose_kpa > LISTEN_KPA
        return FaultCode.PUMP_RUNAWAY if runs else None

    def _too_high(self, kpa: float, ceiling_kpa: float) -> FaultCode | None:
        self._over = self._over + 1 if kpa > ceiling_kpa else 0
        return FaultCode.OVERSHOOT if self._over >= SAMPLES else None

    def _dropped(self, kpa: float) -> bool:
        before, self._before_kpa = self._before_kpa, kpa
        return before is not None and before - kpa > DROP_KPA

    def _effort_of_ramp(self, kpa: float) -> FaultCode | None:
        rise_kpa = kpa - self._from_kpa
        if rise_kpa < EFFORT_FROM_KPA:
            return None
        if self._effort_s < LEAST_EFFORT_S_PER_KPA * rise_kpa:
            return FaultCode.PUMP_RUNAWAY
        return FaultCode.LEAK if self._effort_s > MOST_EFFORT_S_PER_KPA * rise_kpa else None

    def _works_too_hard(self, since_s: float) -> bool:
        """Return whether the pump works harder than any seal needs, or than this one needed when it had settled."""
        if since_s < STEADY_S:
            return False
        self._mean_drive += (self._drive - self._mean_drive) * -math.expm1(-self._step_s / LEAK_DRIVE_S)
        if SETTLE_FROM_S <= since_s < SETTLE_TO_S:
            self._settled_s += self._step_s
            share = self._step_s / self._settled_s if self._settled_s > 0 else 0.0
            self._settled_drive += (self._drive - self._settled_drive) * share
        elif since_s >= SETTLE_TO_S:
            more = self._drive - self._settled_drive - LOOSE_DRIVE
            self._more_s = max(self._more_s + more * self._step_s, 0.0)
        return self._more_s > MORE_EFFORT_S or self._mean_drive > LEAK_DRIVE


def _ceiling_kpa(target_kpa: float) -> float:
    return target_kpa * (1 + OVERSHOOT) + OVERSHOOT_KPA
