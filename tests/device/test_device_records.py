"""What vision found is what the record says, and its trace holds what the analysis took."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from device_bench import press, reading

from contract.reading import BodySite, Status
from contract.reasons import Reason
from device.clock import SystemClock
from device.records import About, completed, device_of, draft, press_of, read_trace, result_of
from device.stored_trace import read_stored_trace
from firmware_config.loading import content_sha256, load, named
from firmware_config.protocol import Protocol
from vision import ALGORITHM_VERSION
from vision.press import PressAnalysis
from vision.pressure import PressureTrace
from vision.trace import Trace

RNG = np.random.default_rng(5)
TIME_S = np.cumsum(RNG.uniform(0.01, 0.05, 50))
TRACE = Trace(
    time_s=TIME_S,
    signal=RNG.normal(0.6, 0.1, 50),
    light=RNG.uniform(0, 1, (50, 3)),
    repeated=RNG.uniform(0, 1, 50) > 0.9,
)
PRESSURE = PressureTrace(time_s=np.arange(100) / 100, kpa=RNG.normal(40, 0.1, 100))
MEASURED = PressAnalysis(
    "measured",
    None,
    TRACE,
    time_zero_s=1.0,
    time_zero_from="pressure",
    crt_s=2.0,
    crt_ci95_s=(1.9, 2.2),
    t50_s=0.6,
    tau_s=float("inf"),
    blanch_step=0.2,
    mean_hold_kpa=39.9,
    hold_s=5.0,
)


def test_a_measured_press_keeps_its_numbers_and_the_hash_of_its_trace() -> None:
    kept = press_of(2, 40.0, MEASURED, PRESSURE, 123)
    assert kept.record.number == 2
    assert kept.record.result.crt_s == 2.0
    assert kept.record.result.crt_ci95_s == (1.9, 2.2)
    assert kept.record.result.tau_s is None, "what is not finite has no value"
    assert (kept.record.frames, kept.record.frames_dropped) == (50, TRACE.dropped())
    assert kept.record.trace_sha256 == hashlib.sha256(kept.trace).hexdigest()


def test_numbers_stand_only_with_their_status() -> None:
    censored = result_of(replace(MEASURED, status="censored", crt_exceeds_s=12.0))
    assert (censored.status, censored.crt_s, censored.crt_exceeds_s) == (Status.CENSORED, None, 12.0)
    failed = result_of(replace(MEASURED, status="not_measurable", reason="moved"))
    assert (failed.reason, failed.crt_s, failed.t50_s) == (Reason.MOVED, None, None)


def test_a_reason_that_the_contract_does_not_know_is_an_error_not_a_guess() -> None:
    with pytest.raises(ValueError, match="gremlins"):
        result_of(replace(MEASURED, status="not_measurable", reason="gremlins"))


def test_a_press_keeps_what_its_analysis_took() -> None:
    refused = replace(MEASURED, status="not_measurable", reason="glare", trace=replace(TRACE, picture_reason="glare"))
    stored = read_stored_trace(press_of(1, 38.5, refused, PRESSURE, 123).trace)
    assert (stored.target_kpa, stored.trace.picture_reason) == (38.5, "glare")
    assert (stored.origin_boottime_ns, stored.algorithm_version) == (123, ALGORITHM_VERSION)
    trace, pressure = read_trace(press_of(1, 38.5, MEASURED, PRESSURE, 123).trace)
    assert (len(trace.time_s), len(pressure.time_s), trace.picture_reason) == (50, 100, None)


def test_a_draft_stands_on_its_own_and_becomes_the_reading() -> None:
    protocol = load(named("protocols", "demo"), Protocol)
    about = About(
        study="demo",
        site="00",
        inclusion="0001",
        body_site=BodySite.FINGER,
        protocol=protocol,
        target_kpa=40.0,
        device=device_of("refill-test", "1.0", "b" * 64),
        simulated=True,
    )
    clock = SystemClock()
    begun = draft(about, clock)
    assert begun.result.reason is Reason.INTERRUPTED
    assert begun.protocol.sha256 == content_sha256(protocol)
    assert begun.measured.boot_id == clock.boot_id()
    assert abs(begun.measured.boottime_ns - clock.boottime_ns()) < 10**10
    assert begun.measured.at.utcoffset() is not None
    done = completed(begun, 7, result_of(MEASURED), None, [press(1)])
    assert (done.device_seq, done.reading_id, done.simulated) == (7, begun.reading_id, True)
    assert done.result.crt_s == 2.0
    with pytest.raises(ValueError, match="device_seq"):
        completed(begun, 0, result_of(MEASURED), None, [])


def test_two_drafts_are_two_readings() -> None:
    assert reading(1).reading_id != reading(1).reading_id


def test_every_record_says_which_build_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = tmp_path / "build.txt"
    monkeypatch.setattr("contract.build._WRITTEN", written)
    assert device_of("bed-7", "2.1", "b" * 64).build is None, "a tree by itself has none"
    written.write_text("v0.1.0-3-gabc1234\n", encoding="utf-8")
    assert device_of("bed-7", "2.1", "b" * 64).build == "v0.1.0-3-gabc1234"
