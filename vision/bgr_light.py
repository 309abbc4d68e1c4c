"""BGR frames to linear light: a table takes two bytes at once to the linear values of both.

What a table costs is the look-ups, and two bytes a look-up halve them. Cells take the values as float32, exact but for
float32's own rounding. A single region's mean takes 16-bit whole numbers, which are summed faster; see `RegionMean`.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.cells import CellGrid, Float32, Roi, Sample, add_rows, means_of, shares
from vision.frames import Held
from vision.tone import CLIPPED_AT, DARK_AT, LINEAR_TABLE, srgb_to_linear

FULL: int = 65535
"""Linear light 1 as a 16-bit number."""


def byte_pairs() -> NDArray[np.uint8]:
    """Return the two bytes (65536, 2) of every 16-bit number, in this machine's order."""
    return np.arange(65536, dtype=np.uint16).view(np.uint8).reshape(-1, 2)


def pair_table(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Return the pair of values, side by side (65536, 2), for each pair of bytes read as one 16-bit number.

    `first` and `second` (256) are the values for a byte in the first and in the second place.
    """
    pairs = byte_pairs()
    return np.stack([first[pairs[:, 0]], second[pairs[:, 1]]], axis=1)


def _whole_numbers() -> NDArray[np.uint16]:
    """Return 16-bit linear light (2, 256) for a byte in the first and in the second place.

    Rounded so that the places, and then neighbouring codes, make up for each other: over the codes that a noisy or
    textured region holds, the rounding all but cancels.
    """
    doubled = np.empty(256, np.int64)
    carried = 0.0
    for code, wanted in enumerate(2 * FULL * srgb_to_linear(np.arange(256.0))):
        doubled[code] = np.rint(wanted + carried)
        carried += wanted - doubled[code]
    doubled[-1] = 2 * FULL
    return np.stack([doubled // 2, doubled - doubled // 2]).astype(np.uint16)


# Two values as one number, because a table gives one number for an index; nothing is ever computed with that number.
PAIRS: NDArray[np.float64] = pair_table(LINEAR_TABLE, LINEAR_TABLE).view(np.float64).ravel()
"""Two float32 for two bytes."""
WHOLE: NDArray[np.uint16] = _whole_numbers()
WHOLE_PAIRS: NDArray[np.int32] = pair_table(WHOLE[0], WHOLE[1]).view(np.int32).ravel()
"""Two 16-bit numbers for two bytes."""


class BgrLight:
    """Takes frames (height, width, 3) of encoded B, G, R; see `vision.grid`."""

    def __init__(self, grid: CellGrid) -> None:
        self._grid = grid
        self._held = Held(grid.height, 3 * grid.width)
        self.picture: NDArray[np.uint8] = self._held.values.reshape(grid.height, grid.width, 3)
        pairs = self._held.buffer.view(np.uint16)
        px = grid.cell_px
        self._strips = [pairs[row * px : (row + 1) * px] for row in range(grid.rows)]
        self._linear = np.empty((px, pairs.shape[1]), np.float64)
        self._sums = np.empty((grid.rows, 2 * pairs.shape[1]), np.float32)
        self._none = np.zeros((grid.rows, grid.columns), np.float32)
        self._grey = np.empty((grid.height, grid.width), np.uint8)

    def take(self, frame: NDArray[Any]) -> Sample:
        """Take a frame and return what is kept of it."""
        repeated = self._held.renew(self._grid.part(frame.reshape(len(frame), -1), 3))
        return Sample(self._cells(), *self._clipped_and_dark(), repeated)

    def grey(self) -> NDArray[np.uint8]:
        """Return the region as encoded luma (height, width), valid until the next frame."""
        cv2.cvtColor(self.picture, cv2.COLOR_BGR2GRAY, self._grey)
        return self._grey

    def _cells(self) -> Float32:
        values = self._linear.view(np.float32)
        for row, strip in enumerate(self._strips):
            cv2.LUT(strip, PAIRS, self._linear)
            add_rows(values, self._sums[row : row + 1])
        grid = self._grid
        sums = self._sums[:, : 3 * grid.width].reshape(grid.rows, grid.width, 3)
        return means_of(sums, grid.cell_px, grid.columns)[:, :, ::-1]

    def _clipped_and_dark(self) -> tuple[Float32, Float32]:
        """Return the shares of pixels with a channel that may be clipped, and of pixels dark in every channel.

        Most pictures hold neither: two extremes tell, and spare the look at every pixel.
        """
        low, high, _, _ = cv2.minMaxLoc(self._held.buffer)
        if high < CLIPPED_AT and low > DARK_AT:
            return self._none, self._none
        blue, green, red = (np.asarray(plane) for plane in cv2.split(self.picture))
        brightest = np.maximum(np.maximum(blue, green), red)
        rows, columns = self._grid.rows, self._grid.columns
        return shares(brightest >= CLIPPED_AT, rows, columns), shares(brightest <= DARK_AT, rows, columns)


class RegionMean:
    """Mean linear light of one region of BGR frames, where no cells are wanted; `roi` is x, y, width, height in px.

    Right to 1e-5 of the value for skin of ordinary brightness (encoded values from about 70), to 5e-5 for values of
    20 to 40, and to 1 / 65535 of full light for any picture at all.
    """

    def __init__(self, roi: Roi) -> None:
        x, y, self._width, self._height = roi
        self._slice = (slice(y, y + self._height), slice(x, x + self._width))
        shape = (self._height, self._width, 3)
        self._paired = np.empty((self._height, 3 * self._width // 2), np.int32)
        self._single = np.empty(shape, np.float32)
        words = self._paired.view(np.uint16)
        self._of_pairs = words if self._width % 2 else words.reshape(shape)

    def of(self, frame: NDArray[np.uint8]) -> tuple[float, float, float]:
        """Return R, G, B in [0, 1] of a frame (height, width, 3) of encoded values."""
        region = frame[self._slice]
        if self._width % 2 == 0 and (pairs := region.reshape(self._height, -1).view(np.uint16)).flags.aligned:
            cv2.LUT(pairs, WHOLE_PAIRS, self._paired)
            blue, green, red, _ = cv2.sumElems(self._of_pairs)
            full = FULL * self._width * self._height
        else:  # bytes that do not lie in pairs: one at a time, slower and exact
            cv2.LUT(region, LINEAR_TABLE, self._single)
            blue, green, red, _ = cv2.sumElems(self._single)
            full = self._width * self._height
        return red / full, green / full, blue / full
