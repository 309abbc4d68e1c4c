"""Mottling at a whole bedside: a photo from the inbox, looked at beside everything else, recorded, and let go of."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from bedside_bench import JPEG, Bench, choice
from device_bench import DEVICE, not_scored, scored

from contract.amendment import Amendment
from contract.mottling import LegLandmarks, MottlingReading, MottlingReason
from contract.reading import Reading
from device.bedside import CHOSEN_ANEW, MEASURES
from device.bedside_photo import REFUSALS
from device.console_words import Amend, Mottling
from device.journal import Deliveries, Journal, JournalFullError
from device.photo_process import PhotoError, PhotoLook
from firmware_config.loading import load_named
from firmware_config.study import Study

MARKS = LegLandmarks(knee=(100.0, 400.0), patella=(100.0, 350.0), groin=(110.0, 50.0))
FULL = JournalFullError("The disk is full.")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


class Slowly:
    """An executor that works when it is told to."""

    def __init__(self) -> None:
        self.work: list[tuple[Future[Any], Any, tuple[Any, ...]]] = []

    def submit(self, work: Any, *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.work.append((future, work, arguments))
        return future

    def go_on(self) -> None:
        future, work, arguments = self.work.pop(0)
        future.set_result(work(*arguments))

    def shutdown(self, **_: Any) -> None: ...


def slowly(bench: Bench) -> Slowly:
    worker: Any = Slowly()
    bench.bedside._photos._worker = worker
    return worker


def word(bench: Bench, photo: str | None = None, **content: Any) -> Mottling:
    return Mottling.model_validate({"choice": choice(), "photo": photo or bench.photo(), "landmarks": MARKS} | content)


def told(bench: Bench) -> dict[str, Any]:
    bench.wait(0.2)
    (event,) = bench.said("mottling")
    return dict(event)


def kept_photo(bench: Bench, reading_id: str) -> bytes | None:
    with Deliveries.open(bench.folder / "journal.sqlite", read_only=True) as journal:
        return journal.trace(reading_id, 1)


def test_a_photo_becomes_a_record_with_its_score_and_is_kept_with_it(bench: Bench) -> None:
    assert bench.ask(word(bench, photo_from="camera")) is None
    event = told(bench)
    (reading,) = bench.contents()
    assert isinstance(reading, MottlingReading)
    assert (reading.result, reading.landmarks, reading.photo_from) == (scored(), MARKS, "camera")
    assert (reading.subject, reading.simulated, reading.device.name) == (choice().subject, True, DEVICE)
    assert reading.photo_sha256 == hashlib.sha256(JPEG).hexdigest()
    assert kept_photo(bench, str(reading.reading_id)) == JPEG
    assert (event["reading_id"], event["device_seq"]) == (str(reading.reading_id), 1)
    assert (event["photo"], event["sentence"]) == (reading.photo_sha256, None)
    assert event["result"] == reading.result.model_dump(mode="json")
    assert event["landmarks"] == MARKS.model_dump(mode="json")
    assert event["map"] == f"{reading.reading_id}.map.jpg"
    assert [file.name for file in bench.inbox.iterdir()] == [event["map"]], "the photo itself is gone from there"
    assert (bench.inbox / event["map"]).read_bytes() == b"a picture"


def test_a_photo_without_a_score_is_recorded_with_its_reason_and_not_kept(bench: Bench) -> None:
    bench.assess = lambda _, landmarks: PhotoLook(not_scored(MottlingReason.NOT_A_LEG), landmarks)
    assert bench.ask(word(bench)) is None
    event = told(bench)
    (reading,) = bench.contents()
    assert isinstance(reading, MottlingReading)
    assert (reading.result.reason, reading.photo_sha256) == (MottlingReason.NOT_A_LEG, None)
    assert kept_photo(bench, str(reading.reading_id)) is None
    assert (event["photo"], event["map"]) == (None, None)
    assert str(event["sentence"]).startswith("No leg was found")
    assert list(bench.inbox.iterdir()) == []


def test_landmarks_of_the_cards_pointers_are_those_of_the_record(bench: Bench) -> None:
    pointed = MARKS.model_copy(update={"given_by": "card"})
    bench.assess = lambda _, landmarks: PhotoLook(scored(), pointed if landmarks is None else landmarks)
    assert bench.ask(word(bench, landmarks=None)) is None
    assert told(bench)["landmarks"]["given_by"] == "card"
    assert bench.contents()


@pytest.mark.parametrize(
    ("content", "photo", "which"),
    [
        (b"GIF89a", None, "no_photo"),
        (b"", None, "no_photo"),
        (JPEG, "00000000-0000-4000-8000-000000000000.jpg", "gone"),
        (b"\xff\xd8\xff" + b"x" * 25_000_000, None, "too_large"),
    ],
    ids=["another kind", "empty", "not there", "too large"],
)
def test_what_is_no_photo_begins_nothing(bench: Bench, content: bytes, photo: str | None, which: str) -> None:
    name = bench.photo(content)
    assert bench.ask(word(bench, photo or name)) == REFUSALS[which][0]
    assert bench.contents() == []


def test_a_photo_is_only_ever_of_whoever_is_chosen(bench: Bench) -> None:
    other = choice(subject={"site": "00", "inclusion": "0002"})
    assert bench.ask(word(bench, choice=other)) == CHOSEN_ANEW
    assert bench.contents() == []


def test_a_measurement_goes_before_a_photo(bench: Bench) -> None:
    bench.push()
    bench.until("holding")
    assert bench.ask(word(bench)) == MEASURES


def test_one_photo_at_a_time(bench: Bench) -> None:
    worker = slowly(bench)
    assert bench.ask(word(bench)) is None
    assert bench.ask(word(bench)) == REFUSALS["busy"][0]
    worker.go_on()
    told(bench)
    assert bench.ask(word(bench)) is None


def test_the_button_measures_while_a_photo_is_looked_at_and_the_photo_waits_for_its_end(bench: Bench) -> None:
    worker = slowly(bench)
    bench.ask(word(bench))
    bench.push()
    bench.until("holding")
    worker.go_on()
    writes = len(bench.writes)
    bench.wait(1.0)
    assert (bench.state, len(bench.writes)) == ("holding", writes), "no commit while the probe presses"
    bench.until("done")
    told(bench)
    assert [type(content) for content in bench.contents()] == [Reading, MottlingReading]


def test_a_look_that_fails_is_recorded_as_interrupted_and_said(bench: Bench) -> None:
    def fails(*_: object) -> PhotoLook:
        raise PhotoError("The photo's program ended without an answer.")

    bench.assess = fails
    assert bench.ask(word(bench)) is None
    assert told(bench)["result"]["reason"] == "interrupted"
    assert bench.sentences("problem") == [REFUSALS["failed"][0]]
    bench.assess = lambda _, landmarks: PhotoLook(scored(), landmarks)
    assert bench.ask(word(bench)) is None, "and the next photo is looked at"


def test_a_bedside_that_ends_in_the_middle_leaves_an_interrupted_record(bench: Bench) -> None:
    slowly(bench)
    bench.ask(word(bench))
    bench.close()
    (reading,) = bench.contents()
    assert isinstance(reading, MottlingReading)
    assert (reading.result.reason, reading.landmarks) == (MottlingReason.INTERRUPTED, MARKS)


def test_a_bedside_that_was_killed_in_the_middle_records_it_at_the_next_start(bench: Bench, tmp_path: Path) -> None:
    slowly(bench)
    bench.ask(word(bench))
    journal = bench.bedside._keeper.journal
    assert isinstance(journal, Journal)
    journal.close()  # as the kernel does with a killed process's lock and file
    bench.bedside._keeper._journal = None
    again = Bench(tmp_path)
    event = told(again)
    assert (event["result"]["reason"], event["map"]) == ("interrupted", None)
    again.wait(0.5)
    assert again.bedside._teller.completed == 0
    again.close()


def test_a_photo_that_the_disk_does_not_take_is_kept_and_given_again(bench: Bench) -> None:
    worker = slowly(bench)
    bench.ask(word(bench))
    bench.disk = FULL
    worker.go_on()
    bench.wait(3.0)
    assert (bench.said("mottling"), bench.sentences("problem")) == ([], ["The disk is full."])
    bench.push()
    assert bench.sentences("refused") == ["The disk is full."]
    bench.disk = None
    bench.wait(1.2)
    event = told(bench)
    assert bench.contents()
    assert kept_photo(bench, event["reading_id"]) == JPEG


def test_a_journal_that_was_set_aside_while_a_photo_waited_does_not_lose_it(bench: Bench) -> None:
    worker = slowly(bench)
    bench.ask(word(bench))
    bench.disk = FULL
    worker.go_on()
    bench.wait(0.2)
    journal = bench.bedside._keeper.journal
    assert journal is not None
    journal.path.write_bytes(b"x" * 8192)
    bench.disk = None
    bench.wait(12.0)
    event = told(bench)
    (reading,) = bench.contents()
    assert (str(reading.reading_id), reading.device_seq) == (event["reading_id"], 1)
    assert kept_photo(bench, event["reading_id"]) == JPEG


def test_the_score_enters_the_verdict_once_a_person_confirms_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    study = load_named("studies", "demo", Study).model_copy(update={"mottling_from_score": 1})
    monkeypatch.setattr("device.bedside_verdict.load_named", lambda *_: study)
    bench.ask(word(bench))
    event = told(bench)
    found = _mottling_inputs(bench)[-1]
    assert (found["why"], found["answer"]) == ("unconfirmed", "undetermined")
    for score, answer in ((0, "no"), (1, "yes")):
        bench.ask(Amend(about=event["reading_id"], operator="n9", action="confirmed", mottling_score=score))
        bench.wait(0.2)
        found = _mottling_inputs(bench)[-1]
        assert (found["answer"], found["shown"]) == (answer, str(score)), "the person's score, not the device's 2"
        assert found["reading_id"] == event["reading_id"]
    assert isinstance(bench.contents()[-1], Amendment)


def _mottling_inputs(bench: Bench) -> list[dict[str, Any]]:
    verdicts: list[Any] = bench.said("verdict")
    return [each for found in verdicts for each in found["inputs"] if each["what"] == "mottling"]


def test_a_bedside_without_a_program_for_photos_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.bedside._photos._assess = None
    assert bench.ask(word(bench)) == REFUSALS["none_here"][0]
    bench.close()


def test_every_refusal_is_told_in_both_languages() -> None:
    for english, french in REFUSALS.values():
        assert english.endswith(".")
        assert french.endswith(".")
        assert english != french
