"""Mottling as a map from 0 to 1 over a leg: a net of vessels, patches, or patches that flow together."""

import cv2
import numpy as np
from numpy.typing import NDArray

from phantom.leg.shape import Shape
from phantom.leg.spec import LegSpec
from vision.mottling.levels import COIN_RADIUS_MM

Floats = NDArray[np.float32]

ROUGH_MM: float = 5.0
"""The border of mottling goes to and fro by so much."""


def smooth_noise(shape: tuple[int, int], scale_px: float, rng: np.random.Generator) -> Floats:
    """Return noise of unit spread that changes over `scale_px`, shape (h, w); drawn small and enlarged."""
    step = max(scale_px / 4.0, 1.0)
    small = max(round(shape[0] / step), 4), max(round(shape[1] / step), 4)
    field = cv2.GaussianBlur(rng.standard_normal(small).astype(np.float32), (0, 0), scale_px / step)
    field = (field - field.mean()) / max(float(field.std()), 1e-9)
    return np.asarray(cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def net(shape: tuple[int, int], mesh_px: float, line_px: float, rng: np.random.Generator) -> Floats:
    """Return a broken net of lines, 0 to 1: the borders between cells of about `mesh_px`, bent by noise."""
    h, w = shape
    count = max(int(h * w / mesh_px**2), 8)
    seeds = np.full(shape, 255, np.uint8)
    seeds[rng.integers(0, h, count), rng.integers(0, w, count)] = 0
    _, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    bend = 0.35 * mesh_px
    bent = cv2.remap(
        labels.astype(np.float32),
        x + bend * smooth_noise(shape, 0.8 * mesh_px, rng),
        y + bend * smooth_noise(shape, 0.8 * mesh_px, rng),
        cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_REPLICATE,
    )
    border = np.zeros(shape, np.uint8)
    border[:, 1:] |= bent[:, 1:] != bent[:, :-1]
    border[1:] |= bent[1:] != bent[:-1]
    away = cv2.distanceTransform(1 - border, cv2.DIST_L2, 5)
    lines = np.exp(-((away / line_px) ** 2))
    return np.asarray(lines * np.clip(0.8 + 0.45 * smooth_noise(shape, 2.5 * mesh_px, rng), 0.15, 1.0), np.float32)


def extent(spec: LegSpec, shape: Shape) -> Floats:
    """Return where mottling may be, 0 to 1, with a border that goes to and fro."""
    size = shape.reach.shape
    rng = np.random.default_rng([spec.seed, 2])
    rough_mm = ROUGH_MM * smooth_noise(size, 18.0 / shape.mm_per_px, rng)
    across_mm = shape.across * shape.half_width_mm
    from_knee_mm = np.hypot(shape.along_mm, across_mm)
    if spec.coin_mm is not None:
        return _below(from_knee_mm + 0.2 * rough_mm, spec.coin_mm, 1.5)
    if spec.reach is None:
        return np.zeros(size, np.float32)
    top_mm = shape.reach * spec.thigh_mm + 0.6 * rough_mm
    down = _below(-shape.along_mm + 2 * rough_mm, float(rng.uniform(45, 150)), 6.0)
    # One side of a thigh mottles more than the other, and the front most.
    side = float(rng.uniform(-0.25, 0.25))
    width = _below(np.abs(shape.across - side) + 0.012 * rough_mm, float(rng.uniform(0.65, 1.1)), 0.06)
    return np.asarray(_below(top_mm, spec.reach * spec.thigh_mm - 2.0, 2.5) * down * width, np.float32)


def _below(values: Floats, limit: float, soft: float) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(np.clip((values - limit) / soft, -30, 30))), np.float32)


def mottling(spec: LegSpec, shape: Shape) -> Floats:
    """Return mottling over the picture, 0 to 1 before its intensity."""
    size = shape.reach.shape
    rng = np.random.default_rng([spec.seed, 3])
    where = extent(spec, shape)
    mm = 1.0 / shape.mm_per_px
    if spec.coin_mm is not None:
        grain = np.clip(0.85 + 0.2 * smooth_noise(size, 5.0 * mm, rng), 0.5, 1.0)
        return np.asarray(where * grain, np.float32)
    mesh_mm = float(rng.uniform(13, 22))
    lines = net(size, mesh_mm * mm, float(rng.uniform(2.4, 4.0)) * mm, rng)
    if spec.pattern == "reticular":
        drawn = lines
    else:
        patches = smooth_noise(size, float(rng.uniform(7, 12)) * mm, rng)
        level = 0.25 if spec.pattern == "patchy" else -0.45
        drawn = np.maximum(1.0 / (1.0 + np.exp(-5.0 * (patches - level))), 0.55 * lines)
    return np.asarray(where * np.clip(drawn, 0.0, 1.0), np.float32)


def coin_radius_mm(rng: np.random.Generator) -> float:
    """Return the radius of a coin-sized patch, mm: well within what the score calls a coin."""
    return float(rng.uniform(0.55, 0.85) * COIN_RADIUS_MM)
