"""Whether the leg lies beside the marks: told where what was marked is too dark or too bright to be judged itself."""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from vision.mottling.levels import Landmarks, Point
from vision.mottling.picture import Picture
from vision.mottling.place import Place, inside, placed

COARSE_MM: Final = 3.0
"""Cells in which a leg is looked for: it need not be scored."""
STEPS_MM: Final = tuple(side * step for step in range(100, 401, 50) for side in (-1, 1))
"""From the marks to the axes that are looked along: a leg is 110 mm wide and more, and found 25 mm off its middle."""

Grid = tuple[Picture, Place]


def leg_beside(picture: Picture, place: Place, is_leg: Callable[[Picture, Place], bool]) -> bool:
    """Return whether `is_leg` says so of the same marks moved across the leg's axis, on a coarser grid."""
    small, where = coarser(picture, place)
    return any(is_leg(small, moved) for moved in _moved(where))


def coarser(picture: Picture, place: Place) -> Grid:
    """Return picture and place in cells of about `COARSE_MM`, averaged; as they are where their cells are as large."""
    factor = int(COARSE_MM / place.mm)
    rows, columns = (size // max(factor, 1) for size in picture.clipped.shape)
    if factor < 2 or min(rows, columns) < 8:
        return picture, place
    whole = slice(0, rows * factor), slice(0, columns * factor)
    linear, clipped = (
        cv2.resize(part[whole], (columns, rows), interpolation=cv2.INTER_AREA)
        for part in (picture.linear, picture.clipped)
    )
    small = Picture(np.asarray(linear, np.float32), np.asarray(clipped, np.float32), picture.px * factor)

    def to(point: Point) -> Point:
        return (point[0] + 0.5) / factor - 0.5, (point[1] + 0.5) / factor - 0.5

    marks = place.landmarks
    fewer = Landmarks(to(marks.knee), to(marks.patella), None if marks.groin is None else to(marks.groin))
    return small, placed(fewer, (rows, columns), place.mm * factor)


def _moved(place: Place) -> list[Place]:
    """The place with its marks on other axes, those whose knee is in the picture."""
    marks, shape = place.landmarks, place.along_mm.shape
    across = np.array([-marks.thigh_axis[1], marks.thigh_axis[0]]) / place.mm
    found = []
    for step_mm in STEPS_MM:
        x, y = (float(part) for part in across * step_mm)

        def to(point: Point, x: float = x, y: float = y) -> Point:
            return point[0] + x, point[1] + y

        moved = Landmarks(to(marks.knee), to(marks.patella), None if marks.groin is None else to(marks.groin))
        if inside(moved.knee, shape) and inside(moved.patella, shape):
            found.append(placed(moved, shape, place.mm))
    return found
