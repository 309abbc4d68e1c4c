"""Real photos of what is no leg, with marks anywhere on them as if it were one: none of them may be scored.

The photos are those that scikit-image ships (skimage.data): a face above an overall, a cat, the back of an eye, a cup
on wood, a rocket, a motorcycle in its shed, tissue under a microscope, pages, walls and grass. They were not drawn by
anybody who knows how the score works.
"""

import math
import random
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from vision.mottling.levels import Landmarks

NAMES: Final = (
    "astronaut", "brick", "camera", "chelsea", "coffee", "colorwheel", "grass", "gravel", "hubble_deep_field",
    "immunohistochemistry", "page", "retina", "rocket", "stereo_motorcycle", "text",
)  # fmt: skip
LONGER_SIDE_PX: Final = 1600
THIGH_TO_KNEECAP: Final = (12.0, 18.0)
"""Kneecap edge to groin for 1 of knee to kneecap edge on a body: other marks are refused without a look."""


def photo(name: str) -> NDArray[np.uint8]:
    """Return a photo of `NAMES` as a camera gives it: BGR, shape (h, w, 3), its longer side `LONGER_SIDE_PX`."""
    loaded = getattr(skimage.data, name)()
    picture = np.asarray(loaded[0] if isinstance(loaded, tuple) else loaded)
    coloured = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture[..., ::-1]
    scale = LONGER_SIDE_PX / max(picture.shape[:2])
    larger = cv2.resize(np.ascontiguousarray(coloured), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.asarray(larger, dtype=np.uint8)


def marks_on(shape: tuple[int, ...], number: int, seed: int) -> Iterator[Landmarks]:
    """Yield `number` sound sets of marks somewhere on a photo of `shape`; a groin outside is missing."""
    dice = random.Random(seed)  # noqa: S311 - a campaign that can be repeated, no secret
    height, width = shape[:2]
    given = 0
    while given < number:
        thigh = dice.uniform(0.3, 0.8) * min(height, width)
        angle = dice.uniform(0.0, 2 * math.pi)
        knee = (dice.uniform(0.1, 0.9) * width, dice.uniform(0.1, 0.9) * height)
        near = thigh / dice.uniform(*THIGH_TO_KNEECAP)
        patella, groin = (
            (knee[0] + far * math.cos(angle), knee[1] + far * math.sin(angle)) for far in (near, near + thigh)
        )
        if not _on(patella, shape):
            continue
        given += 1
        yield Landmarks(knee, patella, groin if _on(groin, shape) else None)


def _on(point: tuple[float, float], shape: tuple[int, ...]) -> bool:
    return 0 <= point[0] < shape[1] and 0 <= point[1] < shape[0]
