"""The study's verdict on one subject, from what stands of the readings in the journal, as it is told and printed."""

from collections.abc import Iterable

from contract.hypoperfusion import Criteria, Input, MottlingScore, Verdict, verdict
from contract.hypoperfusion_words import SENTENCES, spoken
from contract.mottling import MottlingReading
from contract.reading import BodySite, Reading, Subject
from contract.stopwatch import StopwatchMapping
from contract.window import NO_HOURS, WindowAnswer
from device.standing import Standing
from firmware_config.study import Study


def criteria_of(study: Study, event: str | None) -> Criteria:
    """Return what a study counts as poor perfusion at an event. Without an event the window holds as well."""
    window = study.window
    held = window is not None and (event is None or not window.events or event in window.events)
    return Criteria(
        refill_above_s={BodySite(each.body_site): each.crt_s for each in study.hypoperfusion},
        mottling_from_score=study.mottling_from_score,
        inputs_within_h=study.inputs_within_h,
        accept_simulated=study.accept_simulated,
        window_h=(window.from_h, window.to_h) if window is not None and held else None,
        stopwatch={
            BodySite(line.body_site): StopwatchMapping(
                line.version,
                line.intercept_s,
                line.slope,
                (line.covariance[0], line.covariance[1], line.covariance[2]),
                line.from_s,
                line.to_s,
            )
            for line in study.stopwatch
        },
    )


def perfusion_of(
    stands: Iterable[Standing], study: Study, subject: Subject, event: str | None, language: str = "en"
) -> Verdict:
    """Return the verdict on `subject` at `event` (None: readings without one), whatever else the journal holds.

    A reading counts as it stands now: one that was corrected to another subject or event is that one's. Mottling enters
    with the score that a person gave.
    """
    theirs = [
        each for each in stands if (each.now.study, each.now.subject, each.now.event) == (study.name, subject, event)
    ]
    readings = [each.now for each in theirs if isinstance(each.now, Reading)]
    scores = [_score(each, each.now) for each in theirs if isinstance(each.now, MottlingReading)]
    return verdict(readings, criteria_of(study, event), scores, language)


def _score(stands: Standing, now: MottlingReading) -> MottlingScore:
    score = stands.mottling_score
    return MottlingScore(
        score,
        now.measured,
        now.simulated,
        now.norepinephrine_onset_at,
        waits=score is None and now.result.score is not None,
        reading=now,
    )


def told(found: Verdict, language: str = "en") -> dict[str, object]:
    """Return a verdict ready for JSON, with its inputs. It names nobody."""
    return {
        "answer": found.answer.value,
        "sentence": spoken(SENTENCES[found.answer], language),
        "note": found.calibration_note(language),
        "at": None if found.newest is None else found.newest.at.isoformat(),
        "window": None if found.window is None else _window(found.window, language),
        "inputs": [_input(each) for each in found.inputs],
    }


def _window(window: WindowAnswer, language: str) -> dict[str, object]:
    why = None if window.why is None else spoken(NO_HOURS[window.why], language)
    return {"answer": window.answer.value, "hours": window.hours, "why": why}


def _input(given: Input) -> dict[str, object]:
    return {
        "what": given.what,
        "answer": given.answer.value,
        "shown": given.shown,
        "threshold": given.threshold,
        "remarks": list(given.remarks),
        "why": None if given.why is None else given.why.value,
        "borderline": given.borderline,
        "mapped_by": given.mapped_by,
        "later_attempt_failed": given.later_attempt_failed,
        "age_h": given.age_h,
        "reading_id": given.reading_id,
    }
