"""Whether what stands out is mottling: blood that is drawn, not a redness that fades nor a darkness that is no blood.

Three properties of a region as a whole tell. Where the skin gets darker within a mesh its blood index rises with it,
which it does little or not for melanin, bruises and ink (`vision.mottling.blood`). Its index drops at its border, by
more than skin that is merely uneven does. And most of that border is steep for what the region stands out by: redness
fades, and a scar or a vein across a redness makes it steep at a line only.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.mottling.blood import Blood, masked_blur
from vision.mottling.place import Place
from vision.mottling.strength import FADE_MM, Excess, disc_mm, shrunk

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

LEAST_SLOPE: Final = 0.08
"""Of the index on darkness within a mesh; blood of 35 % saturation has 0.31, half of it where skin is very dark."""
LEAST_STEP: Final = 0.016
"""Of the index, from a region of `STEP_MM2` or less to the skin around it, both as means. Skin that is uneven has as
much over a few centimetres, and less the larger the region."""
STEP_MM2: Final = 1000.0
LEAST_STEP_LARGE: Final = 0.009
LEAST_STEEP: Final = 0.5
"""Share of the border that is steep."""
STEEP_PER_MM: Final = 0.04
"""Of the index, for 1 that a region stands out by: a border that is drawn within 5 mm has 0.1, a red knee 0.015."""
AROUND_MM: Final = 5.0
NEAR_BORDER_MM: Final = 2.5
RIM_MM: Final = 4.0
"""Where judged skin ends nothing is said about how a region does."""
JOIN_MM: Final = 16.0
"""Parts closer than this are judged together: a mesh."""


@dataclass(frozen=True)
class Signs:
    """What tells mottling, for every cell, shape (h, w); the same whatever was found."""

    index: Floats
    """Blood index above unmottled skin, and not far below."""
    steep: Floats
    """Its steepest gradient nearby, for a mm."""
    together: Floats
    """Product of what raw index and darkness have within a mesh."""
    darker: Floats
    """Square of the darkness within a mesh."""
    inner: Mask
    skin: Mask


@dataclass(frozen=True)
class Signature:
    """What a region as a whole has of each sign."""

    area_mm2: float
    slope: float
    step: float
    steep: float

    @property
    def proven(self) -> bool:
        """Whether it is mottling."""
        by_size = LEAST_STEP * (STEP_MM2 / max(self.area_mm2, STEP_MM2)) ** 0.25
        step = max(by_size, LEAST_STEP_LARGE)
        return self.slope > LEAST_SLOPE and self.step > step and self.steep > LEAST_STEEP


def signs_of(blood: Blood, excess: Excess, skin: Mask, place: Place) -> Signs:
    """Return the signs of every cell of `skin`."""
    fine, mesh = max(0.5, 1.0 / place.mm), FADE_MM / place.mm
    # A pale scar would make what lies beside it stand out.
    unpaled = np.asarray(np.maximum(excess.index, -excess.spread), dtype=np.float32)
    index = masked_blur(unpaled, skin, fine)
    across, down = cv2.Sobel(index, cv2.CV_32F, 1, 0), cv2.Sobel(index, cv2.CV_32F, 0, 1)
    steep = cv2.dilate(np.hypot(across, down) / (8 * place.mm), disc_mm(NEAR_BORDER_MM, place))
    raw, dark = (
        np.where(skin, values - masked_blur(values, skin, mesh), 0).astype(np.float32)
        for values in (blood.raw, blood.darkness)
    )
    return Signs(
        unpaled, np.asarray(steep, dtype=np.float32), raw * dark, dark * dark, shrunk(skin, RIM_MM, place), skin
    )


def signature(region: Mask, signs: Signs, place: Place) -> Signature:
    """Return what a region, shape (h, w), has of each sign."""
    near = (cv2.dilate(region.astype(np.uint8), disc_mm(AROUND_MM, place)) > 0) & signs.skin
    around = near & ~region
    slope = float(signs.together[near].sum()) / (float(signs.darker[near].sum()) + 1e-6)
    within = signs.index[region]
    step = float(within.mean() - signs.index[around].mean()) if around.any() else 0.0
    border = region & signs.inner & ~(cv2.erode(region.astype(np.uint8), np.ones((3, 3), dtype=np.uint8)) > 0)
    limit = STEEP_PER_MM * float(np.quantile(within, 0.7))
    steep = float((signs.steep[border] > limit).mean()) if border.any() else 0.0
    return Signature(float(region.sum()) * place.mm**2, slope, step, steep)


def proven(mottled: Mask, signs: Signs, place: Place) -> Mask:
    """Return the parts of `mottled` that are drawn in blood, shape (h, w)."""
    kept = np.zeros(mottled.shape, dtype=bool)
    joined = cv2.dilate(mottled.astype(np.uint8), disc_mm(JOIN_MM / 2, place))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    margin = int(np.ceil(AROUND_MM / place.mm)) + 2
    for label in range(1, count):
        left, top, width, height = stats[label, :4].tolist()
        box = (
            slice(max(0, top - margin), top + height + margin),
            slice(max(0, left - margin), left + width + margin),
        )
        region = mottled[box] & (labels[box] == label)
        if region.any() and signature(region, _part(signs, box), place).proven:
            kept[box] |= region
    return kept


def _part(signs: Signs, box: tuple[slice, slice]) -> Signs:
    return Signs(*(getattr(signs, name)[box] for name in ("index", "steep", "together", "darker", "inner", "skin")))
