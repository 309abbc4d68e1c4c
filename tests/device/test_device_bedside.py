"""The bedside machine as a user starts it: real processes on the phantom, from the push to the journal."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from running_bedside import Bedside

from contract.reasons import Reason
from device.bedside_events import json_lines
from device.journal import Deliveries, Journal
from firmware_config.loading import load_named
from firmware_config.protocol import Protocol
from phantom.world import PressureWorldReader

pytestmark = pytest.mark.slow

WHOLE_S = load_named("protocols", "demo", Protocol).observe_s - 0.3
"""The whole window of the demo's protocol, less what a frame takes on its way."""


def test_one_push_makes_one_reading_that_is_in_the_journal_with_its_trace(
    folder: Path, probe: subprocess.Popen[str]
) -> None:
    bedside = Bedside(folder, "--measurements", "1", "--crt", "2.4")
    told = bedside.until(event="reading")
    with Deliveries.open(folder / "data" / "journal.sqlite", read_only=True) as journal:
        record = journal.record(told["device_seq"])
        assert record is not None
        assert record.sha256 == told["sha256"]
    assert bedside.end() == 0
    reading = record.reading
    assert reading.simulated
    assert reading.study == "demo"
    assert reading.protocol.name == "demo"
    states = [event["state"] for event in bedside.events if event["event"] == "state"]
    if reading.result.reason in (Reason.PROBE_FAULT, Reason.CAMERA_FAULT, Reason.INTERRUPTED):
        pytest.fail(f"{reading.result.reason}: the machine was too busy, or something is broken; states {states}")
    assert states[:5] == ["idle", "baseline", "pressing", "holding", "refilling"]
    (press,) = reading.presses
    assert press.mean_hold_kpa == pytest.approx(40, rel=0.05)
    assert press.time_zero_from == "pressure"
    assert reading.result.crt_s is not None
    assert reading.result.crt_s == pytest.approx(2.4, rel=0.15)
    with Deliveries.open(folder / "data" / "journal.sqlite", read_only=True) as journal:
        found = journal.verify()
        assert (found.records, found.traces, found.problems) == (1, 1, ())
    watched_s, again = reanalysed(folder)
    assert watched_s < WHOLE_S, "an established number ends the press early"
    assert [again[name] for name in NUMBERS] == [press.result.model_dump(mode="json")[name] for name in NUMBERS]
    assert again["crt_s"] == reading.result.crt_s
    assert (again["message"], again["mean_hold_kpa"]) == (None, press.mean_hold_kpa)


@pytest.mark.parametrize(("fault", "reasons"), [("glare", {"glare", "saturated"}), ("flicker_100", {"flicker"})])
def test_a_refused_press_is_watched_to_its_end_and_its_trace_gives_the_same_reason(
    folder: Path, probe: subprocess.Popen[str], fault: str, reasons: set[str]
) -> None:
    bedside = Bedside(folder, "--measurements", "1", "--crt", "2.4", "--fault", fault)
    told = bedside.until(event="reading")
    assert bedside.end() == 0
    assert told["result"]["reason"] in reasons
    watched_s, again = reanalysed(folder)
    assert watched_s >= WHOLE_S
    assert (again["status"], again["reason"]) == ("not_measurable", told["result"]["reason"])


NUMBERS = ("status", "crt_s", "crt_ci95_s", "t50_s", "crt_90_10_s", "crt_100_10_s", "tau_s", "delay_s", "overshoot")


def reanalysed(folder: Path) -> tuple[float, dict[str, Any]]:
    """How long the first press was watched after time zero, and what `refill analyse` says of its exported trace."""
    exported = run_cli("journal", "export", "--data", str(folder / "data"), "--out", str(folder / "out"))
    assert exported.returncode == 0, exported.stderr
    path = folder / "out" / "traces" / "000001-1.json"
    command = [sys.executable, "-m", "refill", "analyse", str(path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    again = json.loads(done.stdout)
    return json.loads(path.read_text())["frames"]["time_s"][-1] - again["time_zero_s"], again


def test_a_bedside_killed_in_mid_press_vents_and_leaves_an_interrupted_record(
    folder: Path, probe: subprocess.Popen[str]
) -> None:
    bedside = Bedside(folder, "--measurements", "1")
    bedside.until(state="holding")
    time.sleep(0.3)
    assert PressureWorldReader(folder / "world").pressure_at(time.clock_gettime_ns(time.CLOCK_BOOTTIME)) > 30
    bedside.process.kill()
    bedside.end()
    # Its lease is gone with it: half a second later the true pressure on the skin is nearly none.
    world = PressureWorldReader(folder / "world")
    time.sleep(0.7)
    assert world.pressure_at(time.clock_gettime_ns(time.CLOCK_BOOTTIME)) < 2
    with Journal.open(folder / "data" / "journal.sqlite", "refill-demo") as journal:
        (draft,) = journal.interrupted()
    again = Bedside(folder)
    told = again.until(event="reading")
    assert told["reading_id"] == str(draft.reading_id)
    assert told["result"]["reason"] == "interrupted"
    assert told["completed"] == 0
    again.until(state="idle")
    again.process.terminate()
    assert again.end() == 0


def test_a_stop_in_mid_press_releases_records_and_ends_cleanly(folder: Path, probe: subprocess.Popen[str]) -> None:
    bedside = Bedside(folder, "--measurements", "1")
    bedside.until(state="holding")
    bedside.process.send_signal(signal.SIGTERM)
    assert bedside.end(20) == 0
    with Deliveries.open(folder / "data" / "journal.sqlite", read_only=True) as journal:
        (record,) = journal.records()
        assert record.reading.result.reason is Reason.INTERRUPTED


def test_a_probe_that_dies_in_mid_press_ends_in_a_record_and_a_sentence(
    folder: Path, probe: subprocess.Popen[str]
) -> None:
    bedside = Bedside(folder, "--measurements", "1")
    bedside.until(state="holding")
    probe.kill()
    told = bedside.until(event="reading")
    assert told["result"]["reason"] == "probe_fault"
    assert any(event["event"] == "problem" and "probe does not answer" in event["sentence"] for event in bedside.events)
    assert bedside.end() == 0


def run_cli(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "refill", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


def test_a_reader_of_the_events_that_goes_away_stops_nothing() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as stream:
        emit = json_lines(stream)
        emit({"event": "state"})
        emit({"event": "state"})
