"""Holds the device's journal against the trial database: every record once on both sides, and every receipt home."""

import contextlib
import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select

from contract.reasons import Reason
from device.journal import Deliveries
from device.journal.keeping import set_aside_files
from trial.database import open_database
from trial.queries import chain_breaks, dead_letters, gaps
from trial.tables import reading as stored

JOURNAL = "journal.sqlite"
DATABASE = "trial.sqlite3"


@dataclass(frozen=True)
class Kept:
    """One record of the journal: its hash, and its result in a word."""

    reading_id: str
    sha256: str
    said: str

    @property
    def interrupted(self) -> bool:
        """Whether it is the record of a measurement that was cut short."""
        return self.said == Reason.INTERRUPTED


def open_measurements(data: Path) -> set[str]:
    """Return the reading ids that were begun and have no record yet."""
    path = data / JOURNAL
    if not path.exists():
        return set()
    query = (
        "SELECT b.reading_id FROM measurement_begun b LEFT JOIN record r ON r.reading_id = b.reading_id"
        " WHERE r.reading_id IS NULL"
    )
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return {row[0] for row in connection.execute(query)}
    except sqlite3.OperationalError:
        return set()  # killed before the journal's tables were made


def records(data: Path) -> dict[int, Kept]:
    """Return the journal's records by device_seq."""
    if not (data / JOURNAL).exists():
        return {}
    with Deliveries.open(data / JOURNAL, read_only=True) as journal:
        found = {}
        for record in journal.records():
            result = record.reading.result
            said = f"{result.crt_s:.2f} s" if result.crt_s is not None else str(result.reason or result.status)
            found[record.device_seq] = Kept(record.reading_id, record.sha256, said)
        return found


def journal_problems(data: Path) -> list[str]:
    """Check the journal in itself: whole chain, no gap, nothing open, one receipt for each record."""
    problems = [f"set aside: {path.name}" for path in set_aside_files(data / JOURNAL)]
    with Deliveries.open(data / JOURNAL, read_only=True) as journal:
        problems += [f"journal: {problem}" for problem in journal.verify().problems]
        kept = list(journal.records())
        if [record.device_seq for record in kept] != list(range(1, len(kept) + 1)):
            problems.append("journal: device_seq has a gap")
        for record in kept:
            outcomes = [outcome for outcome, _, _ in journal.receipts(record.device_seq)]
            if outcomes != ["stored"]:
                problems.append(f"record {record.device_seq}: receipts {outcomes}, not one for stored")
    problems += [f"measurement {reading_id} has no record" for reading_id in sorted(open_measurements(data))]
    return problems


def database_problems(data: Path) -> list[str]:
    """Check the trial database against the journal: the same records, byte for byte, each once, and nothing else."""
    with Deliveries.open(data / JOURNAL, read_only=True) as journal:
        ours = {record.device_seq: (record.reading_id, record.sha256, record.body) for record in journal.records()}
    engine: Engine = open_database(str(data / DATABASE))
    c = stored.c
    with engine.connect() as connection:
        rows = connection.execute(select(c.device_seq, c.reading_id, c.sha256, c.body)).all()
        problems = [f"database: {gap.count} numbers missing from {gap.first_missing} on" for gap in gaps(connection)]
        problems += [f"database: the chain breaks at {row.device_seq}" for row in chain_breaks(connection)]
        problems += [f"dead letters: {count} {reason}" for reason, count in dead_letters(connection).items()]
    engine.dispose()
    theirs = {row.device_seq: (row.reading_id, row.sha256, row.body) for row in rows}
    twice = [seq for seq, count in Counter(row.device_seq for row in rows).items() if count > 1]
    problems += [f"record {seq} stands in the database twice" for seq in twice]
    problems += [f"record {seq} is not in the database" for seq in sorted(ours.keys() - theirs.keys())]
    problems += [f"record {seq} of the database is not in the journal" for seq in sorted(theirs.keys() - ours.keys())]
    problems += [f"record {seq} differs" for seq in sorted(ours.keys() & theirs.keys()) if ours[seq] != theirs[seq]]
    return problems
