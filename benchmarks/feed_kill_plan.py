"""When the feed's kill campaign kills what: half of the moments random, half aimed at where a reading could be lost."""

import random
from dataclasses import dataclass
from typing import Literal

Victim = Literal["publisher", "ingester", "broker", "database", "backend"]
Moment = Literal["any", "published", "committed", "answered", "before autosave", "recovering"]

VICTIMS: tuple[Victim, ...] = ("publisher", "ingester", "broker", "database", "backend")
DECK: tuple[Victim, ...] = (*(VICTIMS[:4] * 2), "publisher", "ingester", "backend")
"""Victims come from a shuffled deck, so that all get their turn. A backend is PostgreSQL's process for one ingester."""
AIMED: dict[Victim, tuple[Moment, ...]] = {
    "publisher": ("published", "answered"),
    "ingester": ("committed", "answered"),
    "broker": ("before autosave", "published", "answered"),
    "database": ("committed", "recovering"),
    "backend": ("committed",),
}
WORDS: dict[Moment, str] = {
    "any": "any moment",
    "published": "just after a publish, no receipt yet",
    "committed": "after a commit is on disk, before anybody hears of it",
    "answered": "just after a receipt is sent, before it is noted",
    "before autosave": "just before the broker saves",
    "recovering": "while the database recovers from a kill",
}
PARTNERS: dict[Victim, tuple[Victim, ...]] = {
    "publisher": ("ingester", "broker", "database"),
    "ingester": ("publisher", "broker", "database"),
    "broker": ("publisher", "ingester", "database"),
    "database": ("publisher", "ingester", "broker"),
    "backend": ("publisher", "ingester", "broker"),
}
AIMED_SHARE: float = 0.5
TWO_SHARE: float = 0.2
AT_ONCE_SHARE: float = 0.5
"""Of the victims are started again at once, the others after a pause."""
PAUSE_S: float = 3.0
LATEST_S: float = 0.8
RECOVERING_S: float = 0.15
"""About what the start and recovery of so small a database take."""
SAVING_S: float = 0.1
"""So much before the broker's next save at most."""


@dataclass(frozen=True)
class Kill:
    """SIGKILL for all `victims` at `moment`, looked for `after_s` after the round began; `which` picks among equals.

    `recovering`: the first victim is the database, which is killed and started; the second is killed meanwhile.
    """

    number: int
    victims: tuple[Victim, ...]
    moment: Moment
    after_s: float
    which: int
    pauses_s: tuple[float, ...]
    """How long after its kill each victim is started again."""
    early_s: float
    """So much before the broker saves, or after the database began to recover."""


def plan(rounds: int, seed: int) -> list[Kill]:
    """Return the kills; what is random in them comes from the seed."""
    dice = random.Random(seed)  # noqa: S311 - a campaign that can be repeated, no secret
    deck: list[Victim] = []
    planned = []
    for number in range(1, rounds + 1):
        if not deck:
            deck.extend(dice.sample(DECK, len(DECK)))
        victim = deck.pop()
        moment: Moment = dice.choice(AIMED[victim]) if dice.random() < AIMED_SHARE else "any"
        victims: tuple[Victim, ...] = (victim,)
        if moment == "recovering":
            victims = (victim, dice.choice((victim, *PARTNERS[victim])))
        elif dice.random() < TWO_SHARE:
            victims = (victim, dice.choice(PARTNERS[victim]))
        pauses_s = tuple(0.0 if dice.random() < AT_ONCE_SHARE else dice.uniform(0.0, PAUSE_S) for _ in victims)
        early_s = dice.uniform(0.0, RECOVERING_S if moment == "recovering" else SAVING_S)
        planned.append(
            Kill(number, victims, moment, dice.uniform(0.0, LATEST_S), dice.randrange(60), pauses_s, early_s)
        )
    return planned
