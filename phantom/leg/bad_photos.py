"""Photos that must not be scored, each with the reasons that fit, and pictures that are no leg at all."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from phantom.leg.camera import Photo
from phantom.leg.drawn_at_random import spec_of
from phantom.leg.photo import LegPhoto, take
from phantom.leg.spec import LegSpec, Renderer
from vision.mottling.levels import Landmarks
from vision.mottling.reasons import Reason
from vision.tone import linear_to_srgb, srgb_to_linear


@dataclass(frozen=True)
class BadPhoto:
    """A photo, the landmarks that somebody gave, and the reasons of which one has to be told."""

    kind: str
    photo: Photo
    landmarks: Landmarks | None
    reasons: frozenset[Reason]


Change = Callable[[LegPhoto, np.random.Generator], tuple[Photo, Landmarks | None]]


def _changed(light: Callable[[Photo, np.random.Generator], Photo]) -> Change:
    return lambda leg, rng: (light(leg.photo, rng), leg.truth.landmarks_tapped)


def _marked(move: Callable[[Landmarks, Photo], Landmarks | None]) -> Change:
    return lambda leg, _: (leg.photo, move(leg.truth.landmarks_tapped, leg.photo))


def _gain(photo: Photo, *gains: float) -> Photo:
    """Multiply linear B, G, R; what was clipped stays clipped."""
    linear = srgb_to_linear(photo.astype(np.float64)) * np.array(gains if len(gains) == 3 else gains * 3)
    return np.rint(linear_to_srgb(linear)).astype(np.uint8)


def _dark(photo: Photo, rng: np.random.Generator, gain: float) -> Photo:
    noisy = srgb_to_linear(photo.astype(np.float64)) * gain + rng.normal(0, 0.002, photo.shape)
    return np.rint(linear_to_srgb(noisy)).astype(np.uint8)


def _motion(photo: Photo, rng: np.random.Generator) -> Photo:
    length = max(photo.shape[1] // 22, 5)
    kernel = np.zeros((length, length), np.float32)
    angle = float(rng.uniform(0, np.pi))
    middle, reach = length // 2, length / 2
    ends = [(round(middle + s * reach * np.cos(angle)), round(middle + s * reach * np.sin(angle))) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    return np.asarray(cv2.filter2D(photo, -1, kernel / kernel.sum()), np.uint8)


def _defocus(photo: Photo, _rng: np.random.Generator) -> Photo:
    small = cv2.resize(photo, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), photo.shape[1] / 4 / 55)
    return np.asarray(cv2.resize(soft, photo.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def _flash(photo: Photo, _rng: np.random.Generator) -> Photo:
    h, w = photo.shape[:2]
    y, x = np.ogrid[0:h, 0:w]
    spot = np.exp(-(((x - w * 0.45) / (0.4 * w)) ** 2) - ((y - h / 2) / (0.5 * h)) ** 2)
    linear = srgb_to_linear(photo.astype(np.float64)) * (1 + 11 * spot[..., None])
    return np.rint(linear_to_srgb(linear)).astype(np.uint8)


def _laid_over(leg: LegPhoto, colour: tuple[int, int, int], half: float) -> tuple[Photo, Landmarks | None]:
    """Lay cloth over the knee, `half` being half of its length in thighs."""
    photo, marks = leg.photo.copy(), leg.truth.landmarks
    size = half * leg.spec.thigh_mm / leg.truth.mm_per_px
    centre = (round(marks.knee[0]), round(marks.knee[1]))
    top, bottom = (0, photo.shape[0]) if half > 0.3 else (round(centre[1] - size), round(centre[1] + size))
    left, right = max(round(centre[0] - size), 0), min(round(centre[0] + size), photo.shape[1])
    rng = np.random.default_rng(leg.spec.seed)
    folds = cv2.GaussianBlur(rng.normal(0, 1, photo.shape[:2]).astype(np.float32), (0, 0), 15)
    cloth = np.clip(np.array(colour) * (1 + 0.9 * folds[..., None]), 0, 255).astype(np.uint8)
    photo[max(top, 0) : bottom, left:right] = cloth[max(top, 0) : bottom, left:right]
    return photo, leg.truth.landmarks_tapped


def _knee_outside(leg: LegPhoto, _rng: np.random.Generator) -> tuple[Photo, Landmarks | None]:
    """Cut the picture off above the knee."""
    marks = leg.truth.landmarks_tapped
    cut = round((marks.knee[0] + 3 * marks.patella[0]) / 4 + (60 if marks.patella[0] > marks.knee[0] else -60))
    right = marks.patella[0] > marks.knee[0]
    photo = leg.photo[:, cut:] if right else leg.photo[:, :cut]
    shift = cut if right else 0

    def moved(point: tuple[float, float]) -> tuple[float, float]:
        return point[0] - shift, point[1]

    groin = None if marks.groin is None else moved(marks.groin)
    return np.ascontiguousarray(photo), Landmarks(moved(marks.knee), moved(marks.patella), groin)


def _tiny(leg: LegPhoto, _rng: np.random.Generator) -> tuple[Photo, Landmarks | None]:
    scale = 90 / leg.photo.shape[1]
    photo = cv2.resize(leg.photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    marks = leg.truth.landmarks

    def moved(point: tuple[float, float]) -> tuple[float, float]:
        return point[0] * scale, point[1] * scale

    return np.asarray(photo, np.uint8), Landmarks(
        moved(marks.knee), moved(marks.patella), None if marks.groin is None else moved(marks.groin)
    )


def _on_the_sheet(marks: Landmarks, photo: Photo) -> Landmarks:
    """All three marks beside the leg, on the sheet."""
    y = 0.06 * photo.shape[0]
    groin = None if marks.groin is None else (marks.groin[0], y)
    return Landmarks((marks.knee[0], y), (marks.patella[0], y), groin)


R = Reason
KINDS: Final[dict[str, tuple[Change, frozenset[Reason]]]] = {
    "motion blur": (_changed(_motion), frozenset({R.BLURRED})),
    "out of focus": (_changed(_defocus), frozenset({R.BLURRED})),
    "dark": (_changed(lambda p, rng: _dark(p, rng, 0.02)), frozenset({R.DARK})),
    "night": (_changed(lambda p, rng: _dark(p, rng, 0.004)), frozenset({R.DARK})),
    "over-exposed": (_changed(lambda p, _: _gain(p, 9.0)), frozenset({R.OVER_EXPOSED})),
    "flash": (_changed(_flash), frozenset({R.OVER_EXPOSED})),
    "blue light": (_changed(lambda p, _: _gain(p, 2.2, 0.6, 0.15)), frozenset({R.COLOUR_CAST})),
    "green light": (_changed(lambda p, _: _gain(p, 0.3, 1.4, 0.25)), frozenset({R.COLOUR_CAST})),
    "red light": (_changed(lambda p, _: _gain(p, 0.05, 0.08, 1.6)), frozenset({R.COLOUR_CAST})),
    "black and white": (
        _changed(lambda p, _: np.repeat(cv2.cvtColor(p, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2)),
        frozenset({R.COLOUR_CAST, R.NOT_A_LEG}),
    ),
    "knee outside": (_knee_outside, frozenset({R.KNEE_NOT_IN_VIEW})),
    "sheet over the leg": (
        lambda leg, _: _laid_over(leg, (205, 205, 200), 2.0),
        frozenset({R.LEG_COVERED, R.NOT_A_LEG}),
    ),
    "blue towel over the knee": (lambda leg, _: _laid_over(leg, (150, 95, 40), 0.35), frozenset({R.LEG_COVERED})),
    "bandage on the knee": (lambda leg, _: _laid_over(leg, (225, 225, 225), 0.2), frozenset({R.LEG_COVERED})),
    "no marks": (_marked(lambda _m, _p: None), frozenset({R.LANDMARKS_MISSING})),
    "knee and kneecap one point": (
        _marked(lambda m, _p: Landmarks(m.knee, m.knee, m.groin)),
        frozenset({R.LANDMARKS_IMPOSSIBLE}),
    ),
    "marks in reverse": (
        _marked(lambda m, _p: Landmarks(m.groin or (0.0, 0.0), m.patella, m.knee)),
        frozenset({R.LANDMARKS_IMPOSSIBLE}),
    ),
    "groin towards the foot": (
        _marked(lambda m, _p: Landmarks(m.knee, m.patella, (2 * m.knee[0] - m.patella[0], m.knee[1]))),
        frozenset({R.LANDMARKS_IMPOSSIBLE}),
    ),
    "marks beside the leg": (_marked(_on_the_sheet), frozenset({R.NOT_A_LEG, R.LEG_COVERED, R.KNEE_NOT_IN_VIEW})),
    "thumbnail": (_tiny, frozenset({R.TOO_SMALL})),
}
"""Kind: what was done, and the reasons that fit it."""


def bad_photo(kind: str, number: int, renderer: Renderer) -> BadPhoto:
    """Return one photo of a kind: a good photo of a leg, spoiled."""
    spec = _plain(spec_of(number, renderer))
    rng = np.random.default_rng([number, 31])
    change, reasons = KINDS[kind]
    photo, landmarks = change(take(spec), rng)
    return BadPhoto(kind, photo, landmarks, reasons)


def _plain(spec: LegSpec) -> LegSpec:
    """What is spoiled is good but for that."""
    return replace(
        spec,
        view="whole",
        covered_from=None,
        groin_given=True,
        shadow=0.0,
        distractors=frozenset(),
        exposure=1.0,
        width_px=1600,
        height_px=1200,
    )
