"""Where on a photo the levels of the score lie: three landmarks, the leg's axis, and what each score reaches.

Points are (x, y) in pixels of the photo, x to the right, y down, (0, 0) the centre of its first pixel. The position of
a point along the leg, `reach`, is its projection on the thigh's axis: 0 at the upper edge of the kneecap, 0.5 in the
middle of the thigh, 1 at the fold of the groin. What lies towards the foot is below 0.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Point = tuple[float, float]

COIN_RADIUS_MM: Final = 15.0
"""Mottling that stays within this of the centre of the knee is coin-sized: score 1. A two-euro coin has 12.9 mm; the
rest is for a landmark that was tapped with a glove."""
KNEE_TO_PATELLA_MM: Final = 25.0
"""Centre of the knee to the upper edge of the kneecap where no scale is known: half of a kneecap of about 45 mm and the
soft tissue over its edge."""
MIDDLE: Final = 0.5
"""Reach of the middle of the thigh."""

ZoneName = Literal["knee_centre", "knee", "lower_thigh", "upper_thigh", "beyond_groin"]
ZONES: Final[tuple[ZoneName, ...]] = ("knee_centre", "knee", "lower_thigh", "upper_thigh", "beyond_groin")
"""In order of the score that mottling in them stands for, 1 to 5. `knee` is all skin below the upper edge of the
kneecap, towards the foot, but for the coin."""


@dataclass(frozen=True)
class Landmarks:
    """Centre of the knee, upper edge of the kneecap, fold of the groin; the last may be missing."""

    knee: Point
    patella: Point
    groin: Point | None = None

    @property
    def thigh_axis(self) -> Array:
        """Unit vector towards the groin, shape (2,); from knee to kneecap edge where no groin is given.

        Raises `ValueError` where the two points are one.
        """
        along = np.subtract(self.patella, self.knee) if self.groin is None else np.subtract(self.groin, self.patella)
        length = float(np.hypot(*along))
        if length == 0.0:
            raise ValueError("two landmarks are the same point")
        return np.asarray(along / length, dtype=np.float64)

    @property
    def thigh_px(self) -> float | None:
        """Kneecap edge to groin, pixels; None without a groin."""
        return None if self.groin is None else float(np.hypot(*np.subtract(self.groin, self.patella)))

    def mm_per_px(self) -> float:
        """Return the scale that the landmarks themselves suggest, for where no better one is known."""
        return KNEE_TO_PATELLA_MM / float(np.hypot(*np.subtract(self.patella, self.knee)))

    def along_px(self, x: Array, y: Array) -> Array:
        """Return how far points (any equal shape) lie beyond the upper edge of the kneecap along the axis, pixels."""
        axis = self.thigh_axis
        return np.asarray((x - self.patella[0]) * axis[0] + (y - self.patella[1]) * axis[1])
