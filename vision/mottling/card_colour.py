"""The colours of a reference card in a photo: the light's colour from its greys, a matrix from all of its patches.

The matrix takes the photo's linear R, G, B to the linear sRGB that the patches were printed from, least squares (degree
1 of Finlayson, Mackiewicz and Hurlbert, IEEE Trans Image Process 2015;24:1460). A patch that is clipped, dark, uneven
or much darker or lighter than the others is left out: glare, a finger, the edge of a shadow.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.mottling.card_geometry import Patch
from vision.tone import CLIPPED_AT, DARK_AT, LINEAR_TABLE, srgb_to_linear

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

SAMPLED: Final = 0.6
"""Share of a patch's side that is looked at: its rim mixes with the paper."""
SAMPLES: Final = 12
"""A side; all of them are pixels of the photo."""
LARGEST_CLIPPED: Final = 0.02
LARGEST_SPREAD: Final = 0.25
"""Standard deviation of a patch's light, of its mean: noise is less, an edge is more."""
LIGHT_RANGE: Final = 1.6
"""A patch that is lighter or darker than the card's median by more than this was in another light."""
LEAST_PATCHES: Final = 8
LEAST_GREYS: Final = 2
MIDDLE_GREY: Final = 0.2
"""Reflectance, linear, that the light's colour is told for."""

# Linear sRGB to XYZ over the white of D65 (IEC 61966-2-1).
_TO_XYZ: Final = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], dtype=np.float64
) / np.array([[0.9505], [1.0], [1.089]])


@dataclass(frozen=True)
class ColourFit:
    """How the photo's colours relate to those that the card was printed from."""

    matrix: Array
    """Linear R, G, B of the photo as a row, times this, is linear sRGB; shape (3, 3)."""
    delta_e: float
    """Mean distance of the patches that were used from their values after the matrix, CIE 1976 L*a*b*. A printer that
    was never measured is part of it."""
    patches: int
    """How many were used."""


def fit_colour(
    photo: NDArray[np.uint8], to_photo: Array, patches: tuple[Patch, ...]
) -> tuple[ColourFit | None, Array | None]:
    """Return the matrix, and linear R, G, B of the middle grey, shape (3,); None where too few patches can be used.

    `photo` is BGR as encoded, shape (h, w, 3); `to_photo` the homography from card (mm) to photo (px), shape (3, 3).
    """
    known = srgb_to_linear(np.array([patch.srgb for patch in patches], dtype=np.float64))
    seen, usable = _measured(photo, to_photo, patches)
    usable &= _in_one_light(seen, known, usable)
    greys = usable & np.array([patch.is_grey for patch in patches])
    grey = None
    if np.count_nonzero(greys) >= LEAST_GREYS:
        grey = MIDDLE_GREY * np.median(seen[greys] / known[greys], axis=0)
    if np.count_nonzero(usable) < LEAST_PATCHES:
        return None, grey
    solved, *_ = np.linalg.lstsq(seen[usable], known[usable], rcond=None)
    matrix = np.asarray(solved, dtype=np.float64)
    distance = np.linalg.norm(lab(seen[usable] @ matrix) - lab(known[usable]), axis=1)
    return ColourFit(matrix, float(distance.mean()), int(np.count_nonzero(usable))), grey


def _measured(photo: NDArray[np.uint8], to_photo: Array, patches: tuple[Patch, ...]) -> tuple[Array, Flags]:
    """Return linear R, G, B of each patch, shape (n, 3), and which of them can be used by themselves."""
    step = (np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5
    raster = np.stack(np.meshgrid(step, step), axis=-1).reshape(-1, 2)
    height, width = photo.shape[:2]
    seen = np.zeros((len(patches), 3))
    usable = np.zeros(len(patches), dtype=np.bool_)
    for index, patch in enumerate(patches):
        on_card = np.asarray(patch.centre_mm) + SAMPLED * patch.side_mm * raster
        x, y = np.rint(cv2.perspectiveTransform(on_card[None], to_photo)[0]).T
        if not (x.min() >= 0 and y.min() >= 0 and x.max() < width and y.max() < height):
            continue
        encoded = photo[y.astype(np.intp), x.astype(np.intp), ::-1]
        linear = LINEAR_TABLE[encoded].astype(np.float64)
        seen[index] = linear.mean(axis=0)
        brightest = linear.max(axis=1)
        clipped = (encoded >= CLIPPED_AT).any(axis=1).mean() > LARGEST_CLIPPED
        dark = np.median(encoded.max(axis=1)) <= DARK_AT
        usable[index] = not clipped and not dark and brightest.std() <= LARGEST_SPREAD * brightest.mean()
    return seen, usable


def _in_one_light(seen: Array, known: Array, usable: Flags) -> Flags:
    """Return which patches have the light that most of them have, by their sums of R, G and B."""
    if not usable.any():
        return usable
    light = seen.sum(axis=1) / known.sum(axis=1)
    share = light / np.median(light[usable])
    return np.asarray((share < LIGHT_RANGE) & (share > 1 / LIGHT_RANGE), dtype=np.bool_)


def lab(linear: Array) -> Array:
    """Return CIE 1976 L*, a*, b* of linear sRGB, shape (n, 3), under D65; values below 0 count as 0."""
    xyz = np.clip(linear, 0.0, None) @ _TO_XYZ.T
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
