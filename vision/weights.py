"""Robust scale and weights for residuals."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TUKEY_C: float = 5.5
"""Residuals beyond this many sd get no weight. Wide, so that Gaussian noise loses under 2 % of its information."""


def robust_sd(values: Array) -> float:
    """Return the standard deviation of the bulk of `values` (n,) by the median absolute deviation; 0 for none."""
    if len(values) == 0:
        return 0.0
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def tukey_weights(residual: Array, sd: float) -> Array:
    """Return Tukey's biweight for each residual (n,), 1 at the centre and 0 beyond `TUKEY_C` sd."""
    if sd <= 0:
        return np.ones_like(residual)
    return np.square(np.maximum(1 - np.square(residual / (TUKEY_C * sd)), 0.0))


def difference_sd(values: Array) -> float:
    """Return the white-noise sd of a smooth series (n,) from its third differences, whatever its trend."""
    if len(values) < 8:
        return 0.0
    return robust_sd(np.diff(values, 3)) / np.sqrt(20.0)
