"""Screens and the bedside as processes of their own: who is chosen, and stopping what runs."""

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from running_bedside import Bedside

from contract.reading import BodySite, Subject
from device.console_client import ConsoleClient
from device.console_words import Abort, Choice, Choose, Forget
from device.journal import Deliveries
from device.session_words import NOBODY_CHOSEN
from phantom.world import PressureWorldReader

pytestmark = pytest.mark.slow

CHOICE = Choice(
    study="demo",
    subject=Subject(site="00", inclusion="0007"),
    body_site=BodySite.FINGER,
    event="inclusion",
    protocol="demo",
)


def now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_a_screen_stops_a_press_in_mid_hold_and_the_next_push_measures(
    folder: Path, probe: "subprocess.Popen[str]"
) -> None:
    bedside = Bedside(folder, "--measurements", "2")
    bedside.until(state="holding")
    time.sleep(0.3)
    world = PressureWorldReader(folder / "world")
    assert world.pressure_at(now_ns()) > 30
    with ConsoleClient(folder / "b.sock") as screen:
        assert screen.ask(Abort()) is None
    told = bedside.until(event="reading")
    time.sleep(0.5)
    assert world.pressure_at(now_ns()) < 2
    assert told["result"]["reason"] == "aborted"
    bedside.until(event="reading", device_seq=2)
    assert bedside.end() == 0
    with Deliveries.open(folder / "data" / "journal.sqlite", read_only=True) as journal:
        first, second = journal.records()
        assert first.reading.presses == []
        assert len(second.reading.presses) == 1, "whatever it came to on skin that was just pressed"


def test_nobody_is_measured_before_somebody_is_chosen_and_a_choice_outlives_the_process(
    folder: Path, probe: "subprocess.Popen[str]"
) -> None:
    bedside = Bedside(folder, "--measurements", "1", chosen=None)
    bedside.until(event="refused", sentence=NOBODY_CHOSEN)
    with ConsoleClient(folder / "b.sock") as screen:
        refusal = screen.ask(Choose(choice=CHOICE.model_copy(update={"event": "day-9"})))
        assert refusal is not None
        assert "no event day-9" in refusal
        assert screen.ask(Choose(choice=CHOICE)) is None
    bedside.until(event="choice", choice=CHOICE.model_dump(mode="json"))
    bedside.process.kill()
    bedside.end()
    again = Bedside(folder, "--measurements", "1", chosen=None)
    again.until(event="choice", choice=CHOICE.model_dump(mode="json"))
    again.until(state="holding")
    with ConsoleClient(folder / "b.sock") as screen:
        busy = screen.ask(Choose(choice=CHOICE))
        assert busy is not None
        assert "under way" in busy
        assert screen.ask(Forget()) is None
    told: dict[str, Any] = again.until(event="verdict")
    assert [given["what"] for given in told["inputs"]] == ["finger", "knee"]
    assert again.end() == 0
    with Deliveries.open(folder / "data" / "journal.sqlite", read_only=True) as journal:
        *cut, record = journal.records()
    # The kill may have met a measurement that a push had just begun.
    assert [each.reading.result.reason for each in cut] in ([], ["interrupted"])
    assert (record.reading.subject, record.reading.event) == (CHOICE.subject, "inclusion")
    assert not (folder / "choice.json").exists()


def test_a_journal_that_is_not_there_is_waited_for(folder: Path, probe: "subprocess.Popen[str]") -> None:
    (folder / "data").write_text("a file where a folder should be")
    bedside = Bedside(folder, "--measurements", "1")
    said = bedside.until(event="problem")
    assert "journal" in said["sentence"]
    bedside.until(event="refused", sentence=said["sentence"])
    (folder / "data").unlink()
    told = bedside.until(event="reading")
    assert told["result"]["crt_s"] is not None
    assert bedside.end() == 0
