"""Renderer "painter": a leg painted from colours as they are published for skin, in CIELAB, without any optics.

All but the outline is made another way than in `optics_leg`: skin and mottling are colours, not spectra; mottling is a
band-passed field whose ridges are followed, not the borders of cells; light falls on a bump map; noise is the blotchy
kind that cameras leave after cleaning. Its photos are held out: nothing may be tuned on them.

Skin: medians of L*, a*, b* by class of Del Bino and Bernerd (Br J Dermatol 2013;169:33), forearm, rounded. Mottling:
violaceous, some 4 to 14 units darker, a little redder, less yellow; no measured colours of mottling were found.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from phantom.leg import things
from phantom.leg.camera import Photo
from phantom.leg.mottles import extent, smooth_noise
from phantom.leg.shape import Shape, place
from phantom.leg.spec import LegSpec

Floats = NDArray[np.float32]

SKIN_LAB: dict[str, tuple[float, float, float]] = {
    "I": (72.0, 7.5, 13.0),
    "II": (69.0, 8.5, 15.5),
    "III": (64.0, 9.5, 18.0),
    "IV": (56.0, 11.0, 19.5),
    "V": (44.0, 12.0, 18.0),
    "VI": (33.0, 10.0, 12.0),
}
MOTTLE_LAB: tuple[float, float, float] = (-13.0, 3.0, -7.0)
"""Of mottled skin against its own, at full strength and middling tone; darker skin moves less."""


def draw(spec: LegSpec, size: tuple[int, int]) -> tuple[Photo, Shape, Floats, NDArray[np.bool_]]:
    """Return photo (h, w, 3), shape, mottling 0 to 1 (h, w), and the skin that can be seen (h, w)."""
    shape = place(spec, size)
    rng = np.random.default_rng([spec.seed, 15])
    mottled = _mottling(spec, shape, rng)
    lab = _skin(spec, shape, mottled, rng)
    light = _linear(lab) * _bumps(shape, rng)[..., None]
    light, hidden = things.over_leg(light, spec, shape, rng)
    h, w = shape.reach.shape
    weave = 1.0 + 0.03 * rng.standard_normal((h, w)).astype(np.float32)
    sheet = things.cloth(spec.sheet, (h, w), 40.0, rng) * weave[..., None]
    under = cv2.GaussianBlur(np.roll(shape.leg, (9, 5), (0, 1)).astype(np.float32), (0, 0), 9.0)[..., None]
    sheet = sheet * (1.0 - 0.45 * under)
    edge = cv2.GaussianBlur(shape.leg.astype(np.float32), (0, 0), 1.2)[..., None]
    scene = light * edge + sheet * (1 - edge)
    gown = things.covered(spec, shape, rng)
    scene = np.where(gown[..., None], things.cloth(spec.gown, (h, w), 35.0, rng), scene)
    return (
        _photographed(np.asarray(scene, np.float32), shape.leg, spec, rng),
        shape,
        mottled,
        shape.leg & ~gown & ~hidden,
    )


def _mottling(spec: LegSpec, shape: Shape, rng: np.random.Generator) -> Floats:
    """Ridges of a band-passed field, 0 to 1: the loops of livedo, or patches where the field is high."""
    size = shape.reach.shape
    where = extent(spec, shape)
    if spec.coin_mm is not None:
        return where
    mm = 1.0 / shape.mm_per_px
    period = float(rng.uniform(9.0, 15.0)) * mm
    field = smooth_noise(size, 0.35 * period, rng) - smooth_noise(size, 0.8 * period, rng)
    band = cv2.GaussianBlur(field, (0, 0), 0.3 * period) - cv2.GaussianBlur(field, (0, 0), 0.6 * period)
    band = band / max(float(band.std()), 1e-9)
    if spec.pattern == "reticular":
        drawn = np.exp(-((np.abs(band) / 0.42) ** 2))
    elif spec.pattern == "patchy":
        drawn = 1 / (1 + np.exp(np.clip(-6.0 * (band - 0.5), -30, 30)))
    else:
        drawn = 0.45 + 0.55 / (1 + np.exp(np.clip(-4.0 * band, -30, 30)))
    drawn = drawn * np.clip(1.0 + 0.25 * smooth_noise(size, 4 * period, rng), 0.4, 1.2)
    return np.asarray(where * np.clip(drawn, 0.0, 1.0), np.float32)


def _skin(spec: LegSpec, shape: Shape, mottled: Floats, rng: np.random.Generator) -> Floats:
    size = shape.reach.shape
    mm = 1.0 / shape.mm_per_px
    own = np.array(SKIN_LAB[spec.tone], np.float32)
    lab = np.broadcast_to(own, (*size, 3)).copy()
    lab += smooth_noise(size, 35.0 * mm, rng)[..., None] * np.array([1.2, 0.8, 0.5], np.float32)
    lab += smooth_noise(size, 2.0 * mm, rng)[..., None] * np.array([0.5, 0.35, 0.2], np.float32)
    depth = float(np.clip(own[0] / 62.0, 0.45, 1.1))
    lab += (spec.intensity * depth * mottled)[..., None] * np.array(MOTTLE_LAB, np.float32)
    have = spec.distractors
    if "freckles" in have:
        lab += things.freckles(shape, rng)[..., None] * np.array([-6.0, 2.0, 4.0], np.float32)
    if "tan_line" in have:
        step = things.step(shape.along_mm, float(rng.uniform(60, 160)), 3.0)
        lab += step[..., None] * np.array([-5.0, 1.0, 3.0], np.float32)
    if "red_knee" in have:
        red = np.exp(-((np.hypot(shape.along_mm, shape.across * shape.half_width_mm) / 50.0) ** 2))
        lab += red[..., None] * np.array([-3.0, 7.0, 1.0], np.float32)
    if "veins" in have:
        vein = things.line_over(shape, rng, 3.0, 12.0)
        lab += vein[..., None] * np.array([-2.5, -2.0, -3.0], np.float32)
    if "scar" in have:
        lab += things.scar(shape, rng)[..., None] * np.array([6.0, 3.0, -4.0], np.float32)
    if "bruise" in have:
        bruise = things.blob(shape, rng, (9, 20))
        lab += bruise[..., None] * np.array([-12.0, -1.0, float(rng.uniform(-6, 6))], np.float32) * depth
    if "tattoo" in have:
        ink = things.blob(shape, rng, (10, 16)) * (smooth_noise(size, 2.5 * mm, rng) > 0.2)
        lab += ink[..., None] * np.array([-30.0, -8.0, -18.0], np.float32) * depth
    if "hair" in have:
        lab[..., 0] -= 22.0 * depth * things.hair(shape, rng)
    return lab


def _linear(lab: Floats) -> Floats:
    """Return linear R, G, B (h, w, 3) of CIELAB under D65."""
    rgb = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_Lab2LRGB)
    return np.asarray(np.clip(rgb, 1e-3, 1.0), np.float32)


def _bumps(shape: Shape, rng: np.random.Generator) -> Floats:
    """Light on the leg's relief (h, w): round, with a kneecap, muscles and creases."""
    h, w = shape.reach.shape
    height = np.sqrt(np.clip(1 - shape.across**2, 0, 1)) * shape.half_width_mm
    knee = np.exp(-((shape.along_mm / 30.0) ** 2) - ((shape.across * shape.half_width_mm / 26.0) ** 2))
    height = height + 6.0 * knee + 1.2 * smooth_noise((h, w), 45.0 / shape.mm_per_px, rng)
    smooth = cv2.GaussianBlur(np.asarray(height, np.float32), (0, 0), 2.5)
    gy, gx = np.gradient(smooth / shape.mm_per_px)
    angle = float(rng.uniform(0, 2 * np.pi))
    lamp = np.array([0.5 * np.cos(angle), 0.5 * np.sin(angle), 1.0])
    lamp /= np.linalg.norm(lamp)
    facing = (-gx * lamp[0] - gy * lamp[1] + lamp[2]) / np.sqrt(gx**2 + gy**2 + 1)
    return np.asarray(0.5 + 0.5 * np.clip(facing, 0, 1), np.float32)


def _photographed(scene: Floats, leg: NDArray[np.bool_], spec: LegSpec, rng: np.random.Generator) -> Photo:
    """Return the photo, BGR: lamp from one side, tint, blur, blotchy noise, and the contrast that phones add."""
    h, w = leg.shape
    x, y = np.meshgrid(np.linspace(-1, 1, w, dtype=np.float32), np.linspace(-1, 1, h, dtype=np.float32))
    angle = float(rng.uniform(0, 2 * np.pi))
    fall = 1 / (1 + spec.gradient * (1 + x * np.cos(angle) + y * np.sin(angle)))
    if spec.shadow > 0:
        line = x * np.sin(angle) - y * np.cos(angle) - float(rng.uniform(-0.4, 0.4))
        fall = fall * (1 - spec.shadow / (1 + np.exp(np.clip(-line / float(rng.uniform(0.01, 0.1)), -30, 30))))
    warm = (spec.light_kelvin - 4500.0) / 4500.0 * 0.12 + spec.white_balance_error
    tint = np.exp(np.array([-0.5 * warm, 0.0, 0.7 * warm], np.float32))
    lit = scene * fall[..., None] * tint
    lit = lit * (spec.exposure * 0.33 / np.sqrt(float(np.median(lit[..., 1])) * float(np.median(lit[leg][:, 1]))))
    if spec.blur_px > 0:
        lit = cv2.GaussianBlur(lit.astype(np.float32), (0, 0), spec.blur_px)
    blotches = cv2.GaussianBlur(rng.standard_normal((h, w, 3)).astype(np.float32), (0, 0), 1.3) * 3.0
    lit = np.clip(lit + spec.noise * blotches * np.sqrt(np.clip(lit, 0.02, None)), 0, 1)
    encoded = np.where(lit <= 0.0031308, 12.92 * lit, 1.055 * np.power(lit, 1 / 2.4) - 0.055)
    curved = encoded + 0.06 * np.sin(2 * np.pi * (encoded - 0.5)) / (2 * np.pi) * 2
    return np.ascontiguousarray(np.rint(255 * np.clip(curved, 0, 1))[..., ::-1].astype(np.uint8))
