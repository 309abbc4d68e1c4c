"""The haemoglobin signal: what it sees and what it is blind to."""

import numpy as np
import pytest
from numpy.typing import NDArray

from phantom.spec import PressSpec
from phantom.tones import TONES
from phantom.trace import simulate
from vision.signal import GREEN_BEND, RED_SHARES, SMALLEST, blood_index, exponent, haemoglobin, red_share_of

Array = NDArray[np.float64]

QUIET = PressSpec(
    pulse=0.0, respiration=0.0, slow_wave=0.0, noise=0.0, motion_px=0.0, pre_s=1.0, hold_s=2.0, post_s=6.0
)


def test_the_signal_is_minus_ln_of_green_over_red() -> None:
    assert haemoglobin(np.array([0.4, 0.1, 0.2])) == pytest.approx(np.log(4.0))
    assert haemoglobin(np.ones((5, 2, 3))).shape == (5, 2)


def test_a_common_change_of_light_or_exposure_cancels() -> None:
    light = np.random.default_rng(1).uniform(0.02, 0.4, (50, 3))
    brighter = light * np.linspace(0.3, 2.0, 50)[:, None]
    assert haemoglobin(brighter) == pytest.approx(haemoglobin(light), abs=1e-12)


def test_a_constant_melanin_filter_only_shifts_it() -> None:
    light = np.random.default_rng(2).uniform(0.02, 0.4, (50, 3))
    filtered = haemoglobin(light * np.array([0.7, 0.35, 0.2]))
    assert filtered - haemoglobin(light) == pytest.approx(np.full(50, np.log(2.0)), abs=1e-12)


def test_more_blood_is_more_signal_on_every_skin_tone() -> None:
    for tone in TONES:
        played = simulate(QUIET.with_(tone=tone))
        since_s = played.time_s - played.truth["t0"]
        signal = haemoglobin(played.rgb_linear)
        rising = signal[(since_s > 0.1) & (since_s < 2.4)]
        assert (np.diff(rising[::3]) > 0).all(), tone
        assert signal[since_s > 5].mean() - signal[(since_s > -1) & (since_s < 0)].mean() > 0.02, tone


def test_black_pictures_stay_finite() -> None:
    assert np.isfinite(haemoglobin(np.zeros((4, 3)))).all()
    assert np.isfinite(haemoglobin(np.array([[0.5, 0.0, 0.0], [0.0, 0.5, 0.5]]))).all()


KS = (0.5, 2.0, exponent(0.3), exponent(1.0))


@pytest.mark.parametrize("k", KS)
def test_for_small_steps_the_index_is_the_signal_above_the_blanched_level(k: float) -> None:
    h = 0.8 + np.linspace(0.0, 1e-4, 11)
    assert blood_index(h, 0.8, k) == pytest.approx(h - 0.8, rel=1e-3, abs=1e-12)
    assert float(blood_index(np.array([0.8]), 0.8, k)[0]) == 0.0


@pytest.mark.parametrize("k", KS)
def test_the_index_is_a_power_of_red_over_green(k: float) -> None:
    light = np.random.default_rng(4).uniform(0.05, 0.3, (40, 3))
    h = haemoglobin(light)
    ratio = (light[:, 0] / light[:, 1]) / (light[0, 0] / light[0, 1])
    assert k * blood_index(h, float(h[0]), k) + 1 == pytest.approx(ratio**k)


@pytest.mark.parametrize("k", KS)
def test_the_index_rises_with_the_signal_and_faster_the_more_blood_there_is(k: float) -> None:
    index = blood_index(np.linspace(0.5, 1.2, 100), 0.7, k)
    assert (np.diff(index) > 0).all()
    assert (np.diff(index, 2) > 0).all()
    assert index[0] < 0 < index[-1]


@pytest.mark.parametrize("k", KS)
def test_light_and_melanin_do_not_move_the_index(k: float) -> None:
    light = np.random.default_rng(3).uniform(0.05, 0.3, (40, 3))
    plain, filtered = haemoglobin(light), haemoglobin(light * np.array([0.5, 0.2, 0.1]) * 1.3)
    index = blood_index(plain, float(plain[0]), k)
    assert blood_index(filtered, float(filtered[0]), k) == pytest.approx(index, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("red_share", [0.1, 0.3, 0.5, 0.75])
def test_the_exponent_makes_the_index_bend_as_green_does(red_share: float) -> None:
    """Skin whose G is blood^(-1 / GREEN_BEND) and whose ln R moves by a share of ln G: the index is linear in blood."""
    blood = np.linspace(1.0, 1.5, 50)
    ln_green = -np.log(blood) / GREEN_BEND
    light = np.exp(np.column_stack([red_share * ln_green, ln_green, ln_green]))
    assert red_share_of(light[0], light[-1]) == pytest.approx(red_share)
    h = haemoglobin(light)
    k = exponent(red_share_of(light[0], light[-1]))
    assert blood_index(h, float(h[0]), k) == pytest.approx((blood - 1) / k)


def test_the_exponent_grows_with_the_red_share_within_its_bounds() -> None:
    low, high = RED_SHARES
    shares = np.linspace(low, high, 20)
    ks = np.array([exponent(float(share)) for share in shares])
    assert ks == pytest.approx(GREEN_BEND / (1 - shares))
    assert exponent(-3.0) == exponent(low) == ks.min()
    assert exponent(1.0) == exponent(high) == exponent(np.inf) == ks.max()
    assert ks.max() < 4 * GREEN_BEND + 1e-9


def test_the_red_share_does_not_depend_on_light_or_melanin() -> None:
    blanched, refilled = np.array([0.4, 0.2, 0.15]), np.array([0.37, 0.15, 0.12])
    expected = np.log(0.37 / 0.4) / np.log(0.15 / 0.2)
    for filtering in (np.ones(3), np.array([0.3, 0.1, 0.05])):
        assert red_share_of(filtering * blanched, filtering * refilled) == pytest.approx(expected)


def test_without_a_step_of_green_or_without_light_the_red_share_is_finite() -> None:
    light = np.array([0.4, 0.2, 0.15])
    assert red_share_of(light, light) == 0.0
    assert red_share_of(light, light * np.array([0.5, 1.0, 1.0])) == 0.0
    assert np.isfinite(red_share_of(np.zeros(3), light))
    assert red_share_of(np.zeros(3), np.full(3, SMALLEST)) == 0.0


def _time_to_90_s(since_s: Array, series: Array) -> float:
    low, high = (np.median(series[part]) for part in ((since_s > -0.5) & (since_s < 0), since_s > 5.5))
    return float(since_s[np.flatnonzero(series < low + 0.9 * (high - low))[-1]])


@pytest.mark.parametrize("tone", TONES)
def test_the_index_comes_nearer_to_the_blood_than_the_bare_signal(tone: str) -> None:
    played = simulate(QUIET.with_(tone=tone, step_ln_g=0.25, fps=120.0))
    since_s = played.time_s - played.truth["t0"]
    signal = haemoglobin(played.rgb_linear)
    hold, settled = (since_s > -0.5) & (since_s < 0), since_s > 5.5
    blanched_rgb, refilled_rgb = (np.median(played.rgb_linear[part], axis=0) for part in (hold, settled))
    k = exponent(red_share_of(blanched_rgb, refilled_rgb))
    index = blood_index(signal, float(np.median(signal[hold])), k)
    truth_s = float(played.truth["t90"])
    bare_s, index_s = _time_to_90_s(since_s, signal), _time_to_90_s(since_s, index)
    assert abs(index_s - truth_s) <= abs(bare_s - truth_s) + 0.02
    assert index_s == pytest.approx(truth_s, rel=0.12)
