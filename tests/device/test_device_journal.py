"""Nothing that the journal has taken is ever lost, altered or replaced without a word."""

import hashlib
import random
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from device_bench import DEVICE, measured, not_measurable, press, reading
from journal_bench import filled

from contract.envelope import chain_sha256
from contract.identifiers import GENESIS_SHA256, new_reading_id
from contract.reading import Receipt, Status
from contract.reasons import Reason
from device.journal import Deliveries, Journal, JournalError, JournalInUseError
from device.journal.export import export


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def test_records_are_numbered_without_gaps_and_chained_from_64_zeros(path: Path) -> None:
    filled(path, 3)
    with Journal.open(path, DEVICE) as journal:
        journal.append(reading)
    with Deliveries.open(path) as seen:
        records = list(seen.records())
    assert [record.device_seq for record in records] == [1, 2, 3, 4]
    previous = GENESIS_SHA256
    for record in records:
        assert record.previous_sha256 == previous
        previous = chain_sha256(previous, record.body)
        assert record.sha256 == previous
        assert record.reading.device_seq == record.device_seq


def test_a_record_is_on_disk_before_append_returns(path: Path) -> None:
    with Journal.open(path, DEVICE) as journal:
        connection = journal._connection
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        record = journal.append(reading)
        with Deliveries.open(path) as seen:
            assert seen.record(1) == record


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE record SET body = 'x'",
        "DELETE FROM record",
        "INSERT OR REPLACE INTO record SELECT * FROM record WHERE device_seq = 2",
        "INSERT OR REPLACE INTO record SELECT 4, reading_id, 'x', sha256, 'y', '' FROM record WHERE device_seq = 2",
        "INSERT INTO record VALUES (9, 'id', 'x', 'p', 's', 'now')",
        "DELETE FROM measurement_begun",
        "UPDATE press SET body = 'x'",
        "DELETE FROM trace",
        "UPDATE delivery SET outcome = 'stored'",
        "INSERT OR REPLACE INTO delivery SELECT device_seq, sha256, outcome, 'other', '', '' FROM delivery",
        "UPDATE journal SET device = 'another'",
    ],
)
def test_sql_that_would_change_the_past_is_refused(path: Path, statement: str) -> None:
    draft = reading(1, not_measurable())
    trace = b"{}"
    with Journal.open(path, DEVICE) as journal:
        journal.begin(draft)
        journal.keep_press(str(draft.reading_id), press(1, hashlib.sha256(trace).hexdigest()), trace)
        for _ in range(3):
            journal.append(reading)
    with Deliveries.open(path) as seen:
        record = seen.record(1)
        assert record is not None
        assert seen.note(receipt_for(record.reading.reading_id, 1, record.sha256, "refused"))
    foreign = sqlite3.connect(path, isolation_level=None)
    before = list(foreign.iterdump())
    with pytest.raises(sqlite3.IntegrityError, match="the journal"):
        foreign.execute(statement)
    assert list(foreign.iterdump()) == before
    foreign.close()


def receipt_for(reading_id: object, seq: int, sha256: str, outcome: str = "stored") -> Receipt:
    return Receipt.model_validate(
        {
            "reading_id": reading_id,
            "device_seq": seq,
            "sha256": sha256,
            "outcome": outcome,
            "reason": None if outcome == "stored" else "study closed",
            "received_at": datetime.now(UTC),
        }
    )


def test_a_build_that_fails_takes_no_number(path: Path) -> None:
    with Journal.open(path, DEVICE) as journal:
        with pytest.raises(ValueError, match="device_seq 7"):
            journal.append(lambda _: reading(7))
        with pytest.raises(ZeroDivisionError):
            journal.append(lambda seq: reading(seq // 0))
        assert journal.append(reading).device_seq == 1


def test_the_same_reading_is_not_recorded_twice(path: Path) -> None:
    with Journal.open(path, DEVICE) as journal:
        first = journal.append(reading)
        # Its commit was not heard of, and it is given again: it stands as it is.
        assert journal.append(lambda seq: first.reading.model_copy(update={"device_seq": seq})) == first
        with pytest.raises(JournalError):
            journal.append(lambda seq: first.reading.model_copy(update={"device_seq": seq, "operator": "x"}))
        assert journal.verify().records == 1


def test_two_processes_never_write_at_once(path: Path) -> None:
    with Journal.open(path, DEVICE), pytest.raises(JournalInUseError, match="Another process"):
        Journal.open(path, DEVICE)
    Journal.open(path, DEVICE).close()


def test_another_devices_journal_is_refused_and_left_alone(path: Path) -> None:
    filled(path)
    with pytest.raises(JournalError, match="belongs to refill-test"):
        Journal.open(path, "another")
    with Journal.open(path, DEVICE) as journal:
        assert journal.set_aside is None
        assert journal.verify().records == 5


def test_a_reading_cannot_name_a_trace_that_was_not_kept(path: Path) -> None:
    with Journal.open(path, DEVICE) as journal:
        with pytest.raises(ValueError, match="was not kept"):
            journal.append(lambda seq: reading(seq, presses=[press(1, "c" * 64)]))
        assert journal.append(reading).device_seq == 1


def test_a_measurement_that_was_begun_and_never_ended_becomes_an_interrupted_record(path: Path) -> None:
    draft = reading(1, not_measurable())
    trace = b"{}"
    with Journal.open(path, DEVICE) as journal:
        journal.append(reading)
        journal.begin(draft)
        journal.keep_press(str(draft.reading_id), press(1, hashlib.sha256(trace).hexdigest()), trace)
    with Journal.open(path, DEVICE) as journal:
        (record,) = journal.close_interrupted()
        assert record.reading.reading_id == draft.reading_id
        assert record.reading.device_seq == 2
        assert record.reading.result.status is Status.NOT_MEASURABLE
        assert record.reading.result.reason is Reason.INTERRUPTED
        assert [kept.number for kept in record.reading.presses] == [1]
        assert journal.close_interrupted() == []
        assert journal.verify().sound


def test_a_finished_measurement_is_not_interrupted(path: Path) -> None:
    draft = reading(1, not_measurable())
    with Journal.open(path, DEVICE) as journal:
        journal.begin(draft)
        journal.append(lambda seq: reading(seq, measured(2), reading_id=draft.reading_id))
        assert journal.interrupted() == []


def test_only_a_receipt_with_the_right_id_and_hash_clears_a_record(path: Path) -> None:
    filled(path, 3)
    with Deliveries.open(path) as seen:
        first, second, _ = seen.records()
        assert not seen.note(receipt_for(first.reading_id, 1, second.sha256))
        assert not seen.note(receipt_for(new_reading_id(), 1, first.sha256))
        assert not seen.note(receipt_for(first.reading_id, 99, first.sha256))
        assert seen.unsent_seqs() == [1, 2, 3]
        assert seen.note(receipt_for(first.reading_id, 1, first.sha256))
        assert not seen.note(receipt_for(first.reading_id, 1, first.sha256))
        assert [record.device_seq for record in seen.unsent(10)] == [2, 3]
        assert seen.note(receipt_for(second.reading_id, 2, second.sha256, "refused"))
        assert (seen.counts().records, seen.counts().unsent, seen.counts().refused) == (3, 2, 1)
        assert seen.last_refusal() == "study closed"
        assert seen.unsent_seqs() == [2, 3], "only the word stored clears"
        assert seen.note(receipt_for(second.reading_id, 2, second.sha256, "stored"))
        assert seen.counts().refused == 0
        assert seen.unsent_seqs() == [3]
        assert seen.verify().sound


def test_the_publisher_notices_that_the_file_under_it_was_replaced(path: Path) -> None:
    filled(path)
    with Deliveries.open(path) as seen:
        assert not seen.was_replaced()
        path.rename(path.with_name("elsewhere"))
        assert seen.was_replaced()
        filled(path)
        assert seen.was_replaced()


def test_an_export_can_be_checked_with_ordinary_tools(path: Path, tmp_path: Path) -> None:
    filled(path, 2)
    with Deliveries.open(path, read_only=True) as seen:
        export(seen, tmp_path / "out")
        with pytest.raises(FileExistsError):
            export(seen, tmp_path / "out")
    check = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=tmp_path / "out",
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert check.returncode == 0
    assert len((tmp_path / "out" / "records.jsonl").read_text().splitlines()) == 2


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from device_bench import DEVICE, measured, not_measurable, reading
from device.journal import Journal
with Journal.open(Path(sys.argv[1]), DEVICE) as journal:
    assert journal.set_aside is None, journal.set_aside
    for record in journal.close_interrupted():
        print("record", record.device_seq, record.sha256, flush=True)
    while True:
        draft = reading(1, not_measurable())
        journal.begin(draft)
        print("begun", draft.reading_id, flush=True)
        record = journal.append(lambda seq: draft.model_copy(update={"device_seq": seq, "result": measured(2.0)}))
        print("record", record.device_seq, record.sha256, flush=True)
"""


@pytest.mark.slow
def test_nothing_is_lost_when_the_writer_is_killed_at_random_moments(path: Path) -> None:
    chance = random.Random(20261123)
    said: dict[int, str] = {}
    begun: set[str] = set()
    for _ in range(12):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        # Some records first, by number and not by time: on a busy machine too there is something to lose.
        lines = [writer.stdout.readline() for _ in range(chance.randrange(1, 25))]
        time.sleep(chance.uniform(0.0, 0.02))
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.read().splitlines()
        assert writer.wait(10) == -signal.SIGKILL
        for line in lines:
            words = line.split()
            if len(words) == 3 and words[0] == "record" and len(words[2]) == 64:
                said[int(words[1])] = words[2]
            elif len(words) == 2 and words[0] == "begun" and len(words[1]) == 36:
                begun.add(words[1])
    with Journal.open(path, DEVICE) as journal:
        assert journal.set_aside is None
        journal.close_interrupted()
        found = journal.verify()
    assert found.sound, found.problems
    assert len(said) > 50, "the writers were killed before they wrote anything to speak of"
    with Deliveries.open(path) as seen:
        records = {record.device_seq: record for record in seen.records()}
    assert sorted(records) == list(range(1, len(records) + 1))
    assert {seq: records[seq].sha256 for seq in said} == said
    assert begun <= {record.reading_id for record in records.values()}
    interrupted = [r for r in records.values() if r.reading.result.reason is Reason.INTERRUPTED]
    assert len(interrupted) <= 13
    assert not list(path.parent.glob("journal-broken-*"))
