"""A journal as plain files that any tool can read and check: records, traces, receipts, removals and their hashes."""

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from contract.reading import Reading
from device.journal.deliveries import Deliveries
from device.journal.schema import JournalRecord

SUMS: str = "SHA256SUMS"
READ_ME: str = """An export of a Refill journal.

journal.json    whose journal it is, and the number of its first record
records.jsonl   every record in order: its text (`body`) and the two hashes of the chain
receipts.jsonl  what the trial database answered to each
removals.jsonl  traces that retention removed, each with the hash that its record names
readings.csv    the main fields of each reading, for a spreadsheet; the records are the source
traces/         each press's trace as it was hashed; `refill analyse` takes one as it is
SHA256SUMS      hashes of all these files

`refill journal check-export FOLDER` checks files and chain without the device. By hand: `sha256sum -c SHA256SUMS`; and
for each record sha256 = SHA-256(previous_sha256 + line feed + body); the first record of a journal follows 64 zeros.
"""


FIELDS: tuple[str, ...] = (
    *("device_seq", "reading_id", "measured_at", "clock_synchronised", "study", "site", "inclusion", "event"),
    *("body_site", "side", "operator", "protocol", "simulated", "status", "reason", "crt_s", "crt_low_s", "crt_high_s"),
    *("crt_exceeds_s", "crt_spread", "presses"),
)
"""Columns of `readings.csv`."""


def export(journal: Deliveries, folder: Path, progress: Callable[[int], None] = lambda _: None) -> list[Path]:
    """Write a new `folder` and return its files; `progress` hears of each record.

    The folder appears under its name only once it is whole. Raises `FileExistsError` where there is one already, since
    an export never writes over an earlier one, and `OSError` where the disk refuses, leaving nothing behind.
    """
    if folder.exists() or folder.is_symlink():
        raise FileExistsError(f"{folder} exists")
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with journal.at_one_moment():
            files = _write(journal, part, progress)
        # The names last, and on the disk: an export that is cut off by a power cut is not under its name.
        os.sync()
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return [folder / file.relative_to(part) for file in files]


def _write(journal: Deliveries, folder: Path, progress: Callable[[int], None]) -> list[Path]:
    (folder / "traces").mkdir(parents=True)
    files = [folder / name for name in ("records.jsonl", "receipts.jsonl", "readings.csv")]
    with (
        files[0].open("w", encoding="utf-8") as records,
        files[1].open("w", encoding="utf-8") as receipts,
        files[2].open("w", encoding="utf-8", newline="") as readings,
    ):
        table = csv.DictWriter(readings, FIELDS, lineterminator="\n")
        table.writeheader()
        for done, record in enumerate(journal.records(), start=1):
            reading = record.reading
            records.write(_line({name: value for name, value in asdict(record).items() if name != "reading_id"}))
            receipts.writelines(map(_line, _receipts(journal, record)))
            table.writerow(main_fields(reading))
            files += _traces(journal, record, reading, folder / "traces")
            progress(done)
    for name, text in (
        ("removals.jsonl", "".join(_line(asdict(removal)) for removal in journal.removals())),
        ("journal.json", _line(journal.about)),
        ("README.txt", READ_ME),
    ):
        files.append(folder / name)
        files[-1].write_text(text, encoding="utf-8")
    sums = folder / SUMS
    sums.write_text("".join(_sum_line(file, folder) for file in sorted(files)), encoding="utf-8")
    return [*sorted(files), sums]


def _line(row: Mapping[str, object]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _traces(journal: Deliveries, record: JournalRecord, reading: Reading, folder: Path) -> Iterator[Path]:
    for press in reading.presses:
        trace = journal.trace(record.reading_id, press.number)
        if trace is not None:
            path = folder / f"{record.device_seq:06}-{press.number}.json"
            path.write_bytes(trace)
            yield path


def _receipts(journal: Deliveries, record: JournalRecord) -> Iterator[dict[str, object]]:
    for outcome, reason, received_at in journal.receipts(record.device_seq):
        yield {"device_seq": record.device_seq, "outcome": outcome, "reason": reason, "received_at": received_at}


def main_fields(reading: Reading) -> dict[str, object]:
    """Return the fields of a reading that a person looks for in a table; None is an empty cell."""
    result = reading.result
    low_s, high_s = result.crt_ci95_s or (None, None)
    return {
        "device_seq": reading.device_seq,
        "reading_id": str(reading.reading_id),
        "measured_at": reading.measured.at.isoformat(),
        "clock_synchronised": reading.measured.clock_synchronised,
        "study": reading.study,
        "site": reading.subject.site,
        "inclusion": reading.subject.inclusion,
        "event": reading.event,
        "body_site": reading.body_site.value,
        "side": reading.side.value if reading.side else None,
        "operator": reading.operator,
        "protocol": reading.protocol.name,
        "simulated": reading.simulated,
        "status": result.status.value,
        "reason": result.reason.value if result.reason else None,
        "crt_s": result.crt_s,
        "crt_low_s": low_s,
        "crt_high_s": high_s,
        "crt_exceeds_s": result.crt_exceeds_s,
        "crt_spread": reading.crt_spread,
        "presses": len(reading.presses),
    }


def _sum_line(file: Path, folder: Path) -> str:
    with file.open("rb") as content:
        return f"{hashlib.file_digest(content, 'sha256').hexdigest()}  {file.relative_to(folder)}\n"
