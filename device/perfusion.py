"""The study's verdict on one subject, from the readings that the journal holds, as it is told and printed."""

from collections.abc import Iterable

from contract.hypoperfusion import Criteria, Input, Verdict, verdict
from contract.hypoperfusion_words import NOT_CALIBRATED, SENTENCES, spoken
from contract.reading import BodySite, Reading, Subject
from contract.window import NO_HOURS, WindowAnswer
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
    )


def perfusion_of(
    readings: Iterable[Reading], study: Study, subject: Subject, event: str | None, language: str = "en"
) -> Verdict:
    """Return the verdict on `subject` at `event` (None: readings without one), whatever else the journal holds."""
    theirs = [
        reading
        for reading in readings
        if (reading.study, reading.subject, reading.event) == (study.name, subject, event)
    ]
    return verdict(theirs, criteria_of(study, event), language=language)


def told(found: Verdict, language: str = "en") -> dict[str, object]:
    """Return a verdict ready for JSON, with its inputs. It names nobody."""
    return {
        "answer": found.answer.value,
        "sentence": spoken(SENTENCES[found.answer], language),
        "note": spoken(NOT_CALIBRATED, language),
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
        "later_attempt_failed": given.later_attempt_failed,
        "age_h": given.age_h,
        "reading_id": given.reading_id,
    }
