"""Records for the campaigns of the feed: plausible readings, in a journal, or sealed for the wire."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from contract.envelope import Envelope, canonical_json, chain_sha256
from contract.identifiers import GENESIS_SHA256, new_reading_id
from contract.reading import Reading
from device.journal import Journal

BOOT = UUID("00000000-0000-4000-8000-000000000001")
PRESSES = 3


def reading(seq: int, device: str = "bedside-1", site: str = "00", study: str = "demo") -> Reading:
    """Return a reading of three presses; what it says differs from one number to the next."""
    crt_s = 1.0 + (seq * 37 % 400) / 100
    result: dict[str, Any] = {
        "status": "measured",
        "crt_s": crt_s,
        "crt_ci95_s": (crt_s - 0.2, crt_s + 0.2),
        "tau_s": crt_s / 2.3,
        "t50_s": crt_s / 3.3,
    }
    at = datetime.now(UTC)
    return Reading.model_validate(
        {
            "reading_id": new_reading_id(),
            "device_seq": seq,
            "study": study,
            "subject": {"site": site, "inclusion": f"{1 + seq % 40:04d}"},
            "body_site": "finger" if seq % 2 else "knee",
            "side": "left",
            "simulated": True,
            "protocol": {"name": "demo", "version": "2", "sha256": "a" * 64},
            "device": {
                "name": device,
                "software_version": "0.1.0",
                "algorithm_version": "2.0",
                "configuration_sha256": "b" * 64,
            },
            "measured": {
                "at": at - timedelta(seconds=30),
                "boot_id": BOOT,
                "boottime_ns": 1_000_000_000 * seq,
                "clock_synchronised": True,
            },
            "result": result,
            "presses": [
                {
                    "number": number,
                    "result": result,
                    "target_kpa": 40.0,
                    "mean_hold_kpa": 39.8,
                    "hold_s": 5.0,
                    "release_s": 0.09,
                    "time_zero_from": "pressure",
                    "blanch_step": 0.21,
                    "baseline": 0.93,
                    "frames": 720,
                    "frames_dropped": 0,
                }
                for number in range(1, PRESSES + 1)
            ],
            "crt_spread": 0.0,
        }
    )


def sealed(count: int, **whose: str) -> Iterator[tuple[Reading, Envelope]]:
    """Yield a device's first `count` records as they go on the wire, each carrying the hash of the one before."""
    previous = GENESIS_SHA256
    for seq in range(1, count + 1):
        record = reading(seq, **whose)
        body = canonical_json(record)
        envelope = Envelope(
            sent_at=datetime.now(UTC), previous_sha256=previous, sha256=chain_sha256(previous, body), body=body
        )
        yield record, envelope
        previous = envelope.sha256


def append(journal: Journal, count: int, **whose: str) -> None:
    """Add `count` readings to a journal, each a transaction of its own as at the bedside."""
    for _ in range(count):
        journal.append(lambda seq: reading(seq, **whose))


def fill(path: Path, count: int, device: str = "bedside-1", site: str = "00") -> None:
    """Make the journal of a device with `count` readings, or add as many to it."""
    with Journal.open(path, device) as journal:
        append(journal, count, device=device, site=site)
