"""Other ways to a 90 % time from the same samples: least squares, soft L1, a smoothed crossing, pyCRT."""

import warnings
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks import pycrt_peer
from benchmarks.cramer_rao_model import LN10

Array = NDArray[np.float64]
Answer = tuple[float, float]
"""t90 and the half width of the nominal 95 % interval, s; NaN where there is none."""
NOTHING: Final[Answer] = (float("nan"), float("nan"))


def _exponential(time_s: Array, level: float, step: float, tau_s: float, onset_s: float) -> Array:
    return np.asarray(level - step * np.expm1(-np.maximum(time_s - onset_s, 0.0) / tau_s))


def _fit(time_s: Array, signal: Array, **options: object) -> Answer:
    """Fit one exponential with a free onset to hold and refill."""
    from scipy.optimize import OptimizeWarning, curve_fit

    level, refilled = float(np.median(signal[time_s < 0])), float(np.median(signal[time_s > 0.7 * time_s[-1]]))
    start = (level, refilled - level, 0.1 * float(time_s[-1]), 0.0)
    bounds = ([-np.inf, -np.inf, 1e-3, -1.0], [np.inf, np.inf, 100.0, 5.0])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", OptimizeWarning)
            found, covariance = curve_fit(_exponential, time_s, signal, p0=start, bounds=bounds, **options)
    except (RuntimeError, ValueError, OptimizeWarning):
        return NOTHING
    gradient = np.array([0.0, 0.0, LN10, 1.0])
    return float(gradient @ found), 1.96 * float(np.sqrt(gradient @ covariance @ gradient))


def least_squares(time_s: Array, signal: Array) -> Answer:
    """One exponential by least squares (scipy's `curve_fit`)."""
    return _fit(time_s, signal)


def soft_l1(time_s: Array, signal: Array) -> Answer:
    """One exponential with the soft L1 loss, its scale from the differences of neighbours."""
    scale = float(np.median(np.abs(np.diff(signal)))) / 0.6745 / np.sqrt(2.0)
    return _fit(time_s, signal, loss="soft_l1", f_scale=scale)


def crossing(time_s: Array, signal: Array) -> Answer:
    """Last crossing of 90 % of the step between the hold and the last 2 s, smoothed over 0.25 s."""
    size = max(round(0.25 / float(np.median(np.diff(time_s)))), 1)
    smooth = np.convolve(signal, np.ones(size) / size, mode="same")
    blanched = float(signal[(time_s < 0) & (time_s > -1)].mean())
    settled = float(signal[time_s > time_s[-1] - 2].mean())
    inside = (time_s > 0) & (time_s < time_s[-1] - 0.25)
    below = np.flatnonzero(inside & (smooth < blanched + 0.9 * (settled - blanched)))
    return NOTHING if len(below) == 0 else (float(time_s[below[-1]]), float("nan"))


def pycrt(time_s: Array, signal: Array) -> Answer:
    """The package pyCRT, given a green value that falls in proportion: exactly the curve it fits."""
    green = 200.0 - 500.0 * (signal - signal.min())
    found = pycrt_peer.run(time_s, np.repeat(green[:, None], 3, axis=1), 0.0)
    return NOTHING if found.failure else (found.t90_s, found.ci95_s[1] - found.t90_s)


PEERS: Final[dict[str, Callable[[Array, Array], Answer]]] = {
    "least squares": least_squares,
    "soft L1": soft_l1,
    "90 % crossing": crossing,
    "pyCRT": pycrt,
}
