"""Checks an export without the device that made it: files against their sums, records against their chain."""

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from contract.envelope import chain_sha256
from contract.identifiers import GENESIS_SHA256
from contract.mottling import MottlingReading
from contract.records import AnyRecord, read_record
from device.journal import kinds
from device.journal.export import SUMS, trace_name
from device.journal.tables import ADDED_LATER, TABLES, cells, main_fields, table_of


@dataclass(frozen=True)
class Checked:
    """What an export holds and what is wrong with it, each problem one sentence."""

    files: int
    records: int
    problems: tuple[str, ...]


@dataclass(frozen=True)
class _Beside:
    """What an export has beside its records: its folder, what retention removed, whether photos were asked for."""

    folder: Path
    removed: set[tuple[str, int, str]]
    photos: bool


def check_export(folder: Path) -> Checked:
    """Check every file and every record of an export; what cannot be read is a problem, never an exception."""
    problems: list[str] = []
    sums: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    try:
        sums = _sums(folder)
        problems.extend(_file_problems(folder, sums))
        rows = _rows(folder / "records.jsonl")
        removed = {(row["reading_id"], row["number"], row["sha256"]) for row in _rows(folder / "removals.jsonl")}
        about = json.loads((folder / "journal.json").read_text(encoding="utf-8"))
        beside = _Beside(folder, removed, bool(about.get("photos")))
        problems.extend(_record_problems(beside, rows, about["first_seq"]))
        problems.extend(_receipt_problems(folder, rows))
        problems.extend(_table_problems(folder, rows))
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        problems.append(f"This is no whole export: {error}.")
    return Checked(len(sums), len(rows), tuple(problems))


def _sums(folder: Path) -> dict[str, str]:
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _file_problems(folder: Path, sums: dict[str, str]) -> Iterator[str]:
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {SUMS}
    for name in sorted(there - set(sums)):
        yield f"{name} is not in {SUMS}."
    for name, digest in sorted(sums.items()):
        path = folder / name
        if name not in there:
            yield f"{name} is missing."
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            yield f"{name} was altered."


def _rows(path: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path.name} holds lines that are no records")
    return rows


def _record_problems(beside: _Beside, rows: list[dict[str, Any]], first_seq: object) -> Iterator[str]:
    previous, expected = GENESIS_SHA256, first_seq
    for row in rows:
        seq = row.get("device_seq")
        if seq != expected:
            yield f"Records {expected} to {seq} are missing or out of order."
        if row.get("previous_sha256") != previous:
            yield f"Record {seq} does not follow the record before it."
        if chain_sha256(str(row.get("previous_sha256")), str(row.get("body"))) != row.get("sha256"):
            yield f"Record {seq} was altered: its hash does not match."
        previous, expected = str(row.get("sha256")), (seq if isinstance(seq, int) else 0) + 1
        yield from _trace_problems(beside, row)


def _receipt_problems(folder: Path, rows: list[dict[str, Any]]) -> Iterator[str]:
    known = {str(row.get("device_seq")) for row in rows}
    for seq in sorted({str(receipt.get("device_seq")) for receipt in _rows(folder / "receipts.jsonl")} - known):
        yield f"receipts.jsonl has a receipt for {seq}, of which there is no record."


def _table_problems(folder: Path, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what the tables say that the records do not."""
    said: dict[str, list[AnyRecord]] = {name: [] for name in TABLES}
    for row in rows:
        content = _content(row)
        if content is not None:  # else named already
            said[table_of(content)].append(content)
    for name, records in said.items():
        if not records and not (folder / name).exists():
            continue  # an export of older software, which knew refill readings only
        with (folder / name).open(encoding="utf-8", newline="") as file:
            table = list(csv.DictReader(file))
        if len(table) != len(records):
            yield f"{name} has {len(table)} rows for {len(records)} records."
            continue
        for content, shown in zip(records, table, strict=True):
            wanted = cells(main_fields(content))
            if shown != {name: wanted[name] for name in wanted if name in shown or name not in ADDED_LATER}:
                yield f"{name} does not say of record {content.device_seq} what the record says."


def _content(row: dict[str, Any]) -> AnyRecord | None:
    try:
        return read_record(str(row.get("body")))
    except ValidationError:
        return None


def _trace_problems(beside: _Beside, row: dict[str, Any]) -> Iterator[str]:
    seq, content = row.get("device_seq"), _content(row)
    if content is None:
        yield f"Record {seq} is no record of this version."
        return
    for number, digest in kinds.named(content).items():
        what = f"Record {seq}: {kinds.called(content, number)}"
        path = _path_of(beside.folder, content, number)
        if path is None or not path.is_file():
            left_out = isinstance(content, MottlingReading) and not beside.photos
            if not left_out and (str(content.reading_id), number, digest) not in beside.removed:
                yield f"{what} is missing."
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            yield f"{what} is not the one that was hashed."


def _path_of(folder: Path, content: AnyRecord, number: int) -> Path | None:
    if isinstance(content, MottlingReading):
        return next(iter((folder / "photos").glob(f"{content.device_seq:06}.*")), None)
    return folder / trace_name(content.device_seq, number)
