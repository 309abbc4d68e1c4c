"""Where a simulated leg lies in its picture: outline, coordinates along and across it, and the landmarks.

Leg coordinates are in mm: `along` from the centre of the knee, positive towards the groin, negative down the shin;
`across` to the left of it. Both bend with the knee.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom.leg.spec import LegSpec
from vision.mottling.levels import KNEE_TO_PATELLA_MM

Floats = NDArray[np.float32]
Point = tuple[float, float]

VISIBLE_TO: dict[str, float] = {"whole": 1.35, "to_groin": 1.02, "no_groin": 0.72, "half_thigh": 0.36}
"""Reach at which the picture ends."""


@dataclass(frozen=True)
class Shape:
    """Coordinates (h, w) of every pixel, and the pictures' own of the landmarks."""

    along_mm: Floats
    across: Floats
    """From -1 to 1 over the leg's width; beyond it is no leg."""
    half_width_mm: Floats
    reach: Floats
    mm_per_px: float
    knee: Point
    patella: Point
    groin: Point

    @property
    def leg(self) -> NDArray[np.bool_]:
        """The leg's pixels."""
        return np.abs(self.across) < 1.0


def half_width_mm(along_mm: Floats, spec: LegSpec) -> Floats:
    """Half of the leg's width along it, mm: ankle, calf, knee, thigh, hip."""
    patella = KNEE_TO_PATELLA_MM
    stations = np.array([-420, -360, -250, -130, -60, 0, 40, 0.5 * spec.thigh_mm, 0.95 * spec.thigh_mm + patella])
    widths = np.array([34, 36, 52, 60, 54, 57, 60, 76, 92], dtype=np.float64)
    groin = spec.thigh_mm + patella
    stations = np.concatenate([stations, [groin + 40, groin + 120, groin + 400]])
    widths = np.concatenate([widths, [112, 150, 165]])
    fine = np.arange(-460.0, groin + 440.0, 4.0)
    # Nothing on a leg has a corner.
    smooth = np.convolve(
        np.pad(np.interp(fine, stations, widths), 12, mode="edge"), np.hanning(27)[1:-1] / 13.0, "valid"
    )
    return np.asarray(spec.girth * np.interp(along_mm, fine, smooth), dtype=np.float32)


def place(spec: LegSpec, size: tuple[int, int]) -> Shape:
    """Return the shape for a picture of `size` (width, height); the longer side of the leg's view fills it."""
    width, height = size
    rng = np.random.default_rng([spec.seed, 1])
    groin_mm = spec.thigh_mm + KNEE_TO_PATELLA_MM
    top_mm = KNEE_TO_PATELLA_MM + VISIBLE_TO[spec.view] * spec.thigh_mm
    down_mm = float(rng.uniform(120, 260))
    mm_per_px = (top_mm + down_mm) / width
    # The knee lies so that `top_mm` is at the right edge before the picture is turned.
    knee_x = down_mm / mm_per_px
    knee_y = height * float(rng.uniform(0.42, 0.58)) + spec.aside_mm / mm_per_px
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    dx, dy = (x - knee_x) * mm_per_px, (y - knee_y) * mm_per_px
    turn, bend = np.radians(spec.turn_deg), np.radians(spec.bend_deg)
    thigh = (np.cos(turn), np.sin(turn))
    shin = (np.cos(turn + bend), np.sin(turn + bend))
    up, out = dx * thigh[0] + dy * thigh[1], -dx * thigh[1] + dy * thigh[0]
    down, aside = dx * shin[0] + dy * shin[1], -dx * shin[1] + dy * shin[0]
    on_thigh = up + down > 0
    along = np.where(on_thigh, up, down).astype(np.float32)
    half = half_width_mm(along, spec)
    across = np.where(on_thigh, out, aside) / half
    wobble = 1.0 + 0.02 * np.sin(along / 55.0 + rng.uniform(0, 6))
    along_point = KNEE_TO_PATELLA_MM / mm_per_px, groin_mm / mm_per_px

    def on_axis(distance_px: float) -> Point:
        return knee_x + distance_px * thigh[0], knee_y + distance_px * thigh[1]

    reach = (up - KNEE_TO_PATELLA_MM) / spec.thigh_mm
    return Shape(
        along,
        np.asarray(across / wobble, dtype=np.float32),
        half,
        np.asarray(reach, dtype=np.float32),
        mm_per_px,
        (knee_x, knee_y),
        on_axis(along_point[0]),
        on_axis(along_point[1]),
    )
