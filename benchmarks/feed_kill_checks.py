"""Holds the journals of several bedsides against the trial database: each reading once, unchanged, answered."""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, func, select

from benchmarks.feed_records import PRESSES
from device.journal import Deliveries, JournalError
from device.journal.keeping import set_aside_files
from trial.queries import chain_breaks, dead_letters, gaps
from trial.tables import press, reading

EVERY: int = 2**63 - 1
SHOWN: int = 8
"""Numbers named in a sentence; the others are counted."""

Content = tuple[str, str, str]
"""Reading id, hash and body."""
Row = tuple[str, int, Content]
"""Device, device_seq and content of one row of the database."""


@dataclass
class Findings:
    """What was checked, and what is wrong, each in one sentence under the promise that it breaks."""

    readings: int = 0
    rows: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    dead_letters: list[str] = field(default_factory=list)
    sequence: list[str] = field(default_factory=list)
    journals: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """All that is wrong."""
        lists = (self.lost, self.doubled, self.changed, self.unanswered)
        return [line for found in (*lists, self.dead_letters, self.sequence, self.journals) for line in found]


def last_seqs(journals: Mapping[str, Path]) -> dict[str, int]:
    """Return the last device_seq of every journal; 0 where there is none yet."""
    return {device: _last_seq(path) for device, path in journals.items()}


def _last_seq(path: Path) -> int:
    if not path.exists():
        return 0
    with _read(path) as connection:
        return int(connection.execute("SELECT COALESCE(MAX(device_seq), 0) FROM record").fetchone()[0])


def unanswered(journals: Mapping[str, Path], upto: Mapping[str, int]) -> int:
    """Return how many readings have no receipt yet, of those up to a device_seq for each device."""
    count = 0
    for device, path in journals.items():
        if upto[device] > 0:
            with Deliveries.open(path, read_only=True) as journal:
                count += sum(seq <= upto[device] for seq in journal.unsent_seqs())
    return count


def check(journals: Mapping[str, Path], connection: Connection, upto: Mapping[str, int] | None = None) -> Findings:
    """Check all readings, or those up to a device_seq for each device, where later ones may be under way."""
    found = Findings()
    upto = dict.fromkeys(journals, EVERY) if upto is None else upto
    stored = [row for row in _stored(connection) if row[1] <= upto.get(row[0], row[1])]
    found.rows = len(stored)
    for device, path in journals.items():
        try:
            ours = _journalled(path, upto[device])
            _check_journal(found, device, path, ours)
        except (JournalError, sqlite3.Error) as error:
            found.journals.append(f"{device}: the journal cannot be read: {error}")
            continue
        found.readings += len(ours)
        compare(found, device, ours, [row for row in stored if row[0] == device])
    strangers = sorted({row[0] for row in stored} - journals.keys())
    found.doubled += [f"{name}: readings of a device that there is not" for name in strangers]
    _check_database(found, connection, upto)
    return found


def compare(found: Findings, device: str, ours: Mapping[int, Content], rows: Iterable[Row]) -> None:
    """Hold one device's journal against its rows of the database."""
    theirs = [(seq, content) for _, seq, content in rows]
    seqs = Counter(seq for seq, _ in theirs)
    ids = Counter(content[0] for _, content in theirs)
    twice = {seq for seq, content in theirs if seqs[seq] > 1 or ids[content[0]] > 1}
    changed = {seq for seq, content in theirs if seq in ours and ours[seq] != content}
    found.lost += _told(device, "journalled and not in the database", ours.keys() - seqs.keys())
    found.doubled += _told(device, "in the database twice", twice)
    found.doubled += _told(device, "in the database and not in the journal", seqs.keys() - ours.keys())
    found.changed += _told(device, "not the same in the database as in the journal", changed)


def _told(device: str, what: str, seqs: Collection[int]) -> list[str]:
    """Return one sentence about some numbers, or none where there are none."""
    if not seqs:
        return []
    named = ", ".join(map(str, sorted(seqs)[:SHOWN]))
    return [f"{device}: {len(seqs)} {what}: {named}{', ...' if len(seqs) > SHOWN else ''}"]


@contextlib.contextmanager
def _read(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


def _journalled(path: Path, upto: int) -> dict[int, Content]:
    query = "SELECT device_seq, reading_id, sha256, body FROM record WHERE device_seq <= ?"
    with _read(path) as connection:
        return {row[0]: (row[1], row[2], row[3]) for row in connection.execute(query, (upto,))}


def _check_journal(found: Findings, device: str, path: Path, ours: Mapping[int, Content]) -> None:
    """Check a journal in itself: sound, no gap, and one receipt that says "stored" for each record."""
    found.journals += [f"{device}: set aside: {aside.name}" for aside in set_aside_files(path)]
    with Deliveries.open(path, read_only=True) as journal:
        found.journals += [f"{device}: {problem}" for problem in journal.verify().problems]
    found.journals += _told(device, "missing in the journal", set(range(1, max(ours, default=0) + 1)) - ours.keys())
    outcomes: dict[int, list[str]] = {seq: [] for seq in ours}
    with _read(path) as connection:
        for seq, outcome in connection.execute("SELECT device_seq, outcome FROM delivery"):
            outcomes.setdefault(seq, []).append(outcome)
    without = {seq for seq in ours if not outcomes[seq]}
    found.unanswered += _told(device, "without a receipt", without)
    odd = {seq for seq in ours if outcomes[seq] not in ([], ["stored"])}
    found.unanswered += _told(device, "with other receipts than one that says stored", odd)


def _stored(connection: Connection) -> list[Row]:
    c = reading.c
    query = select(c.device, c.device_seq, c.reading_id, c.sha256, c.body)
    return [(device, seq, (key, sha256, body)) for device, seq, key, sha256, body in connection.execute(query)]


def _check_database(found: Findings, connection: Connection, upto: Mapping[str, int]) -> None:
    """Check the database in itself: no gap, whole chains, every press, nothing in the dead letters."""
    for gap in gaps(connection):
        if gap.first_missing <= upto.get(gap.device, gap.first_missing):
            found.sequence.append(f"{gap.device}: gap in the database from {gap.first_missing} to {gap.last_missing}")
    for row in chain_breaks(connection):
        if row.device_seq <= upto.get(row.device, row.device_seq):
            found.sequence.append(f"{row.device}: {row.device_seq} does not follow the record before it")
    counted = select(reading.c.device, reading.c.device_seq, func.count(press.c.position))
    counted = counted.outerjoin(press, press.c.reading_id == reading.c.reading_id)
    grouped = counted.group_by(reading.c.id, reading.c.device, reading.c.device_seq)
    odd = connection.execute(grouped.having(func.count(press.c.position) != PRESSES)).all()
    found.changed += [f"{device}: {seq} has {count} presses, not {PRESSES}" for device, seq, count in odd[:SHOWN]]
    found.dead_letters += [f"{count} dead letters: {reason}" for reason, count in dead_letters(connection).items()]
