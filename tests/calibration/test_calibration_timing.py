"""Frames' times: their pace over a minute, and how late they are against the pressure sensor. Errors are found."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import pytest
from timing_bench import TimingRig, plain_device, run, value

from calibration.apply import corrected, proposed
from calibration.rig import Target
from calibration.timing_fit import lag_behind_pressure, smooth
from calibration.timing_frames import paced
from contract.certificate import StepName as S
from phantom.bench.picture_errors import healthy_pictures
from phantom.bench.timing import BenchFrames
from phantom.bench.timing_errors import ERRORS, TimingErrors, healthy_timing, with_timing_error

SEEDS: Final = range(100, 160)
MISSES: Final = 7
"""Of 60: k = 2 leaves one device in twenty out, and more than this one time in a hundred."""
FRAME_ERRORS: Final[dict[str, tuple[str, Callable[[TimingErrors], float]]]] = {
    "interval": ("interval-ms", lambda e: 1e3 / 60 * (1 + e.interval_pct / 100) * (1 + e.clock_pct / 100)),
    "jitter": ("jitter-ms", lambda e: e.jitter_ms),
    "dropped": ("dropped-pct", lambda e: 100 * e.dropped_share),
    "repeated": ("repeated-pct", lambda e: 100 * e.repeated_share),
}


def test_every_hidden_error_of_timing_has_a_test() -> None:
    assert set(ERRORS) == {*FRAME_ERRORS, "delay", "clock"}  # the clock's: test_calibration_end_to_end


@pytest.mark.slow
@pytest.mark.parametrize("name", FRAME_ERRORS)
def test_an_error_of_the_frames_is_found_with_its_size(name: str) -> None:
    figure, truth = FRAME_ERRORS[name]
    inside = 0
    for seed in SEEDS:
        errors = with_timing_error(name, seed)
        done = run(TimingRig(errors), S.TIMING_FRAMES)
        [wrong] = [each.name for each in done.figures if not each.passed]
        assert wrong == figure, f"seed {seed}"
        found, uncertainty = value(done, figure)
        inside += abs(found - truth(errors)) <= uncertainty
    assert inside >= len(SEEDS) - MISSES


@pytest.mark.slow
def test_good_frames_pass_and_their_figures_hold_the_truth() -> None:
    inside = dict.fromkeys(FRAME_ERRORS, 0)
    for seed in SEEDS:
        errors = healthy_timing(seed)
        done = run(TimingRig(errors), S.TIMING_FRAMES)
        assert done.passed, f"seed {seed}"
        for name, (figure, truth) in FRAME_ERRORS.items():
            found, uncertainty = value(done, figure)
            inside[name] += abs(found - truth(errors)) <= uncertainty
    assert min(inside.values()) >= len(SEEDS) - MISSES, inside


def test_a_stamp_that_is_late_is_no_gap_and_a_gap_is_one() -> None:
    times = np.round(np.arange(600) * 1e9 / 60).astype(np.int64)
    late = times.copy()
    late[300] += 10_000_000
    assert paced(late, 1e3 / 60).missing == 0
    found = paced(np.delete(late, [100, 101, 400]), 1e3 / 60)
    assert found.missing == 3
    assert found.longest_ms == pytest.approx(50.0, abs=0.1)


def test_stamps_that_do_not_rise_fail() -> None:
    done = run(TimingRig(TimingErrors(jitter_ms=14.0)), S.TIMING_FRAMES)
    assert value(done, "stamps-not-rising")[0] > 0
    assert not done.passed


def test_a_camera_that_hardly_delivers_is_told() -> None:
    done = run(TimingRig(TimingErrors(dropped_share=0.999)), S.TIMING_FRAMES)
    assert "frames in 60 s" in (done.trouble or "")


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS[:6])
def test_a_camera_delay_is_found_corrected_and_gone(seed: int) -> None:
    errors = with_timing_error("delay", seed)
    device = plain_device(delay_ms=1.5)
    first = run(TimingRig(errors, device), S.TIMING_OFFSET)
    found, uncertainty = value(first, "offset-ms")
    assert not first.passed
    assert uncertainty < 5.0
    assert abs(found - (errors.delay_ms - 1.5)) <= uncertainty
    assert set(first.corrections) == {"camera.delay_ms"}
    mended = corrected(device, proposed(device, {S.TIMING_OFFSET: first}))
    assert abs(mended.camera.delay_ms - errors.delay_ms) <= uncertainty
    again = run(TimingRig(errors, mended), S.TIMING_OFFSET)
    assert again.passed
    assert again.corrections == {}


@pytest.mark.slow
def test_a_good_camera_is_not_corrected() -> None:
    for seed in SEEDS[:6]:
        errors = healthy_timing(seed)
        done = run(TimingRig(errors), S.TIMING_OFFSET)
        found, uncertainty = value(done, "offset-ms")
        assert abs(found - errors.delay_ms) <= uncertainty, f"seed {seed}"
        assert done.passed
        assert done.corrections == {}


@pytest.mark.slow
def test_a_picture_shows_the_middle_of_its_exposure_however_long_that_is() -> None:
    errors = healthy_timing(3)
    pictures = replace(healthy_pictures(3), sensitivity=0.3)
    device = plain_device(lock={"exposure_us": 14_000})
    found, _ = value(run(TimingRig(errors, device, pictures), S.TIMING_OFFSET), "offset-ms")
    assert found == pytest.approx(errors.delay_ms, abs=3.0)


@pytest.mark.slow
def test_a_delay_beyond_what_can_be_configured_fails_without_a_correction() -> None:
    done = run(TimingRig(replace(healthy_timing(3), delay_ms=60.0), plain_device(delay_ms=-60.0)), S.TIMING_OFFSET)
    assert value(done, "offset-ms")[0] == pytest.approx(120.0, abs=3.0)
    assert not done.passed
    assert run(TimingRig(TimingErrors(delay_ms=110.0)), S.TIMING_OFFSET).corrections == {}


@pytest.mark.slow
def test_the_own_light_tells_the_delay_as_well_where_it_can_be_switched() -> None:
    errors = with_timing_error("delay", 7)
    done = run(TimingRig(errors, has_light_pin=True), S.TIMING_OFFSET)
    found, uncertainty = value(done, "light-offset-ms")
    assert abs(found - errors.delay_ms) <= uncertainty < 2.0
    without = run(TimingRig(errors), S.TIMING_OFFSET)
    assert "light-offset-ms" not in {figure.name for figure in without.figures}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("instead", "said"),
    [(Target.SCALE_CARD, "did not follow the pressure"), (Target.WHITE, "dots are not seen")],
)
def test_without_the_pad_there_is_no_offset(instead: Target, said: str) -> None:
    done = run(TimingRig(healthy_timing(4), instead=instead), S.TIMING_OFFSET)
    assert said in (done.trouble or "")
    assert done.corrections == {}


def test_a_configured_delay_is_taken_off_every_stamp_of_the_phantom() -> None:
    errors = TimingErrors(delay_ms=40.0)
    plain, mended = (
        BenchFrames(plain_device(delay_ms=delay_ms), errors, np.random.default_rng(1)).times(10**9, 1.0)
        for delay_ms in (0.0, 40.0)
    )
    assert (plain[0] - plain[1] == 40_000_000).all()
    assert (mended[0] == mended[1]).all()


def test_creep_and_a_bent_pad_are_not_taken_for_delay() -> None:
    press_s = np.arange(0.0, 4.0, 0.01)
    kpa = np.interp(press_s, [0.5, 1.5, 2.0, 2.05], [0.0, 40.0, 40.0, 0.0])
    fine_s = np.arange(0.0, 4.0, 0.0005)
    bent = np.tanh(smooth(fine_s, press_s, kpa) / 30.0)
    slow = np.zeros_like(bent)
    for place in range(1, len(bent)):
        slow[place] = slow[place - 1] + 0.0005 / 0.5 * (bent[place] - slow[place - 1])
    seen_s = np.arange(0.1, 3.9, 1 / 60)
    seen = np.interp(seen_s - 0.0234, fine_s, 0.9 * bent + 0.1 * slow)
    found = lag_behind_pressure(seen_s, seen, press_s, kpa)
    assert found.delay_s == pytest.approx(0.0234, abs=0.001)
    assert found.explained > 0.999
