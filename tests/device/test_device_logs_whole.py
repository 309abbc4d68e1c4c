"""A measurement of a marked subject from choice to trial: its number stands in the records, and in no log."""

import io
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from bedside_bench import Bench, choice
from broker_bench import broker, free_port, until
from device_bench import TrialEnd

from contract.reading import Reading, Subject
from contract.topics import Topic
from device import logs
from device.console_words import Choose
from device.journal import Deliveries, JournalFullError
from device.publisher import Patience, Publisher
from device.publisher_link import BrokerAddress
from vision.press import PressAnalysis

MARKER = "778899"
OTHER = "665544"
OPERATOR = "zq9"
ONSET = "2026-11-26T02:13:14+00:00"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a process writes that has configured its logging, down to the last word."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, sys.excepthook, threading.excepthook)
    stream = io.StringIO()
    logs.configure(logging.DEBUG, stream)
    yield stream
    root.handlers[:], root.level = before[0], before[1]
    sys.excepthook, threading.excepthook = before[2], before[3]
    logging.captureWarnings(capture=False)


@pytest.fixture
def bench(tmp_path: Path, written: io.StringIO) -> Iterator[Bench]:
    bench = Bench(tmp_path, chosen=False)
    marked = choice(
        subject=Subject(site="00", inclusion=MARKER), operator=OPERATOR, norepinephrine_onset_at=ONSET, side="left"
    )
    assert bench.ask(Choose(choice=marked)) is None
    yield bench
    bench.close()


def nobody_in(text: str) -> None:
    for mark in (MARKER, OTHER, OPERATOR, "02:13:14"):
        assert mark not in text


def test_a_measurement_leaves_no_name_in_the_log(
    bench: Bench, written: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    first_wall: list[str] = []

    class Raw(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            first_wall.append(record.getMessage())

    handler = Raw()
    logging.getLogger().addHandler(handler)

    def fails() -> PressAnalysis:
        Reading.model_validate({"subject": {"site": "00", "inclusion": f"x{MARKER}"}})
        raise AssertionError

    bench.measure()
    bench.disk = JournalFullError("The disk is full.")
    bench.push()
    bench.wait(1)
    bench.disk = None
    bench.wait(2)
    bench.analyse = fails
    bench.push()
    bench.until("analysis_fault")
    refused = bench.ask(Choose(choice=choice(study="demo", subject=Subject(site="99", inclusion=OTHER))))
    assert refused is not None
    logging.getLogger().removeHandler(handler)
    assert MARKER in {reading.subject.inclusion for reading in bench.records()}, "the mark is where it belongs"
    assert "the analysis of press 1 failed [ValidationError: " in written.getvalue(), "the failure was logged"
    assert "The disk is full." in written.getvalue()
    nobody_in(written.getvalue())
    nobody_in("\n".join(first_wall))
    nobody_in(capfd.readouterr().err)


def test_the_publisher_leaves_no_name_in_the_log(bench: Bench, written: io.StringIO, tmp_path: Path) -> None:
    bench.measure()
    stop = threading.Event()
    publisher = Publisher(
        tmp_path / "journal.sqlite",
        Topic("demo", "00", "refill-test", "status"),
        BrokerAddress(port=9),
        Patience(reconnect_first_s=0.05, reconnect_longest_s=0.1, look_s=0.02),
        tmp_path,
    )
    thread = threading.Thread(target=publisher.run, args=(stop,))
    thread.start()
    until(lambda: written.getvalue().count("does not answer") >= 2, "it tries")
    stop.set()
    thread.join(5)
    nobody_in(written.getvalue())
    nobody_in((tmp_path / "feed.json").read_text())


def started(folder: Path, name: str, *arguments: str) -> "subprocess.Popen[bytes]":
    log = (folder / f"{name}.log").open("wb")
    command = [sys.executable, "-m", "refill", *arguments]
    return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONUNBUFFERED": "1"})


@pytest.mark.slow
def test_the_processes_of_a_bedside_leave_no_name_in_their_logs() -> None:
    folder = Path(tempfile.mkdtemp(prefix="lg-"))  # short: a socket's path has 107 characters
    port = free_port()
    data, probe_socket, world = str(folder / "data"), str(folder / "probe.sock"), str(folder / "world")
    (folder / "data").mkdir()
    running: list[subprocess.Popen[bytes]] = []
    try:
        with broker("amqtt", port, folder):
            trial = TrialEnd(port)
            running.append(
                started(folder, "probe", "probe", "run", "--simulate", "--socket", probe_socket, "--world", world)
            )
            until((folder / "probe.sock").exists, "the probe listens")
            running.append(
                started(
                    folder,
                    "bedside",
                    *("bedside", "--simulate", "--socket", probe_socket, "--world", world, "--data", data),
                    *("--subject", f"00-{MARKER}", "--operator", OPERATOR, "--protocol", "demo", "--measurements", "1"),
                )
            )
            bedside = running[-1]
            running.append(
                started(
                    folder,
                    "publish",
                    *("publish", "--simulate", "--data", data, "--port", str(port), "--site", "00"),
                    *("--run-folder", str(folder)),
                )
            )
            until((folder / "bedside.sock").exists, "the bedside listens", 30)
            choose = ["choose", "--subject", f"00-{OTHER}", "--simulate", "--socket", str(folder / "bedside.sock")]
            watch = started(folder, "watch", "watch", "--simulate", "--socket", str(folder / "bedside.sock"))
            running.append(watch)
            until(lambda: b"baseline" in (folder / "watch.log").read_bytes(), "it measures", 30)
            asked = started(folder, "choose", *choose)
            assert asked.wait(20) == 1
            assert b"A measurement is under way" in (folder / "choose.log").read_bytes()
            assert bedside.wait(90) == 0
            until(lambda: bool(trial.readings), "the reading arrives", 30)
            until(lambda: bool(trial.statuses) and trial.statuses[-1]["unsent_readings"] == 0, "and is receipted", 30)
            trial.close()
        assert trial.readings[0].subject.inclusion == MARKER, "the mark is where it belongs"
        with Deliveries.open(folder / "data" / "journal.sqlite", read_only=True) as journal:
            assert journal.counts().unsent == 0
    finally:
        for process in reversed(running):
            process.send_signal(signal.SIGTERM)
        for process in running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        texts = {path.stem: path.read_text() for path in folder.glob("*.log")}
        shutil.rmtree(folder, ignore_errors=True)
    for name in ("probe", "bedside", "publish"):
        assert texts[name], name
        nobody_in(texts[name])
    # A screen is where it may stand: whoever chose has to see whom.
    assert f"00-{MARKER}" in texts["watch"]
