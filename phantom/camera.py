"""The camera's electronics: photo-electrons with shot and read noise, white clip, sRGB tone curve, 8 bits.

Noise is added in the square-root domain, where shot and read noise together have a standard deviation of 1/2 whatever
the level (Anscombe's transform), so one normal number a pixel and one table give noise, tone curve and rounding.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

FULL_WELL = 8000.0  # electrons at linear value 1, at gain 1
READ_NOISE = 4.0  # electrons
_TOP = 1.6  # linear value at which the table ends; all above 1 is white


def srgb_encode(linear: Floats) -> Floats:
    """IEC 61966-2-1: linear 0 to 1 to encoded 0 to 1; values outside are clipped."""
    value = np.clip(linear, 0.0, 1.0)
    return np.asarray(np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055))


def srgb_decode(encoded: Floats) -> Floats:
    """The inverse of `srgb_encode`."""
    value = np.clip(encoded, 0.0, 1.0)
    return np.asarray(np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4))


class Sensor:
    """One camera at one gain. `noise` scales the standard deviation of shot and read noise together; 0 is none."""

    def __init__(self, gain: float, noise: float) -> None:
        self.noisy = noise > 0.0
        strength = max(noise, 0.02)
        self._electrons = FULL_WELL / gain / strength**2
        self._read = READ_NOISE / strength
        top = float(np.sqrt(self._electrons * _TOP + self._read**2)) + 6.0
        self._per_unit = 65000.0 / top

    @cached_property
    def _table(self) -> NDArray[np.uint8]:
        """8-bit value against the square root of electrons, in steps of 1 / `_per_unit`."""
        root = np.arange(65536) / self._per_unit
        bias = 0.25 if self.noisy else 0.0  # the mean of a squared noise of 1/2
        linear = (root**2 - self._read**2 - bias) / self._electrons
        return np.rint(255.0 * srgb_encode(linear)).astype(np.uint8)

    def sigma_linear(self, linear: Floats) -> Floats:
        """Standard deviation of one pixel's noise at this linear value, before rounding."""
        if not self.noisy:
            return np.zeros_like(linear)
        return np.asarray(np.sqrt(linear * self._electrons + self._read**2) / self._electrons)

    def expose(self, linear: Singles, chance: np.random.Generator, scratch: Singles) -> NDArray[np.uint8]:
        """A frame from linear values, any shape; `linear` and `scratch` (same shape) are overwritten."""
        import cv2

        linear *= np.float32(self._electrons)
        linear += np.float32(self._read**2)
        cv2.sqrt(linear, linear)
        if self.noisy:
            chance.standard_normal(dtype=np.float32, out=scratch)
            cv2.scaleAdd(scratch, 0.5, linear, dst=linear)
        linear *= np.float32(self._per_unit)
        np.clip(linear, 0.0, 65535.0, out=linear)
        return self._table[(linear + np.float32(0.5)).astype(np.uint16)]
