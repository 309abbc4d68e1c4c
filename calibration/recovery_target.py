"""The check target that recovers: what a screen under the plate shows over time, so that its refill time is known.

A sequence is one flash, then each curve of `CURVES_S`: refilled colour, blanched colour, recovery. It is repeated for
ever. The whole screen recovers, so that it need not be laid with care. Light is linear, sRGB primaries, 1 is white.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vision.signal import exponent

Floats = NDArray[np.float64]

CURVES_S: Final = (1.5, 4.0)
"""Refill times that are shown: below the study's threshold for a finger, and at that for a knee."""
FLASH_S: Final = 0.5
FREE_S: Final = 1.0
"""Refilled colour before a press."""
HELD_S: Final = 2.0
WINDOWS_S: Final = tuple(2.0 + 2.0 * curve_s for curve_s in CURVES_S)
STEP: Final = 0.12
"""Of h = ln(R / G) between blanched and refilled."""
RED_SHARE: Final = 0.25
"""Red moves by this share of what green does, in ln: about as skin does."""
BLANCHED: Final = (0.60, 0.55, 0.50)
"""Linear R, G, B; its sRGB codes are about 203, 196, 188."""
TEXTURE: Final = 0.12
"""Light differs by up to so much from place to place, for good: an even surface would not show whether it moved."""


@dataclass(frozen=True)
class Part:
    """One curve of a sequence: its refill time, and when it is pressed, let go and over; s from the flash's end."""

    crt_s: float
    free_s: float
    pressed_s: float
    released_s: float
    over_s: float


def parts() -> tuple[Part, ...]:
    """Return the curves of a sequence in their order."""
    found, at_s = [], 0.0
    for crt_s, window_s in zip(CURVES_S, WINDOWS_S, strict=True):
        pressed_s = at_s + FREE_S
        released_s = pressed_s + HELD_S
        found.append(Part(crt_s, at_s, pressed_s, released_s, released_s + window_s))
        at_s = released_s + window_s
    return tuple(found)


SEQUENCE_S: Final = FLASH_S + sum(FREE_S + HELD_S + window_s for window_s in WINDOWS_S)


def refilled_share(since_start_s: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the share of blood that is shown, 0 blanched to 1 refilled, and whether it is the flash; both (n,).

    Times in s from the start of any sequence's flash, shape (n,).
    """
    at_s = np.mod(np.asarray(since_start_s, dtype=float), SEQUENCE_S) - FLASH_S
    share = np.ones_like(at_s)
    for part in parts():
        held = (at_s >= part.pressed_s) & (at_s < part.released_s)
        back = (at_s >= part.released_s) & (at_s < part.over_s)
        share[held] = 0.0
        share[back] = 1.0 - 10.0 ** (-(at_s[back] - part.released_s) / part.crt_s)
    return share, at_s < 0.0


def light_at(share: Floats) -> Floats:
    """Return linear R, G, B, shape (n, 3), that show a share of blood (n,).

    The index that vision takes for blood volume (`vision.signal.blood_index`) then is that share: h bends against it.
    """
    k = exponent(RED_SHARE)
    h = np.log1p(np.asarray(share, dtype=float) * math.expm1(k * STEP)) / k
    green = h / (1.0 - RED_SHARE)
    return np.asarray(np.array(BLANCHED) * np.exp(-np.stack([RED_SHARE * green, green, green], axis=-1)))
