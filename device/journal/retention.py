"""Retention: traces and photos that are old enough and safe elsewhere may go, each removal written down. Records stay.

A photo is kept as a trace is (`device.journal.kinds`), for a term of its own. Either may be removed only where the
trial database confirmed its record. How old it is no single clock decides, since one that jumped to another year would
make every trace look old:

- now is the earliest of this device's clock, which has to be set, the journal's last commit, and the newest receipt,
  whose time is the trial database's;
- a trace is as young as the latest of its measurement, its record's commit and its receipt.

So nothing gets older while a device lies in a cupboard. A trace's hash stays, so that a copy kept elsewhere can still
be told to be the one.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from contract.mottling import MottlingReading
from contract.reading import utc
from contract.records import read_record
from device.clock import Clock
from device.journal import chain
from device.journal.disk import journal_error
from device.journal.schema import FORMAT, JournalError, connect, format_of

WHY: str = "retention"
AT_ONCE: int = 20
"""Removals in one transaction: the bedside's own commit waits behind it."""

CONFIRMED: str = """
SELECT r.device_seq, t.reading_id, t.number, t.sha256, LENGTH(t.content), r.committed_at, d.received_at, r.body
FROM trace t JOIN record r ON r.reading_id = t.reading_id
JOIN delivery d ON d.device_seq = r.device_seq AND d.sha256 = r.sha256 AND d.outcome = 'stored'
ORDER BY r.device_seq, t.number
"""


class RetentionError(JournalError):
    """Nothing may be removed now; the text is one sentence."""


@dataclass(frozen=True)
class OldTrace:
    """A trace or a photo that may go."""

    device_seq: int
    reading_id: str
    number: int
    sha256: str
    size_bytes: int
    is_photo: bool = False


def old_traces(path: Path, keep_days: int, clock: Clock, photo_days: int | None = None) -> list[OldTrace]:
    """Return what may be removed, oldest record first: traces after `keep_days`, photos after `photo_days`.

    With None for `photo_days` a photo stays for as long as a trace. Raises `RetentionError` where no clock can tell.
    """
    with _journal(path, "read") as connection:
        now = _trusted_now(connection, clock)
        if now is None:
            return []
        found = []
        for seq, reading_id, number, digest, size, committed, received, body in connection.execute(CONFIRMED):
            record = read_record(body)
            is_photo = isinstance(record, MottlingReading)
            days = keep_days if photo_days is None or not is_photo else photo_days
            if max(_time(committed), _time(received), record.measured.at) < now - timedelta(days=days):
                found.append(OldTrace(seq, reading_id, number, digest, size, is_photo))
        return found


def remove(
    path: Path,
    traces: Sequence[OldTrace],
    operator: str,
    clock: Clock,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Remove traces, each with its removal written down in the same transaction; returns how many went.

    Raises `RetentionError` where the journal is not sound: nothing is taken from a journal that may be needed to mend
    itself. `progress` hears how many are gone.
    """
    gone = 0
    with _journal(path, "written") as connection:
        found = chain.verify(connection)
        if not found.sound:
            raise RetentionError(f"The journal is not sound, so nothing is removed: {found.problems[0]}")
        # What was removed is overwritten, not only let go.
        connection.execute("PRAGMA secure_delete = ON")
        for start in range(0, len(traces), AT_ONCE):
            some = traces[start : start + AT_ONCE]
            connection.execute("BEGIN IMMEDIATE")
            for trace in some:
                connection.execute(
                    "INSERT INTO trace_removed VALUES (?, ?, ?, ?, ?, ?)",
                    (trace.reading_id, trace.number, trace.sha256, utc(clock.now()), operator, WHY),
                )
                connection.execute(
                    "DELETE FROM trace WHERE reading_id = ? AND number = ?", (trace.reading_id, trace.number)
                )
            connection.execute("COMMIT")
            gone += len(some)
            progress(gone)
    return gone


@contextmanager
def _journal(path: Path, doing: str) -> Iterator[sqlite3.Connection]:
    """Open a journal that can be written to; closing it takes back what was not committed."""
    try:
        if not path.is_file():
            raise JournalError(f"There is no journal {path.name} yet.")
        with closing(connect(path)) as connection:
            if format_of(connection) != FORMAT:
                raise RetentionError(
                    "The journal is of another format: start the bedside once, which looks after that."
                )
            yield connection
    except (sqlite3.Error, OSError) as error:
        raise journal_error(error, path, doing) from error


def _trusted_now(connection: sqlite3.Connection, clock: Clock) -> datetime | None:
    """Return a time that has surely come; None where nothing was confirmed yet."""
    if not clock.synchronised():
        raise RetentionError("The device's clock is not set: no trace is old for certain.")
    now = clock.now()
    last = connection.execute("SELECT committed_at FROM record ORDER BY device_seq DESC LIMIT 1").fetchone()
    received = [_time(at) for (at,) in connection.execute("SELECT received_at FROM delivery WHERE outcome = 'stored'")]
    if last is None or not received:
        return None
    committed = _time(last[0])
    if now < committed:
        raise RetentionError("The device's clock is behind the journal's last record: no trace is old for certain.")
    return min(now, committed, max(received))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
