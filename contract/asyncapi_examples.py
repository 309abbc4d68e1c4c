"""One message of each kind as it stands on the wire, for the document: made by the models, never by hand."""

from datetime import UTC, datetime
from uuid import UUID

from contract.amendment import Amendment
from contract.envelope import Envelope, canonical_json, chain_sha256
from contract.identifiers import GENESIS_SHA256
from contract.mottling import MottlingReading
from contract.reading import Reading, Receipt
from contract.source import Source
from contract.status import DeviceStatus
from contract.topics import Topic

HOME = Topic("demo", "00", "bedside-1", "reading")
AT = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)

_RESULT = {"status": "measured", "crt_s": 2.41, "crt_ci95_s": [2.2, 2.7], "t50_s": 0.71, "tau_s": 1.05}
READING = Reading.model_validate(
    {
        "reading_id": "019ab0c4-9000-7000-8000-000000000001",
        "device_seq": 1,
        "study": HOME.study,
        "subject": {"site": HOME.site, "inclusion": "0007"},
        "event": "inclusion",
        "body_site": "finger",
        "side": "left",
        "operator": "n7",
        "norepinephrine_onset_at": "2026-11-23T04:15:00+01:00",
        "simulated": True,
        "protocol": {"name": "demo", "version": "2", "sha256": "a" * 64},
        "device": {
            "name": HOME.device,
            "software_version": "0.1.0",
            "algorithm_version": "2.1",
            "configuration_sha256": "b" * 64,
        },
        "measured": {
            "at": "2026-11-23T13:00:00.250000+01:00",
            "boot_id": "00000000-0000-4000-8000-000000000001",
            "boottime_ns": 60_000_000_000,
            "clock_synchronised": True,
        },
        "result": _RESULT,
        "presses": [
            {
                "number": 1,
                "result": _RESULT,
                "target_kpa": 40.0,
                "mean_hold_kpa": 39.8,
                "hold_s": 10.02,
                "release_s": 0.09,
                "time_zero_from": "pressure",
                "blanch_step": 0.21,
                "baseline": 0.93,
                "frames": 720,
                "frames_dropped": 0,
                "trace_sha256": "c" * 64,
            }
        ],
    }
)


def _later(record_number: int, **content: object) -> dict[str, object]:
    """Return what a later record of the same device and subject says."""
    reading_id = f"019ab0c4-9000-7000-8000-{record_number:012}"
    same = READING.model_dump(include=set(Source.model_fields) - {"reading_id", "device_seq"})
    return {**same, "reading_id": reading_id, "device_seq": record_number, **content}


MOTTLING = MottlingReading.model_validate(
    _later(
        2,
        photo_sha256="d" * 64,
        landmarks={"knee": [812.5, 2210.0], "patella": [820.0, 1987.0], "groin": [905.0, 640.5]},
        result={
            "status": "measured",
            "score": 2,
            "max_supported": 4,
            "confidence": 0.87,
            "zones": {"knee_centre": 0.62, "knee": 0.41, "lower_thigh": 0.0, "upper_thigh": 0.0},
        },
    )
)
CONFIRMED = Amendment.model_validate(
    _later(3, operator="n9", about=MOTTLING.reading_id, action="confirmed", mottling_score=2)
)


def _sealed(previous_sha256: str, record: Source) -> Envelope:
    body = canonical_json(record)
    return Envelope(sent_at=AT, previous_sha256=previous_sha256, sha256=chain_sha256(previous_sha256, body), body=body)


ENVELOPE = _sealed(GENESIS_SHA256, READING)
MOTTLED = _sealed(ENVELOPE.sha256, MOTTLING)
AMENDED = _sealed(MOTTLED.sha256, CONFIRMED)


def _receipt(**outcome: str) -> Receipt:
    whose = {"reading_id": READING.reading_id, "device_seq": READING.device_seq, "sha256": ENVELOPE.sha256}
    return Receipt.model_validate({**whose, **outcome, "received_at": AT})


STORED = _receipt(outcome="stored")
REFUSED = _receipt(outcome="refused", reason="sha256: does not match the body")

READY = DeviceStatus.model_validate(
    {
        "session_id": UUID("00000000-0000-4000-8000-000000000009"),
        "state": "ready",
        "at": AT,
        "software_version": "0.1.0",
        "unsent_readings": 3,
        "problem": "The broker does not answer.",
        "health": [
            {"part": "camera", "condition": "ok", "value": 60.0, "unit": "fps"},
            {"part": "broker", "condition": "warning", "sentence": "The broker does not answer."},
        ],
    }
)
LOST = READY.model_copy(update={"state": "lost", "problem": None, "health": None})
