"""The words of the verdict, English and French: answers, inputs, and why an input says nothing."""

from enum import StrEnum
from typing import Literal

from contract.reading import RefillResult
from contract.window import InWindow

Words = tuple[str, str]
"""English and French."""
What = Literal["finger", "knee", "mottling"]


class Answer(StrEnum):
    """Whether perfusion is poor."""

    YES = "yes"
    NO = "no"
    UNDETERMINED = "undetermined"


class Why(StrEnum):
    """Why an input says nothing."""

    MISSING = "missing"
    SIMULATED = "simulated"
    OUTSIDE_WINDOW = "outside_window"
    WINDOW_UNKNOWN = "window_unknown"
    STALE = "stale"
    REJECTED = "rejected"
    BOUND_TOO_LOW = "bound_too_low"
    UNCONFIRMED = "unconfirmed"


SENTENCES: dict[Answer, Words] = {
    Answer.YES: (
        "There is peripheral hypoperfusion by the study's definition.",
        "Il y a hypoperfusion périphérique selon la définition de l'étude.",
    ),
    Answer.NO: (
        "There is no peripheral hypoperfusion by the study's definition.",
        "Il n'y a pas d'hypoperfusion périphérique selon la définition de l'étude.",
    ),
    Answer.UNDETERMINED: (
        "Whether there is peripheral hypoperfusion cannot be told yet.",
        "On ne peut pas encore dire s'il y a hypoperfusion périphérique.",
    ),
}
ANSWERS: dict[Answer, Words] = {
    Answer.YES: ("yes", "oui"),
    Answer.NO: ("no", "non"),
    Answer.UNDETERMINED: ("undetermined", "indéterminé"),
}
WHATS: dict[What, Words] = {
    "finger": ("finger", "doigt"),
    "knee": ("knee", "genou"),
    "mottling": ("mottling", "marbrures"),
}
WHY: dict[Why, Words] = {
    Why.MISSING: ("not measured", "non mesuré"),
    Why.SIMULATED: ("simulated, and this study is about people", "simulé, or cette étude porte sur des personnes"),
    Why.OUTSIDE_WINDOW: ("outside the study's window", "hors de la fenêtre de l'étude"),
    Why.WINDOW_UNKNOWN: (
        "not known whether it is in the study's window",
        "on ne sait pas s'il est dans la fenêtre de l'étude",
    ),
    Why.STALE: ("too old, or its age is not known", "trop ancien, ou d'ancienneté inconnue"),
    Why.REJECTED: ("not measurable", "non mesurable"),
    Why.BOUND_TOO_LOW: (
        "observation ended below the threshold, still refilling",
        "observation finie sous le seuil, recoloration en cours",
    ),
    Why.UNCONFIRMED: (
        "scored by the device, and confirmed by nobody yet",
        "évalué par l'appareil, et encore confirmé par personne",
    ),
}
BORDERLINE: Words = ("borderline: the interval holds the threshold", "limite : l'intervalle contient le seuil")
LATER_FAILED: Words = ("a later attempt gave no number", "une tentative ultérieure n'a pas donné de valeur")
OLDER: Words = ("older than the newest by {:.1f} h", "plus ancien que le dernier de {:.1f} h")
AFTER_ONSET: Words = ("{:.1f} h after norepinephrine", "{:.1f} h après la noradrénaline")
PLACES: dict[InWindow, Words] = {
    InWindow.BEFORE: ("before", "avant"),
    InWindow.INSIDE: ("inside", "dedans"),
    InWindow.AFTER: ("after", "après"),
    InWindow.UNDETERMINED: ("undetermined", "indéterminé"),
}
WINDOW: Words = ("window", "fenêtre")
AS_OF: Words = ("as of", "au")
NOT_CALIBRATED: Words = ("not calibrated to the stopwatch", "non étalonné sur le chronomètre")
"""Stands by every comparison that goes without an agreement calibration: the thresholds are stopwatch values."""
CALIBRATED: Words = ("calibrated to the stopwatch by {}", "étalonné sur le chronomètre par {}")
PARTLY_CALIBRATED: Words = (
    "partly calibrated to the stopwatch, by {}",
    "étalonné en partie sur le chronomètre, par {}",
)
ON_THE_STOPWATCH: Words = ("{} on the stopwatch", "{} au chronomètre")
NOT_MAPPED: Words = (
    "outside the stopwatch calibration, held against the threshold as it is",
    "hors de l'étalonnage sur le chronomètre, comparé tel quel au seuil",
)


def spoken(words: Words, language: str) -> str:
    """Return words in "en" or "fr"; anything else raises `ValueError`."""
    return words[("en", "fr").index(language)]


def because(words: Words, reason: str, language: str) -> str:
    """Return words with what is behind them after a colon."""
    return spoken(words, language) + spoken((": ", " : "), language) + reason


def number_of(result: RefillResult, limit_s: float, language: str) -> str | None:
    """Return a result's number with its interval, or its bound; None where there is neither.

    It has as many decimals as show on which side of the threshold it lies: never "3.00 s" for what is above 3 s.
    """
    if result.crt_s is None:
        bound_s = result.crt_exceeds_s
        return None if bound_s is None else bound_of(bound_s, limit_s)
    low_s, high_s = result.crt_ci95_s or (result.crt_s, result.crt_s)
    return with_interval(result.crt_s, low_s, high_s, limit_s, language)


def with_interval(number_s: float, low_s: float, high_s: float, limit_s: float, language: str) -> str:
    """Return a number with its interval, with as many decimals as show on which side of the threshold it lies."""
    decimals = _decimals(number_s, limit_s, 2)
    to = spoken(("to", "à"), language)
    return f"{number_s:.{decimals}f} s ({low_s:.{decimals}f} {to} {high_s:.{decimals}f})"


def bound_of(bound_s: float, limit_s: float) -> str:
    """Return a bound, with as many decimals as show on which side of the threshold it lies."""
    return f"> {bound_s:.{_decimals(bound_s, limit_s, 1)}f} s"


def _decimals(number_s: float, limit_s: float, least: int) -> int:
    wanted = (number_s > limit_s, number_s >= limit_s)
    for decimals in range(least, 6):
        shown_s = round(number_s, decimals)
        if (shown_s > limit_s, shown_s >= limit_s) == wanted:
            return decimals
    return 6
