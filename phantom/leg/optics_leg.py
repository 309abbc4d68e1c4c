"""Renderer "optics": a leg whose skin has the spectrum that melanin, blood and saturation give it."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from phantom.leg import things
from phantom.leg.camera import Photo, exposed, fall_of_light, roundness
from phantom.leg.mottles import mottling, smooth_noise
from phantom.leg.shape import Shape, place
from phantom.leg.skin import leg_blood, ln_rgb
from phantom.leg.spec import LegSpec

Floats = NDArray[np.float32]
Drawn = tuple[Photo, Shape, Floats, NDArray[np.bool_]]


@dataclass(frozen=True)
class Look:
    """What of a leg is left to its skin's pigments and to the camera; all arrays (h, w) or (h, w, 3)."""

    blood: Callable[[LegSpec, Shape, Floats, Floats], tuple[Floats, Floats]]
    """Blood fraction and saturation of spec, shape, mottling and unevenness."""
    ln_rgb: Callable[[Floats, Floats, Floats], Floats]
    """ln of linear R, G, B of blood, saturation and melanin as a share of the leg's own."""
    shine: Callable[[Shape], Floats] | None
    """Light that the surface returns, which has not been in the skin, for 1 of white; None: there is none."""
    cloth: Callable[[Floats], Floats] | None
    """Linear R, G, B of cloth as this camera sees it; None: as it is."""
    photo: Callable[[Floats, NDArray[np.bool_], LegSpec, np.random.Generator], Photo]
    """The photo of linear light and the leg's pixels."""


def draw(spec: LegSpec, size: tuple[int, int]) -> Drawn:
    """Return photo (h, w, 3), shape, mottling 0 to 1 (h, w), and the skin that can be seen (h, w)."""

    def colour(blood: Floats, saturation: Floats, melanin: Floats) -> Floats:
        return ln_rgb(blood, saturation, melanin, spec.tone, spec.light_kelvin)

    return drawn(spec, size, Look(leg_blood, colour, None, None, exposed))


def drawn(spec: LegSpec, size: tuple[int, int], look: Look) -> Drawn:
    """Return what `draw` does, with skin and camera of another look."""
    shape = place(spec, size)
    rng = np.random.default_rng([spec.seed, 5])
    mottled = mottling(spec, shape)
    light = _skin(spec, shape, mottled, rng, look)
    light, hidden = things.over_leg(light, spec, shape, rng)
    light = light * roundness(shape, rng)[..., None]
    if look.shine is not None:
        light = light + look.shine(shape)[..., None]
    sheet = _seen(things.cloth(spec.sheet, shape.reach.shape, 90.0, rng), look) * _contact_shadow(shape)
    leg = cv2.GaussianBlur(shape.leg.astype(np.float32), (0, 0), 0.8)[..., None]
    scene = light * leg + sheet * (1 - leg)
    gown = things.covered(spec, shape, rng)
    scene = np.where(gown[..., None], _seen(things.cloth(spec.gown, shape.reach.shape, 60.0, rng), look), scene)
    scene = scene * fall_of_light(spec, shape, rng)[..., None]
    photo = look.photo(np.asarray(scene, np.float32), shape.leg, spec, rng)
    return photo, shape, mottled, shape.leg & ~gown & ~hidden


def _seen(cloth: Floats, look: Look) -> Floats:
    return cloth if look.cloth is None else look.cloth(cloth)


def _skin(spec: LegSpec, shape: Shape, mottled: Floats, rng: np.random.Generator, look: Look) -> Floats:
    """Return the skin's linear R, G, B (h, w, 3), as it would be on a flat surface."""
    size = shape.reach.shape
    uneven = smooth_noise(size, 30.0 / shape.mm_per_px, rng)
    blood, saturation = look.blood(spec, shape, mottled, uneven)
    melanin = (
        1.0
        + 0.06 * smooth_noise(size, 50.0 / shape.mm_per_px, rng)
        + 0.03 * smooth_noise(size, 6.0 / shape.mm_per_px, rng)
    )
    paler = np.zeros(size, np.float32)
    have = spec.distractors
    if "freckles" in have:
        melanin = melanin + things.freckles(shape, rng)
    if "tan_line" in have:
        melanin = melanin + 0.35 * things.step(shape.along_mm, float(rng.uniform(60, 160)), 4.0)
    if "red_knee" in have:
        red = np.exp(-((np.hypot(shape.along_mm, shape.across * shape.half_width_mm) / 55.0) ** 2)).astype(np.float32)
        blood, saturation = blood * (1 + 0.8 * red), saturation + 0.15 * red
    if "veins" in have:
        vein: Floats = np.maximum(things.line_over(shape, rng, 3.0, 14.0), things.line_over(shape, rng, 2.5, 10.0))
        blood, saturation = blood * (1 + 0.25 * vein), saturation - 0.15 * vein
    if "scar" in have:
        line = things.scar(shape, rng)
        paler = paler + 0.20 * line
        blood = blood * (1 - 0.4 * line)
    bruise = things.blob(shape, rng, (9, 20)) if "bruise" in have else np.zeros(size, np.float32)
    blood, saturation = blood * (1 + 2.0 * bruise), saturation - 0.25 * bruise
    ln = look.ln_rgb(*(np.asarray(part, np.float32) for part in (blood, saturation, melanin)))
    # Bilirubin and methaemoglobin of an older bruise take blue and a little green.
    ln = ln + bruise[..., None] * np.array([-0.02, -0.06, -0.30], np.float32) + paler[..., None]
    if "tattoo" in have:
        ink = things.blob(shape, rng, (10, 16)) * (smooth_noise(size, 2.5 / shape.mm_per_px, rng) > 0.2)
        ln = ln - ink[..., None] * np.array([1.3, 1.1, 0.9], np.float32)
    if "hair" in have:
        ln = ln - 1.2 * things.hair(shape, rng)[..., None]
    return np.asarray(np.exp(ln), np.float32)


def _contact_shadow(shape: Shape) -> Floats:
    """A leg darkens what it lies on."""
    near = cv2.GaussianBlur(shape.leg.astype(np.float32), (0, 0), 18.0 / shape.mm_per_px)
    return np.asarray(1.0 - 0.55 * near[..., None], np.float32)
