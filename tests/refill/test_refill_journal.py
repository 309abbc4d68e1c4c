"""`refill journal`: what a person and an auditor see of the device's own record."""

import errno
import hashlib
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from contract.amendment import Amendment
from contract.identifiers import new_reading_id
from contract.mottling import MottlingReading
from contract.reading import PressRecord, Reading, Receipt
from device.journal import Deliveries, Journal
from refill.cli import app

TRACE = b'{"trace": 1}'
DIGEST = hashlib.sha256(TRACE).hexdigest()


def content(device_seq: int) -> dict[str, Any]:
    return {
        "reading_id": new_reading_id(),
        "device_seq": device_seq,
        "study": "demo",
        "subject": {"site": "00", "inclusion": "0001"},
        "body_site": "finger",
        "simulated": True,
        "protocol": {"name": "demo", "version": "1", "sha256": "a" * 64},
        "device": {
            "name": "d",
            "software_version": "0",
            "algorithm_version": "0",
            "configuration_sha256": "b" * 64,
        },
        "measured": {
            "at": "2026-11-26T12:00:00Z",
            "boot_id": "00000000-0000-4000-8000-000000000001",
            "boottime_ns": 1,
            "clock_synchronised": True,
        },
        "result": {"status": "measured", "crt_s": 2.1, "crt_ci95_s": [1.9, 2.3]},
        "presses": [],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Journal.open(tmp_path / "data" / "journal.sqlite", "d") as journal:
        for _ in range(3):
            press = PressRecord.model_validate(
                {
                    "number": 1,
                    "result": content(1)["result"],
                    "target_kpa": 40,
                    "frames": 1,
                    "frames_dropped": 0,
                    "trace_sha256": DIGEST,
                }
            )
            draft = Reading.model_validate(content(1)).model_copy(update={"presses": [press]})
            journal.begin(draft)
            journal.keep_press(str(draft.reading_id), press, TRACE)
            journal.append(lambda seq, draft=draft: draft.model_copy(update={"device_seq": seq}))
    return tmp_path / "data"


def journal(*options: str) -> Any:
    return CliRunner().invoke(app, ["journal", *options])


@pytest.mark.slow
def test_a_whole_journal_is_told_as_whole(folder: Path) -> None:
    done = journal("verify", "--data", str(folder))
    assert (done.exit_code, done.output) == (0, "3 records, 3 traces: the chain is whole\n")
    as_json = json.loads(journal("verify", "--data", str(folder), "--json").output)
    assert as_json == {
        "sound": True,
        "records": 3,
        "traces": 3,
        "traces_removed": 0,
        "photos": 0,
        "photos_removed": 0,
        "removed_on": [],
        "problems": [],
        "set_aside": [],
    }


def test_an_altered_record_is_named_and_exits_1(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "journal.sqlite", isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER record_no_update")
        connection.execute("UPDATE record SET body = replace(body, '2.1', '1.1') WHERE device_seq = 2")
    done = journal("verify", "--data", str(folder))
    assert done.exit_code == 1
    assert "The guard record_no_update is missing" in done.output


@pytest.mark.slow
def test_one_record_is_shown_in_detail(folder: Path) -> None:
    done = journal("show", "2", "--data", str(folder))
    assert '"device_seq": 2' in done.output
    assert "no receipt yet" in done.output
    missing = journal("show", "9", "--data", str(folder))
    assert (missing.exit_code, missing.stderr) == (1, "there is no record 9\n")


@pytest.mark.slow
def test_an_export_can_be_checked_without_the_device(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert journal("export", "--data", str(folder), "--out", str(out)).exit_code == 0
    done = journal("check-export", str(out))
    assert (done.exit_code, done.output) == (0, "11 files, 3 records: the export is whole\n")
    assert (out / "readings.csv").read_text(encoding="utf-8").count("\n") == 4
    again = journal("export", "--data", str(folder), "--out", str(out))
    assert (again.exit_code, len(again.stderr.splitlines())) == (1, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda out: (out / "traces" / "000002-1.json").write_bytes(b"{}"), "000002-1.json was altered"),
        (lambda out: (out / "traces" / "000002-1.json").unlink(), "000002-1.json is missing"),
        (lambda out: (out / "extra").write_text("x"), "extra is not in SHA256SUMS"),
        (lambda out: (out / "SHA256SUMS").unlink(), "This is no whole export"),
        (lambda out: (out / "readings.csv").unlink(), "readings.csv is missing"),
        (lambda out: (out / "readings.csv").write_bytes(b"\xff\n"), "readings.csv was altered"),
        (lambda out: (out / "receipts.jsonl").write_text('{"device_seq": [1]}\n'), "a receipt for [1]"),
    ],
)
def test_what_is_wrong_with_an_export_is_named(folder: Path, tmp_path: Path, spoil: Any, words: str) -> None:
    out = tmp_path / "out"
    journal("export", "--data", str(folder), "--out", str(out))
    spoil(out)
    done = journal("check-export", str(out))
    assert done.exit_code == 1
    assert words in done.output


@pytest.mark.slow
def test_a_record_forged_together_with_its_sums_breaks_the_chain(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    journal("export", "--data", str(folder), "--out", str(out))
    path = out / "records.jsonl"
    before = path.read_bytes()
    path.write_bytes(before.replace(b"2.1,", b"1.1,", 1).replace(b'crt_s\\":2.1', b'crt_s\\":1.1', 1))
    assert path.read_bytes() != before
    sums = out / "SHA256SUMS"
    digests = {hashlib.sha256(before).hexdigest(): hashlib.sha256(path.read_bytes()).hexdigest()}
    text = sums.read_text(encoding="utf-8")
    for old, new in digests.items():
        text = text.replace(old, new)
    sums.write_text(text, encoding="utf-8")
    done = journal("check-export", str(out))
    assert done.exit_code == 1
    assert "its hash does not match" in done.output


def test_an_export_that_the_disk_refuses_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "file" / "out"
    (tmp_path / "file").write_text("")
    done = journal("export", "--data", str(folder), "--out", str(out))
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "file"]


@pytest.mark.slow
def test_nothing_young_is_removed_and_removing_needs_a_code(folder: Path) -> None:
    done = journal("retain", "--data", str(folder), "--simulate")
    # Here the clock may not be synchronised: then nothing is old for certain.
    assert done.output.startswith("0 traces") or "clock is not set" in done.stderr
    for options in ([], ["--operator", "dupont"], ["--operator", "A B"]):
        refused = journal("retain", "--data", str(folder), "--simulate", "--apply", *options)
        assert (refused.exit_code, len(refused.stderr.splitlines())) == (2, 1)
        assert "--apply needs --operator, a code as in a reading and never a name" in refused.stderr


@pytest.mark.slow
def test_no_journal_is_one_line(tmp_path: Path) -> None:
    for command in (["verify"], ["show"], ["show", "1"], ["export", "--out", str(tmp_path / "out")]):
        done = journal(*command, "--data", str(tmp_path))
        assert (done.exit_code, len(done.output.splitlines())) == (1, 1)
        assert "There is no journal journal.sqlite yet." in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_read_is_told_in_json_as_well(folder: Path) -> None:
    (folder / "journal.sqlite").write_bytes(b"rubbish" * 1000)
    (folder / "journal-broken-20260101T000000000000Z.sqlite").write_bytes(b"")
    done = journal("verify", "--data", str(folder), "--json")
    told = json.loads(done.output)
    assert (done.exit_code, told["sound"], len(told["problems"])) == (1, False, 1)
    assert told["set_aside"] == ["journal-broken-20260101T000000000000Z.sqlite"]


class In2060:
    """The device's clock in the year 2060, set from a time server."""

    def now(self) -> datetime:
        return datetime(2060, 1, 1, tzinfo=UTC)

    def synchronised(self) -> bool:
        return True


@pytest.fixture
def in_2060(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """34 years later: the first record was delivered then, and another was made and delivered now."""
    monkeypatch.setattr("device.clock.SystemClock", In2060)
    with Journal.open(folder / "journal.sqlite", "d", now=In2060().now) as writer:
        writer.append(lambda seq: Reading.model_validate(content(seq)))
    with Deliveries.open(folder / "journal.sqlite") as deliveries:
        for seq, at in ((1, "2026-11-26T12:00:01Z"), (4, "2060-01-01T00:00:00Z")):
            record = deliveries.record(seq)
            assert record is not None
            receipt = {"reading_id": record.reading_id, "device_seq": seq, "sha256": record.sha256}
            deliveries.note(Receipt.model_validate({**receipt, "outcome": "stored", "received_at": at}))


@pytest.mark.slow
@pytest.mark.usefixtures("in_2060")
def test_retain_shows_first_and_removes_when_it_is_told_to(folder: Path, tmp_path: Path) -> None:
    before = (folder / "journal.sqlite").read_bytes()
    dry = journal("retain", "--data", str(folder), "--simulate")
    assert dry.output == "1 traces older than 9131 days, 0.0 MB; nothing was removed, --apply removes them\n"
    assert (folder / "journal.sqlite").read_bytes() == before
    done = journal("retain", "--data", str(folder), "--simulate", "--apply", "--operator", "ab12")
    assert done.output == "1 traces older than 9131 days, 0.0 MB: 1 removed, each written down\n"
    checked = journal("verify", "--data", str(folder))
    assert checked.output == (
        "4 records, 3 traces (1 of them removed under retention on 2060-01-01): the chain is whole\n"
    )
    shown = journal("show", "1", "--data", str(folder)).output
    assert "trace of press 1: removed under retention at 2060-01-01T00:00:00.000000+00:00 by ab12" in shown
    assert "stored at 2026-11-26T12:00:01" in shown
    out = tmp_path / "out"
    assert journal("export", "--data", str(folder), "--out", str(out)).exit_code == 0
    assert journal("check-export", str(out)).exit_code == 0
    (out / "removals.jsonl").write_text("")
    assert "Record 1: the trace of press 1 is missing." in journal("check-export", str(out)).output


def test_an_export_that_is_broken_off_leaves_nothing_behind(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def until_full(path: Path, content: bytes) -> int:
        written.append(path)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(content)

    monkeypatch.setattr(Path, "write_bytes", until_full)
    done = journal("export", "--data", str(folder), "--out", str(tmp_path / "out"))
    assert (done.exit_code, done.stderr) == (1, f"{tmp_path / 'out'}: No space left on device\n")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("readings.csv", "2.1", "1.1", "readings.csv does not say of record 1"),
        ("journal.json", '"first_seq": 1', '"first_seq": 0', "Records 0 to 1 are missing or out of order"),
        ("records.jsonl", "\n", "", "This is no whole export"),
    ],
)
def test_an_export_altered_together_with_its_sums_is_found(
    folder: Path, tmp_path: Path, name: str, old: str, new: str, words: str
) -> None:
    out = tmp_path / "out"
    journal("export", "--data", str(folder), "--out", str(out))
    path, sums = out / name, out / "SHA256SUMS"
    before = path.read_bytes()
    path.write_bytes(before.replace(old.encode(), new.encode(), 1))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    sums.write_text(sums.read_text().replace(hashlib.sha256(before).hexdigest(), digest))
    done = journal("check-export", str(out))
    assert done.exit_code == 1
    assert words in done.output
    assert "was altered" not in done.output


def test_the_journal_that_is_asked_about_is_the_device_files(tmp_path: Path, folder: Path) -> None:
    device = tmp_path / "device.toml"
    device.write_text(f'name = "d"\nsite = "00"\n[storage]\njournal_folder = "{folder}"\n')
    assert journal("verify", "--config", str(device)).output == "3 records, 3 traces: the chain is whole\n"


PHOTO = b"\xff\xd8\xff a leg"


@pytest.fixture
def kinds(folder: Path) -> Path:
    """A photo with its score, a confirmation of it, and a correction of the first reading, after the three readings."""
    common = {name: value for name, value in content(1).items() if name not in ("body_site", "protocol", "presses")}
    score = {"status": "measured", "score": 2, "max_supported": 3, "at_least": True}
    refused = {"status": "not_measurable", "reason": "interrupted"}
    draft = MottlingReading.model_validate(common | {"reading_id": new_reading_id(), "result": refused})
    digest = hashlib.sha256(PHOTO).hexdigest()
    leg = MottlingReading.model_validate(draft.model_dump() | {"result": score, "photo_sha256": digest})
    said = {name: value for name, value in common.items() if name != "result"}
    said |= {"operator": "n9", "about": leg.reading_id}
    side = {"field": "side", "old": None, "new": "left"}
    with Journal.open(folder / "journal.sqlite", "d") as journal:
        first = next(iter(journal.records())).reading_id
        journal.begin(draft)
        journal.append(lambda seq: leg.model_copy(update={"device_seq": seq}), PHOTO)
        for more in (
            {"action": "confirmed", "mottling_score": 1},
            {"about": first, "action": "corrected", "why": "other", "changes": [side]},
        ):
            added = Amendment.model_validate(said | {"reading_id": new_reading_id()} | more)
            journal.append(lambda seq, added=added: added.model_copy(update={"device_seq": seq}))
    return folder


@pytest.mark.slow
def test_every_kind_of_record_has_its_line_and_its_details(kinds: Path) -> None:
    first, *_, leg, confirmed, corrected, _ = journal("show", "--data", str(kinds)).output.splitlines()
    assert "finger 2.10 s  waiting" in first
    assert "mottling at least 2  waiting simulated" in leg
    assert " confirmed score 1 of " in confirmed
    assert " corrected side of " in corrected
    assert f"photo: {len(PHOTO)} bytes" in journal("show", "4", "--data", str(kinds)).output
    assert '"action": "confirmed"' in journal("show", "5", "--data", str(kinds)).output
    done = journal("verify", "--data", str(kinds))
    assert (done.exit_code, done.output) == (0, "6 records, 3 traces, 1 photos: the chain is whole\n")


@pytest.mark.slow
def test_photos_leave_the_device_only_where_they_are_asked_for(kinds: Path, tmp_path: Path) -> None:
    for options, names in (([], []), (["--photos"], ["000004.jpg"])):
        out = tmp_path / f"out{len(options)}"
        assert journal("export", "--data", str(kinds), "--out", str(out), *options).exit_code == 0
        assert journal("check-export", str(out)).exit_code == 0
        assert [path.name for path in out.glob("photos/*")] == names


@pytest.mark.slow
def test_a_photo_that_is_past_its_term_is_named_as_one(kinds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.clock.SystemClock", In2060)
    with Journal.open(kinds / "journal.sqlite", "d", now=In2060().now) as writer:
        writer.append(lambda seq: Reading.model_validate(content(seq)))
    with Deliveries.open(kinds / "journal.sqlite") as deliveries:
        for seq, at in ((1, "2026-11-26T12:00:01Z"), (4, "2026-11-26T12:00:01Z"), (7, "2060-01-01T00:00:00Z")):
            record = deliveries.record(seq)
            assert record is not None
            receipt = {"reading_id": record.reading_id, "device_seq": seq, "sha256": record.sha256}
            deliveries.note(Receipt.model_validate({**receipt, "outcome": "stored", "received_at": at}))
    done = journal("retain", "--data", str(kinds), "--simulate", "--apply", "--operator", "ab12")
    assert "1 traces older than 9131 days and 1 photos older than 365, 0.0 MB: 2 removed" in done.output, done.stderr
    checked = journal("verify", "--data", str(kinds)).output
    assert "1 photos (1 of them removed under retention on 2060-01-01)" in checked
    assert "photo: removed under retention" in journal("show", "4", "--data", str(kinds)).output
