"""Checks an export without the device that made it: files against their sums, records against their chain."""

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from contract.envelope import chain_sha256
from contract.identifiers import GENESIS_SHA256
from contract.reading import Reading
from device.journal.export import SUMS, main_fields


@dataclass(frozen=True)
class Checked:
    """What an export holds and what is wrong with it, each problem one sentence."""

    files: int
    records: int
    problems: tuple[str, ...]


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
        first_seq = json.loads((folder / "journal.json").read_text(encoding="utf-8"))["first_seq"]
        problems.extend(_record_problems(folder, rows, removed, first_seq))
        problems.extend(_beside_problems(folder, rows))
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


def _record_problems(
    folder: Path, rows: list[dict[str, Any]], removed: set[tuple[str, int, str]], first_seq: object
) -> Iterator[str]:
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
        yield from _trace_problems(folder, row, removed)


def _beside_problems(folder: Path, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what the files beside the records say that the records do not."""
    known = {str(row.get("device_seq")) for row in rows}
    for seq in sorted({str(receipt.get("device_seq")) for receipt in _rows(folder / "receipts.jsonl")} - known):
        yield f"receipts.jsonl has a receipt for {seq}, of which there is no record."
    with (folder / "readings.csv").open(encoding="utf-8", newline="") as content:
        table = list(csv.DictReader(content))
    for row, shown in zip_longest(rows, table):
        if row is None or shown is None:
            yield f"readings.csv has {len(table)} rows for {len(rows)} records."
            return
        try:
            said = main_fields(Reading.model_validate_json(str(row.get("body"))))
        except ValidationError:
            continue  # named already
        if shown != {name: "" if value is None else str(value) for name, value in said.items()}:
            yield f"readings.csv does not say of record {row.get('device_seq')} what the record says."


def _trace_problems(folder: Path, row: dict[str, Any], removed: set[tuple[str, int, str]]) -> Iterator[str]:
    seq = row.get("device_seq")
    try:
        reading = Reading.model_validate_json(str(row.get("body")))
    except ValidationError:
        yield f"Record {seq} is not a reading of this version."
        return
    for press in reading.presses:
        if press.trace_sha256 is None:
            continue
        path = folder / "traces" / f"{reading.device_seq:06}-{press.number}.json"
        if not path.is_file():
            if (str(reading.reading_id), press.number, press.trace_sha256) not in removed:
                yield f"Record {seq}: the trace of press {press.number} is missing."
        elif hashlib.sha256(path.read_bytes()).hexdigest() != press.trace_sha256:
            yield f"Record {seq}: the trace of press {press.number} is not the one that was hashed."
