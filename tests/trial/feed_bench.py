"""What the tests of the CRF feeds share: a small trial with every kind of reading, and what has happened to it."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine
from trial_bench import NOON, amendment, corrected, journal, mottling_reading, reading

from contract.mottling import MottlingReading
from contract.reading import Reading
from firmware_config.study import Study
from trial.corrections import correct
from trial.judge import judge
from trial.store import Arrival, store

STUDY = Study(
    name="demo", title="demo & <test>", sites=["00", "01"], accept_simulated=True, events=["inclusion", "day-1"]
)
LATER = NOON + timedelta(hours=1)
DONE: dict[str, Any] = {"actor": "dm-1", "why": 'typed "wrong" & seen <late>'}


def keep(engine: Engine, *records: Any, study: Study = STUDY) -> None:
    """Bring the journal of one device into the database."""
    device, site = records[0].device.name, records[0].subject.site
    topic = f"refill/v1/demo/{site}/{device}/reading"
    arrivals = [Arrival(topic, content, NOON, judge(topic, content, study)) for content in journal(*records)]
    outcomes = store(engine, arrivals, NOON)
    assert all(outcome.receipt is None or outcome.receipt.outcome == "stored" for outcome in outcomes), outcomes


def censored(seq: int, **changes: Any) -> Reading:
    found = {"status": "censored", "crt_exceeds_s": 9.5}
    presses = [{"number": 1, "result": found, "target_kpa": 40.0, "frames": 300, "frames_dropped": 0}]
    return Reading.model_validate(
        reading(seq).model_dump(mode="json") | {"result": found, "presses": presses} | changes
    )


def small_trial(engine: Engine) -> dict[str, Reading | MottlingReading]:
    """Seven readings of two subjects: each status, corrections here and at the bedside, one a move to another event."""
    first = reading(1, event="inclusion", operator="n12")
    second = reading(2, event="inclusion", crt_s=None, body_site="knee")
    third = censored(3, event="day-1")
    fourth = mottling_reading(4, event="inclusion")
    fifth = mottling_reading(5, score=None, event="day-1")
    sixth = reading(6)  # no event
    said = amendment(7, fourth, mottling_score=3, operator="n13")
    bedside = corrected(8, first, ("side", "left", "right"))
    keep(engine, first, second, third, fourth, fifth, sixth, said, bedside)
    other = reading(1, event="inclusion", device="bedside-2", site="01")
    keep(engine, other)
    correct(engine, STUDY, str(third.reading_id), "event", "inclusion", **DONE)
    correct(engine, STUDY, str(third.reading_id), "operator", "n14", **DONE)
    names = ("first", "second", "third", "fourth", "fifth", "sixth", "other")
    return dict(zip(names, (first, second, third, fourth, fifth, sixth, other), strict=True))
