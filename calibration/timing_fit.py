"""By how much what a camera saw lags behind what is known to have happened: pressure on a pad, or the own light."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from calibration.camera_frames import Floats

REACH_S: Final = 0.13
"""Delays are looked for up to so much either way: all that `camera.delay_ms` may be, and some more."""
STEPS_S: Final = (0.005, 0.001, 0.0002)
"""Of the search, each around the best of the one before."""
CREEPS_S: Final = (0.2, 1.0)
"""Time constants with which a soft pad may creep; how much of each is fitted."""
LEVELS: Final = (0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0)
"""Of the highest pressure."""
GRID_S: Final = 0.001


@dataclass(frozen=True)
class Lag:
    """A delay with its standard uncertainty, s, and how much of what was seen it explains, 0 to 1."""

    delay_s: float
    u_s: float
    explained: float
    fit: Floats
    """What was to be seen, shape (n,)."""


def lag_behind_pressure(seen_s: Floats, seen: Floats, pressure_s: Floats, kpa: Floats) -> Lag:
    """Return how late `seen` (n,) follows the pressure (m,); times on one clock, both rising.

    What is seen may be any function of pressure, and creep: values at `LEVELS`, straight in between, and what follows
    slowly by `CREEPS_S` are fitted along with the delay.
    """
    grid_s = np.arange(pressure_s[0], pressure_s[-1], GRID_S)
    level = smooth(grid_s, pressure_s, kpa) / max(float(np.max(kpa)), 1e-9)
    slow = [_behind(level, creep_s) for creep_s in CREEPS_S]
    hats = [np.interp(level, LEVELS, hat) for hat in np.eye(len(LEVELS))[1:]]
    columns = np.stack([*hats, *slow])

    def expected(delay_s: float) -> Floats:
        at = seen_s - delay_s
        return np.stack([np.ones_like(at), *(np.interp(at, grid_s, column) for column in columns)], axis=1)

    return _best(expected, seen)


def lag_behind_light(
    start_s: Floats, seen: Floats, level: Callable[[Floats], Floats], exposure_s: float, edge_s: float
) -> Lag:
    """Return how late frames are that began at `start_s` (n,) and saw light (n,) that followed `level`.

    `level` is the integral of the light from time 0 on; `edge_s` how far its edges are uncertain in common.
    """

    def expected(delay_s: float) -> Floats:
        at = start_s - delay_s
        return np.stack([np.ones_like(at), (level(at + exposure_s) - level(at)) / exposure_s], axis=1)

    found = _best(expected, seen)
    return Lag(found.delay_s, float(np.hypot(found.u_s, edge_s)), found.explained, found.fit)


def _best(expected: Callable[[float], Floats], seen: Floats) -> Lag:
    """Search the delay that leaves least; its uncertainty is from how fast more is left around it."""

    def left(delay_s: float) -> float:
        terms = expected(delay_s)
        found = np.linalg.lstsq(terms, seen, rcond=None)[0]
        return float(np.sum((seen - terms @ found) ** 2))

    delays = np.arange(-REACH_S, REACH_S, STEPS_S[0])
    for finer in (*STEPS_S[1:], None):
        least = np.array([left(float(delay)) for delay in delays])
        best = float(delays[int(np.argmin(least))])
        if finer is not None:
            coarse = float(delays[1] - delays[0])
            delays = np.arange(best - coarse, best + 1.5 * coarse, finer)
    around = 5.0 * STEPS_S[-1]
    here, before, after = left(best), left(best - around), left(best + around)
    bend = (before + after - 2.0 * here) / around**2
    if bend <= 0.0:
        return Lag(best, REACH_S, 0.0, np.zeros_like(seen))
    best += float(np.clip(0.5 * around * (before - after) / (before + after - 2.0 * here), -around, around))
    terms = expected(best)
    fit = terms @ np.linalg.lstsq(terms, seen, rcond=None)[0]
    residual = float(np.sum((seen - fit) ** 2))
    noise = residual / max(len(seen) - terms.shape[1] - 1, 1)
    total = float(np.sum((seen - seen.mean()) ** 2))
    return Lag(best, float(np.sqrt(2.0 * noise / bend)), 1.0 - residual / total if total > 0 else 0.0, fit)


def smooth(at: Floats, x: Floats, y: Floats) -> Floats:
    """Return y at `at` between samples (m,), rising in x: cubic pieces that never leave their samples' range.

    Fritsch and Carlson's slopes (SIAM J. Numer. Anal. 17 (1980) 238): a straight line between samples of a release
    would be late, since the release bends.
    """
    step, rise = np.diff(x), np.diff(y) / np.diff(x)
    slope = np.zeros_like(y)
    same = rise[:-1] * rise[1:] > 0
    one, other = 2 * step[1:] + step[:-1], step[1:] + 2 * step[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        harmonic = (one + other) / (one / rise[:-1] + other / rise[1:])
    slope[1:-1] = np.where(same, harmonic, 0.0)
    piece = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    share = np.clip((at - x[piece]) / step[piece], 0.0, 1.0)
    curved = step[piece] * (slope[piece] * share * (1 - share) ** 2 - slope[piece + 1] * share**2 * (1 - share))
    flat = share**2 * (3.0 - 2.0 * share)
    return np.asarray(y[piece] * (1.0 - flat) + y[piece + 1] * flat + curved)


def _behind(values: Floats, constant_s: float) -> Floats:
    """Return values, in steps of `GRID_S`, as they follow at first order; shape (n,)."""
    keep, found, level = float(np.exp(-GRID_S / constant_s)), np.empty_like(values), float(values[0])
    for place, value in enumerate(values.tolist()):
        level = keep * level + (1.0 - keep) * value
        found[place] = level
    return found
