"""What a person adds to a reading: held against what stands now and against the study, before it becomes a record.

Pure: the journal is read before and written after. A refusal changes nothing.
"""

from datetime import timedelta
from typing import Final

from pydantic import ValidationError

from contract.amendment import Amendment, Change
from contract.hypoperfusion_words import Words, spoken
from contract.identifiers import new_reading_id
from contract.mottling import MottlingReading
from contract.reading import Device, Reading
from device.choice import is_code, refusal_of_onset, wrong_inclusion
from device.choice import refusal as choice_refusal
from device.clock import Clock
from device.console_words import Amend
from device.measured import measured_now
from device.standing import Entry, Standing, changed, stands_as, text_of
from firmware_config.study import Study

ONSET = "norepinephrine_onset_at"
PAIRED_WITHIN: Final = timedelta(minutes=30)
"""A stopwatch's time of a reading that is older is of other skin."""
CLOCKS_DIFFER: Final = timedelta(minutes=2)
"""A reading that was measured further ahead than this is of a time that nobody knows: the clock was set back."""

REFUSALS: dict[str, Words] = {
    "unknown": (
        "This device holds no such reading.",
        "Cet appareil ne contient pas cette mesure.",
    ),
    "one_thing": (
        "Confirm, comment, correct or time: one thing at a time, and complete.",
        "Confirmez, commentez, corrigez ou chronométrez : une chose à la fois, et complète.",
    ),
    "not_mottling": (
        "Only a mottling reading takes a mottling score.",
        "Seule une mesure des marbrures prend un score de marbrures.",
    ),
    "no_score": (
        "Say the mottling score, 0 to 5: the device found none.",
        "Indiquez le score de marbrures, 0 à 5 : l'appareil n'en a pas trouvé.",
    ),
    "stands": (
        "Something else stands there by now. Look again before you correct it.",
        "Autre chose y figure désormais. Regardez à nouveau avant de corriger.",
    ),
    "not_refill": (
        "A stopwatch's time goes with a refill time only, and this is none.",
        "Un temps au chronomètre ne va qu'avec un temps de recoloration, et il n'y en a pas ici.",
    ),
    "too_late": (
        "That was measured more than 30 minutes ago: measure again before you time it.",
        "Cette mesure date de plus de 30 minutes : mesurez à nouveau avant de chronométrer.",
    ),
    "same": ("That is what stands there already.", "C'est ce qui y figure déjà."),
    "value": ("Check the new value: it cannot stand there.", "Vérifiez la nouvelle valeur : elle n'est pas possible."),
}
"""English and French. Those of a choice (`device.choice`) hold here as well."""


def amendment_of(
    asked: Amend, about: Standing, study: Study, device: Device, clock: Clock, language: str = "en"
) -> Amendment | str:
    """Return the amendment that `asked` comes to, its number still to be given, or in one sentence why there is none.

    `about` is what stands of the reading that it names.
    """
    if not is_code(asked.operator, study.operator_pattern):
        return choice_refusal("operator", language)
    score = _score(asked, about, language)
    if isinstance(score, str):
        return score
    if asked.action == "timed":
        wrong = _not_a_pair(about, clock)
        if wrong is not None:
            return refusal(wrong, language)
    changes = _changes(asked, about, study, clock, language)
    if isinstance(changes, str):
        return changes
    entry = about.entry
    try:
        return Amendment(
            reading_id=new_reading_id(),
            device_seq=1,
            study=entry.study,
            subject=entry.subject,
            event=entry.event,
            side=entry.side,
            operator=asked.operator,
            norepinephrine_onset_at=entry.norepinephrine_onset_at,
            simulated=entry.simulated,
            calibration_id=entry.calibration_id,
            device=device,
            measured=measured_now(clock),
            about=entry.reading_id,
            action=asked.action,
            mottling_score=score,
            comment=asked.comment,
            changes=changes,
            why=asked.why,
            stopwatch_s=asked.stopwatch_s,
            before_number=asked.before_number,
        )
    except ValidationError:
        return refusal("one_thing", language)


def refusal(which: str, language: str) -> str:
    """Return a sentence of the table."""
    return spoken(REFUSALS[which], language)


def _not_a_pair(about: Standing, clock: Clock) -> str | None:
    """Return which refusal keeps a stopwatch's time from being paired with this entry, or None."""
    entry = about.entry
    if not isinstance(entry, Reading) or entry.result.crt_s is None:
        return "not_refill"
    measured = entry.measured
    ago = clock.now() - measured.at
    if measured.boot_id == clock.boot_id():  # the wall clock may have been set since
        ago = timedelta(microseconds=(clock.boottime_ns() - measured.boottime_ns) / 1000)
    return None if -CLOCKS_DIFFER <= ago <= PAIRED_WITHIN else "too_late"


def _score(asked: Amend, about: Standing, language: str) -> int | str | None:
    """Return the person's score, or why there is none: a confirmation without one confirms the device's."""
    entry = about.entry
    if not isinstance(entry, MottlingReading):
        return None if asked.mottling_score is None else refusal("not_mottling", language)
    if asked.action != "confirmed" or asked.mottling_score is not None:
        return asked.mottling_score
    found = entry.result.score
    return refusal("no_score", language) if found is None else found


def _changes(asked: Amend, about: Standing, study: Study, clock: Clock, language: str) -> tuple[Change, ...] | str:
    """Return the changes as they are written down, each old value being what stands; or why one cannot be made."""
    made: list[Change] = []
    stands = about.now
    for change in asked.changes:
        if not stands_as(about.now, change.field, change.old):
            return refusal("stands", language)
        if stands_as(about.now, change.field, change.new):
            return refusal("same", language)
        after = changed(stands, change)
        if after is None:
            return refusal("value", language)
        wrong = _study_refuses(after, change, study, clock, language)
        if wrong is not None:
            return wrong
        new = text_of(after, change.field)
        made.append(Change(field=change.field, old=text_of(about.now, change.field), new=new))
        stands = after
    return tuple(made)


def _study_refuses(after: Entry, change: Change, study: Study, clock: Clock, language: str) -> str | None:
    """Return why the study does not take a value that the contract takes: the rules of a choice."""
    if change.field == "inclusion":
        return wrong_inclusion(after.subject.inclusion, study.inclusion, language)
    if change.field == "event" and after.event is not None and after.event not in study.events:
        events = ", ".join(study.events) or "-"
        return choice_refusal("event", language, study=study.name, event=after.event, events=events)
    if change.field == "side" and after.side is None and study.sides:
        return choice_refusal("side", language)
    if change.field == "operator" and after.operator is not None:
        return None if is_code(after.operator, study.operator_pattern) else choice_refusal("operator", language)
    if change.field == ONSET:
        return refusal_of_onset(after.norepinephrine_onset_at, clock, language, after.measured.at)
    return None
