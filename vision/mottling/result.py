"""What a mottling assessment comes to."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision.mottling.levels import Landmarks, ZoneName
from vision.mottling.reasons import Reason

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class MottlingMap:
    """What was found, on a grid of its own: a photo of twelve megapixels is looked at smaller.

    Pixel (i, j) of the grid covers the photo around x = (j + 0.5) * px - 0.5, y = (i + 0.5) * px - 0.5.
    """

    px: float
    """Photo pixels for one of the grid."""
    skin: Mask
    """Skin of this leg that can be judged, shape (h, w)."""
    mottled: Mask
    """Skin that counts as mottled, shape (h, w): within `skin`."""
    strength: Floats
    """How much more deoxygenated blood than in the leg's own unmottled skin, in units of its spread; 0 outside."""


@dataclass(frozen=True)
class Assessment:
    """A score, or why there is none. `score` is None exactly where `reason` stands."""

    reason: Reason | None = None
    score: int | None = None
    """0 to 5, never above `max_supported`."""
    max_supported: int | None = None
    """The highest score that could be told on this photo: what is covered or out of the picture cannot be scored.

    Never above what is in view; one lower where skin ends within 7 % of the thigh beyond a level."""
    at_least: bool = False
    """Mottling goes on to the end of what can be seen: the true score may be higher."""
    confidence: float | None = None
    """Probability, 0 to 1, that a perfect reader of the same photo would give this score."""
    zones: dict[ZoneName, float | None] = field(default_factory=dict)
    """Share of the visible skin of each zone that is mottled, 0 to 1; None where none of it can be seen."""
    mottled_area_cm2: float | None = None
    """None where no scale is known: that of the landmarks alone is too rough for an area."""
    landmarks: Landmarks | None = None
    map: MottlingMap | None = None

    @property
    def status(self) -> Literal["measured", "not_measurable"]:
        """How it ended, in the contract's word."""
        return "measured" if self.reason is None else "not_measurable"
