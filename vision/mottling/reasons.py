"""Why a photo gives no mottling score."""

from enum import StrEnum


class Reason(StrEnum):
    """Code of the one leading reason. The codes are those of `contract.mottling`; a test holds that."""

    BLURRED = "blurred"
    DARK = "dark"
    OVER_EXPOSED = "over_exposed"
    COLOUR_CAST = "colour_cast"
    TOO_SMALL = "too_small"
    """Too few pixels on the leg to tell a coin."""
    LANDMARKS_MISSING = "landmarks_missing"
    LANDMARKS_IMPOSSIBLE = "landmarks_impossible"
    KNEE_NOT_IN_VIEW = "knee_not_in_view"
    LEG_COVERED = "leg_covered"
    NOT_A_LEG = "not_a_leg"
