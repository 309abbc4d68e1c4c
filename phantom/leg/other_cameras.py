"""Renderer "other cameras": the legs of "optics" with other pigments, a surface that shines, and other cameras.

For development: the optics renderer has one melanin, one camera, no shine and no file, which is kinder to the score
than people and telephones are. Everything that is varied is drawn from the seed, evenly over its range.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from phantom.leg.camera import SKIN_AT, Photo
from phantom.leg.mottles import smooth_noise
from phantom.leg.optics_leg import Drawn, Look, drawn
from phantom.leg.other_pigments import Bands, Pigments, colour_table
from phantom.leg.processing import Processing, colours_of, developed, noisy, raw_of
from phantom.leg.shape import Shape
from phantom.leg.skin import LEG_BLOOD, between
from phantom.leg.spec import LegSpec
from phantom.tones import MELANIN

Floats = NDArray[np.float32]

SATURATED_AT: Final = 0.85
"""Intensity at which mottled blood has its drawn saturation."""


@dataclass(frozen=True)
class Shine:
    """Light that the skin's surface returns, for 1 of white. Skin of index 1.4 returns 2.8 % of what falls straight."""

    even: float
    """Everywhere: the room is light from all around."""
    broad: float
    """More of it on a stripe along the leg that faces the lamp."""
    fine: float
    """More of it in glints of a mm on that stripe: pores and the skin's lines."""
    at: float
    """Where across the leg the stripe lies, -1 to 1."""


@dataclass(frozen=True)
class OtherCamera:
    """Everything of a photo that the optics renderer leaves at one value."""

    pigments: Pigments
    more_blood: float
    """Blood of strongly mottled skin above that of the leg, for 1 of the leg's."""
    mottled_saturation: float
    saturation: float
    """Of the blood of skin that is not mottled."""
    blood: float
    """Volume fraction in the dermis of skin that is not mottled."""
    shine: Shine
    bands: Bands
    processing: Processing


def camera_of(spec: LegSpec) -> OtherCamera:
    """Return the pigments, shine and camera of a spec, by its seed: always the same."""
    rng = np.random.default_rng([spec.seed, 79])

    def of(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    # With what its surface returns, skin looks lighter and less coloured than "optics" has it with as much melanin.
    pigments = Pigments(MELANIN[spec.tone] * of(0.7, 1.25), of(3.1, 4.0), of(0.0, 2.5))
    saturation = of(0.62, 0.8)
    more, low = of(1.6, 2.8), of(0.2, 0.6)
    shine = Shine(of(0.004, 0.02), of(0.0, 0.03), of(0.0, 0.02), of(-0.6, 0.6))
    bands = Bands(
        (of(590, 612), of(522, 542), of(450, 470)),
        (of(15, 26), of(32, 46), of(24, 36)),
        of(0.02, 0.15),
    )
    processing = Processing(
        matrix=of(0.2, 1.1),
        saturation=of(0.8, 1.2),
        denoise_px=of(0.0, 3.0),
        denoise_luma=of(0.0, 0.05),
        contrast=of(0.0, 0.4),
        lift=of(0.0, 0.2),
        sharpen=of(0.0, 0.7),
        smaller=of(0.75, 1.0),
        jpeg=int(rng.integers(60, 96)),
    )
    return OtherCamera(pigments, more, low, saturation, LEG_BLOOD * of(0.7, 1.6), shine, bands, processing)


def draw(spec: LegSpec, size: tuple[int, int]) -> Drawn:
    """Return photo (h, w, 3), shape, mottling 0 to 1 (h, w), and the skin that can be seen (h, w)."""
    camera = camera_of(spec)

    def colour(blood: Floats, saturation: Floats, melanin: Floats) -> Floats:
        def table(share: float) -> Floats:
            return colour_table(camera.pigments, share, camera.bands, spec.light_kelvin)

        return between(table, blood, saturation, melanin)

    look = Look(
        blood=lambda *given: mottled_blood(camera, *given),
        ln_rgb=colour,
        shine=lambda shape: shine_on(camera.shine, shape, np.random.default_rng([spec.seed, 80])),
        cloth=lambda srgb: raw_of(srgb, camera.bands),
        photo=lambda light, leg, given, rng: photo_by(camera, light, leg, given, rng),
    )
    return drawn(spec, size, look)


def mottled_blood(
    camera: OtherCamera, spec: LegSpec, shape: Shape, mottled: Floats, uneven: Floats
) -> tuple[Floats, Floats]:
    """Return blood fraction and saturation (h, w) of a leg; `uneven` is noise of unit spread over centimetres."""
    strength = spec.intensity * mottled
    between_meshes = (cv2.GaussianBlur(mottled, (0, 0), 12.0 / shape.mm_per_px) - mottled).clip(0.0, None)
    blood = camera.blood * (1.0 + 0.10 * uneven) * (1.0 + camera.more_blood * strength)
    blood = blood * (1.0 - 0.2 * spec.intensity * between_meshes)
    fall = (camera.saturation - camera.mottled_saturation) * np.clip(strength / SATURATED_AT, 0.0, 1.0)
    return np.asarray(blood, np.float32), np.asarray(camera.saturation + 0.02 * uneven - fall, np.float32)


def shine_on(shine: Shine, shape: Shape, rng: np.random.Generator) -> Floats:
    """Return the light that the surface returns (h, w)."""
    size, mm = shape.reach.shape, 1.0 / shape.mm_per_px
    stripe = np.exp(-(((shape.across - shine.at) / 0.3) ** 2))
    wet = np.clip(1.0 + 0.3 * smooth_noise(size, 12.0 * mm, rng), 0.0, None)
    glints = np.clip(smooth_noise(size, max(0.6 * mm, 0.7), rng) - 0.8, 0.0, None)
    return np.asarray(shine.even + stripe * (shine.broad * wet + shine.fine * glints), np.float32)


def photo_by(
    camera: OtherCamera, light: Floats, leg: NDArray[np.bool_], spec: LegSpec, rng: np.random.Generator
) -> Photo:
    """Return the photo, BGR, of linear light (h, w, 3) as the camera's R, G, B: metering as `camera.exposed` has it."""
    gains = np.exp(np.array([spec.white_balance_error, 0.0, -spec.white_balance_error]))
    metered = np.sqrt(max(float(np.median(light[..., 1])), 1e-3) * max(float(np.median(light[leg][:, 1])), 1e-3))
    scaled = np.asarray(light * gains * (spec.exposure * SKIN_AT / metered), np.float32)
    if spec.blur_px > 0:
        scaled = np.asarray(cv2.GaussianBlur(scaled, (0, 0), spec.blur_px), np.float32)
    colours = colours_of(noisy(scaled, spec.noise, rng), camera.bands, camera.processing)
    return developed(colours, camera.processing, max(spec.width_px, spec.height_px))
