"""The journal as the bedside process writes it: every step of a measurement committed before anybody sees it."""

import hashlib
import json
import logging
import sqlite3
import zlib
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

from contract.envelope import canonical_json, chain_sha256
from contract.identifiers import GENESIS_SHA256
from contract.mottling import MottlingReading
from contract.reading import PressRecord, Subject, utc
from contract.records import AnyRecord
from device.journal import chain, finding, keeping, kinds, opening
from device.journal.disk import FULL, Reserve, journal_error, refuse_read_only, settle
from device.journal.finding import Entry
from device.journal.schema import JournalError, JournalFullError, JournalRecord, connect

log = logging.getLogger(__name__)

Written = TypeVar("Written")


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class Journal:
    """The one writer of a device's records. Use it in the thread that opened it; the publisher reads beside it.

    A measurement is `begin` (its draft is on disk before the first press), `keep_press` for each press as it ends, and
    `append` for the reading; an assessment of a photo is `begin` and `append` with the photo; an amendment is `append`.
    After a power cut or a SIGKILL, `close_interrupted` makes records of what was begun.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, lock: keeping.WriterLock, now: Callable[[], datetime]
    ) -> None:
        self.path = path
        self.set_aside: str | None = None
        """One sentence where a broken journal was set aside while opening."""
        self._connection = connection
        self._file = _identity(path)
        self._stale = False
        """Whether an error may have left the connection unusable: it is made anew before it is used again."""
        self._lock = lock
        self._now = now
        self.reserve = Reserve(path)

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
            connection, sentence = opening.opened(path, device, now)
            journal = cls(path, connection, lock, now)
            journal.set_aside = sentence
        except BaseException as error:
            if lock is not None:
                lock.release()
            if isinstance(error, sqlite3.Error | OSError):
                raise journal_error(error, path, "opened") from error
            raise
        journal.reserve.make()
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
    def _asking(self, doing: str) -> Iterator[sqlite3.Connection]:
        """Use the connection; raises `JournalError` where the disk refuses, after which it may be tried again."""
        try:
            if _identity(self.path) != self._file:
                # What is written into a file without a name is gone when it is closed.
                raise JournalError(f"The journal {self.path.name} is not the file any more that was opened.")
            if self._stale:
                self._connection.close()
                self._connection = connect(self.path)
                settle(self._connection, self.path)
                self._stale = False
            yield self._connection
        except (sqlite3.Error, OSError) as error:
            self._stale = True
            raise journal_error(error, self.path, doing) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done inside, or nothing of it; raises `JournalError` where the disk refuses."""
        with self._asking("written") as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
                refuse_read_only(self.path)
            except BaseException:
                if connection.in_transaction:
                    # On a disk that refuses, this may fail as well: the connection is made anew in any case.
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                raise

    def _with_reserve(self, write: Callable[[], Written]) -> Written:
        """Write what has begun; where the disk is full, once more in the space of the reserve."""
        try:
            done = write()
        except JournalFullError:
            if not self.reserve.give_up():
                raise
            log.warning("the disk is full: the journal writes into its reserve")
            return write()
        self.reserve.make()
        return done

    def begin(self, draft: Entry) -> None:
        """Commit that a measurement or an assessment begins; `draft` is what stands if it is never finished.

        The draft's device_seq is a placeholder: a number is taken only when a record is appended. Without its reserve,
        which is given up for what has begun before, nothing is begun. The same draft given again stands as it is.
        """
        if not self.reserve.make():
            raise JournalFullError(FULL)
        key, body = str(draft.reading_id), canonical_json(draft)
        with self._transaction() as connection:
            stands = _stands(connection, "SELECT draft FROM measurement_begun WHERE reading_id = ?", (key,)) == body
            if not stands:
                connection.execute("INSERT INTO measurement_begun VALUES (?, ?, ?)", (key, body, utc(self._now())))
        if stands:
            self._settle()

    def keep_press(self, reading_id: str, press: PressRecord, trace: bytes | None) -> None:
        """Commit one press of a measurement that has begun, with the text of its trace.

        The same press given again stands as it is. Raises `ValueError` where `trace` is not the one that it names.
        """
        named = hashlib.sha256(trace).hexdigest() if trace is not None else None
        if named != press.trace_sha256:
            raise ValueError(f"press {press.number}: trace_sha256 is not the hash of its trace")
        self._with_reserve(lambda: self._keep_press(reading_id, press, trace))

    def _keep_press(self, reading_id: str, press: PressRecord, trace: bytes | None) -> None:
        body = json.dumps(press.model_dump(mode="json"), sort_keys=True, allow_nan=False)
        with self._transaction() as connection:
            key = (reading_id, press.number)
            stands = _stands(connection, "SELECT body FROM press WHERE reading_id = ? AND number = ?", key) == body
            if not stands:
                connection.execute("INSERT INTO press VALUES (?, ?, ?, ?)", (*key, body, utc(self._now())))
            if not stands and trace is not None:
                connection.execute(
                    "INSERT INTO trace VALUES (?, ?, ?, ?)", (*key, press.trace_sha256, zlib.compress(trace, 6))
                )
        if stands:
            self._settle()

    def _settle(self) -> None:
        """Have on the disk what stands already: whoever wrote it may never have heard that it got there."""
        with self._asking("written") as connection:
            settle(connection, self.path)

    def append(self, build: Callable[[int], AnyRecord], photo: bytes | None = None) -> JournalRecord:
        """Commit the record that `build` makes for the next device_seq, and return it as it stands.

        Number, hash, record and `photo`, that of a mottling reading that was begun, are one transaction: no number is
        lost or used twice, and no photo stands without its record. A record that stands already, since a commit was not
        heard of, is returned as it stands. Raises `ValueError` where the record carries another number or names a trace
        or a photo that was not kept.
        """
        return self._with_reserve(lambda: self._append(build, photo))

    def _append(self, build: Callable[[int], AnyRecord], photo: bytes | None) -> JournalRecord:
        with self._transaction() as connection:
            device_seq, previous = self._next(connection)
            content = build(device_seq)
            standing = self._standing(connection, content)
            if standing is None:
                if photo is not None:
                    _keep_photo(connection, content, photo)
                record = self._insert(connection, content, device_seq, previous)
        if standing is not None:
            self._settle()
            return standing
        # The record is committed: who waits for it must see it, with or without a mark.
        keeping.note_mark(self.path, keeping.HighWater(record.device_seq, record.sha256))
        return record

    def _insert(
        self, connection: sqlite3.Connection, content: AnyRecord, device_seq: int, previous: str
    ) -> JournalRecord:
        if content.device_seq != device_seq:
            raise ValueError(f"the record carries device_seq {content.device_seq}, not {device_seq}")
        self._check_traces(connection, content)
        body = canonical_json(content)
        digest = chain_sha256(previous, body)
        record = JournalRecord(device_seq, str(content.reading_id), body, previous, digest, utc(self._now()))
        connection.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", astuple(record))
        return record

    @staticmethod
    def _standing(connection: sqlite3.Connection, content: AnyRecord) -> JournalRecord | None:
        """Return this very record, under whatever number, where it stands already."""
        record = finding.find(connection, str(content.reading_id))
        if record is None:
            return None
        same = canonical_json(content.model_copy(update={"device_seq": record.device_seq}))
        return record if record.body == same else None

    @staticmethod
    def _next(connection: sqlite3.Connection) -> tuple[int, str]:
        """Return the next device_seq and the hash that it follows."""
        last = connection.execute("SELECT device_seq, sha256 FROM record ORDER BY device_seq DESC LIMIT 1").fetchone()
        if last is not None:
            return last[0] + 1, last[1]
        return connection.execute("SELECT first_seq FROM journal").fetchone()[0], GENESIS_SHA256

    @staticmethod
    def _check_traces(connection: sqlite3.Connection, content: AnyRecord) -> None:
        kept: Mapping[int, str] = dict(
            connection.execute("SELECT number, sha256 FROM trace WHERE reading_id = ?", (str(content.reading_id),))
        )
        for number, digest in kinds.named(content).items():
            if kept.get(number) != digest:
                raise ValueError(f"{kinds.called(content, number)} was not kept")

    def interrupted(self) -> list[Entry]:
        """Return the drafts of all that was begun and never ended, each with the presses that were kept."""
        with self._asking("read") as connection:
            return list(finding.interrupted(connection))

    def records(self) -> Iterator[JournalRecord]:
        """Yield every record in order."""
        with self._asking("read") as connection:
            for row in connection.execute("SELECT * FROM record ORDER BY device_seq"):
                yield JournalRecord(*row)

    def with_amendments(self, reading_id: str) -> list[JournalRecord]:
        """Return the record of an id and what was added to it since, in order; none where there is no such record."""
        with self._asking("read") as connection:
            record = finding.find(connection, reading_id)
            return [] if record is None else [record, *finding.amendments_of(connection, record)]

    def of_subject(self, subject: Subject) -> list[JournalRecord]:
        """Return all records that may be a subject's, in order (`device.journal.finding`)."""
        with self._asking("read") as connection:
            return finding.of_subject(connection, subject)

    def presses(self, reading_id: str) -> list[PressRecord]:
        """Return the presses kept for a measurement, in order."""
        with self._asking("read") as connection:
            return finding.presses(connection, reading_id)

    def close_interrupted(self, but: Container[UUID] = ()) -> list[JournalRecord]:
        """Append a record for all that was begun and never ended, but for ids still worked on; returns them."""

        def numbered(draft: Entry) -> Callable[[int], Entry]:
            return lambda device_seq: draft.model_copy(update={"device_seq": device_seq})

        return [self.append(numbered(draft)) for draft in self.interrupted() if draft.reading_id not in but]

    def verify(self) -> chain.Verification:
        """Check every record, trace and receipt; raises `JournalError` where the file cannot be read."""
        with self._asking("read") as connection:
            return chain.verify(connection)


def _identity(path: Path) -> tuple[int, int]:
    """Return which file stands under a name; raises `OSError` where none does."""
    found = path.stat()
    return found.st_dev, found.st_ino


def _keep_photo(connection: sqlite3.Connection, content: AnyRecord, photo: bytes) -> None:
    """Keep a photo beside its record. It is stored as it is: what JPEG and PNG have packed no packing makes smaller."""
    digest = hashlib.sha256(photo).hexdigest()
    if not isinstance(content, MottlingReading) or content.photo_sha256 != digest:
        raise ValueError("photo_sha256 is not the hash of the photo")
    row = (str(content.reading_id), kinds.PHOTO, digest, zlib.compress(photo, 0))
    connection.execute("INSERT INTO trace VALUES (?, ?, ?, ?)", row)


def _stands(connection: sqlite3.Connection, query: str, key: tuple[str | int, ...]) -> str | None:
    row = connection.execute(query, key).fetchone()
    return str(row[0]) if row else None
