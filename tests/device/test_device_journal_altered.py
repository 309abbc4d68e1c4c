"""What was altered, removed or put in its place behind the journal's back is found, set aside and never replaced."""

import hashlib
from pathlib import Path

import pytest
from device_bench import DEVICE, measured, not_measurable, press, reading
from journal_bench import filled, tamper

from contract.identifiers import GENESIS_SHA256
from device.journal import Deliveries, Journal, JournalError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def test_verify_finds_an_altered_record_by_its_number(path: Path) -> None:
    filled(path)
    tamper(
        path,
        "DROP TRIGGER record_no_update",
        "UPDATE record SET body = replace(body, '\"crt_s\":2.0', '\"crt_s\":1.0') WHERE device_seq = 3",
    )
    with Deliveries.open(path, read_only=True) as seen:
        assert "record_no_update" in seen.verify().problems[0]
    from device.journal.schema import triggers

    tamper(path, triggers()["record_no_update"])
    with Deliveries.open(path, read_only=True) as seen:
        assert seen.verify().problems == ("Record 3 was altered: its hash does not match.",)


def test_verify_finds_a_removed_record_and_a_forged_successor(path: Path) -> None:
    filled(path)
    from device.journal.schema import triggers

    tamper(
        path, "DROP TRIGGER record_no_delete", "DELETE FROM record WHERE device_seq = 2", triggers()["record_no_delete"]
    )
    with Deliveries.open(path, read_only=True) as seen:
        assert seen.verify().problems == ("Records 2 to 2 are missing.",)


def test_verify_finds_an_altered_trace(path: Path) -> None:
    draft = reading(1, not_measurable())
    trace = b'{"time_s":[0.0]}'
    kept = press(1, hashlib.sha256(trace).hexdigest())
    with Journal.open(path, DEVICE) as journal:
        journal.begin(draft)
        journal.keep_press(str(draft.reading_id), kept, trace)
        journal.append(
            lambda seq: draft.model_copy(update={"device_seq": seq, "result": measured(2.0), "presses": [kept]})
        )
        assert journal.verify().sound
        assert journal.verify().traces == 1
    with Deliveries.open(path) as seen:
        assert seen.trace(str(draft.reading_id), 1) == trace
    from device.journal.schema import triggers

    tamper(path, "DROP TRIGGER trace_no_update", "UPDATE trace SET content = x'00'", triggers()["trace_no_update"])
    with Deliveries.open(path, read_only=True) as seen:
        assert seen.verify().problems == ("Record 1: the trace of press 1 was altered.",)


def test_a_broken_file_is_set_aside_alarmed_and_never_replaced(path: Path) -> None:
    filled(path)
    content = bytearray(path.read_bytes())
    content[:100] = b"\xff" * 100
    path.write_bytes(content)
    with Journal.open(path, DEVICE) as journal:
        assert journal.set_aside is not None
        assert "damaged" in journal.set_aside
        record = journal.append(reading)
        assert (record.device_seq, record.previous_sha256) == (6, GENESIS_SHA256)
        assert journal.verify().sound
    (aside,) = path.parent.glob("journal-broken-*.sqlite")
    assert aside.name in journal.set_aside
    assert aside.read_bytes() == bytes(content)
    with Journal.open(path, DEVICE) as journal:
        assert journal.set_aside is None
        assert journal.append(reading).device_seq == 7


def test_a_deleted_journal_is_noticed_and_its_numbers_are_not_used_again(path: Path) -> None:
    filled(path)
    for part in path.parent.glob("journal.sqlite*"):
        part.unlink()
    with Journal.open(path, DEVICE) as journal:
        assert journal.set_aside is not None
        assert "missing: 5 records were written" in journal.set_aside
        assert journal.append(reading).device_seq == 6


def test_an_older_copy_put_in_its_place_is_noticed(path: Path) -> None:
    filled(path, 3)
    older = path.read_bytes()
    filled(path, 2)
    path.write_bytes(older)
    with Journal.open(path, DEVICE) as journal:
        assert journal.set_aside is not None
        assert "lost its last records: 5 were written" in journal.set_aside
        assert journal.append(reading).device_seq == 6


def test_a_number_is_not_used_twice_where_the_writer_was_killed_before_its_mark(path: Path) -> None:
    filled(path, 3)
    mark = path.with_suffix(".high-water")
    before = mark.read_bytes()
    filled(path, 1)
    mark.write_bytes(before)
    Journal.open(path, DEVICE).close()
    path.write_bytes(b"rubbish")
    with Journal.open(path, DEVICE) as journal:
        assert journal.append(reading).device_seq == 5


def test_a_mark_that_cannot_be_written_holds_up_no_reading(path: Path) -> None:
    with Journal.open(path, DEVICE) as journal:
        path.with_suffix(".high-water-new").mkdir()
        assert journal.append(reading).device_seq == 1
    path.with_suffix(".high-water-new").rmdir()
    Journal.open(path, DEVICE).close()
    assert '"device_seq": 1,' in path.with_suffix(".high-water").read_text()


def test_a_torn_high_water_mark_harms_nothing(path: Path) -> None:
    filled(path)
    path.with_suffix(".high-water").write_text('{"device_s')
    with Journal.open(path, DEVICE) as journal:
        assert journal.set_aside is None
        assert journal.append(reading).device_seq == 6


def test_a_folder_that_cannot_be_written_is_an_error_not_a_broken_journal(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="could not be opened"):
        Journal.open(tmp_path / "file" / "journal.sqlite", DEVICE)
