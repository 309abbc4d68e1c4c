"""What the publisher asks of the journal: cheap with any backlog, receipts committed together, a new file noticed."""

import sqlite3
from collections.abc import Callable
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


def steps_of(seen: Deliveries, look: Callable[[], object]) -> int:
    """How many steps SQLite's machine takes for a look: what it costs, on any computer however busy."""
    steps = 0

    def another() -> int:
        nonlocal steps
        steps += 1
        return 0

    seen._connection.set_progress_handler(another, 1)
    look()
    seen._connection.set_progress_handler(None, 1)
    return steps


@pytest.mark.slow
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
        assert len(seen.unsent(20)) == 20
        looks = [steps_of(seen, lambda after=after: seen.unsent(20, after=after)) for after in (1, 9_000)]
        assert looks[0] == looks[1] < 800
        assert steps_of(seen, seen.counts) < 100, "not one look a record"
        assert seen.counts().unsent == 10_000


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
