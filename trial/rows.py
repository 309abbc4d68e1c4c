"""From records to table rows: plain copies, no decisions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contract.amendment import Amendment
from contract.mottling import MottlingReading, MottlingZones
from contract.reading import Reading, Receipt, RefillResult
from contract.source import Source
from contract.topics import Topic
from trial.judge import Accepted, AcceptedStatus


@dataclass(frozen=True)
class StoredRow:
    """What tells a repeated record from a contradicting one."""

    reading_id: str
    study: str
    device: str
    device_seq: int
    kind: str
    sha256: str
    received_at: datetime

    @classmethod
    def of(cls, accepted: Accepted, received_at: datetime) -> "StoredRow":
        """Return it for a record that has just been written."""
        record, sha256 = accepted.record, accepted.envelope.sha256
        place = record.study, record.device.name, record.device_seq
        return cls(str(record.reading_id), *place, record.kind, sha256, received_at)


def reading_row(accepted: Accepted, reading: Reading, received_at: datetime) -> dict[str, Any]:
    """Return the rows of tables `record` and `reading` in one."""
    return {
        **_source(accepted, reading, received_at),
        "body_site": str(reading.body_site),
        "protocol_name": reading.protocol.name,
        "protocol_version": reading.protocol.version,
        "protocol_sha256": reading.protocol.sha256,
        **_result(reading.result),
        "crt_spread": reading.crt_spread,
    }


def mottling_row(accepted: Accepted, reading: MottlingReading, received_at: datetime) -> dict[str, Any]:
    """Return the rows of tables `record` and `mottling` in one."""
    result = reading.result
    return _source(accepted, reading, received_at) | {
        "status": result.status,
        "reason": _text(result.reason),
        "score": result.score,
        "max_supported": result.max_supported,
        "at_least": result.at_least,
        "confidence": result.confidence,
        **(result.zones or MottlingZones()).model_dump(),
        "mottled_area_cm2": result.mottled_area_cm2,
        "mm_per_px": result.mm_per_px,
        "photo_sha256": reading.photo_sha256,
        "photo_from": reading.photo_from,
    }


def amendment_row(accepted: Accepted, amendment: Amendment, received_at: datetime) -> dict[str, Any]:
    """Return the rows of tables `record` and `amendment` in one."""
    return _source(accepted, amendment, received_at) | {
        "about": str(amendment.about),
        "action": amendment.action,
        "mottling_score": amendment.mottling_score,
        "comment": _text(amendment.comment),
        "why": _text(amendment.why),
        "problem": accepted.problem,
    }


def _source(accepted: Accepted, source: Source, received_at: datetime) -> dict[str, Any]:
    """Return what is kept of every record, whatever its kind; a table takes what it has columns for."""
    subject, device, measured, envelope = source.subject, source.device, source.measured, accepted.envelope
    return {
        "reading_id": str(source.reading_id),
        "study": source.study,
        "site": subject.site,
        "inclusion": subject.inclusion,
        "event": source.event,
        "device": device.name,
        "device_seq": source.device_seq,
        "kind": accepted.record.kind,
        "sha256": envelope.sha256,
        "previous_sha256": envelope.previous_sha256,
        "body": envelope.body,
        "side": _text(source.side),
        "operator": source.operator,
        "simulated": source.simulated,
        "calibration_id": _text(source.calibration_id),
        "software_version": device.software_version,
        "algorithm_version": device.algorithm_version,
        "configuration_sha256": device.configuration_sha256,
        "measured_at": measured.at,
        "clock_synchronised": measured.clock_synchronised,
        "boot_id": str(measured.boot_id),
        "boottime_ns": measured.boottime_ns,
        "sent_at": envelope.sent_at,
        "received_at": received_at,
    }


def change_rows(amendment: Amendment) -> list[dict[str, Any]]:
    """Return the rows of table `amendment_change`; `position` counts from 1 in the order of the record."""
    reading_id = str(amendment.reading_id)
    return [
        {
            "reading_id": reading_id,
            "position": position,
            "field": change.field,
            "old_value": change.old,
            "new_value": change.new,
        }
        for position, change in enumerate(amendment.changes, start=1)
    ]


def press_rows(reading: Reading) -> list[dict[str, Any]]:
    """Return the rows of table `press`; `position` counts from 1 in the order of the record."""
    reading_id = str(reading.reading_id)
    return [
        {
            "reading_id": reading_id,
            "position": position,
            "number": press.number,
            **_result(press.result),
            "target_kpa": press.target_kpa,
            "mean_hold_kpa": press.mean_hold_kpa,
            "hold_s": press.hold_s,
            "release_s": press.release_s,
            "time_zero_from": press.time_zero_from,
            "blanch_step": press.blanch_step,
            "baseline": press.baseline,
            "frames": press.frames,
            "frames_dropped": press.frames_dropped,
            "trace_sha256": press.trace_sha256,
        }
        for position, press in enumerate(reading.presses, start=1)
    ]


def receipt_row(device: Topic, receipt: Receipt, issued_at: datetime) -> dict[str, Any]:
    """Return the row of table `receipt`."""
    return {
        "study": device.study,
        "site": device.site,
        "device": device.device,
        "reading_id": str(receipt.reading_id),
        "device_seq": receipt.device_seq,
        "sha256": receipt.sha256,
        "outcome": receipt.outcome,
        "reason": receipt.reason,
        "received_at": receipt.received_at,
        "issued_at": issued_at,
    }


def status_row(accepted: AcceptedStatus, received_at: datetime) -> dict[str, Any]:
    """Return the row of table `device_status`."""
    status, topic = accepted.status, accepted.topic
    return {
        "study": topic.study,
        "site": topic.site,
        "device": topic.device,
        "session_id": str(status.session_id),
        "state": status.state,
        "at": status.at,
        "software_version": status.software_version,
        "unsent_readings": status.unsent_readings,
        "problem": status.problem,
        "received_at": received_at,
    }


def _result(result: RefillResult) -> dict[str, Any]:
    low_s, high_s = result.crt_ci95_s or (None, None)
    return {
        "status": str(result.status),
        "reason": _text(result.reason),
        "crt_s": result.crt_s,
        "crt_low_s": low_s,
        "crt_high_s": high_s,
        "crt_exceeds_s": result.crt_exceeds_s,
        "t50_s": result.t50_s,
        "crt_90_10_s": result.crt_90_10_s,
        "crt_100_10_s": result.crt_100_10_s,
        "tau_s": result.tau_s,
        "delay_s": result.delay_s,
        "overshoot": result.overshoot,
    }


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)
