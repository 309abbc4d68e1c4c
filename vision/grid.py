"""Frames to a small grid of linear colour means, with clipping and motion: all that is kept of a picture.

A fingertip is a fingerprint: after `GridSampler` no picture is left, only about 16 x 12 cells of mean light. The region
of interest of the latest frame is kept until the next one comes, to be compared with; nothing else of it.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vision.bayer_light import BayerLight
from vision.bgr_light import BgrLight
from vision.cells import CellGrid, Float32, RegionError, Roi, Sample, lay
from vision.frames import BGR, Bayer, Bgr, Layout, Pixels, check, step_of
from vision.motion import ENCODED_LOG, ShiftSensor
from vision.signal import haemoglobin
from vision.yuv_light import YuvLight

__all__ = ["GridRecording", "GridSampler", "RegionError", "Roi"]

Array = NDArray[np.float64]


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


class Light(Protocol):
    """Turns frames of one layout into cells of linear light."""

    def take(self, frame: NDArray[Any]) -> Sample:
        """Take a frame and return what is kept of it."""

    def grey(self) -> NDArray[Any]:
        """Return the region of the latest frame, one value a pixel, for the shift sensor."""


def _light_and_motion(grid: CellGrid, layout: Layout, width: int, height: int) -> tuple[Light, ShiftSensor]:
    """Return what reads frames of a layout, and the shift sensor that fits its values."""
    if isinstance(layout, Bgr):
        return BgrLight(grid), ShiftSensor(grid.width, grid.height, ENCODED_LOG)
    if isinstance(layout, Bayer):
        mosaic = BayerLight(grid, layout)
        return mosaic, ShiftSensor(grid.width, grid.height, mosaic.log_table, halvings=1)
    planes = YuvLight(grid, layout, width, height)
    return planes, ShiftSensor(grid.width, grid.height, planes.log_table)


class GridSampler:
    """Takes frames one by one; see the module. `roi` is x, y, width, height in pixels, the whole frame by default.

    `layout` says what a frame's numbers mean. Raises `RegionError` where no grid fits the region.
    """

    def __init__(self, width: int, height: int, roi: Roi | None = None, layout: Layout = BGR) -> None:
        self._grid = lay(width, height, roi, step_of(layout))
        self._width, self._height, self._layout = width, height, layout
        self._light, self._motion_sensor = _light_and_motion(self._grid, layout, width, height)
        self._frames: list[tuple[float, Float32, Float32, Float32]] = []
        self._motion: list[tuple[float, float, float, bool]] = []

    def add(self, frame: Pixels, time_s: float) -> None:
        """Take a frame of the layout, at `time_s` on any clock that only moves forward; raises `FrameError`."""
        check(frame, self._layout, self._width, self._height)
        sample = self._light.take(frame)
        self._frames.append((time_s, sample.cells, sample.clipped, sample.dark))
        self._motion.append((*self._motion_sensor.shift_px(self._light.grey()), sample.repeated))

    def progress(self) -> tuple[float, float]:
        """Return time and haemoglobin signal of the latest frame's middle, for display only; raises on no frame yet."""
        time_s, cells, _, _ = self._frames[-1]
        middle = cells[
            self._grid.rows // 4 : -(self._grid.rows // 4), self._grid.columns // 4 : -(self._grid.columns // 4)
        ]
        return time_s, float(haemoglobin(middle.reshape(-1, 3).mean(axis=0, dtype=np.float64)))

    def finish(self) -> GridRecording:
        """Return everything taken so far as arrays."""
        motion = np.array([entry[:3] for entry in self._motion], dtype=np.float64).reshape(-1, 3)
        shape = (0, self._grid.rows, self._grid.columns)
        return GridRecording(
            time_s=np.array([entry[0] for entry in self._frames], dtype=np.float64),
            cells=np.array([entry[1] for entry in self._frames], dtype=np.float32).reshape(-1, *shape[1:], 3),
            clipped=np.array([entry[2] for entry in self._frames], dtype=np.float32).reshape(-1, *shape[1:]),
            dark=np.array([entry[3] for entry in self._frames], dtype=np.float32).reshape(-1, *shape[1:]),
            shift_px=motion[:, :2],
            sharpness=motion[:, 2],
            repeated=np.array([entry[3] for entry in self._motion], dtype=np.bool_),
            cell_px=self._grid.cell_px,
        )
