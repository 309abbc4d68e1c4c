"""Finds the reference card and its pointers in a photo: the scale, the landmarks, and the colour of the light.

Four markers at the card's corners give the homography from photo to card, least squares over all their corners. The
pointers lie on the leg itself: their arrows' tips are the landmarks, and their size shows whether the card lies as high
as the skin: where it does not, the scale is theirs.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.mottling.card_colour import ColourFit, fit_colour
from vision.mottling.card_geometry import CardGeometry, Point
from vision.mottling.levels import Landmarks

Array = NDArray[np.float64]
Photo = NDArray[np.uint8]

LOOKED_AT_PX: Final = 2000
"""Longest side at which markers are looked for: at 2 px/mm their modules have eight pixels and more."""
LEAST_SIDE_PX: Final = 24
LEAST_CORNERS: Final = 3
LARGEST_RESIDUAL: Final = 0.04
"""Of a marker's side, RMS: beyond this the card is bent, or its markers are those of two."""
LARGEST_POINTER_RATIO: Final = 1.6
"""Between the scales of two pointers on one leg; beyond it one of them is none."""
LARGEST_PLANE_ERROR: Final = 0.04
"""Between the scale of a pointer and the card's there: within it the pointers lie in the card's plane."""
LARGEST_SCALE_CHANGE: Final = 2.0
"""From card to knee: beyond it the leg does not lie in the card's plane."""


class CardProblem(StrEnum):
    """Why a card that can be seen is not used."""

    TWO_CARDS = "two_cards"
    MIRRORED = "mirrored"
    COVERED = "covered"
    BENT = "bent"
    POINTERS_DISAGREE = "pointers_disagree"


@dataclass(frozen=True)
class Found:
    """What the card says. A part that could not be told is None; without a card, all of them."""

    problem: CardProblem | None = None
    corners: int = 0
    """Corner markers that were seen, 0 to 4."""
    landmarks: Landmarks | None = None
    """Pixels of the photo; None unless knee and kneecap edge are both pointed at."""
    mm_per_px: float | None = None
    """From the card: square root of the area in its plane that a pixel covers, at the knee where it is known, else in
    the middle of the card. From pointers: of a surface there that faces the camera."""
    scale_from: Literal["pointers", "card"] | None = None
    grey: Array | None = None
    """Linear R, G, B of the card's middle grey under the photo's light, shape (3,), 0 to 1."""
    colour: ColourFit | None = None


@dataclass(frozen=True)
class _Pointed:
    """What the pointers say: landmarks, scale of a surface that faces the camera, and each one's place and scale."""

    landmarks: Landmarks | None = None
    facing_mm_per_px: float | None = None
    places: tuple[tuple[Point, float], ...] = ()
    problem: CardProblem | None = None


@dataclass(frozen=True)
class _Seen:
    """Markers of a photo by number, corners in pixels, shape (4, 2), from the upper left clockwise."""

    markers: dict[int, Array]
    repeated: frozenset[int]


def find_card(photo: Photo, card: CardGeometry, knee: Point | None = None) -> Found:
    """Return what the card in `photo` says; BGR as encoded (sRGB), shape (h, w, 3).

    `knee` is where the scale is wanted, in pixels, for when no pointer shows it. Never raises for what is in the
    picture; the photo is not changed.
    """
    if min(photo.shape[:2]) < LEAST_SIDE_PX:
        return Found()
    grey, factor = _grey(photo)
    seen = _look(grey, factor, card)
    if not seen.markers and not seen.repeated:
        mirrored = _look(cv2.flip(grey, 1), factor, card)
        return Found(problem=CardProblem.MIRRORED if len(mirrored.markers) > 1 else None)
    corners = {number: seen.markers[number] for number in card.corners if number in seen.markers}
    pointed = _pointed_at(seen.markers, card)
    to_card, problem = _plane(corners, seen.repeated & card.corners.keys(), card)
    scale, scale_from = _scale(pointed, to_card, knee, card)
    colour, middle_grey = (None, None) if to_card is None else fit_colour(photo, _inverse(to_card), card.patches)
    if seen.repeated & card.pointers.keys():
        problem = CardProblem.TWO_CARDS
    return Found(
        problem=problem or pointed.problem,
        corners=len(corners),
        landmarks=pointed.landmarks,
        mm_per_px=scale,
        scale_from=scale_from,
        grey=middle_grey,
        colour=colour,
    )


def _grey(photo: Photo) -> tuple[NDArray[Any], int]:
    """Return the photo's lightness, smaller by a whole factor, and that factor."""
    factor = -(-max(photo.shape[:2]) // LOOKED_AT_PX)
    height, width = photo.shape[0] // factor, photo.shape[1] // factor
    whole = photo[: height * factor, : width * factor]
    small = whole if factor == 1 else cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), factor


def _look(grey: NDArray[Any], factor: int, card: CardGeometry) -> _Seen:
    """Return the card's markers in a picture that was made smaller by `factor`, in pixels of the whole one."""
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    # Sixteen bits are little: correcting one of them would find markers in sheets and curtains.
    parameters.errorCorrectionRate = 0.0
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50), parameters)
    quads, ids, _ = detector.detectMarkers(grey)
    markers: dict[int, Array] = {}
    repeated: set[int] = set()
    numbers = [] if ids is None else np.asarray(ids, dtype=np.intp).ravel()
    for number, quad in zip(map(int, numbers), quads, strict=True):
        if number not in card.corners and number not in card.pointers:
            continue
        if number in markers:
            repeated.add(number)
        markers[number] = (np.asarray(quad, dtype=np.float64).reshape(4, 2) + 0.5) * factor - 0.5
    return _Seen({number: quad for number, quad in markers.items() if number not in repeated}, frozenset(repeated))


def _square(centre: Point, side: float) -> Array:
    """Return the corners of a marker on paper, shape (4, 2), from the upper left clockwise."""
    return np.asarray(centre) + 0.5 * side * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def _plane(
    corners: dict[int, Array], repeated: frozenset[int] | set[int], card: CardGeometry
) -> tuple[Array | None, CardProblem | None]:
    """Return the homography from photo (px) to card (mm), shape (3, 3), or why there is none."""
    if len(repeated) > 1:
        return None, CardProblem.TWO_CARDS
    if len(corners) < LEAST_CORNERS:
        return None, CardProblem.COVERED if corners or repeated else None
    in_photo = np.concatenate(list(corners.values()))
    on_card = np.concatenate([_square(card.corners[number], card.corner_side_mm) for number in corners])
    to_card, _ = cv2.findHomography(in_photo, on_card)
    if to_card is None:
        return None, CardProblem.BENT
    landed = cv2.perspectiveTransform(in_photo[None], to_card)[0]
    residual_mm = float(np.sqrt(np.mean(np.sum((landed - on_card) ** 2, axis=1))))
    if not residual_mm <= LARGEST_RESIDUAL * card.corner_side_mm:
        return None, CardProblem.BENT
    return np.asarray(to_card, dtype=np.float64), None


def _inverse(homography: Array) -> Array:
    return np.asarray(np.linalg.inv(homography), dtype=np.float64)


def _scale(
    pointed: _Pointed, to_card: Array | None, knee: Point | None, card: CardGeometry
) -> tuple[float | None, Literal["pointers", "card"] | None]:
    """Return mm for a pixel on the leg, and whose word it is."""
    if to_card is not None:
        off = [abs(scale / _card_scale(to_card, place, card) - 1.0) for place, scale in pointed.places]
        if not off or np.median(off) <= LARGEST_PLANE_ERROR or pointed.facing_mm_per_px is None:
            place = pointed.landmarks.knee if pointed.landmarks is not None else knee
            return _card_scale(to_card, place, card), "card"
    return pointed.facing_mm_per_px, None if pointed.facing_mm_per_px is None else "pointers"


def _card_scale(to_card: Array, place: Point | None, card: CardGeometry) -> float:
    """Return mm for a pixel at `place`, or in the middle of the card where the plane does not reach that far."""
    middle_mm = np.mean(list(card.corners.values()), axis=0)
    middle = cv2.perspectiveTransform(np.reshape(middle_mm, (1, 1, 2)), _inverse(to_card))[0, 0]
    depth = float(to_card[2] @ [*middle, 1.0])
    at_card = float(np.sqrt(abs(np.linalg.det(to_card) / depth**3)))
    if place is None:
        return at_card
    # The area that a pixel covers goes with the inverse cube of this, its square root with the power of 1.5.
    change = float(to_card[2] @ [*place, 1.0]) / depth
    if not LARGEST_SCALE_CHANGE ** (-2 / 3) <= change <= LARGEST_SCALE_CHANGE ** (2 / 3):
        return at_card
    return at_card * float(change**-1.5)


def _pointed_at(markers: dict[int, Array], card: CardGeometry) -> _Pointed:
    """Return what the pointers among the markers say."""
    tips: dict[str, Point] = {}
    facing: list[float] = []
    places: list[tuple[Point, float]] = []
    unit = np.column_stack([_square((0.0, 0.0), card.pointer_side_mm), np.ones(4)])
    for number in card.pointers.keys() & markers.keys():
        # Affine: over so small a square the camera's perspective is less than the noise of its corners.
        affine, *_ = np.linalg.lstsq(unit, markers[number], rcond=None)
        tip_x, tip_y = np.array([*card.pointers[number].tip_mm, 1.0]) @ affine
        tips[card.pointers[number].landmark] = (float(tip_x), float(tip_y))
        # The direction that is foreshortened least: paper on a limb leans one way.
        along, across = np.linalg.svd(affine[:2], compute_uv=False)
        facing.append(1.0 / float(along))
        places.append(((float(affine[2, 0]), float(affine[2, 1])), float((along * across) ** -0.5)))
    if len(facing) > 1 and max(facing) > LARGEST_POINTER_RATIO * min(facing):
        return _Pointed(problem=CardProblem.POINTERS_DISAGREE)
    scale = float(np.median(facing)) if len(facing) > 1 else None
    both = "knee" in tips and "patella" in tips
    landmarks = Landmarks(tips["knee"], tips["patella"], tips.get("groin")) if both else None
    return _Pointed(landmarks, scale, tuple(places))
