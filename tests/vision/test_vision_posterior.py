"""Weighing one family of curves: evidence and posterior against brute force."""

from dataclasses import replace

import numpy as np
import pytest
from vision_bench import exponential, frame_times

from vision.families import FAMILIES, Family
from vision.linear import Workspace
from vision.nuisance import Nuisance
from vision.posterior import Posterior, explore, log_likelihood, log_prior, sample

EXPONENTIAL = FAMILIES[0]
TIME_S = frame_times(20.0, 1.0, 6.0)


def _work(crt_s: float, noise_sd: float, seed: int) -> Workspace:
    noise = noise_sd * np.random.default_rng(seed).standard_normal(len(TIME_S))
    drift = Nuisance((TIME_S / 7.0)[:, None], np.array([0.005]))
    return Workspace(exponential(TIME_S, crt_s) + noise, np.ones(len(TIME_S)), noise_sd, drift)


def _posterior(work: Workspace, family: Family = EXPONENTIAL) -> Posterior:
    mode, _, precision = explore(work, family, TIME_S, 0.0125)
    return sample(work, family, TIME_S, mode, precision, 0.0125)


def _quadrature(work: Workspace, near: Posterior) -> tuple[float, float, float]:
    """Log evidence, mean and sd of ln tau by summing over a fine grid of ln tau and onset."""
    sd = np.maximum(np.sqrt(((near.theta - near.mode[:, None]) ** 2) @ near.weights), 1e-4)
    ln_tau = np.linspace(near.mode[0] - 9 * sd[0], near.mode[0] + 9 * sd[0], 181)
    onset = np.linspace(near.mode[1] - 9 * sd[1], near.mode[1] + 9 * sd[1], 181)
    grid = np.array(np.meshgrid(ln_tau, onset, indexing="ij")).reshape(2, -1)
    log_density = np.concatenate(
        [
            log_likelihood(work, EXPONENTIAL.curve(TIME_S, part), 0.0125) + log_prior(EXPONENTIAL, part)
            for part in np.array_split(grid, 20, axis=1)
        ]
    )
    top = log_density.max()
    density = np.exp(log_density - top)
    area = (ln_tau[1] - ln_tau[0]) * (onset[1] - onset[0])
    mean = float((density * grid[0]).sum() / density.sum())
    spread = float(np.sqrt((density * (grid[0] - mean) ** 2).sum() / density.sum()))
    return float(top + np.log(density.sum() * area)), mean, spread


@pytest.mark.parametrize(
    ("crt_s", "noise_sd", "seed"), [(1.0, 0.005, 1), (2.0, 0.01, 2), (3.0, 0.02, 3), (6.0, 0.01, 4)]
)
def test_evidence_and_posterior_are_those_of_brute_force(crt_s: float, noise_sd: float, seed: int) -> None:
    work = _work(crt_s, noise_sd, seed)
    posterior = _posterior(work)
    evidence, mean, spread = _quadrature(work, posterior)
    assert posterior.log_evidence == pytest.approx(evidence, abs=0.15)
    sampled_mean = float(posterior.theta[0] @ posterior.weights)
    sampled_sd = float(np.sqrt((posterior.theta[0] - sampled_mean) ** 2 @ posterior.weights))
    assert sampled_mean == pytest.approx(mean, abs=0.2 * spread)
    assert sampled_sd == pytest.approx(spread, rel=0.25)


def test_the_prior_is_a_density() -> None:
    ln_tau, onset = np.linspace(-8, 8, 400), np.linspace(-0.3, 0.3, 400)
    grid = np.array(np.meshgrid(ln_tau, onset)).reshape(2, -1)
    area = (ln_tau[1] - ln_tau[0]) * (onset[1] - onset[0])
    assert float(np.exp(log_prior(EXPONENTIAL, grid)).sum() * area) == pytest.approx(1.0, abs=1e-3)


def test_weights_are_a_distribution_and_the_same_every_time() -> None:
    work = _work(2.0, 0.01, 5)
    first, second = _posterior(work), _posterior(work)
    assert first.weights.sum() == pytest.approx(1.0)
    assert (first.weights >= 0).all()
    assert np.array_equal(first.theta, second.theta)
    assert np.array_equal(first.weights, second.weights)
    assert first.log_evidence == second.log_evidence


def test_the_family_that_made_the_data_is_believed_most_among_its_like() -> None:
    delayed = FAMILIES[1]
    theta = np.array([[np.log(0.6)], [np.log(0.8)]])
    noise = 0.004 * np.random.default_rng(6).standard_normal(len(TIME_S))
    drift = Nuisance((TIME_S / 7.0)[:, None], np.array([0.005]))
    y = 0.9 + 0.25 * delayed.curve(TIME_S, theta)[:, 0] + noise
    work = Workspace(y, np.ones(len(TIME_S)), 0.004, drift)
    assert _posterior(work, delayed).log_evidence > _posterior(work, EXPONENTIAL).log_evidence + 5


def test_a_falling_signal_is_not_explained_by_a_refill() -> None:
    falling = -exponential(TIME_S, 1.0)
    work = Workspace(falling, np.ones(len(TIME_S)), 0.01, Nuisance((TIME_S / 7.0)[:, None], np.array([0.005])))
    curves = EXPONENTIAL.curve(TIME_S, np.array([[-1.0, 0.0, 0.5], [0.0, 0.0, 0.0]]))
    assert (log_likelihood(work, curves, 0.0) == -np.inf).all()


def test_a_wider_prior_costs_evidence() -> None:
    work = _work(2.0, 0.005, 7)
    wide = replace(EXPONENTIAL, prior_sd=(4.0,))
    gap = _posterior(work).log_evidence - _posterior(work, wide).log_evidence
    assert gap == pytest.approx(np.log(4.0), abs=0.4)
