"""One simulated photo with everything that is true of it, and what a nurse would mark on it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from phantom.leg import optics_leg, other_cameras, painter_leg
from phantom.leg.camera import Photo
from phantom.leg.shape import Point, Shape, half_width_mm
from phantom.leg.spec import LegSpec, Renderer
from vision.mottling.levels import COIN_RADIUS_MM, MIDDLE, Landmarks, ZoneName

Mask = NDArray[np.bool_]

DRAW: dict[Renderer, Callable[[LegSpec, tuple[int, int]], optics_leg.Drawn]] = {
    "optics": optics_leg.draw,
    "painter": painter_leg.draw,
    "other_cameras": other_cameras.draw,
}
DRAWN_PX: int = 1200
"""Longer side of what is drawn; a larger photo is enlarged from it."""
MOTTLED_FROM: float = 0.35
"""Mottling from here on is mottled skin."""
TRIFLE_CM2: float = 0.4
"""Less mottled skin than this beyond a level is none."""
PAST: float = 0.04
"""Skin has to be seen this far past a level, in reach, for the next score to be told."""
NEAR: float = 0.03
"""What the taps of a nurse and the end of what is seen may be off by, in reach: some 10 to 14 mm."""


@dataclass(frozen=True)
class Truth:
    """What is true of a photo. `score` is None where nothing can be scored."""

    score: int
    max_supported: int
    """By the rule: the highest score whose level skin is seen `PAST` beyond."""
    most_in_view: int
    """The highest score beyond whose level any skin is seen (`PAST` less `NEAR`): to tell more is wrong."""
    most_surely: int
    """The highest score beyond whose level skin is seen by `PAST` and `NEAR`: to tell less is wrong."""
    landmarks: Landmarks
    landmarks_tapped: Landmarks
    mm_per_px: float
    zones: dict[ZoneName, float | None]
    mottled: Mask
    """On the drawing's own grid, not the photo's."""


@dataclass(frozen=True)
class LegPhoto:
    """A photo, BGR, and its truth."""

    photo: Photo
    truth: Truth
    spec: LegSpec


def take(spec: LegSpec) -> LegPhoto:
    """Draw one photo."""
    scale = DRAWN_PX / max(spec.width_px, spec.height_px)
    size = (round(spec.width_px * scale), round(spec.height_px * scale))
    photo, shape, strength, visible = DRAW[spec.renderer](spec, size)
    if spec.second_leg_mm is not None:
        photo = _with_second_leg(photo, shape, spec, spec.second_leg_mm)
    mottled = (strength > MOTTLED_FROM) & visible
    marks = Landmarks(shape.knee, shape.patella, shape.groin)
    truth_score = score_of(mottled, shape)
    seen = seen_to(visible, shape)
    groin_known = spec.groin_given and 0 <= shape.groin[0] < shape.reach.shape[1]
    most, in_view, surely = (
        max_supported(seen, past, groin_known=groin_known) for past in (PAST, PAST - NEAR, PAST + NEAR)
    )
    if spec.mirrored:
        photo = np.ascontiguousarray(photo[:, ::-1])
        marks = _moved(marks, lambda p: (size[0] - 1 - p[0], p[1]))
    enlarged = cv2.resize(photo, (spec.width_px, spec.height_px), interpolation=cv2.INTER_CUBIC)
    photo = np.asarray(enlarged, dtype=np.uint8)
    marks = _moved(marks, lambda p: ((p[0] + 0.5) / scale - 0.5, (p[1] + 0.5) / scale - 0.5))
    mm_per_px = shape.mm_per_px * scale
    if not spec.groin_given or not _inside(marks.groin, photo):
        marks = Landmarks(marks.knee, marks.patella)
    rng = np.random.default_rng([spec.seed, 9])
    error_px = spec.tap_error_mm / mm_per_px / np.sqrt(2)
    tapped = _moved(marks, lambda p: (p[0] + float(rng.normal(0, error_px)), p[1] + float(rng.normal(0, error_px))))
    zones = zones_of(mottled, visible, shape, marks)
    truth = Truth(min(truth_score, most), most, in_view, surely, marks, tapped, mm_per_px, zones, mottled)
    return LegPhoto(photo, truth, spec)


def _with_second_leg(photo: Photo, shape: Shape, spec: LegSpec, gap_mm: float) -> Photo:
    """Lay the other leg beside the one of `photo`, below it where they overlap, where there is more room."""
    away_mm = gap_mm + 2 * float(half_width_mm(np.zeros(1, np.float32), spec)[0])
    side = -1.0 if shape.knee[1] > photo.shape[0] / 2 else 1.0
    other = replace(
        spec, second_leg_mm=None, reach=spec.second_leg_reach, coin_mm=None, aside_mm=spec.aside_mm + side * away_mm
    )
    drawn, where, _, _ = DRAW[spec.renderer](other, (photo.shape[1], photo.shape[0]))
    return np.asarray(np.where((where.leg & ~shape.leg)[..., None], drawn, photo), dtype=np.uint8)


def score_of(mottled: Mask, shape: Shape) -> int:
    """Return the score of mottled skin: the highest level that more than a trifle of it lies beyond."""
    away_mm = np.hypot(shape.along_mm, shape.across * shape.half_width_mm)
    beyond = [
        (5, shape.reach > 1.0),
        (4, shape.reach > MIDDLE),
        (3, shape.reach > 0.0),
        (2, away_mm > COIN_RADIUS_MM),
        (1, np.ones_like(mottled)),
    ]
    trifle_px = TRIFLE_CM2 * 100 / shape.mm_per_px**2
    return next((score for score, where in beyond if int((mottled & where).sum()) > trifle_px), 0)


def seen_to(visible: Mask, shape: Shape) -> float:
    """Return the reach up to which skin can be seen from the kneecap edge without a gap, 0 to 1.5.

    It is seen where a quarter of the leg's width is: a plaster beside which skin goes on is no end of it.
    """

    def is_seen(low: float) -> bool:
        band = shape.leg & (shape.reach >= low) & (shape.reach < low + 0.01)
        return bool(band.sum() >= 20 and (visible & band).sum() >= 0.25 * band.sum())

    seen = 0.0
    for low in np.arange(0.0, 1.5, 0.01).tolist():
        # A tube or an electrode is no end: what is seen beyond it within 2 cm goes on.
        if not is_seen(low) and not is_seen(low + 0.06):
            break
        seen = low + 0.01
    return seen


def max_supported(seen: float, past: float, *, groin_known: bool) -> int:
    """Return the highest score whose level skin that is seen to the reach `seen` goes beyond by `past`, 2 to 5."""
    if seen < past:
        return 2
    if not groin_known or seen < MIDDLE + past:
        return 3
    return 4 if seen < 1.0 + past else 5


def zones_of(mottled: Mask, visible: Mask, shape: Shape, marks: Landmarks) -> dict[ZoneName, float | None]:
    """Return the mottled share of the visible skin of each zone; None where none of it can be seen or told."""
    away_mm = np.hypot(shape.along_mm, shape.across * shape.half_width_mm)
    known = marks.groin is not None
    coin = away_mm <= COIN_RADIUS_MM
    where: dict[ZoneName, Mask] = {
        "knee_centre": coin,
        "knee": ~coin & (shape.reach <= 0),
        "lower_thigh": (shape.reach > 0) & (shape.reach <= MIDDLE),
        "upper_thigh": (shape.reach > MIDDLE) & (shape.reach <= 1),
        "beyond_groin": shape.reach > 1,
    }
    shares: dict[ZoneName, float | None] = {}
    for name, zone in where.items():
        seen = int((visible & zone).sum())
        told = known or name in ("knee_centre", "knee")
        shares[name] = float((mottled & zone).sum() / seen) if told and seen > 50 else None
    return shares


def _moved(marks: Landmarks, move: Callable[[Point], Point]) -> Landmarks:
    return Landmarks(move(marks.knee), move(marks.patella), None if marks.groin is None else move(marks.groin))


def _inside(point: Point | None, photo: Photo) -> bool:
    return point is not None and -0.5 <= point[0] < photo.shape[1] and -0.5 <= point[1] < photo.shape[0]
