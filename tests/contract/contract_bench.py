"""Valid records for the tests of the contract."""

from typing import Any

from contract.reading import Reading

READING: dict[str, Any] = {
    "reading_id": "019ab0c4-9000-7000-8000-000000000001",
    "device_seq": 1,
    "study": "demo",
    "subject": {"site": "00", "inclusion": "7"},
    "body_site": "finger",
    "simulated": True,
    "protocol": {"name": "demo", "version": "1", "sha256": "a" * 64},
    "device": {
        "name": "bedside-1",
        "software_version": "0.1.0",
        "algorithm_version": "1",
        "configuration_sha256": "b" * 64,
    },
    "measured": {
        "at": "2026-11-23T13:00:00.250000+01:00",
        "boot_id": "00000000-0000-4000-8000-000000000001",
        "boottime_ns": 1,
        "clock_synchronised": True,
    },
    "result": {"status": "measured", "crt_s": 2.1, "crt_ci95_s": [1.9, 2.3]},
    "presses": [],
}


def reading(**changes: Any) -> Reading:
    return Reading.model_validate(READING | changes)
