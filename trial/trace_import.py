"""Traces brought from the export of a device's journal, each held against the reading that names it.

The export's records are looked at first, from end to end: where one is altered, nothing is brought. Then the traces, a
few readings at a time: each goes in whole or stays out, and what stays out is named. To run it again is safe.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, insert, select

from contract.records import read_record
from trial.backup_manifest import file_sha256
from trial.database import note, writing
from trial.people import changing, signed
from trial.reconcile import Exported, ExportError, chained, check_sums, rows_of
from trial.tables import press_trace, record
from trial.traces import MOST_BYTES, named, pack

_READ = ("journal.json", "records.jsonl", "removals.jsonl")
_AT_ONCE = 20
Key = tuple[str, int]
"""A reading's id and the number of its press."""


@dataclass
class Taken:
    """What became of an export's traces. `waiting`: numbers of readings that are not in the database yet."""

    device: str
    stored: int = 0
    there: int = 0
    removed: int = 0
    """The device's retention has removed them, and says so."""
    waiting: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """One sentence each, naming the file or the reading."""


@dataclass(frozen=True)
class _Found:
    """A reading of the export, and the hashes of the traces that it names."""

    record: Exported
    reading_id: str
    traces: dict[int, str]


@dataclass(frozen=True)
class _Source:
    """An export whose records are whole. `removed` are the hashes of what retention removed."""

    folder: Path
    device: str
    first_seq: int
    sums_sha256: str
    studies: Sequence[str]
    removed: frozenset[bytes]

    def readings(self, study: str | None, unknown: list[int]) -> Iterator[_Found]:
        """Yield the readings that name a trace, of one study or of all; adds what cannot be read to `unknown`."""
        for each in chained(rows_of(self.folder / "records.jsonl"), self.device, self.first_seq):
            if study is not None and each.study != study:
                continue
            try:
                content = read_record(each.body)
            except ValidationError:  # of a newer version, perhaps: it cannot be in the database either
                unknown.append(each.device_seq)
                continue
            if traces := named(content):
                yield _Found(each, str(content.reading_id), traces)


def bring(
    engine: Engine,
    folder: Path,
    *,
    actor: str,
    why: str,
    study: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Taken:
    """Store the traces of an export that `refill journal export` wrote, of one study or of all that it has.

    A line in the audit trail of each study before and after, so that an import that was killed shows. Raises
    `ExportError` where the export is none or was altered, before anything is stored; `trial.people.UnsignedError`, and
    SQLAlchemy's errors.
    """
    reason = signed(actor, why)
    source = _checked(folder)
    studies = [each for each in source.studies if study is None or each == study]
    whose = f"device {source.device}, export {source.sums_sha256}"
    _note(engine, actor, "trace import begun", dict.fromkeys(studies, f"{whose}, why: {reason}"))
    work, seen, unknown = _Bringing(engine, source, actor, Taken(source.device)), set[str](), list[int]()
    with _in_one_line(folder):
        for part in _a_few(source.readings(study, unknown)):
            seen |= {_name(each.record.device_seq, number) for each in part for number in each.traces}
            work.store(part)
            progress(f"{work.taken.stored} traces stored")
        work.taken.refused += [f"record {seq}: is no record that this version knows" for seq in unknown]
        if study is None:
            theirs = tuple(_name(seq, 0).removesuffix("0.json") for seq in unknown)
            work.taken.refused += [each for each in _strangers(folder, seen) if not each.startswith(theirs)]
    _note(engine, actor, "trace import done", {each: f"{whose}, {work.stored[each]} stored" for each in studies})
    return work.taken


def _checked(folder: Path) -> _Source:
    """Look at every record of an export; raises `ExportError` unless its hashes and its chain are whole."""
    with _in_one_line(folder):
        check_sums(folder, _READ)
        about = json.loads((folder / "journal.json").read_text(encoding="utf-8"))
        device, first_seq = str(about["device"]), int(about["first_seq"])
        removed = frozenset(bytes.fromhex(row["sha256"]) for row in rows_of(folder / "removals.jsonl"))
        source = _Source(folder, device, first_seq, file_sha256(folder / "SHA256SUMS"), (), removed)
        studies = {each.record.study for each in source.readings(None, [])}
    return _Source(folder, device, first_seq, source.sums_sha256, sorted(studies), removed)


@contextmanager
def _in_one_line(folder: Path) -> Iterator[None]:
    try:
        yield
    except ExportError:
        raise
    except (KeyError, TypeError) as error:
        raise ExportError(f"{folder}: no whole export: {error} is missing or of the wrong kind") from error
    except (OSError, ValueError) as error:
        raise ExportError(f"{folder}: no whole export: {error}") from error


def _a_few(readings: Iterator[_Found]) -> Iterator[list[_Found]]:
    while part := list(islice(readings, _AT_ONCE)):
        yield part


@dataclass
class _Bringing:
    """An import at work. `stored` counts by study."""

    engine: Engine
    source: _Source
    actor: str
    taken: Taken
    stored: Counter[str] = field(default_factory=Counter)

    def store(self, part: Sequence[_Found]) -> None:
        """Store the traces of a few readings in one transaction."""
        with self.engine.connect() as connection:
            known, here = _known(connection, part), _here(connection, part)
        rows: dict[Key, dict[str, object]] = {}
        for each in part:
            seq, study = each.record.device_seq, each.record.study
            if each.reading_id not in known:
                self.taken.waiting.append(seq)
            elif known[each.reading_id] != (study, self.source.device, seq, each.record.sha256):
                self.taken.refused.append(f"record {seq}: reading {each.reading_id} is another one in the database")
            else:
                there = {number for number in each.traces if (each.reading_id, number) in here}
                self.taken.there += len(there)
                for number in each.traces.keys() - there:
                    text = self._text(seq, number, each.traces[number])
                    if text is not None:
                        of_text = {"sha256": each.traces[number], "bytes": len(text), "packed": pack(text)}
                        rows[each.reading_id, number] = of_text
        if rows:
            self._insert(part, rows)

    def _text(self, device_seq: int, number: int, sha256: str) -> bytes | None:
        """Return a trace of the export where it is the one that its reading names; says in `taken` why it is not."""
        name = _name(device_seq, number)
        path = self.source.folder / name
        try:
            large = path.stat().st_size > MOST_BYTES
            text = b"" if large else path.read_bytes()
        except FileNotFoundError:
            if bytes.fromhex(sha256) in self.source.removed:
                self.taken.removed += 1
            else:
                self.taken.refused.append(f"{name}: is missing, and record {device_seq} names it")
            return None
        except OSError as error:
            self.taken.refused.append(f"{name}: cannot be read: {error.strerror}")
            return None
        if large:
            self.taken.refused.append(f"{name}: is larger than any trace of a press")
            return None
        if hashlib.sha256(text).hexdigest() != sha256:
            self.taken.refused.append(f"{name}: is not the trace that record {device_seq} names: its hash is another")
            return None
        return text

    def _insert(self, part: Sequence[_Found], rows: Mapping[Key, dict[str, object]]) -> None:
        """Store what another import has not stored meanwhile."""
        same = {"export_sha256": self.source.sums_sha256, "at": datetime.now(UTC), "actor": self.actor}
        study_of = {each.reading_id: each.record.study for each in part}
        with changing(self.engine) as connection:
            here = _here(connection, part)
            new = {key: row for key, row in rows.items() if key not in here}
            for (reading_id, number), row in new.items():
                connection.execute(insert(press_trace).values(reading_id=reading_id, number=number, **row, **same))
        self.stored.update(study_of[reading_id] for reading_id, _ in new)
        self.taken.stored += len(new)
        self.taken.there += len(rows) - len(new)


def _known(connection: Connection, part: Sequence[_Found]) -> dict[str, tuple[str, str, int, str]]:
    r = record.c
    query = select(r.reading_id, r.study, r.device, r.device_seq, r.sha256)
    found = connection.execute(query.where(r.reading_id.in_([each.reading_id for each in part])))
    return {row.reading_id: (row.study, row.device, row.device_seq, row.sha256) for row in found}


def _here(connection: Connection, part: Sequence[_Found]) -> set[Key]:
    t = press_trace.c
    query = select(t.reading_id, t.number).where(t.reading_id.in_([each.reading_id for each in part]))
    return {(row.reading_id, row.number) for row in connection.execute(query)}


def _name(device_seq: int, number: int) -> str:
    """Return where an export has a trace."""
    return f"traces/{device_seq:06}-{number}.json"


def _strangers(folder: Path, seen: set[str]) -> list[str]:
    """Return what lies among the traces and is none of any record."""
    place = folder / "traces"
    names = (f"traces/{path.name}" for path in place.iterdir()) if place.is_dir() else ()
    return sorted(f"{name}: no record of the export names it" for name in names if name not in seen)


def _note(engine: Engine, actor: str, action: str, said: dict[str, str]) -> None:
    with writing(engine).begin() as connection:
        for study, detail in said.items():
            note(connection, actor, action, f"study {study}, {detail}")
