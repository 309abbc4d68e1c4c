"""A journal as plain files that any tool can read and check: records, traces, receipts, removals and their hashes.

Photos of legs are left out unless they are asked for: a photo may be of somebody who can be known by it.
"""

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import IO

from contract.mottling import MottlingReading
from device.journal.deliveries import Deliveries
from device.journal.kinds import named, photo_ending
from device.journal.schema import JournalRecord
from device.journal.tables import TABLES, main_fields, table_of

SUMS: str = "SHA256SUMS"
READ_ME: str = """An export of a Refill journal.

journal.json    whose journal it is, and the number of its first record
records.jsonl   every record in order: its text (`body`) and the two hashes of the chain
receipts.jsonl  what the trial database answered to each
removals.jsonl  traces that retention removed, each with the hash that its record names
readings.csv    the main fields of each refill reading, for a spreadsheet; the records are the source
mottling.csv    the same of each mottling reading: what the device found
amendments.csv  what people added: confirmations, comments, corrections; what stands now is reading and amendments
traces/         each press's trace as it was hashed; `refill analyse` takes one as it is
photos/         the photo of each mottling reading as it was hashed, where photos were asked for
SHA256SUMS      hashes of all these files

`refill journal check-export FOLDER` checks files and chain without the device. By hand: `sha256sum -c SHA256SUMS`; and
for each record sha256 = SHA-256(previous_sha256 + line feed + body); the first record of a journal follows 64 zeros.
"""


def export(
    journal: Deliveries, folder: Path, progress: Callable[[int], None] = lambda _: None, *, photos: bool = False
) -> list[Path]:
    """Write a new `folder` and return its files, with `photos` those as well; `progress` hears of each record.

    The folder appears under its name only once it is whole. Raises `FileExistsError` where there is one already, since
    an export never writes over an earlier one, and `OSError` where the disk refuses, leaving nothing behind.
    """
    if folder.exists() or folder.is_symlink():
        raise FileExistsError(f"{folder} exists")
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with journal.at_one_moment():
            files = _write(journal, part, progress, photos)
        # The names last, and on the disk: an export that is cut off by a power cut is not under its name.
        os.sync()
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return [folder / file.relative_to(part) for file in files]


def _write(journal: Deliveries, folder: Path, progress: Callable[[int], None], photos: bool) -> list[Path]:
    for name in ("traces", *(["photos"] if photos else [])):
        (folder / name).mkdir(parents=True)
    files = [folder / name for name in ("records.jsonl", "receipts.jsonl", *TABLES)]
    with ExitStack() as opened:
        records, receipts, *tables = [
            opened.enter_context(file.open("w", encoding="utf-8", newline="")) for file in files
        ]
        write = {name: _table(file, name) for name, file in zip(TABLES, tables, strict=True)}
        for done, record in enumerate(journal.records(), start=1):
            content = record.content
            records.write(_line({name: value for name, value in asdict(record).items() if name != "reading_id"}))
            receipts.writelines(map(_line, _receipts(journal, record)))
            write[table_of(content)].writerow(main_fields(content))
            files += _kept_beside(journal, record, folder, photos)
            progress(done)
    for name, text in (
        ("removals.jsonl", "".join(_line(asdict(removal)) for removal in journal.removals())),
        ("journal.json", _line({**journal.about, "photos": photos})),
        ("README.txt", READ_ME),
    ):
        files.append(folder / name)
        files[-1].write_text(text, encoding="utf-8")
    sums = folder / SUMS
    sums.write_text("".join(_sum_line(file, folder) for file in sorted(files)), encoding="utf-8")
    return [*sorted(files), sums]


def _line(row: Mapping[str, object]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _table(file: IO[str], name: str) -> "csv.DictWriter[str]":
    table = csv.DictWriter(file, TABLES[name], lineterminator="\n")
    table.writeheader()
    return table


def _kept_beside(journal: Deliveries, record: JournalRecord, folder: Path, photos: bool) -> Iterator[Path]:
    content = record.content
    is_photo = isinstance(content, MottlingReading)
    for number in named(content):
        kept = journal.trace(record.reading_id, number) if photos or not is_photo else None
        if kept is not None:
            path = folder / (photo_name(record.device_seq, kept) if is_photo else trace_name(record.device_seq, number))
            path.write_bytes(kept)
            yield path


def trace_name(device_seq: int, number: int) -> str:
    """Return where an export has the trace of a press."""
    return f"traces/{device_seq:06}-{number}.json"


def photo_name(device_seq: int, content: bytes) -> str:
    """Return where an export has a photo."""
    return f"photos/{device_seq:06}.{photo_ending(content)}"


def _receipts(journal: Deliveries, record: JournalRecord) -> Iterator[dict[str, object]]:
    for outcome, reason, received_at in journal.receipts(record.device_seq):
        yield {"device_seq": record.device_seq, "outcome": outcome, "reason": reason, "received_at": received_at}


def _sum_line(file: Path, folder: Path) -> str:
    with file.open("rb") as content:
        return f"{hashlib.file_digest(content, 'sha256').hexdigest()}  {file.relative_to(folder)}\n"
