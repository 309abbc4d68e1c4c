"""One press from beginning to end: what it says, and that what it says holds together."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from vision_bench import SHORT, analysed, cells_of_a_press, exponential, filmed, frame_times, traces

from contract.reasons import Reason
from phantom.fault_table import FAULTS
from vision.press import PressAnalysis, Settings, analyse_recording, analyse_trace, recording_mean
from vision.pressure import PressureTrace
from vision.trace import Trace, TraceError, trace_from_light

NUMBERS = ("t50_s", "crt_90_10_s", "crt_100_10_s", "tau_s", "delay_s", "overshoot")


def hold_together(found: PressAnalysis) -> None:
    """What must be true of any analysis: status, reason and numbers say the same thing."""
    for name, value in vars(found).items():
        for part in value if isinstance(value, tuple) else (value,):
            assert not isinstance(part, float) or math.isfinite(part), name
    assert found.frames == len(found.trace.time_s)
    assert (found.time_zero_s is None) == (found.time_zero_from is None)
    if found.status == "not_measurable":
        assert found.reason in {str(reason) for reason in Reason}
    else:
        assert found.reason is None
        assert found.time_zero_s is not None
    assert (found.crt_exceeds_s is not None) == (found.status == "censored")
    for name in ("crt_s", "crt_ci95_s", *NUMBERS):
        assert (getattr(found, name) is not None) == (found.status == "measured"), name
    if found.crt_s is not None and found.crt_ci95_s is not None and found.t50_s is not None:
        assert 0 <= found.crt_ci95_s[0] <= found.crt_s <= found.crt_ci95_s[1]
        assert 0 <= found.t50_s <= found.crt_s
        assert found.crt_90_10_s is not None
        assert found.crt_100_10_s is not None
        assert 0 <= found.crt_90_10_s <= found.crt_100_10_s <= found.crt_s


@pytest.mark.slow
def test_a_sound_press_is_measured_and_right() -> None:
    for seed in range(4):
        trace, pressure, played = traces(SHORT.with_(seed=seed), surround=True)
        found = analyse_trace(trace, pressure, Settings())
        hold_together(found)
        assert found.status == "measured"
        assert found.time_zero_from == "pressure"
        assert found.time_zero_s == pytest.approx(played.truth["t0"], abs=0.02)
        assert found.crt_s == pytest.approx(played.truth["t90"], rel=0.12)
        assert found.mean_hold_kpa == pytest.approx(40.0, rel=0.03)
        assert found.hold_s == pytest.approx(5.0, abs=0.15)
        assert found.release_s is not None
        assert found.baseline is not None
        assert found.blanch_step == pytest.approx(played.truth["step_signal_true"], rel=0.15)


@pytest.mark.slow
def test_the_interval_holds_the_truth_of_most_simulated_presses() -> None:
    inside, errors = [], []
    for seed in range(15):
        chance = np.random.default_rng(seed)
        crt_s = float(chance.uniform(0.8, 2.5))
        tone = ("I", "II", "III", "IV", "V", "VI")[seed % 6]
        kind = ("exp", "biexp", "delayed", "sigmoid")[seed % 4]
        found = analysed(SHORT.with_(seed=seed, crt_s=crt_s, tone=tone, kind=kind), surround=True)
        hold_together(found)
        if found.crt_s is not None and found.crt_ci95_s is not None:
            inside.append(found.crt_ci95_s[0] <= crt_s <= found.crt_ci95_s[1])
            errors.append(found.crt_s / crt_s - 1)
    assert len(inside) >= 12
    assert np.mean(inside) >= 0.75
    assert float(np.sqrt(np.mean(np.square(errors)))) < 0.1


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_whatever_goes_wrong_the_answer_holds_together(fault: str) -> None:
    hold_together(analysed(SHORT.with_(fault=fault)))


@pytest.mark.slow
@pytest.mark.parametrize(("crt_s", "post_s"), [(8.0, 4.0), (15.0, 8.0)])
def test_a_refill_that_outlasts_the_window_is_a_finding_not_a_failure(crt_s: float, post_s: float) -> None:
    found = analysed(SHORT.with_(crt_s=crt_s, post_s=post_s))
    hold_together(found)
    assert found.status == "censored"
    assert found.crt_exceeds_s is not None
    assert 0 < found.crt_exceeds_s <= post_s + 0.1
    assert found.crt_exceeds_s < crt_s


@pytest.mark.slow
def test_without_pressure_the_release_is_found_in_the_picture() -> None:
    trace, _, played = traces(SHORT)
    found = analyse_trace(trace, None, Settings())
    hold_together(found)
    assert found.status == "measured"
    assert found.time_zero_from == "picture"
    assert found.time_zero_s == pytest.approx(played.truth["t0"], abs=0.12)
    assert found.crt_s == pytest.approx(played.truth["t90"], rel=0.2)
    for name in ("mean_hold_kpa", "hold_s", "release_s", "profile", "baseline"):
        assert getattr(found, name) is None


def test_a_signal_without_light_is_taken_as_it_is() -> None:
    time_s = frame_times(30.0, 5.0, 8.0) + 5.0
    noise = 0.002 * np.random.default_rng(1).standard_normal(len(time_s))
    found = analyse_trace(Trace(time_s, exponential(time_s - 5.0, 1.5) + noise), None, Settings())
    hold_together(found)
    assert found.crt_s == pytest.approx(1.5, rel=0.1)
    assert found.blanch_step == pytest.approx(0.25, rel=0.05)


@pytest.mark.slow
def test_an_offset_of_the_clock_moves_time_zero_and_nothing_else() -> None:
    trace, pressure, _ = traces(SHORT)
    here = analyse_trace(trace, pressure, Settings())
    there = analyse_trace(
        replace(trace, time_s=trace.time_s + 4096.0), PressureTrace(pressure.time_s + 4096.0, pressure.kpa), Settings()
    )
    assert there.status == here.status == "measured"
    assert there.time_zero_s == pytest.approx((here.time_zero_s or 0) + 4096.0, abs=1e-6)
    assert there.crt_s == pytest.approx(here.crt_s, abs=1e-3)
    assert there.crt_ci95_s == pytest.approx(here.crt_ci95_s, abs=5e-3)


@pytest.mark.slow
def test_the_same_press_gives_the_same_digits() -> None:
    first, again = (analysed.__wrapped__(SHORT) for _ in range(2))  # past the cache
    for name in ("crt_s", "crt_ci95_s", *NUMBERS):
        assert getattr(first, name) == getattr(again, name), name


@pytest.mark.slow
@pytest.mark.parametrize("gain", [0.5, 1.15])
def test_a_darker_or_brighter_exposure_gives_the_same_answer(gain: float) -> None:
    trace, pressure, _ = traces(SHORT)
    assert trace.light is not None
    plain = analyse_trace(trace, pressure, Settings())
    other = analyse_trace(trace_from_light(trace.time_s, gain * trace.light), pressure, Settings())
    assert other.crt_s == pytest.approx(plain.crt_s, abs=1e-3)


def test_pressure_of_another_time_is_no_measurement() -> None:
    trace, pressure, _ = traces(SHORT)
    for offset_s in (1000.0, -1000.0):
        found = analyse_trace(trace, PressureTrace(pressure.time_s + offset_s, pressure.kpa), Settings())
        hold_together(found)
        assert found.status == "not_measurable"


@pytest.mark.slow
def test_a_film_is_measured_and_right_with_and_without_its_probe() -> None:
    for probe in (True, False):
        found = filmed(probe=probe)
        hold_together(found)
        assert found.status == "measured"
        assert found.time_zero_from == ("pressure" if probe else "picture")
        assert found.crt_s == pytest.approx(1.4, rel=0.12)
        assert found.trace.surround is not None


@pytest.mark.slow
def test_a_grid_of_cells_is_measured_from_the_picture_alone() -> None:
    found = analyse_recording(cells_of_a_press(crt_s=1.2), None, Settings())
    hold_together(found)
    assert found.status == "measured"
    assert found.time_zero_s == pytest.approx(5.0, abs=0.1)
    assert 0.9 < (found.crt_s or 0) < 1.7


def test_black_still_and_overexposed_films_have_a_reason_each() -> None:
    recording = cells_of_a_press()
    ones, zeros = np.ones_like(recording.dark), np.zeros_like(recording.cells)
    black = analyse_recording(replace(recording, cells=zeros, dark=ones), None, Settings())
    white = analyse_recording(replace(recording, cells=zeros + 1, clipped=ones), None, Settings())
    still = analyse_recording(replace(recording, cells=zeros + np.float32(0.2)), None, Settings())
    for found in (black, white, still):
        hold_together(found)
    assert black.reason == "too_dark"
    assert white.reason == "saturated"
    assert still.status == "not_measurable"
    assert recording_mean(recording).light is not None


@pytest.mark.parametrize(
    ("time_s", "signal", "words"),
    [
        ([0.0, 1.0], [1.0], "not two series of one length"),
        ([0.0], [1.0], "at least two"),
        ([0.0, np.nan], [1.0, 1.0], "not a finite number"),
        ([0.0, 1.0], [1.0, np.inf], "not a finite number"),
        ([0.0, 1.0, 1.0], [1.0, 1.0, 1.0], "times do not increase: 1 s is followed by 1 s"),
        ([0.0, 2.0, 1.0], [1.0, 1.0, 1.0], "times do not increase: 2 s is followed by 1 s"),
    ],
)
def test_what_is_no_trace_is_refused_in_one_line(time_s: Any, signal: Any, words: str) -> None:
    with pytest.raises(TraceError, match=words) as refused:
        Trace(np.array(time_s), np.array(signal))
    assert "\n" not in str(refused.value)


def test_missing_frames_are_counted_by_the_length_of_their_gap() -> None:
    time_s = np.delete(np.arange(0, 4, 0.04), [20, 21, 22, 50])
    trace = Trace(time_s, np.zeros_like(time_s))
    assert trace.dropped() == 4
    assert trace.interval_s == pytest.approx(0.04)
    assert Trace(np.arange(0, 4, 0.04), np.zeros(100)).dropped() == 0
