"""Which devices may send: enrolled, moved, revoked; and how soon an ingester knows."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import SQLAlchemyError
from trial_bench import NOON, STUDY, new_database, payload, reading
from typer.testing import CliRunner

from contract.topics import Topic
from refill.trial_cli import app
from trial import tables
from trial.database import open_database
from trial.enrolment import NO_STANDS_S, REREAD_S, EnrolmentError, Register, enrol, listed, revoke
from trial.judge import Accepted, Refusal, Refused, judge
from trial.people import UnsignedError, is_person_code
from trial.store import Arrival, store

TOPIC = Topic("demo", "00", "bedside-1", "reading")
PLACE: dict[str, Any] = {"study": "demo", "site": "00", "device": "bedside-1", "actor": "eng-1", "why": "installed"}
NEW: dict[str, Any] = PLACE | {"certificate_sha256": "c" * 64}


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def queries_of(engine: Engine) -> list[str]:
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: "FROM enrolment" in given[2] and seen.append(given[2]))
    return seen


def test_a_device_is_enrolled_renewed_and_revoked_and_every_step_stays(engine: Engine) -> None:
    enrol(engine, **NEW)
    enrol(engine, **NEW | {"certificate_sha256": "d" * 64, "why": " renewed "})
    revoke(engine, **PLACE | {"why": "stolen"})
    with engine.connect() as connection:
        rows = connection.execute(select(tables.enrolment).order_by(tables.enrolment.c.id)).all()
        [now] = listed(connection, "demo")
        audit = connection.execute(select(tables.audit.c.actor, tables.audit.c.action, tables.audit.c.detail)).all()
    assert [(row.action, row.why) for row in rows] == [
        ("enrolled", "installed"),
        ("enrolled", "renewed"),
        ("revoked", "stolen"),
    ]
    assert (now.action, now.certificate_sha256, now.site) == ("revoked", "d" * 64, "00")
    mine = [row for row in audit if row.actor.startswith("eng-1 ")]
    assert [row.action for row in mine] == ["device enrolled", "device enrolled", "device revoked"]
    assert all("bedside-1" in row.detail for row in mine)


def test_a_device_has_one_home(engine: Engine) -> None:
    enrol(engine, **NEW)
    with pytest.raises(EnrolmentError, match="enrolled at site 00: revoke it there first"):
        enrol(engine, **NEW | {"site": "01"})
    with pytest.raises(EnrolmentError, match="not enrolled at site 01"):
        revoke(engine, **PLACE | {"site": "01"})
    revoke(engine, **PLACE)
    with pytest.raises(EnrolmentError, match="not enrolled"):
        revoke(engine, **PLACE)
    enrol(engine, **NEW | {"site": "01"})
    register = Register(engine, STUDY)
    assert register.admits(Topic("demo", "01", "bedside-1", "reading"))
    assert not register.admits(TOPIC)


UNKEEPABLE: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"device": "bed/side"}, EnrolmentError),
    ({"site": "7"}, EnrolmentError),
    ({"study": "#"}, EnrolmentError),
    ({"certificate_sha256": "C" * 64}, EnrolmentError),
    ({"actor": "Jane Doe"}, UnsignedError),
    ({"actor": ""}, UnsignedError),
    ({"why": "  "}, UnsignedError),
    ({"why": "two\nlines"}, UnsignedError),
    ({"why": "x" * 501}, UnsignedError),
]


def test_what_cannot_be_kept_is_refused_and_leaves_nothing(engine: Engine) -> None:
    for change, error in UNKEEPABLE:
        with pytest.raises(error):
            enrol(engine, **NEW | change)
    with engine.connect() as connection:
        assert listed(connection) == []


def test_a_word_that_could_be_a_name_is_no_code_for_a_person() -> None:
    assert [code for code in ("dm-1", "n12", "anna-smith", "duval", "Dm1", "") if is_person_code(code)] == [
        "dm-1",
        "n12",
    ]


def test_a_device_enrolled_a_second_ago_is_taken_and_one_revoked_is_turned_away_within_seconds(engine: Engine) -> None:
    clock = Clock()
    register = Register(engine, STUDY, clock)
    assert not register.admits(TOPIC)
    enrol(engine, **NEW)
    clock.now_s += 1.0
    assert register.admits(TOPIC)
    revoke(engine, **PLACE)
    clock.now_s += REREAD_S + 0.1
    assert not register.admits(TOPIC)


def test_neither_friends_nor_strangers_keep_the_database_busy(engine: Engine) -> None:
    enrol(engine, **NEW)
    clock = Clock()
    register = Register(engine, STUDY, clock)
    seen = queries_of(engine)
    for _ in range(1000):
        clock.now_s += REREAD_S / 1001
        assert register.admits(TOPIC)
    assert len(seen) == 1
    stranger = Topic("demo", "00", "bedside-9", "reading")
    for _ in range(1000):
        clock.now_s += NO_STANDS_S / 500
        assert not register.admits(stranger)
    assert len(seen) <= 4


def test_a_study_that_takes_any_device_asks_nobody(engine: Engine) -> None:
    seen = queries_of(engine)
    assert Register(engine, STUDY.model_copy(update={"devices": "any"})).admits(TOPIC)
    assert seen == []


def test_a_database_that_does_not_answer_turns_nobody_away(tmp_path: Path) -> None:
    engine = open_database(str(tmp_path / "empty.sqlite3"))
    with pytest.raises(SQLAlchemyError):
        Register(engine, STUDY).admits(TOPIC)
    engine.dispose()


def test_ingesters_share_one_list(engine: Engine) -> None:
    registers = [Register(engine, STUDY, Clock()) for _ in range(3)]
    enrol(engine, **NEW)
    assert all(register.admits(TOPIC) for register in registers)


def test_a_stranger_becomes_a_dead_letter_and_a_device_of_the_study_does_not(engine: Engine) -> None:
    register = Register(engine, STUDY, Clock())
    enrol(engine, **NEW)
    stranger = payload(reading(1, device="bedside-9"))
    topic = "refill/v1/demo/00/bedside-9/reading"
    refused = judge(topic, stranger, STUDY, register.admits)
    assert isinstance(refused, Refused)
    assert refused.reason is Refusal.DEVICE
    [outcome] = store(engine, [Arrival(topic, stranger, NOON, refused)], NOON)
    assert outcome.receipt is not None
    assert outcome.receipt.reason == "device bedside-9 is not enrolled at site 00"
    assert isinstance(judge(str(TOPIC), payload(reading()), STUDY, register.admits), Accepted)


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "trial.sqlite3"
    engine = new_database(path)
    engine.dispose()
    return path


BY = ("--by", "eng-1", "--why", "installed")


@pytest.mark.slow
def test_devices_are_enrolled_listed_and_revoked_by_command(database: Path) -> None:
    where = ("--database", database, "--study", "demo")
    place = ("--site", "00", "--device", "bedside-1")
    said = run("devices", "enrol", *where, *place, "--certificate-sha256", "c" * 64, *BY)
    assert said == "bedside-1 is enrolled at site 00 of study demo\n"
    lines = run("devices", "list", *where).splitlines()
    assert lines[0].split()[:4] == ["demo", "00", "bedside-1", "enrolled"]
    assert "by eng-1: installed; certificate cccccccccccccccc" in lines[0]
    assert lines[1] == "1 devices, 1 of them enrolled"
    assert "is revoked" in run("devices", "revoke", *where, *place, *BY)
    assert run("devices", "list", *where).splitlines()[1] == "1 devices, 0 of them enrolled"


WRONG: list[tuple[dict[str, str], int, str]] = [
    ({"--site": "77"}, 2, "site 77 is not in study demo"),
    ({"--by": "anna-smith"}, 2, "could be a name"),
    ({"--device": "Bed 1"}, 1, "do not make a topic"),
    ({"--study": "none-such"}, 1, "no such file"),
    ({"--database": "missing.sqlite3"}, 1, "no such database"),
]


@pytest.mark.slow
def test_what_cannot_be_done_is_said_in_one_line(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(database.parent)
    options = {"--study": "demo", "--site": "00", "--device": "bedside-1", "--by": "eng-1", "--why": "installed"}
    for change, code, words in WRONG:
        given = options | {"--database": str(database)} | change
        output = run("devices", "enrol", *(part for pair in given.items() for part in pair), code=code)
        assert words in output
        assert len(output.splitlines()) == 1


def test_a_database_that_was_not_upgraded_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite3"
    engine = open_database(str(path))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('r0001')")
    engine.dispose()
    output = run("devices", "list", "--database", path, code=1)
    assert output == "the database's schema is r0001, not r0010: run `refill trial upgrade`\n"
