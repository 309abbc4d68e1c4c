"""Whether what was cut out looks like one limb: skin of one colour, and outlines along which the same lies beside it.

A box or a face is too short. Fur, a crowd, leaves or machinery have edges everywhere, and an outline that follows some
of them. They differ from a leg in that the step of colour across such an outline changes from place to place, or in
that what lies within it is rough and of many colours. The limits lie between legs by the optics renderer and photos of
other things (docs/mottling.md), nearer to the latter.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.mottling.leg import chroma
from vision.mottling.picture import Picture
from vision.mottling.place import Place
from vision.mottling.reasons import Reason

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

BEGIN_MM: Final = -40.0
"""Beside the knee the outline is looked at from here."""
STRIP_MM: Final = (4.0, 16.0)
"""From the outline, inwards and outwards: what is compared."""
SLAB_MM: Final = 12.0
LEAST_SLAB_MM2: Final = 60.0
LEAST_SLABS: Final = 4
LEAST_ELONGATION: Final = 1.9
"""Length for 1 of width of a limb that is seen whole: a box is shorter, and of a leg that short nothing is told."""
LEAST_CONSTANT: Final = 0.85
"""Length of the mean step of colour across the better outline for 1 of the mean length: 0.97 and more on 80 legs."""
ROUGH: Final = (0.06, 0.15)
"""Median change of density within 1 to 4 mm: at most 0.08 on the same legs, hair included; 0.06 to 0.3 on fur. From the
first on where there are many colours too, from the second on by itself."""
MOST_COLOURS: Final = 0.12
"""Spread of ln R/G or ln G/B within the outline: at most 0.09 on five dark or hairy legs; 0.14 to 0.3 on fur."""


@dataclass(frozen=True)
class Looks:
    """What is seen within an outline and across it."""

    rough: float
    """As `roughness` says."""
    colours: float
    """As `colours` says."""
    constant: tuple[float, ...]
    """As `constancy` says, of each side on which enough is in the picture."""


def looks_of(picture: Picture, outline: Mask, seen_mm: float, place: Place) -> Looks:
    """Return what is seen in and across `outline`, shape (h, w), up to `seen_mm` along the thigh."""
    density = picture.density
    part = np.asarray((place.along_mm > BEGIN_MM) & (place.along_mm < max(seen_mm, 30.0)))
    inwards = cv2.distanceTransform(outline.astype(np.uint8), cv2.DIST_L2, 5) * place.mm
    outwards = cv2.distanceTransform((~outline).astype(np.uint8), cv2.DIST_L2, 5) * place.mm
    within = part & (inwards > 2 * STRIP_MM[0])
    looks = np.concatenate([chroma(density), density[..., 1:2]], axis=-1)
    inner, outer = (part & (away > STRIP_MM[0]) & (away < STRIP_MM[1]) for away in (inwards, outwards))
    sides = (place.across_mm < 0, place.across_mm > 0)
    constant = [constancy(looks, inner & side, outer & side, place) for side in sides]
    return Looks(
        roughness(density[..., 1], within, place.mm),
        colours(density, within, place.mm),
        tuple(value for value in constant if value is not None),
    )


def of_limb(outline: Mask, looks: Looks) -> Reason | None:
    """Return whether what `outline`, shape (h, w), holds can be one limb."""
    if elongation(outline) < LEAST_ELONGATION:
        return Reason.NOT_A_LEG
    if looks.rough > ROUGH[1] or (looks.rough > ROUGH[0] and looks.colours > MOST_COLOURS):
        return Reason.NOT_A_LEG
    return Reason.NOT_A_LEG if looks.constant and max(looks.constant) < LEAST_CONSTANT else None


def elongation(outline: Mask) -> float:
    """Return the length of the largest piece of `outline` for 1 of its width; infinite where it leaves the picture."""
    pieces, _ = cv2.findContours(outline.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not pieces:
        return 0.0
    piece = max(pieces, key=cv2.contourArea)
    left, top, width, height = cv2.boundingRect(piece)
    if min(left, top) < 2 or left + width > outline.shape[1] - 2 or top + height > outline.shape[0] - 2:
        return float("inf")
    sides = cv2.minAreaRect(piece)[1]
    return float(max(sides) / max(min(sides), 1.0))


def constancy(looks: Floats, inner: Mask, outer: Mask, place: Place) -> float | None:
    """Return how constant the step from `inner` to `outer` is along the limb: 1 where it is the same everywhere.

    `looks` is ln R/G, ln G/B and density, shape (h, w, 3). None where too little of the outline is in the picture.
    """
    steps = []
    slab = np.floor((place.along_mm - BEGIN_MM) / SLAB_MM).astype(np.int32)
    least = LEAST_SLAB_MM2 / place.mm**2
    where_in, where_out = slab[inner], slab[outer]
    looks_in, looks_out = looks[inner], looks[outer]
    for number in np.intersect1d(where_in, where_out):
        here, beside = looks_in[where_in == number], looks_out[where_out == number]
        if min(len(here), len(beside)) >= least:
            steps.append(np.median(beside, axis=0) - np.median(here, axis=0))
    if len(steps) < LEAST_SLABS:
        return None
    lengths = np.linalg.norm(steps, axis=1)
    return float(np.linalg.norm(np.mean(steps, axis=0)) / max(float(np.mean(lengths)), 1e-6))


def roughness(density: Floats, within: Mask, mm: float) -> float:
    """Return the median change of `density` (h, w) within 1 to 4 mm over `within`, as a standard deviation."""
    if not within.any():
        return 0.0
    fine, smooth = (cv2.GaussianBlur(density, (0, 0), size_mm / mm) for size_mm in (1.0, 4.0))
    return 1.4826 * float(np.median(np.abs(fine - smooth)[within]))


def colours(density: Floats, within: Mask, mm: float) -> float:
    """Return the spread of ln R/G or of ln G/B over `within`, whichever is larger, as a standard deviation.

    Over 4 mm, in which the grain of a camera in the dark is averaged away.
    """
    if not within.any():
        return 0.0
    colour = chroma(np.asarray(cv2.GaussianBlur(density, (0, 0), 4.0 / mm), dtype=np.float32))[within]
    return 1.4826 * float(np.median(np.abs(colour - np.median(colour, axis=0)), axis=0).max())
