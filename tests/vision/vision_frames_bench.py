"""Pictures in every layout, and what is in them worked out the plain way, pixel by pixel in float64."""

import cv2
import numpy as np
from numpy.typing import NDArray
from vision_bench import textured

from vision.frames import Bayer, Yuv
from vision.tone import srgb_to_linear

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]
PLACES = ((0, 0), (0, 1), (1, 0), (1, 1))


def skin(width: int, height: int, seed: int = 1, level: float = 1.0, contrast: float = 25.0) -> Picture:
    """A skin-like picture (height, width, 3), BGR: texture, shading over the field and camera noise of 2 codes."""
    shading = np.linspace(0.8, 1.1, width)[None, :, None] * np.linspace(1.05, 0.9, height)[:, None, None]
    noise = np.random.default_rng(seed).normal(0.0, 2.0, (height, width, 3))
    lit = level * shading * textured(width, height, seed, contrast)
    return np.clip(np.rint(lit + noise), 0, 255).astype(np.uint8)


def to_yuv(picture: Picture, layout: Yuv) -> Picture:
    """The picture in planes, by the coding's equations."""
    red, green, blue = (picture[..., channel].astype(np.float64) for channel in (2, 1, 0))
    coding = layout.coding
    y = coding.red_weight * red + (1 - coding.red_weight - coding.blue_weight) * green + coding.blue_weight * blue
    u = (blue - y) / (2 * (1 - coding.blue_weight))
    v = (red - y) / (2 * (1 - coding.red_weight))
    height, width = y.shape
    u, v = (plane.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3)) for plane in (u, v))
    if not coding.full_range:
        y, u, v = 16 + y * 219 / 255, u * 224 / 255, v * 224 / 255
    planes = [np.clip(np.rint(plane), 0, 255).astype(np.uint8) for plane in (y, u + 128, v + 128)]
    chroma = np.stack(planes[1:], axis=-1) if layout.planes == "nv12" else np.stack(planes[1:])
    return np.concatenate([planes[0].ravel(), chroma.ravel()]).reshape(height * 3 // 2, width)


def encoded_of_yuv(frame: Picture, layout: Yuv) -> Array:
    """Encoded R, G, B (height, width, 3) in [0, 255] of planes, not rounded."""
    width, height = frame.shape[1], frame.shape[0] * 2 // 3
    coding = layout.coding
    y, beyond = frame[:height].astype(np.float64), frame[height:].astype(np.float64).ravel()
    u, v = (beyond[0::2], beyond[1::2]) if layout.planes == "nv12" else np.split(beyond, 2)
    u, v = (plane.reshape(height // 2, width // 2).repeat(2, 0).repeat(2, 1) - 128 for plane in (u, v))
    if not coding.full_range:
        y, u, v = (y - 16) * 255 / 219, u * 255 / 224, v * 255 / 224
    red, blue = y + 2 * (1 - coding.red_weight) * v, y + 2 * (1 - coding.blue_weight) * u
    green = (y - coding.red_weight * red - coding.blue_weight * blue) / (1 - coding.red_weight - coding.blue_weight)
    return np.clip(np.stack([red, green, blue], axis=-1), 0, 255)


def to_bayer(light: Array, layout: Bayer) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Linear light (height, width, 3; R, G, B) seen through the mosaic, rounded and full at white."""
    values = layout.black + light * (layout.white - layout.black)
    mosaic = np.empty(light.shape[:2])
    for (row, column), colour in zip(PLACES, layout.pattern, strict=True):
        mosaic[row::2, column::2] = values[row::2, column::2, "RGB".index(colour)]
    kind = np.uint8 if layout.bytes_per_pixel == 1 else np.uint16
    return np.clip(np.rint(mosaic), 0, layout.white).astype(kind)


def block_means(light: Array, px: int, left: int = 0, top: int = 0) -> Array:
    """Means (rows, columns, 3) over blocks of px x px of linear light (height, width, 3)."""
    rows, columns = (light.shape[0] - top) // px, (light.shape[1] - left) // px
    part = light[top : top + rows * px, left : left + columns * px]
    return part.reshape(rows, px, columns, px, 3).mean(axis=(1, 3))


def linear_of_bgr(picture: Picture) -> Array:
    """Linear R, G, B of a picture."""
    return srgb_to_linear(picture[..., ::-1].astype(np.float64))


def grey(picture: Picture) -> Picture:
    """Encoded luma of a BGR picture, as the shift sensor takes it."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
