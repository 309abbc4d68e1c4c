"""The trial takes a status with the health of the parts, and one of the version before, and stores both alike."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine
from trial_bench import STUDY

from contract.status import Condition, DeviceStatus, PartHealth, PartName
from trial.judge import AcceptedStatus, Refused, judge
from trial.queries import devices
from trial.store import Arrival, store

TOPIC = "refill/v1/demo/00/bedside-1/status"
OLD: dict[str, Any] = {
    "schema_version": "1.0",
    "session_id": "00000000-0000-4000-8000-000000000009",
    "state": "ready",
    "at": "2026-11-23T12:00:00Z",
    "software_version": "0.1.0",
    "unsent_readings": 3,
    "problem": None,
}
SENTENCE = "The disk is full: no measurement can be started. Call the study engineer."
FULL = PartHealth(part=PartName.DISK, condition=Condition.FAULT, sentence=SENTENCE, value=100.0, unit="MB")
NEW = DeviceStatus.model_validate(
    {**OLD, "schema_version": "1.1", "problem": SENTENCE, "health": [FULL]}
).model_dump_json()


def judged(payload: str) -> AcceptedStatus | Refused:
    verdict = judge(TOPIC, payload.encode(), STUDY)
    assert isinstance(verdict, AcceptedStatus | Refused)
    return verdict


def test_a_status_with_health_is_taken() -> None:
    verdict = judged(NEW)
    assert isinstance(verdict, AcceptedStatus)
    assert verdict.status.health == [FULL]


def test_a_status_of_the_version_before_is_taken() -> None:
    verdict = judged(json.dumps(OLD))
    assert isinstance(verdict, AcceptedStatus)
    assert verdict.status.health is None


@pytest.mark.parametrize(
    "change", [{"part": "toaster"}, {"condition": "fine"}, {"sentence": "x" * 501}, {"patient": "x"}, {"unit": "K"}]
)
def test_a_health_that_is_none_of_ours_is_refused(change: dict[str, str]) -> None:
    content = json.loads(NEW)
    content["health"][0].update(change)
    assert isinstance(judged(json.dumps(content)), Refused)


def test_a_sentence_that_no_database_could_hold_is_refused() -> None:
    content = json.loads(NEW)
    content["health"][0]["sentence"] = "nul \0"
    assert isinstance(judged(json.dumps(content)), Refused)


def test_both_are_stored_and_the_problem_is_what_a_data_manager_sees(engine: Engine) -> None:
    now = datetime.now(UTC)
    for payload, problem in ((json.dumps(OLD), None), (NEW, SENTENCE)):
        verdict = judged(payload)
        store(engine, [Arrival(TOPIC, payload.encode(), now, verdict)], now)
        with engine.connect() as connection:
            (device,) = devices(connection)
        assert (device.state, device.unsent_readings, device.problem) == ("ready", 3, problem)
