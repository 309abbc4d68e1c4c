"""Retention: old traces go, one by one written down; readings never, and no clock that jumped can make a trace old."""

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from device_bench import DEVICE, measured, press, reading

from contract.reading import Receipt
from device.journal import Deliveries, Journal, JournalError
from device.journal.export import export
from device.journal.export_check import check_export
from device.journal.retention import RetentionError, old_traces, remove
from device.journal.schema import triggers

DAYS = 9131
YEARS = timedelta(days=DAYS)
THEN = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
LATER = THEN + YEARS + timedelta(days=2)
TRACE = b'{"trace": 1}'
DIGEST = hashlib.sha256(TRACE).hexdigest()


@dataclass
class Wall:
    at: datetime = LATER
    set_by_server: bool = True

    def boottime_ns(self) -> int:
        return 1

    def now(self) -> datetime:
        return self.at

    def boot_id(self) -> UUID:
        return uuid4()

    def synchronised(self) -> bool:
        return self.set_by_server


def record(path: Path, at: datetime, measured_at: datetime | None = None) -> None:
    """One measurement with a trace, committed at a time of the device's clock."""
    with Journal.open(path, DEVICE, now=lambda: at) as journal:
        draft = reading(1, measured(2.0), [press(1, DIGEST)])
        about = draft.measured.model_copy(update={"at": measured_at or at})
        draft = draft.model_copy(update={"measured": about})
        journal.begin(draft)
        journal.keep_press(str(draft.reading_id), press(1, DIGEST), TRACE)
        journal.append(lambda seq: draft.model_copy(update={"device_seq": seq}))


def confirm(path: Path, seq: int, at: datetime, outcome: str = "stored") -> None:
    with Deliveries.open(path) as deliveries:
        kept = deliveries.record(seq)
        assert kept is not None
        content = {"reading_id": kept.reading_id, "device_seq": seq, "sha256": kept.sha256, "received_at": at}
        assert deliveries.note(Receipt.model_validate({**content, "outcome": outcome}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Four readings with a trace each: old and delivered, old, new and delivered, new."""
    path = tmp_path / "journal.sqlite"
    for at in (THEN, THEN, LATER - timedelta(hours=2), LATER - timedelta(hours=1)):
        record(path, at)
    confirm(path, 1, THEN)
    confirm(path, 3, LATER - timedelta(hours=2))
    return path


def old(path: Path, days: int = DAYS, clock: Wall | None = None) -> list[int]:
    return [trace.device_seq for trace in old_traces(path, days, clock or Wall())]


def test_a_delivered_trace_goes_and_is_told_as_removed_everywhere(path: Path, tmp_path: Path) -> None:
    traces = old_traces(path, DAYS, Wall())
    assert [(trace.device_seq, trace.number) for trace in traces] == [(1, 1)]
    steps: list[int] = []
    assert remove(path, traces, "ab", Wall(), steps.append) == 1
    assert steps == [1]
    with Deliveries.open(path, read_only=True) as seen:
        found = seen.verify()
        assert (found.problems, found.records, found.traces, found.traces_removed) == ((), 4, 4, 1)
        (removal,) = seen.removals()
        assert (removal.operator, removal.why, removal.sha256) == ("ab", "retention", DIGEST)
        export(seen, tmp_path / "out")
    assert check_export(tmp_path / "out").problems == ()
    assert not (tmp_path / "out" / "traces" / "000001-1.json").exists()
    assert old(path) == []
    with Journal.open(path, DEVICE) as journal:
        assert journal.set_aside is None
        assert journal.append(reading).device_seq == 5


def test_what_is_removed_is_overwritten_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    record(path, THEN)
    record(path, LATER)
    confirm(path, 1, THEN)
    confirm(path, 2, LATER)
    with closing(sqlite3.connect(path)) as connection:
        (content,) = connection.execute("SELECT content FROM trace LIMIT 1").fetchone()
    assert path.read_bytes().count(content) == 2
    remove(path, old_traces(path, DAYS, Wall()), "ab", Wall())
    assert path.read_bytes().count(content) == 1


@pytest.mark.parametrize("clock", [Wall(set_by_server=False), Wall(at=LATER - timedelta(days=1))])
def test_a_clock_that_cannot_be_believed_removes_nothing(path: Path, clock: Wall) -> None:
    with pytest.raises(RetentionError, match="no trace is old for certain"):
        old_traces(path, DAYS, clock)


def test_a_clock_that_jumped_ahead_makes_nothing_old(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    record(path, THEN)
    confirm(path, 1, THEN)
    far = Wall(at=datetime(2060, 1, 1, tzinfo=UTC))
    assert old(path, clock=far) == [], "there is no newer record"
    record(path, far.at)
    assert old(path, clock=far) == [], "the record's commit is by the clock that jumped"
    confirm(path, 2, THEN + timedelta(hours=1))
    assert old(path, clock=far) == [], "the trial database's clock did not jump"
    record(path, far.at)
    confirm(path, 3, far.at)
    assert old(path, clock=far) == [1], "now it is 2060"


def test_a_trace_is_as_young_as_the_latest_of_its_times(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    record(path, THEN, measured_at=LATER - timedelta(days=9))
    record(path, THEN)
    record(path, LATER)
    confirm(path, 1, THEN)
    confirm(path, 2, LATER - timedelta(days=8))
    confirm(path, 3, LATER)
    assert old(path) == []
    assert old(path, days=7) == [1, 2]


def test_nothing_is_taken_from_a_journal_that_is_not_sound(path: Path) -> None:
    traces = old_traces(path, DAYS, Wall())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER record_no_update")
        connection.execute("UPDATE record SET body = replace(body, '2.0', '1.0') WHERE device_seq = 2")
        connection.execute(triggers()["record_no_update"])
    with pytest.raises(RetentionError, match="Record 2 was altered"):
        remove(path, traces, "ab", Wall())
    with Deliveries.open(path, read_only=True) as seen:
        assert seen.removals() == []


def test_no_journal_is_made_by_looking_for_old_traces(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="There is no journal"):
        old_traces(tmp_path / "journal.sqlite", DAYS, Wall())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seq", "digest"), [(1, "0" * 64), (2, DIGEST), (9, DIGEST)], ids=["another trace", "not delivered", "no record"]
)
def test_a_removal_that_must_not_be_opens_no_door(path: Path, seq: int, digest: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        row = connection.execute("SELECT reading_id FROM record WHERE device_seq = ?", (seq,)).fetchone()
        reading_id = row[0] if row else "x"
        with pytest.raises(sqlite3.IntegrityError, match="removes no trace"):
            connection.execute("INSERT INTO trace_removed VALUES (?, 1, ?, 'now', 'x', 'x')", (reading_id, digest))
        with pytest.raises(sqlite3.IntegrityError, match="written down"):
            connection.execute("DELETE FROM trace WHERE reading_id = (SELECT reading_id FROM record)")


def test_a_removal_is_never_taken_back(path: Path) -> None:
    remove(path, old_traces(path, DAYS, Wall()), "ab", Wall())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in ("DELETE FROM trace_removed", "UPDATE trace_removed SET operator = 'cd'"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)


def test_a_trace_that_is_written_down_as_removed_and_still_there_is_found(path: Path) -> None:
    remove(path, old_traces(path, DAYS, Wall()), "ab", Wall())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO trace SELECT r.reading_id, 1, t.sha256, t.content FROM record r, trace t"
            " WHERE r.device_seq = 1 LIMIT 1"
        )
    with Deliveries.open(path, read_only=True) as seen:
        assert seen.verify().problems == (
            "Record 1: the trace of press 1 is written down as removed, and is still there.",
        )


def test_readings_never_go(path: Path) -> None:
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute("DELETE FROM record")
