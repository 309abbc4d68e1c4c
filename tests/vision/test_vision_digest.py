"""The digest of a trace against generalised least squares with the full covariance, and the knots it stands on."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from vision.digest import FAR_S, FINE_S, FINE_TO_S, GROWTH, Digest, Lens, hat_matrix, knots_s
from vision.nuisance import Nuisance

Array = NDArray[np.float64]

PRECISION_EXACT = 1e-5
PRECISION_RIDGE = 0.03
"""Absolute, in log likelihood: without the knots' ridge, and with that of a step of the right size."""
HUGE_STEP = 1e4
"""A step for which the ridge vanishes."""
WINDOWS_S = (0.2, 0.5, 3.0, 8.0, 20.0, 60.0)


@dataclass(frozen=True)
class Solved:
    """What dense matrices say of one curve: step, sum of squares, and log likelihood without the noise's constant."""

    step: float
    squares: float
    log_likelihood: float


class Problem:
    """A small signal at irregular times with weights, slow columns and a pulse; everything in it is chance."""

    def __init__(self, seed: int, with_pulse: bool, count: int = 50, slow_count: int = 5) -> None:
        chance = np.random.default_rng(seed)
        self.noise_sd = 0.03
        self.time_s = np.sort(chance.uniform(-2.0, 5.0, count))
        self.weights = chance.uniform(0.1, 1.0, count)
        self.slow_columns = chance.standard_normal((count, slow_count))
        self.slow_sds = [chance.uniform(0.001, 0.5, slow_count) for _ in range(3)]
        self.pulse = Nuisance(chance.standard_normal((count, 4)), chance.uniform(0.01, 0.3, 4)) if with_pulse else None
        self.knot_s = knots_s(float(self.time_s[-1]))
        self.hats = hat_matrix(self.time_s, self.knot_s)
        self.curves = np.column_stack([_exponential(self.knot_s, tau_s) for tau_s in (0.3, 0.8, 2.0)])
        truth = 0.7 + 0.3 * self.hats @ self.curves[:, 1]
        slow = self.slow_columns @ (self.slow_sds[0] * chance.standard_normal(slow_count))
        self.y = truth + slow + self.noise_sd * chance.standard_normal(count) / np.sqrt(self.weights)
        if self.pulse is not None:
            self.y += self.pulse.columns @ (self.pulse.sd * chance.standard_normal(4))

    def digest(self) -> Digest:
        return Digest(self.y, self.hats, self.weights, self.noise_sd, self.pulse, self.slow_columns)

    def dense(self, curve: Array, slow_sd: Array) -> Solved:
        """Return the answers for one curve at the knots (q,), by the inverse of the samples' covariance."""
        noise = self.noise_sd**2 / self.weights
        covariance = np.diag(noise) + (self.slow_columns * slow_sd**2) @ self.slow_columns.T
        if self.pulse is not None:
            covariance += (self.pulse.columns * self.pulse.sd**2) @ self.pulse.columns.T
        inverse = np.linalg.inv(covariance)
        design = np.column_stack([np.ones(len(self.y)), self.hats @ curve])
        normal = design.T @ inverse @ design
        found = np.linalg.solve(normal, design.T @ inverse @ self.y)
        rest = self.y - design @ found
        squares = float(rest @ inverse @ rest)
        determinants = float(np.linalg.slogdet(covariance)[1]) + float(np.linalg.slogdet(normal)[1])
        determinants -= float(np.log(noise).sum())
        return Solved(float(found[1]), squares, -0.5 * (squares + determinants))


def _exponential(time_s: Array, tau_s: float) -> Array:
    return 1 - np.exp(-np.maximum(time_s, 0.0) / tau_s)


def _through(lens: Lens, curve: Array) -> Solved:
    seen = lens.matrix @ curve
    power = float(seen @ seen)
    step = float(seen @ lens.signal) / power
    rest = lens.signal - step * seen
    squares = lens.least + float(rest @ rest)
    return Solved(step, squares, -0.5 * (squares + float(np.log(power))) + lens.log_evidence)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("with_pulse", [False, True])
def test_a_lens_shows_what_the_full_covariance_shows(seed: int, with_pulse: bool) -> None:
    """Step, sum of squares and determinants; the last so that curves, pulses and slow sizes can be compared."""
    problem = Problem(seed, with_pulse)
    digest = problem.digest()
    for slow_sd in problem.slow_sds:
        exact, usual = digest.lens(slow_sd, HUGE_STEP), digest.lens(slow_sd, 0.3)
        for curve in problem.curves.T:
            truth = problem.dense(curve, slow_sd)
            found, ridged = _through(exact, curve), _through(usual, curve)
            assert found.step == pytest.approx(truth.step, rel=1e-6)
            assert found.squares == pytest.approx(truth.squares, abs=PRECISION_EXACT)
            assert found.log_likelihood == pytest.approx(truth.log_likelihood, abs=PRECISION_EXACT)
            assert ridged.step == pytest.approx(truth.step, rel=1e-3)
            assert ridged.log_likelihood == pytest.approx(truth.log_likelihood, abs=PRECISION_RIDGE)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("with_pulse", [False, True])
def test_the_best_evidence_is_that_of_the_best_curve(seed: int, with_pulse: bool) -> None:
    problem = Problem(seed, with_pulse)
    digest = problem.digest()
    for slow_sd in problem.slow_sds:
        truths = [problem.dense(curve, slow_sd) for curve in problem.curves.T]
        assert min(truth.step for truth in truths) > 0
        best = max(truth.log_likelihood for truth in truths)
        assert digest.best_evidence(slow_sd, problem.curves) == pytest.approx(best, abs=PRECISION_EXACT)


def test_a_curve_that_would_have_to_fall_explains_nothing() -> None:
    problem = Problem(1, with_pulse=False)
    rising, falling = (problem.digest().best_evidence(problem.slow_sds[0], s * problem.curves[:, 1:2]) for s in (1, -1))
    truth = problem.dense(problem.curves[:, 1], problem.slow_sds[0])
    lens = problem.digest().lens(problem.slow_sds[0], HUGE_STEP)
    # What the curve would have explained is left in the sum of squares.
    explained = truth.step**2 * float(np.sum((lens.matrix @ problem.curves[:, 1]) ** 2))
    assert rising == pytest.approx(truth.log_likelihood, abs=PRECISION_EXACT)
    assert rising - falling == pytest.approx(0.5 * explained, rel=1e-6)


def test_samples_without_weight_do_not_count() -> None:
    problem = Problem(2, with_pulse=True)
    assert problem.pulse is not None
    kept = np.arange(len(problem.y)) % 5 != 0
    spoilt = np.where(kept, problem.y, 99.0)
    weights = np.where(kept, problem.weights, 0.0)
    fewer = Nuisance(problem.pulse.columns[kept], problem.pulse.sd)
    sd, columns, noise_sd = problem.slow_sds[0], problem.slow_columns, problem.noise_sd
    whole = Digest(spoilt, problem.hats, weights, noise_sd, problem.pulse, columns).lens(sd, HUGE_STEP)
    few = Digest(problem.y[kept], problem.hats[kept], problem.weights[kept], noise_sd, fewer, columns[kept])
    part = few.lens(sd, HUGE_STEP)
    for curve in problem.curves.T:
        one, other = _through(whole, curve), _through(part, curve)
        assert one.step == pytest.approx(other.step, rel=1e-6)
        assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=PRECISION_EXACT)


def test_the_level_is_free() -> None:
    problem = Problem(3, with_pulse=True)
    before = _through(problem.digest().lens(problem.slow_sds[0], 0.3), problem.curves[:, 1])
    problem.y = problem.y + 5.0
    after = _through(problem.digest().lens(problem.slow_sds[0], 0.3), problem.curves[:, 1])
    assert after.step == pytest.approx(before.step, rel=1e-6)
    assert after.log_likelihood == pytest.approx(before.log_likelihood, abs=PRECISION_EXACT)


def test_what_was_likely_beforehand_is_added_to_the_evidence() -> None:
    problem = Problem(4, with_pulse=False)
    plain, likely = (problem.digest().lens(problem.slow_sds[0], 0.3, share) for share in (0.0, 0.7))
    assert likely.log_evidence - plain.log_evidence == pytest.approx(0.7)
    assert np.array_equal(likely.signal, plain.signal)
    assert np.array_equal(likely.matrix, plain.matrix)
    assert likely.least == plain.least


def test_a_curve_that_is_flat_gives_finite_numbers() -> None:
    problem = Problem(0, with_pulse=True)
    assert np.isfinite(problem.digest().best_evidence(problem.slow_sds[0], np.ones((len(problem.knot_s), 2))))


def test_no_input_is_changed() -> None:
    problem = Problem(5, with_pulse=True)
    assert problem.pulse is not None
    given = [problem.y, problem.hats, problem.weights, problem.pulse.columns, problem.pulse.sd, problem.slow_columns]
    given += [problem.slow_sds[0], problem.curves]
    kept = [array.copy() for array in given]
    digest = problem.digest()
    first = digest.lens(problem.slow_sds[0], 0.3)
    digest.best_evidence(problem.slow_sds[0], problem.curves)
    assert all(np.array_equal(one, other) for one, other in zip(given, kept, strict=True))
    # Nor does one lens change what the next one shows.
    digest.lens(problem.slow_sds[1], 0.3)
    assert np.array_equal(digest.lens(problem.slow_sds[0], 0.3).matrix, first.matrix)


@pytest.mark.parametrize("fine_to_s", [FINE_TO_S, 2.5])
@pytest.mark.parametrize("window_s", WINDOWS_S)
def test_knots_increase_and_cover_hold_refill_and_far_beyond(window_s: float, fine_to_s: float) -> None:
    knot_s = knots_s(window_s, fine_to_s)
    assert (np.diff(knot_s) > 0).all()
    assert knot_s[0] < 0
    assert np.abs(knot_s).min() < 1e-9
    assert knot_s[-1] == FAR_S
    assert knot_s[-2] == pytest.approx(max(window_s, 1.1 * fine_to_s))
    early = knot_s[knot_s < fine_to_s + 1e-6]
    assert np.diff(early).max() < FINE_S + 1e-9
    late = knot_s[(knot_s > fine_to_s - 1e-6) & (knot_s < FAR_S)]
    assert (late[1:] / late[:-1]).max() < np.exp(GROWTH) + 1e-9


def test_values_at_the_knots_are_given_back() -> None:
    knot_s = knots_s(7.0)
    assert hat_matrix(knot_s, knot_s) == pytest.approx(np.eye(len(knot_s)), abs=1e-12)


def test_hats_are_shares_of_the_neighbouring_knots() -> None:
    knot_s = knots_s(7.0)
    time_s = np.concatenate([np.random.default_rng(6).uniform(-5.0, 7.0, 500), [-100.0, FAR_S, 5 * FAR_S]])
    hats = hat_matrix(time_s, knot_s)
    assert hats.shape == (503, len(knot_s))
    assert hats.sum(axis=1) == pytest.approx(1.0)
    assert hats.min() >= 0
    assert (np.count_nonzero(hats, axis=1) <= 2).all()
    inside = np.clip(time_s, knot_s[0], knot_s[-1])
    assert hats @ knot_s == pytest.approx(inside, abs=1e-9)


@pytest.mark.parametrize("tau_s", [0.15, 0.3, 0.6, 1.0, 2.0, 5.0, 10.0])
def test_an_exponential_is_given_well_by_its_values_at_the_knots(tau_s: float) -> None:
    """Root mean square over the window; the largest error is as small only where the knots are dense against tau."""
    time_s, knot_s = np.arange(-2.0, 12.0, 1e-3), knots_s(12.0)
    error = hat_matrix(time_s, knot_s) @ _exponential(knot_s, tau_s) - _exponential(time_s, tau_s)
    assert float(np.sqrt(np.mean(error**2))) < 3e-4
    assert float(np.abs(error).max()) < (3e-4 if tau_s >= 0.6 else 4e-3)
