"""The release found without a pressure trace, and the place that blanched."""

from dataclasses import replace

import numpy as np
import pytest
from vision_bench import SHORT, cells_of_a_press, exponential, frame_times, traces

from vision import region, release
from vision.grid import GridRecording

RELEASE_S = 5.0


def _found(recording: GridRecording) -> region.Region:
    place = region.find(recording, region.cell_signal(recording), RELEASE_S, float(recording.time_s[-1]))
    assert place is not None
    return place


@pytest.mark.parametrize("crt_s", [0.6, 1.5, 3.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_release_is_found_where_the_signal_turns_up(crt_s: float, seed: int) -> None:
    time_s = frame_times(30.0, 5.0, 10.0)
    signal = exponential(time_s, crt_s) + 0.003 * np.random.default_rng(seed).standard_normal(len(time_s))
    found = release.find(time_s, signal)
    assert found is not None
    assert found.time_s == pytest.approx(0.0, abs=0.08)
    assert abs(found.time_s) < 5 * found.sd_s
    assert found.step == pytest.approx(0.25, rel=0.2)


def test_the_release_of_a_simulated_press_is_near_that_of_its_pressure() -> None:
    for seed in (1, 2, 3):
        trace, _, played = traces(SHORT.with_(seed=seed))
        found = release.find(trace.time_s, trace.signal)
        assert found is not None
        assert found.time_s == pytest.approx(played.truth["t0"], abs=0.12)


def test_more_noise_is_less_certainty() -> None:
    time_s = frame_times(30.0, 5.0, 10.0)
    noise = np.random.default_rng(3).standard_normal(len(time_s))
    quiet, loud = (release.find(time_s, exponential(time_s, 1.5) + sd * noise) for sd in (0.002, 0.03))
    assert quiet is not None
    assert loud is not None
    assert loud.sd_s > quiet.sd_s >= 1 / 90 - 1e-9


def test_a_signal_that_only_falls_has_no_release() -> None:
    time_s = frame_times(30.0, 5.0, 10.0)
    assert release.find(time_s, -0.1 * time_s) is None


def test_a_trace_of_a_second_has_no_release() -> None:
    time_s = np.arange(0.0, 1.0, 1 / 30)
    assert release.find(time_s, exponential(time_s - 0.5, 0.3)) is None


def test_the_disc_that_was_pressed_is_the_region() -> None:
    place = _found(cells_of_a_press())
    y, x = np.mgrid[:12, :16]
    away = np.hypot(x - 7.5, y - 5.5)
    assert place.blanched[away < 1.8].all()
    assert not place.blanched[away > 3.5].any()
    assert not (place.blanched & place.surround).any()
    assert place.surround[away > 6.5].mean() > 0.9


def test_only_one_connected_patch_is_taken() -> None:
    recording = cells_of_a_press()
    recording.cells[:, 10:, 14:] = recording.cells[:, 5:7, 7:9]
    place = _found(recording)
    assert place.blanched[5, 7]
    assert not place.blanched[11, 15]


def test_clipped_cells_are_no_part_of_it() -> None:
    recording = cells_of_a_press()
    clipped = recording.clipped.copy()
    clipped[:, :, 8:] = 0.5
    place = _found(replace(recording, clipped=clipped))
    assert place.blanched.any()
    assert not place.blanched[:, 8:].any()
    assert not place.surround[:, 8:].any()


def test_the_trace_of_the_region_is_the_mean_light_of_its_cells() -> None:
    recording = cells_of_a_press()
    place = _found(recording)
    trace = region.trace_of(recording, place)
    assert trace.light is not None
    assert trace.surround is not None
    assert trace.light == pytest.approx(recording.cells[:, place.blanched].astype(np.float64).mean(axis=1))
    late, hold = trace.signal[trace.time_s > 10].mean(), trace.signal[(trace.time_s > 4) & (trace.time_s < 5)].mean()
    assert late - hold > 0.1
    beside = trace.surround
    assert abs(beside[trace.time_s > 10].mean() - beside[(trace.time_s > 4) & (trace.time_s < 5)].mean()) < 0.01


def test_too_few_frames_tell_no_region() -> None:
    recording = cells_of_a_press()
    signal = region.cell_signal(recording)
    assert region.find(recording, signal, float(recording.time_s[0]), float(recording.time_s[-1])) is None
    assert region.find(recording, signal, float(recording.time_s[-1]), float(recording.time_s[-1])) is None


def test_black_pictures_have_no_region() -> None:
    recording = cells_of_a_press()
    dark = replace(recording, cells=np.zeros_like(recording.cells), dark=np.ones_like(recording.dark))
    assert not _found(dark).blanched.any()


def test_the_release_is_found_from_the_cells_that_move_most() -> None:
    recording = cells_of_a_press()
    found_s = region.find_unaided(recording, region.cell_signal(recording))
    assert found_s == pytest.approx(RELEASE_S, abs=0.1)
