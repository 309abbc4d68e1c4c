"""Times read off refill curves: when each has recovered a given fraction for good, its overshoot, its onset."""

import numpy as np
from numpy.typing import NDArray

from vision.families import Family

Array = NDArray[np.float64]

HORIZON_S: float = 60.0
"""A fraction not reached by then counts as reached at the horizon; far beyond any window."""


def time_grid_s() -> Array:
    """Return the times at which curves are read: 5 ms steps at first, then 2 % of the time elapsed."""
    fine = np.arange(0.0, 0.5, 0.005)
    return np.concatenate([fine, 0.5 * np.exp(np.arange(0.0, np.log(HORIZON_S / 0.5), 0.02)), [HORIZON_S]])


def time_recovered_s(family: Family, theta: Array, fraction: float) -> Array:
    """Return, for each column of `theta` (k, g), when its curve has recovered `fraction` for good, in s, shape (g,)."""
    return crossing_s(time_grid_s(), family.curve(time_grid_s(), theta), fraction)


def crossing_s(grid_s: Array, curves: Array, fraction: float) -> Array:
    """Return the last upward crossing of `fraction` by each curve (n, g) over times (n,), linear between points.

    0 where a curve never lies below it, the last time where it ends below.
    """
    below = curves < fraction
    last_below = len(grid_s) - 1 - np.argmax(below[::-1], axis=0)
    last_below = np.where(below.any(axis=0), last_below, -1)
    after = np.clip(last_below + 1, 1, len(grid_s) - 1)
    column = np.arange(curves.shape[1])
    low, high = curves[after - 1, column], curves[after, column]
    share = np.clip((fraction - low) / np.where(high > low, high - low, np.inf), 0.0, 1.0)
    time_s = grid_s[after - 1] + share * (grid_s[after] - grid_s[after - 1])
    return np.where(last_below < 0, grid_s[0], np.where(last_below == len(grid_s) - 1, grid_s[-1], time_s))


def weighted_quantiles(values: Array, weights: Array, quantiles: tuple[float, ...]) -> list[float]:
    """Return quantiles of weighted samples (m,), linear between the midpoints of their weights."""
    order = np.argsort(values, kind="stable")
    cumulated = np.cumsum(weights[order])
    middle = (cumulated - 0.5 * weights[order]) / cumulated[-1]
    return [float(np.interp(q, middle, values[order])) for q in quantiles]
