"""A device's journal held against the trial database, and what is missing there stored from it.

For after a restore: records that came between the backup and the loss have their receipts at home, so no device sends
them again by itself, and no gap shows them while nothing newer has come. The export of the journal has them all. It is
judged as the wire is, and stored by the same way, so that nothing is stored twice, whatever the devices send meanwhile.
"""

import json
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, select

from contract.envelope import Envelope, chain_sha256
from contract.identifiers import GENESIS_SHA256
from contract.topics import Topic, TopicError
from firmware_config.study import Study
from trial.backup_manifest import file_sha256
from trial.database import note, writing
from trial.enrolment import Register
from trial.judge import Accepted, Refused, judge
from trial.kinds import BODY, with_bodies
from trial.people import signed
from trial.store import Arrival, store
from trial.tables import dead_letter, record

_READ = ("journal.json", "receipts.jsonl", "records.jsonl")
_AT_ONCE = 200


class ExportError(ValueError):
    """The folder is no whole export of a journal; the text is one sentence."""


@dataclass(frozen=True)
class Exported:
    """One record of a journal, as its device sealed it. `receipted`: the device has the word that it is stored."""

    device_seq: int
    study: str
    site: str
    body: str
    previous_sha256: str
    sha256: str
    receipted: bool


@dataclass(frozen=True)
class Export:
    """A device's journal. `sums_sha256` is the hash of its SHA256SUMS: which export it was."""

    device: str
    records: list[Exported]
    sums_sha256: str


@dataclass(frozen=True)
class Comparison:
    """A journal and the database, for one study. Numbers are `device_seq`."""

    study: str
    device: str
    exported: int
    same: int
    missing: list[Exported]
    """In the journal and not in the database; `refused` are those of them that lie among the dead letters."""
    refused: list[int]
    different: list[int]
    """Stored under the same number with another text or hash, or no longer as it was sealed."""
    unknown: list[int]
    """Stored, within the export's numbers, and not in it."""
    beyond: int
    """Stored after the export's last number: it is older than the database."""

    @property
    def agrees(self) -> bool:
        """Whether everything of the journal is in the database as it is there."""
        return not (self.missing or self.different or self.unknown)


@dataclass(frozen=True)
class Imported:
    """What became of the missing records: how many are stored now, and why the others are not."""

    stored: int
    again: int
    refused: list[tuple[int, str]]


def read_export(folder: Path) -> Export:
    """Read what `refill journal export` wrote; raises `ExportError` unless its hashes and its chain are whole."""
    try:
        check_sums(folder, _READ)
        about = json.loads((folder / "journal.json").read_text(encoding="utf-8"))
        receipts = rows_of(folder / "receipts.jsonl")
        stored = {row["device_seq"] for row in receipts if row["outcome"] == "stored"}
        records = list(chained(rows_of(folder / "records.jsonl"), about["device"], about["first_seq"], stored))
        return Export(about["device"], records, file_sha256(folder / "SHA256SUMS"))
    except (KeyError, TypeError) as error:
        raise ExportError(f"{folder}: no whole export: {error} is missing or of the wrong kind") from error
    except (OSError, ValueError) as error:
        raise error if isinstance(error, ExportError) else ExportError(f"{folder}: no whole export: {error}") from error


def check_sums(folder: Path, names: Sequence[str]) -> None:
    """Raise `ExportError` where a file of an export is not the one of its SHA256SUMS, `OSError` where it is missing."""
    told = {}
    with (folder / "SHA256SUMS").open(encoding="utf-8") as sums:
        for line in sums:  # as long as there are traces: only what is asked for is kept
            digest, _, name = line.rstrip("\n").partition("  ")
            if name in names:
                told[name] = digest
    for name in names:
        if name not in told:
            raise ExportError(f"{folder}: {name} is not in SHA256SUMS")
        if file_sha256(folder / name) != told[name]:
            raise ExportError(f"{folder}: {name} was altered: its hash does not match")


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file of JSON lines."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def chained(
    rows: Iterable[dict[str, Any]], device: str, first_seq: int, stored: Set[int] = frozenset()
) -> Iterator[Exported]:
    """Yield the records of a device's journal, each held against the one before; raises `ExportError`, `KeyError` and
    `TypeError`. `stored`: what the device has the word for.
    """
    previous = GENESIS_SHA256
    for expected, row in enumerate(rows, start=first_seq):
        seq, body = row["device_seq"], json.loads(row["body"])
        if (seq, body["device_seq"], body["device"]["name"]) != (expected, expected, device):
            raise ExportError(f"record {seq} is not number {expected} of device {device}")
        if row["previous_sha256"] != previous or chain_sha256(previous, row["body"]) != row["sha256"]:
            raise ExportError(f"record {seq} was altered, or does not follow the record before it")
        previous = row["sha256"]
        yield Exported(
            seq, body["study"], body["subject"]["site"], row["body"], row["previous_sha256"], previous, seq in stored
        )


def compare(connection: Connection, export: Export) -> list[Comparison]:
    """Return how the database stands to a journal, for each study that the journal has records of."""
    studies = sorted({each.study for each in export.records})
    return [_compare(connection, export, study) for study in studies]


def _compare(connection: Connection, export: Export, study: str) -> Comparison:
    records = {each.device_seq: each for each in export.records if each.study == study}
    first, last = export.records[0].device_seq, export.records[-1].device_seq
    t = record.c
    query = with_bodies(select(t.device_seq, BODY, t.previous_sha256, t.sha256))
    query = query.where(t.study == study, t.device == export.device)
    seen: set[int] = set()
    different, unknown, beyond = [], [], 0
    for row in connection.execute(query.order_by(t.device_seq).execution_options(yield_per=_AT_ONCE)):
        there = records.get(row.device_seq)
        if there is not None:
            seen.add(row.device_seq)
            if (row.body, row.previous_sha256, row.sha256) != (there.body, there.previous_sha256, there.sha256):
                different.append(row.device_seq)
        elif row.device_seq > last:
            beyond += 1
        elif row.device_seq >= first:
            unknown.append(row.device_seq)
    missing = [each for seq, each in records.items() if seq not in seen]
    return Comparison(
        study,
        export.device,
        exported=len(records),
        same=len(seen) - len(different),
        missing=missing,
        refused=_refused(connection, study, export.device, missing),
        different=different,
        unknown=unknown,
        beyond=beyond,
    )


def _refused(connection: Connection, study: str, device: str, missing: Sequence[Exported]) -> list[int]:
    d = dead_letter.c
    letters = connection.execute(select(d.sha256).where(d.study == study, d.device == device)).scalars()
    hashes = set(letters)
    return [each.device_seq for each in missing if each.sha256 in hashes]


def import_missing(
    engine: Engine, export: Export, found: Comparison, study: Study, *, actor: str, why: str
) -> Imported:
    """Store the missing records, each exactly once; what the wire would refuse is refused here, and stays out.

    Sent and received is the moment of the import: measured is the device's. Two lines in the audit trail, one before
    and one after, so that an import that was killed shows; to run it again is safe. Raises
    `trial.people.UnsignedError`, and SQLAlchemy's errors.
    """
    reason = signed(actor, why)
    now = datetime.now(UTC)
    fit, refused = _judged(export, found.missing, study, Register(engine, study), now)
    whose = f"study {found.study}, device {export.device}, export {export.sums_sha256}"
    _note(engine, actor, "journal import begun", f"{whose}, {len(fit)} records, why: {reason}")
    kinds: list[tuple[int, str]] = []
    for start in range(0, len(fit), _AT_ONCE):
        part = fit[start : start + _AT_ONCE]
        outcomes = store(engine, [arrival for _, arrival in part], now)
        kinds += [(seq, outcome.kind) for (seq, _), outcome in zip(part, outcomes, strict=True)]
    refused += [
        (seq, "contradicts what is stored, or is about what it cannot be: see the dead letters")
        for seq, kind in kinds
        if kind == "refused"
    ]
    stored, again = (sum(kind == which for _, kind in kinds) for which in ("stored", "again"))
    _note(
        engine, actor, "journal import done", f"{whose}, {stored} stored, {again} there already, {len(refused)} refused"
    )
    return Imported(stored, again, sorted(refused))


def _judged(
    export: Export, missing: Iterable[Exported], study: Study, register: Register, now: datetime
) -> tuple[list[tuple[int, Arrival]], list[tuple[int, str]]]:
    """Return the records that may be stored, and why the others may not, each with its number."""
    fit: list[tuple[int, Arrival]] = []
    refused: list[tuple[int, str]] = []
    for each in missing:
        try:
            topic = str(Topic(each.study, each.site, export.device, "reading"))
            sealed = Envelope(sent_at=now, previous_sha256=each.previous_sha256, sha256=each.sha256, body=each.body)
        except (TopicError, ValidationError):
            refused.append((each.device_seq, "not a record of the contract"))
            continue
        payload = sealed.model_dump_json().encode()
        verdict = judge(topic, payload, study, register.admits)
        if isinstance(verdict, Accepted):
            fit.append((each.device_seq, Arrival(topic, payload, now, verdict)))
        elif isinstance(verdict, Refused):
            refused.append((each.device_seq, verdict.detail))
    return fit, refused


def _note(engine: Engine, actor: str, action: str, detail: str) -> None:
    with writing(engine).begin() as connection:
        note(connection, actor, action, detail)
