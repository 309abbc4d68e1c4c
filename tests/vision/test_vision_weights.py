"""Robust scale and weights: outliers are seen, and Gaussian noise pays next to nothing for it."""

import numpy as np
import pytest

from vision.weights import OUTLIER_SD, OUTLIER_SHARE, clean_share, difference_sd, robust_sd

SIGMAS = np.linspace(0.0, 40.0, 4001)


def test_within_two_sigma_a_sample_is_clean_beyond_four_and_a_half_it_is_not() -> None:
    assert clean_share(SIGMAS[SIGMAS <= 2]).min() > 0.97
    assert clean_share(SIGMAS[SIGMAS >= 4.5]).max() < 0.1
    assert clean_share(SIGMAS[SIGMAS >= 6]).max() < 1e-4


def test_the_weight_falls_with_the_distance_on_either_side_and_never_to_nothing() -> None:
    weights = clean_share(SIGMAS)
    assert (np.diff(weights) <= 0).all()
    assert np.array_equal(weights, clean_share(-SIGMAS))
    assert weights.min() > 0
    assert weights.max() <= 1
    far = clean_share(np.array([1e3, 1e9, np.inf]))
    assert (far > 0).all()
    assert (far < 1e-5).all()


def test_the_weight_is_the_chance_that_a_sample_of_the_mixture_is_clean() -> None:
    """By drawing from it: of the samples at about 3.3 sigma, the share that were clean."""
    chance = np.random.default_rng(1)
    gross = chance.random(2_000_000) < OUTLIER_SHARE
    drawn = chance.standard_normal(len(gross)) * np.where(gross, OUTLIER_SD, 1.0)
    for middle in (2.5, 3.0, 3.5, 4.0):
        near = np.abs(np.abs(drawn) - middle) < 0.05
        assert float(clean_share(np.array([middle]))[0]) == pytest.approx(float(1 - gross[near].mean()), abs=0.04)


def test_gaussian_noise_loses_less_than_two_per_cent_of_its_information() -> None:
    """The asymptotic efficiency of the weighted mean as an M-estimator, by summing over the density."""
    x = np.linspace(-9, 9, 20001)
    density = np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi) * (x[1] - x[0])
    score = x * clean_share(x)
    slope = np.gradient(score, x)
    efficiency = float((slope @ density) ** 2 / (np.square(score) @ density))
    assert 0.98 < efficiency <= 1.0


@pytest.mark.parametrize("sd", [1e-4, 1.0, 300.0])
def test_the_robust_sd_is_that_of_gaussian_noise_and_ignores_outliers(sd: float) -> None:
    values = 5.0 + sd * np.random.default_rng(2).standard_normal(20_000)
    assert robust_sd(values) == pytest.approx(sd, rel=0.02)
    values[::10] += 1e4 * sd
    assert robust_sd(values) == pytest.approx(sd, rel=0.2)


def test_nothing_and_a_constant_have_no_spread() -> None:
    assert robust_sd(np.empty(0)) == 0.0
    assert robust_sd(np.full(9, 3.0)) == 0.0
    assert difference_sd(np.arange(7.0) ** 2) == 0.0
    assert difference_sd(np.empty(0)) == 0.0


@pytest.mark.parametrize("trend", [0.0, 1.0, 40.0])
def test_the_noise_under_a_smooth_trend_is_told_from_differences(trend: float) -> None:
    time_s = np.arange(0, 60, 1 / 30)
    smooth = trend * (0.1 * time_s**2 + np.sin(2 * np.pi * 0.1 * time_s))
    noisy = smooth + 0.02 * np.random.default_rng(3).standard_normal(len(time_s))
    assert difference_sd(noisy) == pytest.approx(0.02, rel=0.1)
    assert difference_sd(smooth) < 0.002


def test_the_residuals_are_left_alone() -> None:
    values = np.random.default_rng(4).standard_normal(50)
    kept = values.copy()
    for measure in (robust_sd, clean_share, difference_sd):
        measure(values)
    assert np.array_equal(values, kept)
