"""What a camera and a file make of light: colour matrix, denoising, tone curve, sharpening, a smaller copy, JPEG.

Each step is a plain operation of its own, in the order of a camera's: what is done to colours is done to linear light,
what is done to the look to encoded values.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from phantom.leg.camera import SKIN_AT, Photo
from phantom.leg.other_pigments import Bands
from phantom.leg.skin import GREY_KELVIN, planck
from phantom.optics import WAVELENGTHS_NM, skin_reflectance
from phantom.tones import MELANIN, observer_weights
from vision.tone import linear_to_srgb

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

SRGB: Final = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
"""X, Y, Z to linear R, G, B (IEC 61966-2-1)."""
LUMA: Final = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True)
class Processing:
    """How one camera and one file treat a photo."""

    matrix: float = 1.0
    """How much of the matrix that makes the camera's colours those of sRGB is applied: 0 none, above 1 too much."""
    saturation: float = 1.0
    """Of colours, in linear light."""
    denoise_px: float = 0.0
    """Blur of the colour differences; edges of more than the noise stay."""
    denoise_luma: float = 0.0
    """Encoded spread, 0 to 1, that a bilateral filter takes for noise of the brightness; 0 leaves it."""
    contrast: float = 0.0
    """Share of an S curve laid over the sRGB curve."""
    lift: float = 0.0
    """How much shadows are lifted."""
    sharpen: float = 0.0
    """Amount of an unsharp mask of 1.2 pixels."""
    smaller: float = 1.0
    """Longer side of the file, for 1 of the photo's."""
    jpeg: int = 95
    """Quality, with colours at half of the size (4:2:0)."""


def smooth_spectra() -> Doubles:
    """Return reflectances that a matrix is fitted to, shape (n, wavelengths): skin of all tones, edges and bells."""
    skin = [skin_reflectance(m, np.array([0.006, 0.02, 0.05]), s) for m in MELANIN.values() for s in (0.4, 0.75)]
    centres = np.arange(420.0, 700.0, 20.0)[:, None]
    rising = 0.05 + 0.7 / (1.0 + np.exp(-(WAVELENGTHS_NM - centres) / 18.0))
    falling = 0.8 - rising
    bells = 0.08 + 0.6 * np.exp(-0.5 * ((WAVELENGTHS_NM - centres) / 40.0) ** 2)
    return np.concatenate([*skin, rising, falling, bells])


@lru_cache(maxsize=64)
def _colour_matrix(bands: Bands) -> tuple[tuple[float, ...], ...]:
    spectra = smooth_spectra()
    weights = bands.sensitivity * planck(GREY_KELVIN)
    camera = spectra @ (weights / weights.sum(axis=1, keepdims=True)).T
    wanted = spectra @ (SRGB @ observer_weights()).T
    # Grey stays grey: each row is fitted as differences between the channels.
    apart = np.stack([camera[:, 0] - camera[:, 1], camera[:, 1] - camera[:, 2]], axis=1)
    fitted, *_ = np.linalg.lstsq(apart, wanted - camera, rcond=None)
    added = np.stack([fitted[0], fitted[1] - fitted[0], -fitted[1]], axis=1)
    return tuple(tuple(row) for row in np.eye(3) + added)


def colour_matrix(bands: Bands) -> Doubles:
    """Return the matrix (3, 3) from the camera's balanced R, G, B to linear sRGB, by least squares; grey stays grey."""
    return np.array(_colour_matrix(bands))


def colours_of(raw: Floats, bands: Bands, processing: Processing) -> Floats:
    """Return linear R, G, B (h, w, 3) after the camera's colour matrix; below 0 where a colour is out of range."""
    fitted = np.eye(3) + processing.matrix * (colour_matrix(bands) - np.eye(3))
    saturate = processing.saturation * np.eye(3) + (1.0 - processing.saturation) * LUMA[None, :]
    return np.asarray(raw @ (saturate @ fitted).T, dtype=np.float32)


def raw_of(srgb: Floats, bands: Bands) -> Floats:
    """Return the camera's R, G, B (h, w, 3), before any matrix, of colours that are known as linear sRGB."""
    return np.asarray(np.maximum(srgb @ np.linalg.inv(colour_matrix(bands)).T, 0.0), dtype=np.float32)


def noisy(light: Floats, noise: float, rng: np.random.Generator) -> Floats:
    """Return light with a sensor's noise: shot noise, which grows with light's root, and a floor."""
    grain = rng.standard_normal(light.shape).astype(np.float32)
    return np.asarray(light + noise * np.sqrt(np.clip(light, 0.01, None) / SKIN_AT) * grain, dtype=np.float32)


def developed(linear: Floats, processing: Processing, file_px: int) -> Photo:
    """Return the photo, BGR (h, w, 3), of linear R, G, B, after a file whose longer side is `file_px` before it is
    made smaller: the blocks of JPEG are as large on the leg as those of such a file.
    """
    encoded = np.asarray(linear_to_srgb(linear.astype(np.float64)) / 255.0, dtype=np.float32)
    encoded = _denoised(encoded, processing)
    curved = encoded ** (1.0 - processing.lift * (1.0 - encoded))
    curved = curved + processing.contrast * (curved * curved * (3.0 - 2.0 * curved) - curved)
    soft = cv2.GaussianBlur(curved, (0, 0), 1.2)
    sharp = curved + processing.sharpen * (curved - soft)
    photo = np.rint(255.0 * np.clip(sharp, 0.0, 1.0)).astype(np.uint8)[..., ::-1]
    return _sent(np.ascontiguousarray(photo), processing, file_px)


def _denoised(encoded: Floats, processing: Processing) -> Floats:
    """Take grain out of brightness and, more widely, of colour, as cameras do: what is left of it lies in blotches."""
    luma, red, blue = cv2.split(cv2.cvtColor(encoded, cv2.COLOR_RGB2YCrCb))
    if processing.denoise_luma > 0:
        luma = cv2.bilateralFilter(luma, 5, processing.denoise_luma, 1.5)
    if processing.denoise_px > 0:
        size = 2 * round(1.5 * processing.denoise_px) + 1
        red, blue = (cv2.bilateralFilter(part, size, 0.06, processing.denoise_px) for part in (red, blue))
    merged = cv2.cvtColor(cv2.merge([luma, red, blue]), cv2.COLOR_YCrCb2RGB)
    return np.asarray(np.clip(merged, 0.0, 1.0), dtype=np.float32)


def _sent(photo: Photo, processing: Processing, file_px: int) -> Photo:
    """Return the photo after it went through a file, in its own size again."""
    height, width = photo.shape[:2]
    scale = file_px * processing.smaller / max(height, width)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    sent = cv2.resize(photo, (round(width * scale), round(height * scale)), interpolation=way)
    quality = [cv2.IMWRITE_JPEG_QUALITY, processing.jpeg]
    halved = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
    coded, data = cv2.imencode(".jpg", sent, quality + halved)
    if not coded:
        raise RuntimeError("OpenCV cannot write JPEG")
    read = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.asarray(cv2.resize(read, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
