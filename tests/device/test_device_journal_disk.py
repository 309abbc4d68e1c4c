"""A disk that is full, read-only or older than the software: named, nothing doubled, and the next try works."""

import hashlib
import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from device_bench import DEVICE, not_measurable, press, reading

from device.journal import (
    Deliveries,
    Journal,
    JournalError,
    JournalFullError,
    JournalReadOnlyError,
    JournalVersionError,
)
from device.journal.disk import RESERVE_BYTES, Reserve, journal_error
from device.journal.schema import FORMAT, KEPT_TABLES, TABLES, triggers

TRACE = os.urandom(200_000)
DIGEST = hashlib.sha256(TRACE).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def disk() -> Iterator[Path]:
    """A file system of 16 MB of our own."""
    folder = Path(tempfile.mkdtemp(prefix="jd-"))
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode != 0:
        folder.rmdir()
        if os.environ.get("CI"):
            pytest.fail(f"no file system can be mounted: {done.stderr.decode()}")
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


def fill(folder: Path, name: str = "ballast") -> Path:
    ballast = folder / name
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return ballast


def test_on_a_full_disk_what_has_begun_is_recorded_and_nothing_new_begins(disk: Path) -> None:
    draft = reading(1, not_measurable())
    path = disk / "journal.sqlite"
    with Journal.open(path, DEVICE) as journal:
        journal.begin(draft)
        ballast = fill(disk)
        journal.keep_press(str(draft.reading_id), press(1, DIGEST), TRACE)
        record = journal.append(lambda seq: draft.model_copy(update={"device_seq": seq}))
        fill(disk, "more")

        def begin_on_and_on() -> None:
            for _ in range(2000):
                journal.begin(reading(1, not_measurable()))

        with pytest.raises(JournalFullError, match="disk is full"):
            begin_on_and_on()
        (disk / "more").unlink()
        ballast.unlink()
        journal.begin(reading(1, not_measurable()))
        assert len(journal.close_interrupted()) >= 1
        assert journal.verify().sound
        assert path.with_suffix(".reserve").stat().st_size == RESERVE_BYTES
    with Deliveries.open(path) as seen:
        assert seen.record(1) == record


def test_a_disk_that_turns_read_only_is_named_and_the_same_is_written_once_it_serves_again(disk: Path) -> None:
    draft = reading(1, not_measurable())
    with Journal.open(disk / "journal.sqlite", DEVICE) as journal:
        journal.begin(draft)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=False, capture_output=True)
        if os.statvfs(disk).f_flag & os.ST_RDONLY:
            with pytest.raises(JournalReadOnlyError):
                journal.append(reading)
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert journal.append(lambda seq: draft.model_copy(update={"device_seq": seq})).device_seq == 1
        assert journal.verify().sound


def test_a_journal_on_read_only_media_can_be_read_with_what_is_in_its_wal(disk: Path) -> None:
    path = disk / "journal.sqlite"
    with Journal.open(path, DEVICE) as journal:
        for _ in range(3):
            journal.append(reading)
        # As a stick that was pulled: the WAL was never brought into the file.
        copy = disk / "copy"
        copy.mkdir()
        for ending in ("", "-wal"):
            (copy / f"journal.sqlite{ending}").write_bytes((disk / f"journal.sqlite{ending}").read_bytes())
    before = (copy / "journal.sqlite").read_bytes()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with Deliveries.open(copy / "journal.sqlite", read_only=True) as seen:
        assert seen.verify().records == 3
    assert (copy / "journal.sqlite").read_bytes() == before


def test_opening_on_a_full_disk_leaves_nothing_half_made(disk: Path) -> None:
    fill(disk)
    with pytest.raises(JournalFullError):
        Journal.open(disk / "journal.sqlite", DEVICE).append(reading)
    (disk / "ballast").unlink()
    with Journal.open(disk / "journal.sqlite", DEVICE) as journal:
        assert journal.set_aside is None
        assert journal.append(reading).device_seq == 1


def test_what_stands_already_is_not_written_twice(path: Path) -> None:
    draft = reading(1, not_measurable())
    with Journal.open(path, DEVICE) as journal:
        for _ in range(2):
            journal.begin(draft)
            journal.keep_press(str(draft.reading_id), press(1, DIGEST), TRACE)
        with pytest.raises(JournalError):
            journal.begin(draft.model_copy(update={"operator": "x"}))
        with pytest.raises(JournalError):
            journal.keep_press(str(draft.reading_id), press(1, hashlib.sha256(b"{}").hexdigest()), b"{}")
        assert len(journal.presses(str(draft.reading_id))) == 1


class Failing:
    """A connection that fails at one statement, as a disk does, and is of no use afterwards."""

    def __init__(self, real: sqlite3.Connection, word: str, code: int) -> None:
        self.real, self.word, self.code = real, word, code
        self.broken = False

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        if self.broken or sql.startswith(self.word):
            self.broken = True
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = self.code
            raise error
        return self.real.execute(sql, *values)

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)


@pytest.mark.parametrize("word", ["BEGIN", "INSERT INTO record", "COMMIT"])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_FULL, JournalFullError),
        (sqlite3.SQLITE_READONLY, JournalReadOnlyError),
        (sqlite3.SQLITE_IOERR_WRITE, JournalError),
    ],
)
def test_after_an_error_at_any_statement_the_same_call_does_the_same(
    path: Path, word: str, code: int, kind: type[JournalError]
) -> None:
    draft = reading(1)

    def made(seq: int) -> object:
        return draft.model_copy(update={"device_seq": seq})

    with Journal.open(path, DEVICE) as journal:
        journal.append(reading)
        journal.reserve.give_up()
        journal._connection = Failing(journal._connection, word, code)
        with pytest.raises(kind):
            journal.append(made)
        assert journal.append(made).device_seq == 2
        assert journal.append(made).device_seq == 2
        assert journal.verify().records == 2


class Unsynced(Failing):
    """A connection whose commit is in the kernel's memory when the disk says that it failed."""

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        if sql.startswith(self.word) and not self.broken:
            self.real.execute(sql, *values)
        return super().execute(sql, *values)


def test_a_commit_that_the_disk_refused_is_written_anew_before_anybody_is_told_of_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = reading(1)

    def made(seq: int) -> object:
        return draft.model_copy(update={"device_seq": seq})

    with Journal.open(path, DEVICE) as journal:
        journal._connection = Unsynced(journal._connection, "COMMIT", sqlite3.SQLITE_IOERR_FSYNC)
        with pytest.raises(JournalError):
            journal.append(made)
        with monkeypatch.context() as patch:
            patch.setattr("device.journal.store.settle", lambda *_: (_ for _ in ()).throw(OSError(5, "I/O error")))
            with pytest.raises(JournalError, match="I/O error"):
                journal.append(made)
        assert journal.append(made).device_seq == 1
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT COUNT(*) FROM record").fetchone() == (1,)
        # All of it is in the file itself.
        whole = path.with_name("copy.sqlite")
        whole.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(f"file:{whole}?immutable=1", uri=True)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM record").fetchone() == (1,)


@pytest.mark.parametrize("step", ["begin", "keep_press", "append"])
def test_what_stands_when_the_journal_is_opened_anew_is_on_the_disk_before_anybody_is_told(
    path: Path, step: str
) -> None:
    draft = reading(1, not_measurable())
    steps = {
        "begin": lambda journal: journal.begin(draft),
        "keep_press": lambda journal: journal.keep_press(str(draft.reading_id), press(1, DIGEST), TRACE),
        "append": lambda journal: journal.append(lambda seq: draft.model_copy(update={"device_seq": seq})),
    }
    failing = Journal.open(path, DEVICE)
    with Deliveries.open(path) as publisher:
        # Where another process has it open, closing brings nothing into the file.
        publisher.counts()
        for name, do in steps.items():
            if name == step:
                failing._connection = Unsynced(failing._connection, "COMMIT", sqlite3.SQLITE_IOERR_FSYNC)
                with pytest.raises(JournalError):
                    do(failing)
                break
            do(failing)
        failing.close()
        with Journal.open(path, DEVICE) as journal:
            steps[step](journal)
            whole = path.with_name("copy.sqlite")
            whole.write_bytes(path.read_bytes())
    table = {"begin": "measurement_begun", "keep_press": "trace", "append": "record"}[step]
    with closing(sqlite3.connect(f"file:{whole}?immutable=1", uri=True)) as connection:
        assert connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone() == (1,)  # noqa: S608 - names from above


def test_a_disk_that_turned_read_only_and_says_that_it_synced_is_not_believed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class ReadOnly:
        f_flag = os.ST_RDONLY

    draft = reading(1)
    with Journal.open(path, DEVICE) as journal:
        journal.begin(draft)
        with monkeypatch.context() as patch:
            patch.setattr("os.statvfs", lambda _: ReadOnly)
            for _ in range(2):
                with pytest.raises(JournalReadOnlyError):
                    journal.append(lambda seq: draft.model_copy(update={"device_seq": seq}))
        assert journal.append(lambda seq: draft.model_copy(update={"device_seq": seq})).device_seq == 1
        assert journal.verify().records == 1


def test_reading_from_a_disk_that_fails_is_a_journal_error(path: Path) -> None:
    with Journal.open(path, DEVICE) as journal:
        for ask in (journal.interrupted, lambda: list(journal.records()), lambda: journal.presses("x"), journal.verify):
            journal._connection = Failing(journal._connection, "SELECT", sqlite3.SQLITE_IOERR_READ)
            journal._stale = False
            with pytest.raises(JournalError):
                ask()


def test_the_kinds_of_error_are_told_apart(path: Path) -> None:
    def of(code: int) -> JournalError:
        error = sqlite3.OperationalError("x")
        error.sqlite_errorcode = code
        return journal_error(error, path, "written")

    assert type(of(sqlite3.SQLITE_FULL)) is JournalFullError
    assert type(of(sqlite3.SQLITE_READONLY_DBMOVED)) is JournalReadOnlyError
    assert type(of(sqlite3.SQLITE_BUSY)) is JournalError
    assert type(journal_error(OSError(28, "x"), path, "written")) is JournalFullError
    assert type(journal_error(OSError(30, "x"), path, "written")) is JournalReadOnlyError
    assert type(journal_error(OSError(5, "x"), path, "written")) is JournalError


@pytest.mark.parametrize(("number", "kind"), [(30, JournalReadOnlyError), (28, JournalFullError), (5, JournalError)])
def test_a_disk_that_is_called_writable_and_is_not_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[JournalError]
) -> None:
    def refused(**_: object) -> object:
        raise OSError(number, os.strerror(number))

    io_error = sqlite3.OperationalError("disk I/O error")
    io_error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    assert type(journal_error(io_error, path, "written")) is kind
    assert type(journal_error(io_error, path, "read")) is JournalError


def test_a_journal_that_is_closed_to_whoever_looks_is_no_fault_of_the_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cannot_open = sqlite3.OperationalError("unable to open database file")
    cannot_open.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    assert "unable to open" in str(journal_error(cannot_open, path, "written"))
    path.write_bytes(b"")
    monkeypatch.setattr("os.access", lambda asked, mode: asked != path or mode == os.F_OK)
    for error in (PermissionError(13, "Permission denied"), cannot_open):
        seen = journal_error(error, path, "read")
        assert (type(seen), str(seen)) == (
            JournalError,
            "The journal journal.sqlite could not be read: Permission denied.",
        )
        assert type(journal_error(error, path, "written")) is JournalReadOnlyError


def test_a_torn_reserve_is_made_whole_again(path: Path) -> None:
    path.with_suffix(".reserve").write_bytes(b"torn")
    reserve = Reserve(path, 8192)
    reserve.make()
    assert path.with_suffix(".reserve").stat().st_size == 8192
    assert reserve.give_up()
    assert not reserve.give_up()


def old_journal(path: Path) -> None:
    """A journal as the first version of the software left it, with one record in it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for statement in TABLES.split(";\n"):
            if "trace_removed" not in statement:
                connection.execute(statement)
        for statement in triggers(1).values():
            connection.execute(statement)
        connection.execute("INSERT INTO journal VALUES (1, ?, 1, '2026-11-24', NULL)", (DEVICE,))
        connection.execute("PRAGMA user_version = 1")


def test_a_journal_of_format_1_is_brought_to_format_2_with_its_chain_untouched(path: Path) -> None:
    old_journal(path)
    with Journal.open(path, DEVICE) as journal:
        assert journal.set_aside is None
        first = journal.append(reading)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (FORMAT,)
        kept = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    assert kept == {name: statement.rstrip(";") for name, statement in triggers().items()}
    with Journal.open(path, DEVICE) as journal:
        assert journal.append(reading).previous_sha256 == first.sha256
        assert journal.verify().sound


def test_a_journal_of_format_1_can_be_read_before_it_is_migrated(path: Path) -> None:
    old_journal(path)
    with Deliveries.open(path, read_only=True) as seen:
        assert (seen.verify().sound, seen.removals()) == (True, [])


def test_a_journal_of_a_newer_format_is_left_as_it_is(path: Path) -> None:
    with Journal.open(path, DEVICE) as journal:
        journal.append(reading)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    with pytest.raises(JournalVersionError, match=f"format {FORMAT + 1}"):
        Journal.open(path, DEVICE)
    assert [file.name for file in path.parent.glob("*broken*")] == []


def test_every_table_is_guarded() -> None:
    for table in KEPT_TABLES:
        assert {f"{table}_no_update", f"{table}_no_delete"} <= set(triggers())
