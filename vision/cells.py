"""The grid of cells: where it lies in the picture, and means over its cells.

A mean is taken in two steps: the rows of a cell are summed column by column, then its columns. Whole numbers stay exact
up to 2^24; of linear light as float32 the mean is right to a few parts in ten million.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Roi = tuple[int, int, int, int]
Float32 = NDArray[np.float32]

CELLS_ACROSS: int = 16


class RegionError(ValueError):
    """The region of interest does not lie in the picture, or is too small to hold a grid."""


class Sample(NamedTuple):
    """What one frame leaves behind; see `vision.grid.GridRecording` for the meaning of each."""

    cells: Float32
    clipped: Float32
    dark: Float32
    repeated: bool


@dataclass(frozen=True)
class CellGrid:
    """Cells of `cell_px` x `cell_px`, `columns` x `rows` of them, the first at `left`, `top`; all in px."""

    left: int
    top: int
    cell_px: int
    columns: int
    rows: int

    @property
    def width(self) -> int:
        """Width covered, px."""
        return self.columns * self.cell_px

    @property
    def height(self) -> int:
        """Height covered, px."""
        return self.rows * self.cell_px

    def part(self, plane: NDArray[Any], values: int = 1, step: int = 1) -> NDArray[Any]:
        """Return the view of a plane (rows, columns * values) that the cells cover; `step` px share a value."""
        rows = slice(self.top // step, (self.top + self.height) // step)
        columns = slice(self.left // step * values, (self.left + self.width) // step * values)
        return plane[rows, columns]


def lay(width: int, height: int, roi: Roi | None, step: int = 1) -> CellGrid:
    """Return the grid in a region (x, y, width, height in px; None: the whole picture); raises `RegionError`.

    Cells start and end on multiples of `step` px. What the division leaves over is left out evenly on both sides.
    """
    x, y, w, h = roi or (0, 0, width, height)
    if w < 8 or h < 8 or x < 0 or y < 0 or x + w > width or y + h > height:
        raise RegionError(f"region {x},{y},{w},{h} does not lie in a picture of {width}x{height}, or is under 8x8")
    if width % step or height % step:
        raise RegionError(f"a picture of {width}x{height} does not divide into squares of {step} px")
    x, w = x + x % step, (w - x % step) // step * step
    y, h = y + y % step, (h - y % step) // step * step
    cell_px = max(2, min(w // 8, h // 6, round(w / CELLS_ACROSS))) // step * step
    columns, rows = w // cell_px, h // cell_px
    left = x + (w - columns * cell_px) // 2 // step * step
    top = y + (h - rows * cell_px) // 2 // step * step
    return CellGrid(left, top, cell_px, columns, rows)


def add_rows(strip: NDArray[Any], into: Float32) -> None:
    """Write the column sums of a strip (px, n; uint8, uint16 or float32) into a row (1, n)."""
    cv2.reduce(strip, 0, cv2.REDUCE_SUM, into, cv2.CV_32F)


def means_of(sums: Float32, strip_px: int, columns: int) -> Float32:
    """Return cell means (rows, columns, channels) of column sums (rows, width, channels) over `strip_px` rows."""
    rows = sums.shape[0]
    means = cv2.resize(sums, (columns, rows), interpolation=cv2.INTER_AREA).reshape(rows, columns, -1)
    return np.asarray(means, dtype=np.float32) / np.float32(strip_px)


def shares(mask: NDArray[np.bool_], rows: int, columns: int) -> Float32:
    """Return the share (rows, columns) of each cell's pixels that are set in a mask (height, width)."""
    height, width = mask.shape
    px = height // rows
    sums = np.empty((rows, width), np.float32)
    for row in range(rows):
        add_rows(mask[row * px : (row + 1) * px].view(np.uint8), sums[row : row + 1])
    return means_of(sums[:, :, None], px, columns)[:, :, 0]
