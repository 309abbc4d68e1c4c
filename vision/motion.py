"""How far the skin has shifted in the picture, by a method that blanching does not break.

The correlation of band-passed pictures: large-scale light and blanching are filtered away, pixel noise too; what is
left is the skin's own texture. The field is reduced to about 96 px across first.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

ACROSS_PX: int = 96
LARGEST_SHARE: float = 0.25
"""Shifts are looked for up to this share of the field."""


class ShiftSensor:
    """Measures the shift of each picture against the first one it is given."""

    def __init__(self, width: int, height: int) -> None:
        self._scale = max(1.0, width / ACROSS_PX)
        self._size = (max(8, round(width / self._scale)), max(8, round(height / self._scale)))
        window = cv2.createHanningWindow(self._size, cv2.CV_32F)
        self._window: NDArray[np.float32] = np.sqrt(window).astype(np.float32)
        self._reference: NDArray[np.complexfloating[Any, Any]] | None = None
        self._reference_power = 0.0

    def shift_px(self, picture: Picture) -> tuple[float, float, float]:
        """Return x, y in px of the picture and likeness (-1 to 1) of an encoded BGR picture (height, width, 3)."""
        small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), self._size, interpolation=cv2.INTER_AREA)
        values = np.log(small.astype(np.float32) + 2.0)
        texture = (cv2.GaussianBlur(values, (0, 0), 1.0) - cv2.GaussianBlur(values, (0, 0), 3.0)) * self._window
        spectrum = np.fft.rfft2(texture)
        power = float((texture * texture).sum())
        if self._reference is None:
            self._reference, self._reference_power = spectrum, power
        reference = self._reference
        correlation = np.fft.irfft2(spectrum * reference.conj(), s=texture.shape)
        y, x, peak = _peak(correlation, LARGEST_SHARE)
        likeness = peak / max(float(np.sqrt(power * self._reference_power)), 1e-12)
        return x * self._scale, y * self._scale, min(likeness, 1.0)


def _peak(correlation: NDArray[np.float64], share: float) -> tuple[float, float, float]:
    """Return row, column (signed, subpixel) and height of the highest point within `share` of the field."""
    rows, columns = correlation.shape
    reach_y, reach_x = int(rows * share), int(columns * share)
    near = np.roll(correlation, (reach_y, reach_x), axis=(0, 1))[: 2 * reach_y + 1, : 2 * reach_x + 1]
    y, x = np.unravel_index(int(np.argmax(near)), near.shape)
    height = float(near[y, x])

    def between(before: float, after: float) -> float:
        curvature = before - 2 * height + after
        return 0.0 if curvature >= 0 else float(np.clip(0.5 * (before - after) / curvature, -0.5, 0.5))

    sub_y = between(float(near[y - 1, x]), float(near[y + 1, x])) if 0 < y < 2 * reach_y else 0.0
    sub_x = between(float(near[y, x - 1]), float(near[y, x + 1])) if 0 < x < 2 * reach_x else 0.0
    return float(y) - reach_y + sub_y, float(x) - reach_x + sub_x, height
