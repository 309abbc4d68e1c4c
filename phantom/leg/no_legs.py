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


def arm(rng: np.random.Generator) -> Photo:
    """An arm on a sheet with its hand, along the marks: some 70 mm wide where a thigh has 130."""
    sheet = _canvas((0.7, 0.7, 0.7), rng)
    x = np.arange(SIZE[0], dtype=np.float64)
    half = np.interp(x, [0, 30, 120, 230, 300, 560, 700, 1200], [30, 55, 58, 40, 38, 52, 55, 62])
    across = (np.arange(SIZE[1])[:, None] - 465.0) / half
    return _shown(_limb(sheet, across, rng))


def foot(rng: np.random.Generator) -> Photo:
    """A foot from the side, on a sheet: the shin comes in at the right, the knee is not in the picture."""
    sheet = _canvas((0.7, 0.7, 0.7), rng)
    mask = np.zeros((SIZE[1], SIZE[0]), np.float32)
    cv2.line(mask, (760, 430), (1250, 380), 1.0, 120)
    cv2.ellipse(mask, (690, 470), (110, 95), 0, 0, 360, 1.0, -1)
    outline = np.array([(640, 400), (400, 500), (250, 560), (240, 620), (330, 640), (640, 600), (780, 560)], np.int32)
    cv2.fillPoly(mask, [outline], 1.0)
    for toe in range(5):
        cv2.circle(mask, (262 - 4 * toe, 560 + 16 * toe), 20, 1.0, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), 2.0)[..., None]
    return _shown(sheet * (1 - soft) + _canvas(SKIN, rng) * soft)


def close_face(rng: np.random.Generator) -> Photo:
    """Another patient's face, so close that it fills the picture, with a mask's strap across the cheek."""
    picture = _canvas(tuple(np.array(SKIN) * float(rng.uniform(0.4, 1.1))), rng, 0.08)
    for x in (330, 860):
        cv2.ellipse(picture, (x, 300), (120, 50), 0, 0, 360, (0.6, 0.6, 0.6), -1)
        cv2.circle(picture, (x, 300), 42, (0.05, 0.06, 0.1), -1)
        cv2.ellipse(picture, (x, 190), (150, 40), 0, 180, 360, (0.04, 0.05, 0.08), 22)
    cv2.ellipse(picture, (600, 560), (90, 45), 0, 0, 180, tuple(np.array(SKIN) * 0.5), 12)
    cv2.ellipse(picture, (600, 760), (210, 50), 0, 0, 360, (0.18, 0.16, 0.45), -1)
    cv2.line(picture, (0, 480), (1200, 700), (0.65, 0.65, 0.62), 26)
    return _shown(picture)


def pillow(rng: np.random.Generator) -> Photo:
    """A white pillow on a blue sheet."""
    bed = _canvas((0.55, 0.36, 0.22), rng)
    mask = np.zeros((SIZE[1], SIZE[0]), np.float32)
    cv2.rectangle(mask, (180, 230), (1050, 700), 1.0, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), 25.0)[..., None]
    folds = 0.1 * smooth_noise((SIZE[1], SIZE[0]), 50.0, rng)[..., None]
    return _shown(bed * (1 - soft) + 0.75 * soft * (1 + folds))


def screen(rng: np.random.Generator) -> Photo:
    """A monitor with its curves, in a dark frame on a wall."""
    picture = _canvas((0.3, 0.3, 0.3), rng)
    cv2.rectangle(picture, (140, 110), (1080, 790), (0.03, 0.03, 0.03), -1)
    cv2.rectangle(picture, (180, 150), (1040, 750), (0.05, 0.02, 0.01), -1)
    x = np.arange(190, 1030)
    for at, colour in ((240, (0.1, 0.9, 0.1)), (400, (0.1, 0.1, 0.9)), (560, (0.9, 0.8, 0.1)), (690, (0.8, 0.8, 0.8))):
        wave = at - 45 * np.exp(4 * np.sin(x / float(rng.uniform(14, 30))) - 4)
        cv2.polylines(picture, [np.stack([x, wave], axis=1).astype(np.int32)], False, colour, 4)
    return _shown(picture)


def pet(rng: np.random.Generator) -> Photo:
    """A brown animal that lies stretched out on a blanket: as long and as wide as a thigh, but with fur."""
    picture = _canvas((0.5, 0.48, 0.45), rng)
    mask = np.zeros((SIZE[1], SIZE[0]), np.float32)
    cv2.ellipse(mask, (700, 470), (420, 110), 0, 0, 360, 1.0, -1)
    cv2.circle(mask, (260, 420), 105, 1.0, -1)
    for x in (480, 560, 900, 980):
        cv2.line(mask, (x, 540), (x - 30, 760), 1.0, 46)
    strands = cv2.GaussianBlur(rng.standard_normal((SIZE[1], SIZE[0])).astype(np.float32), (0, 0), 5.0, sigmaY=1.2)
    fur = np.array((0.07, 0.12, 0.22)) * np.exp(0.5 * strands / strands.std())[..., None]
    soft = cv2.GaussianBlur(mask, (0, 0), 3.0)[..., None]
    return _shown(picture * (1 - soft) + fur * soft)


def _limb(sheet: np.ndarray, across: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lay a round limb of skin on a sheet; `across` (h, w) runs from -1 to 1 over it."""
    round_light = 0.45 + 0.55 * np.sqrt(np.clip(1 - across**2, 0, 1))
    inside = cv2.GaussianBlur((np.abs(across) < 1).astype(np.float32), (0, 0), 1.0)[..., None]
    return np.asarray(sheet * (1 - inside) + _canvas(SKIN, rng) * round_light[..., None] * inside)


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
    "arm": arm,
    "foot": foot,
    "close face": close_face,
    "pillow": pillow,
    "screen": screen,
    "pet": pet,
    "empty bed": empty_bed,
    "noise": noise,
}
MARKS: Final[Landmarks] = Landmarks((430.0, 470.0), (470.0, 470.0), (1010.0, 460.0))
"""Marks as they could be those of a leg, for all of them."""


def no_leg(name: str, number: int) -> Photo:
    """Return one picture that is no leg."""
    return NO_LEGS[name](np.random.default_rng([number, 41]))
