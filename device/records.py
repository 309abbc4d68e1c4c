"""From what vision found to what the record holds: the one place where the two vocabularies meet."""

import hashlib
import json
import math
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from contract.identifiers import new_reading_id
from contract.reading import (
    BodySite,
    Device,
    Measured,
    PressRecord,
    ProtocolRef,
    Reading,
    RefillResult,
    Status,
    Subject,
)
from contract.reasons import Reason
from contract.version import __version__
from device.clock import Clock
from device.session_verdict import without_number
from firmware_config.loading import content_sha256
from firmware_config.protocol import Protocol
from vision.press import PressAnalysis
from vision.pressure import PressureTrace
from vision.trace import Trace

Array = NDArray[np.float64]
TRACE_FORMAT: str = "refill-trace/1"


@dataclass(frozen=True)
class KeptPress:
    """One press as it goes into the journal, with the text of its trace."""

    record: PressRecord
    trace: bytes


@dataclass(frozen=True)
class About:
    """Who is measured, where and by what: everything of a reading that is known before the first press."""

    study: str
    site: str
    inclusion: str
    body_site: BodySite
    protocol: Protocol
    device: Device
    simulated: bool
    event: str | None = None
    operator: str | None = None
    calibration_id: UUID | None = None


def device_of(name: str, algorithm_version: str, configuration_sha256: str) -> Device:
    """Return what measured, for the record."""
    return Device(
        name=name,
        software_version=__version__,
        algorithm_version=algorithm_version,
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
        operator=about.operator,
        simulated=about.simulated,
        calibration_id=about.calibration_id,
        protocol=ProtocolRef(
            name=about.protocol.name, version=about.protocol.version, sha256=content_sha256(about.protocol)
        ),
        device=about.device,
        measured=Measured(
            at=clock.now(),
            boot_id=clock.boot_id(),
            boottime_ns=clock.boottime_ns(),
            clock_synchronised=clock.synchronised(),
        ),
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
    number: int, target_kpa: float, analysis: PressAnalysis, pressure: PressureTrace, origin_ns: int
) -> KeptPress:
    """Return a press for the journal; `origin_ns` is the CLOCK_BOOTTIME that the times of both series count from."""
    trace = trace_text(analysis.trace, pressure, origin_ns)
    record = PressRecord(
        number=number,
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
    return KeptPress(record, trace)


def trace_text(trace: Trace, pressure: PressureTrace, origin_ns: int) -> bytes:
    """Return the trace as the text that is hashed and kept: canonical JSON, every number in its shortest exact form.

    Series are lists over the n frames (`light` n triples of linear R, G, B) and over the m pressure samples; a series
    that vision did not give is null.
    """
    content = {
        "format": TRACE_FORMAT,
        "origin_boottime_ns": origin_ns,
        "frames": {
            "time_s": _list(trace.time_s),
            "signal": _list(trace.signal),
            "light": _list(trace.light),
            "surround": _list(trace.surround),
            "repeated": None if trace.repeated is None else trace.repeated.tolist(),
        },
        "pressure": {"time_s": _list(pressure.time_s), "kpa": _list(pressure.kpa)},
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def read_trace(text: bytes) -> tuple[Trace, PressureTrace]:
    """Return a kept trace as vision takes it, to the last digit; raises `ValueError` for another format."""
    content = json.loads(text)
    if content.get("format") != TRACE_FORMAT:
        raise ValueError(f"not a trace of format {TRACE_FORMAT}")
    frames, pressure = content["frames"], content["pressure"]
    return (
        Trace(
            time_s=np.array(frames["time_s"], dtype=np.float64),
            signal=np.array(frames["signal"], dtype=np.float64),
            light=_array(frames["light"]),
            surround=_array(frames["surround"]),
            repeated=None if frames["repeated"] is None else np.array(frames["repeated"], dtype=np.bool_),
        ),
        PressureTrace(
            time_s=np.array(pressure["time_s"], dtype=np.float64), kpa=np.array(pressure["kpa"], dtype=np.float64)
        ),
    )


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _list(values: Array | None) -> list[object] | None:
    return None if values is None else list(np.asarray(values, dtype=np.float64).tolist())


def _array(values: list[object] | None) -> Array | None:
    return None if values is None else np.array(values, dtype=np.float64)
