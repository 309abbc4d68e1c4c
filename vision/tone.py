"""The camera's tone curve: encoded 8-bit values to linear light.

sRGB (IEC 61966-2-1). Pixels are linearised before anything is averaged: the mean of encoded pixels is not the encoding
of the mean, and a fit to encoded values is biased.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def srgb_to_linear(encoded: Array) -> Array:
    """Return linear light in [0, 1] of encoded values in [0, 255], any shape; values outside are clipped."""
    share = np.clip(np.asarray(encoded, dtype=np.float64) / 255.0, 0.0, 1.0)
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: Array) -> Array:
    """Return encoded values in [0, 255] of linear light in [0, 1], any shape; values outside are clipped."""
    share = np.clip(np.asarray(linear, dtype=np.float64), 0.0, 1.0)
    return 255.0 * np.where(share <= 0.0031308, 12.92 * share, 1.055 * share ** (1 / 2.4) - 0.055)


LINEAR_TABLE: NDArray[np.float32] = srgb_to_linear(np.arange(256.0)).astype(np.float32)
"""Linear light of each 8-bit value."""
CLIPPED_AT: int = 254
"""Encoded values from here on may be clipped: nothing is known about the light behind them."""
DARK_AT: int = 8
"""A pixel whose brightest encoded value is at or below this is dark: mostly noise."""
