"""Photos of the printed card as a camera would take them: a plane before a pinhole, drawn from its own shapes."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.card import POINTERS, TIP_MM, Area, Line, Shape, card, pointer
from vision.tone import linear_to_srgb, srgb_to_linear

Array = NDArray[np.float64]
Photo = NDArray[np.uint8]

PX_PER_MM = 10
DRAWN_MM = 20.0
"""Paper around what is drawn; cut off again by the outline."""
CARD_MM = ((15.0, 15.0), (185.0, 135.0))


@dataclass(frozen=True)
class Camera:
    """A pinhole over a plane: where the plane's (0, 0) is seen, from how far, and how it leans."""

    width: int = 1600
    height: int = 1200
    focal_px: float = 1500.0
    distance_mm: float = 800.0
    tilt_deg: float = 0.0
    tilt_towards_deg: float = 0.0
    turn_deg: float = 0.0

    def to_photo(self) -> Array:
        """The homography from the plane, mm, to the photo, px."""
        turn, lean, towards = np.radians([self.turn_deg, self.tilt_deg, self.tilt_towards_deg])
        axis = np.array([-np.sin(towards), np.cos(towards), 0.0])
        rotation = cv2.Rodrigues(lean * axis)[0] @ cv2.Rodrigues(np.array([0.0, 0.0, turn]))[0]
        inner = np.array(
            [[self.focal_px, 0, self.width / 2 - 0.5], [0, self.focal_px, self.height / 2 - 0.5], [0, 0, 1]]
        )
        return np.asarray(inner @ np.column_stack([rotation[:, :2], [0.0, 0.0, self.distance_mm]]))

    def seen(self, x_mm: float, y_mm: float) -> tuple[float, float]:
        """Where a point of the plane is in the photo, px."""
        x, y = cv2.perspectiveTransform(np.array([[[x_mm, y_mm]]], dtype=np.float64), self.to_photo())[0, 0]
        return float(x), float(y)

    def mm_per_px(self, x_mm: float, y_mm: float) -> float:
        """Square root of the plane's area in a pixel there, by a small square."""
        square = np.array(
            [[[x_mm + dx, y_mm + dy]] for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1))], dtype=np.float64
        )
        in_photo = cv2.perspectiveTransform(square, self.to_photo()).astype(np.float32)
        return float(np.sqrt(4.0 / cv2.contourArea(in_photo)))

    def facing_mm_per_px(self, x_mm: float, y_mm: float) -> float:
        """Scale of a surface that faces the camera at the depth of that point of the plane."""
        depth_share = float((self.to_photo() @ [x_mm, y_mm, 1.0])[2])
        return depth_share / self.focal_px


def cloth(camera: Camera, colour: tuple[int, int, int] = (150, 160, 170), seed: int = 1) -> Photo:
    """A sheet with soft folds, BGR."""
    chance = np.random.default_rng(seed)
    coarse = (np.array(colour) + chance.normal(0, 12, (9, 12, 1))).astype(np.float32)
    folds = cv2.resize(coarse, (camera.width, camera.height), interpolation=cv2.INTER_CUBIC)
    return np.clip(folds, 0, 255).astype(np.uint8)


def drawn(shapes: list[Shape], from_mm: tuple[float, float], to_mm: tuple[float, float]) -> Photo:
    """Shapes on white paper, without their words, PX_PER_MM to a mm, BGR."""
    size = (round((to_mm[1] - from_mm[1]) * PX_PER_MM), round((to_mm[0] - from_mm[0]) * PX_PER_MM))
    paper = np.full((*size, 3), 255, np.uint8)
    for shape in shapes:
        if not isinstance(shape, Area | Line):
            continue
        points = np.rint(((np.array(shape.points) - from_mm) * PX_PER_MM - 0.5) * 16).astype(np.int32)
        colour = tuple(reversed(shape.colour))
        if isinstance(shape, Area):
            cv2.fillPoly(paper, [points], colour, shift=4)
        else:
            width = max(1, round(shape.width_mm * PX_PER_MM))
            cv2.polylines(paper, [points], shape.closed, colour, width, shift=4)
    return paper


def laid(photo: Photo, paper: Photo, from_mm: Array, to_photo: Array, outline_mm: Array) -> Photo:
    """The photo with paper on it, whose upper left corner is `from_mm`, cut along the outline; drawn twice as fine."""
    edge = cv2.perspectiveTransform(np.asarray(outline_mm, dtype=np.float64)[None], to_photo)[0]
    left, top = np.maximum(np.floor(edge.min(axis=0)).astype(int) - 2, 0)
    right, bottom = np.minimum(np.ceil(edge.max(axis=0)).astype(int) + 3, photo.shape[1::-1])
    if right <= left or bottom <= top:
        return photo
    step = 1 / PX_PER_MM
    to_paper = np.array([[step, 0, from_mm[0] + step / 2], [0, step, from_mm[1] + step / 2], [0, 0, 1]])
    finer = np.array([[2, 0, 0.5 - 2 * left], [0, 2, 0.5 - 2 * top], [0, 0, 1.0]])
    size = (2 * int(right - left), 2 * int(bottom - top))
    # The paper has more pixels than the photo: smoothed first, or thin lines break.
    smooth = cv2.GaussianBlur(paper, (0, 0), 1.5)
    over = cv2.warpPerspective(smooth, finer @ to_photo @ to_paper, size, flags=cv2.INTER_LINEAR)
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(mask, [np.rint((2 * edge + finer[:2, 2]) * 16).astype(np.int32)], 255, shift=4)
    share = cv2.resize(mask, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)[..., None] / 255.0
    there = cv2.resize(over, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    whole = photo.copy()
    part = whole[top:bottom, left:right]
    part[:] = np.rint(share * there + (1 - share) * part).astype(np.uint8)
    return whole


@cache
def drawn_card() -> Photo:
    return drawn(card(), CARD_MM[0], CARD_MM[1])


def with_card(photo: Photo, camera: Camera, at_mm: tuple[float, float] = (0.0, 0.0)) -> Photo:
    """The photo with the card, its middle at `at_mm` of the plane."""
    corner, far = np.array(CARD_MM[0]), np.array(CARD_MM[1])
    paper = drawn_card()
    from_mm = at_mm - (far - corner) / 2
    width, height = far - corner
    outline = from_mm + np.array([[0, 0], [width, 0], [width, height], [0, height]])
    return laid(photo, paper, from_mm, camera.to_photo(), outline)


def with_pointer(
    photo: Photo, camera: Camera, number: int, tip_mm: tuple[float, float], from_deg: float = 0.0
) -> Photo:
    """The photo with a pointer's tip at `tip_mm` of the plane; it lies above the tip at 0 degrees, below it at 180."""
    turn = np.radians(from_deg)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shift = np.array(tip_mm) - spin @ TIP_MM
    pose = np.array([[*spin[0], shift[0]], [*spin[1], shift[1]], [0, 0, 1]])
    shapes = pointer(number)
    paper = drawn(shapes, (-DRAWN_MM, -30.0), (DRAWN_MM, 60.0))
    outline = next(np.array(shape.points) for shape in shapes if isinstance(shape, Area))
    return laid(photo, paper, np.array([-DRAWN_MM, -30.0]), camera.to_photo() @ pose, outline)


def lit(photo: Photo, gains: tuple[float, float, float] = (1.0, 1.0, 1.0), noise: float = 0.0, seed: int = 2) -> Photo:
    """The photo under another light: gains of linear R, G, B, then noise in encoded steps."""
    levels = srgb_to_linear(np.arange(256.0))
    table = np.stack([linear_to_srgb(levels * gain) for gain in gains[::-1]], axis=-1)
    encoded = np.take_along_axis(table.astype(np.float32), photo.reshape(-1, 3).astype(np.intp), axis=0)
    if noise:
        encoded += noise * np.random.default_rng(seed).standard_normal(encoded.shape, dtype=np.float32)
    return np.clip(np.rint(encoded), 0, 255).astype(np.uint8).reshape(photo.shape)


def pointed(
    camera: Camera, tips: dict[str, tuple[float, float]], photo: Photo | None = None, from_deg: float = 180.0
) -> Photo:
    """A photo with the pointers that are named, each with its tip there, laid from the side."""
    picture = cloth(camera) if photo is None else photo
    for number, each in POINTERS.items():
        if each.landmark in tips:
            picture = with_pointer(picture, camera, number, tips[each.landmark], from_deg)
    return picture
