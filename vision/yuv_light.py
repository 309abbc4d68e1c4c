"""Planes of luma and chroma (I420, NV12) to cells of linear light, by tables only.

An encoded channel is a luma part plus a chroma part. Both come from tables as whole steps of 1/`STEPS` of a code, are
added, and the sum is looked up in a table that clips to 0 to 255 and linearises: no rounding to 8 bits in between. Each
chroma value is spread over its 2 x 2 pixels, as the camera's own conversion does.
"""

from functools import cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.bgr_light import byte_pairs, pair_table
from vision.cells import CellGrid, Float32, Sample, add_rows, means_of, shares
from vision.frames import Held, Yuv, YuvCoding
from vision.tone import CLIPPED_AT, DARK_AT, srgb_to_linear

Words = NDArray[np.int32]

STEPS: int = 78
"""Steps to an encoded value. Channels reach from -290 to 547, whatever the coding: (547 + 292) x 78 fit 16 bits."""
LOWEST: int = -292
"""Encoded value of step 0."""
CLIPPED_STEP: int = int((CLIPPED_AT - 0.5 - LOWEST) * STEPS)
DARK_STEP: int = int((DARK_AT + 0.5 - LOWEST) * STEPS)
"""Brightest channels from the one on may be clipped, below the other are dark: as if rounded to 8 bits."""


class Gains(NamedTuple):
    """How an encoded channel follows its planes: luma above its foot, and chroma away from 128, by these factors."""

    luma: float
    foot: float
    red_of_v: float
    green_of_u: float
    green_of_v: float
    blue_of_u: float


def gains_of(coding: YuvCoding) -> Gains:
    """Return the factors of a coding: the inverse of the equations of ITU-R BT.601-7 and BT.709-6."""
    luma, chroma, foot = (1.0, 1.0, 0.0) if coding.full_range else (255 / 219, 255 / 224, 16.0)
    red, blue = 2 * (1 - coding.red_weight) * chroma, 2 * (1 - coding.blue_weight) * chroma
    green_weight = 1 - coding.red_weight - coding.blue_weight
    return Gains(
        luma, foot, red, -blue * coding.blue_weight / green_weight, -red * coding.red_weight / green_weight, blue
    )


class Tables(NamedTuple):
    """Luma steps of a pair of pixels; chroma steps of red, green, blue for a (U, V) pair; linear light of a step."""

    luma: Words
    chroma: tuple[Words, Words, Words]
    linear: Float32
    log_luma: Float32


@cache
def tables_of(coding: YuvCoding) -> Tables:
    """Return the tables of a coding; about a megabyte, made once."""
    gains = gains_of(coding)
    luma = gains.luma * (np.arange(256.0) - gains.foot)
    doubled = np.rint(2 * STEPS * (luma - LOWEST)).astype(np.int64)
    of_pair = pair_table((doubled // 2).astype(np.uint16), (doubled - doubled // 2).astype(np.uint16))
    chroma = (_chroma(0.0, gains.red_of_v), _chroma(gains.green_of_u, gains.green_of_v), _chroma(gains.blue_of_u, 0.0))
    linear = srgb_to_linear(np.arange(65536) / STEPS + LOWEST).astype(np.float32)
    log_luma = np.log(np.maximum(luma, 0.0) + 2.0).astype(np.float32)
    return Tables(of_pair.view(np.int32).ravel(), chroma, linear, log_luma)


def _chroma(of_u: float, of_v: float) -> Words:
    """Return the table of one channel's chroma part: steps for two pixels side by side, negative ones wrapped.

    The two are rounded against each other, as those of luma are: their mean is right to a quarter of a step.
    """
    pairs = byte_pairs().astype(np.float64) - 128.0
    doubled = np.rint(2 * STEPS * (of_u * pairs[:, 0] + of_v * pairs[:, 1])).astype(np.int64)
    first = doubled >> 1
    return np.stack([first, doubled - first], axis=1).astype(np.uint16).view(np.int32).ravel()


class YuvLight:
    """Takes frames (height * 3/2, width) of a `Yuv` layout; see `vision.grid`."""

    def __init__(self, grid: CellGrid, layout: Yuv, width: int, height: int) -> None:
        self._grid, self._nv12 = grid, layout.planes == "nv12"
        self._width, self._height = width, height
        self._tables, self._gains = tables_of(layout.coding), gains_of(layout.coding)
        rows, across, px = grid.height, grid.width, grid.cell_px
        self._luma = Held(rows, across)
        self._chroma = [Held(rows // 2, across)] if self._nv12 else [Held(rows // 2, across // 2) for _ in range(2)]
        self._u, self._v = (np.empty((rows // 2, across // 2), np.uint8) for _ in range(2))
        self._uv = np.empty((rows // 2, across // 2, 2), np.uint8)
        self._luma_steps = np.empty((px, across // 2), np.int32)
        self._chroma_steps = np.empty((px // 2, across // 2), np.int32)
        self._steps = np.empty((px, across), np.uint16)
        self._linear = np.empty((px, across), np.float32)
        self._sums = np.empty((3, grid.rows, across), np.float32)
        self._brightest = np.zeros((rows, across), np.uint16)
        self._none = np.zeros((grid.rows, grid.columns), np.float32)
        self.log_table = self._tables.log_luma

    def take(self, frame: NDArray[Any]) -> Sample:
        """Take a frame and return what is kept of it."""
        repeated = self._renew(frame)
        extreme = self._may_be_extreme()
        self._add_up(extreme)
        grid = self._grid
        cells = np.stack(
            [means_of(sums[:, :, None], grid.cell_px, grid.columns)[:, :, 0] for sums in self._sums], axis=2
        )
        clipped, dark = self._clipped_and_dark() if extreme else (self._none, self._none)
        return Sample(cells, clipped, dark, repeated)

    def grey(self) -> NDArray[np.uint8]:
        """Return the region's luma (height, width), valid until the next frame."""
        return self._luma.values

    def _renew(self, frame: NDArray[Any]) -> bool:
        """Copy the region's planes; return whether all are the same as before."""
        grid, half = self._grid, (self._height // 2, self._width // 2)
        same = [self._luma.renew(grid.part(frame[: self._height]))]
        beyond = frame[self._height :]
        if self._nv12:
            same.append(self._chroma[0].renew(grid.part(beyond, 2, 2)))
            self._uv = self._chroma[0].values.reshape(self._uv.shape)
            cv2.split(self._uv, [self._u, self._v])
        else:
            for held, plane in zip(self._chroma, beyond.reshape(2, *half), strict=True):
                same.append(held.renew(grid.part(plane, 1, 2)))
            self._u, self._v = (held.values for held in self._chroma)
            cv2.merge([self._u, self._v], self._uv)
        return all(same)

    def _add_up(self, extreme: bool) -> None:
        """Fill the column sums of linear R, G, B and, where asked, the steps of every pixel's brightest channel."""
        px, (rows, across) = self._grid.cell_px, self._luma.values.shape
        luma, uv = self._luma.values.view(np.uint16), self._uv.reshape(rows // 2, across).view(np.uint16)
        # Views that put each pair of rows over its row of chroma.
        base = self._luma_steps.view(np.uint16).reshape(px // 2, 2, across)
        colour = self._chroma_steps.view(np.uint16)[:, None, :]
        both = self._steps.reshape(px // 2, 2, across)
        for row in range(self._grid.rows):
            strip = slice(row * px, (row + 1) * px)
            cv2.LUT(luma[strip], self._tables.luma, self._luma_steps)
            brightest = self._brightest[strip]
            brightest[:] = 0
            for sums, table in zip(self._sums, self._tables.chroma, strict=True):
                cv2.LUT(uv[row * px // 2 : (row + 1) * px // 2], table, self._chroma_steps)
                np.add(base, colour, out=both)
                cv2.LUT(self._steps, self._tables.linear, self._linear)
                add_rows(self._linear, sums[row : row + 1])
                if extreme:
                    np.maximum(brightest, self._steps, out=brightest)

    def _may_be_extreme(self) -> bool:
        """Return whether some pixel may be clipped or dark, from the extremes of each plane: a bound, never too low.

        Luma is a mean of the channels, so that the brightest is at least as bright.
        """
        gains = self._gains
        darkest, lightest = (gains.luma * (value - gains.foot) for value in cv2.minMaxLoc(self._luma.values)[:2])
        (u_low, u_high), (v_low, v_high) = (
            (low - 128, high - 128) for low, high, _, _ in (cv2.minMaxLoc(plane) for plane in (self._u, self._v))
        )
        most = max(
            gains.red_of_v * v_high, gains.blue_of_u * u_high, gains.green_of_u * u_low + gains.green_of_v * v_low
        )
        return darkest <= DARK_AT + 1 or lightest + most >= CLIPPED_AT - 1

    def _clipped_and_dark(self) -> tuple[Float32, Float32]:
        """Return the shares of pixels whose brightest channel may be clipped or is dark; see `vision.tone`."""
        rows, columns = self._grid.rows, self._grid.columns
        clipped, dark = self._brightest >= CLIPPED_STEP, self._brightest < DARK_STEP
        return shares(clipped, rows, columns), shares(dark, rows, columns)
