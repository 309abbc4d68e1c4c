"""Records of three kinds in one journal: chained, checked, exported, retained; no photo without its record."""

import csv
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from device_bench import DEVICE, amendment, measured, mottling, not_measurable, not_scored, press, reading
from pydantic import ValidationError

from contract.amendment import Amendment
from contract.mottling import MottlingReading, MottlingReason
from contract.reading import Reading, Receipt
from contract.record import SCHEMA_VERSION
from device.journal import Deliveries, Journal
from device.journal.export import export
from device.journal.export_check import check_export
from device.journal.retention import old_traces, remove

PHOTO = b"\xff\xd8\xff a leg"
DIGEST = hashlib.sha256(PHOTO).hexdigest()
TRACE = b'{"trace": 1}'
TRACE_DIGEST = hashlib.sha256(TRACE).hexdigest()


def numbered(record):
    return lambda seq: record.model_copy(update={"device_seq": seq})


def measure(journal: Journal) -> Reading:
    made = press(1, TRACE_DIGEST)
    draft = reading(1, not_measurable())
    journal.begin(draft)
    journal.keep_press(str(draft.reading_id), made, TRACE)
    done = reading(1, measured(2.0), [made], draft.reading_id).model_copy(update={"measured": draft.measured})
    return journal.append(numbered(done)).reading


def photograph(journal: Journal, photo: bytes | None = PHOTO) -> MottlingReading:
    draft = mottling(1, not_scored())
    journal.begin(draft)
    done = mottling(1, photo_sha256=None if photo is None else hashlib.sha256(photo).hexdigest())
    done = done.model_copy(update={"reading_id": draft.reading_id, "measured": draft.measured})
    content = journal.append(numbered(done), photo).content
    assert isinstance(content, MottlingReading)
    return content


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A reading, a photo, what was said of both, and a photo that was not kept."""
    path = tmp_path / "journal.sqlite"
    with Journal.open(path, DEVICE) as journal:
        first, second = measure(journal), photograph(journal)
        journal.append(numbered(amendment(1, second, mottling_score=3)))
        journal.append(numbered(amendment(1, first, action="commented", comment="cold_skin")))
        photograph(journal, None)
    return path


def test_all_kinds_stand_in_one_chain_and_the_photo_with_them(path: Path) -> None:
    with Deliveries.open(path, read_only=True) as journal:
        found = journal.verify()
        assert (found.problems, found.records, found.traces, found.photos) == ((), 5, 1, 1)
        records = list(journal.records())
        assert [type(record.content) for record in records] == [
            Reading,
            MottlingReading,
            Amendment,
            Amendment,
            MottlingReading,
        ]
        assert journal.trace(records[1].reading_id, 1) == PHOTO
        assert [one.previous_sha256 for one in records[1:]] == [one.sha256 for one in records[:-1]]
        for record in records[1:]:
            with pytest.raises(ValidationError):
                _ = record.reading


@pytest.mark.parametrize(
    ("photo", "digest"), [(PHOTO, None), (PHOTO, "0" * 64), (None, DIGEST)], ids=["unnamed", "another", "not given"]
)
def test_no_record_names_another_photo_than_the_one_that_is_kept(
    tmp_path: Path, photo: bytes | None, digest: str | None
) -> None:
    with Journal.open(tmp_path / "journal.sqlite", DEVICE) as journal:
        draft = mottling(1, not_scored())
        journal.begin(draft)
        with pytest.raises(ValueError, match="photo"):
            journal.append(numbered(draft.model_copy(update={"photo_sha256": digest})), photo)
        assert journal.interrupted() == [draft]
        assert list(journal.records()) == []


def test_a_record_that_stands_already_is_returned_and_its_photo_not_doubled(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.sqlite", DEVICE) as journal:
        made = photograph(journal)
        again = journal.append(numbered(made), PHOTO)
        assert (again.device_seq, again.content) == (1, made)
        assert journal.verify().photos == 1


def spoil(path: Path, *statements: str) -> tuple[str, ...]:
    """Alter the file behind its guards' back; returns what a check says then."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute(
            "CREATE TEMP VIEW mottled AS SELECT reading_id FROM record WHERE instr(body, 'photo_sha256')"
        )
        for statement in statements:
            connection.execute(statement)
        for _, sql in guards:
            connection.execute(sql)
    with Deliveries.open(path, read_only=True) as journal:
        return journal.verify().problems


def test_an_altered_or_missing_photo_is_named(path: Path) -> None:
    altered = spoil(
        path, "UPDATE trace SET content = x'00' WHERE reading_id = (SELECT reading_id FROM record WHERE device_seq = 2)"
    )
    assert altered == ("Record 2: the photo was altered.",)
    missing = spoil(path, "DELETE FROM trace WHERE reading_id = (SELECT reading_id FROM record WHERE device_seq = 2)")
    assert missing == ("Record 2: the photo is missing.",)


def test_an_altered_amendment_and_an_altered_draft_of_a_photo_are_named(path: Path) -> None:
    (problem,) = spoil(path, "UPDATE record SET body = replace(body, 'cold_skin', 'oedema') WHERE device_seq = 4")
    assert problem == "Record 4 was altered: its hash does not match."
    problems = spoil(
        path,
        "UPDATE record SET body = replace(body, 'oedema', 'cold_skin') WHERE device_seq = 4",
        'UPDATE measurement_begun SET draft = replace(draft, \'"inclusion":"0001"\', \'"inclusion":"0002"\')'
        " WHERE reading_id = (SELECT reading_id FROM record WHERE device_seq = 2)",
    )
    assert problems == ("Record 2: the draft that was kept when it began was altered.",)


def test_what_was_added_to_a_record_and_a_subjects_records_are_found(path: Path) -> None:
    with Journal.open(path, DEVICE) as journal:
        second = list(journal.records())[1]
        assert [record.device_seq for record in journal.with_amendments(second.reading_id)] == [2, 3]
        assert journal.with_amendments(str(uuid4())) == []
        other = reading(1).model_copy(update={"subject": reading(1).subject.model_copy(update={"inclusion": "0002"})})
        journal.append(numbered(other))
        assert [record.device_seq for record in journal.of_subject(other.subject)] == [1, 2, 3, 4, 6]
        moved = {"field": "inclusion", "old": "0002", "new": "0001"}
        journal.append(numbered(amendment(1, other, action="corrected", why="typed_wrong", changes=[moved])))
        theirs = journal.of_subject(reading(1).subject)
        assert [record.device_seq for record in theirs] == [1, 2, 3, 4, 5, 6, 7], "what was moved to them too"


KILLED = """
import os, signal, sys
from pathlib import Path
import device.journal.store as store
from device.journal import Journal
sys.path.insert(0, {tests!r})
from test_device_journal_kinds import numbered, mottling, not_scored, PHOTO, DIGEST, DEVICE
journal = Journal.open(Path(sys.argv[1]), DEVICE)
draft = mottling(1, not_scored())
journal.begin(draft)
keep = store._keep_photo
def killed(*given):
    keep(*given)
    os.kill(os.getpid(), signal.SIGKILL)
store._keep_photo = killed
journal.append(numbered(draft.model_copy(update={{"photo_sha256": DIGEST}})), PHOTO)
"""


@pytest.mark.slow
def test_killed_between_photo_and_record_neither_stands_and_the_look_is_recorded_as_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    script = KILLED.format(tests=str(Path(__file__).parent))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", script, str(path)], env=environment, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    with Journal.open(path, DEVICE) as journal:
        (record,) = journal.close_interrupted()
        content = record.content
        assert isinstance(content, MottlingReading)
        assert (content.result.reason, content.photo_sha256) == (MottlingReason.INTERRUPTED, None)
        found = journal.verify()
        assert (found.problems, found.records, found.photos) == ((), 1, 0)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM trace").fetchone() == (0,)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_an_export_has_a_table_for_each_kind_and_photos_only_where_they_are_asked_for(
    path: Path, tmp_path: Path
) -> None:
    plain, whole = tmp_path / "plain", tmp_path / "whole"
    with Deliveries.open(path, read_only=True) as journal:
        export(journal, plain)
        export(journal, whole, photos=True)
    for folder, files in ((plain, 9), (whole, 10)):
        found = check_export(folder)
        assert (found.problems, found.records, found.files) == ((), 5, files)
        assert [row["crt_s"] for row in rows(folder / "readings.csv")] == ["2.0"]
        assert [row["score"] for row in rows(folder / "mottling.csv")] == ["2", "2"]
        said = rows(folder / "amendments.csv")
        assert [(row["action"], row["mottling_score"], row["comment"]) for row in said] == [
            ("confirmed", "3", ""),
            ("commented", "", "cold_skin"),
        ]
    assert not (plain / "photos").exists()
    assert PHOTO not in b"".join(file.read_bytes() for file in plain.rglob("*") if file.is_file())
    assert (whole / "photos" / "000002.jpg").read_bytes() == PHOTO


@pytest.mark.parametrize(
    ("spoil_it", "words"),
    [
        (lambda out: (out / "photos" / "000002.jpg").write_bytes(b"another"), "Record 2: the photo is not the one"),
        (lambda out: (out / "photos" / "000002.jpg").unlink(), "Record 2: the photo is missing."),
        (lambda out: (out / "mottling.csv").write_text("device_seq\n2\n"), "mottling.csv has 1 rows for 2 records."),
        (lambda out: _swap(out / "amendments.csv", "cold_skin", "oedema"), "amendments.csv does not say of record 4"),
    ],
)
def test_what_is_wrong_with_an_exported_photo_or_table_is_named(
    path: Path, tmp_path: Path, spoil_it, words: str
) -> None:
    out = tmp_path / "out"
    with Deliveries.open(path, read_only=True) as journal:
        export(journal, out, photos=True)
    spoil_it(out)
    assert any(words in problem for problem in check_export(out).problems)


def _swap(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_an_export_of_older_software_is_still_whole(tmp_path: Path) -> None:
    path, out = tmp_path / "journal.sqlite", tmp_path / "out"
    with Journal.open(path, DEVICE) as journal:
        measure(journal)
    with Deliveries.open(path, read_only=True) as journal:
        export(journal, out)
    for name in ("mottling.csv", "amendments.csv"):
        (out / name).unlink()
    about = json.loads((out / "journal.json").read_text())
    del about["photos"]
    (out / "journal.json").write_text(json.dumps(about) + "\n")
    sums = [
        line
        for line in (out / "SHA256SUMS").read_text().splitlines()
        if not line.endswith(("mottling.csv", "amendments.csv", "journal.json"))
    ]
    sums.append(f"{hashlib.sha256((out / 'journal.json').read_bytes()).hexdigest()}  journal.json")
    (out / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    assert check_export(out).problems == ()


class Later:
    """A clock, so many days after everything was recorded."""

    def __init__(self, days: int) -> None:
        self._at = datetime.now(UTC) + timedelta(days=days)

    def boottime_ns(self) -> int:
        return 1

    def now(self) -> datetime:
        return self._at

    def boot_id(self) -> UUID:
        return uuid4()

    def synchronised(self) -> bool:
        return True


def test_a_photo_goes_after_its_own_term_and_that_is_written_down(path: Path) -> None:
    later = Later(40)
    with Journal.open(path, DEVICE, now=later.now) as journal:
        measure(journal)
    with Deliveries.open(path) as deliveries:
        for record in deliveries.records():
            at = later.now() if record.device_seq == 6 else datetime.now(UTC)
            receipt = {"reading_id": record.reading_id, "device_seq": record.device_seq, "sha256": record.sha256}
            assert deliveries.note(Receipt.model_validate(receipt | {"outcome": "stored", "received_at": at}))
    assert old_traces(path, 9131, later, photo_days=60) == []
    (photo,) = old_traces(path, 9131, later, photo_days=30)
    assert (photo.device_seq, photo.is_photo) == (2, True)
    assert {(old.device_seq, old.is_photo) for old in old_traces(path, 30, later)} == {(1, False), (2, True)}
    assert remove(path, [photo], "n9", later) == 1
    assert PHOTO not in path.read_bytes()
    with Deliveries.open(path, read_only=True) as journal:
        found = journal.verify()
        assert (found.problems, found.photos, found.photos_removed, found.traces_removed) == ((), 1, 1, 0)
        assert [removal.sha256 for removal in journal.removals()] == [DIGEST]


def as_format_2(path: Path, bodies: list[str]) -> None:
    """Make a journal as the software before this one left it: format 2, with records of version 1.1."""
    from contract.envelope import chain_sha256
    from contract.identifiers import GENESIS_SHA256

    with Journal.open(path, DEVICE):
        pass
    previous = GENESIS_SHA256
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for body in bodies:
            said = json.loads(body)
            digest = chain_sha256(previous, body)
            row = (said["device_seq"], said["reading_id"], body, previous, digest, "2026-11-26T12:00:00.000000+00:00")
            connection.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", row)
            previous = digest
        connection.execute("PRAGMA user_version = 2")


def test_a_journal_of_format_2_with_records_of_1_1_is_taken_on_and_goes_on(tmp_path: Path) -> None:
    golden = Path(__file__).resolve().parents[1] / "contract" / "golden"
    names = ("measured", "censored", "not-measurable")
    bodies = [json.loads((golden / f"reading-1.1-{name}.json").read_text())["body"] for name in names]
    path = tmp_path / "journal.sqlite"
    as_format_2(path, [body.replace('"trace_sha256":"' + "c" * 64 + '"', '"trace_sha256":null') for body in bodies])
    with Deliveries.open(path, read_only=True) as seen:
        assert (seen.verify().problems, seen.about["format"]) == ((), 2), "whoever only looks does not change it"
    with Journal.open(path, DEVICE) as journal:
        assert journal.set_aside is None
        first = journal.with_amendments(json.loads(bodies[0])["reading_id"])[0]
        assert first.content.schema_version == "1.1"
        added = journal.append(numbered(amendment(1, first.content)))
        assert (added.device_seq, added.content.schema_version) == (4, SCHEMA_VERSION)
        assert (journal.verify().problems, journal.verify().records) == ((), 4)
    with Deliveries.open(path, read_only=True) as seen:
        assert seen.about["format"] == 3
