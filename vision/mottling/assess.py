"""From a photo to a mottling score."""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vision.mottling import checks, judged
from vision.mottling.beside import leg_beside
from vision.mottling.blood import Blood, blood_of
from vision.mottling.confidence import confidence
from vision.mottling.extent import extent_of, zone_masks
from vision.mottling.leg import SEED_MM, Skin, chroma, corridor, cut_through, outline, skin_of
from vision.mottling.levels import Landmarks, ZoneName
from vision.mottling.limb import looks_of, of_limb
from vision.mottling.picture import Picture, block_px, reduce_photo
from vision.mottling.place import Place, cropped, place_on, scale_mm_per_px
from vision.mottling.proof import Signs, proven, signs_of
from vision.mottling.reasons import Reason
from vision.mottling.result import Assessment, MottlingMap
from vision.mottling.strength import Drawing, Excess, bloodless, drawing_of, excess_of, mottled_of
from vision.mottling.unlike import Cut, of_signs

Mask = NDArray[np.bool_]
Box = tuple[slice, slice]

LEAST_PX: Final = 48
"""Shorter sides than this hold no leg."""
SURELY_LOW_MM: Final = 120.0
"""Beyond the kneecap edge: the middle of no grown thigh is lower, wherever an unmarked groin may be."""


def assess(
    photo: NDArray[np.uint8],
    landmarks: Landmarks | None,
    mm_per_px: float | None = None,
    reference: NDArray[np.float64] | None = None,
) -> Assessment:
    """Return the mottling score of the leg in `photo`, BGR as encoded (sRGB), shape (h, w, 3), or why there is none.

    `mm_per_px` is a measured scale; `reference` is the linear R, G, B of a white or grey surface under the photo's
    light, shape (3,), from a card. Never raises for what is in the picture; the photo is not changed.
    """
    if landmarks is None:
        return Assessment(reason=Reason.LANDMARKS_MISSING)
    refused = _of_frame(photo, landmarks, mm_per_px)
    if refused is not None:
        return Assessment(reason=refused, landmarks=landmarks)
    scale = scale_mm_per_px(landmarks, mm_per_px)
    picture = under_white_light(reduce_photo(photo, block_px(photo.shape, scale)), reference)
    leg = find_leg(picture, place_on(picture, landmarks, scale))
    if isinstance(leg, Reason):
        return Assessment(reason=leg, landmarks=landmarks)
    return replace(_scored(picture, leg, mm_per_px is not None), landmarks=landmarks)


def _of_frame(photo: NDArray[np.uint8], landmarks: Landmarks, mm_per_px: float | None) -> Reason | None:
    """What is wrong before a pixel is looked at."""
    if photo.ndim != 3 or photo.shape[2] != 3 or min(photo.shape[:2]) < LEAST_PX:
        return Reason.TOO_SMALL
    wrong = checks.of_landmarks(landmarks, photo.shape, mm_per_px)
    if wrong is None and scale_mm_per_px(landmarks, mm_per_px) > checks.COARSEST_MM:
        return Reason.TOO_SMALL
    return wrong


def under_white_light(picture: Picture, reference: NDArray[np.float64] | None) -> Picture:
    """Return the picture with the light's colour, told by a white or grey surface (3,), taken out."""
    if reference is None or not (np.isfinite(reference).all() and (np.asarray(reference) > 0).all()):
        return picture
    gain = (np.mean(reference) / np.asarray(reference, dtype=np.float64)).astype(np.float32)
    return replace(picture, linear=picture.linear * gain)


@dataclass(frozen=True)
class Leg:
    """The leg of a photo that can be judged."""

    place: Place
    skin: Mask
    seen_mm: float


def find_leg(picture: Picture, place: Place) -> Leg | Reason:
    """Return the leg at the landmarks, or why none can be judged.

    How light falls on what was marked is the photo's fault only where that can be the leg.
    """
    wrong = checks.of_light(picture, place)
    if wrong is None:
        return _lit_leg(picture, place)
    return Reason.NOT_A_LEG if leg_beside(picture, place, _is_leg) else wrong


def _is_leg(picture: Picture, place: Place) -> bool:
    return checks.of_light(picture, place) is None and isinstance(_lit_leg(picture, place), Leg)


def _lit_leg(picture: Picture, place: Place) -> Leg | Reason:
    density = picture.density
    fine = picture.clipped < 0.2
    along = corridor(place, SEED_MM) & fine
    if along.sum() < 20:
        return Reason.NOT_A_LEG
    colour = skin_of(chroma(density), (place.knee_mm < SEED_MM) & fine, along)
    region = outline(density, place, colour)
    wrong = checks.of_colour(picture, place, colour) or checks.of_sharpness(picture, place, region)
    if wrong is not None:
        return wrong
    leg = _judged_leg(picture, region, colour, place)
    # A groin that is marked tells where the leg goes. Without one, most of a leg that fills the picture is first taken
    # for background, and the outline is cut through it.
    if leg is not Reason.NOT_A_LEG or place.thigh_mm is not None or not cut_through(region, density, place):
        return leg
    region = outline(density, place, colour, widely=True)
    return checks.of_sharpness(picture, place, region) or _judged_leg(picture, region, colour, place)


def _judged_leg(picture: Picture, region: Mask, colour: Skin, place: Place) -> Leg | Reason:
    skin = judged.judged_skin(picture, region, colour, place)
    slabs = judged.slabs_of(region, skin, place)
    seen_mm = judged.seen_to_mm(slabs)
    wrong = (
        judged.of_knee(skin, region, place)
        or judged.of_shape(slabs, seen_mm, place)
        or judged.of_edges(picture, region, seen_mm, place)
        or _of_looks(Cut(picture, region, slabs, seen_mm, place))
    )
    if wrong is not None:
        return wrong
    return Leg(place, np.asarray(skin & (place.along_mm < seen_mm)), seen_mm)


def _of_looks(cut: Cut) -> Reason | None:
    looks = looks_of(cut.picture, cut.outline, cut.seen_mm, cut.place)
    return of_limb(cut.outline, looks) or of_signs(cut, looks)


@dataclass(frozen=True)
class Found:
    """Everything that mottled skin is told by, on the grid of one leg."""

    leg: Leg
    blood: Blood
    excess: Excess
    drawing: Drawing
    signs: Signs

    def mottled(self, strict: float = 1.0) -> Mask:
        """Return the mottled skin, shape (h, w), under `strict` times the usual thresholds of size and of evidence."""
        leg = self.leg
        standing_out = mottled_of(self.excess, self.drawing, leg.skin, leg.place, strict)
        return proven(standing_out, replace(self.signs, strict=strict), leg.place)


def looked_at(linear: NDArray[np.float32], leg: Leg) -> Found:
    """Look at the skin's blood; what turns out to be plaster or ink is no skin of this leg."""
    blood = blood_of(linear, leg.skin, leg.place)
    excess = excess_of(blood, leg.skin, leg.place)
    cloth = bloodless(excess, leg.skin, leg.place)
    if cloth.any():
        leg = replace(leg, skin=np.asarray(leg.skin & ~cloth))
        blood = blood_of(linear, leg.skin, leg.place)
    drawing = drawing_of(excess, leg.skin, leg.place)
    return Found(leg, blood, excess, drawing, signs_of(blood, excess, leg.skin, leg.place))


def _scored(picture: Picture, leg: Leg, scale_known: bool) -> Assessment:
    box = box_of(leg.skin)
    shape = leg.skin.shape
    found = looked_at(picture.linear[box], Leg(cropped(leg.place, box), leg.skin[box], leg.seen_mm))
    leg, excess = found.leg, found.excess
    place = leg.place
    extent = extent_of(found.mottled(), place)
    most = judged.supported(leg.seen_mm, place)
    score = min(extent.score, most)
    end_mm = leg.seen_mm - 15.0 if place.thigh_mm is not None else min(leg.seen_mm - 15.0, SURELY_LOW_MM)
    at_end = extent.mask & (place.along_mm > end_mm)
    at_least = score > 0 and (extent.score > most or (most < 5 and at_end.sum() * place.mm**2 > 100.0))
    strength = np.where(leg.skin, excess.index / excess.spread, 0).astype(np.float32)
    return Assessment(
        score=score,
        max_supported=most,
        at_least=bool(at_least),
        confidence=confidence(found.mottled, found.blood.noise, extent, score, most, place),
        zones=_shares(extent.mask, leg),
        mottled_area_cm2=float(extent.mask.sum()) * place.mm**2 / 100.0 if scale_known else None,
        map=MottlingMap(float(picture.px), *(_pasted(part, box, shape) for part in (leg.skin, extent.mask, strength))),
    )


def box_of(skin: Mask) -> Box:
    """Return the rows and columns that hold `skin`."""
    rows, columns = np.flatnonzero(skin.any(axis=1)), np.flatnonzero(skin.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _pasted(part: NDArray[Any], box: Box, shape: tuple[int, ...]) -> NDArray[Any]:
    whole = np.zeros(shape, dtype=part.dtype)
    whole[box] = part
    return whole


def _shares(mask: Mask, leg: Leg) -> dict[ZoneName, float | None]:
    shares: dict[ZoneName, float | None] = {}
    for name, zone in zone_masks(leg.place).items():
        visible = int((zone & leg.skin).sum())
        known = visible * leg.place.mm**2 >= 50.0
        shares[name] = float((zone & mask).sum()) / visible if known else None
    return shares
