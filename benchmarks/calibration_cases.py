"""Simulated devices for the calibration campaign: good ones, and ones with one hidden error or several.

Errors are dealt as cards: an area's deck holds each of its errors once, those that the issue names twice, and is dealt
to its end before it is shuffled anew, so that every error occurs about as often as it should. A device has no more than
one error of an area; the seed of a device sizes it.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from phantom.bench import light_errors, picture_errors, probe_errors, timing_errors
from phantom.bench.errors import Errors, healthy

NAMED: Final = frozenset(
    {"offset", "gain", "hysteresis", "leak", "colour_matrix", "vignette", "delay", "flicker", "blur"}
)
"""Hidden errors that the issue asks for by name."""
AREAS: Final[dict[str, tuple[tuple[str, ...], float]]] = {
    "probe": (probe_errors.ERRORS, 0.75),
    "pictures": (picture_errors.ERRORS, 0.65),
    "light": (light_errors.ERRORS, 0.37),
    "timing": (timing_errors.ERRORS, 0.40),
}
"""Errors of an area, and in which share of the wrong devices it has one."""
AREA_OF: Final = {error: area for area, (errors, _) in AREAS.items() for error in errors}


@dataclass(frozen=True)
class Case:
    """One device: its seed, its hidden errors (none: a good one), and whether it is measured from end to end."""

    seed: int
    wrong: tuple[str, ...] = ()
    end_to_end: bool = True


def errors_of(case: Case) -> Errors:
    """Return what is hidden in a device."""
    found = healthy(case.seed)
    for error in case.wrong:
        found = _with(found, error, case.seed)
    return found


def _with(errors: Errors, error: str, seed: int) -> Errors:
    area = AREA_OF[error]
    if area == "probe":
        return replace(errors, probe=probe_errors.with_probe_error(error, seed))
    if area == "pictures":
        return replace(errors, pictures=picture_errors.with_error(error, seed))
    if area == "light":
        return replace(errors, light=light_errors.with_light_error(error, seed))
    return replace(errors, timing=timing_errors.with_timing_error(error, seed))


def dealt(devices: int, seed: int) -> list[tuple[str, ...]]:
    """Return the errors of that many wrong devices; every one has at least one."""
    chance = np.random.default_rng([seed, devices])
    decks = {area: _Deck(errors, chance) for area, (errors, _) in AREAS.items()}
    found: list[list[str]] = [[] for _ in range(devices)]
    for area, (_, share) in AREAS.items():
        for place in chance.permutation(devices)[: round(share * devices)]:
            found[place].append(decks[area].next())
    for own in found:
        if not own:
            own.append(decks[str(chance.choice(list(AREAS)))].next())
    return [tuple(own) for own in found]


class _Deck:
    def __init__(self, errors: tuple[str, ...], chance: np.random.Generator) -> None:
        self._cards = [error for error in errors for _ in range(2 if error in NAMED else 1)]
        self._chance = chance
        self._left: list[str] = []

    def next(self) -> str:
        if not self._left:
            self._left = [self._cards[place] for place in self._chance.permutation(len(self._cards))]
        return self._left.pop()


def cases(healthy_devices: int, wrong_devices: int, first_seed: int, every: int) -> list[Case]:
    """Return good and wrong devices in turn; one of `every` is measured from end to end, which costs most of the time.

    So are wrong ones with an error that only the last step tells (a clock's rate).
    """
    good = [Case(first_seed + number, (), number % every == 0) for number in range(healthy_devices)]
    wrong = [
        Case(first_seed + healthy_devices + number, own, number % every == 0 or "clock" in own)
        for number, own in enumerate(dealt(wrong_devices, first_seed))
    ]
    both = [case for pair in zip(good, wrong, strict=False) for case in pair]
    return both + good[len(wrong) :] + wrong[len(good) :]
