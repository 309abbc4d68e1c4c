"""What the disk does not take is kept in memory, in order, given again, and told only once it is in the journal."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from device_bench import DEVICE, measured, not_measurable, press, reading

from contract.reading import Reading
from contract.reasons import Reason
from device.bedside_keeping import Keeper
from device.journal import (
    Journal,
    JournalError,
    JournalFullError,
    JournalInUseError,
    JournalReadOnlyError,
    JournalRecord,
)
from device.records import KeptPress
from device.session_words import Begun, Committed, Event, JournalFailed

FULL = JournalFullError("The disk is full.")
S = 1_000_000_000
TRACE = b"a trace"
HASH = hashlib.sha256(TRACE).hexdigest()


def a_draft() -> Reading:
    return reading(1, not_measurable(Reason.INTERRUPTED))


class Disk:
    """A journal's file, and what it answers: `error` is raised by whatever is written, after so many that went well."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: JournalError | None = None
        self.good = 0
        self.opened = 0

    def open(self) -> Journal:
        self.opened += 1
        if self.error is not None:
            raise self.error
        journal = Journal.open(self.path, DEVICE)
        for name in ("begin", "keep_press", "append"):
            setattr(journal, name, self._guarded(getattr(journal, name)))
        return journal

    def _guarded(self, write: Callable[..., object]) -> Callable[..., object]:
        def guarded(*arguments: object) -> object:
            if self.error is not None and self.good <= 0:
                raise self.error
            self.good -= 1
            return write(*arguments)

        return guarded


class Bench:
    """A keeper on a disk, and what it told."""

    def __init__(self, path: Path) -> None:
        self.disk = Disk(path)
        self.told: list[JournalRecord] = []
        self.said: list[str] = []
        self.keeper = Keeper(self.disk.open, self.told.append, self.said.append)
        self.now_s = 100.0

    def after(self, seconds: float) -> list[Event]:
        self.now_s += seconds
        return self.keeper.tick(round(self.now_s * S))

    def measure(self, presses: int = 2) -> tuple[Reading, list[Event]]:
        """Draft, presses, record, as the session asks for them; returns the draft and what came back."""
        draft = a_draft()
        back = self.keeper.begin(draft)
        for number in range(1, presses + 1):
            back += self.keeper.keep_press(KeptPress(press(number, HASH), TRACE))
        return draft, back + self.keeper.record(measured(2.0), 0.0)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "journal.sqlite")
    bench.keeper.open(100 * S)
    yield bench
    if bench.keeper.journal is not None:
        bench.disk.error = None
        bench.keeper.close()


def in_the_journal(bench: Bench) -> list[tuple[int, list[int], float | None]]:
    journal = bench.keeper.journal
    assert journal is not None
    assert journal.verify().sound
    return [
        (record.device_seq, [one.number for one in record.reading.presses], record.reading.result.crt_s)
        for record in journal.records()
    ]


def test_a_disk_that_serves_takes_draft_presses_and_record_and_then_it_is_told(bench: Bench) -> None:
    _, back = bench.measure()
    assert back == [Begun(), Committed()]
    assert in_the_journal(bench) == [(1, [1, 2], 2.0)]
    assert [record.device_seq for record in bench.told] == [1]
    assert (bench.keeper.problem, bench.keeper.refusal, bench.keeper.draft) == (None, None, None)


@pytest.mark.parametrize("good", [1, 2, 3], ids=["at the first press", "at the second", "at the record"])
@pytest.mark.parametrize("error", [FULL, JournalReadOnlyError("The disk is read-only.")], ids=["full", "read-only"])
def test_what_the_disk_does_not_take_is_told_when_it_does_and_nothing_is_doubled(
    bench: Bench, good: int, error: JournalError
) -> None:
    bench.disk.error, bench.disk.good = error, good
    draft, back = bench.measure()
    assert JournalFailed(str(error)) in back
    assert Committed() not in back
    assert bench.told == []
    assert bench.keeper.owes
    assert bench.keeper.refusal == str(error)
    assert bench.said == [str(error)], "said once, however often it is tried"
    assert bench.after(0.5) == [], "not before a second has passed"
    assert bench.after(0.6) == [JournalFailed(str(error))]
    bench.disk.error = None
    assert bench.after(1.1) == [Committed()]
    assert in_the_journal(bench) == [(1, [1, 2], 2.0)]
    assert [record.reading_id for record in bench.told] == [str(draft.reading_id)]
    assert bench.keeper.refusal is None
    assert bench.after(5) == []


def test_a_draft_that_is_not_taken_begins_nothing_and_a_later_push_may_find_that_it_serves_again(bench: Bench) -> None:
    bench.disk.error = FULL
    assert bench.keeper.begin(a_draft()) == [JournalFailed("The disk is full.")]
    assert not bench.keeper.owes
    assert (bench.keeper.problem, bench.keeper.refusal) == ("The disk is full.", None)
    bench.disk.error = None
    _, back = bench.measure()
    assert back[-1] == Committed()
    assert bench.keeper.problem is None


def test_a_journal_that_cannot_be_opened_is_said_and_tried_again_every_five_seconds(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "journal.sqlite")
    bench.disk.error = JournalReadOnlyError("The disk is read-only.")
    bench.keeper.open(100 * S)
    assert bench.keeper.refusal == "The disk is read-only."
    assert bench.keeper.begin(a_draft()) == [JournalFailed("The disk is read-only.")]
    bench.after(4.9)
    assert bench.disk.opened == 1
    bench.after(0.2)
    assert bench.disk.opened == 2
    assert bench.said == ["The disk is read-only."]
    bench.disk.error = None
    bench.after(5.1)
    assert bench.keeper.refusal is None
    assert bench.measure()[1][-1] == Committed()
    bench.keeper.close()


def test_a_disk_that_opens_and_does_not_take_what_was_interrupted_is_not_open_yet(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal.open(path, DEVICE) as journal:
        journal.begin(a_draft())
    bench = Bench(path)
    bench.keeper.open(100 * S)
    assert [record.reading.result.reason for record in bench.told] == [Reason.INTERRUPTED]
    bench.keeper.close()
    with Journal.open(path, DEVICE) as journal:
        journal.begin(a_draft())
    again = Bench(path)
    again.disk.open = lambda: _full_at_append(path)  # type: ignore[method-assign]  # a disk that is full for writing
    again.keeper = Keeper(again.disk.open, again.told.append, again.said.append)
    again.keeper.open(100 * S)
    assert again.keeper.journal is None
    assert again.keeper.refusal == "The disk is full."
    with Journal.open(path, DEVICE) as journal:
        assert len(journal.interrupted()) == 1, "it was let go of, and nothing is lost"


def _full_at_append(path: Path) -> Journal:
    journal = Journal.open(path, DEVICE)

    def full(*_: object) -> JournalRecord:
        raise FULL

    journal.append = full  # type: ignore[method-assign]  # a disk that is full for writing
    return journal


def test_a_second_bedside_is_one_too_many(bench: Bench) -> None:
    second = Keeper(bench.disk.open, bench.told.append, bench.said.append)
    with pytest.raises(JournalInUseError):
        second.open(0)


def test_a_journal_that_broke_in_mid_measurement_is_opened_afresh_and_the_reading_is_in_the_new_one(
    bench: Bench,
) -> None:
    draft = a_draft()
    bench.keeper.begin(draft)
    bench.disk.error = JournalError("The journal could not be written: database disk image is malformed.")
    assert JournalFailed(str(bench.disk.error)) in bench.keeper.keep_press(KeptPress(press(1, HASH), TRACE))
    assert bench.keeper.journal is None, "it was let go of, to be looked at from end to end"
    bench.keeper.record(measured(2.0), None)
    bench.disk.path.unlink()
    bench.disk.error = None
    assert bench.after(5.1) == [Committed()]
    assert [one[1:] for one in in_the_journal(bench)] == [([1], 2.0)]
    assert bench.told[-1].reading_id == str(draft.reading_id)


def test_at_the_end_what_waits_is_given_a_last_time_and_what_is_under_way_becomes_a_record(bench: Bench) -> None:
    bench.disk.error, bench.disk.good = FULL, 3
    bench.measure()
    bench.disk.error = None
    bench.keeper.close()
    assert [record.reading.result.crt_s for record in bench.told] == [2.0]
    bench.keeper.open(0)
    bench.keeper.begin(a_draft())
    bench.keeper.close()
    assert bench.told[-1].reading.result.reason is Reason.INTERRUPTED


def test_at_the_end_a_disk_that_still_does_not_serve_is_an_error_and_the_draft_stays(bench: Bench) -> None:
    bench.disk.error, bench.disk.good = FULL, 1
    draft, _ = bench.measure(1)
    with pytest.raises(JournalFullError):
        bench.keeper.close()
    bench.disk.error = None
    bench.keeper = Keeper(bench.disk.open, bench.told.append, bench.said.append)
    bench.keeper.open(0)
    assert [record.reading_id for record in bench.told] == [str(draft.reading_id)]
