"""The light that falls on a scene and the camera that looks at it: linear reflectance in, an encoded photo out."""

import cv2
import numpy as np
from numpy.typing import NDArray

from phantom.leg.mottles import smooth_noise
from phantom.leg.shape import Shape
from phantom.leg.spec import LegSpec
from vision.tone import linear_to_srgb

Floats = NDArray[np.float32]
Photo = NDArray[np.uint8]

SKIN_AT: float = 0.30
"""Linear value at which the camera's metering puts the picture's middle."""


def fall_of_light(spec: LegSpec, shape: Shape, rng: np.random.Generator) -> Floats:
    """Return light on a flat surface (h, w), about 1: a gradient, and the soft edge of a shadow."""
    h, w = shape.reach.shape
    x, y = np.meshgrid(np.linspace(-1, 1, w, dtype=np.float32), np.linspace(-1, 1, h, dtype=np.float32))
    angle = float(rng.uniform(0, 2 * np.pi))
    light = 1.0 + spec.gradient * (x * np.cos(angle) + y * np.sin(angle))
    if spec.shadow > 0:
        angle, at = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(-0.5, 0.5))
        edge = x * np.cos(angle) + y * np.sin(angle) + 0.05 * smooth_noise((h, w), 0.3 * w, rng) - at
        light = light * (1.0 - spec.shadow / (1.0 + np.exp(-edge / float(rng.uniform(0.01, 0.08)))))
    return np.asarray(light, np.float32)


def roundness(shape: Shape, rng: np.random.Generator) -> Floats:
    """Return how a limb's roundness takes light (h, w): Lambert on a cylinder, with light from all around."""
    slope = np.clip(shape.across, -1, 1)
    facing = np.sqrt(np.clip(1 - slope**2, 0.0, 1.0))
    tilt = float(rng.uniform(-0.45, 0.45))
    direct = facing * np.cos(tilt) + slope * np.sin(tilt)
    return np.asarray(0.45 + 0.55 * np.clip(direct, 0, 1), np.float32)


def exposed(light: Floats, leg: NDArray[np.bool_], spec: LegSpec, rng: np.random.Generator) -> Photo:
    """Return the photo, BGR, of linear light (h, w, 3) as R, G, B: metering, white balance, blur, noise, tone curve."""
    gains = np.exp(np.array([spec.white_balance_error, 0.0, -spec.white_balance_error]))
    # A camera meters the whole picture, and the middle of it more.
    metered = np.sqrt(max(float(np.median(light[..., 1])), 1e-3) * max(float(np.median(light[leg][:, 1])), 1e-3))
    scaled = light * gains * (spec.exposure * SKIN_AT / metered)
    if spec.blur_px > 0:
        scaled = cv2.GaussianBlur(scaled.astype(np.float32), (0, 0), spec.blur_px)
    # Shot noise grows with light's root, and a denoising camera leaves it smooth over a pixel or two.
    grain = rng.standard_normal(scaled.shape).astype(np.float32)
    noisy = scaled + spec.noise * np.sqrt(np.clip(scaled, 0.01, None) / SKIN_AT) * grain
    return np.ascontiguousarray(np.rint(linear_to_srgb(noisy))[..., ::-1].astype(np.uint8))
