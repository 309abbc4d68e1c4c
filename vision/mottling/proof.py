"""Whether what stands out is mottling: blood that is drawn, not a redness that fades nor a darkness that is no blood.

Properties of a region as a whole tell. Where the skin gets darker within a mesh its blood index rises with it, and
from the skin around it to its rim both rise together as blood makes them: melanin, bruises and ink darken more
(`vision.mottling.blood`), colour noise does not darken. Its index drops at its border, by more than skin that is
merely uneven does. And most of that border is steep for what the region stands out by: redness fades, and a scar or a
vein across a redness makes it steep at a line only.
"""

from dataclasses import dataclass, fields
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.mottling.blood import Blood, masked_blur
from vision.mottling.place import Place, cropped
from vision.mottling.strength import FADE_MM, Excess, disc_mm, shrunk

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

LEAST_SLOPE: Final = 0.06
"""Of the index on darkness within a mesh, over all cells. Blood has 0.35 and more where nothing else is drawn, and less
the more melanin's own texture spreads darkness: 0.08 in a faint net on the darkest skin."""
LEAST_RATIO: Final = 0.25
"""Of a region's step in the index to its step in darkness. Melanin's texture averages out of these: blood has 0.35 to
0.6, melanin and ink 0 to 0.13 and 0.17 where 3 % of shine lies over dark skin, bruises up to 0.22."""
LEAST_DARKENING: Final = 0.6
"""Of a region's step in darkness for 1 of its step in the index: blood has 1.6 and more, and the patches of colour that
a JPEG file makes of noise have none. Less by what the texture around, in patches of `PATCH_MM2`, may hide."""
PATCH_MM2: Final = 450.0
LEAST_AROUND_MM2: Final = 50.0
STRETCH_MM: Final = 100.0
STRETCH_MM2: Final = 400.0
"""Of a region, in a stretch of the leg that has to be in blood by itself: noise joined to a net would lend it reach."""
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
    """Product of what calmed index and darkness have within a mesh."""
    darker: Floats
    """Square of the darkness within a mesh."""
    darkness: Floats
    """Darkness without shade."""
    inner: Mask
    skin: Mask


@dataclass(frozen=True)
class Signature:
    """What a region as a whole has of each sign."""

    area_mm2: float
    around_mm2: float
    """Of unmottled skin near it: what it is held against."""
    slope: float
    step: float
    reddening: float
    darkening: float
    """Of the index and of the darkness, from the region's rim to the skin around it."""
    texture: float
    """Spread of the darkness of the skin around it."""
    steep: float

    @property
    def proven(self) -> bool:
        """Whether it is mottling."""
        by_size = LEAST_STEP * (STEP_MM2 / max(self.area_mm2, STEP_MM2)) ** 0.25
        step = max(by_size, LEAST_STEP_LARGE)
        return self.step > step and self.steep > LEAST_STEEP and self.slope > LEAST_SLOPE and self.in_blood

    @property
    def in_blood(self) -> bool:
        """Whether its colour and its darkness go together as those of blood do, as far as there is skin around."""
        if self.around_mm2 < LEAST_AROUND_MM2:
            return True
        off = self.texture * min(1.0, (PATCH_MM2 / max(self.area_mm2, 1.0)) ** 0.5)
        return LEAST_DARKENING * self.reddening - off < self.darkening < self.reddening / LEAST_RATIO


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
        for values in (blood.calm, blood.darkness)
    )
    inner = shrunk(skin, RIM_MM, place)
    return Signs(unpaled, np.asarray(steep, dtype=np.float32), raw * dark, dark * dark, blood.darkness, inner, skin)


def signature(region: Mask, signs: Signs, place: Place, mottled: Mask | None = None) -> Signature:
    """Return what a region, shape (h, w), has of each sign against the skin around it that is not `mottled`."""
    near = (cv2.dilate(region.astype(np.uint8), disc_mm(AROUND_MM, place)) > 0) & signs.skin
    around = near & ~(region if mottled is None else mottled)
    slope = float(signs.together[near].sum()) / (float(signs.darker[near].sum()) + 1e-6)
    within = signs.index[region]
    step = float(within.mean() - signs.index[around].mean()) if around.any() else 0.0
    # Shade is taken out of darkness, and with it what a large region has far from its border.
    beside = region & (cv2.dilate(around.astype(np.uint8), disc_mm(AROUND_MM, place)) > 0)
    reddening, darkening = (
        float(values[beside].mean() - values[around].mean()) if beside.any() else 0.0
        for values in (signs.index, signs.darkness)
    )
    texture = float(signs.darkness[around].std()) if around.any() else 0.0
    border = region & signs.inner & ~(cv2.erode(region.astype(np.uint8), np.ones((3, 3), dtype=np.uint8)) > 0)
    limit = STEEP_PER_MM * float(np.quantile(within, 0.7))
    steep = float((signs.steep[border] > limit).mean()) if border.any() else 0.0
    area_mm2, around_mm2 = (float(part.sum()) * place.mm**2 for part in (region, around))
    return Signature(area_mm2, around_mm2, slope, step, reddening, darkening, texture, steep)


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
        if region.any():
            kept[box] |= _proven_region(region, _part(signs, box), cropped(place, box))
    return kept


def _proven_region(region: Mask, signs: Signs, place: Place) -> Mask:
    """Return what is proven of a region: nothing, or all but the stretches that fail by themselves."""
    if not signature(region, signs, place).proven:
        return np.zeros(region.shape, dtype=bool)
    stretch = np.floor((place.along_mm - place.knee_along_mm) / STRETCH_MM + 0.5)
    kept = region.copy()
    for which in np.unique(stretch[region]):
        part = region & (stretch == which)
        if part.sum() * place.mm**2 > STRETCH_MM2 and not signature(part, signs, place, region).in_blood:
            kept &= ~part
    return kept


def _part(signs: Signs, box: tuple[slice, slice]) -> Signs:
    return Signs(*(getattr(signs, field.name)[box] for field in fields(signs)))
