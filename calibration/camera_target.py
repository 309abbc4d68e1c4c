"""The printed targets for the plate: where everything lies, in mm from the middle of the window, x right, y down.

All of it fits into the round plate of 12.36 mm (docs/hardware.md); the phantom draws from here, the sheet is printed
from here, and the steps look for what stands here.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from calibration.card import COLOURS, Colour
from vision.mottling.card_geometry import Point

TARGET_VERSION: Final = "1"
"""Printed on the sheet. Another number whenever a position or a colour changes."""
TILE_MM: Final = 30.0

CHART_PITCH_MM: Final = 1.4
CHART_PATCH_MM: Final = 1.2
CHART_RIM_MM: Final = 0.4
CHART_INK: Final[Colour] = (0, 0, 0)

GREYS: Final[tuple[Colour, ...]] = COLOURS[0]
GREY_STEP_MM: Final = 1.5

DOT_PITCH_MM: Final = 1.8
DOT_RADIUS_MM: Final = 0.35
PAD_PITCH_MM: Final = 1.5
BLOCK_SIDE_MM: Final = 2.8
BLOCK_TURN_DEG: Final = 10.0
"""The slant of the block's edges: ISO 12233 has about 5 degrees; twice that stays slanted when laid a little askew."""
PRINTED_WITHIN: Final = 0.003
"""Largest relative error of a length on a sheet whose control line was measured as 100 mm."""


@dataclass(frozen=True)
class Square:
    """A patch, its sides along x and y."""

    centre_mm: Point
    side_mm: float
    srgb: Colour


def chart_patches() -> tuple[Square, ...]:
    """Return the chart's 24 patches row by row: the reference card's colours, smaller."""
    rows, columns = len(COLOURS), len(COLOURS[0])
    return tuple(
        Square(
            ((column - 0.5 * (columns - 1)) * CHART_PITCH_MM, (row - 0.5 * (rows - 1)) * CHART_PITCH_MM),
            CHART_PATCH_MM,
            colour,
        )
        for row, colours in enumerate(COLOURS)
        for column, colour in enumerate(colours)
    )


def chart_size_mm() -> tuple[float, float]:
    """Return width and height of the black field that the patches stand in."""
    rows, columns = len(COLOURS), len(COLOURS[0])
    return columns * CHART_PITCH_MM + 2 * CHART_RIM_MM, rows * CHART_PITCH_MM + 2 * CHART_RIM_MM


def grey_steps() -> tuple[Square, ...]:
    """Return the grey steps in a row, light to dark."""
    middle = 0.5 * (len(GREYS) - 1)
    return tuple(
        Square(((number - middle) * GREY_STEP_MM, 0.0), GREY_STEP_MM, colour) for number, colour in enumerate(GREYS)
    )


def dots() -> NDArray[np.float64]:
    """Return the scale card's dots, shape (15, 2): the rim of a grid of 5 x 5, its upper left corner left out."""
    steps = DOT_PITCH_MM * np.arange(-2.0, 2.5)
    limit = 2 * DOT_PITCH_MM
    rim = [(x, y) for y in steps for x in steps if max(abs(x), abs(y)) == limit and (x, y) != (-limit, -limit)]
    return np.array(rim)


def pad_dots() -> NDArray[np.float64]:
    """Return the dots of the soft pad, shape (25, 2): a grid of 5 x 5. Only that they move together matters."""
    steps = PAD_PITCH_MM * np.arange(-2.0, 2.5)
    return np.array([(x, y) for y in steps for x in steps])


def block() -> NDArray[np.float64]:
    """Return the corners of the scale card's slanted black square, shape (4, 2), clockwise on the picture."""
    turn = np.deg2rad(BLOCK_TURN_DEG)
    corners = 0.5 * BLOCK_SIDE_MM * np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
    return corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])


def linear(colour: Colour) -> NDArray[np.float64]:
    """Return the linear light of an sRGB colour, shape (3,): R, G, B from 0 to 1 (IEC 61966-2-1)."""
    from vision.tone import srgb_to_linear

    return np.asarray(srgb_to_linear(np.array(colour, dtype=float)))
