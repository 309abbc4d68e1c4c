"""A bedside process that scores a photo and takes what a nurse adds, seen from its console; also killed meanwhile."""

import hashlib
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import cv2
import pytest
from running_bedside import Bedside

from contract.amendment import Amendment
from contract.mottling import LegLandmarks, MottlingReading
from contract.reading import BodySite, Subject
from device.console_client import ConsoleClient
from device.console_words import Amend, Choice, Choose, Mottling
from device.journal import Deliveries
from device.photo_inbox import inbox_of, put
from phantom.leg.drawn_at_random import spec_of
from phantom.leg.photo import LegPhoto, take

pytestmark = pytest.mark.slow

CHOICE = Choice(study="demo", subject=Subject(site="00", inclusion="0007"), body_site=BodySite.FINGER, protocol="demo")
LIMIT_S = 90.0


@pytest.fixture(scope="module")
def leg() -> tuple[bytes, LegPhoto]:
    made = take(spec_of(3, "optics", score=3))
    done, packed = cv2.imencode(".jpg", made.photo)
    assert done
    return packed.tobytes(), made


def word(console: Path, leg: tuple[bytes, LegPhoto]) -> Mottling:
    """Put the photo into the inbox and return the word that has it scored."""
    content, made = leg
    name = f"{uuid4()}.jpg"
    put(inbox_of(console), name, content)
    marks = made.truth.landmarks
    return Mottling(
        choice=CHOICE, photo=name, landmarks=LegLandmarks(knee=marks.knee, patella=marks.patella, groin=marks.groin)
    )


def wait_for(path: Path, limit_s: float = 30.0) -> None:
    end_s = time.monotonic() + limit_s
    while not path.exists():
        assert time.monotonic() < end_s, f"{path.name} did not come"
        time.sleep(0.05)


def heard(screen: ConsoleClient, name: str) -> dict[str, Any]:
    return next(event for event in screen.events(LIMIT_S) if event.get("event") == name)


def test_a_photo_is_scored_confirmed_and_remembered_for_the_next_screen(folder: Path, leg: Any) -> None:
    bedside, console = Bedside(folder, chosen=None), folder / "b.sock"
    wait_for(console)
    with ConsoleClient(console) as screen:
        assert screen.ask(Choose(choice=CHOICE)) is None
        assert screen.ask(word(console, leg)) is None
        scored = heard(screen, "mottling")
        assert (scored["result"]["status"], scored["photo"]) == ("measured", hashlib.sha256(leg[0]).hexdigest())
        picture = inbox_of(console) / scored["map"]
        assert picture.read_bytes().startswith(b"\xff\xd8\xff")
        confirmed = Amend(about=UUID(scored["reading_id"]), operator="n9", action="confirmed", mottling_score=3)
        assert screen.ask(confirmed) is None
        added = heard(screen, "amended")
        assert (added["about"], added["action"]) == (scored["reading_id"], "confirmed")
    with ConsoleClient(console) as another:
        assert heard(another, "mottling") == scored
    bedside.process.terminate()
    assert bedside.end() == 0
    with Deliveries.open(folder / "data" / "journal.sqlite", read_only=True) as journal:
        found = journal.verify()
        assert (found.problems, found.records, found.photos) == ((), 2, 1)
        assert [type(record.content) for record in journal.records()] == [MottlingReading, Amendment]
        assert journal.trace(scored["reading_id"], 1) == leg[0]


def test_killed_while_it_looks_at_a_photo_it_says_so_at_the_next_start(folder: Path, leg: Any) -> None:
    bedside, console = Bedside(folder, chosen=None), folder / "b.sock"
    wait_for(console)
    with ConsoleClient(console) as screen:
        assert screen.ask(Choose(choice=CHOICE)) is None
        assert screen.ask(word(console, leg)) is None
        bedside.process.kill()
    bedside.process.wait(10)
    again = Bedside(folder, chosen=None)
    told = again.until(event="mottling")
    assert (told["result"]["reason"], told["photo"], told["map"]) == ("interrupted", None, None)
    again.process.terminate()
    assert again.end() == 0
    with Deliveries.open(folder / "data" / "journal.sqlite", read_only=True) as journal:
        found = journal.verify()
        assert (found.problems, found.records, found.photos) == ((), 1, 0)
