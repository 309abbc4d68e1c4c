"""The choice that stands: kept over a restart of the process, forgotten with a boot, and not believed for ever.

Measuring the wrong patient is worse than choosing twice: what cannot be read, or may be too old, is no choice.
"""

import logging
import os
import re
from datetime import datetime
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contract.check_digits import CHECKS
from contract.hypoperfusion_words import WHATS, Words, spoken
from device.clock import Clock
from device.console_words import Choice
from firmware_config.protocol import Protocol
from firmware_config.study import Inclusion, Study

log = logging.getLogger(__name__)

FILE_NAME: str = "choice.json"
OLDEST_ONSET_DAYS: float = 30.0
"""An onset further back than this was mistyped."""
AHEAD_MINUTES: float = 5.0
"""An onset may be this far ahead of the clock: both were read to the minute."""
MOST_LETTERS: int = 4
"""An operator code holds no more letters than this, whatever a study's pattern takes: few names are so short."""

REFUSALS: dict[str, Words] = {
    "site": ("Study {study} has no site {site}.", "L'étude {study} n'a pas de centre {site}."),
    "elsewhere": (
        "Check the site number: this device belongs to site {home}, not to site {site}.",
        "Vérifiez le numéro de centre : cet appareil est au centre {home}, pas au centre {site}.",
    ),
    "event": (
        "Study {study} has no event {event}; there are: {events}.",
        "L'étude {study} n'a pas d'événement {event} ; il y a : {events}.",
    ),
    "body_site": (
        "Protocol {protocol} is not for the {body_site}.",
        "Le protocole {protocol} n'est pas prévu pour : {body_site}.",
    ),
    "side": ("Choose the side, left or right.", "Choisissez le côté, gauche ou droit."),
    "operator": (
        "The operator is a short code, never a name.",
        "L'opérateur est un code court, jamais un nom.",
    ),
    "digits": (
        "Check the inclusion number: it has {digits} digits.",
        "Vérifiez le numéro d'inclusion : il a {digits} chiffres.",
    ),
    "zeros": (
        "Check the inclusion number: with zeros in front it has {least} digits.",
        "Vérifiez le numéro d'inclusion : avec des zéros devant il a {least} chiffres.",
    ),
    "check_digit": (
        "Check the inclusion number: a digit of it is wrong.",
        "Vérifiez le numéro d'inclusion : un de ses chiffres est faux.",
    ),
    "onset_ahead": (
        "Check the start of norepinephrine: it is in the future.",
        "Vérifiez le début de la noradrénaline : il est dans le futur.",
    ),
    "onset_old": (
        "Check the start of norepinephrine: it is more than {days:g} days ago.",
        "Vérifiez le début de la noradrénaline : il date de plus de {days:g} jours.",
    ),
}
"""English and French. None repeats the inclusion number or the operator: a refusal at the start ends up in a log."""


class _Kept(BaseModel):
    """What stands in the file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    choice: Choice
    boot_id: UUID
    made_boottime_ns: int = Field(ge=0)


class ChoiceKeeper:
    """Keeps one choice in `folder`, which a boot empties. It lasts `lasts_h` from when it was made, boot clock."""

    def __init__(self, folder: Path, clock: Clock, lasts_h: float) -> None:
        self._path = folder / FILE_NAME
        self._clock = clock
        self._lasts_ns = round(lasts_h * 3.6e12)
        self._known: tuple[Choice, int] | None = self._read()

    def current(self) -> Choice | None:
        """Return the choice that stands; None where none was made, or it was made too long ago."""
        if self._known is None:
            return None
        choice, made_ns = self._known
        return choice if 0 <= self._clock.boottime_ns() - made_ns < self._lasts_ns else None

    def keep(self, choice: Choice) -> None:
        """Let a choice stand from now on. Where the file cannot be written it stands until the process ends."""
        self._known = (choice, self._clock.boottime_ns())
        fresh = self._path.with_suffix(".new")
        try:
            kept = _Kept(choice=choice, boot_id=self._clock.boot_id(), made_boottime_ns=self._known[1])
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("w", encoding="utf-8") as file:
                file.write(kept.model_dump_json())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            # An older choice left behind would be taken up after a restart: better none.
            log.warning("the choice could not be kept for a restart: %s", error.strerror)
            self._remove()

    def forget(self) -> None:
        """Let nobody be chosen."""
        self._known = None
        self._remove()

    def _remove(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("the kept choice could not be removed: %s", error.strerror)

    def _read(self) -> tuple[Choice, int] | None:
        try:
            kept = _Kept.model_validate_json(self._path.read_bytes())
            return (kept.choice, kept.made_boottime_ns) if kept.boot_id == self._clock.boot_id() else None
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("the kept choice cannot be read: %s", error.strerror)
        except ValidationError as error:
            # What stands in it is not repeated: a log names nobody.
            log.warning("the kept choice is not one: %d errors in its file", error.error_count())
        return None


def refusal_of(
    choice: Choice,
    study: Study,
    protocol: Protocol,
    clock: Clock | None = None,
    home_site: str | None = None,
    language: str = "en",
) -> str | None:
    """Return in one sentence why study, protocol and subject do not fit together; None where they do.

    With a `clock` that is synchronised the onset of norepinephrine is held against it; with a `home_site`, where the
    device stands, the subject's site is held against that.
    """
    site = choice.subject.site
    if site not in study.sites:
        return refusal("site", language, study=study.name, site=site)
    if home_site is not None and site != home_site:
        return refusal("elsewhere", language, home=home_site, site=site)
    wrong = wrong_inclusion(choice.subject.inclusion, study.inclusion, language)
    if wrong is not None:
        return wrong
    if choice.event is not None and choice.event not in study.events:
        return refusal("event", language, study=study.name, event=choice.event, events=", ".join(study.events) or "-")
    if choice.body_site.value not in protocol.body_sites:
        where = spoken(WHATS[choice.body_site.value], language)
        return refusal("body_site", language, protocol=protocol.name, body_site=where)
    if study.sides and choice.side is None:
        return refusal("side", language)
    if choice.operator is not None and not is_code(choice.operator, study.operator_pattern):
        return refusal("operator", language)
    return refusal_of_onset(choice.norepinephrine_onset_at, clock, language)


def is_code(operator: str, pattern: str) -> bool:
    """Return whether what is given for an operator is a code that the study takes, and can be no longer name."""
    return re.fullmatch(pattern, operator) is not None and sum(map(str.isalpha, operator)) <= MOST_LETTERS


def wrong_inclusion(inclusion: str, asked: Inclusion, language: str = "en") -> str | None:
    """Return in one sentence what is wrong with an inclusion number; None where it is as the study asks."""
    least, most = asked.least_digits, asked.most_digits
    if not least <= len(inclusion) <= most or not inclusion.isascii() or not inclusion.isdigit():
        digits = f"{least}" if least == most else f"{least}-{most}"
        return refusal("digits", language, digits=digits)
    if len(inclusion) > least and inclusion.startswith("0"):
        # 042 and 0042 would be one person on paper and two subjects in the journal.
        return refusal("zeros", language, least=least)
    check = CHECKS.get(asked.check_digit)
    if check is not None and not check(inclusion):
        return refusal("check_digit", language)
    return None


def refusal_of_onset(
    onset: datetime | None, clock: Clock | None, language: str = "en", at: datetime | None = None
) -> str | None:
    """Return in one sentence why norepinephrine cannot have been started then; None where it can, or nobody knows.

    `at` is when the subject was measured; None: now.
    """
    if onset is None or clock is None or not clock.synchronised():
        return None
    now = clock.now()
    if (now - onset).total_seconds() < -60 * AHEAD_MINUTES:
        return refusal("onset_ahead", language)
    if ((at or now) - onset).total_seconds() > 86400 * OLDEST_ONSET_DAYS:
        return refusal("onset_old", language, days=OLDEST_ONSET_DAYS)
    return None


def refusal(which: str, language: str, **parts: object) -> str:
    """Return a sentence of the table with its parts."""
    return spoken(REFUSALS[which], language).format(**parts)
