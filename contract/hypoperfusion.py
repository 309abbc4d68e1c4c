"""Peripheral hypoperfusion as a study defines it: finger, knee and mottling, any of which says yes. Three values.

An input that is missing, rejected, simulated, stale or not known to lie in the study's window is undetermined, never
"no". The verdict is about the time of its newest attempt, not about when somebody looks: it comes out the same years
later.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from contract.hypoperfusion_threshold import calibration_note, compared
from contract.hypoperfusion_words import (
    AFTER_ONSET,
    BORDERLINE,
    LATER_FAILED,
    OLDER,
    WHY,
    Answer,
    What,
    Why,
    because,
    number_of,
    spoken,
)
from contract.moments import Moment, age_h, is_before, is_fresh, latest, moment_of
from contract.mottling import MottlingReading, mottling_sentence
from contract.reading import BodySite, Measured, Reading
from contract.reasons import sentence
from contract.stopwatch import StopwatchMapping
from contract.window import NO_HOURS, InWindow, WindowAnswer, in_window


@dataclass(frozen=True)
class MottlingScore:
    """A mottling score that a person confirmed, 0 to 5 (Ait-Oufella 2011); None: the leg could not be scored.

    What the device found counts for nothing by itself: an assessment that nobody confirmed `waits`.
    """

    score: int | None
    measured: Measured
    simulated: bool = False
    norepinephrine_onset_at: datetime | None = None
    waits: bool = False
    reading: MottlingReading | None = None
    """The assessment behind it, where there is one."""

    def __post_init__(self) -> None:
        """Refuse what is no score."""
        if self.score is not None and not 0 <= self.score <= 5:
            raise ValueError(f"no mottling score: {self.score}")


@dataclass(frozen=True)
class Criteria:
    """A study's thresholds: refill times above which perfusion is poor, s, by body site; the score from which it is."""

    refill_above_s: dict[BodySite, float]
    mottling_from_score: int | None = None
    inputs_within_h: float = 2.0
    accept_simulated: bool = False
    window_h: tuple[float, float] | None = None
    """Hours after norepinephrine's onset between which an input counts; None: at any time."""
    stopwatch: dict[BodySite, StopwatchMapping] = field(default_factory=dict)
    """Lines to the stopwatch's seconds, in which the thresholds are; without one the device's own are compared."""


@dataclass(frozen=True)
class Input:
    """One input as it is shown: its answer, the number behind it, the threshold, and what is to be known about both."""

    what: What
    answer: Answer
    shown: str
    """The number with its interval, or why there is none."""
    threshold: str
    remarks: tuple[str, ...] = ()
    reading_id: str | None = None
    age_h: float | None = None
    """Against the newest attempt."""
    borderline: bool = False
    """The 95 % interval holds the threshold: measured again, the answer may be the other one."""
    later_attempt_failed: bool = False
    """A later measurement gave no number; this one stands all the same."""
    why: Why | None = None
    mapped_by: str | None = None
    """Version of the line by which it was held against the threshold; None: as the device measured it."""


@dataclass(frozen=True)
class Verdict:
    """The study's answer with the inputs that it rests on, one for each criterion."""

    answer: Answer
    inputs: tuple[Input, ...]
    newest: Measured | None = None
    """The newest attempt; None where there is none, or where it cannot be told which."""
    window: WindowAnswer | None = None
    """Whether the newest attempt lies in the study's window; None where no window holds."""

    def calibration_note(self, language: str = "en") -> str:
        """Return whether its refill times were compared as a stopwatch's seconds, and by which line."""
        times = [each for each in self.inputs if each.what != "mottling" and each.reading_id is not None]
        return calibration_note(tuple(each.mapped_by for each in times), language)


@dataclass(frozen=True)
class _Attempt:
    """One try at one input, whatever it came to. `number` is None where it came to nothing."""

    what: What
    threshold: str
    moment: Moment
    window: WindowAnswer | None
    simulated: bool
    answer: Answer
    number: str | None
    failed: str = ""
    reading_id: str | None = None
    borderline: bool = False
    mapped_by: str | None = None
    remark: str | None = None


def verdict(
    readings: Iterable[Reading], criteria: Criteria, mottling: Sequence[MottlingScore] = (), language: str = "en"
) -> Verdict:
    """Return the verdict over one subject's readings of one event, in any order.

    For each body site the newest reading with a number or a bound counts; a later one without does not take it away:
    it says that the skin could not be measured then, not that it had refilled. Raises `ValueError` where the readings
    are of several subjects.
    """
    given = list(readings)
    if len({(reading.study, reading.subject) for reading in given}) > 1:
        raise ValueError("a verdict is about one subject of one study")
    attempts = [
        _refill(reading, criteria, language) for reading in given if reading.body_site in criteria.refill_above_s
    ]
    scores = [] if criteria.mottling_from_score is None else list(mottling)
    attempts += [_mottling(score, criteria, language) for score in scores if not score.waits]
    waits = any(score.waits and (criteria.accept_simulated or not score.simulated) for score in scores)
    usable = [attempt for attempt in attempts if criteria.accept_simulated or not attempt.simulated]
    inputs = tuple(
        _input(what, threshold, attempts, usable, criteria, language) for what, threshold in _asked(criteria).items()
    )
    if waits:
        inputs = tuple(_waiting(each, language) if each.what == "mottling" else each for each in inputs)
    last = latest([attempt.moment for attempt in usable])
    newest = next((attempt for attempt in usable if [attempt.moment] == last), None)
    return Verdict(
        combined([each.answer for each in inputs]),
        inputs,
        None if newest is None else newest.moment.measured,
        None if newest is None else newest.window,
    )


def combined(answers: Sequence[Answer]) -> Answer:
    """Return what the answers of the inputs come to: any yes is yes, and no needs all of them, and at least one."""
    if Answer.YES in answers:
        return Answer.YES
    return Answer.NO if answers and all(answer is Answer.NO for answer in answers) else Answer.UNDETERMINED


def _asked(criteria: Criteria) -> dict[What, str]:
    """Return the inputs that a study asks for, and their thresholds as they are shown."""
    asked: dict[What, str] = {site.value: f"> {limit_s:g} s" for site, limit_s in criteria.refill_above_s.items()}
    if criteria.mottling_from_score is not None:
        asked["mottling"] = f">= {criteria.mottling_from_score}"
    return asked


def _refill(reading: Reading, criteria: Criteria, language: str) -> _Attempt:
    result, limit_s = reading.result, criteria.refill_above_s[reading.body_site]
    against = compared(result, limit_s, criteria.stopwatch.get(reading.body_site), language)
    return _Attempt(
        what=reading.body_site.value,
        threshold=f"> {limit_s:g} s",
        moment=moment_of(reading),
        window=_window(reading.norepinephrine_onset_at, reading.measured, criteria),
        simulated=reading.simulated,
        answer=against.answer,
        number=number_of(result, limit_s, language),
        failed="" if result.reason is None else sentence(result.reason, language),
        reading_id=str(reading.reading_id),
        borderline=against.borderline,
        mapped_by=against.by,
        remark=against.remark,
    )


def _mottling(score: MottlingScore, criteria: Criteria, language: str) -> _Attempt:
    reason = None if score.reading is None else score.reading.result.reason
    poor = None if score.score is None else score.score >= (criteria.mottling_from_score or 0)
    return _Attempt(
        what="mottling",
        threshold=f">= {criteria.mottling_from_score}",
        moment=Moment(score.measured) if score.reading is None else moment_of(score.reading),
        window=_window(score.norepinephrine_onset_at, score.measured, criteria),
        simulated=score.simulated,
        answer=Answer.UNDETERMINED if poor is None else Answer.YES if poor else Answer.NO,
        number=None if score.score is None else str(score.score),
        failed="" if reason is None else mottling_sentence(reason, language),
        reading_id=None if score.reading is None else str(score.reading.reading_id),
    )


def _waiting(found: Input, language: str) -> Input:
    """Return the input as it stands while an assessment waits for a person: one that counts stands as it is."""
    if found.answer is not Answer.UNDETERMINED or found.why is Why.WINDOW_UNKNOWN:
        return found
    words = spoken(WHY[Why.UNCONFIRMED], language)
    return Input(found.what, Answer.UNDETERMINED, words, found.threshold, why=Why.UNCONFIRMED)


def _window(onset: datetime | None, measured: Measured, criteria: Criteria) -> WindowAnswer | None:
    return None if criteria.window_h is None else in_window(onset, measured, *criteria.window_h)


def _may_count(attempt: _Attempt) -> bool:
    return attempt.window is None or attempt.window.answer in (InWindow.INSIDE, InWindow.UNDETERMINED)


def _input(
    what: What, threshold: str, attempts: list[_Attempt], usable: list[_Attempt], criteria: Criteria, language: str
) -> Input:
    # What lies outside the window is of another time and makes nothing stale; what may lie in it does.
    standing = [attempt for attempt in usable if _may_count(attempt)]
    moments = [attempt.moment for attempt in standing]
    mine = [attempt for attempt in standing if attempt.what == what]
    fresh = [attempt for attempt in mine if is_fresh(attempt.moment, moments, criteria.inputs_within_h)]
    last = _last([attempt for attempt in fresh if attempt.number is not None])
    if last is not None:
        failed = any(attempt.number is None and is_before(last.moment, attempt.moment) for attempt in fresh)
        return _counting(last, moments, failed, language)
    for why, group in (
        (Why.REJECTED, fresh),
        (Why.STALE, mine),
        (Why.OUTSIDE_WINDOW, [attempt for attempt in usable if attempt.what == what]),
        (Why.SIMULATED, [attempt for attempt in attempts if attempt.what == what]),
    ):
        if group:
            return _void(_last(group) or group[-1], why, language)
    return Input(what, Answer.UNDETERMINED, spoken(WHY[Why.MISSING], language), threshold, why=Why.MISSING)


def _last(attempts: list[_Attempt]) -> _Attempt | None:
    """Return the newest; of those made at the same instant always the same one, whatever their order."""
    moments = latest([attempt.moment for attempt in attempts])
    newest = [attempt for attempt in attempts if attempt.moment in moments]
    return max(newest, key=lambda attempt: (attempt.reading_id or "", attempt.number or ""), default=None)


def _counting(last: _Attempt, moments: list[Moment], failed: bool, language: str) -> Input:
    """Return an input whose number counts; whether it says anything is up to window and bound."""
    unknown = last.window is not None and last.window.answer is InWindow.UNDETERMINED
    answer = Answer.UNDETERMINED if unknown else last.answer
    why = Why.WINDOW_UNKNOWN if unknown else Why.BOUND_TOO_LOW if answer is Answer.UNDETERMINED else None
    ages = [age for moment in moments if (age := age_h(last.moment, moment)) is not None]
    age = max(ages, default=None)
    remarks = [
        *([] if last.remark is None else [last.remark]),
        *([] if why is None else [_why_in_words(why, last, language)]),
        *([spoken(BORDERLINE, language)] if last.borderline else []),
        *([spoken(LATER_FAILED, language)] if failed else []),
        *([spoken(OLDER, language).format(age)] if age is not None and age >= 0.05 else []),
    ]
    return Input(
        last.what,
        answer,
        last.number or "",
        last.threshold,
        tuple(remarks),
        last.reading_id,
        age,
        last.borderline,
        failed,
        why,
        last.mapped_by,
    )


def _void(attempt: _Attempt, why: Why, language: str) -> Input:
    """Return an input that says nothing, with the attempt that came nearest to one."""
    words = _why_in_words(why, attempt, language)
    return Input(
        attempt.what,
        Answer.UNDETERMINED,
        attempt.number or words,
        attempt.threshold,
        () if attempt.number is None else (words,),
        attempt.reading_id,
        why=why,
    )


def _why_in_words(why: Why, attempt: _Attempt, language: str) -> str:
    words, window = WHY[why], attempt.window
    if why is Why.REJECTED and attempt.failed:
        return because(words, attempt.failed, language)
    if why is Why.WINDOW_UNKNOWN and window is not None and window.why is not None:
        return because(words, spoken(NO_HOURS[window.why], language), language)
    if why is Why.OUTSIDE_WINDOW and window is not None and window.hours is not None:
        return because(words, spoken(AFTER_ONSET, language).format(window.hours), language)
    return spoken(words, language)
