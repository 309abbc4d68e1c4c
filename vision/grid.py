"""Frames to a small grid of linear colour means, with clipping and motion: all that is kept of a picture.

A fingertip is a fingerprint: after `GridSampler` no picture is left, only about 16 x 12 cells of mean light. Each frame
costs one pass over the region of interest.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.motion import ShiftSensor
from vision.signal import haemoglobin
from vision.tone import CLIPPED_AT, LINEAR_TABLE

Array = NDArray[np.float64]
Roi = tuple[int, int, int, int]

CELLS_ACROSS: int = 16


class RegionError(ValueError):
    """The region of interest does not lie in the picture, or is too small to hold a grid."""


@dataclass(frozen=True)
class GridRecording:
    """What is kept of n frames: cells of rows x columns, colour order R, G, B, linear light in [0, 1].

    `shift_px` (n, 2) is x, y of the field against the first frame, in pixels of the picture; `sharpness` (n,) how alike
    the two are when laid over each other (1: the same). `clipped` and `dark` (n, rows, columns) are shares of a cell's
    pixels. `repeated` (n,) is true where a frame is the same as the one before, to the bit.
    """

    time_s: Array
    cells: NDArray[np.float32]
    clipped: NDArray[np.float32]
    dark: NDArray[np.float32]
    shift_px: Array
    sharpness: Array
    repeated: NDArray[np.bool_]
    cell_px: int


class GridSampler:
    """Takes frames one by one; see the module. `roi` is x, y, width, height in pixels, the whole frame by default."""

    def __init__(self, width: int, height: int, roi: Roi | None = None) -> None:
        x, y, w, h = roi or (0, 0, width, height)
        if w < 8 or h < 8 or x < 0 or y < 0 or x + w > width or y + h > height:
            raise RegionError(f"region {x},{y},{w},{h} does not lie in a picture of {width}x{height}, or is under 8x8")
        self._cell_px = max(2, min(w // 8, h // 6, round(w / CELLS_ACROSS)))
        self._columns, self._rows = w // self._cell_px, h // self._cell_px
        # The rest of the division is left out evenly on both sides, so that every cell has the same pixels.
        left = x + (w - self._columns * self._cell_px) // 2
        top = y + (h - self._rows * self._cell_px) // 2
        self._slice = (
            slice(top, top + self._rows * self._cell_px),
            slice(left, left + self._columns * self._cell_px),
        )
        self._motion_sensor = ShiftSensor(self._columns * self._cell_px, self._rows * self._cell_px)
        self._last: NDArray[np.uint8] | None = None
        self._frames: list[tuple[float, NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]] = []
        self._motion: list[tuple[float, float, float, bool]] = []

    def add(self, frame_bgr: NDArray[np.uint8], time_s: float) -> None:
        """Take a frame (height, width, 3) of encoded BGR values, at `time_s` on any clock that only moves forward."""
        # A copy: the camera may use its buffer again while the last picture is still compared with.
        picture = frame_bgr[self._slice].copy()
        linear = cv2.LUT(picture, LINEAR_TABLE)
        size = (self._columns, self._rows)
        cells = cv2.resize(linear, size, interpolation=cv2.INTER_AREA)
        brightest = (
            picture.max(axis=2)
            if picture.shape[2] == 1
            else cv2.max(cv2.max(*cv2.split(picture)[:2]), picture[:, :, 2])
        )
        clipped = cv2.resize((brightest >= CLIPPED_AT).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        dark = cv2.resize((brightest <= 8).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        self._frames.append(
            (time_s, cells[:, :, ::-1].astype(np.float32), clipped.astype(np.float32), dark.astype(np.float32))
        )
        self._motion.append((*self._motion_sensor.shift_px(picture), self._is_repeated(picture)))

    def _is_repeated(self, picture: NDArray[np.uint8]) -> bool:
        repeated = self._last is not None and bool(np.array_equal(self._last, picture))
        self._last = picture
        return repeated

    def progress(self) -> tuple[float, float]:
        """Return time and haemoglobin signal of the latest frame's middle, for display only; raises on no frame yet."""
        time_s, cells, _, _ = self._frames[-1]
        middle = cells[self._rows // 4 : -(self._rows // 4), self._columns // 4 : -(self._columns // 4)]
        return time_s, float(haemoglobin(middle.reshape(-1, 3).mean(axis=0, dtype=np.float64)))

    def finish(self) -> GridRecording:
        """Return everything taken so far as arrays."""
        motion = np.array([entry[:3] for entry in self._motion], dtype=np.float64).reshape(-1, 3)
        shape = (0, self._rows, self._columns)
        return GridRecording(
            time_s=np.array([entry[0] for entry in self._frames], dtype=np.float64),
            cells=np.array([entry[1] for entry in self._frames], dtype=np.float32).reshape(-1, *shape[1:], 3),
            clipped=np.array([entry[2] for entry in self._frames], dtype=np.float32).reshape(-1, *shape[1:]),
            dark=np.array([entry[3] for entry in self._frames], dtype=np.float32).reshape(-1, *shape[1:]),
            shift_px=motion[:, :2],
            sharpness=motion[:, 2],
            repeated=np.array([entry[3] for entry in self._motion], dtype=np.bool_),
            cell_px=self._cell_px,
        )
