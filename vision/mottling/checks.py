"""Why a photo gives no score, looked for before anything is scored: landmarks, size, light, sharpness."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.mottling.leg import Skin, can_be_skin, chroma, corridor
from vision.mottling.levels import Landmarks, Point
from vision.mottling.picture import Picture
from vision.mottling.place import Place, inside
from vision.mottling.reasons import Reason
from vision.mottling.strength import shrunk

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

THIGH_TO_KNEECAP: Final = (4.0, 60.0)
"""Kneecap edge to groin, for 1 of knee to kneecap edge: 12 to 18 on a body, less under a slanting view, more or less
by two taps that are each 4 mm off."""
KNEECAP_MM: Final = (4.0, 90.0)
THIGH_MM: Final = (120.0, 700.0)
FAR_SHARE: Final = 0.5
"""A knee further outside of the picture than this share of its longer side was not tapped on this picture."""
COARSEST_MM: Final = 2.6
"""Of a pixel: a coin is eleven across then."""
DARKEST: Final = 0.012
"""Linear light of the brightest channel of skin below which noise and rounding hide a net: 29 of 255."""
CLIPPED_SHARE: Final = 0.3
BAND_MM: Final = 20.0
WHITE: Final = 0.8
"""Share of a band across the thigh that is clipped where white cloth lies over it."""
CAST: Final = 0.2
"""ln R/G or ln G/B of what lies around the leg from which on the light is taken to be coloured."""
UNLIKE: Final = 0.06
"""Of ln R/G or ln G/B between skin and what it lies on: the palest skin on a pink sheet differs by 0.1."""
BRIGHTER: Final = 1.5
"""Green light of what covers a leg, for 1 of the sheet: pale skin has 1.2 of a blue sheet, white cloth 2."""
SOFTEST_MM: Final = 2.6
"""Standard deviation of blur across an edge: a net with lines of 3 to 5 mm drowns."""
LEAST_EVEN: Final = 0.45
"""Of fine texture in its smoothest direction against its roughest: 0.76 and more on 40 sharp photos by the optics
renderer, 0.13 to 0.41 on 11 of 12 smeared ones."""
RIM_MM: Final = 6.0
"""Beside an outline that is not looked at for texture."""
SOFTEST_PX: Final = 2.2
"""In cells: less cannot be told from a sharp edge that fell between pixels."""


def of_landmarks(landmarks: Landmarks | None, shape: tuple[int, ...], measured_mm: float | None) -> Reason | None:
    """Return what is wrong with the landmarks on a photo of `shape`; `measured_mm` is the scale where one is known."""
    if landmarks is None:
        return Reason.LANDMARKS_MISSING
    points = [landmarks.knee, landmarks.patella, *([] if landmarks.groin is None else [landmarks.groin])]
    if not np.isfinite(np.array(points, dtype=np.float64)).all():
        return Reason.LANDMARKS_IMPOSSIBLE
    near = float(np.hypot(*np.subtract(landmarks.patella, landmarks.knee)))
    if near < 1.5 or any(_outside_px(point, shape) > FAR_SHARE * max(shape[:2]) for point in points[:2]):
        return Reason.LANDMARKS_IMPOSSIBLE
    if not _a_body(landmarks, near, measured_mm):
        return Reason.LANDMARKS_IMPOSSIBLE
    if not (inside(landmarks.knee, shape) and inside(landmarks.patella, shape)):
        return Reason.KNEE_NOT_IN_VIEW
    return None


def _a_body(landmarks: Landmarks, near_px: float, measured_mm: float | None) -> bool:
    scale = measured_mm if measured_mm is not None and np.isfinite(measured_mm) and measured_mm > 0 else None
    if scale is not None and not KNEECAP_MM[0] <= near_px * scale <= KNEECAP_MM[1]:
        return False
    thigh = landmarks.thigh_px
    if thigh is None:
        return True
    if thigh < 1.0 or not THIGH_TO_KNEECAP[0] <= thigh / near_px <= THIGH_TO_KNEECAP[1]:
        return False
    if scale is not None and not THIGH_MM[0] <= thigh * scale <= THIGH_MM[1]:
        return False
    forward = np.dot(landmarks.thigh_axis, np.subtract(landmarks.patella, landmarks.knee))
    return float(forward) > 0.0


def _outside_px(point: Point, shape: tuple[int, ...]) -> float:
    x, y = point
    return float(np.hypot(max(0.0, -x, x - shape[1] + 1), max(0.0, -y, y - shape[0] + 1)))


def of_light(picture: Picture, place: Place) -> Reason | None:
    """Return whether what lies along the thigh and on the knee is too dark or clipped, whatever it is."""
    strip = corridor(place, 30.0)
    brightest = picture.linear.max(axis=2)
    if float(np.quantile(brightest[strip], 0.7)) < DARKEST:
        return Reason.DARK
    knee = place.knee_mm < 40.0
    clipped = max(
        float(picture.clipped[part].mean()) for part in (_below_white(strip, picture, place), knee) if part.any()
    )
    return Reason.OVER_EXPOSED if clipped > CLIPPED_SHARE else None


def _below_white(strip: Mask, picture: Picture, place: Place) -> Mask:
    """Return `strip` but for an upper end that is clipped throughout: a white gown, in light that is right for skin."""
    band = np.floor(place.along_mm / BAND_MM).astype(np.int32)
    white = [float(picture.clipped[strip & (band == number)].mean()) > WHITE for number in np.unique(band[strip])]
    if all(white):
        return strip
    last = int(np.unique(band[strip])[np.flatnonzero(~np.array(white))[-1]])
    return np.asarray(strip & (band <= last))


def of_colour(picture: Picture, place: Place, skin: Skin) -> Reason | None:
    """Return whether the colour at the landmarks can be that of skin: a cast, a cover, or something else.

    Under coloured light the leg still differs from what it lies on, as skin does: redder, or on a pinkish sheet as red
    and less blue. Cloth over the leg does not, or is much brighter than a coloured sheet around.
    """
    if can_be_skin(skin.centre):
        return None
    away = (np.abs(place.across_mm) > 130.0) & (place.along_mm > -100.0)
    if away.sum() < 50:
        return Reason.COLOUR_CAST
    around = np.median(chroma(picture.density)[away], axis=0)
    red, blue = (skin.centre - around).tolist()
    green = picture.linear[..., 1]
    brighter = float(np.median(green[corridor(place, 30.0)])) > BRIGHTER * float(np.median(green[away]))
    cast = float(np.abs(around).max()) > CAST
    if cast and max(red, blue) > UNLIKE and red > -UNLIKE and not brighter:
        return Reason.COLOUR_CAST
    return Reason.NOT_A_LEG


def of_sharpness(picture: Picture, place: Place, outline: Mask) -> Reason | None:
    """Return whether the edges of and on the leg are blurred, in all directions or in one.

    Blur of an edge from its steepness before and after a known blur (Zhuo & Sim, Pattern Recognition 2011;44:1852).
    """
    size = 2 * max(2, round(12.0 / place.mm)) + 1
    near = cv2.dilate(outline.astype(np.uint8), np.ones((size, size), dtype=np.uint8)) > 0
    near[:3] = near[-3:] = False
    near[:, :3] = near[:, -3:] = False
    light = np.sqrt(picture.linear[..., 1])
    softest = softness_px(light, near)
    if softest is not None and softest > max(SOFTEST_MM / place.mm, SOFTEST_PX):
        return Reason.BLURRED
    even = texture_evenness(light, shrunk(outline, RIM_MM, place))
    return Reason.BLURRED if even is not None and even < LEAST_EVEN else None


def texture_evenness(light: Floats, within: Mask) -> float | None:
    """Return how much fine texture of `within` changes along its smoothest direction, of that along its roughest.

    0 to 1, from the structure tensor; about 1 for skin and a camera's grain. None where too little can be seen. A hand
    that moved smears texture along one direction, and leaves sharp the edges of the leg that run along it.
    """
    within = within.copy()
    within[:4] = within[-4:] = False
    within[:, :4] = within[:, -4:] = False
    if within.sum() < 500:
        return None
    fine = cv2.GaussianBlur(light, (0, 0), 0.7) - cv2.GaussianBlur(light, (0, 0), 1.6)
    across, down = cv2.Sobel(fine, cv2.CV_32F, 1, 0)[within], cv2.Sobel(fine, cv2.CV_32F, 0, 1)[within]
    steep = np.hypot(across, down)
    # Hair, a tube's edge and a net are drawn in directions of their own.
    plain = steep < 3 * float(np.median(steep))
    if plain.sum() < 500:
        return None
    across, down = across[plain], down[plain]
    mixed = float(np.mean(across * down))
    tensor = np.array([[np.mean(across**2), mixed], [mixed, np.mean(down**2)]], dtype=np.float64)
    least, most = np.linalg.eigvalsh(tensor)
    return float(least / most) if most > 0 else None


def softness_px(light: Floats, near: Mask, known_px: float = 1.5) -> float | None:
    """Return the blur of the sharp edges in `near` as a standard deviation in cells, of the softer of two directions.

    None where there are no edges to tell it by.
    """
    light = np.asarray(cv2.GaussianBlur(light, (0, 0), 0.8), dtype=np.float32)
    again = cv2.GaussianBlur(light, (0, 0), known_px)
    across, down = cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1)
    steep = np.hypot(across, down)
    softer = np.hypot(cv2.Sobel(again, cv2.CV_32F, 1, 0), cv2.Sobel(again, cv2.CV_32F, 0, 1))
    if near.sum() < 200:
        return None
    edge = near & (steep > max(float(np.quantile(steep[near], 0.97)), 0.02))
    if edge.sum() < 60:
        return None
    ratio = np.maximum(steep[edge] / np.maximum(softer[edge], 1e-6), 1.0 + 1e-3)
    blur = known_px / np.sqrt(ratio**2 - 1.0)
    return float(np.sqrt(max(float(np.quantile(blur, 0.25)) ** 2 - 0.8**2, 0.0)))
