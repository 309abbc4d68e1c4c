"""At which stage mottled skin is lost that a score of 0 leaves out: not judged, not found, not proven, not joined."""

import cv2
import numpy as np
from numpy.typing import NDArray

from phantom.leg.photo import DRAWN_PX, LegPhoto
from vision.mottling.assess import Box, Found, Leg, box_of, find_leg, looked_at
from vision.mottling.extent import extent_of
from vision.mottling.picture import block_px, reduce_photo
from vision.mottling.place import cropped, place_on, scale_mm_per_px
from vision.mottling.proof import JOIN_MM, signature
from vision.mottling.reasons import Reason
from vision.mottling.strength import disc_mm, mottled_of

Mask = NDArray[np.bool_]

LEAST_JUDGED: float = 0.5
"""Of the truly mottled skin."""
LEAST_FOUND: float = 0.05


def stage_of_loss(photo: LegPhoto) -> str:
    """Return where the mottling of a photo is lost, in a word or two; empty where it counts."""
    marks = photo.truth.landmarks_tapped
    scale = scale_mm_per_px(marks, None)
    picture = reduce_photo(photo.photo, block_px(photo.photo.shape, scale))
    leg = find_leg(picture, place_on(picture, marks, scale))
    if isinstance(leg, Reason):
        return f"refused: {leg.value}"
    box = box_of(leg.skin)
    found = looked_at(picture.linear[box], Leg(cropped(leg.place, box), leg.skin[box], leg.seen_mm))
    return _stage(found, truly_mottled(photo, picture.px, box))


def truly_mottled(photo: LegPhoto, px: int, box: Box) -> Mask:
    """Return the drawn mottling on the cells of a part of the grid whose cells are `px` of the photo wide."""
    drawn = photo.truth.mottled[:, ::-1] if photo.spec.mirrored else photo.truth.mottled
    scale = max(photo.spec.width_px, photo.spec.height_px) / DRAWN_PX
    at = [
        np.clip(np.rint((np.arange(part.start, part.stop) + 0.5) * px / scale - 0.5).astype(int), 0, size - 1)
        for part, size in zip(box, drawn.shape, strict=True)
    ]
    return np.asarray(drawn[np.ix_(at[0], at[1])])


def _stage(found: Found, true: Mask) -> str:
    leg = found.leg
    if (true & leg.skin).sum() < LEAST_JUDGED * true.sum():
        return "not judged as skin"
    standing_out = mottled_of(found.excess, found.drawing, leg.skin, leg.place)
    if (standing_out & true).sum() < LEAST_FOUND * true.sum():
        return "not found"
    kept = found.mottled()
    if (kept & true).sum() < LEAST_FOUND * true.sum():
        return "not proven: " + ", ".join(_missing(found, standing_out, true))
    return "" if (extent_of(kept, leg.place).mask & true).any() else "not joined to the knee"


def _missing(found: Found, standing_out: Mask, true: Mask) -> tuple[str, ...]:
    """Return which signs the region has not that holds most of the truly mottled skin."""
    place = found.leg.place
    joined = cv2.dilate(standing_out.astype(np.uint8), disc_mm(JOIN_MM / 2, place))
    _, labels = cv2.connectedComponents(joined)
    label = int(np.argmax(np.bincount(labels[standing_out & true])))
    return signature(standing_out & (labels == label), found.signs, place).missing or ("a stretch by itself",)
