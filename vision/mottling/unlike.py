"""How unlike a leg something is in several ways at once, where it is too unlike in none.

A thing that is no leg, and passed what looks at one sign alone, is mostly a little odd in several: it ends just below
the knee, one of its outlines is ragged, the knee does not lie in its middle. A leg is odd in one at most, by what lies
over it. So each sign is counted from where legs end, in steps of its own, and what counts is their sum.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.mottling.judged import Slabs
from vision.mottling.leg import chroma
from vision.mottling.limb import STRIP_MM, Looks
from vision.mottling.picture import Picture
from vision.mottling.place import Place
from vision.mottling.reasons import Reason

Floats = NDArray[np.float32]
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST_UNLIKE: Final = 0.65
"""Sum of `SIGNS` from which on it is no leg: at most 0.16 on 228 legs by the optics renderer, 0.61 on one on beige;
0.72 and more on 26 of 29 other things that passed every other check."""
KNEE_FROM_MM: Final = -28.0
KNEE_TO_MM: Final = 40.0
"""Along the thigh's axis: where the knee's place between the outlines is looked at."""
HALF_BAND_MM: Final = 6.0
LEAST_SLABS: Final = 6
SURE_MM: Final = 200.0
"""Without a groin the axis is known by two points 25 mm apart, and leaves the leg further up."""


@dataclass(frozen=True)
class Sign:
    """What is usual of a leg, and how much more counts 1. A `step` below 0 counts what is less."""

    usual: float
    step: float

    def beyond(self, value: float | None) -> float:
        """Return how far `value` lies beyond what is usual, in steps, from 0; 0 where nothing was seen."""
        return 0.0 if value is None or not np.isfinite(value) else max(0.0, (value - self.usual) / self.step)


SIGNS: Final[dict[str, Sign]] = {
    "shin_mm": Sign(60.0, -50.0),
    "seen_mm": Sign(80.0, -160.0),
    "both_sides": Sign(0.4, -0.5),
    "ragged_mm": Sign(3.0, 3.0),
    "aside": Sign(0.12, 0.25),
    "step": Sign(0.8, -0.6),
    "rough": Sign(0.075, 0.075),
    "colours": Sign(0.05, 0.15),
}
"""Sign: see `signs_of`."""


@dataclass(frozen=True)
class Cut:
    """What was cut out of a picture as the leg."""

    picture: Picture
    outline: Mask
    slabs: Slabs
    seen_mm: float
    place: Place


def of_signs(cut: Cut, looks: Looks) -> Reason | None:
    """Return whether what was cut out is too unlike a leg in several ways at once."""
    return Reason.NOT_A_LEG if unlikeness(signs_of(cut, looks)) > MOST_UNLIKE else None


def unlikeness(signs: dict[str, float | None]) -> float:
    """Return the sum of what is odd for a leg, 0 for a usual one; `signs` as of `signs_of`."""
    return sum(SIGNS[name].beyond(value) for name, value in signs.items())


def signs_of(cut: Cut, looks: Looks) -> dict[str, float | None]:
    """Return the value of each of `SIGNS`; None where it cannot be told.

    - `shin_mm`: how far the outline goes on from the centre of the knee towards the foot, unless the picture ends.
    - `seen_mm`: how far judged skin is followed up the thigh, unless the picture ends.
    - `both_sides`: share of the thigh beside which both outlines are in the picture.
    - `ragged_mm`: spread about a smooth curve, of the smoother outline.
    - `aside`: how far the axis lies from the middle of the knee, for 1 of its width.
    - `step`: how constant the step of colour across the outline is on the worse side (`limb.constancy`).
    - `rough`: `limb.roughness`.
    - `colours`: spread of ln G/B about a smooth surface.
    """
    slabs, seen_mm, place = cut.slabs, cut.seen_mm, cut.place
    end_mm = min(max(seen_mm, 16.0), SURE_MM if place.thigh_mm is None else place.thigh_mm)
    thigh = (slabs.at_mm > -16.0) & (slabs.at_mm < end_mm) & (slabs.width_mm > 0)
    knee = (slabs.at_mm > KNEE_FROM_MM) & (slabs.at_mm < KNEE_TO_MM) & (slabs.width_mm > 0)
    closed = thigh & ~slabs.left_open & ~slabs.right_open
    return {
        "shin_mm": shin_mm(cut.outline, place),
        "seen_mm": None if seen_mm > slabs.end_mm - 30.0 else seen_mm,
        "both_sides": float(closed.sum() / max(int(thigh.sum()), 1)),
        "ragged_mm": raggedness_mm(slabs, thigh),
        "aside": aside(slabs, knee & ~slabs.left_open & ~slabs.right_open),
        "step": min(looks.constant) if looks.constant else None,
        "rough": looks.rough,
        "colours": colours_about(cut),
    }


def shin_mm(outline: Mask, place: Place) -> float | None:
    """Return how far `outline` goes on below the centre of the knee; None where it goes to the end of the picture.

    As area for its width at the knee, so that a knee that is bent changes nothing.
    """
    below = outline & (place.along_mm < place.knee_along_mm)
    edge = np.concatenate([below[:3].ravel(), below[-3:].ravel(), below[:, :3].ravel(), below[:, -3:].ravel()])
    if edge.any():
        return None
    at_knee = outline & (np.abs(place.along_mm - place.knee_along_mm) < HALF_BAND_MM)
    return float(below.sum() / max(float(at_knee.sum()), 1.0) * 2 * HALF_BAND_MM)


def raggedness_mm(slabs: Slabs, thigh: Mask) -> float | None:
    """Return how far the smoother of the two outlines lies from a curve of third order; None where none is seen.

    Two thirds of it lie nearer, one standard deviation: a fold of the sheet at one place does not count.
    """
    found = []
    for side_mm, is_open in ((slabs.left_mm, slabs.left_open), (slabs.right_mm, slabs.right_open)):
        seen = thigh & ~is_open
        if seen.sum() >= LEAST_SLABS:
            at = slabs.at_mm[seen] / 100.0
            away = side_mm[seen] - np.polyval(np.polyfit(at, side_mm[seen], min(3, int(seen.sum()) // 3)), at)
            found.append(float(np.quantile(np.abs(away), 0.68)))
    return min(found) if found else None


def aside(slabs: Slabs, knee: Mask) -> float | None:
    """Return how far the axis lies from the middle between the outlines at the knee, for 1 of what is between them."""
    if knee.sum() < LEAST_SLABS:
        return None
    left, right = slabs.left_mm[knee], slabs.right_mm[knee]
    return float(np.median(np.abs(left + right) / 2 / np.maximum(right - left, 1.0)))


def colours_about(cut: Cut) -> float | None:
    """Return the spread of ln G/B over 2 mm about a surface along and across the leg, for 1 of ln G/B and a third.

    Melanin and blood move ln G/B little from place to place of one leg, in proportion to how much of them there is.
    """
    place = cut.place
    inner = cv2.distanceTransform(cut.outline.astype(np.uint8), cv2.DIST_L2, 5) * place.mm > 2 * STRIP_MM[0]
    cells = np.flatnonzero(inner & (place.along_mm > -40.0) & (place.along_mm < max(cut.seen_mm, 30.0)))
    cells = cells[:: max(1, len(cells) // 6000)]
    if len(cells) < 100:
        return None
    blue = chroma(cut.picture.density)[..., 1]
    values = cv2.GaussianBlur(blue, (0, 0), 2.0 / place.mm).ravel()[cells].astype(np.float64)
    s, t = (part.ravel()[cells].astype(np.float64) / 100.0 for part in (place.along_mm, place.across_mm))
    surface = np.stack([np.ones_like(s), s, s * s, t, t * t], axis=-1)
    away = values - surface @ np.linalg.lstsq(surface, values, rcond=None)[0]
    return float(1.4826 * np.median(np.abs(away)) / (abs(float(np.median(values))) + 0.33))
