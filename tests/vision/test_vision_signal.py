"""The haemoglobin signal: what it sees and what it is blind to."""

import numpy as np
import pytest

from phantom.spec import PressSpec
from phantom.tones import TONES
from phantom.trace import simulate
from vision.signal import blood_index, haemoglobin

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


def test_for_small_steps_the_index_is_the_signal_above_the_blanched_level() -> None:
    h = 0.8 + np.linspace(0.0, 1e-4, 11)
    assert blood_index(h, 0.8) == pytest.approx(h - 0.8, rel=1e-3, abs=1e-12)
    assert float(blood_index(np.array([0.8]), 0.8)[0]) == 0.0


def test_the_index_rises_with_the_signal_and_faster_the_more_blood_there_is() -> None:
    index = blood_index(np.linspace(0.5, 1.2, 100), 0.7)
    assert (np.diff(index) > 0).all()
    assert (np.diff(index, 2) > 0).all()
    assert index[0] < 0 < index[-1]


def test_light_and_melanin_do_not_move_the_index() -> None:
    light = np.random.default_rng(3).uniform(0.05, 0.3, (40, 3))
    plain, filtered = haemoglobin(light), haemoglobin(light * np.array([0.5, 0.2, 0.1]) * 1.3)
    assert blood_index(filtered, float(filtered[0])) == pytest.approx(blood_index(plain, float(plain[0])), abs=1e-9)


@pytest.mark.parametrize("tone", TONES)
def test_the_index_comes_nearer_to_the_blood_than_the_bare_signal(tone: str) -> None:
    played = simulate(QUIET.with_(tone=tone, step_ln_g=0.25, fps=120.0))
    since_s = played.time_s - played.truth["t0"]
    signal = haemoglobin(played.rgb_linear)
    blanched = float(np.median(signal[(since_s > -0.5) & (since_s < 0)]))
    times = []
    for series in (signal, blood_index(signal, blanched)):
        low, high = (np.median(series[part]) for part in ((since_s > -0.5) & (since_s < 0), since_s > 5.5))
        times.append(float(since_s[np.flatnonzero(series < low + 0.9 * (high - low))[-1]]))
    truth_s = float(played.truth["t90"])
    assert abs(times[1] - truth_s) <= abs(times[0] - truth_s) + 0.02
    assert times[1] == pytest.approx(truth_s, rel=0.12)
