"""Weighing one family of curves: modes, evidence and posterior against brute force."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from vision.digest import Digest, hat_matrix, knots_s
from vision.families import FAMILIES, Family
from vision.modes import Members, explore, fit_side_by_side
from vision.posterior import (
    Lenses,
    Modes,
    Posterior,
    laplace_evidence,
    log_likelihood,
    log_prior,
    sample,
)

Array = NDArray[np.float64]

EXPONENTIAL, DELAYED = FAMILIES[0], FAMILIES[1]
STEP, LEVEL, DRIFT_SD = 0.25, 0.9, 0.005
MIN_STEP = 0.05 * STEP
TIME_S = np.arange(-1.0, 6.0, 1 / 20) + 0.015
KNOT_S = knots_s(float(TIME_S[-1]))
DRIFT = (TIME_S / 7.0)[:, None]
SLOW_SDS = (np.array([0.001]), np.array([DRIFT_SD]), np.array([0.05]))


def _signal(family: Family, theta: tuple[float, ...], noise_sd: float, seed: int) -> Array:
    noise = noise_sd * np.random.default_rng(seed).standard_normal(len(TIME_S))
    return LEVEL + STEP * family.curve(TIME_S, np.array(theta)[:, None])[:, 0] + noise


def _digest(signal: Array, noise_sd: float) -> Digest:
    return Digest(signal, hat_matrix(TIME_S, KNOT_S), np.ones(len(TIME_S)), noise_sd, None, DRIFT)


def _lenses(signal: Array, noise_sd: float, slow_sds: tuple[Array, ...] = SLOW_SDS) -> Lenses:
    digest = _digest(signal, noise_sd)
    return Lenses.of([digest.lens(slow_sd, STEP) for slow_sd in slow_sds])


def _one(signal: Array, noise_sd: float) -> Lenses:
    return _lenses(signal, noise_sd, (np.array([DRIFT_SD]),))


def fit(lenses: Lenses, family: Family, knot_s: Array, start: Array, iterations: int) -> Modes:
    """Modes of one family from `start` (m, k), one member under each lens."""
    return fit_side_by_side(lenses, Members.of((family,), [np.arange(len(start))]), knot_s, start, iterations)


def _posterior(lenses: Lenses, family: Family = EXPONENTIAL) -> Posterior:
    return sample(lenses, family, KNOT_S, explore(lenses, (family,), KNOT_S, MIN_STEP)[0], MIN_STEP)[0]


def _moments(posterior: Posterior) -> tuple[Array, Array]:
    mean = posterior.theta @ posterior.weights
    return mean, np.sqrt(np.square(posterior.theta - mean[:, None]) @ posterior.weights)


@dataclass(frozen=True)
class Summed:
    """Log evidence, and mean and sd of tau in s."""

    log_evidence: float
    tau_s: float
    tau_sd_s: float


def _around(near: Posterior) -> tuple[Array, float]:
    """A grid (2, g) of ln tau and onset over nine standard deviations either way, and the area of its meshes."""
    mean, sd = _moments(near)
    axes = [np.linspace(mean[row] - 9 * sd[row], mean[row] + 9 * sd[row], 91) for row in range(2)]
    area = float((axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0]))
    return np.array(np.meshgrid(*axes, indexing="ij")).reshape(2, -1), area


def _summed(theta: Array, log_density: Array, area: float) -> Summed:
    density = np.exp(log_density - log_density.max())
    tau_s = np.exp(theta[0])
    mean_s = float(density @ tau_s / density.sum())
    sd_s = float(np.sqrt(density @ np.square(tau_s - mean_s) / density.sum()))
    return Summed(float(log_density.max() + np.log(density.sum() * area)), mean_s, sd_s)


def _told(posterior: Posterior) -> Summed:
    taus_s = np.exp(posterior.theta[0])
    mean_s = float(taus_s @ posterior.weights)
    sd_s = float(np.sqrt(np.square(taus_s - mean_s) @ posterior.weights))
    return Summed(posterior.log_evidence, mean_s, sd_s)


def _dense(signal: Array, noise_sd: float, theta: Array) -> Array:
    """Log likelihood (g,) with the samples' full covariance and the curves themselves: neither digest nor knots."""
    covariance = noise_sd**2 * np.eye(len(TIME_S)) + DRIFT_SD**2 * DRIFT @ DRIFT.T
    root = np.linalg.cholesky(covariance)
    constant = float(np.log(np.diag(root)).sum()) - len(TIME_S) * float(np.log(noise_sd))
    one, y = np.linalg.solve(root, np.ones(len(TIME_S))), np.linalg.solve(root, signal)
    y = y - one * (one @ y) / (one @ one)
    white = np.linalg.solve(root, EXPONENTIAL.curve(TIME_S, theta))
    white -= np.outer(one, (one @ white) / (one @ one))
    power, along = np.square(white).sum(axis=0), y @ white
    value = -0.5 * (y @ y - along**2 / power + np.log(power) + np.log(one @ one)) - constant
    return np.where(along / power > MIN_STEP, value, -np.inf)


PRECISION_SAMPLED = 0.03
PRECISION_KNOTS = 0.15
"""Of the log evidence: by the sampling alone, and with curves given by straight lines between knots."""
CASES = [(0.3, 0.004), (0.45, 0.005), (0.9, 0.01), (1.3, 0.02), (2.2, 0.004)]
"""Tau in s and noise; the first two rise within a few frames, where straight lines between knots show."""


@pytest.mark.parametrize(("tau_s", "noise_sd"), CASES)
@pytest.mark.parametrize("seed", range(2))
def test_samples_and_evidence_are_those_of_brute_force(tau_s: float, noise_sd: float, seed: int) -> None:
    """The sampling alone: the same likelihood, summed over a grid."""
    lenses = _one(_signal(EXPONENTIAL, (np.log(tau_s), 0.0), noise_sd, seed), noise_sd)
    posterior = _posterior(lenses)
    theta, area = _around(posterior)
    value = log_likelihood(lenses, EXPONENTIAL, KNOT_S, theta[None], MIN_STEP) + log_prior(EXPONENTIAL, theta[None])
    truth, found = _summed(theta, value[0], area), _told(posterior)
    assert found.log_evidence == pytest.approx(truth.log_evidence, abs=PRECISION_SAMPLED)
    assert found.tau_s == pytest.approx(truth.tau_s, abs=0.05 * truth.tau_sd_s)
    assert found.tau_sd_s == pytest.approx(truth.tau_sd_s, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("tau_s", "noise_sd"), CASES)
@pytest.mark.parametrize("seed", range(2))
def test_the_whole_is_that_of_the_samples_full_covariance(tau_s: float, noise_sd: float, seed: int) -> None:
    signal = _signal(EXPONENTIAL, (np.log(tau_s), 0.0), noise_sd, seed)
    posterior = _posterior(_one(signal, noise_sd))
    theta, area = _around(posterior)
    log_density = _dense(signal, noise_sd, theta) + log_prior(EXPONENTIAL, theta[None])[0]
    truth, found = _summed(theta, log_density, area), _told(posterior)
    assert found.log_evidence == pytest.approx(truth.log_evidence, abs=PRECISION_KNOTS)
    assert found.tau_s == pytest.approx(truth.tau_s, abs=(0.05 if tau_s > 0.5 else 0.2) * truth.tau_sd_s)
    assert found.tau_sd_s == pytest.approx(truth.tau_sd_s, rel=0.06)


def test_the_prior_is_a_density_up_to_the_family_s_share() -> None:
    ln_tau, onset = np.linspace(-8, 8, 400), np.linspace(-0.3, 0.3, 400)
    grid = np.array(np.meshgrid(ln_tau, onset)).reshape(2, -1)
    area = (ln_tau[1] - ln_tau[0]) * (onset[1] - onset[0])
    total = float(np.exp(log_prior(EXPONENTIAL, grid[None])).sum() * area)
    assert np.log(total) == pytest.approx(EXPONENTIAL.log_share, abs=1e-3)


@pytest.mark.parametrize("family", [FAMILIES[0], FAMILIES[3], FAMILIES[8]], ids=lambda family: family.name)
def test_many_are_fitted_as_one_by_one(family: Family) -> None:
    """Up to rounding: each stops by itself."""
    lenses = _lenses(_signal(EXPONENTIAL, (0.1, 0.0), 0.01, 5), 0.01)
    start = np.tile(family.mean, (3, 1)) + 0.2 * family.sd * np.random.default_rng(5).standard_normal((3, 1))
    together = fit(lenses, family, KNOT_S, start, 60)
    for member in range(3):
        alone = fit(lenses.only(np.array([member])), family, KNOT_S, start[member : member + 1], 60)
        assert together.objective[member] == pytest.approx(alone.objective[0], abs=1e-6)
        sd = np.sqrt(np.diag(np.linalg.inv(alone.precision[0])))
        assert (np.abs(together.theta[member] - alone.theta[0]) < 1e-3 * sd).all()


def test_families_are_explored_as_one_by_one() -> None:
    lenses = _one(_signal(EXPONENTIAL, (0.3, 0.0), 0.004, 9), 0.004)
    for family, modes in zip(FAMILIES, explore(lenses, FAMILIES, KNOT_S, MIN_STEP), strict=True):
        alone = explore(lenses, (family,), KNOT_S, MIN_STEP)[0]
        assert modes.theta.shape == alone.theta.shape == (1, len(family.mean))
        assert modes.objective[0] == pytest.approx(alone.objective[0], abs=1e-6)
        sd = np.sqrt(np.diag(np.linalg.inv(alone.precision[0])))
        assert (np.abs(modes.theta[0] - alone.theta[0]) < 1e-3 * sd).all()


def test_the_same_lens_thrice_gives_the_same_mode_thrice() -> None:
    lenses = _one(_signal(EXPONENTIAL, (0.1, 0.0), 0.01, 6), 0.01).only(np.zeros(3, dtype=np.intp))
    modes = fit(lenses, EXPONENTIAL, KNOT_S, np.tile(EXPONENTIAL.mean, (3, 1)), 30)
    assert np.ptp(modes.theta, axis=0).tolist() == [0.0, 0.0]
    assert np.ptp(modes.objective) == 0.0


@pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
def test_modes_are_stationary_points(family: Family) -> None:
    """The gradient by differences, per posterior standard deviation, is next to nothing."""
    truth = family.mean.copy()
    truth[-1] = np.log(0.4) if family.delayed else 0.01
    lenses = _one(_signal(family, tuple(truth), 0.004, 7), 0.004)
    modes = explore(lenses, (family,), KNOT_S, MIN_STEP)[0]
    modes = fit(lenses, family, KNOT_S, modes.theta, 100)
    sd = np.sqrt(np.diag(np.linalg.inv(modes.precision[0])))
    for row in range(len(sd)):
        away = np.zeros((1, len(sd)))
        away[0, row] = 0.02 * sd[row]
        above, below = (fit(lenses, family, KNOT_S, modes.theta + s * away, 0).objective[0] for s in (1, -1))
        assert abs(above - below) / 0.04 < 0.15, row
        assert min(above, below) > modes.objective[0] - 2e-3


def test_a_mode_s_precision_is_the_curvature_there() -> None:
    lenses = _one(_signal(EXPONENTIAL, (0.1, 0.0), 0.002, 8), 0.002)
    modes = fit(lenses, EXPONENTIAL, KNOT_S, explore(lenses, (EXPONENTIAL,), KNOT_S, MIN_STEP)[0].theta, 100)
    h = np.diag(0.3 / np.sqrt(np.diag(modes.precision[0])))

    def value(away: Array) -> float:
        return float(fit(lenses, EXPONENTIAL, KNOT_S, modes.theta + away, 0).objective[0])

    for i in range(2):
        for j in range(2):
            cross = value(h[i] + h[j]) - value(h[i] - h[j]) - value(h[j] - h[i]) + value(-h[i] - h[j])
            curvature = 0.5 * cross / (4 * h[i, i] * h[j, j])
            scale = np.sqrt(modes.precision[0, i, i] * modes.precision[0, j, j])
            assert curvature / scale == pytest.approx(modes.precision[0, i, j] / scale, abs=0.05)


def test_with_little_noise_laplace_s_rule_gives_the_evidence() -> None:
    lenses = _one(_signal(EXPONENTIAL, (0.1, 0.0), 0.002, 9), 0.002)
    modes = explore(lenses, (EXPONENTIAL,), KNOT_S, MIN_STEP)[0]
    sampled = sample(lenses, EXPONENTIAL, KNOT_S, modes, MIN_STEP)[0]
    assert laplace_evidence(lenses, EXPONENTIAL, KNOT_S, modes)[0] == pytest.approx(sampled.log_evidence, abs=0.15)


def test_lenses_that_are_picked_out_show_the_same() -> None:
    lenses = _lenses(_signal(EXPONENTIAL, (0.1, 0.0), 0.01, 10), 0.01)
    picked = lenses.only(np.array([2, 0, 2]))
    theta = EXPONENTIAL.mean[:, None] + 0.3 * np.random.default_rng(10).standard_normal((2, 20))
    whole = log_likelihood(lenses, EXPONENTIAL, KNOT_S, np.tile(theta, (3, 1, 1)), MIN_STEP)
    part = log_likelihood(picked, EXPONENTIAL, KNOT_S, np.tile(theta, (3, 1, 1)), MIN_STEP)
    assert part == pytest.approx(whole[[2, 0, 2]], rel=1e-12)
    assert len({float(value) for value in whole[:, 0]}) == 3


def test_lenses_of_different_length_stand_side_by_side() -> None:
    signal = _signal(EXPONENTIAL, (0.1, 0.0), 0.01, 11)
    full = _digest(signal, 0.01).lens(np.array([DRIFT_SD]), STEP)
    short = replace(full, signal=full.signal[:40], matrix=full.matrix[:40], log_evidence=full.log_evidence + 1.0)
    both = Lenses.of([full, short])
    theta = np.array([[[0.1], [0.0]]])
    for member, lens in enumerate((full, short)):
        alone = log_likelihood(Lenses.of([lens]), EXPONENTIAL, KNOT_S, theta, MIN_STEP)
        beside = log_likelihood(both.only(np.array([member])), EXPONENTIAL, KNOT_S, theta, MIN_STEP)
        assert beside == pytest.approx(alone, rel=1e-12)


def test_members_are_sampled_as_one_by_one() -> None:
    lenses = _lenses(_signal(EXPONENTIAL, (0.1, 0.0), 0.02, 12), 0.02)
    modes = fit(lenses, EXPONENTIAL, KNOT_S, np.tile(EXPONENTIAL.mean, (3, 1)), 60)
    together = sample(lenses, EXPONENTIAL, KNOT_S, modes, MIN_STEP)
    for member, posterior in enumerate(together):
        own = slice(member, member + 1)
        mode = Modes(modes.theta[own], modes.objective[own], modes.precision[own])
        alone = sample(lenses.only(np.array([member])), EXPONENTIAL, KNOT_S, mode, MIN_STEP)[0]
        assert posterior.theta == pytest.approx(alone.theta, rel=1e-9, abs=1e-9)
        assert posterior.weights == pytest.approx(alone.weights, rel=1e-7, abs=1e-9)
        assert posterior.log_evidence == pytest.approx(alone.log_evidence, abs=1e-9)


@pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
def test_weights_are_a_distribution_and_the_same_to_the_last_digit(family: Family) -> None:
    signal = _signal(EXPONENTIAL, (0.1, 0.0), 0.01, 13)
    first, second = _posterior(_one(signal, 0.01), family), _posterior(_one(signal.copy(), 0.01), family)
    assert first.weights.sum() == pytest.approx(1.0)
    assert (first.weights >= 0).all()
    assert 1 / np.square(first.weights).sum() > 20
    assert np.array_equal(first.theta, second.theta)
    assert np.array_equal(first.weights, second.weights)
    assert first.log_evidence == second.log_evidence


def test_the_family_that_made_the_data_is_believed_most_among_its_like() -> None:
    lenses = _one(_signal(DELAYED, (np.log(0.6), np.log(0.8)), 0.004, 14), 0.004)
    assert _posterior(lenses, DELAYED).log_evidence > _posterior(lenses).log_evidence + 5


def test_a_wider_prior_costs_evidence() -> None:
    lenses = _one(_signal(EXPONENTIAL, (0.2, 0.0), 0.005, 15), 0.005)
    wide = replace(EXPONENTIAL, prior_sd=(4.0,))
    assert _posterior(lenses).log_evidence - _posterior(lenses, wide).log_evidence == pytest.approx(np.log(4), abs=0.1)


def test_a_likelier_family_has_that_much_more_evidence() -> None:
    lenses = _one(_signal(EXPONENTIAL, (0.2, 0.0), 0.005, 16), 0.005)
    likelier = replace(EXPONENTIAL, log_share=EXPONENTIAL.log_share + 1.5)
    assert _posterior(lenses, likelier).log_evidence - _posterior(lenses).log_evidence == pytest.approx(1.5, abs=1e-6)


def _falling() -> Lenses:
    return _one(2 * LEVEL - _signal(EXPONENTIAL, (0.1, 0.0), 0.001, 17), 0.001)


@pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
def test_where_no_curve_fits_there_is_no_evidence_and_no_warning(family: Family) -> None:
    """A falling signal: every curve's step is negative, so that modes, samples and weights have nothing to stand on."""
    lenses = _falling()
    assert (log_likelihood(lenses, family, KNOT_S, family.mean[None, :, None], 0.0) == -np.inf).all()
    start = Modes(family.mean[None], np.array([np.inf]), np.diag(1 / family.sd**2)[None])
    found = [start, explore(lenses, (family,), KNOT_S, 1e6)[0], fit(lenses, family, KNOT_S, family.mean[None], 30)]
    for modes in found:
        posterior = sample(lenses, family, KNOT_S, modes, 1e6)[0]
        assert posterior.log_evidence == -np.inf
        assert posterior.weights == pytest.approx(np.full(len(posterior.weights), 1 / len(posterior.weights)))
        assert not np.isnan(laplace_evidence(lenses, family, KNOT_S, modes)).any()


def test_one_member_that_cannot_fit_does_not_disturb_the_others() -> None:
    good, bad = _one(_signal(EXPONENTIAL, (0.1, 0.0), 0.001, 17), 0.001), _falling()
    pair = Lenses(*(np.concatenate([getattr(one, name) for one in (bad, good)]) for name in vars(good)))
    start = np.tile(EXPONENTIAL.mean, (2, 1))
    modes = fit(pair, EXPONENTIAL, KNOT_S, start, 40)
    assert not np.isfinite(modes.objective[0])
    assert np.exp(modes.theta[1, 0]) == pytest.approx(np.exp(0.1), rel=0.02)
    refused, sound = sample(pair, EXPONENTIAL, KNOT_S, modes, MIN_STEP)
    assert refused.log_evidence == -np.inf
    assert sound.log_evidence == pytest.approx(_posterior(good).log_evidence, abs=0.1)


@pytest.mark.parametrize("away", [-600.0, -40.0, 40.0, 600.0])
@pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
def test_parameters_far_out_are_worth_nothing_and_raise_no_warning(family: Family, away: float) -> None:
    lenses = _one(_signal(EXPONENTIAL, (0.1, 0.0), 0.01, 19), 0.01)
    theta = np.tile(family.mean, (1, 1))
    theta[0, :-1] += away
    value = log_likelihood(lenses, family, KNOT_S, theta[:, :, None], MIN_STEP)
    assert not np.isnan(value).any()
    modes = fit(lenses, family, KNOT_S, theta, 10)
    posterior = sample(lenses, family, KNOT_S, modes, MIN_STEP)[0]
    assert np.isfinite(posterior.weights).all()


def test_no_input_is_changed() -> None:
    lenses = _lenses(_signal(EXPONENTIAL, (0.1, 0.0), 0.02, 20), 0.02)
    start = np.tile(EXPONENTIAL.mean, (3, 1))
    kept = {name: value.copy() for name, value in vars(lenses).items()}
    modes = fit(lenses, EXPONENTIAL, KNOT_S, start, 30)
    kept_modes = {name: value.copy() for name, value in vars(modes).items()}
    sample(lenses, EXPONENTIAL, KNOT_S, modes, MIN_STEP)
    assert np.array_equal(start, np.tile(EXPONENTIAL.mean, (3, 1)))
    assert all(np.array_equal(getattr(lenses, name), value) for name, value in kept.items())
    assert all(np.array_equal(getattr(modes, name), value) for name, value in kept_modes.items())
