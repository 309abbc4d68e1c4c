"""Where things lie in the field: the round blanched area, differing from seed to seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom.spec import PressSpec
from phantom.streams import stream

Floats = NDArray[np.float64]

AREA_SHARE = 0.25  # of the field
SOFT_EDGE = 0.18  # of the radius, from wholly blanched to untouched


@dataclass(frozen=True)
class BlanchedArea:
    """A disc with a soft edge; px of the picture at rest."""

    x_px: float
    y_px: float
    radius_px: float

    def depth(self, x_px: Floats, y_px: Floats) -> Floats:
        """1 where the press acts wholly, 0 where not at all; any shapes that broadcast."""
        distance = np.hypot(x_px - self.x_px, y_px - self.y_px) / self.radius_px
        inwards = np.clip((1.0 + 0.5 * SOFT_EDGE - distance) / SOFT_EDGE, 0.0, 1.0)
        return np.asarray(inwards**2 * (3.0 - 2.0 * inwards))


def blanched_area(spec: PressSpec) -> BlanchedArea:
    """The place and size that this seed gives: a quarter of the field by 15 % either way, near the middle."""
    chance = stream(spec.seed, "geometry")
    share = AREA_SHARE * chance.uniform(0.85, 1.15)
    radius = float(np.sqrt(share * spec.width_px * spec.height_px / np.pi))
    spare = 0.5 * min(spec.width_px, spec.height_px) - radius
    dx, dy = chance.uniform(-0.5, 0.5, 2) * max(spare, 0.0)
    return BlanchedArea(0.5 * (spec.width_px - 1) + float(dx), 0.5 * (spec.height_px - 1) + float(dy), radius)
