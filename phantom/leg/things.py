"""What else is on or around a leg: freckles, scars, bruises, hair, veins, tubes, gowns, sheets."""

import cv2
import numpy as np
from numpy.typing import NDArray

from phantom.leg.mottles import smooth_noise
from phantom.leg.shape import Shape
from phantom.leg.spec import SHEETS, LegSpec

Floats = NDArray[np.float32]


def freckles(shape: Shape, rng: np.random.Generator) -> Floats:
    """Return more melanin in spots of 1 to 4 mm, as a share (h, w)."""
    size = shape.reach.shape
    spots = np.zeros(size, np.float32)
    for _ in range(int(rng.integers(40, 160))):
        x, y = int(rng.integers(0, size[1])), int(rng.integers(0, size[0]))
        radius = float(rng.uniform(0.7, 2.2)) / shape.mm_per_px
        cv2.circle(spots, (x, y), max(round(radius), 1), float(rng.uniform(0.4, 1.4)), -1)
    return np.asarray(cv2.GaussianBlur(spots, (0, 0), 0.6 / shape.mm_per_px), np.float32)


def step(values: Floats, limit: float, soft: float) -> Floats:
    """Return 1 below a limit and 0 above it, with a border as wide as `soft`."""
    return np.asarray(1.0 / (1.0 + np.exp(np.clip((values - limit) / soft, -30, 30))), np.float32)


def line_over(shape: Shape, rng: np.random.Generator, width_mm: float, wander_mm: float) -> Floats:
    """Return a line along the leg that wanders, 0 to 1 (h, w)."""
    across_mm = shape.across * shape.half_width_mm
    phase = shape.along_mm / float(rng.uniform(25, 60)) + float(rng.uniform(0, 6))
    course = float(rng.uniform(-25, 25)) + wander_mm * np.sin(phase)
    return np.exp(-(((across_mm - course) / width_mm) ** 2)).astype(np.float32)


def scar(shape: Shape, rng: np.random.Generator) -> Floats:
    """Return the scar of a knee operation, 0 to 1: a line over the kneecap, 120 mm long."""
    inside = step(np.abs(shape.along_mm - 10), 60.0, 3.0)
    return np.asarray(line_over(shape, rng, 2.2, 2.0) * inside, np.float32)


def blob(shape: Shape, rng: np.random.Generator, radius_mm: tuple[float, float], near_knee: bool = False) -> Floats:
    """Return a round blob with a soft, uneven border somewhere on the leg, 0 to 1."""
    along = float(rng.uniform(-60, 40) if near_knee else rng.uniform(40, 260))
    aside = float(rng.uniform(-0.5, 0.5))
    radius = float(rng.uniform(*radius_mm))
    away = np.hypot(shape.along_mm - along, (shape.across - aside) * shape.half_width_mm)
    rough = 0.25 * radius * smooth_noise(shape.reach.shape, radius / shape.mm_per_px, rng)
    return step(np.asarray(away + rough, np.float32), radius, 0.18 * radius)


def hair(shape: Shape, rng: np.random.Generator) -> Floats:
    """Return hairs, 0 to 1: short dark curved lines all over the leg."""
    size = shape.reach.shape
    drawn = np.zeros(size, np.float32)
    ys, xs = np.nonzero(shape.leg)
    for place in rng.integers(0, len(xs), int(rng.integers(250, 900))):
        length = float(rng.uniform(5, 14)) / shape.mm_per_px
        angle, bow = float(rng.normal(0.6, 0.5)), float(rng.normal(0, 0.4))
        steps = np.linspace(0, 1, 5)
        turn = angle + bow * steps
        points = np.stack(
            [xs[place] + length * steps * np.cos(turn), ys[place] + length * steps * np.sin(turn)], axis=1
        )
        cv2.polylines(drawn, [np.round(points).astype(np.int32)], False, float(rng.uniform(0.25, 0.7)), 1, cv2.LINE_AA)
    return drawn


def over_leg(light: Floats, spec: LegSpec, shape: Shape, rng: np.random.Generator) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the reflectance (h, w, 3) with what lies on the leg, and the skin that is hidden by it (h, w)."""
    hidden = np.zeros(shape.reach.shape, bool)
    across_mm = shape.across * shape.half_width_mm
    if "tube" in spec.distractors:
        at, slant = float(rng.uniform(90, 200)), float(rng.uniform(-0.5, 0.5))
        away = np.abs(shape.along_mm - at + slant * across_mm)
        light = _laid(light, away < 3.5, np.array([0.55, 0.58, 0.60]) * (1 - 0.4 * (away / 3.5)[..., None] ** 2))
        hidden |= away < 3.5
    if "electrode" in spec.distractors:
        at = float(rng.uniform(120, 220))
        away = np.hypot(shape.along_mm - at, across_mm - float(rng.uniform(-25, 25)))
        light = _laid(light, away < 20, np.full((*away.shape, 3), 0.75))
        light = _laid(light, away < 6, np.full((*away.shape, 3), 0.3))
        hidden |= away < 20
    if "plaster" in spec.distractors:
        at = float(rng.uniform(70, 200))
        inside = (np.abs(shape.along_mm - at) < 11) & (np.abs(across_mm - float(rng.uniform(-20, 20))) < 32)
        light = _laid(light, inside, np.broadcast_to(np.array([0.60, 0.42, 0.30]), (*inside.shape, 3)))
        hidden |= inside
    return light, hidden


def _laid(light: Floats, where: NDArray[np.bool_], what: NDArray[np.floating]) -> Floats:
    soft = cv2.GaussianBlur(where.astype(np.float32), (0, 0), 1.0)[..., None]
    return np.asarray(light * (1 - soft) + what * soft, np.float32)


def cloth(name: str, size: tuple[int, int], fold_px: float, rng: np.random.Generator) -> Floats:
    """Return cloth with folds, linear (h, w, 3)."""
    folds = 0.10 * smooth_noise(size, fold_px, rng) + 0.05 * smooth_noise(size, 0.25 * fold_px, rng)
    return np.asarray(np.array(SHEETS[name]) * (1.0 + folds)[..., None].clip(0.5, 1.4), np.float32)


def covered(spec: LegSpec, shape: Shape, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return what a gown covers: everything from its hem up, leg or not."""
    if spec.covered_from is None:
        return np.zeros(shape.reach.shape, bool)
    hem = 0.02 * np.sin(shape.across * 2.5 + rng.uniform(0, 6)) + 0.008 * smooth_noise(shape.reach.shape, 60.0, rng)
    return np.asarray(shape.reach + hem > spec.covered_from)
