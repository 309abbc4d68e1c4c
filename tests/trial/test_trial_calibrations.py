"""Certificates in the trial database: once each, whatever comes again, and what they ask."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from calibration_bench import FAILED, KEY, PASSED, YEAR, came, certificate, message, topic
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError
from trial_bench import NOON, STUDY, payload, reading

from calibration.certificate.keys import DeviceKey
from calibration.certificate.make import signed
from contract.calibration import CertificateReceipt, certificate_sha256
from trial import tables
from trial.accounts import Account
from trial.calibration_queries import calibrations
from trial.database import writing
from trial.enrolment import enrol, revoke
from trial.judge import AcceptedCertificate, Refusal, Refused, anyone, fingerprint, judge
from trial.letters import listed, replay
from trial.page import views
from trial.page.desk import Desk
from trial.queries import letters
from trial.schedule.findings import findings
from trial.store import Arrival, Outcome, store

DONE: dict[str, Any] = {"actor": "dm-1", "why": "as on paper"}


def count(engine: Engine, table: Any) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def word(outcome: Outcome) -> CertificateReceipt:
    assert isinstance(outcome.receipt, CertificateReceipt)
    return outcome.receipt


def asked(engine: Engine, after: timedelta = timedelta(days=2), **changes: Any) -> dict[str, str]:
    """The codes of what is asked, with the question."""
    with engine.connect() as connection:
        found = findings(connection, STUDY.model_copy(update=changes), NOON + after)
    assert len({each.key for each in found}) == len(found)
    return {each.code: each.question for each in found}


def received(engine: Engine, *contents: bytes) -> list[Outcome]:
    return store(engine, [came(content) for content in contents], NOON)


def measured(engine: Engine, seq: int = 1, **changes: Any) -> None:
    where = f"refill/v1/demo/00/{changes.get('device', 'bedside-1')}/reading"
    content = payload(reading(seq, **changes))
    store(engine, [Arrival(where, content, NOON, judge(where, content, STUDY))], NOON)


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


OTHER = DeviceKey(Ed25519PrivateKey.generate())


def test_a_certificate_by_another_key_is_asked_about_and_not_refused_and_is_never_the_newest(engine: Engine) -> None:
    first = certificate()
    outcomes = received(engine, message(first)) + received(engine, message(foreign := certificate(after=first), OTHER))
    assert [word(outcome).outcome for outcome in outcomes] == ["stored", "stored"]
    assert str(foreign.certificate_id) in asked(engine)["calibration-key"]
    with engine.connect() as connection:
        [newest] = calibrations(connection, "demo").values()
    assert newest.certificate_id == str(first.certificate_id)
    assert newest.standing(NOON) == "in force, simulated, another key"


def test_a_certificate_by_another_key_between_two_of_the_devices_own_is_asked_about(engine: Engine) -> None:
    first = certificate()
    foreign = certificate(after=first)
    last = certificate(after=foreign, steps=FAILED)
    for content in (message(first), message(foreign, OTHER), message(last)):
        received(engine, content)
    found = asked(engine)
    assert str(foreign.certificate_id) in found["calibration-key"]
    assert str(last.certificate_id) in found["calibration-not-passed"]


def test_a_reading_that_names_a_certificate_by_another_key_is_asked_about(engine: Engine) -> None:
    first = certificate()
    received(engine, message(first))
    received(engine, message(foreign := certificate(after=first), OTHER))
    measured(engine, calibration_id=str(first.certificate_id))
    assert "certificate-key" not in asked(engine)
    measured(engine, 2, calibration_id=str(foreign.certificate_id))
    assert str(foreign.certificate_id) in asked(engine)["certificate-key"]
    assert "certificate-superseded" not in asked(engine), "what another key signed follows nothing"


def test_a_reading_on_skin_that_names_a_simulated_certificate_is_asked_about(engine: Engine) -> None:
    made = certificate()
    received(engine, message(made))
    measured(engine, calibration_id=str(made.certificate_id))
    assert asked(engine) == {}
    measured(engine, 2, simulated=False, calibration_id=str(made.certificate_id))
    assert "2 readings name it, and it is simulated; 1 were" in asked(engine)["certificate-simulated"]
    received(engine, message(real := certificate("bedside-1", simulated=False)))
    measured(engine, 3, simulated=False, calibration_id=str(real.certificate_id))
    assert str(real.certificate_id) not in asked(engine)["certificate-simulated"]


@pytest.mark.parametrize(("made_s", "says"), [(-600, True), (600, False)], ids=["before the reading", "behind it"])
def test_a_reading_that_names_the_one_before_the_newest_is_asked_about(
    engine: Engine, made_s: float, says: bool
) -> None:
    first = certificate(made_at=NOON - timedelta(days=1))
    last = certificate(after=first, made_at=NOON + timedelta(seconds=made_s))
    received(engine, message(first), message(last))
    measured(engine, calibration_id=str(first.certificate_id))
    assert ("certificate-superseded" in asked(engine)) == says


def test_one_device_does_not_take_the_id_of_anothers_certificate(engine: Engine) -> None:
    own = certificate("bedside-2")
    taken = certificate("bedside-1", certificate_id=own.certificate_id, steps=FAILED)
    thief = store(engine, [came(message(taken, OTHER), topic("bedside-1"))], NOON)
    outcomes = thief + store(engine, [came(message(own), topic("bedside-2"))], NOON)
    assert [word(outcome).outcome for outcome in outcomes] == ["stored", "stored"]
    assert count(engine, tables.certificate_receipt) == 2
    measured(engine, device="bedside-2", calibration_id=str(own.certificate_id))
    assert set(asked(engine)) == {"calibration-not-passed"}
    with engine.connect() as connection:
        [name] = connection.execute(select(tables.reading.c.reading_id)).scalars()
    door: Any = Open()
    assert "of bedside-2, passed" in views.reading(Desk(engine, STUDY, door, "token"), {"reading_id": name})


class Open:
    """A door that lets one account in."""

    def __init__(self, site: str | None = None) -> None:
        self.account = Account("demo", "dm", "data_manager" if site is None else "site", site)

    def account_of(self, _token: str | None, *, touch: bool = True) -> Account:
        del touch
        return self.account


def test_the_devices_page_shows_how_each_stands_and_until_when(engine: Engine) -> None:
    for device in ("bedside-1", "bedside-2"):
        measured(engine, device=device)
    due_at = datetime(2050, 1, 31, tzinfo=UTC)
    received(engine, message(certificate(made_at=due_at - YEAR, due_at=due_at)))

    def shown(site: str | None) -> str:
        door: Any = Open(site)
        return views.devices(Desk(engine, STUDY, door, "token"), {})

    assert "<td>in force, simulated</td><td>2050-01-31</td>" in shown(None)
    assert "<td>no certificate</td><td></td>" in shown(None)
    assert "2050" not in shown("01")


def test_a_readings_page_says_what_there_is_of_its_certificate(engine: Engine) -> None:
    made = certificate(steps=FAILED)
    measured(engine, calibration_id=str(made.certificate_id))
    measured(engine, 2)
    with engine.connect() as connection:
        named, bench = connection.execute(select(tables.reading.c.reading_id).order_by(tables.reading.c.id)).scalars()
    door: Any = Open()
    desk = Desk(engine, STUDY, door, "token")
    assert f"{made.certificate_id}, has not come in" in views.reading(desk, {"reading_id": named})
    received(engine, message(made))
    told = f"{made.certificate_id}, of bedside-1, failed: end_to_end, due 2027-11-23"
    assert told in views.reading(desk, {"reading_id": named})
    assert "none: bench use" in views.reading(desk, {"reading_id": bench})


def test_a_reading_whose_certificate_holds_asks_nothing(engine: Engine) -> None:
    made = certificate()
    received(engine, message(made))
    measured(engine, calibration_id=str(made.certificate_id))
    measured(engine, 2)
    assert asked(engine) == {}


def test_a_reading_on_skin_without_a_calibration_is_asked_about_where_the_study_requires_one(engine: Engine) -> None:
    measured(engine, simulated=False)
    assert asked(engine, calibration="bench") == {}
    assert asked(engine, calibration="required") == {
        "uncalibrated": "bedside-1: 1 readings were measured without a calibration in force"
    }


def test_a_reading_whose_certificate_is_not_here_is_asked_about_after_a_day(engine: Engine) -> None:
    made = certificate()
    for seq in (1, 2):
        measured(engine, seq, calibration_id=str(made.certificate_id))
    assert asked(engine, timedelta(hours=23)) == {}
    [question] = asked(engine, timedelta(hours=25)).values()
    assert question == f"bedside-1: certificate {made.certificate_id}: 2 readings name it, and it has not come in"
    received(engine, message(made))
    assert asked(engine) == {}


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("certificate-not-passed", {"steps": FAILED}),
        ("certificate-not-passed", {"steps": PASSED[:3]}),
        ("certificate-expired", {"made_at": NOON - 2 * YEAR, "due_at": NOON - YEAR}),
        ("certificate-clock", {"made_at": NOON + timedelta(hours=1)}),
        ("certificate-of-another", {"device": "bedside-2"}),
    ],
)
def test_a_reading_whose_certificate_does_not_hold_is_asked_about(
    engine: Engine, code: str, changes: dict[str, Any]
) -> None:
    made = certificate(**changes)
    store(engine, [came(message(made), topic(made.device.name))], NOON)
    measured(engine, calibration_id=str(made.certificate_id))
    assert code in asked(engine)


def test_a_calibration_is_asked_for_before_its_end_after_it_and_where_it_failed(engine: Engine) -> None:
    enrol(engine, study="demo", site="00", device="bedside-1", certificate_sha256=None, **DONE)
    made = certificate()
    received(engine, message(made))
    assert asked(engine, YEAR - timedelta(days=31)) == {}
    assert set(asked(engine, YEAR - timedelta(days=29))) == {"calibration-ends"}
    assert set(asked(engine, YEAR + timedelta(days=1))) == {"calibration-expired"}
    received(engine, message(certificate(after=made, steps=FAILED)))
    assert "failed: end_to_end" in asked(engine, YEAR)["calibration-not-passed"]
    revoke(engine, study="demo", site="00", device="bedside-1", **DONE)
    assert asked(engine, YEAR) == {}


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
