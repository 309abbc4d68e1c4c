"""A journal as plain files that any tool can read and check: records, traces, receipts and their hashes."""

import hashlib
import json
from pathlib import Path

from device.journal.deliveries import Deliveries


def export(journal: Deliveries, folder: Path) -> list[Path]:
    """Write `records.jsonl`, `receipts.jsonl`, `traces/` and `SHA256SUMS` into a new `folder`; returns the files.

    `traces/<device_seq>-<press>.json` is the very text that was hashed as the press's `trace_sha256`; `refill analyse`
    takes it as it is.
    Raises `FileExistsError` where `folder` exists: an export never writes over an earlier one.
    """
    (folder / "traces").mkdir(parents=True)
    records: list[dict[str, object]] = []
    receipts: list[dict[str, object]] = []
    files: list[Path] = []
    for record in journal.records():
        records.append(
            {
                "device_seq": record.device_seq,
                "previous_sha256": record.previous_sha256,
                "sha256": record.sha256,
                "committed_at": record.committed_at,
                "body": record.body,
            }
        )
        receipts.extend(
            {"device_seq": record.device_seq, "outcome": outcome, "reason": reason, "received_at": received_at}
            for outcome, reason, received_at in journal.receipts(record.device_seq)
        )
        for press in record.reading.presses:
            trace = journal.trace(record.reading_id, press.number)
            if trace is not None:
                files.append(folder / "traces" / f"{record.device_seq:06}-{press.number}.json")
                files[-1].write_bytes(trace)
    for name, rows in (("records.jsonl", records), ("receipts.jsonl", receipts)):
        files.append(folder / name)
        files[-1].write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    sums = folder / "SHA256SUMS"
    sums.write_text(
        "".join(
            f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder)}\n" for file in sorted(files)
        ),
        encoding="utf-8",
    )
    return [*sorted(files), sums]
