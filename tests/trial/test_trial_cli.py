"""`refill trial` as a person types it."""

import subprocess
import sys
from pathlib import Path

import pytest
from trial_bench import NOON, STUDY, Program, chain, free_port, listening, new_database, payload, reading, refill_trial
from typer.testing import CliRunner

from refill.trial_cli import app
from trial.broker import DemoBrokerError, run_broker, wait_until_listening
from trial.judge import judge
from trial.store import Arrival, store

TOPIC = "refill/v1/demo/00/bedside-1/reading"


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A database with records 1, 2 and 4 of a device, and one dead letter."""
    path = tmp_path / "trial.sqlite3"
    engine = new_database(path)
    records = chain(4)
    contents = [records[i][1].model_dump_json().encode() for i in (0, 1, 3)] + [b"nonsense"]
    store(engine, [Arrival(TOPIC, content, NOON, judge(TOPIC, content, STUDY)) for content in contents], NOON)
    engine.dispose()
    return path


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_status_shows_devices_gaps_and_dead_letters(filled: Path) -> None:
    lines = run("status", "--database", filled).splitlines()
    assert lines[1].split() == ["demo", "00", "bedside-1", "3", "3", "?", "unknown"]
    assert lines[2:4] == ["missing sequence numbers: 1; broken chains: 0", "dead letters: unreadable 1"]
    assert lines[4].startswith("oldest gap: known for ")


def test_gaps_are_listed_and_end_with_exit_code_1(filled: Path) -> None:
    assert run("gaps", "--database", filled, code=1) == "demo bedside-1: 3 missing (1), of these refused: 0\n"
    assert run("gaps", "--database", filled, "--study", "other") == "no gaps, every chain whole\n"


def test_export_writes_the_rows_and_says_where(filled: Path, tmp_path: Path) -> None:
    out = tmp_path / "crf.csv"
    assert "3 readings" in run("export", "--study", "demo", "--database", filled, "--out", out)
    assert len(out.read_text(encoding="utf-8").splitlines()) == 4
    assert (tmp_path / "crf.dictionary.csv").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "--database", "missing.sqlite3"],
        ["gaps", "--database", "mysql://host/db"],
        ["export", "--study", "no-such-study", "--out", "x.csv"],
        ["export", "--study", "demo", "--out", "x.csv", "--database", "missing.sqlite3"],
        ["broker", "--host", "192.0.2.1"],
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments: list[str], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(run(*arguments, code=1).splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, not a database, and long enough to be looked at" * 20)
    output = run("status", "--database", path, code=1)
    assert "not a database" in output
    assert len(output.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["--mqtt", "4"], ["--group", "g"]])
def test_wrong_use_of_ingest_ends_with_exit_code_2(arguments: list[str]) -> None:
    run("ingest", "--study", "demo", *arguments, code=2)


def test_the_demo_broker_serves_this_machine_only() -> None:
    with pytest.raises(DemoBrokerError, match="loopback"):
        run_broker("192.0.2.1", free_port())
    assert not wait_until_listening("127.0.0.1", free_port(), 0.2)


@pytest.mark.slow
def test_the_demo_broker_is_quiet_and_ends_when_asked(tmp_path: Path) -> None:
    port = free_port()
    broker = Program(refill_trial("broker", "--port", str(port)), tmp_path / "log").start()
    try:
        listening(port)
        again = refill_trial("broker", "--port", str(port))
        second = subprocess.run(again, check=False, capture_output=True, timeout=30, text=True)
        assert (second.returncode, len(second.stderr.splitlines())) == (1, 1), second.stderr
        assert "is the port taken?" in second.stderr
        assert broker.terminate() == 0
        assert broker.text() == ""
    finally:
        broker.kill()


@pytest.mark.slow
def test_help_does_not_load_what_it_does_not_need() -> None:
    code = "import sys, refill.trial_cli; print(sorted({'sqlalchemy', 'paho', 'amqtt', 'pydantic'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert shown.stdout.strip() == "[]"


def test_a_reading_of_another_study_is_not_exported(filled: Path, tmp_path: Path) -> None:
    assert judge(TOPIC, payload(reading(9)), STUDY)
    out = tmp_path / "i-micro.csv"
    assert "0 readings" in run("export", "--study", "i-micro", "--database", filled, "--out", out)
