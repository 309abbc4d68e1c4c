"""From records to table rows: plain copies, no decisions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contract.reading import Reading, Receipt, RefillResult
from contract.topics import Topic
from trial.judge import Accepted, AcceptedStatus


@dataclass(frozen=True)
class StoredRow:
    """What tells a repeated reading from a contradicting one."""

    reading_id: str
    study: str
    device: str
    device_seq: int
    sha256: str
    body: str
    received_at: datetime

    @classmethod
    def of(cls, accepted: Accepted, received_at: datetime) -> "StoredRow":
        """Return it for a reading that has just been written."""
        reading, envelope = accepted.reading, accepted.envelope
        return cls(
            str(reading.reading_id),
            reading.study,
            reading.device.name,
            reading.device_seq,
            envelope.sha256,
            envelope.body,
            received_at,
        )


def reading_row(accepted: Accepted, received_at: datetime) -> dict[str, Any]:
    """Return the row of table `reading`."""
    reading, envelope = accepted.reading, accepted.envelope
    return {
        "reading_id": str(reading.reading_id),
        "study": reading.study,
        "site": reading.subject.site,
        "inclusion": reading.subject.inclusion,
        "event": reading.event,
        "device": reading.device.name,
        "device_seq": reading.device_seq,
        "sha256": envelope.sha256,
        "previous_sha256": envelope.previous_sha256,
        "body": envelope.body,
        "body_site": str(reading.body_site),
        "side": _text(reading.side),
        "operator": reading.operator,
        "simulated": reading.simulated,
        "calibration_id": _text(reading.calibration_id),
        "protocol_name": reading.protocol.name,
        "protocol_version": reading.protocol.version,
        "protocol_sha256": reading.protocol.sha256,
        "software_version": reading.device.software_version,
        "algorithm_version": reading.device.algorithm_version,
        "configuration_sha256": reading.device.configuration_sha256,
        **_result(reading.result),
        "crt_spread": reading.crt_spread,
        "measured_at": reading.measured.at,
        "clock_synchronised": reading.measured.clock_synchronised,
        "boot_id": str(reading.measured.boot_id),
        "boottime_ns": reading.measured.boottime_ns,
        "sent_at": envelope.sent_at,
        "received_at": received_at,
    }


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
