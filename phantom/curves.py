"""How blood volume comes back after release: shapes with an exactly known 90 % time.

A shape F(x) runs from 0 at x = 0 and settles at 1. A recovery is F((t - delay) / scale) with the scale solved so that
the last crossing of 0.9 falls on the asked time. A new shape is one more line in `SHAPES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BIEXP_FAST_SHARE = 0.65
BIEXP_SLOW_RATIO = 4.0
OVERSHOOT_PEAK = 0.15
OVERSHOOT_AT = 2.5
OVERSHOOT_ORDER = 4  # a hump that is over when the default window ends
SIGMOID_MIDDLE = 4.0
DEFAULT_DELAY_SHARE = 0.2


def _exponential(x: Floats) -> Floats:
    return np.asarray(1.0 - np.exp(-x))


def _two_exponentials(x: Floats) -> Floats:
    slow = np.exp(-x / BIEXP_SLOW_RATIO)
    return np.asarray(1.0 - BIEXP_FAST_SHARE * np.exp(-x) - (1.0 - BIEXP_FAST_SHARE) * slow)


def _sigmoid(x: Floats) -> Floats:
    foot = 1.0 / (1.0 + np.exp(SIGMOID_MIDDLE))
    return np.asarray((1.0 / (1.0 + np.exp(SIGMOID_MIDDLE - x)) - foot) / (1.0 - foot))


def _overshoot(x: Floats) -> Floats:
    bump = (x / OVERSHOOT_AT * np.exp(1.0 - x / OVERSHOOT_AT)) ** OVERSHOOT_ORDER
    return np.asarray(1.0 - np.exp(-x) + OVERSHOOT_PEAK * bump)


SHAPES: Final[dict[str, Callable[[Floats], Floats]]] = {
    "exp": _exponential,
    "biexp": _two_exponentials,
    "delayed": _exponential,
    "sigmoid": _sigmoid,
    "overshoot": _overshoot,
}
KINDS: Final = tuple(SHAPES)


@lru_cache(maxsize=64)
def crossing(kind: str, level: float) -> float:
    """The x from which shape `kind` stays at or above `level` (0 < level < 1), to rounding."""
    shape = SHAPES[kind]
    grid = np.linspace(0.0, 60.0, 24001)
    below = np.flatnonzero(shape(grid) < level)[-1]
    low, high = float(grid[below]), float(grid[below + 1])
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(shape(np.array(middle))) < level else (low, middle)
    return high


@dataclass(frozen=True)
class Recovery:
    """Fraction of the step regained, against seconds since time zero."""

    kind: str
    crt_s: float
    delay_s: float

    @property
    def scale_s(self) -> float:
        """Seconds per unit of x; the time constant for `exp` and `delayed`, the fast one for `biexp`."""
        return (self.crt_s - self.delay_s) / crossing(self.kind, 0.9)

    def at(self, since_s: Floats | float) -> Floats:
        """Recovered fraction; 0 before the delay has passed, about 1.1 at the peak of an overshoot."""
        x = np.maximum((np.asarray(since_s, dtype=float) - self.delay_s) / self.scale_s, 0.0)
        return SHAPES[self.kind](x)

    def time_to(self, level: float) -> float:
        """Seconds from time zero to the instant from which the recovery stays at or above `level`."""
        return self.delay_s + self.scale_s * crossing(self.kind, level)


def default_delay_s(kind: str, crt_s: float) -> float:
    """Dead time when none is asked for: a fifth of the refill time for `delayed`, none for the others."""
    return DEFAULT_DELAY_SHARE * crt_s if kind == "delayed" else 0.0
