"""Wrong numbers that would look right: a second press, a jump, a late clock, a drift, a surround that is no witness."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from vision_bench import SHORT, exponential, frame_times, traces

from vision import quality, release
from vision.press import PressAnalysis, Settings, analyse_trace
from vision.pressure import PressureTrace
from vision.quality import Limits
from vision.refill import NoFitError, estimate
from vision.trace import Trace, trace_from_light

Array = NDArray[np.float64]

LIMITS = Limits()
TRUE_S = 1.6
STEP = 0.1


def press(extra: Array | float = 0.0, probe_late_s: float = 0.0, noise: float = 0.01, seed: int = 1) -> PressAnalysis:
    """A clean press of known refill time, of no generator of ours, with `extra` (of the step) added to its signal."""
    time_s = np.arange(-8.0, 9.0, 1 / 40) + 0.007
    skin = np.where(time_s < -5.5, 1.0, exponential(time_s, TRUE_S, 1.0, 0.0))
    chance = np.random.default_rng(seed).standard_normal(len(time_s))
    probe_s = np.arange(-8.0, 9.0, 0.01)
    kpa = 40.0 * np.clip((probe_s + 5.75) / 0.4, 0, 1) * (probe_s < 0)
    trace = Trace(time_s, 0.5 + STEP * (skin + extra + noise * chance))
    return analyse_trace(trace, PressureTrace(probe_s + probe_late_s, kpa), Settings())


def after_release(from_s: float) -> Array:
    return (np.arange(-8.0, 9.0, 1 / 40) + 0.007 > from_s).astype(np.float64)


def test_the_press_that_the_others_are_made_from_is_measured_right() -> None:
    assert press().crt_s == pytest.approx(TRUE_S, abs=0.08)


@pytest.mark.parametrize(("size", "from_s"), [(-0.3, 5.0), (0.4, 4.0), (-0.5, 3.0)])
def test_a_jump_of_the_signal_gives_no_number(size: float, from_s: float) -> None:
    found = press(size * after_release(from_s))
    assert found.status == "not_measurable"
    assert found.reason in ("moved", "not_a_refill", "too_uncertain")


def test_a_jump_is_told_from_the_noise_around_it() -> None:
    sound = press().estimate
    assert sound is not None
    assert quality.of_jump(sound, LIMITS) is None
    jumped = sound.residual + 0.3 * sound.step * (sound.fit_time_s > 4.0)
    assert quality.of_jump(replace(sound, residual=jumped), LIMITS) == "moved"
    barely = sound.residual + 0.1 * sound.step * (sound.fit_time_s > 4.0)
    assert quality.of_jump(replace(sound, residual=barely), LIMITS) is None


def test_skin_that_blanches_again_in_the_window_was_pressed_again_whatever_the_probe_says() -> None:
    time_s = np.arange(-8.0, 9.0, 1 / 40) + 0.007
    again = -0.95 * ((time_s > 4.0) & (time_s < 6.0))
    assert press(again).reason == "second_press"
    assert press(0.2 * again).reason != "second_press"


def test_a_probe_clock_that_runs_late_gives_no_number() -> None:
    found = press(probe_late_s=1.0)
    assert (found.status, found.reason) == ("not_measurable", "clocks_disagree")
    assert press(probe_late_s=0.02).status == "measured"


@pytest.mark.parametrize(("early_s", "reason"), [(0.5, "pressure_not_held"), (0.1, None)])
def test_a_slow_refill_that_begins_before_the_probe_lets_go_is_none_of_this_release(
    early_s: float, reason: str | None
) -> None:
    time_s = np.arange(-8.0, 9.0, 1 / 40) + 0.007
    begun = exponential(time_s + early_s, 4.0, 1.0, 0.0) - exponential(time_s, TRUE_S, 1.0, 0.0)
    assert press(np.where(time_s > -1.0, begun, 0.0)).reason == reason


@pytest.mark.slow
@pytest.mark.parametrize("late_s", [0.2, 0.3])
def test_blood_that_is_back_before_the_pressure_falls_gives_no_number(late_s: float) -> None:
    """The sensor's fall is late, its rise is not: as a sensor that sticks, or frames missing whose times deny it."""
    time_s = np.arange(-8.0, 9.0, 1 / 40) + 0.007
    skin = np.where(time_s < -5.5, 1.0, exponential(time_s + late_s, TRUE_S, 1.0, 0.0))
    noise = 0.01 * np.random.default_rng(3).standard_normal(len(skin))
    probe_s = np.arange(-8.0, 9.0, 0.01)
    kpa = 40.0 * np.clip((probe_s + 5.75) / 0.4, 0, 1) * (probe_s < 0)
    trace = Trace(time_s, 0.5 + STEP * (skin + noise))
    found = analyse_trace(trace, PressureTrace(probe_s, kpa), Settings())
    assert found.reason in ("clocks_disagree", "pressure_not_held")
    assert found.profile is not None
    assert quality.of_early_return(trace, found.profile, LIMITS) == "clocks_disagree"
    assert quality.of_early_return(trace, None, LIMITS) is None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_a_sound_press_has_no_blood_back_early(seed: int) -> None:
    found = press(seed=seed, noise=0.03)
    assert quality.of_early_return(found.trace, found.profile, LIMITS) is None


@pytest.mark.slow
@pytest.mark.parametrize(("per_s", "overfull"), [(0.06, True), (0.0, False)])
def test_skin_that_reddens_on_beyond_what_it_was_is_no_refill_longer_than_the_window(
    per_s: float, overfull: bool
) -> None:
    time_s = np.arange(-8.0, 9.0, 1 / 40) + 0.007
    found = press(per_s * np.maximum(time_s, 0.0))
    assert quality.is_overfull(found.trace, found.profile, 0.0, LIMITS) is overfull
    assert found.status != "censored"
    assert not quality.is_overfull(found.trace, None, 0.0, LIMITS)


@pytest.mark.slow
@pytest.mark.parametrize("copied", [3, 6])
def test_copies_that_a_codec_made_differ_by_less_than_their_noise(copied: int) -> None:
    time_s = np.arange(-8.0, 9.0, 1 / 40) + 0.007
    skin = np.where(time_s < -5.5, 1.0, exponential(time_s, TRUE_S, 1.0, 0.0))
    chance = np.random.default_rng(2)
    light = np.exp(-STEP * skin[:, None] * np.array([0.3, 1.0, 0.8])) * np.array([0.5, 0.3, 0.2])
    light = light * (1 + 1e-3 * chance.standard_normal(light.shape))
    held = np.arange(len(time_s)) // copied * copied
    again = np.where((time_s > 0) & (time_s < 2), held, np.arange(len(time_s)))
    copies = light[again] * (1 + 1e-6 * chance.standard_normal(light.shape))
    assert quality.of_frames(trace_from_light(time_s, light), 0.0, LIMITS) is None
    assert quality.of_frames(trace_from_light(time_s, copies), 0.0, LIMITS) == "frames_repeated"


@pytest.mark.slow
@pytest.mark.parametrize(("left", "lost"), [(0.45, True), (0.63, False)])
def test_blood_that_is_lost_again_before_the_skin_has_refilled_was_pressed_out(left: float, lost: bool) -> None:
    """Pressed from 0.7 to 1.5 s with so little that no dip below the fitted curve shows."""
    time_s = np.arange(-8.0, 9.0, 1 / 40) + 0.007
    reached = 1 - 0.1 ** (0.7 / TRUE_S)
    pressed = left + (reached - left) * np.exp(-(time_s - 0.7) / 0.15)
    resumes_s = time_s - 1.5 - TRUE_S * np.log10(1 - left)
    again = np.where(time_s < 1.5, pressed, exponential(resumes_s, TRUE_S, 1.0, 0.0))
    found = press(np.where(time_s < 0.7, 0.0, again - exponential(time_s, TRUE_S, 1.0, 0.0)))
    assert found.estimate is not None
    assert (quality.of_loss(found.estimate, LIMITS) == "second_press") == lost
    assert (found.status == "not_measurable") == lost


def test_an_overshoot_that_comes_back_loses_no_blood() -> None:
    time_s = np.arange(-8.0, 9.0, 1 / 40) + 0.007
    found = press(0.15 * np.exp(-0.5 * ((time_s - 3.0) / 0.8) ** 2))
    assert found.estimate is not None
    assert quality.of_loss(found.estimate, LIMITS) is None


def _frames_left_out(from_s: float, lasts_s: float, pulse: float = 0.0, told: bool = False) -> PressAnalysis:
    """Frames are missing; those after them are stamped as if none were, unless `told`. The skin may have a pulse."""
    every_s = np.arange(-8.0, 9.0, 1 / 40) + 0.007
    taken_s = every_s[(every_s < from_s) | (every_s > from_s + lasts_s)]
    skin = np.where(taken_s < -5.5, 1.0, exponential(taken_s, TRUE_S, 1.0, 0.0))
    skin = skin * (1 + pulse * np.sin(2 * np.pi * 1.1 * taken_s) ** 3)
    noise = 0.01 * np.random.default_rng(4).standard_normal(len(skin))
    probe_s = np.arange(-8.0, 9.0, 0.01)
    kpa = 40.0 * np.clip((probe_s + 5.75) / 0.4, 0, 1) * (probe_s < 0)
    trace = Trace(taken_s if told else every_s[: len(skin)], 0.5 + STEP * (skin + noise))
    return analyse_trace(trace, PressureTrace(probe_s, kpa), Settings())


@pytest.mark.slow
@pytest.mark.parametrize(("from_s", "lasts_s"), [(0.3, 0.8), (0.4, 0.3), (0.7, 0.7)])
def test_frames_left_out_without_a_gap_in_their_times_show_as_a_leap(from_s: float, lasts_s: float) -> None:
    assert _frames_left_out(from_s, lasts_s).reason == "moved"
    assert _frames_left_out(from_s, 0.03).crt_s == pytest.approx(TRUE_S, abs=0.12)


def test_a_gap_that_the_times_tell_of_is_no_leap() -> None:
    assert _frames_left_out(0.3, 0.14, told=True).crt_s == pytest.approx(TRUE_S, abs=0.1)


@pytest.mark.slow
def test_a_strong_pulse_is_no_leap() -> None:
    found = _frames_left_out(20.0, 0.0, pulse=0.2)
    assert quality.of_leap(found.trace, 0.0, LIMITS) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("probe_late_s", "reason"), [(-0.3, "clocks_disagree"), (0.5, "clocks_disagree"), (-0.05, None), (0.05, None)]
)
def test_skin_that_pales_slowly_tells_the_time_by_when_it_begins(probe_late_s: float, reason: str | None) -> None:
    time_s = np.arange(-8.0, 9.0, 1 / 40) + 0.007
    paling = np.where((time_s > -5.5) & (time_s < 0), np.exp(-(time_s + 5.5) / 0.4), 0.0)
    assert press(paling, probe_late_s).reason == reason


@pytest.mark.parametrize(("per_s", "reason"), [(0.09, "baseline_drift"), (-0.09, "baseline_drift"), (0.03, None)])
def test_skin_that_wanders_fast_before_the_press_gives_no_number_whatever_the_hold_does(
    per_s: float, reason: str | None
) -> None:
    time_s = np.arange(-8.0, 9.0, 1 / 40) + 0.007
    assert press(np.where(time_s < -5.5, per_s * (time_s + 6.8), 0.0)).reason == reason


@pytest.mark.parametrize("per_s", [-0.03, 0.05])
def test_skin_that_drifts_before_the_press_and_in_the_hold_gives_no_number(per_s: float) -> None:
    time_s = np.arange(-8.0, 9.0, 1 / 40) + 0.007
    assert press(per_s * time_s).reason == "baseline_drift"


def test_a_drift_so_steep_that_it_hides_the_press_is_told_as_a_drift() -> None:
    time_s = np.arange(-8.0, 9.0, 1 / 40) + 0.007
    for per_s in (0.3, -0.3):
        found = press(per_s * time_s)
        assert (found.status, found.reason) == ("not_measurable", "baseline_drift")


def _unaided(bump: float, at_s: float = -2.2, overshoot: float = 0.0) -> PressAnalysis:
    """A press without a pressure trace; blood comes and goes again at `at_s`, to `bump` of the step."""
    time_s = np.arange(-8.0, 9.0, 1 / 40) + 0.007
    skin = np.where(time_s < -5.5, 1.0, exponential(time_s, TRUE_S, 1.0, 0.0))
    came = bump * np.clip(1 - np.abs(time_s - at_s) / 0.5, 0.0, 1.0)
    slow = overshoot * np.clip(time_s, 0.0, None) * np.exp(1 - np.clip(time_s, 0.0, None))
    noise = 0.01 * np.random.default_rng(3).standard_normal(len(time_s))
    return analyse_trace(Trace(time_s, 0.5 + STEP * (skin + came + slow + noise)), None, Settings())


@pytest.mark.slow
@pytest.mark.parametrize(("bump", "reason"), [(0.4, "second_press"), (0.2, "second_press"), (0.03, None), (0.0, None)])
def test_blood_that_came_and_went_before_the_release_tells_of_two_presses(bump: float, reason: str | None) -> None:
    assert _unaided(bump).reason == reason


def test_an_overshoot_after_the_release_is_no_second_press() -> None:
    assert _unaided(0.0, overshoot=0.2).reason != "second_press"


def test_a_small_drift_is_no_reason_to_refuse() -> None:
    time_s = np.arange(-8.0, 9.0, 1 / 40) + 0.007
    assert press(0.003 * time_s).crt_s == pytest.approx(TRUE_S, abs=0.12)


def test_a_surround_that_pales_with_the_release_is_no_witness() -> None:
    trace, _, played = traces(SHORT, surround=True)
    zero_s = float(played.truth["t0"])
    assert quality.trusted_surround(trace, zero_s, LIMITS) is trace.surround
    assert trace.surround is not None
    step = float(np.ptp(trace.signal))
    paling = 0.2 * step * np.exp(-np.maximum(trace.time_s - zero_s, 0.0) / 3.0)
    assert quality.trusted_surround(replace(trace, surround=trace.surround + paling), zero_s, LIMITS) is None


def test_a_tidy_curve_with_an_overshoot_beyond_belief_did_not_settle() -> None:
    sound = press().estimate
    assert sound is not None
    assert quality.of_estimate(replace(sound, overshoot=1.1 * LIMITS.overshoot), 8.0, LIMITS) == "not_settled"
    assert quality.of_estimate(replace(sound, overshoot=0.9 * LIMITS.overshoot), 8.0, LIMITS) is None


@pytest.mark.parametrize("seed", range(6))
def test_what_never_refills_ends_in_a_reason_and_not_in_a_traceback(seed: int) -> None:
    chance = np.random.default_rng(seed)
    time_s = np.arange(1500) / 60
    beating = np.sin(2 * np.pi * 1.1 * time_s + 2) + 0.1 * chance.standard_normal(1500)
    assert analyse_trace(Trace(time_s, beating), None, Settings()).status != "measured"
    noise = Trace(time_s, chance.standard_normal(1500))
    probe_s = np.arange(0, 25, 0.01)
    probe = PressureTrace(probe_s, 40.0 * ((probe_s > 3) & (probe_s < 13)))
    assert analyse_trace(noise, probe, Settings()).status == "not_measurable"


def test_a_falling_signal_has_no_fit() -> None:
    time_s = frame_times()
    chance = np.random.default_rng(0).standard_normal(len(time_s))
    try:
        found = estimate(time_s, -exponential(time_s, 1.0) + 0.002 * chance)
    except NoFitError:
        return
    assert found.step < 0.1 * 0.25 or found.noise_sd > 0.02


def hidden_press(back_s: float = 6.0) -> tuple[Array, Array]:
    """Light of skin that a finger before the lens hides from 2 s on, until `back_s`."""
    time_s = np.arange(0.0, 16.0, 1 / 25)
    seen = np.where((time_s > 2.0) & (time_s < back_s), 0.05, 1.0)
    blood = np.where(time_s < 2.0, 1.0, exponential(time_s - back_s, 2.0, 1.0, 0.0))
    chance = 1 + 0.001 * np.random.default_rng(2).standard_normal((len(time_s), 3))
    red, green, blue = 0.5 * np.exp(-0.02 * blood), 0.3 * np.exp(-0.08 * blood), 0.25 * np.exp(-0.07 * blood)
    return time_s, np.column_stack([red, green, blue]) * seen[:, None] * chance


@pytest.mark.slow
def test_a_press_that_hides_the_skin_ends_when_it_is_seen_again() -> None:
    time_s, light = hidden_press()
    found = release.find_hidden(time_s, light[:, 0])
    assert found is not None
    assert found.release_s == pytest.approx(6.0, abs=0.05)
    assert not found.seen[(time_s > 2.05) & (time_s < 5.95)].any()
    assert found.seen[time_s > 6.2].all()
    analysis = analyse_trace(trace_from_light(time_s, light), None, Settings())
    assert analysis.time_zero_from == "picture"
    assert analysis.crt_s == pytest.approx(2.0, abs=0.2)


def test_skin_that_is_seen_all_along_was_not_hidden() -> None:
    time_s = np.arange(0.0, 10.0, 1 / 25)
    assert release.find_hidden(time_s, np.full(len(time_s), 0.4)) is None
    assert release.find_hidden(time_s, np.where(np.abs(time_s - 5) < 0.1, 0.01, 0.4)) is None


def test_without_pressure_skin_that_brightens_while_h_rises_was_lit_not_refilled() -> None:
    time_s = np.arange(-3.0, 8.0, 1 / 30)
    rise = np.where(time_s > 0, 1 - np.exp(-np.maximum(time_s, 0.0)), 0.0)
    blood = np.exp(-np.outer(rise, [0.03, 0.10, 0.09])) * [0.5, 0.25, 0.13]
    lamp = np.exp(np.outer(rise, [0.12, 0.05, 0.02])) * [0.5, 0.25, 0.13]
    assert quality.of_brightening(trace_from_light(time_s, blood), None, 0.0) is None
    assert quality.of_brightening(trace_from_light(time_s, lamp), None, 0.0) == "light_changed"
