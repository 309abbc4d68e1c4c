"""The photo made small: linear light by area averaging, in a grid that one core can look at in time."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.tone import CLIPPED_AT, LINEAR_TABLE

Floats = NDArray[np.float32]

LONGEST_PX: Final = 1000
"""Cells along the longer side of the photo, roughly (up to half more): a leg of 900 mm then has cells of about 1 mm."""
FINEST_MM: Final = 0.8
"""Cells are not made smaller than this: the net of mottling has meshes of 5 to 25 mm."""
SMALLEST: Final = 1e-4
"""Linear light below this is taken for this, so that its logarithm stands."""
_STRIP_ROWS: Final = 256


@dataclass(frozen=True)
class Picture:
    """A photo as means of whole blocks of pixels, so that cell (i, j) has its centre at ((j + 0.5) px - 0.5, ...)."""

    linear: Floats
    """Linear R, G, B in 0 to 1, shape (h, w, 3)."""
    clipped: Floats
    """Share of clipped pixels of each cell, 0 to 1, shape (h, w)."""
    px: int
    """Photo pixels along a side of a cell."""

    @property
    def density(self) -> Floats:
        """Optical density -ln of R, G, B, shape (h, w, 3), 0 at full white, 9.2 at most."""
        return np.asarray(-np.log(np.maximum(self.linear, SMALLEST)), dtype=np.float32)

    def cell(self, point: tuple[float, float]) -> tuple[float, float]:
        """Return a point of the photo (x, y) in cells of the grid."""
        return (point[0] + 0.5) / self.px - 0.5, (point[1] + 0.5) / self.px - 0.5


def block_px(shape: tuple[int, ...], mm_per_px: float) -> int:
    """Return how many photo pixels make a side of a cell, at least 1."""
    by_size = round(max(shape[:2]) / LONGEST_PX)
    return max(1, by_size, min(int(FINEST_MM / mm_per_px), max(1, min(shape[:2]) // 200)))


def reduce_photo(photo: NDArray[np.uint8], px: int) -> Picture:
    """Return the photo (BGR, encoded, (h, w, 3)) in blocks of `px`; rows and columns that fill no block are left off.

    Pixels are made linear before they are averaged. Strip by strip, so that no linear copy of the whole photo is held.
    """
    rows, columns = photo.shape[0] // px, photo.shape[1] // px
    linear = np.empty((rows, columns, 3), dtype=np.float32)
    clipped = np.empty((rows, columns), dtype=np.float32)
    step = max(1, _STRIP_ROWS // px)
    for first in range(0, rows, step):
        last = min(rows, first + step)
        strip = np.ascontiguousarray(photo[first * px : last * px, : columns * px])
        size = (columns, last - first)
        light = cv2.LUT(strip, LINEAR_TABLE)
        linear[first:last] = cv2.resize(light, size, interpolation=cv2.INTER_AREA)[..., ::-1]
        at_top = _top(strip)
        clipped[first:last] = cv2.resize(at_top, size, interpolation=cv2.INTER_AREA)
    return Picture(linear, clipped, px)


def _top(strip: NDArray[np.uint8]) -> Floats:
    blue, green, red = cv2.split(strip)
    brightest = cv2.max(cv2.max(blue, green), red)
    return np.asarray(cv2.threshold(brightest, CLIPPED_AT - 1, 1.0, cv2.THRESH_BINARY)[1], dtype=np.float32)
