"""The journal as the bedside process writes it: every step of a measurement committed before anybody sees it."""

import hashlib
import json
import logging
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from contract.envelope import canonical_json, chain_sha256
from contract.identifiers import GENESIS_SHA256
from contract.reading import PressRecord, Reading, utc
from device.journal import chain, keeping
from device.journal.schema import (
    JournalError,
    JournalRecord,
    connect,
    create,
    is_empty,
)

log = logging.getLogger(__name__)


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class Journal:
    """The one writer of a device's records. Use it in the thread that opened it; the publisher reads beside it.

    A measurement is `begin` (its draft is on disk before the first press), `keep_press` for each press as it ends, and
    `append` for the reading. After a power cut or a SIGKILL, `close_interrupted` makes records of what was begun.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, lock: keeping.WriterLock, now: Callable[[], datetime]
    ) -> None:
        self.path = path
        self.set_aside: str | None = None
        """One sentence where a broken journal was set aside while opening."""
        self._connection = connection
        self._lock = lock
        self._now = now

    @classmethod
    def open(cls, path: Path, device: str, now: Callable[[], datetime] = _wall_clock) -> Self:
        """Open or create the journal of `device`; checks the file and the end of its chain first.

        A broken journal is set aside under a time-stamped name; the new one counts on from the last device_seq that is
        still known, its first record follows 64 zeros, and `set_aside` says so in one sentence. Raises
        `JournalInUseError` while another process writes, `JournalError` for another device's journal or where the
        disk does not serve.
        """
        lock = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = keeping.WriterLock(path)
            journal = cls._open_locked(path, device, lock, now)
        except BaseException as error:
            if lock is not None:
                lock.release()
            if isinstance(error, sqlite3.Error | OSError):
                raise JournalError(f"The journal {path.name} cannot be opened: {error}.") from error
            raise
        return journal

    @classmethod
    def _open_locked(cls, path: Path, device: str, lock: keeping.WriterLock, now: Callable[[], datetime]) -> Self:
        sentence, first_seq = keeping.what_is_wrong(path), 1
        if sentence is not None:
            first_seq = keeping.last_known_seq(path) + 1
            aside = keeping.set_aside(path, now())
            kept = f"It was set aside as {aside.name}." if aside else "There was no file to set aside."
            sentence = f"{sentence} {kept} Call the study engineer."
        connection = connect(path, mode="rwc")
        try:
            if is_empty(connection):
                create(connection, device, first_seq, utc(now()), sentence)
                keeping.sync_folder(path.parent)
            owner = connection.execute("SELECT device FROM journal").fetchone()[0]
        except BaseException:
            connection.close()
            raise
        if owner != device:
            connection.close()
            raise JournalError(f"The journal {path.name} belongs to {owner}, not to {device}.")
        journal = cls(path, connection, lock, now)
        journal.set_aside = sentence
        return journal

    def __enter__(self) -> Self:
        """Return the open journal."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the file and let another process write."""
        self._connection.close()
        self._lock.release()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done inside, or nothing of it; raises `JournalError` where the disk refuses."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise JournalError(f"The journal could not be written: {error}.") from error

    def begin(self, draft: Reading) -> None:
        """Commit that a measurement begins; `draft` is the reading that stands if it is never finished.

        The draft's device_seq is a placeholder: a number is taken only when a record is appended.
        """
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO measurement_begun VALUES (?, ?, ?)",
                (str(draft.reading_id), canonical_json(draft), utc(self._now())),
            )

    def keep_press(self, reading_id: str, press: PressRecord, trace: bytes | None) -> None:
        """Commit one press of a measurement that has begun, with the text of its trace.

        Raises `ValueError` where `trace` is not the one that the press names.
        """
        named = hashlib.sha256(trace).hexdigest() if trace is not None else None
        if named != press.trace_sha256:
            raise ValueError(f"press {press.number}: trace_sha256 is not the hash of its trace")
        body = json.dumps(press.model_dump(mode="json"), sort_keys=True, allow_nan=False)
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO press VALUES (?, ?, ?, ?)", (reading_id, press.number, body, utc(self._now()))
            )
            if trace is not None:
                connection.execute(
                    "INSERT INTO trace VALUES (?, ?, ?, ?)",
                    (reading_id, press.number, press.trace_sha256, zlib.compress(trace, 6)),
                )

    def append(self, build: Callable[[int], Reading]) -> JournalRecord:
        """Commit the reading that `build` makes for the next device_seq, and return it as it stands.

        Number, hash and record are one transaction: no number is lost or used twice. Raises `ValueError` where the
        reading carries another number or names a trace that was not kept.
        """
        with self._transaction() as connection:
            device_seq, previous = self._next(connection)
            reading = build(device_seq)
            if reading.device_seq != device_seq:
                raise ValueError(f"reading carries device_seq {reading.device_seq}, not {device_seq}")
            self._check_traces(connection, reading)
            body = canonical_json(reading)
            record = JournalRecord(
                device_seq,
                str(reading.reading_id),
                body,
                previous,
                chain_sha256(previous, body),
                utc(self._now()),
            )
            connection.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", astuple(record))
        try:
            keeping.write_mark(self.path, keeping.HighWater(record.device_seq, record.sha256))
        except OSError as error:
            # The record is committed, and the mark may lag behind it: who waits for the reading must see it.
            log.warning("the mark beside the journal could not be written: %s", error)
        return record

    @staticmethod
    def _next(connection: sqlite3.Connection) -> tuple[int, str]:
        """Return the next device_seq and the hash that it follows."""
        last = connection.execute("SELECT device_seq, sha256 FROM record ORDER BY device_seq DESC LIMIT 1").fetchone()
        if last is not None:
            return last[0] + 1, last[1]
        return connection.execute("SELECT first_seq FROM journal").fetchone()[0], GENESIS_SHA256

    @staticmethod
    def _check_traces(connection: sqlite3.Connection, reading: Reading) -> None:
        kept: Mapping[int, str] = dict(
            connection.execute("SELECT number, sha256 FROM trace WHERE reading_id = ?", (str(reading.reading_id),))
        )
        for press in reading.presses:
            if press.trace_sha256 is not None and kept.get(press.number) != press.trace_sha256:
                raise ValueError(f"press {press.number}: its trace was not kept")

    def interrupted(self) -> list[Reading]:
        """Return the drafts of measurements that were begun and never ended, each with the presses that were kept."""
        rows = self._connection.execute(
            "SELECT b.reading_id, b.draft FROM measurement_begun b LEFT JOIN record r ON r.reading_id = b.reading_id"
            " WHERE r.reading_id IS NULL ORDER BY b.begun_at, b.reading_id"
        ).fetchall()
        return [
            Reading.model_validate_json(draft).model_copy(update={"presses": self.presses(reading_id)})
            for reading_id, draft in rows
        ]

    def records(self) -> Iterator[JournalRecord]:
        """Yield every record in order."""
        for row in self._connection.execute("SELECT * FROM record ORDER BY device_seq"):
            yield JournalRecord(*row)

    def presses(self, reading_id: str) -> list[PressRecord]:
        """Return the presses kept for a measurement, in order."""
        rows = self._connection.execute("SELECT body FROM press WHERE reading_id = ? ORDER BY number", (reading_id,))
        return [PressRecord.model_validate_json(body) for (body,) in rows.fetchall()]

    def close_interrupted(self) -> list[JournalRecord]:
        """Append a record for every measurement that was begun and never ended; returns them."""

        def numbered(draft: Reading) -> Callable[[int], Reading]:
            return lambda device_seq: draft.model_copy(update={"device_seq": device_seq})

        return [self.append(numbered(draft)) for draft in self.interrupted()]

    def verify(self) -> chain.Verification:
        """Check every record, trace and receipt; raises `JournalError` where the file cannot be read."""
        try:
            return chain.verify(self._connection)
        except sqlite3.Error as error:
            raise JournalError(f"The journal cannot be read: {error}.") from error
