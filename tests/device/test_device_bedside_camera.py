"""A camera that is unplugged and plugged in again, with the bedside as a process of its own."""

import json
import subprocess
from pathlib import Path

import pytest
from running_bedside import Bedside

from device.journal import Deliveries

pytestmark = pytest.mark.slow


def test_a_camera_unplugged_in_mid_hold_ends_it_by_that_name_and_measures_once_it_is_back(
    folder: Path, probe: "subprocess.Popen[str]"
) -> None:
    faults = folder / "faults.json"
    bedside = Bedside(folder, "--measurements", "2", "--camera-faults", str(faults))
    bedside.until(state="holding")
    faults.write_text(json.dumps({"unplugged": True}))
    told = bedside.until(event="reading")
    assert told["result"]["reason"] == "camera_fault"
    bedside.until(event="problem", sentence="The camera delivers no more frames.")
    bedside.until(event="refused", sentence="The camera does not answer. Call the study engineer.")
    faults.write_text("{}")
    bedside.until(event="reading", device_seq=2)
    assert bedside.end() == 0
    with Deliveries.open(folder / "data" / "journal.sqlite", read_only=True) as journal:
        assert journal.verify().sound
        first, second = journal.records()
    assert first.reading.presses == []
    assert len(second.reading.presses) == 1


def test_a_bedside_without_a_camera_comes_up_and_waits_for_one(folder: Path, probe: "subprocess.Popen[str]") -> None:
    faults = folder / "faults.json"
    faults.write_text(json.dumps({"unplugged": True}))
    bedside = Bedside(folder, "--measurements", "1", "--camera-faults", str(faults))
    bedside.until(event="problem", sentence="There is no camera.")
    bedside.until(event="refused", sentence="The camera does not answer. Call the study engineer.")
    faults.unlink()
    told = bedside.until(event="reading")
    assert told["result"]["crt_s"] is not None
    assert bedside.end() == 0


def test_a_camera_that_hangs_ends_the_process_with_a_record_and_a_sentence(
    folder: Path, probe: "subprocess.Popen[str]"
) -> None:
    faults = folder / "faults.json"
    bedside = Bedside(folder, "--measurements", "2", "--camera-faults", str(faults))
    bedside.until(state="holding")
    faults.write_text(json.dumps({"hung": True}))
    assert bedside.end(20) == 1
    assert bedside.process.stderr is not None
    assert "does not come back" in bedside.process.stderr.read()
    with Deliveries.open(folder / "data" / "journal.sqlite", read_only=True) as journal:
        (record,) = journal.records()
    assert record.reading.result.reason == "camera_fault"
