"""The study's window: how long after norepinephrine was started a measurement was made, and whether that is in time."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from contract.reading import Measured

AHEAD_H: float = 5 / 60
"""An onset up to five minutes after the measurement is a clock read to the minute; more is a mistake."""


class InWindow(StrEnum):
    """Whether a measurement lies in the study's window. Undetermined is never taken for inside."""

    BEFORE = "before"
    INSIDE = "inside"
    AFTER = "after"
    UNDETERMINED = "undetermined"


class NoHours(StrEnum):
    """Why the hours since norepinephrine was started cannot be told."""

    NO_ONSET = "no_onset"
    CLOCK_NOT_SET = "clock_not_set"
    ONSET_AHEAD = "onset_ahead"


NO_HOURS: dict[NoHours, tuple[str, str]] = {
    NoHours.NO_ONSET: (
        "the start of norepinephrine was not entered",
        "le début de la noradrénaline n'a pas été saisi",
    ),
    NoHours.CLOCK_NOT_SET: ("the device's clock was not set", "l'horloge de l'appareil n'était pas réglée"),
    NoHours.ONSET_AHEAD: (
        "norepinephrine was entered as started after the measurement",
        "le début saisi de la noradrénaline est postérieur à la mesure",
    ),
}
"""English and French."""


@dataclass(frozen=True)
class WindowAnswer:
    """The answer, the hours behind it where they are known, and why they are not where they are not."""

    answer: InWindow
    hours: float | None
    why: NoHours | None = None


def hours_since(onset: datetime | None, measured: Measured) -> float | NoHours:
    """Return the hours from norepinephrine's onset to the start of a measurement, or why they cannot be told.

    They come from the wall clock, since the onset was read off one; a clock that was not synchronised gives none. An
    onset carries its offset from UTC: a record without one is refused where it is parsed.
    """
    if onset is None:
        return NoHours.NO_ONSET
    if not measured.clock_synchronised:
        return NoHours.CLOCK_NOT_SET
    hours = (measured.at - onset).total_seconds() / 3600
    return NoHours.ONSET_AHEAD if hours < -AHEAD_H else max(hours, 0.0)


def in_window(onset: datetime | None, measured: Measured, from_h: float, to_h: float) -> WindowAnswer:
    """Return whether a measurement began `from_h` to `to_h` hours after onset; both ends belong to the window."""
    hours = hours_since(onset, measured)
    if isinstance(hours, NoHours):
        return WindowAnswer(InWindow.UNDETERMINED, None, hours)
    if hours < from_h:
        return WindowAnswer(InWindow.BEFORE, hours)
    return WindowAnswer(InWindow.INSIDE if hours <= to_h else InWindow.AFTER, hours)
