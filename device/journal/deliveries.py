"""The journal as everybody but its writer sees it: records to read, receipts to note. Never writes source data."""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from contract.reading import Receipt, utc
from device.journal import chain
from device.journal.schema import FORMAT, JournalError, JournalRecord, connect


@dataclass(frozen=True)
class Counts:
    """How many records there are, and how far they got."""

    records: int
    unsent: int
    refused: int


class Deliveries:
    """What the publisher and the journal's commands need. Several processes may hold one each."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._inode = path.stat().st_ino

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Open an existing journal; raises `JournalError` where there is none, or none that can be read."""
        if not path.is_file():
            raise JournalError(f"There is no journal {path.name} yet.")
        try:
            connection = connect(path, mode="ro" if read_only else "rw")
            found_format = connection.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            raise JournalError(f"The journal {path.name} cannot be read: {error}.") from error
        if found_format != FORMAT:
            connection.close()
            raise JournalError(f"The file {path.name} is no journal of format {FORMAT}.")
        return cls(path, connection)

    def __enter__(self) -> Self:
        """Return the open journal."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

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
        except sqlite3.Error as error:
            raise JournalError(f"The journal {self.path.name} cannot be read: {error}.") from error

    def unsent(self, limit: int) -> list[JournalRecord]:
        """Return up to `limit` records without a receipt, in order of device_seq."""
        with self._speaking():
            rows = self._connection.execute("SELECT * FROM unsent ORDER BY device_seq LIMIT ?", (limit,)).fetchall()
        return [JournalRecord(*row) for row in rows]

    def unsent_seqs(self) -> list[int]:
        """Return the device_seq of every record without a receipt, in order."""
        with self._speaking():
            rows = self._connection.execute("SELECT device_seq FROM unsent ORDER BY device_seq")
            return [seq for (seq,) in rows.fetchall()]

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

    def note(self, receipt: Receipt) -> bool:
        """Commit a receipt; returns False where it is for no record of ours (other id or hash) or was noted before."""
        with self._speaking():
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
        with self._speaking():
            row = self._connection.execute(
                "SELECT (SELECT COUNT(*) FROM record), (SELECT COUNT(*) FROM unsent), (SELECT COUNT(*) FROM refused)"
            ).fetchone()
        return Counts(*row)

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
        return zlib.decompress(row[0]) if row else None

    def verify(self) -> chain.Verification:
        """Check every record, trace and receipt."""
        with self._speaking():
            return chain.verify(self._connection)
