"""Where things lie: landmarks and millimetres on the grid of the small picture."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vision.mottling.levels import Landmarks, Point
from vision.mottling.picture import Picture

Floats = NDArray[np.float32]

THIGH_MM: Final = 350.0
"""Upper edge of the kneecap to the fold of the groin of a grown person, roughly: femur of 400 to 480 mm less what lies
above the fold and behind the kneecap."""
_THIGH_WEIGHT: Final = 0.75
"""Of the thigh against knee to kneecap, which two taps 4 mm off each make uncertain by a quarter."""


def scale_mm_per_px(landmarks: Landmarks, measured: float | None) -> float:
    """Return mm for a pixel of the photo: as measured, or as the landmarks suggest on a body of usual size."""
    if measured is not None and np.isfinite(measured) and measured > 0:
        return float(measured)
    near = landmarks.mm_per_px()
    thigh_px = landmarks.thigh_px
    if thigh_px is None:
        return near
    far = THIGH_MM / thigh_px
    return float(near ** (1 - _THIGH_WEIGHT) * far**_THIGH_WEIGHT)


@dataclass(frozen=True)
class Place:
    """Landmarks in cells of the grid, and coordinates of every cell along and across the thigh's axis."""

    landmarks: Landmarks
    """In cells."""
    mm: float
    """Side of a cell, mm."""
    along_mm: Floats
    """Beyond the upper edge of the kneecap towards the groin, shape (h, w)."""
    across_mm: Floats
    """Beside the axis through the kneecap edge, signed, shape (h, w)."""
    knee_mm: Floats
    """Distance from the centre of the knee, shape (h, w)."""

    @property
    def thigh_mm(self) -> float | None:
        """Kneecap edge to groin; None without a groin."""
        length = self.landmarks.thigh_px
        return None if length is None else length * self.mm

    @property
    def knee_along_mm(self) -> float:
        """Position of the centre of the knee along the axis: below 0."""
        knee = self.landmarks.knee
        return float(self.landmarks.along_px(np.array(knee[0]), np.array(knee[1]))) * self.mm


def place_on(picture: Picture, landmarks: Landmarks, mm_per_px: float) -> Place:
    """Return the coordinates of the cells of `picture`; `landmarks` in pixels of the photo, sound ones."""
    groin = None if landmarks.groin is None else picture.cell(landmarks.groin)
    knee, patella = picture.cell(landmarks.knee), picture.cell(landmarks.patella)
    small = Landmarks(knee, patella, groin)
    return placed(small, picture.linear.shape[:2], mm_per_px * picture.px)


def placed(landmarks: Landmarks, shape: tuple[int, ...], mm: float) -> Place:
    """Return the coordinates of a grid of `shape` with cells of `mm`; `landmarks` in cells."""
    rows, columns = shape[:2]
    x = np.arange(columns, dtype=np.float64)[None, :]
    y = np.arange(rows, dtype=np.float64)[:, None]
    axis = landmarks.thigh_axis
    dx, dy = x - landmarks.patella[0], y - landmarks.patella[1]
    along = (dx * axis[0] + dy * axis[1]) * mm
    across = (dy * axis[0] - dx * axis[1]) * mm
    knee = np.hypot(x - landmarks.knee[0], y - landmarks.knee[1]) * mm
    return Place(landmarks, mm, *(np.asarray(part, dtype=np.float32) for part in (along, across, knee)))


def cropped(place: Place, box: tuple[slice, slice]) -> Place:
    """Return the place on a part of its grid, rows and columns of which begin at a number."""
    rows, columns = box

    def to(point: Point) -> Point:
        return point[0] - columns.start, point[1] - rows.start

    marks = place.landmarks
    moved = Landmarks(to(marks.knee), to(marks.patella), None if marks.groin is None else to(marks.groin))
    return Place(moved, place.mm, place.along_mm[box], place.across_mm[box], place.knee_mm[box])


def inside(point: Point, shape: tuple[int, ...]) -> bool:
    """Return whether a point (x, y) lies on a picture of `shape`."""
    return -0.5 <= point[0] <= shape[1] - 0.5 and -0.5 <= point[1] <= shape[0] - 0.5
