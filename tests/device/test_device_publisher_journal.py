"""What the publisher asks of the journal: cheap with any backlog, receipts committed together, a new file noticed."""

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from device_bench import DEVICE, reading

from contract.identifiers import new_reading_id
from contract.reading import Receipt
from device.journal import Deliveries, Journal
from device.journal.schema import JournalError, JournalRecord
from device.publisher_journal import JournalAccess


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def fill(path: Path, count: int) -> None:
    with Journal.open(path, DEVICE) as journal:
        for _ in range(count):
            journal.append(reading)


def receipt(record: JournalRecord, outcome: str = "stored") -> Receipt:
    return Receipt.model_validate(
        {
            "reading_id": record.reading_id,
            "device_seq": record.device_seq,
            "sha256": record.sha256,
            "outcome": outcome,
            "reason": None if outcome == "stored" else "site closed",
            "received_at": datetime.now(UTC),
        }
    )


def seqs(records: list[JournalRecord]) -> list[int]:
    return [record.device_seq for record in records]


def test_unsent_records_are_paged_through_in_order(path: Path) -> None:
    fill(path, 7)
    with Deliveries.open(path) as seen:
        assert seqs(seen.unsent(3)) == [1, 2, 3]
        assert seqs(seen.unsent(3, after=3)) == [4, 5, 6]
        assert seqs(seen.unsent(3, after=6)) == [7]
        assert seen.unsent(3, after=7) == []
        assert seen.unsent(0) == []


def test_what_has_its_receipt_is_not_looked_at_again_and_nothing_is_missed(path: Path) -> None:
    fill(path, 5)
    with Deliveries.open(path) as seen, Deliveries.open(path) as other:
        for record in other.unsent(5):
            if record.device_seq != 4:
                assert other.note(receipt(record))
        assert seqs(seen.unsent(9)) == [4]
        assert seqs(seen.unsent(9, after=2)) == [4], "a place that is asked for moves nothing"
        assert seqs(seen.unsent(9)) == [4]
        fill(path, 2)
        assert seqs(seen.unsent(9)) == [4, 6, 7]
        for record in other.unsent(9):
            other.note(receipt(record))
        assert seen.unsent(9) == []
        fill(path, 1)
        assert seqs(seen.unsent(9)) == [8]


def test_a_record_with_its_receipt_is_not_to_be_sent(path: Path) -> None:
    fill(path, 2)
    with Deliveries.open(path) as seen:
        first = seen.unsent_record(1)
        assert first is not None
        seen.note(receipt(first, "refused"))
        assert seen.unsent_record(1) == first
        seen.note(receipt(first))
        assert seen.unsent_record(1) is None
        assert seen.unsent_record(3) is None


def test_receipts_are_committed_together_and_each_is_judged_for_itself(path: Path) -> None:
    fill(path, 3)
    with Deliveries.open(path) as seen:
        first, second, third = seen.unsent(3)
        wrong = receipt(second).model_copy(update={"reading_id": new_reading_id()})
        assert seen.note_all([receipt(first), wrong, receipt(first), receipt(third, "refused")]) == [
            True,
            False,
            False,
            True,
        ]
        assert (seen.counts().records, seen.counts().unsent, seen.counts().refused) == (3, 2, 1)
        assert seen.note_all([]) == []


def test_receipts_that_cannot_be_committed_are_not_noted_by_half(path: Path) -> None:
    fill(path, 2)
    with Deliveries.open(path) as seen, Journal.open(path, DEVICE) as writer:
        receipts = [receipt(record) for record in seen.unsent(2)]
        bad = receipts[1].model_copy(update={"outcome": "perhaps"})  # SQLite refuses it: a CHECK of the table
        with pytest.raises(JournalError):
            seen.note_all([receipts[0], bad])
        assert seen.counts().unsent == 2
        writer.append(reading)
        assert seen.note_all(receipts) == [True, True]


def test_looking_costs_little_and_does_not_grow_with_the_backlog(path: Path) -> None:
    fill(path, 1)
    connection = sqlite3.connect(path)
    body, zeros = "x" * 3000, "0" * 64
    connection.executemany(
        "INSERT INTO record VALUES (?, ?, ?, ?, ?, '2026')",
        ((seq, f"id-{seq}", body, zeros, f"{seq:064d}") for seq in range(2, 10_001)),
    )
    connection.commit()
    connection.close()
    with Deliveries.open(path) as seen:

        def took_s(after: int) -> float:
            times = []
            for _ in range(20):
                began_s = time.perf_counter()
                seen.unsent(20, after=after)
                times.append(time.perf_counter() - began_s)
            return min(times)

        assert len(seen.unsent(20)) == 20
        assert max(took_s(1), took_s(9_000)) < 0.01
        began_s = time.perf_counter()
        assert seen.counts().unsent == 10_000
        assert time.perf_counter() - began_s < 0.05


def test_another_journal_under_the_name_is_noticed_and_the_same_one_opened_again_is_not(path: Path) -> None:
    fill(path, 1)
    access = JournalAccess(path)
    access.do(lambda _: None)
    assert (access.opened, access.problem) == (1, None)
    access.close()
    access.do(lambda _: None)
    assert access.opened == 1

    def fails(_: Deliveries) -> None:
        raise JournalError("The disk is busy.")

    access.do(fails)
    assert access.problem == "The disk is busy."
    access.do(lambda _: None)
    assert (access.opened, access.problem) == (1, None)
    path.rename(path.with_name("aside.sqlite"))
    fill(path, 1)
    access.do(lambda _: None)
    assert access.opened == 2
    access.close()
