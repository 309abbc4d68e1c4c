"""Which answers are right for which fault: the reasons accepted, the sizes tried. Data, to be read and argued with."""

from dataclasses import dataclass
from typing import Final

SIZES: Final = (0.25, 0.5, 1.0, 2.0)
"""Of the phantom's default size of each fault."""


@dataclass(frozen=True)
class Answers:
    """What may be said of a fault besides a harmless number: reasons, and whether "longer than" is an answer too.

    `never_a_number` refuses even a number that happens to be right.
    """

    reasons: tuple[str, ...]
    censored: bool = False
    never_a_number: bool = False
    sizes: tuple[float, ...] = SIZES
    fps: tuple[float, ...] = (24.0, 30.0)


ANSWERS: Final[dict[str, Answers]] = {
    "no_blanch": Answers(("no_blanch",)),
    "weak_press": Answers(("pressure_off_target", "no_blanch")),
    "slow_release": Answers(("release_too_slow",)),
    "partial_release": Answers(("release_incomplete", "no_release")),
    "pressure_leak": Answers(("pressure_not_held",)),
    "no_pressure": Answers(("pressure_off_target", "no_release"), sizes=(1.0,)),
    "second_press": Answers(("second_press",)),
    "moved": Answers(("moved",)),
    "edge_crossing": Answers(("moved", "no_blanch", "not_a_refill", "no_release"), never_a_number=True),
    "hair": Answers(("moved", "not_a_refill")),
    "glare": Answers(("glare", "saturated")),
    "light_step": Answers(("light_changed",)),
    # Frame rates near which the lamp stands still, or crawls: 4 x 25 = 100, 4 x 30 = 120.
    "flicker_100": Answers(("flicker",), fps=(25.0, 30.0)),
    "flicker_120": Answers(("flicker",), fps=(30.0, 25.0)),
    "saturation": Answers(("saturated",)),
    "dark": Answers(("too_dark",)),
    "auto_exposure": Answers(("light_changed", "camera_settings_moved")),
    "white_balance": Answers(("camera_settings_moved", "light_changed")),
    "dropped_frames": Answers(("frames_lost",)),
    "repeated_frames": Answers(("frames_repeated",)),
    "truncated": Answers(("window_too_short", "not_settled"), censored=True),
    "incomplete_refill": Answers((), censored=True),
    "baseline_drift": Answers(("baseline_drift", "not_settled")),
}

WITHOUT_PRESSURE: Final = ("edge_crossing", "moved", "hair", "light_step", "no_blanch", "second_press")
"""Played a second time without a pressure trace: the picture alone has to tell. An arm's edge is among them."""
FOUND_AT_PART_SIZE: Final = ("too_uncertain", "not_settled")
"""Reasons that are right too where a fault is smaller than its default: too small to be named, it may leave doubt."""
FOUND_WITHOUT_PRESSURE: Final = ("no_release", "moved", "not_a_refill")
"""Reasons that are right too where there is no pressure trace."""
