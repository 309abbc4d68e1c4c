"""The journal as everybody but its writer sees it: records to read, receipts to note. Never writes source data."""

import os
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from contract.reading import Receipt, Subject, utc
from device.journal import chain, finding
from device.journal.disk import journal_error
from device.journal.keeping import behind_the_mark, newer, read_mark
from device.journal.schema import FORMAT, JournalError, JournalRecord, connect, format_of


@dataclass(frozen=True)
class Counts:
    """How many records there are, and how far they got."""

    records: int
    unsent: int
    refused: int


@dataclass(frozen=True)
class Removal:
    """A trace that retention removed: which, when, by whom and why."""

    reading_id: str
    number: int
    sha256: str
    removed_at: str
    operator: str
    why: str


class Deliveries:
    """What the publisher and the journal's commands need. Several processes may hold one each."""

    def __init__(self, path: Path, connection: sqlite3.Connection, after: Callable[[], None]) -> None:
        self.path = path
        self._connection = connection
        self._after = after
        self._inode = path.stat().st_ino
        self._stored_to = 0
        """Every record up to this number has its receipt: that does not change, and need not be looked at again."""

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Open an existing journal; raises `JournalError` where there is none, or none that can be read."""
        try:
            if not path.is_file():
                raise JournalError(f"There is no journal {path.name} yet.")
            connection, after = _connected(path, read_only=read_only)
        except (sqlite3.Error, OSError) as error:
            raise journal_error(error, path, "read") from error
        journal = cls(path, connection, after)
        try:
            journal._check_format()
        except BaseException:
            journal.close()
            raise
        return journal

    def _check_format(self) -> None:
        with self._speaking():
            found = format_of(self._connection)
        if found > FORMAT:
            raise newer(self.path, found)
        if found < 1:
            raise JournalError(f"The file {self.path.name} is no journal of format 1 to {FORMAT}, but of {found}.")

    def __enter__(self) -> Self:
        """Return the open journal."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
        self._after()

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """See the journal inside as it is when it is first looked at, whatever others write meanwhile."""
        with self._speaking():
            self._connection.execute("BEGIN")
        try:
            yield
        finally:
            with self._speaking():
                self._connection.execute("ROLLBACK")

    def was_replaced(self) -> bool:
        """Return whether another file stands under the name since it was opened: the old one was set aside."""
        try:
            return self.path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise journal_error(error, self.path, "read") from error

    def unsent(self, limit: int, after: int = 0) -> list[JournalRecord]:
        """Return up to `limit` records beyond number `after` without a receipt, in order of device_seq."""
        with self._speaking():
            (last,) = self._connection.execute("SELECT COALESCE(MAX(device_seq), 0) FROM record").fetchone()
            rows = self._connection.execute(
                "SELECT * FROM unsent WHERE device_seq > ? ORDER BY device_seq LIMIT ?",
                (max(after, self._stored_to), limit),
            ).fetchall()
        if after <= self._stored_to and limit > 0:
            self._stored_to = rows[0][0] - 1 if rows else max(self._stored_to, last)
        return [JournalRecord(*row) for row in rows]

    def unsent_seqs(self) -> list[int]:
        """Return the device_seq of every record without a receipt, in order."""
        with self._speaking():
            rows = self._connection.execute("SELECT device_seq FROM unsent ORDER BY device_seq")
            return [seq for (seq,) in rows.fetchall()]

    def unsent_record(self, device_seq: int) -> JournalRecord | None:
        """Return one record; None where there is none of that number, or it has its receipt."""
        with self._speaking():
            row = self._connection.execute("SELECT * FROM unsent WHERE device_seq = ?", (device_seq,)).fetchone()
        return JournalRecord(*row) if row else None

    def record(self, device_seq: int) -> JournalRecord | None:
        """Return one record, or None where there is none of that number."""
        with self._speaking():
            row = self._connection.execute("SELECT * FROM record WHERE device_seq = ?", (device_seq,)).fetchone()
        return JournalRecord(*row) if row else None

    def records(self) -> Iterator[JournalRecord]:
        """Yield every record in order."""
        with self._speaking():
            for row in self._connection.execute("SELECT * FROM record ORDER BY device_seq"):
                yield JournalRecord(*row)

    def of_subject(self, subject: Subject) -> list[JournalRecord]:
        """Return all records that may be a subject's, in order (`device.journal.finding`)."""
        with self._speaking():
            return finding.of_subject(self._connection, subject)

    def note(self, receipt: Receipt) -> bool:
        """Commit a receipt; returns False where it is for no record of ours (other id or hash) or was noted before."""
        with self._speaking():
            return self._note(receipt)

    def note_all(self, receipts: Sequence[Receipt]) -> list[bool]:
        """Commit receipts, all at once or none; returns for each what `note` does."""
        with self._speaking():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                noted = [self._note(receipt) for receipt in receipts]
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        return noted

    def _note(self, receipt: Receipt) -> bool:
        changed = self._connection.execute(
            "INSERT INTO delivery SELECT r.device_seq, r.sha256, ?, ?, ?, ? FROM record r"
            " WHERE r.device_seq = ? AND r.reading_id = ? AND r.sha256 = ? AND NOT EXISTS"
            " (SELECT 1 FROM delivery d WHERE d.device_seq = r.device_seq AND d.outcome = ?)",
            (
                receipt.outcome,
                receipt.reason,
                utc(receipt.received_at),
                utc(datetime.now(UTC)),
                receipt.device_seq,
                str(receipt.reading_id),
                receipt.sha256,
                receipt.outcome,
            ),
        ).rowcount
        return changed == 1

    def receipts(self, device_seq: int) -> list[tuple[str, str | None, str]]:
        """Return the receipts of a record: outcome, reason and when the trial database received it, oldest first."""
        with self._speaking():
            rows = self._connection.execute(
                "SELECT outcome, reason, received_at FROM delivery WHERE device_seq = ? ORDER BY noted_at",
                (device_seq,),
            )
            return [(outcome, reason, received_at) for outcome, reason, received_at in rows.fetchall()]

    def counts(self) -> Counts:
        """Return how many records there are, how many without a receipt, how many refused and not stored later."""
        # The view `unsent` asks once for every record: this gives the same number ten times as fast.
        with self._speaking():
            records, stored, refused = self._connection.execute(
                "SELECT (SELECT COUNT(*) FROM record), (SELECT COUNT(*) FROM delivery WHERE outcome = 'stored'),"
                " (SELECT COUNT(*) FROM refused)"
            ).fetchone()
        return Counts(records, max(0, records - stored), refused)

    def last_refusal(self) -> str | None:
        """Return why the trial database refused the latest record that it refused, where it said so."""
        with self._speaking():
            row = self._connection.execute(
                "SELECT reason FROM delivery WHERE outcome = 'refused' ORDER BY device_seq DESC LIMIT 1"
            ).fetchone()
        return row[0] if row else None

    def trace(self, reading_id: str, number: int) -> bytes | None:
        """Return the text of one press's trace as it was hashed, or None where none was kept."""
        with self._speaking():
            row = self._connection.execute(
                "SELECT content FROM trace WHERE reading_id = ? AND number = ?", (reading_id, number)
            ).fetchone()
        try:
            return zlib.decompress(row[0]) if row else None
        except (zlib.error, TypeError) as error:
            raise JournalError(f"The trace of press {number} of {reading_id} is damaged.") from error

    @property
    def about(self) -> dict[str, str | int | None]:
        """Whose journal it is, its format, its first number, when it was made, and after which broken one."""
        with self._speaking():
            row = self._connection.execute("SELECT device, first_seq, created_at, follows FROM journal").fetchone()
            return {"format": format_of(self._connection)} | dict(
                zip(("device", "first_seq", "created_at", "follows"), row or (None,) * 4, strict=True)
            )

    def removals(self) -> list[Removal]:
        """Return the traces that retention removed, oldest first."""
        with self._speaking():
            if format_of(self._connection) < 2:
                return []
            rows = self._connection.execute("SELECT * FROM trace_removed ORDER BY removed_at, reading_id, number")
            return [Removal(*row) for row in rows.fetchall()]

    def verify(self, progress: Callable[[int], None] = lambda _: None) -> chain.Verification:
        """Check every record, trace, removal and receipt, and the mark beside the file; `progress` hears of records."""
        with self._speaking():
            # The mark first: a record that is committed meanwhile must not make the journal look shorter than its mark.
            mark = read_mark(self.path)
            found = chain.verify(self._connection, progress=progress)
            behind = behind_the_mark(self._connection, mark) if found.records or found.sound else None
        return found if behind is None else replace(found, problems=(*found.problems, behind))


def _connected(path: Path, *, read_only: bool) -> tuple[sqlite3.Connection, Callable[[], None]]:
    """Return a connection, and what is to be done once it is closed.

    SQLite cannot read a file with a WAL where it may not write beside it, as on a write-protected stick. Then the file
    is read as one that nobody can change; where records stand in its WAL only, a copy of both.
    """
    try:
        return connect(path, mode="ro" if read_only else "rw"), _nothing
    except sqlite3.OperationalError:
        if not read_only or os.access(path.parent, os.W_OK):
            raise
    wal = path.with_name(f"{path.name}-wal")
    if not wal.exists() or wal.stat().st_size == 0:
        return connect(path, mode="ro", immutable=True), _nothing
    folder = tempfile.TemporaryDirectory(prefix="refill-journal-")
    try:
        for part in (path, wal):
            shutil.copyfile(part, Path(folder.name) / part.name)
        return connect(Path(folder.name) / path.name), folder.cleanup
    except BaseException:
        folder.cleanup()
        raise


def _nothing() -> None:
    pass
