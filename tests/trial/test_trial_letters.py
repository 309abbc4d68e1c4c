"""Dead letters: seen, judged again, stored exactly once, and the device told."""

import json
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError
from trial_bench import NOON, STUDY, chain, new_database, payload, reading
from typer.testing import CliRunner

from contract.reading import Reading
from refill.trial_cli import app
from trial import queries, rows, tables
from trial.enrolment import Register, enrol
from trial.judge import Accepted, Refusal, anyone, judge
from trial.letters import LetterError, listed, replay, replay_one
from trial.people import UnsignedError
from trial.store import Arrival, Outcome, store

TOPIC = "refill/v1/demo/00/bedside-1/reading"
DONE: dict[str, Any] = {"actor": "dm-1", "why": "the device was enrolled late"}


def nobody(_topic: object) -> bool:
    return False


def arrive(engine: Engine, content: bytes, admits: Any = anyone, topic: str = TOPIC) -> Outcome:
    [outcome] = store(engine, [Arrival(topic, content, NOON, judge(topic, content, STUDY, admits))], NOON)
    return outcome


def sealed(count: int) -> list[bytes]:
    return [record.model_dump_json().encode() for _, record in chain(count)]


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(tables.metadata.tables[table])).scalar_one()


def replay_all(engine: Engine, **options: Any) -> list[str]:
    return [each.said for each in replay(engine, STUDY, anyone, **DONE | options)]


def test_a_refused_reading_is_stored_whole_when_its_device_is_enrolled_after_all(engine: Engine) -> None:
    record = reading(operator="n12")
    content = payload(record)
    register = Register(engine, STUDY)
    assert arrive(engine, content, register.admits).kind == "refused"
    enrol(engine, study="demo", site="00", device="bedside-1", certificate_sha256=None, **DONE)
    [outcome] = replay(engine, STUDY, Register(engine, STUDY).admits, **DONE)
    assert (outcome.reading_id, outcome.said) == (str(record.reading_id), "stored")
    with engine.connect() as connection:
        row = connection.execute(select(tables.reading)).one()
        [press] = connection.execute(select(tables.press)).all()
        done = connection.execute(select(tables.replay)).one()
        [letter] = listed(connection)
        noted = connection.execute(select(tables.audit.c.detail).where(tables.audit.c.action == "dead letter replayed"))
        details = noted.scalars().all()
    assert Reading.model_validate_json(row.body) == record
    assert row.received_at == NOON, "the time at which it came in is never rewritten"
    assert press.reading_id == str(record.reading_id)
    assert (done.dead_letter_id, done.reading_id, done.outcome) == (letter.id, str(record.reading_id), "stored")
    assert (done.actor, done.why) == ("dm-1", "the device was enrolled late")
    assert (letter.state, letter.became, letter.payload) == ("replayed", str(record.reading_id), content)
    assert len(details) == 1
    assert f"letter {letter.id} (device) is reading {record.reading_id} of bedside-1 1, stored" in details[0]


def test_the_device_hears_of_it_when_it_sends_the_record_again(engine: Engine) -> None:
    content = payload(reading())
    first = arrive(engine, content, nobody)
    assert first.receipt is not None
    assert first.receipt.outcome == "refused"
    replay_all(engine)
    again = arrive(engine, content)
    assert again.kind == "again"
    assert again.receipt is not None
    assert (again.receipt.outcome, again.receipt.received_at) == ("stored", NOON)
    assert count(engine, "reading") == 1


def test_a_letter_is_replayed_once_however_often_it_is_asked_for(engine: Engine) -> None:
    arrive(engine, payload(reading()), nobody)
    assert replay_all(engine) == ["stored"]
    assert replay_all(engine) == []
    assert replay_one(engine, STUDY, anyone, 1, **DONE).said == "replayed before"
    assert (count(engine, "reading"), count(engine, "replay")) == (1, 1)


def test_a_record_that_came_in_otherwise_is_not_stored_twice(engine: Engine) -> None:
    content = payload(reading())
    arrive(engine, content, nobody)
    arrive(engine, content)
    with engine.connect() as connection:
        assert [letter.state for letter in listed(connection)] == ["stored meanwhile"]
        assert queries.letters(connection) == {"device": queries.Letters(1, 0, 1)}
    assert replay_all(engine) == ["stored already"]
    assert (count(engine, "reading"), count(engine, "replay")) == (1, 1)
    with engine.connect() as connection:
        assert queries.letters(connection) == {"device": queries.Letters(1, 1, 0)}


def test_what_is_wrong_in_itself_stays_refused_and_says_why(engine: Engine) -> None:
    arrive(engine, b"nonsense")
    arrive(engine, payload(reading()).replace(b"2.5", b"2.6"))
    arrive(engine, b"nonsense", topic="refill/v1/demo/00/bedside-1/status")
    said = replay_all(engine)
    assert said[0].startswith("still refused (unreadable)")
    assert said[1:2] == ["still refused (hash): sha256: does not match the body"]
    assert said[2].startswith("still refused (unreadable)")
    assert (count(engine, "reading"), count(engine, "replay")) == (0, 0)


def test_a_contradiction_stays_refused(engine: Engine) -> None:
    arrive(engine, payload(reading(1)), nobody)
    arrive(engine, payload(reading(1)))
    assert [said[:24] for said in replay_all(engine)] == ["still refused (conflict)"]
    assert (count(engine, "reading"), count(engine, "replay")) == (1, 0)


def test_a_payload_that_was_cut_cannot_be_replayed(engine: Engine) -> None:
    outer = json.loads(payload(reading()))
    content = json.dumps(outer).encode() + b" " * 300_000
    arrive(engine, content)
    [said] = replay_all(engine)
    assert (
        said == f"only 262144 of {len(content)} bytes were kept: it cannot be replayed, its device must send it again"
    )
    assert count(engine, "reading") == 0


def test_a_status_is_not_replayed_because_it_is_old(engine: Engine) -> None:
    status = {
        "session_id": "00000000-0000-4000-8000-000000000009",
        "state": "ready",
        "at": NOON.isoformat(),
        "software_version": "0.1.0",
        "unsent_readings": 0,
    }
    arrive(engine, json.dumps(status).encode(), nobody, "refill/v1/demo/00/bedside-1/status")
    assert replay_all(engine) == ["a status is not replayed: its device sends a new one"]
    assert count(engine, "device_status") == 0


def test_only_letters_of_the_reason_and_of_the_study_are_judged_again(engine: Engine) -> None:
    arrive(engine, payload(reading(1)), nobody)
    arrive(engine, b"nonsense")
    arrive(engine, payload(reading(1, study="other")), topic="refill/v1/other/00/bedside-1/reading")
    assert replay_all(engine, reason=Refusal.DEVICE) == ["stored"]
    with pytest.raises(LetterError, match="dead letter 3 is of study other, not of demo"):
        replay_one(engine, STUDY, anyone, 3, **DONE)
    with pytest.raises(LetterError, match="no dead letter 99"):
        replay_one(engine, STUDY, anyone, 99, **DONE)
    with pytest.raises(UnsignedError):
        replay(engine, STUDY, anyone, actor="dm-1", why="")


def test_more_letters_than_a_page_are_all_replayed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trial.letters.PAGE", 5)
    contents = sealed(13)
    store(engine, [Arrival(TOPIC, c, NOON, judge(TOPIC, c, STUDY, nobody)) for c in contents], NOON)
    assert replay_all(engine) == ["stored"] * 13
    with engine.connect() as connection:
        assert queries.gaps(connection) == queries.chain_breaks(connection) == queries.refused_ahead(connection) == []
    assert count(engine, "reading") == 13


@pytest.mark.slow
def test_people_who_replay_at_once_while_the_device_sends_again_store_each_once(engine: Engine) -> None:
    contents = sealed(30)
    store(engine, [Arrival(TOPIC, c, NOON, judge(TOPIC, c, STUDY, nobody)) for c in contents], NOON)
    errors: list[BaseException] = []

    def guarded(work: Any) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - shown by the test's own thread
            errors.append(error)

    def send() -> None:
        for content in contents:
            arrive(engine, content)

    works = [lambda: replay_all(engine), lambda: replay_all(engine), send]
    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert (count(engine, "reading"), count(engine, "press"), count(engine, "replay")) == (30, 30, 30)


def test_a_race_that_is_lost_to_an_ingester_is_run_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    content = payload(reading())
    arrive(engine, content, nobody)
    original, lost = rows.reading_row, []

    def taken(accepted: Accepted, record: Reading, received_at: datetime) -> dict[str, Any]:
        if not lost:
            lost.append(accepted)
            raise IntegrityError("insert", None, Exception("the key was taken a moment ago"))
        return original(accepted, record, received_at)

    monkeypatch.setattr(rows, "reading_row", taken)
    assert replay_all(engine) == ["stored"]
    assert len(lost) == 1
    assert (count(engine, "reading"), count(engine, "replay")) == (1, 1)


def test_refused_numbers_are_told_from_replayed_ones_in_gaps(engine: Engine) -> None:
    contents = sealed(6)
    for number in (2, 3, 5, 6):
        arrive(engine, contents[number - 1], nobody)
    for number in (1, 4):
        arrive(engine, contents[number - 1])
    with engine.connect() as connection:
        gaps, ahead = queries.gaps(connection, "demo"), queries.refused_ahead(connection, "demo")
        assert queries.refused_ahead(connection, "other") == []
    assert [(gap.first_missing, gap.last_missing, gap.refused) for gap in gaps] == [(2, 3, 2)]
    assert gaps[0].known_since == NOON
    assert ahead == [queries.RefusedAhead("demo", "bedside-1", 2)]
    assert replay_one(engine, STUDY, anyone, 1, **DONE).said == "stored"
    with engine.connect() as connection:
        [gap] = queries.gaps(connection)
    assert (gap.first_missing, gap.last_missing, gap.refused) == (3, 3, 1)


def test_a_device_that_was_always_refused_is_seen(engine: Engine) -> None:
    arrive(engine, payload(reading()), nobody)
    with engine.connect() as connection:
        assert queries.gaps(connection) == []
        assert queries.refused_ahead(connection) == [queries.RefusedAhead("demo", "bedside-1", 1)]


def test_a_gap_is_known_since_the_first_record_from_behind_it(engine: Engine) -> None:
    contents = sealed(5)
    for minutes, number in enumerate((1, 5, 4)):
        content, at = contents[number - 1], NOON + timedelta(minutes=minutes)
        store(engine, [Arrival(TOPIC, content, at, judge(TOPIC, content, STUDY))], at)
    with engine.connect() as connection:
        [gap] = queries.gaps(connection)
    assert (gap.first_missing, gap.last_missing, gap.known_since) == (2, 3, NOON + timedelta(minutes=1))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with a refused reading (letter 1), nonsense (2) and a stored reading."""
    path = tmp_path / "trial.sqlite3"
    engine = new_database(path)
    contents = sealed(2)
    arrive(engine, contents[1], nobody)
    arrive(engine, b"\x1b[31mnonsense")
    arrive(engine, contents[0])
    engine.dispose()
    return path


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


BY = ("--study", "demo", "--by", "dm-1", "--why", "enrolled late")


@pytest.mark.slow
def test_letters_are_listed_shown_and_replayed_by_command(database: Path) -> None:
    at = ("--database", database)
    lines = run("letters", "list", *at).splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "2"]
    assert "demo bedside-1 2  device, refused: device bedside-1 is not enrolled at site 00" in lines[0]
    assert lines[2] == "2 dead letters"
    assert run("letters", "list", *at, "--limit", "1").splitlines()[1] == "1 dead letters; more with --after 1"
    assert run("letters", "list", *at, "--reason", "unreadable").splitlines()[1] == "1 dead letters"
    assert run("letters", "show", "2", *at).splitlines()[1:] == [f"topic {TOPIC}, 13 bytes", "?[31mnonsense"]
    assert "1 refused beyond the last stored record" in run("gaps", *at, code=1)
    replayed = run("letters", "replay", *at, *BY).splitlines()
    assert replayed[0].startswith("letter 1: reading ")
    assert replayed[1].startswith("letter 2: still refused (unreadable)")
    assert replayed[2] == "2 letters judged again: 1 are readings now, 1 stay refused"
    assert "it is reading " in run("letters", "show", "1", *at)
    assert run("gaps", *at) == "no gaps, every chain whole\n"
    assert "dead letters: device 1 (1 replayed), unreadable 1" in run("status", *at)


@pytest.mark.slow
def test_one_letter_is_replayed_by_its_number(database: Path) -> None:
    assert "stored" in run("letters", "replay", "--database", database, "--id", "1", *BY)
    assert "still refused" in run("letters", "replay", "--database", database, "--id", "2", *BY, code=1)


WRONG: list[tuple[list[str], int, str]] = [
    (["show", "9"], 1, "no dead letter 9"),
    (["list", "--reason", "mood"], 2, "there are: topic, study"),
    (["replay", "--id", "9", *BY], 1, "no dead letter 9"),
    (["replay", "--id", "1", "--reason", "device", *BY], 2, "give one of them"),
    (["replay", "--study", "demo", "--by", "anna-smith", "--why", "x"], 2, "could be a name"),
    (["replay", "--study", "demo", "--by", "dm-1", "--why", ""], 1, "a reason is needed"),
]


@pytest.mark.slow
def test_what_cannot_be_done_is_said_in_one_line(database: Path) -> None:
    for arguments, code, words in WRONG:
        output = run("letters", *arguments, "--database", database, code=code)
        assert words in output
        assert len(output.splitlines()) == 1
