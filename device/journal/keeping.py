"""Guards the journal's file: one writer, a high-water mark beside it, and a broken file set aside, never replaced."""

import fcntl
import json
import logging
import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from contract.identifiers import GENESIS_SHA256
from device.journal.chain import verify
from device.journal.disk import PRIMARY_CODE, sync_folder
from device.journal.schema import FORMAT, JournalInUseError, JournalVersionError, connect, format_of, is_empty

log = logging.getLogger(__name__)

BROKEN_CODES: frozenset[int] = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""SQLite's words for a damaged file. Anything else (busy, full, no permission) is not the file's fault."""
TAIL_CHECKED: int = 100
"""Records checked at every start; `refill journal verify` checks all."""


class WriterLock:
    """Held by the one process that writes; the kernel drops it when the process ends, however it ends."""

    def __init__(self, journal: Path) -> None:
        self._file = journal.with_suffix(".lock").open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise JournalInUseError(f"Another process is writing the journal {journal.name}.") from error

    def release(self) -> None:
        """Let another process write."""
        self._file.close()


@dataclass(frozen=True)
class HighWater:
    """The last record that is known to be committed: shows a journal that lost its end, or was deleted."""

    device_seq: int
    sha256: str


NOTHING_YET = HighWater(0, GENESIS_SHA256)


def mark_path(journal: Path) -> Path:
    """Return where the mark of a journal stands."""
    return journal.with_suffix(".high-water")


def read_mark(journal: Path) -> HighWater:
    """Return the mark; one that is missing or torn says nothing, since the records themselves are the truth."""
    try:
        content = json.loads(mark_path(journal).read_text(encoding="utf-8"))
        return HighWater(int(content["device_seq"]), str(content["sha256"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return NOTHING_YET


def write_mark(journal: Path, mark: HighWater) -> None:
    """Replace the mark; called after the commit, so that it is never ahead of the journal."""
    path = mark_path(journal)
    fresh = path.with_suffix(".high-water-new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump({"device_seq": mark.device_seq, "sha256": mark.sha256}, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def note_mark(journal: Path, mark: HighWater) -> None:
    """Replace the mark, or say in the log why it lags: the records themselves are the truth."""
    try:
        write_mark(journal, mark)
    except OSError as error:
        log.warning("the mark beside the journal could not be written: %s", error)


def catch_up(journal: Path, connection: sqlite3.Connection) -> None:
    """Bring the mark to the last record of a sound journal: whoever wrote that may have been killed before the mark.

    Were the journal damaged next, the number of that record would be used a second time.
    """
    last = connection.execute("SELECT device_seq, sha256 FROM record ORDER BY device_seq DESC LIMIT 1").fetchone()
    if last is not None and last[0] > read_mark(journal).device_seq:
        note_mark(journal, HighWater(*last))


def what_is_wrong(journal: Path) -> str | None:
    """Return in one sentence why this journal cannot be continued, or None; raises `sqlite3.Error` for passing faults.

    A file that is not there yet, or is empty, is fine where nothing was ever committed.
    """
    mark = read_mark(journal)
    try:
        if not journal.exists():
            return f"The journal is missing: {mark.device_seq} records were written." if mark.device_seq else None
        if not journal.is_file():
            return f"Something that is no file stands in the journal's place: {mark.device_seq} records were written."
        with closing(connect(journal)) as connection:
            if is_empty(connection):
                return f"The journal is empty: {mark.device_seq} records were written." if mark.device_seq else None
            # A journal that is going to be migrated is looked at from end to end.
            found = verify(connection, tail=TAIL_CHECKED if format_of(connection) == FORMAT else None)
            return found.problems[0] if found.problems else behind_the_mark(connection, mark)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE in BROKEN_CODES:
            return f"The journal's file is damaged: {error}."
        raise


def refuse_newer(journal: Path) -> None:
    """Raise `JournalVersionError` where a newer version of the software wrote this journal; leaves it as it is."""
    if not journal.is_file():
        return
    with suppress(sqlite3.DatabaseError), closing(connect(journal, mode="ro")) as connection:
        found = format_of(connection)
        if found > FORMAT:
            raise newer(journal, found)


def newer(journal: Path, found: int) -> JournalVersionError:
    """Return what there is to say of a journal of a newer format."""
    return JournalVersionError(
        f"The journal {journal.name} is of format {found}, which a newer version of the software wrote; "
        f"this one knows format {FORMAT}. Call the study engineer."
    )


def behind_the_mark(connection: sqlite3.Connection, mark: HighWater) -> str | None:
    """Return in one sentence why a journal cannot be the one that the mark was written for, or None."""
    first_seq = connection.execute("SELECT first_seq FROM journal").fetchone()[0]
    if mark.device_seq < first_seq:
        return None
    row = connection.execute("SELECT sha256 FROM record WHERE device_seq = ?", (mark.device_seq,)).fetchone()
    if row is None:
        return f"The journal lost its last records: {mark.device_seq} were written."
    return (
        None if row[0] == mark.sha256 else f"Record {mark.device_seq} of the journal is not the one that was written."
    )


def last_known_seq(journal: Path) -> int:
    """Return the highest device_seq that can still be learnt, so that the next journal uses none a second time."""
    known = read_mark(journal).device_seq
    for query in ("SELECT MAX(device_seq) FROM record", "SELECT MAX(device_seq) FROM delivery"):
        with suppress(sqlite3.Error), closing(connect(journal, mode="ro")) as connection:
            found = connection.execute(query).fetchone()[0]
            known = max(known, found if isinstance(found, int) else 0)
    return known


def set_aside(journal: Path, at: datetime) -> Path | None:
    """Rename a broken journal with its WAL under a time-stamped name; returns it, or None where there was no file."""
    stem = f"{journal.stem}-broken-{at:%Y%m%dT%H%M%S%fZ}"
    aside = None
    # The WAL first: a main file under a new name must never meet a foreign WAL, nor ours a foreign main file.
    for ending in ("-wal", "-shm", ""):
        part = journal.with_name(journal.name + ending)
        if part.exists():
            part.rename(part.with_name(f"{stem}{journal.suffix}{ending}"))
            aside = part.with_name(f"{stem}{journal.suffix}{ending}")
    # The mark stays: the next journal counts on from it, also if this process dies before that one is made.
    sync_folder(journal.parent)
    return aside


def set_aside_files(journal: Path) -> list[Path]:
    """Return the broken journals that still wait for a person, oldest first."""
    return sorted(journal.parent.glob(f"{journal.stem}-broken-*{journal.suffix}"))
