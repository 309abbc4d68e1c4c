"""Whether what stands out is mottling: blood that is drawn, not a redness that fades nor a darkness that is no blood.

Properties of a region as a whole tell. Where the skin gets darker within a mesh its blood index rises with it, and
from the skin around it to its rim both rise together as blood makes them: melanin, bruises and ink darken more
(`vision.mottling.blood`), colour noise does not darken. Its index drops at its border, by more than skin that is
merely uneven does. Index and darkness together rise by more than noise, of which either may have as much. And most of
that border is steep for what the region stands out by: redness fades, and a scar or a vein across a redness makes it
steep at a line only. What stands out far less than the leg's mottling is not joined to it.
"""

from dataclasses import dataclass, fields, replace
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
LEAST_DARKENING: Final = 0.3
"""Of a region's step in darkness for 1 of its step in the index: blood has 1.6 and more as a sensor sees it, 0.4 where
a camera's matrix draws colours apart, and the patches of colour that a JPEG file makes of noise have none. Less by
what the texture around, in patches of `PATCH_MM2`, may hide."""
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
STEP_TO_NOISE: Final = 2.0
"""The least step for 1 of what is left of noise in the index: in dark skin, whose blue is few levels of a file, 0.01
and more of noise are left."""
LEAST_EVIDENCE: Final = 0.0018
"""Step in the index times step in darkness, for a region of `STEP_MM2`. Blood moves both, and colour noise, melanin,
shade and shine one of them: on dark legs under other cameras of 65 regions of those that have each sign by itself
three quarters stay below 0.0012, of the mottled ones 1 in 50 (V) and 1 in 7 (VI)."""
EVIDENCE_TO_NOISE: Final = 4.6
"""Root of the least evidence for 1 of noise, where noise is so little that this asks for less."""
EVIDENCE_MM2: Final = (100.0, 4000.0)
"""Between these areas a larger region needs less of either: what is uneven averages out as the root of the area."""
STRETCH_EVIDENCE: Final = 0.0006
"""The least evidence of a stretch of a proven region."""
LEAST_SHARE: Final = 0.35
"""Of the index of the strongest piece that is proven by itself: a net's faint lines have more, and what joins it of
uneven skin and of a file's blocks of colour less."""
SURE_MM2: Final = 150.0
"""Of a piece that others are held against, at least."""
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
    noise: float
    """What is left of noise in the index."""
    strict: float = 1.0
    """How much more than usual either of index and darkness has to say together; see `LEAST_EVIDENCE`."""


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
    noise: float
    strict: float = 1.0

    @property
    def proven(self) -> bool:
        """Whether it is mottling."""
        return not self.missing

    @property
    def missing(self) -> tuple[str, ...]:
        """The signs of mottling that it has not, by name; none where it is proven."""
        by_size = LEAST_STEP * (STEP_MM2 / max(self.area_mm2, STEP_MM2)) ** 0.25
        has = {
            "step": self.step > max(by_size, LEAST_STEP_LARGE, STEP_TO_NOISE * self.noise),
            "steep": self.steep > LEAST_STEEP,
            "slope": self.slope > LEAST_SLOPE,
            "darkens": self._alone or self._darkens,
            "reddens": self._alone or self._reddens,
            "evidence": not self.lacks_evidence(LEAST_EVIDENCE),
        }
        return tuple(name for name, there in has.items() if not there)

    @property
    def evidence(self) -> float:
        """Step in the index times step in darkness, as much as the region's size makes either sure."""
        size = float(np.clip(self.area_mm2, *EVIDENCE_MM2)) / STEP_MM2
        return self.step * max(self.darkening, 0.0) * size**0.5

    @property
    def in_blood(self) -> bool:
        """Whether its colour and its darkness go together as those of blood do, as far as there is skin around."""
        return self._alone or (self._darkens and self._reddens)

    def lacks_evidence(self, least: float) -> bool:
        """Whether index and darkness together say less than `least`, or less than what noise would make of a region."""
        asked = self.strict**2 * min(least, (EVIDENCE_TO_NOISE * self.noise) ** 2)
        return not self._alone and self.evidence < asked

    @property
    def _alone(self) -> bool:
        """Whether there is no unmottled skin near that it could be held against."""
        return self.around_mm2 < LEAST_AROUND_MM2

    @property
    def _darkens(self) -> bool:
        off = self.texture * min(1.0, (PATCH_MM2 / max(self.area_mm2, 1.0)) ** 0.5)
        return LEAST_DARKENING * self.reddening - off < self.darkening

    @property
    def _reddens(self) -> bool:
        return self.darkening < self.reddening / LEAST_RATIO


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
    return Signs(
        unpaled, np.asarray(steep, dtype=np.float32), raw * dark, dark * dark, blood.darkness, inner, skin, blood.noise
    )


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
    return Signature(area_mm2, around_mm2, slope, step, reddening, darkening, texture, steep, signs.noise, signs.strict)


def proven(mottled: Mask, signs: Signs, place: Place) -> Mask:
    """Return the parts of `mottled` that are drawn in blood, shape (h, w)."""
    kept = np.zeros(mottled.shape, dtype=bool)
    for each in _regions(_as_strong(mottled, signs, place), signs, place, JOIN_MM / 2):
        if each.signature.proven:
            kept[each.box] |= _without_stretches(each, signs, place)
    return kept


def _as_strong(mottled: Mask, signs: Signs, place: Place) -> Mask:
    """Return `mottled` without the pieces that stand out far less than the strongest piece that is proven by itself.

    Unevenness, and the blocks of colour that a file makes of dark skin, would join mottling and lend it their reach.
    """
    pieces = _regions(mottled, signs, place, 0.0)
    level = [float(signs.index[each.box][each.mask].mean()) for each in pieces]
    sure = [
        high
        for high, each in zip(level, pieces, strict=True)
        if each.signature.area_mm2 > SURE_MM2 and each.signature.proven
    ]
    kept = mottled.copy()
    for high, each in zip(level, pieces, strict=True):
        if sure and high < LEAST_SHARE * max(sure):
            kept[each.box] &= ~each.mask
    return kept


@dataclass(frozen=True)
class _Region:
    """A part of the skin, on the rows and columns of a box around it."""

    box: tuple[slice, slice]
    mask: Mask
    signature: Signature


def _regions(mottled: Mask, signs: Signs, place: Place, by_mm: float) -> list[_Region]:
    """Return the parts of `mottled` that lie apart, by more than twice `by_mm`."""
    cells = mottled.astype(np.uint8)
    joined = cv2.dilate(cells, disc_mm(by_mm, place)) if by_mm > 0 else cells
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    margin = int(np.ceil(AROUND_MM / place.mm)) + 2
    found = []
    for label in range(1, count):
        left, top, width, height = stats[label, :4].tolist()
        rows, columns = (slice(max(0, at - margin), at + size + margin) for at, size in ((top, height), (left, width)))
        box = rows, columns
        region = mottled[box] & (labels[box] == label)
        if region.any():
            found.append(_Region(box, region, signature(region, _part(signs, box), cropped(place, box))))
    return found


def _without_stretches(region: _Region, signs: Signs, place: Place) -> Mask:
    """Return a proven region without the stretches that fail by themselves."""
    where, signs = cropped(place, region.box), _part(signs, region.box)
    stretch = np.floor((where.along_mm - where.knee_along_mm) / STRETCH_MM + 0.5)
    kept = region.mask.copy()
    for which in np.unique(stretch[region.mask]):
        part = region.mask & (stretch == which)
        if part.sum() * where.mm**2 > STRETCH_MM2:
            own = signature(part, signs, where, region.mask)
            if not own.in_blood or own.lacks_evidence(STRETCH_EVIDENCE):
                kept &= ~part
    return kept


def _part(signs: Signs, box: tuple[slice, slice]) -> Signs:
    cut = {
        field.name: getattr(signs, field.name)[box]
        for field in fields(signs)
        if isinstance(getattr(signs, field.name), np.ndarray)
    }
    return replace(signs, **cut)
