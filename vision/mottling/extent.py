"""How far mottling reaches from the knee: its regions joined outwards, and the score that their extent stands for."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.mottling.levels import COIN_RADIUS_MM, MIDDLE, ZONES, ZoneName
from vision.mottling.place import Place
from vision.mottling.strength import regions

Mask = NDArray[np.bool_]

START_MM: Final = 28.0
"""Mottling starts at the knee: within this of its centre."""
JOIN_MM: Final = 16.0
"""Regions closer than this belong together: a mesh."""
GAP_MM: Final = 40.0
"""Joined outwards from the knee over gaps of at most this."""
LARGE_GAP_MM: Final = 120.0
"""The same for groups of more than `APART_MM2`: an unmottled stretch, or one where it does not show."""
TRIFLE_MM2: Final = 160.0
"""Mottled skin beyond a level that counts: more than a front of 80 mm gains where its border is told 2 mm too wide."""
FIRST_MM2: Final = 90.0
"""Mottled skin that makes a score at all."""
SMALL_MM2: Final = 600.0
"""A coin of 14 mm radius."""
COIN_REACH_MM: Final = 17.0
"""Of nine tenths of a coin from its middle: `COIN_RADIUS_MM`, and the sixth that a scale from landmarks may be off."""
CENTRE_MM: Final = 22.0
APART_MM2: Final = 4000.0
"""Mottled skin away from a clean knee that is believed nevertheless."""


@dataclass(frozen=True)
class Extent:
    """The mottling that is joined to the knee, and its score before the limits of the picture."""

    mask: Mask
    score: int
    apart: bool
    """The knee itself is clean."""


def joined(mottled: Mask, place: Place) -> tuple[Mask, bool]:
    """Return the mottling that spreads from the knee, and whether it lies apart from a clean knee."""
    size = max(1, round(JOIN_MM / 2 / place.mm))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * size + 1, 2 * size + 1))
    grown = cv2.dilate(mottled.astype(np.uint8), disc) > 0
    groups = [group & mottled for group in regions(grown, 0.0, place)]
    kept = np.zeros(mottled.shape, dtype=bool)
    waiting = []
    for group in groups:
        area = group.sum() * place.mm**2
        if area < FIRST_MM2:
            continue
        if (group & (place.knee_mm < START_MM)).sum() * place.mm**2 > 0.3 * FIRST_MM2:
            kept |= group
        else:
            waiting.append(group)
    apart = not kept.any()
    if apart:
        large = [group for group in waiting if group.sum() * place.mm**2 > APART_MM2]
        if not large:
            return kept, False
        kept |= large[0]
    while True:
        away = cv2.distanceTransform((~kept).astype(np.uint8), cv2.DIST_L2, 5) * place.mm
        far = [away[group].min() >= _gap_mm(group, place) for group in waiting]
        if all(far):
            return kept, apart
        for group, is_far in zip(waiting, far, strict=True):
            if not is_far:
                kept |= group
        waiting = [group for group, is_far in zip(waiting, far, strict=True) if is_far]


def _gap_mm(group: Mask, place: Place) -> float:
    """How far away from other mottling a group is believed: further where nothing else is so large."""
    return LARGE_GAP_MM if group.sum() * place.mm**2 > APART_MM2 else GAP_MM


def zone_masks(place: Place) -> dict[ZoneName, Mask]:
    """Return the cells of each zone, shape (h, w); without a groin nothing is known to lie above the lower thigh."""
    along, coin = place.along_mm, place.knee_mm <= COIN_RADIUS_MM
    thigh = place.thigh_mm
    middle, groin = (np.inf, np.inf) if thigh is None else (MIDDLE * thigh, thigh)
    cells = [
        coin & (along <= 0),
        ~coin & (along <= 0),
        (along > 0) & (along <= middle),
        (along > middle) & (along <= groin),
        along > groin,
    ]
    return {name: np.asarray(mask) for name, mask in zip(ZONES, cells, strict=True)}


def score_of(mask: Mask, place: Place) -> int:
    """Return the highest level that more than a trifle of `mask` reaches, 0 to 5."""
    zones = zone_masks(place)
    cell_mm2 = place.mm**2
    if mask.sum() * cell_mm2 < FIRST_MM2:
        return 0
    beyond = 0.0
    for level, name in ((5, ZONES[4]), (4, ZONES[3]), (3, ZONES[2])):
        beyond += float((mask & zones[name]).sum()) * cell_mm2
        if beyond > TRIFLE_MM2:
            return level
    return 1 if is_coin(mask, place) else 2


def is_coin(mask: Mask, place: Place) -> bool:
    """Return whether mottling is coin-sized and lies on the centre of the knee, as far as that was tapped well.

    Its size is told around its own middle: around a tap that is 5 mm off, no coin would stay within a coin.
    """
    rows, columns = np.nonzero(mask)
    middle = float(columns.mean()), float(rows.mean())
    reach_mm = np.quantile(np.hypot(columns - middle[0], rows - middle[1]), 0.9) * place.mm
    off_mm = np.hypot(*np.subtract(middle, place.landmarks.knee)) * place.mm
    return bool(reach_mm <= COIN_REACH_MM and off_mm <= COIN_RADIUS_MM)


def extent_of(mottled: Mask, place: Place) -> Extent:
    """Return the mottling that counts and its score."""
    mask, apart = joined(mottled, place)
    small = mask.sum() * place.mm**2 < SMALL_MM2
    if small and (mask & (place.knee_mm < CENTRE_MM)).sum() < 0.5 * mask.sum():
        # A scar, a vein or a scratch beside the centre; a coin is on it, and more than a coin is larger.
        mask = np.zeros_like(mask)
    return Extent(mask, score_of(mask, place), apart)
