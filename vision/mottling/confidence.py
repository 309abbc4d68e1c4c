"""How probable it is that a score is right: what it rests on is moved as far as it may be off, and read again.

Three taps, and the threshold between mottled and unmottled skin. Each is moved over the spread that it has, and the
readings that agree are weighed as a normal distribution weighs the moves: near a level this is the probability that
the true reading lies on the same side of it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vision.mottling.extent import Extent, extent_of, score_of
from vision.mottling.levels import Landmarks
from vision.mottling.place import Place

Mask = NDArray[np.bool_]

TAP_MM: Final = 3.5
"""Spread of a level: that of a tap along the leg, and of where the border of mottling is found."""
STRICT_SPREAD: Final = 0.3
"""Of the logarithm of the threshold between mottled and unmottled."""
MOVES: Final = (-1.75, -1.0, -0.5, 0.0, 0.5, 1.0, 1.75)
"""In spreads; each stands for the part of a normal distribution that is nearest to it."""
STRICT_MOVES: Final = (-1.4, -0.7, 0.0, 0.7, 1.4)
BEST: Final = 0.98
FAINT: Final = 0.05
"""Of the blood index: what faint mottling has above unmottled skin."""


def confidence(
    mottled: Callable[[float], Mask], noise: float, extent: Extent, score: int, most: int, place: Place
) -> float:
    """Return the probability, 0 to 1, that a perfect reader of the same photo would give `score`.

    `mottled` gives the mottled skin, shape (h, w), under a threshold of so many times the usual one; `noise` is what is
    left of it in the blood index; `most` limits the score. Half where the knee is clean: mottling starts there.
    """

    def same(mask: Mask, where: Place) -> bool:
        return min(score_of(mask, where), most) == score

    taps = [
        weighed(MOVES, [same(extent.mask, _moved(place, *(tap * TAP_MM * move))) for move in MOVES])
        for tap in np.eye(3)
    ]
    again = [
        extent if move == 0.0 else extent_of(mottled(float(np.exp(STRICT_SPREAD * move))), place)
        for move in STRICT_MOVES
    ]
    strict = weighed(STRICT_MOVES, [min(each.score, most) == score for each in again])
    seen = 1.0 if score > 0 else float(np.clip(FAINT / (4 * noise), 0.5, 1.0))
    return float(BEST * strict * np.prod(taps) * seen * (0.5 if extent.apart else 1.0))


def weighed(moves: tuple[float, ...], agree: list[bool]) -> float:
    """Return the share of a normal distribution whose nearest move agrees."""
    weights = np.exp(-0.5 * np.square(moves)) * np.gradient(moves)
    return float((weights * agree).sum() / weights.sum())


def _moved(place: Place, knee_mm: float, patella_mm: float, groin_mm: float) -> Place:
    """The place with landmarks moved along the leg."""
    marks, axis = place.landmarks, place.landmarks.thigh_axis / place.mm

    def by(point: tuple[float, float], mm: float) -> tuple[float, float]:
        return float(point[0] + mm * axis[0]), float(point[1] + mm * axis[1])

    top = None if marks.groin is None else by(marks.groin, groin_mm)
    moved = Landmarks(by(marks.knee, knee_mm), by(marks.patella, patella_mm), top)
    return replace(place, landmarks=moved, along_mm=place.along_mm - np.float32(patella_mm))
