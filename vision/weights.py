"""Robust scale and weights for residuals."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

OUTLIER_SHARE: float = 0.03
OUTLIER_SD: float = 10.0
"""What is expected of gross errors: this share of the samples, with this many times the noise (Tukey's contaminated
normal, 1960)."""


def robust_sd(values: Array) -> float:
    """Return the standard deviation of the bulk of `values` (n,) by the median absolute deviation; 0 for none."""
    if len(values) == 0:
        return 0.0
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def clean_share(residual_sd: Array) -> Array:
    """Return how likely each residual (n,), in units of its noise, is noise and no gross error, by that much a weight.

    Near 1 up to two and a half, 0.5 at about three and a half, near 0 from five on: Gaussian noise loses under 1 % of
    its information.
    """
    squares = np.minimum(np.square(residual_sd), 1e3)
    clean = (1 - OUTLIER_SHARE) * np.exp(-0.5 * squares)
    gross = OUTLIER_SHARE / OUTLIER_SD * np.exp(-0.5 * squares / OUTLIER_SD**2)
    return np.asarray(np.maximum(clean / (clean + gross), 1e-6))


def difference_sd(values: Array) -> float:
    """Return the white-noise sd of a smooth series (n,) from its third differences, whatever its trend."""
    if len(values) < 8:
        return 0.0
    return robust_sd(np.diff(values, 3)) / np.sqrt(20.0)
