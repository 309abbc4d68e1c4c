"""What certificates make the trial ask and show: of readings without one in force, of devices that are due."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from calibration_bench import FAILED, PASSED, YEAR, came, certificate, message, topic
from certificates_bench import DONE, OTHER, asked, count, measured, received, word
from sqlalchemy import Engine, select
from trial_bench import NOON, STUDY

from trial import tables
from trial.accounts import Account
from trial.calibration_queries import calibrations
from trial.enrolment import enrol, revoke
from trial.page import views
from trial.page.desk import Desk
from trial.store import store


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
