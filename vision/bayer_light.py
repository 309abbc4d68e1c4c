"""A sensor's own mosaic to cells of linear light: linear by construction, so that sums are all it takes.

Each colour's mean is that of its own pixels, nothing is interpolated. Light is (value - black) / (white - black); below
black it is negative noise, which is kept, because a mean without it would be biased; above white it is 1.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.cells import CellGrid, Float32, Roi, Sample, add_rows, means_of, shares
from vision.frames import Bayer, Held
from vision.tone import DARK_AT, srgb_to_linear

LOG_FOOT: float = 0.002
"""Linear light added before the logarithm for motion: about the noise of a dark pixel."""


class BayerLight:
    """Takes frames (height, width) of a `Bayer` layout; see `vision.grid`. Shares count squares of 2 x 2 pixels."""

    def __init__(self, grid: CellGrid, layout: Bayer) -> None:
        self._grid, self._layout = grid, layout
        self._held = Held(grid.height, grid.width, wide=layout.bytes_per_pixel == 2)
        self._sums = np.empty((2 * grid.rows, grid.width), np.float32)
        self._none = np.zeros((grid.rows, grid.columns), np.float32)
        levels = np.arange(256**layout.bytes_per_pixel, dtype=np.float64)
        light = (levels - layout.black) / (layout.white - layout.black)
        self.log_table: Float32 = np.log(np.maximum(light, 0.0) + LOG_FOOT).astype(np.float32)
        self._dark_at = layout.black + int(
            float(srgb_to_linear(np.array(float(DARK_AT)))) * (layout.white - layout.black)
        )

    def take(self, frame: NDArray[Any]) -> Sample:
        """Take a frame and return what is kept of it."""
        repeated = self._held.renew(self._grid.part(frame))
        low, high, _, _ = cv2.minMaxLoc(self._held.values)
        mosaic = self._held.values
        clipped = dark = self._none
        if high >= self._layout.white:
            clipped = self._quads(mosaic >= self._layout.white, every=False)
            mosaic = np.minimum(mosaic, mosaic.dtype.type(self._layout.white))
        if low <= self._dark_at:
            dark = self._quads(mosaic <= self._dark_at, every=True)
        return Sample(self._cells(mosaic), clipped, dark, repeated)

    def grey(self) -> NDArray[Any]:
        """Return the region's mosaic (height, width), valid until the next frame."""
        return self._held.values

    def _cells(self, mosaic: NDArray[Any]) -> Float32:
        grid = self._grid
        half = grid.cell_px // 2
        for row in range(grid.rows):
            strip = mosaic[row * grid.cell_px : (row + 1) * grid.cell_px]
            for phase in (0, 1):
                add_rows(strip[phase::2], self._sums[2 * row + phase : 2 * row + phase + 1])
        means = means_of(self._sums.reshape(2 * grid.rows, grid.width // 2, 2), half, grid.columns)
        by_place = (
            means.reshape(grid.rows, 2, grid.columns, 2).transpose(0, 2, 1, 3).reshape(grid.rows, grid.columns, 4)
        )
        colours = [
            by_place[:, :, [place for place, name in enumerate(self._layout.pattern) if name == colour]].mean(axis=2)
            for colour in "RGB"
        ]
        black, white = np.float32(self._layout.black), np.float32(self._layout.white)
        return (np.stack(colours, axis=2) - black) / (white - black)

    def _quads(self, mask: NDArray[np.bool_], every: bool) -> Float32:
        """Return the share of each cell's 2 x 2 squares of which every pixel (or any) is set in a mask."""
        join = np.logical_and if every else np.logical_or
        pairs = join(mask[0::2], mask[1::2]).view(np.uint16)  # two truths of a byte each, side by side
        return shares((pairs == 0x0101) if every else (pairs != 0), self._grid.rows, self._grid.columns)


class MosaicMean:
    """Mean linear light of one region of mosaics, where no cells are wanted: four sums, and no table at all.

    `roi` is x, y, width, height in px, all even, so that the region begins with the pattern's first pixel. Values above
    the white level count as they come: whether a region is clipped is for others to tell.
    """

    def __init__(self, roi: Roi, layout: Bayer) -> None:
        x, y, width, height = roi
        if any(side % 2 for side in roi):
            raise ValueError(f"region {roi} does not begin and end with whole squares of the mosaic")
        self._slice = (slice(y, y + height), slice(x, x + width))
        self._shape = (height // 2, 2, width // 2, 2)
        pattern = layout.pattern
        self._red, self._blue = pattern.index("R"), pattern.index("B")
        self._greens = pattern.index("G"), pattern.rindex("G")
        span = layout.white - layout.black
        self._offset, self._scale = layout.black / span, 4.0 / (width * height * span)

    def of(self, frame: NDArray[Any]) -> tuple[float, float, float]:
        """Return R, G, B, 1 at the white level, of a frame (height, width)."""
        squares = frame[self._slice].reshape(self._shape)
        first, second, _, _ = cv2.sumElems(squares[:, 0])
        third, fourth, _, _ = cv2.sumElems(squares[:, 1])
        sums = (first, second, third, fourth)
        scale, offset = self._scale, self._offset
        green = 0.5 * scale * (sums[self._greens[0]] + sums[self._greens[1]])
        return scale * sums[self._red] - offset, green - offset, scale * sums[self._blue] - offset
