"""Times read off refill curves: when each has recovered a given fraction for good, its overshoot, its onset."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vision.families import Family
from vision.posterior import Posterior

Array = NDArray[np.float64]

HORIZON_S: float = 60.0
"""A fraction not reached by then counts as reached at the horizon; far beyond any window."""

PREFERENCE: float = 0.7
"""How much of the preference for simple families the interval leaves out; 1 would be all of it."""


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


@dataclass(frozen=True)
class Landmarks:
    """Times read off every sampled curve of the pool (g,), in s, with the samples' weights (g,).

    `weights` prefer the simpler family where the data leave a choice, `impartial` ones do not: the number is that of
    the former, its interval that of the latter.
    """

    t90_s: Array
    t50_s: Array
    t10_s: Array
    onset_s: Array
    overshoot: Array
    weights: Array
    impartial: Array

    @classmethod
    def of(cls, pool: list[tuple[float, Posterior]]) -> "Landmarks":
        """Read them off the samples of a pool, each posterior with its probability."""
        grid_s = time_grid_s()
        columns = []
        for probability, posterior in pool:
            curves = posterior.family.curve(grid_s, posterior.theta)
            crossings = [crossing_s(grid_s, curves, fraction) for fraction in (0.9, 0.5, 0.1)]
            onset_s = posterior.family.onset_s(posterior.theta)
            over = np.maximum(curves.max(axis=0) - 1, 0.0)
            weights = probability * posterior.weights
            impartial = weights * np.exp(-PREFERENCE * posterior.family.log_share)
            columns.append(np.stack([*crossings, onset_s, over, weights, impartial]))
        return cls(*np.hstack(columns))

    def since_onset(self) -> "Landmarks":
        """Return the times counted from where each curve begins."""
        t90_s, t50_s, t10_s = (
            np.maximum(time_s - self.onset_s, 0.0) for time_s in (self.t90_s, self.t50_s, self.t10_s)
        )
        return replace(self, t90_s=t90_s, t50_s=t50_s, t10_s=t10_s, onset_s=np.zeros_like(self.onset_s))

    def quantiles(self, values: Array, wanted: tuple[float, ...]) -> list[float]:
        """Return quantiles of some of the times (g,), preferring the simpler family."""
        return weighted_quantiles(values, self.weights, wanted)
