"""From what vision found to what the record holds: the one place where the two vocabularies meet."""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contract.build import installed_build
from contract.identifiers import new_reading_id
from contract.reading import BodySite, Device, PressRecord, ProtocolRef, Reading, RefillResult, Side, Status, Subject
from contract.reasons import Reason
from contract.version import __version__
from device.clock import Clock
from device.measured import measured_now
from device.session_verdict import without_number
from device.stored_trace import StoredTrace, read_stored_trace, trace_text
from firmware_config.loading import content_sha256
from firmware_config.protocol import Protocol
from vision.press import PressAnalysis
from vision.pressure import PressureTrace
from vision.trace import Trace


@dataclass(frozen=True)
class KeptPress:
    """One press as it goes into the journal, with the text of its trace."""

    record: PressRecord
    trace: bytes
    last_frame_ns: int = 0
    """CLOCK_BOOTTIME of the last frame that the number was made of."""


@dataclass(frozen=True)
class About:
    """Who is measured, where and by what: everything of a reading that is known before the first press."""

    study: str
    site: str
    inclusion: str
    body_site: BodySite
    protocol: Protocol
    target_kpa: float
    """What the protocol asks for, on this device's plate."""
    device: Device
    simulated: bool
    side: Side | None = None
    event: str | None = None
    operator: str | None = None
    norepinephrine_onset_at: datetime | None = None
    calibration_id: UUID | None = None


def device_of(name: str, algorithm_version: str, configuration_sha256: str) -> Device:
    """Return what measured, for the record."""
    return Device(
        name=name,
        software_version=__version__,
        algorithm_version=algorithm_version,
        build=installed_build(),
        configuration_sha256=configuration_sha256,
    )


def draft(about: About, clock: Clock) -> Reading:
    """Return the reading that stands if the measurement that begins now is never finished."""
    return Reading(
        reading_id=new_reading_id(),
        device_seq=1,
        study=about.study,
        subject=Subject(site=about.site, inclusion=about.inclusion),
        event=about.event,
        body_site=about.body_site,
        side=about.side,
        operator=about.operator,
        norepinephrine_onset_at=about.norepinephrine_onset_at,
        simulated=about.simulated,
        calibration_id=about.calibration_id,
        protocol=ProtocolRef(
            name=about.protocol.name, version=about.protocol.version, sha256=content_sha256(about.protocol)
        ),
        device=about.device,
        measured=measured_now(clock),
        result=without_number(Reason.INTERRUPTED),
        presses=[],
    )


def completed(
    begun: Reading, device_seq: int, result: RefillResult, spread: float | None, presses: list[PressRecord]
) -> Reading:
    """Return the measurement's reading, checked as a whole; raises `pydantic.ValidationError` where it is none."""
    return Reading.model_validate(
        {**begun.model_dump(), "device_seq": device_seq, "result": result, "crt_spread": spread, "presses": presses}
    )


def result_of(analysis: PressAnalysis) -> RefillResult:
    """Return a press's result as the contract has it; numbers stand only with the status that they belong to."""
    status = Status(analysis.status)
    if status is Status.NOT_MEASURABLE:
        return without_number(Reason(analysis.reason) if analysis.reason else Reason.TOO_UNCERTAIN)
    return RefillResult(
        status=status,
        crt_s=_finite(analysis.crt_s) if status is Status.MEASURED else None,
        crt_ci95_s=analysis.crt_ci95_s if status is Status.MEASURED else None,
        crt_exceeds_s=_finite(analysis.crt_exceeds_s) if status is Status.CENSORED else None,
        t50_s=_finite(analysis.t50_s),
        crt_90_10_s=_finite(analysis.crt_90_10_s),
        crt_100_10_s=_finite(analysis.crt_100_10_s),
        tau_s=_finite(analysis.tau_s),
        delay_s=_finite(analysis.delay_s),
        overshoot=_finite(analysis.overshoot),
    )


def press_of(
    number: int,
    target_kpa: float,
    analysis: PressAnalysis,
    pressure: PressureTrace,
    origin_ns: int,
    set_number: int = 1,
) -> KeptPress:
    """Return a press for the journal; `origin_ns` is the CLOCK_BOOTTIME that the times of both series count from.

    `target_kpa` is the one that the analysis was given: the stored trace has to give the same result again.
    """
    trace = trace_text(StoredTrace(analysis.trace, pressure, origin_ns, target_kpa))
    record = PressRecord(
        number=number,
        set_number=set_number,
        result=result_of(analysis),
        target_kpa=target_kpa,
        mean_hold_kpa=_finite(analysis.mean_hold_kpa),
        hold_s=_finite(analysis.hold_s),
        release_s=_finite(analysis.release_s),
        time_zero_from=analysis.time_zero_from,
        blanch_step=_finite(analysis.blanch_step),
        baseline=_finite(analysis.baseline),
        frames=analysis.frames,
        frames_dropped=analysis.frames_dropped,
        trace_sha256=hashlib.sha256(trace).hexdigest(),
    )
    last_s = float(analysis.trace.time_s[-1]) if len(analysis.trace.time_s) else 0.0
    return KeptPress(record, trace, origin_ns + round(last_s * 1e9))


def read_trace(text: bytes) -> tuple[Trace, PressureTrace]:
    """Return the two series of a kept trace, to the last digit; raises `StoredTraceError`."""
    stored = read_stored_trace(text)
    return stored.trace, stored.pressure


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
