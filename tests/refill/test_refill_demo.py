"""The demo as a newcomer starts it, and what happens when its processes are killed, stopped or asked for nonsense."""

import csv
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.crash import Kill, plan, play
from benchmarks.crash_checks import database_problems, journal_problems, records
from benchmarks.crash_demo import CHILDREN, VICTIMS, Demo
from device.journal import Deliveries
from phantom.world import PressureWorldReader

pytestmark = pytest.mark.slow

TRUE_CRT_S = 2.4


def demo(*options: str, limit_s: float = 180.0) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "refill", "demo", *options],
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )


@dataclass(frozen=True)
class Shown:
    folder: Path
    ended: "subprocess.CompletedProcess[str]"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """One demo from start to end."""
    folder = tmp_path_factory.mktemp("newcomer") / "demo"
    return Shown(folder, demo("--data", str(folder), "--crt", str(TRUE_CRT_S)))


def test_a_newcomer_sees_a_reading_close_to_the_truth(shown: Shown) -> None:
    assert shown.ended.returncode == 0, shown.ended.stdout + shown.ended.stderr
    with Deliveries.open(shown.folder / "journal.sqlite", read_only=True) as journal:
        (record,) = journal.records()
    result = record.reading.result
    assert result.crt_s is not None
    assert abs(result.crt_s - TRUE_CRT_S) < 0.3
    assert record.reading.simulated
    said = shown.ended.stdout
    assert f"refill time                   {result.crt_s:.2f} s, 95 % interval" in said
    assert "true value of the phantom     2.40 s (biexp, tone IV)" in said
    assert "records in the journal        1, 0 without a receipt" in said
    assert "rows in the trial database    1" in said
    assert shown.ended.stderr == ""


def test_journal_database_crf_rows_and_plot_are_there_and_agree(shown: Shown) -> None:
    assert journal_problems(shown.folder) + database_problems(shown.folder) == []
    with Deliveries.open(shown.folder / "journal.sqlite", read_only=True) as journal:
        (record,) = journal.records()
    with (shown.folder / "crf.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["reading_id"], row["sha256"], row["simulated"]) == (record.reading_id, record.sha256, "true")
    assert float(row["crt_s"]) == record.reading.result.crt_s
    assert (shown.folder / "reading.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ("DELETE FROM reading", "is not in the database"),
        ("UPDATE reading SET sha256 = 'x'", "differs"),
        ("UPDATE record SET device_seq = 2", "missing from 1"),
        ("UPDATE record SET previous_sha256 = 'x'", "chain breaks"),
    ],
)
def test_a_lost_or_altered_row_would_be_seen_by_the_crash_benchmark(
    shown: Shown, tmp_path: Path, harm: str, words: str
) -> None:
    folder = shutil.copytree(shown.folder, tmp_path / "copy")
    with closing(sqlite3.connect(folder / "trial.sqlite3", isolation_level=None)) as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute(harm)
    assert any(words in problem for problem in database_problems(folder))


def test_a_missing_receipt_or_record_would_be_seen_by_the_crash_benchmark(shown: Shown, tmp_path: Path) -> None:
    folder = shutil.copytree(shown.folder, tmp_path / "copy")
    with closing(sqlite3.connect(folder / "journal.sqlite", isolation_level=None)) as journal:
        journal.execute("DROP TRIGGER delivery_no_delete")
        journal.execute("DELETE FROM delivery")
        journal.execute("INSERT INTO measurement_begun VALUES ('never ended', '{}', 'then')")
    problems = journal_problems(folder)
    assert any("receipts []" in problem for problem in problems)
    assert any("never ended has no record" in problem for problem in problems)
    assert any(problem.startswith("journal:") for problem in problems)  # a trigger is gone


@pytest.fixture
def started() -> Iterator[list[Demo]]:
    demos: list[Demo] = []
    yield demos
    for running in demos:
        running.end()
        running.clear()


def start(started: list[Demo], folder: Path) -> Demo:
    started.append(Demo(folder, seed=1))
    return started[-1]


def wait_for(running: Demo, phase: str, limit_s: float = 60.0) -> None:
    until_s = time.monotonic() + limit_s
    while running.phase != phase:
        assert time.monotonic() < until_s, running.lines
        assert not running.over(), running.lines
        running.children()
        time.sleep(0.02)


def test_killed_stopped_and_started_again_the_demo_keeps_every_measurement(tmp_path: Path, started: list[Demo]) -> None:
    folder = tmp_path / "demo"
    first = start(started, folder)
    wait_for(first, "holding")
    time.sleep(0.5)
    hit = first.kill("supervisor")
    assert hit.kpa > 30
    assert hit.vented_s is not None
    assert hit.vented_s < 0.7
    until_s = time.monotonic() + 8.0
    while first.survivors() and time.monotonic() < until_s:
        time.sleep(0.05)
    assert len(first.known) == len(CHILDREN)
    assert first.survivors() == []

    second = start(started, folder)
    wait_for(second, "holding")
    refused = demo("--data", str(folder), limit_s=30)
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [f"refill: {folder}: another demo runs in this folder"]
    run_folder = second.run_folder
    assert run_folder is not None
    assert first.run_folder is not None
    assert not first.run_folder.exists()  # what the killed one left behind
    world = PressureWorldReader(run_folder / "world")
    assert world.pressure_at(time.clock_gettime_ns(time.CLOCK_BOOTTIME)) > 30
    second.signal(signal.SIGINT)
    assert second.exit_code(30.0) == 1
    assert second.lines[-1][1] == "refill: stopped; what was measured is in the journal and goes out at the next start"
    assert world.pressure_at(time.clock_gettime_ns(time.CLOCK_BOOTTIME)) < 2
    assert second.survivors() == []
    assert not run_folder.exists()

    third = start(started, folder)
    assert third.exit_code(180.0) == 0, third.lines
    assert [kept.said for kept in records(folder).values()][:2] == ["interrupted", "interrupted"]
    assert len(records(folder)) == 3
    assert journal_problems(folder) + database_problems(folder) == []


def test_bedside_and_ingest_killed_at_their_worst_moments_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    kills = [Kill("bedside", "holding", 1.0), Kill("ingest", "delivering", 0.0)]
    played = play(1, kills, tmp_path / "demo", seed=1)
    assert played.problems == []
    assert [hit.victim for hit in played.hits][:1] == ["bedside"]
    assert len(played.cut_short) == 1
    first, second = played.said.values()
    assert first.interrupted
    assert first.reading_id in played.cut_short
    assert not second.interrupted


def test_a_campaign_can_be_repeated_and_kills_everybody_in_turn() -> None:
    assert plan(12, seed=3) == plan(12, seed=3)
    assert plan(12, seed=3) != plan(12, seed=4)
    victims = [kill.victim for kills in plan(21, seed=1) for kill in kills]
    assert {victim: victims.count(victim) for victim in VICTIMS} == dict.fromkeys(VICTIMS, 4)
