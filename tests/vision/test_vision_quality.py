"""Each reason for there being no number: what brings it about, and the near miss that does not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from vision_bench import SHORT, analysed, cells_of_a_press, exponential, filmed, frame_times, traces

from phantom.spec import PressSpec
from vision import quality, region
from vision.grid import GridRecording
from vision.press import Settings
from vision.pressure import PressProfile, PressureTrace, profile
from vision.quality import Limits
from vision.refill import RefillEstimate, estimate
from vision.region import Region
from vision.trace import Trace, trace_from_light

LIMITS = Limits()


def _sound_profile() -> PressProfile:
    """A press from 2.0 s, held from 2.5 s at 40 kPa and released at 8 s."""
    time_s = np.arange(0.0, 14.0, 0.01)
    found = profile(PressureTrace(time_s, np.interp(time_s, [2.0, 2.5, 7.98, 8.02], [0.0, 40.0, 40.0, 0.0])))
    assert found is not None
    return found


SOUND = _sound_profile()
LONG_HOLD = PressSpec(hold_s=6.0, post_s=8.0, pulse=0.03, seed=1)


def test_a_sound_press_has_nothing_against_it() -> None:
    assert quality.of_pressure(SOUND, LIMITS, None) is None
    assert quality.of_pressure(SOUND, LIMITS, 40.0) is None


@pytest.mark.parametrize(
    ("reason", "field", "bad", "near_miss"),
    [
        ("second_press", "presses", 2, 1),
        ("no_release", "released", False, True),
        ("pressure_off_target", "mean_hold_kpa", LIMITS.least_hold_kpa - 0.1, LIMITS.least_hold_kpa + 0.1),
        ("pressure_not_held", "worst_hold_deviation", LIMITS.hold_deviation * 1.01, LIMITS.hold_deviation * 0.99),
        ("pressure_not_held", "hold_s", LIMITS.least_hold_s - 0.01, LIMITS.least_hold_s + 0.01),
        ("pressure_not_held", "halfway_share", 1 - LIMITS.hold_deviation * 1.01, 1 - LIMITS.hold_deviation * 0.99),
        ("release_incomplete", "residual_share", LIMITS.residual_pressure + 0.01, LIMITS.residual_pressure - 0.01),
        ("second_press", "again_share", LIMITS.pressed_again + 0.01, LIMITS.pressed_again - 0.01),
        ("release_too_slow", "release_s", LIMITS.release_s + 0.01, LIMITS.release_s - 0.01),
        ("release_too_slow", "release_s", None, 0.0),
    ],
)
def test_what_can_be_wrong_with_a_press(reason: str, field: str, bad: Any, near_miss: Any) -> None:
    assert quality.of_pressure(replace(SOUND, **{field: bad}), LIMITS, None) == reason
    assert quality.of_pressure(replace(SOUND, **{field: near_miss}), LIMITS, None) is None


def test_the_pressure_must_be_that_of_the_protocol_where_there_is_one() -> None:
    off = 1 + LIMITS.target_deviation
    assert quality.of_pressure(SOUND, LIMITS, 40.0 / (off + 0.02)) == "pressure_off_target"
    assert quality.of_pressure(SOUND, LIMITS, 40.0 / (off - 0.02)) is None
    assert quality.of_pressure(None, LIMITS, None) == "pressure_off_target"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason", "size", "near_miss"),
    [
        ("no_blanch", "no_blanch", 1.0, 0.3),
        ("weak_press", "pressure_off_target", 1.0, 0.3),
        ("slow_release", "release_too_slow", 1.0, 0.1),
        ("partial_release", "release_incomplete", 1.0, 0.25),
        ("no_pressure", "pressure_off_target", 1.0, None),
        ("second_press", "second_press", 1.0, None),
        ("edge_crossing", "moved", 1.0, None),
        ("light_step", "light_changed", 1.0, 0.02),
        ("auto_exposure", "light_changed", 1.0, 0.15),
        ("flicker_100", "flicker", 0.5, 0.1),
        ("saturation", "saturated", 1.0, 0.3),
        ("dropped_frames", "frames_lost", 1.0, 0.1),
        ("repeated_frames", "frames_repeated", 1.0, 0.1),
        ("truncated", "window_too_short", 1.0, None),
    ],
)
def test_a_fault_of_the_phantom_ends_in_its_reason_and_its_near_miss_does_not(
    fault: str, reason: str, size: float, near_miss: float | None
) -> None:
    assert analysed(SHORT.with_(fault=fault, fault_size=size)).reason == reason
    milder = SHORT.with_(fault=fault, fault_size=near_miss) if near_miss is not None else SHORT
    assert analysed(milder).reason != reason


@pytest.mark.slow
def test_drift_before_the_press_is_told() -> None:
    drifting = LONG_HOLD.with_(fault="baseline_drift", fault_size=0.6)
    assert analysed(drifting, surround=True).reason == "baseline_drift"
    assert analysed(drifting.with_(fault_size=0.05), surround=True).reason != "baseline_drift"


@pytest.mark.slow
def test_a_target_of_the_protocol_reaches_the_press() -> None:
    asked = Settings(target_kpa=60.0)
    assert analysed(SHORT, settings=asked).reason == "pressure_off_target"
    assert analysed(SHORT, settings=Settings(target_kpa=40.0)).reason is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason", "size", "near_miss"),
    [
        ("moved", "moved", 1.0, 0.03),
        ("hair", "moved", 1.0, None),
        ("edge_crossing", "moved", 1.0, None),
        ("glare", "glare", 1.0, None),
        ("saturation", "saturated", 1.0, 0.1),
        ("light_step", "light_changed", 1.0, 0.05),
        ("flicker_100", "flicker", 0.3, 0.05),
        ("no_blanch", "no_blanch", 1.0, 0.3),
    ],
)
def test_a_fault_in_the_film_ends_in_its_reason_and_its_near_miss_does_not(
    fault: str, reason: str, size: float, near_miss: float | None
) -> None:
    assert filmed(fault, size).reason == reason
    assert (filmed() if near_miss is None else filmed(fault, near_miss)).reason != reason


def _sound_trace() -> Trace:
    trace, _, _ = traces(SHORT)
    return trace


TIME_ZERO_S = 8.03


def _without(trace: Trace, from_s: float, to_s: float) -> Trace:
    kept = ~trace.between(TIME_ZERO_S + from_s, TIME_ZERO_S + to_s)
    assert trace.light is not None
    assert trace.repeated is not None
    return Trace(trace.time_s[kept], trace.signal[kept], light=trace.light[kept], repeated=trace.repeated[kept])


def test_lost_frames_count_across_the_rise_only() -> None:
    trace = _sound_trace()
    assert quality.of_frames(trace, TIME_ZERO_S, LIMITS) is None
    assert quality.of_frames(_without(trace, 0.3, 0.8), TIME_ZERO_S, LIMITS) == "frames_lost"
    assert quality.of_frames(_without(trace, 0.3, 0.45), TIME_ZERO_S, LIMITS) is None
    assert quality.of_frames(_without(trace, -4.0, -3.0), TIME_ZERO_S, LIMITS) is None
    assert quality.of_frames(_without(trace, 5.5, 6.5), TIME_ZERO_S, LIMITS) is None


def test_repeated_frames_count_by_their_share_of_the_early_rise() -> None:
    trace = _sound_trace()
    early = np.flatnonzero(trace.between(TIME_ZERO_S, TIME_ZERO_S + 2.0))
    for share, reason in ((LIMITS.repeated_share + 0.05, "frames_repeated"), (LIMITS.repeated_share - 0.05, None)):
        repeated = np.zeros(len(trace.time_s), np.bool_)
        repeated[early[np.linspace(1, len(early) - 1, round(share * len(early))).astype(int)]] = True
        assert quality.of_frames(replace(trace, repeated=repeated), TIME_ZERO_S, LIMITS) == reason


@pytest.mark.parametrize(("lasts_s", "reason"), [(0.45, None), (0.6, "frames_repeated")])
@pytest.mark.parametrize("from_s", [-4.0, 1.0])
def test_a_picture_that_stands_still_to_the_bit_is_frozen_whenever_it_is(
    from_s: float, lasts_s: float, reason: str | None
) -> None:
    time_s = np.arange(-6.0, 8.0, 1 / 60)
    repeated = (time_s > from_s) & (time_s < from_s + lasts_s)
    cells = np.zeros((len(time_s), 1, 1, 3), np.float32)
    share = np.zeros((len(time_s), 1, 1), np.float32)
    shift = np.zeros((len(time_s), 2))
    recording = GridRecording(time_s, cells, share, share, shift, np.ones(len(time_s)), repeated, 8)
    assert quality.of_frozen(recording, LIMITS) == reason


@pytest.mark.parametrize(("gain", "reason"), [(1.0, None), (0.004, "too_dark")])
def test_the_light_must_suffice(gain: float, reason: str | None) -> None:
    trace = _sound_trace()
    assert trace.light is not None
    assert quality.of_light_level(replace(trace, light=gain * trace.light), LIMITS) == reason


def test_the_light_must_not_be_clipped() -> None:
    trace = _sound_trace()
    assert trace.light is not None
    red = trace.light[:, 0].max()
    for brightest, reason in ((LIMITS.brightest_linear + 0.01, "saturated"), (LIMITS.brightest_linear - 0.02, None)):
        scaled = replace(trace, light=trace.light * (brightest / red))
        assert quality.of_light_level(scaled, LIMITS) == reason
    assert quality.of_light_level(Trace(trace.time_s, trace.signal), LIMITS) is None


def _place(recording: GridRecording) -> Region:
    place = region.find(recording, region.cell_signal(recording), 5.0, float(recording.time_s[-1]))
    assert place is not None
    return place


def test_a_sound_film_has_nothing_against_it() -> None:
    recording = cells_of_a_press()
    place, signal = _place(recording), region.cell_signal(recording)
    trace = region.trace_of(recording, place)
    assert quality.of_picture(recording, LIMITS) is None
    assert quality.of_glare(recording, place, LIMITS) is None
    assert quality.of_motion(recording, 5.0, LIMITS) is None
    assert quality.of_flicker(recording, 5.0, LIMITS) is None
    assert quality.of_surround(trace, recording, place, 5.0, LIMITS) is None
    assert quality.of_blanching(trace, None, 5.0, LIMITS) is None
    assert quality.of_coherence(signal, recording, place, 5.0, LIMITS) is None
    assert quality.of_light(trace, 5.0, LIMITS) is None


@pytest.mark.parametrize(("columns", "reason"), [(16, "saturated"), (3, None)])
def test_a_picture_is_saturated_when_much_of_it_is(columns: int, reason: str | None) -> None:
    recording = cells_of_a_press()
    clipped = recording.clipped.copy()
    clipped[:, :, :columns] = 0.5
    assert quality.of_picture(replace(recording, clipped=clipped), LIMITS) == reason


@pytest.mark.parametrize(("share", "reason"), [(0.9, "too_dark"), (0.2, None)])
def test_a_picture_is_too_dark_when_most_of_it_is(share: float, reason: str | None) -> None:
    recording = cells_of_a_press()
    assert quality.of_picture(replace(recording, dark=np.full_like(recording.dark, share)), LIMITS) == reason


def test_glare_in_the_region_counts_and_elsewhere_does_not() -> None:
    recording = cells_of_a_press()
    place = _place(recording)
    for where, reason in (((5, 7), "glare"), ((0, 0), None)):
        clipped = recording.clipped.copy()
        clipped[:, where[0], where[1]] = 0.3
        assert quality.of_glare(replace(recording, clipped=clipped), place, LIMITS) == reason


@pytest.mark.parametrize(("share", "reason"), [(1.5, "moved"), (0.5, None)])
def test_a_shift_of_the_field_counts_from_its_limit_on(share: float, reason: str | None) -> None:
    recording = cells_of_a_press()
    limit_px = LIMITS.shift_share * 160
    shift_px = np.where(recording.time_s[:, None] > 5.6, share * limit_px, 0.0) * np.array([1.0, 0.0])
    assert quality.of_motion(replace(recording, shift_px=shift_px), 5.0, LIMITS) == reason


def test_a_shift_before_the_hold_does_not_count() -> None:
    recording = cells_of_a_press()
    shift_px = np.where(recording.time_s[:, None] < 1.5, 30.0, 0.0) * np.ones(2)
    assert quality.of_motion(replace(recording, shift_px=shift_px), 5.0, LIMITS) is None


@pytest.mark.parametrize(("depth", "reason"), [(0.12, "flicker"), (0.01, None)])
def test_light_that_alternates_from_frame_to_frame_is_flicker(depth: float, reason: str | None) -> None:
    recording = cells_of_a_press()
    alternating = np.where(np.arange(len(recording.time_s)) % 2 == 0, 1 + depth, 1 - depth)
    cells = (recording.cells * alternating[:, None, None, None]).astype(np.float32)
    assert quality.of_flicker(replace(recording, cells=cells), 5.0, LIMITS) == reason


def _lamp(recording: GridRecording, gains: tuple[float, float, float]) -> str | None:
    later = np.where(recording.time_s[:, None] > 5.7, np.array(gains), 1.0)
    cells = (recording.cells * later[:, None, None]).astype(np.float32)
    lit = replace(recording, cells=cells)
    place = _place(recording)
    return quality.of_surround(region.trace_of(lit, place), lit, place, 5.0, LIMITS)


def test_a_lamp_or_a_white_balance_shows_in_the_skin_around() -> None:
    recording = cells_of_a_press()
    assert _lamp(recording, (1.3, 1.2, 1.15)) == "light_changed"
    assert _lamp(recording, (1.15, 1.0, 0.87)) == "camera_settings_moved"
    assert _lamp(recording, (1.005, 1.005, 1.005)) is None


def _white_balance(share: float) -> str | None:
    """A camera that takes a share of the refill's tint out of the whole field, as slowly as the skin refills."""
    recording = cells_of_a_press()
    tint = share * 0.9 * 0.25 * exponential(recording.time_s - 5.0, 1.2, 1.0, 0.0)
    gains = np.exp(tint[:, None] * np.array([-1.0, 0.0, 0.2]))
    whole = replace(recording, cells=(recording.cells * gains[:, None, None]).astype(np.float32))
    place = _place(whole)
    return quality.of_surround(region.trace_of(whole, place), whole, place, 5.0, LIMITS)


def test_a_white_balance_that_follows_the_refill_shows_in_the_skin_around() -> None:
    assert _white_balance(0.2) == "camera_settings_moved"
    assert _white_balance(0.03) is None


def test_skin_around_that_reddens_with_the_refill_is_no_white_balance() -> None:
    recording = cells_of_a_press()
    reddens = 0.04 * exponential(recording.time_s - 5.0, 1.2, 1.0, 0.0)
    gains = np.exp(-reddens[:, None] * np.array([0.3, 1.0, 0.9]))
    flushed = replace(recording, cells=(recording.cells * gains[:, None, None]).astype(np.float32))
    place = _place(flushed)
    assert quality.of_surround(region.trace_of(flushed, place), flushed, place, 5.0, LIMITS) is None


def _field(gains: tuple[float, float, float], columns: int = 16, from_s: float = 5.7) -> str | None:
    recording = cells_of_a_press()
    later = np.where(recording.time_s[:, None] > from_s, np.array(gains), 1.0)
    cells = recording.cells.copy()
    cells[:, :, :columns] *= later[:, None, None].astype(np.float32)
    return quality.of_field(replace(recording, cells=cells), trace_of_all(cells, recording), 5.0, LIMITS)


def trace_of_all(cells: NDArray[np.float32], recording: GridRecording) -> Trace:
    return trace_from_light(recording.time_s, cells.mean(axis=(1, 2), dtype=np.float64))


def test_a_jump_of_the_whole_fields_light_is_a_lamp_or_the_camera_and_no_movement() -> None:
    assert _field((1.25, 1.25, 1.25)) == "light_changed"
    assert _field((1.3, 1.0, 0.8)) == "camera_settings_moved"
    assert _field((0.8, 0.8, 0.8), from_s=4.4) == "light_changed"
    assert _field((1.05, 1.05, 1.05)) is None
    assert _field((1.0, 1.0, 1.0)) is None


def test_what_changes_in_a_part_of_the_field_only_is_left_to_the_look_for_movement() -> None:
    assert _field((1.6, 1.6, 1.6), columns=8) is None


def test_a_jump_with_the_release_is_the_probes_shadow() -> None:
    assert _field((1.25, 1.25, 1.25), from_s=5.1) is None


def test_parts_that_go_their_own_way_are_not_skin_refilling() -> None:
    recording = cells_of_a_press()
    place = _place(recording)
    swept = recording.cells.copy()
    for column in range(16):
        passed = (recording.time_s > 5.2 + 0.1 * column) & (recording.time_s < 5.8 + 0.1 * column)
        swept[passed, :, column, 1] *= 1.3
    spoilt = replace(recording, cells=swept)
    assert quality.of_coherence(region.cell_signal(spoilt), spoilt, place, 5.0, LIMITS) == "moved"


@pytest.mark.parametrize(("fall", "reason"), [(0.0, "moved"), (0.2, None)])
def test_a_rise_without_a_blanch_before_it_is_no_refill(fall: float, reason: str | None) -> None:
    time_s = frame_times(30.0, 8.0, 8.0) + 8.0
    signal = exponential(time_s - 8.0, 1.5, 0.25) + np.where(time_s < 2.0, fall, 0.0)
    assert quality.of_blanching(Trace(time_s, signal), SOUND, 8.0, LIMITS) == reason


@pytest.mark.parametrize(("step", "reason"), [(0.5, "no_blanch"), (2.0, None)])
def test_a_step_below_the_least_is_no_blanch(step: float, reason: str | None) -> None:
    time_s = frame_times(30.0, 8.0, 8.0) + 8.0
    signal = exponential(time_s - 8.0, 1.5, step * LIMITS.least_step)
    signal += np.where(time_s < 2.0, step * LIMITS.least_step, 0.0)
    assert quality.of_blanching(Trace(time_s, signal), SOUND, 8.0, LIMITS) == reason


def _estimate() -> RefillEstimate:
    time_s = frame_times()
    noise = 0.002 * np.random.default_rng(1).standard_normal(len(time_s))
    return estimate(time_s, exponential(time_s, 1.5) + noise)


def test_an_estimate_is_refused_for_what_leaves_doubt() -> None:
    sound = _estimate()
    assert quality.of_estimate(sound, 8.0, LIMITS) is None
    middle = sound.crt_quantiles_s[1]
    wide = middle * LIMITS.half_width
    cases: list[tuple[dict[str, Any], float, str | None]] = [
        ({}, LIMITS.least_window_s - 0.1, "window_too_short"),
        ({"misfit": 1.1 * LIMITS.misfit * sound.step + 2 * sound.noise_sd}, 8.0, "not_a_refill"),
        ({"misfit": 0.9 * LIMITS.misfit * sound.step + 2 * sound.noise_sd}, 8.0, None),
        ({"crt_quantiles_s": (middle - 1.05 * wide, middle, middle + 1.05 * wide)}, 8.0, "too_uncertain"),
        ({"crt_quantiles_s": (middle - 0.95 * wide, middle, middle + 0.95 * wide)}, 8.0, None),
    ]
    for changes, window_s, reason in cases:
        assert quality.of_estimate(replace(sound, **changes), window_s, LIMITS) == reason, changes


def test_a_step_that_drowns_is_no_blanch_before_anything_is_said_of_its_time() -> None:
    sound = _estimate()
    assert quality.of_step(sound, LIMITS) is None
    assert quality.of_step(replace(sound, step=0.9 * LIMITS.least_step), LIMITS) == "no_blanch"
    assert quality.of_step(replace(sound, noise_sd=0.4 * sound.step), LIMITS) == "no_blanch"
    assert quality.of_step(replace(sound, noise_sd=0.3 * sound.step), LIMITS) is None
