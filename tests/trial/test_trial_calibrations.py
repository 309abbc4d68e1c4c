"""Certificates in the trial database: once each, whatever comes again or is no certificate."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from calibration_bench import FAILED, KEY, PASSED, YEAR, came, certificate, message, topic
from certificates_bench import DONE, count, received, word
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError
from trial_bench import NOON, STUDY

from calibration.certificate.make import signed
from contract.calibration import certificate_sha256
from trial import tables
from trial.calibration_queries import calibrations
from trial.database import writing
from trial.judge import AcceptedCertificate, Refusal, Refused, anyone, fingerprint, judge
from trial.letters import listed, replay
from trial.queries import letters
from trial.store import store


@pytest.mark.parametrize("steps", [PASSED, FAILED, PASSED[:3]], ids=["passed", "failed", "incomplete"])
def test_a_certificate_is_stored_as_it_was_signed_and_answered(engine: Engine, steps: Any) -> None:
    made = certificate(steps=steps)
    [outcome] = received(engine, message(made))
    with engine.connect() as connection:
        row = connection.execute(select(tables.certificate)).one()
    content = signed(made, KEY)
    assert (row.body, row.public_key, row.signature) == (content.body, content.public_key, content.signature)
    assert (row.site, row.device, row.made_at, row.due_at) == ("00", "bedside-1", made.made_at, made.due_at)
    assert (outcome.kind, str(outcome.device)) == ("stored", topic())
    given = word(outcome)
    assert (given.outcome, given.certificate_id) == ("stored", made.certificate_id)
    assert given.sha256 == row.sha256 == certificate_sha256(content)
    assert bool(row.failed_steps) == (steps is FAILED)
    assert bool(row.missing_steps) == (len(steps) == 3)


def test_a_certificate_that_comes_again_is_stored_once_and_answered_every_time(engine: Engine) -> None:
    made = certificate()
    outcomes = received(engine, message(made), message(made, sent_s=5)) + received(engine, message(made, sent_s=9))
    assert [outcome.kind for outcome in outcomes] == ["stored", "again", "again"]
    assert {word(outcome).outcome for outcome in outcomes} == {"stored"}
    assert (count(engine, tables.certificate), count(engine, tables.certificate_receipt)) == (1, 1)


def test_the_same_id_with_another_text_is_refused_and_the_first_stands(engine: Engine) -> None:
    made = certificate()
    other = made.model_copy(update={"operator": "eng-2"})
    outcomes = received(engine, message(made), message(other))
    assert [word(outcome).outcome for outcome in outcomes] == ["stored", "refused"]
    with engine.connect() as connection:
        assert connection.execute(select(tables.certificate.c.operator)).scalar_one() == "eng-1"
        assert [letter.reason for letter in listed(connection)] == ["conflict"]


def test_a_stored_certificate_cannot_be_changed(engine: Engine) -> None:
    received(engine, message(certificate()))
    with pytest.raises(DBAPIError, match="append-only"), writing(engine).begin() as connection:
        connection.execute(tables.certificate.update().values(due_at=NOON + 9 * YEAR))
    with pytest.raises(DBAPIError, match="append-only"), writing(engine).begin() as connection:
        connection.execute(tables.certificate.delete())


def bad(name: str) -> tuple[bytes, str]:
    content = json.loads(message(certificate()))
    where = topic()
    if name == "altered":
        body = content["certificate"]["body"].replace("eng-1", "eng-2")
        content["certificate"]["body"] = body
    elif name == "rubbish":
        content = {"colour": "red"}
    elif name == "newer":
        content["schema_version"] = "9.0"
    elif name == "other":
        where = topic("bedside-2")
    return json.dumps(content).encode(), where


@pytest.mark.parametrize(
    ("name", "reason", "answered"),
    [
        ("altered", Refusal.SIGNATURE, True),
        ("rubbish", Refusal.UNREADABLE, False),
        ("newer", Refusal.NEWER_SCHEMA, True),
        ("other", Refusal.WRONG_PLACE, True),
    ],
)
def test_what_is_no_certificate_of_its_device_is_one_dead_letter(
    engine: Engine, name: str, reason: Refusal, answered: bool
) -> None:
    content, where = bad(name)
    again = re.sub(rb'"sent_at": "[^"]*"', b'"sent_at": "2026-11-23T12:00:07Z"', content, count=1)
    outcomes = store(engine, [came(content, where), came(again, where)], NOON)
    assert [outcome.kind for outcome in outcomes] == ["refused", "refused"]
    assert [outcome.receipt is not None for outcome in outcomes] == [answered, answered]
    with engine.connect() as connection:
        assert [letter.reason for letter in listed(connection)] == [reason]
    assert count(engine, tables.certificate) == 0
    [told] = replay(engine, STUDY, anyone, **DONE)
    assert "still refused" in told.said


def test_a_simulated_one_and_one_of_a_stranger_are_refused(engine: Engine) -> None:
    content = message(certificate())
    real = STUDY.model_copy(update={"accept_simulated": False})
    verdicts = [judge(topic(), content, real), judge(topic(), content, STUDY, lambda _: False)]
    assert [verdict.reason for verdict in verdicts if isinstance(verdict, Refused)] == ["simulated", "device"]
    refused = [replace(came(content), verdict=verdict) for verdict in verdicts[1:]]
    store(engine, refused, NOON)
    received(engine, content)
    with engine.connect() as connection:
        assert [letter.state for letter in listed(connection)] == ["stored meanwhile"]
        assert letters(connection)["device"].overtaken == 1
    [told] = replay(engine, STUDY, anyone, **DONE)
    assert "its device sends it until it is stored" in told.said


@pytest.mark.parametrize(("days", "outcome"), [(730, "stored"), (731, "stored"), (732, "refused")])
def test_a_certificate_that_holds_for_longer_than_a_device_may_say_is_refused(
    engine: Engine, days: int, outcome: str
) -> None:
    made = certificate(due_at=NOON + timedelta(days=days))
    [given] = received(engine, message(made))
    assert word(given).outcome == outcome
    if outcome == "refused":
        assert "731 days" in str(word(given).reason)
        with engine.connect() as connection:
            assert [letter.reason for letter in listed(connection)] == ["term"]


def test_the_newest_is_that_which_follows_not_that_with_the_latest_date(engine: Engine) -> None:
    first = certificate(made_at=NOON + 9 * YEAR, due_at=NOON + 10 * YEAR)
    last = certificate(after=first)
    received(engine, message(last), message(first))
    with engine.connect() as connection:
        [newest] = calibrations(connection, "demo").values()
    assert newest.certificate_id == str(last.certificate_id)
    assert newest.standing(NOON) == "in force, simulated"
    assert newest.standing(NOON + YEAR - timedelta(days=29)) == "ends soon, simulated"
    assert newest.standing(NOON + 2 * YEAR) == "expired, simulated"


def test_a_certificate_as_large_as_may_be_signed_is_stored(engine: Engine) -> None:
    figures = [{"name": f"f{number}", "value": number / 7, "unit": "kPa"} for number in range(1880)]
    made = certificate(steps=[{"step": "focus", "at": NOON, "figures": figures}])
    content = message(made)
    assert 195_000 < len(signed(made, KEY).body) < 200_000
    assert len(content) < 256 * 1024
    assert [word(outcome).outcome for outcome in received(engine, content)] == ["stored"]


WHOLE = json.loads(message(certificate()))
VALUES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just([]) | st.just({})
)


@pytest.mark.slow
@given(where=st.sampled_from(["", "certificate", "body"]), name=st.data(), value=VALUES)
def test_no_message_makes_the_judge_stumble(where: str, name: st.DataObject, value: Any) -> None:
    """One value anywhere in a good message is another, signed again where it is in the text."""
    content = json.loads(json.dumps(WHOLE))
    inside = json.loads(content["certificate"]["body"])
    place = {"": content, "certificate": content["certificate"], "body": inside}[where]
    place[name.draw(st.sampled_from(sorted(place)))] = value
    if where == "body":
        body = json.dumps(inside)
        content["certificate"] |= {"body": body, "signature": KEY.sign(body)}
    verdict = judge(topic(), json.dumps(content).encode(), STUDY)
    assert verdict.topic is not None
    if isinstance(verdict, AcceptedCertificate):
        assert verdict.certificate.device.name == "bedside-1"
    else:
        assert isinstance(verdict, Refused)


@given(st.binary(max_size=300))
def test_no_bytes_make_the_judge_stumble(content: bytes) -> None:
    assert isinstance(judge(topic(), content, STUDY), Refused)
    assert len(fingerprint(topic(), content)) == 64
