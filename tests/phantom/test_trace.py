"""The fast trace: same physics as the pixels, and each fault visible in the data by its own definition."""

import numpy as np
import pytest

from phantom.camera import srgb_decode
from phantom.fault_table import FAULTS
from phantom.geometry import blanched_area
from phantom.plan import plan
from phantom.scene import Scene
from phantom.schedule import schedule
from phantom.spec import PressSpec
from phantom.trace import REGION_PX, SimulatedTrace, simulate

BASE = PressSpec(seed=8, pre_s=1.5, hold_s=4.0, post_s=9.0)


def _signal(traced: SimulatedTrace) -> np.ndarray:
    return -np.log(traced.rgb_linear[:, 1] / traced.rgb_linear[:, 0])


def _mean(traced: SimulatedTrace, values: np.ndarray, start_s: float, stop_s: float) -> float:
    since = traced.time_s - traced.truth["t0"]
    return float(values[(since >= start_s) & (since < stop_s)].mean())


def _step(traced: SimulatedTrace) -> float:
    h = _signal(traced)
    return _mean(traced, h, -1.5, 0.0) - _mean(traced, h, -5.5, -4.8)


def _faulty(fault: str, **changes: object) -> SimulatedTrace:
    return simulate(BASE.with_(fault=fault, **changes))


SOUND = simulate(BASE)


@pytest.mark.parametrize("tone", ["I", "III", "VI"])
@pytest.mark.slow
def test_the_trace_is_what_the_pixels_say(tone: str) -> None:
    spec = BASE.with_(tone=tone, motion_px=0.0, fps=10.0)
    made, traced = plan(spec), simulate(spec)
    played, scene, area = made.play(traced.time_s), Scene(plan(spec)), blanched_area(spec)
    x, y = round(area.x_px - REGION_PX / 2), round(area.y_px - REGION_PX / 2)
    table = srgb_decode(np.arange(256) / 255)
    means = []
    for t_s, blood, since_s in zip(traced.time_s, played.blood, played.since_release_s, strict=True):
        frame = scene.render(float(t_s), float(blood), float(since_s))
        means.append(table[frame[y : y + REGION_PX, x : x + REGION_PX]].mean(axis=(0, 1))[::-1])
    pixels = np.array(means)
    assert pixels == pytest.approx(traced.rgb_linear, rel=0.04)
    h_pixels = np.log(pixels[:, 0] / pixels[:, 1])
    difference = h_pixels - _signal(traced)
    assert abs(difference.mean()) < 0.004
    assert difference.std() < 0.003


def test_same_seed_same_trace() -> None:
    again = simulate(BASE)
    assert np.array_equal(again.rgb_encoded, SOUND.rgb_encoded)
    assert np.array_equal(again.pressure_kpa, SOUND.pressure_kpa)
    assert again.truth == SOUND.truth
    assert not np.array_equal(simulate(BASE.with_(seed=9)).rgb_encoded, SOUND.rgb_encoded)


def test_a_larger_region_has_less_noise() -> None:
    quiet = BASE.with_(pulse=0.0, respiration=0.0, slow_wave=0.0, motion_px=0.0)
    spread = []
    for region_px in (20, 80):
        traced = simulate(quiet, region_px)
        h = _signal(traced)
        before = traced.time_s < 1.4
        spread.append(float(np.std(h[before])))
    assert spread[0] == pytest.approx(4 * spread[1], rel=0.4)


def test_the_pulse_is_weak_while_blanched() -> None:
    traced = simulate(BASE.with_(pulse=0.2, slow_wave=0.0, respiration=0.0))
    h, since = _signal(traced), traced.time_s - traced.truth["t0"]
    # 0.15 of the blood's pulse; the signal is about twice as steep where there is little blood
    assert np.ptp(h[since < -4.7]) > 2.5 * np.ptp(h[(since > -3) & (since < 0)])


def test_the_skin_around_shares_the_pulse_but_not_the_press() -> None:
    traced = simulate(BASE.with_(pulse=0.2, slow_wave=0.0, respiration=0.0))
    around = -np.log(traced.surround_rgb_linear[:, 1] / traced.surround_rgb_linear[:, 0])
    since = traced.time_s - traced.truth["t0"]
    assert _mean(traced, around, -1.5, 0.0) == pytest.approx(_mean(traced, around, 6.0, 9.0), abs=0.01)
    late = since > 6
    assert np.corrcoef(around[late], _signal(traced)[late])[0, 1] > 0.8
    assert np.std(around[late]) < np.std(_signal(traced)[late])


def test_no_blanch_leaves_less_than_a_tenth_of_the_step() -> None:
    assert abs(_step(_faulty("no_blanch"))) < 0.1 * abs(_step(SOUND))


def test_weak_press_blanches_little_at_low_pressure() -> None:
    weak = _faulty("weak_press")
    assert weak.pressure_kpa.max() < 15
    assert abs(_step(weak)) < 0.3 * abs(_step(SOUND))


def test_slow_release_takes_seconds() -> None:
    slow = _faulty("slow_release")
    falling = (slow.pressure_kpa > 4) & (slow.pressure_kpa < 36) & (slow.pressure_time_s > 5)
    assert falling.sum() / 100 > 2.0


def test_partial_release_leaves_pressure_and_pallor() -> None:
    partial = _faulty("partial_release")
    assert partial.pressure_kpa[-100:].mean() == pytest.approx(0.36 * 40, abs=0.5)
    before, after = (_mean(partial, _signal(partial), *span) for span in ((-5.5, -4.8), (7.0, 9.0)))
    assert before - after > 0.2 * abs(_step(SOUND))


def test_pressure_leak_sags_through_the_hold() -> None:
    leak = _faulty("pressure_leak")
    since = leak.pressure_time_s - leak.truth["t0"]
    end, start = (leak.pressure_kpa[(since > a) & (since < a + 0.3)].mean() for a in (-0.4, -3.9))
    assert end < 0.7 * start


def test_no_pressure_reads_zero_while_the_skin_blanches() -> None:
    silent = _faulty("no_pressure")
    assert np.abs(silent.pressure_kpa).max() < 1.0
    assert _step(silent) == pytest.approx(_step(SOUND), rel=0.05)


def test_second_press_is_in_the_pressure_and_in_the_skin() -> None:
    twice = _faulty("second_press")
    assert np.sum(np.diff((twice.pressure_kpa > 20).astype(int)) == 1) == 2
    assert len(twice.truth["release_times"]) == 2
    second_s = twice.truth["release_times"][1] - twice.truth["t0"]
    assert _mean(twice, _signal(twice), second_s - 0.5, second_s) < _mean(twice, _signal(twice), 0.8, 1.0)


def test_edge_crossing_is_a_tidy_exponential_without_a_blanch() -> None:
    edge = _faulty("edge_crossing", pulse=0.0, respiration=0.0, slow_wave=0.0)
    assert abs(_step(edge)) < 0.05 * abs(_step(SOUND))
    since, red = edge.time_s - edge.truth["t0"], edge.rgb_linear[:, 0]
    left = np.abs(red - red[-30:].mean())
    rise = (since > 0.05) & (since < 3.0)
    slope, _ = np.polyfit(since[rise], np.log(left[rise]), 1)
    assert -1 / slope == pytest.approx(1.18, rel=0.15)


def test_light_step_changes_all_channels_at_once() -> None:
    lit = _faulty("light_step")
    ratio = lit.rgb_linear / SOUND.rgb_linear
    assert np.all(ratio[-60:] > 1.1)
    assert ratio[:100] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(("fault", "beat_hz"), [("flicker_100", 10.06), ("flicker_120", 0.06)])
def test_flicker_beats_with_the_frame_rate(fault: str, beat_hz: float) -> None:
    long = BASE.with_(fault=fault, post_s=60.0, pulse=0.0, respiration=0.0, slow_wave=0.0, step_ln_g=0.02)
    traced = simulate(long)
    late = traced.time_s - traced.truth["t0"] > 12
    values = traced.rgb_linear[late, 1] - traced.rgb_linear[late, 1].mean()
    frequencies = np.fft.rfftfreq(len(values), 1 / 30)
    strongest = frequencies[np.argmax(np.abs(np.fft.rfft(values * np.hanning(len(values)))))]
    assert strongest == pytest.approx(beat_hz, abs=0.05)
    assert np.ptp(values) > 0.05 * traced.rgb_linear[late, 1].mean()


def test_saturation_clips_red_and_dark_leaves_hardly_any_light() -> None:
    assert _faulty("saturation").rgb_encoded[:, 0].min() > 250
    assert _faulty("dark").rgb_encoded.max() < 40


def test_glare_lifts_and_flattens() -> None:
    glare = _faulty("glare")
    assert np.all(glare.rgb_linear.mean(axis=0) > SOUND.rgb_linear.mean(axis=0))
    assert abs(_step(glare)) < 0.95 * abs(_step(SOUND))


def test_auto_exposure_dims_every_channel_alike_and_leaves_the_ratio() -> None:
    adapted = _faulty("auto_exposure")
    ratio = adapted.rgb_linear[-60:] / SOUND.rgb_linear[-60:]
    assert ratio == pytest.approx(0.8, abs=0.01)
    assert _signal(adapted) == pytest.approx(_signal(SOUND), abs=0.005)


def test_white_balance_moves_red_against_blue() -> None:
    ratio = (_faulty("white_balance").rgb_linear / SOUND.rgb_linear)[-30:].mean(axis=0)
    assert ratio == pytest.approx([1.1, 1.0, 1 / 1.1], rel=0.01)


def test_moved_is_a_step_of_the_field() -> None:
    spec = BASE.with_(fault="moved", motion_px=0.0)
    moved = simulate(spec)
    still = simulate(spec.with_(fault=None))
    since = moved.time_s - moved.truth["t0"]
    early, late = (moved.rgb_linear[part, 1] / still.rgb_linear[part, 1] for part in (since < 0.7, since > 1.2))
    assert early == pytest.approx(1.0, abs=0.005)
    assert np.abs(late[:30] - 1.0).max() > 0.01


def test_hair_wanders_through() -> None:
    ratio = _faulty("hair").rgb_linear[:, 1] / SOUND.rgb_linear[:, 1]
    assert ratio.min() < 0.97
    assert ratio.max() == pytest.approx(1.0, abs=0.01)


def test_dropped_frames_leave_a_gap_across_the_rise() -> None:
    gaps = np.diff(_faulty("dropped_frames").time_s)
    assert gaps.max() == pytest.approx(0.6 * 2.4, abs=0.05)
    assert np.median(gaps) == pytest.approx(1 / 30, abs=1e-3)


def test_repeated_frames_are_exact_duplicates_at_their_own_times() -> None:
    repeated = _faulty("repeated_frames")
    same = np.all(np.diff(repeated.rgb_encoded, axis=0) == 0, axis=1)
    assert same.sum() > 40
    assert np.all(np.diff(repeated.time_s) > 0.02)


def test_truncated_ends_before_the_refill() -> None:
    cut = _faulty("truncated")
    assert cut.time_s[-1] - cut.truth["t0"] == pytest.approx(1.2, abs=0.1)
    assert cut.pressure_time_s[-1] < cut.truth["t0"] + 1.3


def test_incomplete_refill_is_longer_than_its_window() -> None:
    slow = _faulty("incomplete_refill")
    assert slow.truth["t90"] > 9.0
    assert slow.truth["t90"] == pytest.approx(1.5 * 9.0, abs=1e-5)


def test_baseline_drift_goes_on_after_the_refill() -> None:
    drifting = _faulty("baseline_drift", crt_s=1.0, pulse=0.0, slow_wave=0.0)
    h = _signal(drifting)
    assert _mean(drifting, h, 8.0, 9.0) - _mean(drifting, h, 4.0, 5.0) > 0.1 * abs(_step(SOUND))


def test_every_fault_of_the_table_changes_something() -> None:
    for fault in FAULTS:
        traced = _faulty(fault)
        same_data = traced.rgb_encoded.shape == SOUND.rgb_encoded.shape and np.allclose(
            traced.rgb_encoded, SOUND.rgb_encoded
        )
        same_pressure = traced.pressure_kpa.shape == SOUND.pressure_kpa.shape and np.allclose(
            traced.pressure_kpa, SOUND.pressure_kpa
        )
        assert not (same_data and same_pressure), fault


def test_frame_times_are_strictly_rising_at_any_rate() -> None:
    for fps in (5.0, 30.0, 240.0):
        times = schedule(plan(BASE.with_(fps=fps))).times_s
        assert np.all(np.diff(times) > 0)
        assert times[0] >= 0
