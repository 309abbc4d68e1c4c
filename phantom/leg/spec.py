"""What a simulated photo of a leg shows: everything that is known about it before it is drawn."""

from dataclasses import dataclass, field
from typing import Final, Literal

Pattern = Literal["reticular", "patchy", "confluent"]
PATTERNS: Final[tuple[Pattern, ...]] = ("reticular", "patchy", "confluent")
Renderer = Literal["optics", "painter", "other_cameras"]
RENDERERS: Final[tuple[Renderer, ...]] = ("optics", "painter")
"""Those of the evidence; `other_cameras` draws the legs of "optics" for development, and counts for no target."""
DISTRACTORS: Final[tuple[str, ...]] = (
    "freckles",
    "scar",
    "bruise",
    "hair",
    "veins",
    "red_knee",
    "tan_line",
    "tattoo",
    "tube",
    "electrode",
    "plaster",
)
SHEETS: Final[dict[str, tuple[float, float, float]]] = {
    "white": (0.80, 0.80, 0.78),
    "blue": (0.22, 0.36, 0.55),
    "green": (0.20, 0.42, 0.34),
    "beige": (0.62, 0.52, 0.40),
    "pink": (0.70, 0.50, 0.48),
    "grey": (0.40, 0.41, 0.42),
}
"""Linear R, G, B of what the leg lies on, and of gowns."""


@dataclass(frozen=True)
class LegSpec:
    """One photo. Lengths in mm on the leg; `reach` runs from 0 (upper edge of the kneecap) to 1 (fold of the groin)."""

    seed: int
    renderer: Renderer = "optics"
    tone: str = "III"
    reach: float | None = None
    """How far mottling goes up the thigh; at or below 0 it stays at the knee; None: none at all, or a coin."""
    coin_mm: float | None = None
    """Radius of a coin-sized patch on the centre of the knee; None: none, or more than a coin."""
    pattern: Pattern = "reticular"
    intensity: float = 0.6
    """0.2 is faint, 1 is strong."""
    width_px: int = 1600
    height_px: int = 1200
    thigh_mm: float = 400.0
    girth: float = 1.0
    """Of a middling leg's width."""
    bend_deg: float = 10.0
    """Between thigh and shin, in the picture."""
    turn_deg: float = 0.0
    """Of the thigh's axis against the picture's right."""
    mirrored: bool = False
    view: Literal["whole", "no_groin", "half_thigh", "to_groin"] = "whole"
    """How far up the picture shows the leg: beyond the groin, to 0.72 of the thigh, to 0.36, or just to the groin."""
    covered_from: float | None = None
    """Reach from which a gown covers the leg; None: it does not."""
    light_kelvin: float = 4500.0
    white_balance_error: float = 0.0
    """Of the red and blue gains, as a logarithm."""
    gradient: float = 0.2
    """Share by which the light falls off over the picture."""
    shadow: float = 0.0
    """Share of the light that a soft shadow edge takes, 0 to 0.6."""
    sheet: str = "white"
    gown: str = "blue"
    distractors: frozenset[str] = field(default_factory=frozenset)
    noise: float = 0.006
    """Standard deviation of a pixel at middling light, linear."""
    exposure: float = 1.0
    blur_px: float = 0.8
    aside_mm: float = 0.0
    """How far the leg lies beside where it usually does in the picture."""
    second_leg_mm: float | None = None
    """Between this knee and the other leg's, which lies beside it; None: only one leg is in the picture."""
    second_leg_reach: float | None = None
    """How far the other leg is mottled, as `reach`."""
    groin_given: bool = True
    """Whether the nurse marks the groin where it can be seen."""
    tap_error_mm: float = 3.0
