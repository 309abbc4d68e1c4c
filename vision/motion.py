"""How far the skin has shifted in the picture, by a method that blanching does not break.

The correlation of band-passed pictures: large-scale light and blanching are filtered away, pixel noise too; what is
left is the skin's own texture. The field is halved until it is 96 to 191 px across; the band is cut out of the
spectrum, where the correlation is computed anyway.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

LEAST_ACROSS_PX: int = 96
LEAST_HIGH_PX: int = 16
LARGEST_SHARE: float = 0.25
"""Shifts are looked for up to this share of the field."""
BAND_PX: tuple[float, float] = (1.0, 3.0)
"""Standard deviations, in px of the halved field, of the two Gaussians whose difference passes the texture."""
LEAST_TEXTURE: float = 1e-4
"""Standard deviation of the logarithm below which a picture is plain: it is like nothing, not even itself."""
ENCODED_LOG: Float32 = np.log(np.arange(256.0) + 2.0).astype(np.float32)
"""Logarithm of an encoded value: what multiplies the light adds a constant, which the band leaves out."""


class ShiftSensor:
    """Measures the shift of each picture (height, width) against the first one it is given.

    `log_table` is the logarithm of each value that a pixel can have (256 or 65536 of them). `halvings` is how often a
    picture is halved at least: once for a mosaic, so that neighbours of other colours are no texture.
    """

    def __init__(self, width: int, height: int, log_table: Float32 = ENCODED_LOG, halvings: int = 0) -> None:
        self._halvings = halvings
        while width >> (self._halvings + 1) >= LEAST_ACROSS_PX and height >> (self._halvings + 1) >= LEAST_HIGH_PX:
            self._halvings += 1
        self._scale = 1 << self._halvings
        columns, rows = width // self._scale, height // self._scale
        self._whole = (slice(0, rows * self._scale), slice(0, columns * self._scale))
        self._log_table = log_table
        window = cv2.createHanningWindow((max(columns, 2), max(rows, 2)), cv2.CV_32F)[:rows, :columns]
        self._window: Float32 = np.sqrt(window).astype(np.float32)
        size = (cv2.getOptimalDFTSize(rows), cv2.getOptimalDFTSize(columns))
        self._field = np.zeros(size, np.float32)
        self._spectrum, self._product, self._correlation = (np.empty(size, np.float32) for _ in range(3))
        self._log = np.empty((rows, columns), np.float32)
        self._band = _band(*size)
        self._floor = (LEAST_TEXTURE * self._field.size) ** 2
        self._reach = (int(rows * LARGEST_SHARE), int(columns * LARGEST_SHARE))
        self._reference: Float32 | None = None
        self._reference_power = 0.0

    def shift_px(self, picture: NDArray[Any]) -> tuple[float, float, float]:
        """Return x, y in px of the picture and likeness (-1 to 1); the picture is left alone and not kept."""
        self._fill(picture)
        if self._reference is None:
            # Rolled by the reach, so that every shift that is looked for has a place of its own and none is negative.
            centred = np.roll(self._field, (-self._reach[0], -self._reach[1]), axis=(0, 1))
            self._reference = cv2.dft(centred) * self._band
            self._reference_power = _power(self._reference)
        cv2.dft(self._field, self._spectrum)
        np.multiply(self._spectrum, self._band, out=self._spectrum)
        cv2.mulSpectrums(self._spectrum, self._reference, 0, self._product, True)
        cv2.idft(self._product, self._correlation)
        y, x, peak = _peak(self._correlation[: 2 * self._reach[0] + 1, : 2 * self._reach[1] + 1])
        scale = max(float(np.sqrt(_power(self._spectrum) * self._reference_power)), self._floor)
        return (x - self._reach[1]) * self._scale, (y - self._reach[0]) * self._scale, min(peak / scale, 1.0)

    def _fill(self, picture: NDArray[Any]) -> None:
        """Put the halved picture's logarithm, less its mean and under the window, into the field."""
        small = picture[self._whole]
        for _ in range(self._halvings):
            half = (small.shape[1] // 2, small.shape[0] // 2)
            small = cv2.resize(small, half, interpolation=cv2.INTER_AREA)
        cv2.LUT(small, self._log_table, self._log)
        np.subtract(self._log, np.float32(cv2.mean(self._log)[0]), out=self._log)
        np.multiply(self._log, self._window, out=self._field[: self._log.shape[0], : self._log.shape[1]])


def _band(rows: int, columns: int) -> Float32:
    """Return the pass band (rows, columns) in the packed order of `cv2.dft`.

    A row holds frequency 0 across, then real and imaginary part of each; in the first column (and the last one of an
    even width) the same order runs downwards.
    """
    down = np.fft.fftfreq(rows)[:, None]
    packed_down = (np.arange(rows) + 1) // 2 / rows
    across = (np.arange(columns) + 1) // 2 / columns
    squared = across[None, :] ** 2 + down**2
    squared[:, 0] = packed_down**2
    if columns % 2 == 0:
        squared[:, -1] = across[-1] ** 2 + packed_down**2
    near, far = (np.exp(-0.5 * (2 * np.pi * sd) ** 2 * squared) for sd in BAND_PX)
    return (near - far).astype(np.float32)


def _power(spectrum: Float32) -> float:
    """Return the sum of squares of the whole spectrum, from the packed one: each value stands for its mirror image too.

    The few that have no mirror image lie where the band is zero.
    """
    flat = spectrum.ravel()
    return 2.0 * float(np.dot(flat, flat))


def _peak(near: Float32) -> tuple[float, float, float]:
    """Return row, column (to a part of a pixel, by a parabola through three points) and height of the highest point."""
    _, height, _, (x, y) = cv2.minMaxLoc(near)
    rows, columns = near.shape

    def between(before: float, after: float) -> float:
        curvature = before - 2 * height + after
        return 0.0 if curvature >= 0 else max(-0.5, min(0.5, 0.5 * (before - after) / curvature))

    sub_y = between(float(near[y - 1, x]), float(near[y + 1, x])) if 0 < y < rows - 1 else 0.0
    sub_x = between(float(near[y, x - 1]), float(near[y, x + 1])) if 0 < x < columns - 1 else 0.0
    return y + sub_y, x + sub_x, height
