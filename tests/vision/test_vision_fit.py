"""One curve meeting the samples: averaging, outliers, what a curve leaves over, and noise set from it."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from vision import nuisance
from vision.families import FAMILIES
from vision.fit import LEAST_NOISE, MAX_SAMPLES, TraceFit, condense
from vision.nuisance import SlowSizes

Array = NDArray[np.float64]

EXPONENTIAL = FAMILIES[0]
STEP, LEVEL, TAU_S = 0.25, 0.9, 0.8
THETA = np.array([np.log(TAU_S), 0.0])
PRESS_S = (-5.5, -5.0)
NOISY, CLEAN = 0.02 * STEP, 0.004 * STEP


def _times(fps: float = 30.0, from_s: float = -2.0, to_s: float = 8.0) -> Array:
    return np.arange(from_s, to_s, 1 / fps) + 0.3 / fps


def _refill(time_s: Array, tau_s: float = TAU_S) -> Array:
    return LEVEL + STEP * (1 - np.exp(-np.maximum(time_s, 0.0) / tau_s))


def _noise(time_s: Array, sd: float, seed: int) -> Array:
    return sd * np.random.default_rng(seed).standard_normal(len(time_s))


def _pressed(seed: int, noise_sd: float = CLEAN) -> tuple[Array, Array]:
    """Times and signal of free skin, press, hold and refill, without the probe's way down."""
    time_s = _times(30.0, -8.0)
    time_s = time_s[(time_s < PRESS_S[0]) | (time_s > PRESS_S[1])]
    skin = np.where(time_s < PRESS_S[0], LEVEL + STEP, _refill(time_s))
    return time_s, skin + _noise(time_s, noise_sd, seed)


# --- condense


def test_few_samples_are_taken_as_they_are() -> None:
    time_s, weights = _times(), np.full(300, 0.5)
    condensed = condense(time_s, time_s**2, weights, (0.0,))
    assert np.array_equal(condensed.time_s, time_s)
    assert np.array_equal(condensed.values, time_s**2)
    assert np.array_equal(condensed.weights, weights)


@pytest.mark.parametrize("regular", [True, False])
@pytest.mark.parametrize("count", [701, 1500, 4000])
def test_means_are_by_weight_and_weights_add_up(regular: bool, count: int) -> None:
    chance = np.random.default_rng(count)
    time_s = np.linspace(-4, 8, count) if regular else np.sort(chance.uniform(-4, 8, count))
    weights, signal = chance.uniform(0.1, 1.0, count), chance.standard_normal(count)
    condensed = condense(time_s, signal, weights, (-2.0, 0.0))
    size = int(np.ceil(count / MAX_SAMPLES))
    assert len(condensed.time_s) <= MAX_SAMPLES + 3
    assert (np.diff(condensed.time_s) > 0).all()
    assert condensed.weights.max() <= 1.0
    assert condensed.weights.sum() * size == pytest.approx(weights.sum())
    for name, values in (("values", signal), ("time_s", time_s)):
        assert size * condensed.weights @ getattr(condensed, name) == pytest.approx(weights @ values), name
    first = slice(0, size)
    assert condensed.values[0] == pytest.approx(np.average(signal[first], weights=weights[first]))
    assert condensed.time_s[0] == pytest.approx(np.average(time_s[first], weights=weights[first]))


@pytest.mark.parametrize("regular", [True, False])
def test_no_mean_mixes_free_skin_hold_and_refill(regular: bool) -> None:
    chance = np.random.default_rng(3)
    time_s = np.arange(-9.0, 10.0, 1 / 120) if regular else np.sort(chance.uniform(-9.0, 10.0, 2280))
    time_s = time_s[(time_s < -5.5) | (time_s > -5.0)]
    phase = np.where(time_s < -5.5, 2.0, np.where(time_s < 0, 0.0, 1.0))
    for shift in range(5):
        start = slice(shift, None)
        condensed = condense(time_s[start], phase[start], np.ones(len(time_s) - shift), (-5.5, -5.0, 0.0))
        assert set(np.unique(condensed.values)) == {0.0, 1.0, 2.0}
        assert len(condensed.values) < len(time_s) / 2


def test_a_bin_of_outliers_alone_has_a_mean_and_next_to_no_weight() -> None:
    time_s = np.arange(1400) / 120
    weights = np.ones(1400)
    weights[100:110] = 0.0
    signal = np.where(weights > 0, 1.0, 50.0)
    condensed = condense(time_s, signal, weights, ())
    spoilt = (condensed.time_s > time_s[99]) & (condensed.time_s < time_s[110])
    assert spoilt.sum() == 5
    assert np.isfinite(condensed.values).all()
    assert condensed.weights[spoilt].max() < 1e-5
    assert condensed.values[~spoilt] == pytest.approx(1.0)


def test_an_outlier_does_not_pull_its_bin() -> None:
    time_s, signal = np.arange(1400) / 120, np.ones(1400)
    signal[700] = 50.0
    condensed = condense(time_s, signal, np.where(signal > 2, 0.0, 1.0), ())
    assert condensed.values == pytest.approx(1.0, abs=1e-4)
    assert sorted(condensed.weights)[:2] == pytest.approx([0.5, 1.0], abs=1e-5)


# --- gross outliers, before anything is fitted


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("noise_sd", [CLEAN, NOISY])
def test_gross_outliers_get_no_weight_and_hardly_anything_else_does(seed: int, noise_sd: float) -> None:
    """Anywhere but in the steep rise, where ten times the noise may be less than a frame's rise."""
    time_s = _times()
    signal = _refill(time_s) + _noise(time_s, noise_sd, seed)
    chance = np.random.default_rng(100 + seed)
    spoilt = chance.choice(np.flatnonzero((time_s < -0.2) | (time_s > 2.0)), 12, replace=False)
    signal[spoilt] += chance.choice([-1.0, 1.0], 12) * 10 * noise_sd
    weights = TraceFit(time_s, signal, None, None).weights
    assert weights[spoilt].max() == 0.0
    assert np.count_nonzero(weights == 0) <= 12 + 2


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0])
@pytest.mark.parametrize("noise_sd", [1e-4 * STEP, CLEAN, NOISY])
def test_a_fast_rise_is_kept(fps: float, noise_sd: float) -> None:
    time_s = _times(fps)
    trace = TraceFit(time_s, _refill(time_s, 0.08) + _noise(time_s, noise_sd, 5), None, None)
    assert (trace.weights[(time_s > -0.2) & (time_s < 0.6)] == 1.0).all()


# --- phases and first guesses


def test_phases_are_those_of_the_press() -> None:
    time_s, signal = _pressed(1)
    trace = TraceFit(time_s, signal, PRESS_S, None)
    assert np.array_equal(trace.phases.baseline, time_s < PRESS_S[0])
    assert np.array_equal(trace.phases.hold, (time_s > PRESS_S[0]) & (time_s < 0))
    assert trace.has_baseline
    assert (EXPONENTIAL.curve(trace.curve_time_s, THETA[:, None])[trace.phases.baseline] == 1.0).all()
    assert not TraceFit(*_refill_alone(1), None, None).has_baseline


def _refill_alone(seed: int, noise_sd: float = CLEAN, fps: float = 30.0) -> tuple[Array, Array]:
    time_s = _times(fps)
    return time_s, _refill(time_s) + _noise(time_s, noise_sd, seed)


def test_step_and_noise_are_about_right_before_anything_is_fitted() -> None:
    trace = TraceFit(*_refill_alone(2, NOISY), None, None)
    assert trace.step == pytest.approx(STEP, rel=0.05)
    assert trace.stage.noise_sd == pytest.approx(NOISY, rel=0.15)


# --- match


SLOW = SlowSizes(drift=0.01, slow=0.05, baseline=0.3, blanching=0.01)


def _disturbed(noise_sd: float, seed: int = 3, surround: bool = False) -> tuple[TraceFit, Array]:
    """A press with slow wave and pulse, a fit that knows their sizes, and what disturbs it (n,)."""
    time_s, signal = _pressed(seed, noise_sd)
    blood = np.where(time_s < PRESS_S[0], 1.0, (_refill(time_s) - LEVEL) / STEP)
    slow = 0.04 * STEP * np.sin(2 * np.pi * 0.1 * time_s + 0.6) * (0.5 + 0.5 * blood)
    pulse = 0.05 * STEP * np.sin(2 * np.pi * 1.2 * time_s + 0.3) * (0.1 + 0.9 * blood)
    trace = TraceFit(time_s, signal + slow + pulse, PRESS_S, slow + pulse if surround else None)
    trace.stage = replace(trace.stage, sizes=SLOW, pulse_hz=1.2, pulse_size=0.08 * STEP, noise_sd=noise_sd)
    trace.stage = replace(trace.stage, refilled=blood)
    return trace, slow + pulse


@pytest.mark.parametrize("surround", [False, True])
def test_curve_slow_wave_and_pulse_are_told_apart(surround: bool) -> None:
    trace, disturbance = _disturbed(1e-3 * STEP, surround=surround)
    found = trace.match(EXPONENTIAL, THETA)
    assert found.step == pytest.approx(STEP, rel=0.03)
    assert found.level == pytest.approx(LEVEL, abs=0.02 * STEP)
    assert float(np.std(found.residual)) < 1.2e-3 * STEP
    rest = found.explained - disturbance
    assert float(np.std(rest[trace.time_s > 0])) < 0.02 * STEP
    assert found.level + found.step * found.curve + found.explained + found.residual == pytest.approx(trace.signal)
    assert found.curve == pytest.approx(EXPONENTIAL.curve(trace.curve_time_s, THETA[:, None])[:, 0])


@pytest.mark.parametrize("with_pulse", [False, True])
def test_a_match_is_generalised_least_squares(with_pulse: bool) -> None:
    """Level and step, what disturbances explain (their conditional mean), and freedom: the trace of the smoother."""
    trace, _ = _disturbed(CLEAN, seed=4)
    if not with_pulse:
        trace.stage = replace(trace.stage, pulse_hz=None)
    trace.weights = np.random.default_rng(4).uniform(0.2, 1.0, len(trace.time_s))
    found = trace.match(EXPONENTIAL, THETA)
    slow = trace.slow_columns()
    scaled = slow.columns * slow.sd(trace.stage.sizes, trace.step)
    if with_pulse:
        pulse = nuisance.pulse_columns(trace.time_s, 1.2, 0.08 * STEP, trace.stage.refilled, wanders=True)
        scaled = np.hstack([scaled, pulse.columns * pulse.sd])
    moved = scaled @ scaled.T
    inverse = np.linalg.inv(moved + np.diag(CLEAN**2 / trace.weights))
    curve = EXPONENTIAL.curve(trace.curve_time_s, THETA[:, None])[:, 0]
    design = np.column_stack([np.ones(len(curve)), curve])
    to_steps = np.linalg.solve(design.T @ inverse @ design, design.T @ inverse)
    level, step = to_steps @ trace.signal
    assert (found.level, found.step) == (pytest.approx(level, rel=1e-6), pytest.approx(step, rel=1e-6))
    to_moved = moved @ inverse @ (np.eye(len(curve)) - design @ to_steps)
    assert found.explained == pytest.approx(to_moved @ trace.signal, abs=1e-6 * STEP)
    smoother = design @ to_steps + to_moved
    assert found.freedom == pytest.approx(float(np.trace(smoother)), abs=1e-3)


def test_without_a_pulse_and_waves_hardly_any_freedom_is_taken() -> None:
    trace = TraceFit(*_refill_alone(5, NOISY), None, None)
    trace.stage = replace(trace.stage, sizes=SlowSizes(1e-6, 1e-6, 1e-6, 1e-6))
    assert trace.match(EXPONENTIAL, THETA).freedom == pytest.approx(2.0, abs=0.01)


# --- what is learnt from a match


@pytest.mark.parametrize("pulse_hz", [1.1, 1.9])
def test_the_pulse_is_found_in_what_a_curve_leaves_over(pulse_hz: float) -> None:
    time_s, signal = _refill_alone(6)
    trace = TraceFit(time_s, signal + 0.05 * STEP * np.sin(2 * np.pi * pulse_hz * time_s), None, None)
    trace.find_pulse(trace.match(EXPONENTIAL, THETA))
    assert trace.stage.pulse_hz == pytest.approx(pulse_hz, abs=0.03)
    assert 0.05 * STEP <= trace.stage.pulse_size < 0.1 * STEP


@pytest.mark.parametrize("wanders", [False, True])
def test_a_pulse_wanders_where_the_samples_say_so(wanders: bool) -> None:
    time_s, signal = _refill_alone(6, NOISY)
    turns = 1.2 * time_s + (0.06 * np.sin(2 * np.pi * time_s / 9.0) * time_s if wanders else 0.0)
    beat = 0.08 * STEP * np.sin(2 * np.pi * turns) * (0.3 + 0.7 * (_refill(time_s) - LEVEL) / STEP)
    trace = TraceFit(time_s, signal + beat, None, None)
    trace.find_pulse(trace.match(EXPONENTIAL, THETA))
    assert trace.stage.pulse_hz == pytest.approx(1.2, abs=0.1)
    assert trace.stage.pulse_wanders is wanders
    assert float(np.std(trace.match(EXPONENTIAL, THETA).residual)) < 1.2 * NOISY


def test_without_a_pulse_none_is_found() -> None:
    trace = TraceFit(*_refill_alone(7, NOISY), None, None)
    trace.find_pulse(trace.match(EXPONENTIAL, THETA))
    assert trace.stage.pulse_hz is None
    assert trace.stage.pulse_size == 0.0


def test_what_is_left_over_raises_the_noise_and_does_not_lower_it() -> None:
    trace = TraceFit(*_refill_alone(8), None, None)
    wrong = trace.match(EXPONENTIAL, THETA + np.array([2.0, 0.0]))
    before = trace.stage.noise_sd
    trace.raise_noise(trace.match(EXPONENTIAL, THETA))
    assert before <= trace.stage.noise_sd < 1.2 * before
    trace.raise_noise(wrong)
    assert trace.stage.noise_sd > 1.3 * before


def test_no_noise_is_taken_smaller_than_rounding() -> None:
    time_s = _times()
    trace = TraceFit(time_s, _refill(time_s), None, None)
    found = trace.match(EXPONENTIAL, THETA)
    trace.raise_noise(found)
    assert trace.stage.noise_sd == pytest.approx(LEAST_NOISE * trace.step)
    trace.reweigh(found)
    assert trace.stage.noise_sd >= LEAST_NOISE * trace.step


def test_after_reweighing_the_noise_is_that_of_white_noise() -> None:
    """Within 15 % for each of ten, and without bias, by the freedom that the disturbances take."""
    ratios = []
    for seed in range(10):
        trace = TraceFit(*_refill_alone(seed, NOISY), None, None)
        trace.reweigh(trace.match(EXPONENTIAL, THETA))
        ratios.append(trace.stage.noise_sd / NOISY)
    assert ratios == pytest.approx(np.ones(10), abs=0.15)
    assert float(np.mean(ratios)) == pytest.approx(1.0, abs=0.04)


def test_what_disturbances_swallow_of_the_noise_is_made_up_for() -> None:
    """With few samples and a pulse that may wander, a third of the freedom is taken; the noise is none the smaller."""
    ratios = []
    for seed in range(24):
        time_s = _times(12.0, -2.0, 6.0)
        trace = TraceFit(time_s, _refill(time_s) + _noise(time_s, NOISY, seed), None, None)
        trace.stage = replace(trace.stage, noise_sd=NOISY, pulse_hz=1.2, pulse_size=0.1 * STEP)
        found = trace.match(EXPONENTIAL, THETA)
        assert 0.25 < found.freedom / len(time_s) < 0.6
        trace.stage = replace(trace.stage, noise_sd=0.01 * NOISY)
        trace.reweigh(found)
        ratios.append(trace.stage.noise_sd / NOISY)
    assert float(np.mean(ratios)) == pytest.approx(1.0, abs=0.08)


def test_of_condensed_samples_the_noise_is_that_of_their_means() -> None:
    trace = TraceFit(*_refill_alone(9, NOISY, 240.0), None, None)
    trace.reweigh(trace.match(EXPONENTIAL, THETA))
    assert trace.stage.noise_sd == pytest.approx(NOISY / 2, rel=0.15)


@pytest.mark.parametrize("outlying", [6.0, 10.0, 100.0])
def test_reweighing_leaves_outliers_next_to_no_weight(outlying: float) -> None:
    """In the steep rise as well, where their neighbours' median does not tell."""
    time_s, signal = _refill_alone(10)
    spoilt = (np.arange(len(time_s)) % 19) == 4
    spoilt[[62, 66]] = True  # just after release
    trace = TraceFit(time_s, np.where(spoilt, signal + outlying * CLEAN, signal), None, None)
    for _ in range(2):
        trace.reweigh(trace.match(EXPONENTIAL, THETA))
    assert trace.weights[spoilt].mean() < (0.05 if outlying > 6 else 0.1)
    assert np.median(trace.weights[spoilt]) < 0.01
    assert trace.weights[~spoilt].mean() > 0.97
    clean = TraceFit(time_s, signal, None, None)
    clean.reweigh(clean.match(EXPONENTIAL, THETA))
    assert trace.stage.noise_sd == pytest.approx(clean.stage.noise_sd, rel=0.12)
    assert trace.match(EXPONENTIAL, THETA).step == pytest.approx(STEP, rel=0.02)


def test_outliers_are_found_among_the_samples_as_they_came() -> None:
    """Averaged with three neighbours, a sample 8 sigma off would be 4 sigma off and pull its mean."""
    time_s, signal = _refill_alone(11, NOISY, 240.0)
    spoilt = (np.arange(len(time_s)) % 40) == 7
    trace = TraceFit(time_s, np.where(spoilt, signal + 8 * NOISY, signal), None, None)
    trace.reweigh(trace.match(EXPONENTIAL, THETA))
    clean = TraceFit(time_s, signal, None, None)
    clean.reweigh(clean.match(EXPONENTIAL, THETA))
    assert trace.weights.sum() == pytest.approx(clean.weights.sum() - spoilt.sum() / 4, rel=0.01)
    assert float(np.abs(trace.signal - clean.signal).max()) < 1.5 * NOISY
    assert trace.stage.noise_sd == pytest.approx(clean.stage.noise_sd, rel=0.1)


def test_reweighing_learns_the_blood_under_the_window() -> None:
    time_s, signal = _pressed(11)
    trace = TraceFit(time_s, signal, PRESS_S, None)
    trace.reweigh(trace.match(EXPONENTIAL, THETA))
    assert trace.stage.refilled == pytest.approx(EXPONENTIAL.curve(trace.curve_time_s, THETA[:, None])[:, 0], abs=1e-3)
    assert len(trace.stage.refilled) == len(trace.time_s) == len(trace.weights) == len(trace.signal)


def test_the_unit_of_the_signal_does_not_matter() -> None:
    time_s, signal = _refill_alone(12)
    plain, other = TraceFit(time_s, signal, None, None), TraceFit(time_s, 1e-6 * signal, None, None)
    for trace in (plain, other):
        trace.reweigh(trace.match(EXPONENTIAL, THETA))
    assert other.stage.noise_sd == pytest.approx(1e-6 * plain.stage.noise_sd, rel=1e-3)
    assert other.weights == pytest.approx(plain.weights, abs=1e-6)


def test_lenses_show_the_step_and_squares_of_a_match() -> None:
    """Digest and match are two ways to the same numbers, but for straight lines between knots."""
    trace, _ = _disturbed(CLEAN, seed=13)
    lenses = trace.lenses([SLOW, replace(SLOW, log_share=-1.5)])
    found = trace.match(EXPONENTIAL, THETA)
    seen = lenses.matrix[0] @ EXPONENTIAL.curve(trace.knot_s, THETA[:, None])[:, 0]
    assert float(seen @ lenses.signal[0] / (seen @ seen)) == pytest.approx(found.step, rel=2e-3)
    assert lenses.log_evidence[0] - lenses.log_evidence[1] == pytest.approx(1.5)


def test_no_input_is_changed() -> None:
    time_s, signal = _pressed(14)
    given = [time_s, signal, signal.copy()]
    kept = [array.copy() for array in given]
    trace = TraceFit(time_s, signal, PRESS_S, given[2])
    found = trace.match(EXPONENTIAL, THETA)
    trace.find_pulse(found)
    trace.reweigh(found)
    trace.lenses([SLOW])
    assert all(np.array_equal(one, other) for one, other in zip(given, kept, strict=True))
