"""A damaged journal: every flipped bit is harmless or found; nothing false is read as true, nothing is replaced."""

import hashlib
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from device_bench import DEVICE, amendment, measured, mottling, not_measurable, not_scored, press, reading, scored

from contract.reading import Receipt
from device.journal import Deliveries, Journal, JournalError
from device.journal.schema import tables, triggers

RECORDS = 6
TIMES_AND_WORDS: dict[str, set[int]] = {
    "journal": {3, 4},
    "measurement_begun": {2},
    "press": {3},
    "record": {5},
    "delivery": {3, 4, 5},
    "trace_removed": {3, 4, 5},
}
"""Columns that no hash holds: when something was written down, and in which words. A flip may leave a time a time."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Every table has rows; one trace was removed; all in one file, as after an orderly end."""
    path = tmp_path / "journal.sqlite"
    with Journal.open(path, DEVICE) as journal:
        for number in range(RECORDS):
            trace = random.Random(number).randbytes(3000)
            kept = press(1, hashlib.sha256(trace).hexdigest())
            draft = reading(1, not_measurable())
            journal.begin(draft)
            journal.keep_press(str(draft.reading_id), kept, trace)
            journal.append(completed(draft, kept))
    with Deliveries.open(path) as seen:
        for seq, outcome in ((1, "stored"), (2, "refused")):
            record = seen.record(seq)
            assert record is not None
            content = {"reading_id": record.reading_id, "device_seq": seq, "sha256": record.sha256, "outcome": outcome}
            seen.note(Receipt.model_validate({**content, "received_at": datetime.now(UTC)}))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        at = datetime.now(UTC).isoformat()
        connection.execute(
            "INSERT INTO trace_removed SELECT t.reading_id, 1, t.sha256, ?, 'ab', 'retention' FROM trace t"
            " JOIN record r ON r.reading_id = t.reading_id WHERE r.device_seq = 1",
            (at,),
        )
        connection.execute("DELETE FROM trace WHERE reading_id IN (SELECT reading_id FROM trace_removed)")
    return path


def completed(draft: Any, kept: Any) -> Callable[[int], Any]:
    return lambda seq: draft.model_copy(update={"device_seq": seq, "result": measured(2.0), "presses": [kept]})


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that a journal holds but for times and words of its book-keeping; raises where it cannot be read."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        return {
            table: [
                tuple(value for column, value in enumerate(row) if column not in TIMES_AND_WORDS.get(table, set()))
                for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid")  # noqa: S608 - a name from below
            ]
            for table in ("journal", "measurement_begun", "press", "trace", "trace_removed", "record", "delivery")
        }


def found_by_verify(path: Path) -> bool:
    try:
        with Deliveries.open(path, read_only=True) as seen:
            return not seen.verify().sound
    except JournalError:
        return True


def found_by_opening(path: Path) -> bool:
    """Open it as the bedside does and write a record into it; returns whether something was said of it."""
    try:
        with Journal.open(path, DEVICE) as journal:
            record = journal.append(reading)
            assert record.device_seq == RECORDS + 1, "a number was used twice, or left out"
            if journal.set_aside is None:
                return False
            assert len(list(path.parent.glob("journal-broken-*.sqlite"))) == 1
            return True
    except JournalError:
        return True


def flips(path: Path, seed: int, count: int) -> Iterator[tuple[int, bytes]]:
    whole = path.read_bytes()
    dice = random.Random(seed)
    for round_number in range(count):
        # The first page says what all others are: it gets more than its share.
        at = dice.randrange(1200) if round_number % 4 == 0 else dice.randrange(len(whole))
        yield at, whole[:at] + bytes([whole[at] ^ (1 << dice.randrange(8))]) + whole[at + 1 :]


def held_against_flips(path: Path, work: Path, seed: int, count: int) -> dict[str, int]:
    true = content(path)
    mark = path.with_suffix(".high-water").read_bytes()
    seen = {"harmless": 0, "verify": 0, "opening": 0}
    for at, spoilt in flips(path, seed, count):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        copy = work / "journal.sqlite"
        copy.write_bytes(spoilt)
        copy.with_suffix(".high-water").write_bytes(mark)
        named = found_by_verify(copy)
        assert copy.read_bytes() == spoilt, "a check must not alter what it checks"
        harmless = not named and content(copy) == true
        opening = found_by_opening(copy)
        assert named or opening or harmless, f"byte {at} was changed and nobody said so"
        seen["verify" if named else "opening" if opening else "harmless"] += 1
    return seen


@pytest.mark.slow
def test_a_flipped_bit_is_harmless_or_found(path: Path, tmp_path: Path) -> None:
    seen = held_against_flips(path, tmp_path / "work", seed=1, count=60)
    assert seen["verify"] > 10
    assert seen["harmless"] > 10


@pytest.mark.slow
def test_a_flipped_bit_in_a_photo_or_in_what_was_added_is_harmless_or_found(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal.open(path, DEVICE) as journal:
        for number in range(RECORDS // 2):
            photo = random.Random(number).randbytes(9000)
            draft = mottling(1, not_scored())
            journal.begin(draft)
            found = {"result": scored(), "photo_sha256": hashlib.sha256(photo).hexdigest()}
            leg = draft.model_copy(update=found)
            journal.append(numbered(leg), photo)
            journal.append(numbered(amendment(1, leg, mottling_score=1)))
    seen = held_against_flips(path, tmp_path / "work", seed=4, count=60)
    assert seen["verify"] > 10


def numbered(record: Any) -> Callable[[int], Any]:
    return lambda seq: record.model_copy(update={"device_seq": seq})


@pytest.mark.slow
def test_a_thousand_flipped_bits_are_harmless_or_found(path: Path, tmp_path: Path) -> None:
    seen = held_against_flips(path, tmp_path / "work", seed=2, count=1000)
    assert min(seen.values()) > 0, seen


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_short_is_set_aside(path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert found_by_verify(path)
    assert found_by_opening(path)


def test_a_torn_page_is_found(path: Path) -> None:
    whole = path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'record'").fetchone()[0]
    start = (page - 1) * 4096 + 2048
    path.write_bytes(whole[:start] + bytes(2048) + whole[start + 2048 :])
    assert found_by_verify(path)
    assert found_by_opening(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(tables() | triggers()))
def test_every_table_and_guard_is_missed_when_it_is_not_as_it_was_made(path: Path, name: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = sql || ' /* x */' WHERE name = ?", (name,))
    with Deliveries.open(path, read_only=True) as seen:
        assert f"{name} is missing or altered" in seen.verify().problems[0]
    assert found_by_opening(path)


def test_a_name_in_the_file_that_is_no_text_is_damage(path: Path) -> None:
    whole = path.read_bytes()
    assert whole.count(b"kept_at TEXT NOT NULL") == 1
    path.write_bytes(whole.replace(b"kept_at TEXT NOT NULL", b"kept_at\xa0TEXT NOT NULL"))
    assert found_by_verify(path)
    assert found_by_opening(path)


@pytest.mark.parametrize("column", ["draft", "body"])
def test_what_was_begun_and_can_no_longer_be_read_is_set_aside_and_stops_nobody(path: Path, column: str) -> None:
    draft = reading(1, not_measurable())
    table = "measurement_begun" if column == "draft" else "press"
    with Journal.open(path, DEVICE) as journal:
        journal.begin(draft)
        journal.keep_press(str(draft.reading_id), press(1), None)
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(f"DROP TRIGGER {table}_no_update")
            connection.execute(f"UPDATE {table} SET {column} = 'x' WHERE reading_id = '{draft.reading_id}'")  # noqa: S608
            connection.execute(triggers()[f"{table}_no_update"])
        with pytest.raises(JournalError, match="in the journal cannot be read"):
            journal.close_interrupted()
    with Journal.open(path, DEVICE) as journal:
        assert f"The measurement {draft.reading_id}, which has no record yet" in str(journal.set_aside)
        assert journal.close_interrupted() == []


def test_one_byte_that_makes_the_file_another_kind_is_mended_or_named(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:18] + b"\x03\x03" + whole[20:])
    assert found_by_verify(path)
    path.write_bytes(whole[:18] + b"\x01\x01" + whole[20:])
    with Journal.open(path, DEVICE) as journal:
        assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert journal.append(reading).device_seq == RECORDS + 1


class Cut:
    """A journal as a power cut leaves it: its records in the WAL, none of them in the file yet."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "cut" / "journal.sqlite"
        self.path.parent.mkdir()
        with Journal.open(folder / "journal.sqlite", DEVICE) as journal:
            self.told = [journal.append(reading).sha256 for _ in range(4)]
            for name in ("journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm", "journal.high-water"):
                shutil.copyfile(folder / name, self.path.parent / name)

    @property
    def wal(self) -> Path:
        return self.path.with_name("journal.sqlite-wal")


@pytest.fixture
def cut(tmp_path: Path) -> Cut:
    return Cut(tmp_path)


@pytest.mark.parametrize("shm", [None, b"", os.urandom(32768)], ids=["deleted", "empty", "rubbish"])
def test_the_index_of_the_wal_is_made_again(cut: Cut, shm: bytes | None) -> None:
    index = cut.path.with_name("journal.sqlite-shm")
    index.unlink() if shm is None else index.write_bytes(shm)
    with Journal.open(cut.path, DEVICE) as journal:
        assert journal.set_aside is None
        assert [record.sha256 for record in journal.records()] == cut.told


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_a_wal_that_lost_its_end_is_noticed_by_the_mark(cut: Cut, share: float) -> None:
    whole = cut.wal.read_bytes()
    cut.wal.write_bytes(whole[: int(len(whole) * share)])
    assert found_by_verify(cut.path)
    with Journal.open(cut.path, DEVICE) as journal:
        assert "4 records were written" in str(journal.set_aside) or "4 were written" in str(journal.set_aside)
        assert journal.append(reading).device_seq == 5


def test_a_flipped_bit_in_the_wal_is_noticed(cut: Cut) -> None:
    whole, dice = cut.wal.read_bytes(), random.Random(5)
    others = {path.name: path.read_bytes() for path in cut.path.parent.iterdir() if path != cut.wal}
    for _ in range(12):
        for path in cut.path.parent.iterdir():
            path.unlink()
        for name, before in others.items():
            (cut.path.parent / name).write_bytes(before)
        at = dice.randrange(len(whole))
        cut.wal.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with Journal.open(cut.path, DEVICE) as journal:
            if journal.set_aside is None:
                assert [record.sha256 for record in journal.records()] == cut.told
            assert journal.append(reading).device_seq == 5


def test_a_folder_in_its_place_is_set_aside(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "note").write_text("x")
    with Journal.open(path, DEVICE) as journal:
        assert f"no file stands in the journal's place: {RECORDS} records were written" in str(journal.set_aside)
        assert journal.append(reading).device_seq == RECORDS + 1
    assert [note.read_text() for note in path.parent.glob("journal-broken-*/note")] == ["x"]


@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nowhere"])
def test_a_symbolic_link_in_its_place_is_refused_and_left(path: Path, there: bool) -> None:
    elsewhere = path.with_name("elsewhere")
    path.rename(elsewhere)
    path.symlink_to(elsewhere if there else "nowhere")
    with pytest.raises(JournalError, match="is a symbolic link"):
        Journal.open(path, DEVICE)
    assert path.is_symlink()
    assert not path.with_name("nowhere").exists()


def test_a_file_that_is_taken_away_under_the_writer_takes_no_more_records(path: Path) -> None:
    with Journal.open(path, DEVICE) as journal:
        journal.append(reading)
        path.rename(path.with_name("taken"))
        with pytest.raises(JournalError):
            journal.append(reading)
        path.write_bytes(b"")
        with pytest.raises(JournalError, match="is not the file any more"):
            journal.append(reading)
        path.unlink()
        path.with_name("taken").rename(path)
        assert journal.append(reading).device_seq == RECORDS + 2


def test_a_damaged_trace_is_an_error_of_the_journal(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER trace_no_update")
        connection.execute("UPDATE trace SET content = x'00'")
        (reading_id,) = connection.execute("SELECT reading_id FROM trace LIMIT 1").fetchone()
    with Deliveries.open(path, read_only=True) as seen, pytest.raises(JournalError, match="is damaged"):
        seen.trace(reading_id, 1)
