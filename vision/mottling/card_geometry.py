"""What a reference card looks like, as far as a photo of it has to be understood; `calibration.card` holds ours.

Lengths in mm on the printed sheet, x to the right, y down, as in a photo. Markers are ArUco, `DICT_4X4_50`: square,
black, with six modules a side.
"""

from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]


@dataclass(frozen=True)
class Patch:
    """A square of one printed colour, with the sRGB value it was printed from."""

    centre_mm: Point
    side_mm: float
    srgb: tuple[int, int, int]

    @property
    def is_grey(self) -> bool:
        """Whether it is a step of the grey scale."""
        return len(set(self.srgb)) == 1


@dataclass(frozen=True)
class Pointer:
    """A marker to cut out, with an arrow whose tip is laid on a landmark."""

    landmark: Literal["knee", "patella", "groin"]
    tip_mm: Point
    """From the centre of its marker."""


@dataclass(frozen=True)
class CardGeometry:
    """A card and its pointers; markers by their number."""

    corners: dict[int, Point]
    """Centres of the four markers at the card's corners."""
    corner_side_mm: float
    patches: tuple[Patch, ...]
    pointers: dict[int, Pointer]
    pointer_side_mm: float
