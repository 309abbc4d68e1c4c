"""The feed's kill campaign: a few rounds on real processes, and checks that find what was planted."""

import os
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks import feed_kill, feed_rig
from benchmarks.feed_kill_checks import Findings, check, last_seqs, unanswered
from benchmarks.feed_kill_figures import Restart, Stored, back, waits_s
from benchmarks.feed_kill_plan import AIMED, VICTIMS, plan
from benchmarks.feed_kill_report import failures, report
from benchmarks.feed_records import append
from benchmarks.servers import MissingError, found
from contract.envelope import Envelope
from contract.topics import Topic
from device.journal import Deliveries, Journal
from firmware_config.study import Study
from trial.database import open_database, upgrade
from trial.judge import judge
from trial.store import Arrival, store

pytestmark = pytest.mark.slow

ROUNDS, SEED = 6, 232
COUNT = 12
JOURNAL, DATABASE = "journal.sqlite", "trial.sqlite3"
STUDY = Study(name="demo", title="demo", sites=["00"], accept_simulated=True, events=["inclusion"])
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not tmp_path: a socket's path may have 107 bytes, and PostgreSQL may run as another user.
    with tempfile.TemporaryDirectory(prefix="ft-") as name:
        yield Path(name)


def needed(name: str, *places: str) -> None:
    try:
        found(name, *places)
    except MissingError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def test_a_feed_that_is_killed_again_and_again_loses_and_doubles_nothing(folder: Path) -> None:
    needed("mosquitto", "/usr/sbin/mosquitto")
    needed("initdb", *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))))
    lines: list[str] = []
    done = feed_kill.run(ROUNDS, SEED, folder, lines.append)
    assert failures(done) == [], lines
    assert sum(bool(one.struck) for one in done.rounds) == ROUNDS
    assert {one.kill.victims[0] for one in done.rounds} == set(VICTIMS)
    assert done.findings.readings == done.findings.rows > 20
    assert len(done.waits_s) == done.findings.readings
    assert "No promise was broken." in report("command", done)


def test_every_victim_and_every_aim_gets_its_turn() -> None:
    kills = plan(200, 1)
    assert plan(200, 1) == kills != plan(200, 2)
    firsts = {kill.victims[0] for kill in kills}
    assert firsts == set(VICTIMS)
    assert {(kill.victims[0], kill.moment) for kill in kills} == {
        (victim, moment) for victim in VICTIMS for moment in ("any", *AIMED[victim])
    }
    assert 20 < sum(len(kill.victims) == 2 for kill in kills) < 80
    assert all(len(kill.pauses_s) == len(kill.victims) and max(kill.pauses_s) <= 3.0 for kill in kills)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a journal whose readings are all stored and answered, and of its database."""
    folder = tmp_path_factory.mktemp("whole")
    path, database = folder / JOURNAL, folder / DATABASE
    with Journal.open(path, "bedside-1") as journal:
        append(journal, COUNT)
    engine = open_database(str(database))
    upgrade(engine)
    topic = str(Topic("demo", "00", "bedside-1", "reading"))
    with Deliveries.open(path) as deliveries:
        now = datetime.now(UTC)
        payloads = [
            Envelope(sent_at=now, previous_sha256=record.previous_sha256, sha256=record.sha256, body=record.body)
            .model_dump_json()
            .encode()
            for record in deliveries.records()
        ]
        outcomes = store(engine, [Arrival(topic, text, now, judge(topic, text, STUDY)) for text in payloads], now)
        for outcome in outcomes:
            assert outcome.receipt is not None
            assert deliveries.note(outcome.receipt)
    engine.dispose()
    return folder


@pytest.fixture
def delivered(whole: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Journal and database, to be spoilt."""
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    return folder / JOURNAL, folder / DATABASE


def checked(path: Path, database: Path) -> Findings:
    journals = {"bedside-1": path}
    engine = open_database(str(database))
    with engine.connect() as connection:
        findings = check(journals, connection)
    engine.dispose()
    return findings


def planted(database: Path, *statements: str) -> None:
    """Do to the database what its keys and triggers would not let anybody do."""
    connection = sqlite3.connect(database)
    for table in ("reading", "record"):
        connection.executescript(f"CREATE TABLE bare AS SELECT * FROM {table}; DROP TABLE {table};")  # noqa: S608 - names above
        connection.executescript(f"ALTER TABLE bare RENAME TO {table};")
    connection.executescript(";".join(statements))
    connection.close()


def test_a_reading_that_is_under_way_is_no_problem_until_the_end(delivered: tuple[Path, Path]) -> None:
    path, database = delivered
    journals = {"bedside-1": path}
    upto = last_seqs(journals)
    with Journal.open(path, "bedside-1") as journal:
        append(journal, 1)
    engine = open_database(str(database))
    with engine.connect() as connection:
        assert check(journals, connection, upto).problems == []
        assert check(journals, connection).problems != []
    engine.dispose()


def test_what_is_whole_passes(delivered: tuple[Path, Path]) -> None:
    path, database = delivered
    findings = checked(path, database)
    assert findings.problems == []
    assert (findings.readings, findings.rows) == (COUNT, COUNT)
    assert all(0 <= wait_s < 600 for wait_s in waits_s({"bedside-1": path}))


LOSS = "DELETE FROM reading WHERE device_seq = 7; DELETE FROM record WHERE device_seq = 7"
LAST_LOST = "DELETE FROM reading WHERE device_seq = 12; DELETE FROM record WHERE device_seq = 12"
DOUBLE = "INSERT INTO reading SELECT * FROM reading WHERE device_seq = 7"
DOUBLE_UNDER_ANOTHER_NUMBER = (
    "INSERT INTO reading SELECT * FROM reading WHERE device_seq = 7;"
    "UPDATE reading SET device_seq = 13 WHERE rowid = (SELECT MAX(rowid) FROM reading)"
)
CHANGED = "UPDATE reading SET body = replace(body, '\"finger\"', '\"knee\"') WHERE device_seq = 7"
OF_NOBODY = "UPDATE reading SET device = 'bedside-9' WHERE device_seq = 7"


@pytest.mark.parametrize(
    ("statement", "where", "sentence"),
    [
        (LOSS, lambda found: found.lost, "bedside-1: 1 journalled and not in the database: 7"),
        (LOSS, lambda found: found.sequence, "bedside-1: gap in the database from 7 to 7"),
        (LAST_LOST, lambda found: found.lost, "bedside-1: 1 journalled and not in the database: 12"),
        (DOUBLE, lambda found: found.doubled, "bedside-1: 1 in the database twice: 7"),
        (
            DOUBLE_UNDER_ANOTHER_NUMBER,
            lambda found: found.doubled,
            "bedside-1: 1 in the database and not in the journal: 13",
        ),
        (CHANGED, lambda found: found.changed, "bedside-1: 1 not the same in the database as in the journal: 7"),
        (OF_NOBODY, lambda found: found.doubled, "bedside-9: readings of a device that there is not"),
    ],
)
def test_the_checks_find_what_is_planted(
    delivered: tuple[Path, Path], statement: str, where: Callable[[Findings], list[str]], sentence: str
) -> None:
    path, database = delivered
    planted(database, statement)
    assert sentence in where(checked(path, database))


def test_the_checks_find_a_press_that_is_missing_and_a_dead_letter(delivered: tuple[Path, Path]) -> None:
    path, database = delivered
    engine = open_database(str(database))
    store(engine, [Arrival("nowhere", b"x", NOON, judge("nowhere", b"x", STUDY))], NOON)
    engine.dispose()
    planted(database, "DROP TRIGGER press_no_delete", "DELETE FROM press WHERE rowid = 4")
    findings = checked(path, database)
    assert findings.changed == ["bedside-1: 2 has 2 presses, not 3"]
    assert findings.dead_letters == ["1 dead letters: topic"]


def test_the_checks_find_a_receipt_that_did_not_come_home(delivered: tuple[Path, Path]) -> None:
    path, database = delivered
    with Journal.open(path, "bedside-1") as journal:
        append(journal, 2)
    journals = {"bedside-1": path}
    assert unanswered(journals, {"bedside-1": COUNT}) == 0
    assert unanswered(journals, last_seqs(journals)) == 2
    findings = checked(path, database)
    assert findings.unanswered == [f"bedside-1: 2 without a receipt: {COUNT + 1}, {COUNT + 2}"]
    assert findings.lost == [f"bedside-1: 2 journalled and not in the database: {COUNT + 1}, {COUNT + 2}"]


def test_the_checks_find_a_journal_that_was_tampered_with(delivered: tuple[Path, Path]) -> None:
    path, database = delivered
    shutil.copy(path, path.with_name("journal-broken-20261123T120000000000Z.sqlite"))
    findings = checked(path, database)
    assert findings.journals == ["bedside-1: set aside: journal-broken-20261123T120000000000Z.sqlite"]


def test_a_restart_is_over_with_the_first_new_reading_unless_the_next_kill_came_before() -> None:
    def at(seconds: float) -> datetime:
        return NOON + timedelta(seconds=seconds)

    times = [(1.0, 0.9, "a"), (2.2, 1.9, "a"), (2.5, 2.4, "b"), (3.5, 3.4, "a"), (9.0, 8.9, "b")]
    stored = [Stored(at(stored_s), at(sent_s), device) for stored_s, sent_s, device in times]
    restarts = [Restart("broker", at(2.0)), Restart("publisher", at(2.0), "a"), Restart("database", at(5.0))]
    seen = back(restarts, [at(0.5), at(1.5), at(4.0), at(8.0)], stored)
    assert seen.seconds == {"broker": [pytest.approx(0.2)], "publisher": [1.5]}
    assert seen.disturbed == 1


def test_a_campaign_without_its_rounds_or_readings_is_no_success() -> None:
    missed = failures(feed_kill.Done(2))
    assert len(missed) == 2
    assert all(line.startswith("NOT MET") for line in missed)
    assert failures(feed_kill.Done(0, problems=["the broker ended by itself"]))[-1] == "the broker ended by itself"


def test_the_rig_tells_of_a_process_that_ends_or_hangs_and_starts_it_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed("mosquitto", "/usr/sbin/mosquitto")
    needed("initdb", *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))))
    monkeypatch.setattr(feed_rig, "WATCHDOG_S", 1.5)
    said: list[str] = []
    feed = feed_rig.Feed(folder, devices=["bedside-1"], say=said.append)
    try:
        feed.start("writer")
        feed.start("bedside-1")
        assert feed.until(lambda: feed.part("bedside-1").text(), 60)
        hung, ended = feed.part("bedside-1").process, feed.part("writer").process
        assert hung is not None
        assert ended is not None
        ended.kill()
        ended.wait()
        assert feed.until(lambda: len(said) == 1, 60)
        assert said[0].startswith("PROBLEM: writer ended by itself: [exit -9]")
        hung.send_signal(signal.SIGSTOP)
        assert feed.until(lambda: len(said) == 2, 60)
        assert said[1].startswith("PROBLEM: bedside-1 hung for 1.5 s")
        assert feed.runs("writer")
        assert feed.runs("bedside-1")
    finally:
        feed.close()
    assert not feed.runs("writer")
    assert not feed.runs("bedside-1")
