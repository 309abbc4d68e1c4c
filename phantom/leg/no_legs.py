"""Pictures that are no leg: drawn roughly, but of the colours and forms that could be taken for one."""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from phantom.leg.camera import Photo
from phantom.leg.mottles import smooth_noise
from vision.mottling.levels import Landmarks

SIZE: tuple[int, int] = (1200, 900)
SKIN: tuple[float, float, float] = (0.28, 0.36, 0.58)
"""Linear B, G, R of middling skin."""


def _canvas(colour: tuple[float, float, float], rng: np.random.Generator, rough: float = 0.04) -> np.ndarray:
    shade = 1 + rough * smooth_noise((SIZE[1], SIZE[0]), 150.0, rng) + 0.02 * rng.standard_normal((SIZE[1], SIZE[0]))
    return np.asarray(np.array(colour) * shade[..., None])


def _shown(linear: np.ndarray) -> Photo:
    return np.rint(255 * np.clip(linear, 0, 1) ** (1 / 2.2)).astype(np.uint8)


def wall(rng: np.random.Generator) -> Photo:
    """A painted wall in a side light."""
    return _shown(_canvas((0.5, 0.55, 0.58), rng) * np.linspace(0.6, 1.1, SIZE[0])[None, :, None])


def skin_coloured_wall(rng: np.random.Generator) -> Photo:
    """A wall as beige as skin."""
    return _shown(_canvas(SKIN, rng, 0.06))


def wood(rng: np.random.Generator) -> Photo:
    """A wooden table with its grain."""
    grain = smooth_noise((SIZE[1], SIZE[0] // 16), 6.0, rng)
    lines = 0.12 * cv2.resize(grain, SIZE, interpolation=cv2.INTER_CUBIC)
    return _shown(np.array((0.12, 0.24, 0.42)) * (1 + lines)[..., None])


def text_page(rng: np.random.Generator) -> Photo:
    """A page of text."""
    page = np.full((SIZE[1], SIZE[0], 3), 235, np.uint8)
    for line in range(24):
        words = "".join(rng.choice(list("abcdefghij klmnop rstu"), 70))
        cv2.putText(page, words, (40, 50 + 36 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (30, 30, 30), 2)
    return page


def face(rng: np.random.Generator) -> Photo:
    """A face in front of a wall: an oval of skin with eyes, mouth and hair."""
    picture = _canvas((0.45, 0.42, 0.40), rng)
    mask = np.zeros((SIZE[1], SIZE[0]), np.float32)
    cv2.ellipse(mask, (600, 470), (230, 310), 0, 0, 360, 1.0, -1)
    picture = picture * (1 - mask[..., None]) + _canvas(SKIN, rng) * mask[..., None]
    for x in (510, 690):
        cv2.ellipse(picture, (x, 420), (42, 18), 0, 0, 360, (0.7, 0.7, 0.7), -1)
        cv2.circle(picture, (x, 420), 14, (0.05, 0.06, 0.1), -1)
    cv2.ellipse(picture, (600, 610), (80, 22), 0, 0, 360, (0.20, 0.18, 0.5), -1)
    cv2.ellipse(picture, (600, 240), (260, 150), 0, 180, 360, (0.03, 0.04, 0.06), -1)
    return _shown(picture)


def hand(rng: np.random.Generator) -> Photo:
    """A hand with spread fingers on a sheet."""
    picture = _canvas((0.7, 0.7, 0.7), rng)
    mask = np.zeros((SIZE[1], SIZE[0]), np.float32)
    cv2.ellipse(mask, (600, 600), (150, 180), 0, 0, 360, 1.0, -1)
    for angle, length in ((-150, 270), (-115, 370), (-92, 400), (-70, 370), (-40, 290)):
        end = 600 + length * np.cos(np.radians(angle)), 600 + length * np.sin(np.radians(angle))
        cv2.line(mask, (600, 600), (round(end[0]), round(end[1])), 1.0, 62)
    return _shown(picture * (1 - mask[..., None]) + _canvas(SKIN, rng) * mask[..., None])


def empty_bed(rng: np.random.Generator) -> Photo:
    """A sheet with folds and nobody on it."""
    folds = 0.2 * smooth_noise((SIZE[1], SIZE[0]), 60.0, rng)
    return _shown(np.full((SIZE[1], SIZE[0], 3), 0.65) * (1 + folds)[..., None])


def noise(rng: np.random.Generator) -> Photo:
    """Nothing but noise."""
    return rng.integers(0, 256, (SIZE[1], SIZE[0], 3)).astype(np.uint8)


NO_LEGS: Final[dict[str, Callable[[np.random.Generator], Photo]]] = {
    "wall": wall,
    "skin-coloured wall": skin_coloured_wall,
    "wooden table": wood,
    "page of text": text_page,
    "face": face,
    "hand": hand,
    "empty bed": empty_bed,
    "noise": noise,
}
MARKS: Final[Landmarks] = Landmarks((430.0, 470.0), (470.0, 470.0), (1010.0, 460.0))
"""Marks as they could be those of a leg, for all of them."""


def no_leg(name: str, number: int) -> Photo:
    """Return one picture that is no leg."""
    return NO_LEGS[name](np.random.default_rng([number, 41]))
