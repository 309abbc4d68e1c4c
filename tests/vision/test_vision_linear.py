"""The linear half of the fit against plain generalised least squares, and the columns that go into it."""

import numpy as np
import pytest

from vision.linear import Workspace
from vision.nuisance import PULSE_LINES, Amplitudes, Nuisance, Phases, build, pulse_frequency_hz

Array = np.ndarray


class Problem:
    """A small signal with noise, weights and nuisance columns, and the answers by dense matrices."""

    def __init__(self, seed: int, n: int = 40, columns: int = 6) -> None:
        chance = np.random.default_rng(seed)
        self.noise_sd = 0.03
        self.weights = chance.uniform(0.2, 1.0, n)
        self.nuisance = Nuisance(chance.standard_normal((n, columns)), chance.uniform(0.01, 2.0, columns))
        self.time_s = np.linspace(-1, 4, n)
        self.curve = np.where(self.time_s > 0, 1 - np.exp(-np.maximum(self.time_s, 0) / 0.8), 0.0)
        coefficients = self.nuisance.sd * chance.standard_normal(columns)
        noise = self.noise_sd * chance.standard_normal(n) / np.sqrt(self.weights)
        self.y = 0.7 + 0.3 * self.curve + self.nuisance.columns @ coefficients + noise
        self.work = Workspace(self.y, self.weights, self.noise_sd, self.nuisance)
        spread = self.nuisance.columns * self.nuisance.sd
        self.covariance = self.noise_sd**2 * np.diag(1 / self.weights) + spread @ spread.T

    def dense(self, curve: Array) -> tuple[float, float, float, float]:
        """Level, step, residual sum of squares in units of the noise, half the log-determinant of the normal matrix."""
        inverse = np.linalg.inv(self.covariance)
        design = np.column_stack([np.ones_like(curve), curve])
        normal = design.T @ inverse @ design
        level, step = np.linalg.solve(normal, design.T @ inverse @ self.y)
        rest = self.y - design @ np.array([level, step])
        half_log_det = 0.5 * np.linalg.slogdet(normal * self.noise_sd**2)[1]
        return float(level), float(step), float(rest @ inverse @ rest) * self.noise_sd**2, float(half_log_det)


@pytest.mark.parametrize("seed", range(6))
def test_level_step_and_residual_are_those_of_generalised_least_squares(seed: int) -> None:
    problem = Problem(seed)
    curves = np.column_stack([problem.curve, problem.curve**2, np.sin(problem.time_s)])
    solution = problem.work.solve(curves)
    for index in range(3):
        level, step, rss, half_log_det = problem.dense(curves[:, index])
        assert solution.level[index] == pytest.approx(level, rel=1e-7)
        assert solution.step[index] == pytest.approx(step, rel=1e-7)
        assert solution.rss[index] == pytest.approx(rss, rel=1e-7)
        assert solution.half_log_det[index] == pytest.approx(half_log_det, abs=1e-7)


@pytest.mark.parametrize("seed", range(6))
def test_the_determinant_of_the_nuisance_is_that_of_the_covariance(seed: int) -> None:
    problem = Problem(seed)
    whole = 0.5 * np.linalg.slogdet(problem.covariance)[1]
    noise_alone = len(problem.y) * np.log(problem.noise_sd) - 0.5 * np.log(problem.weights).sum()
    assert problem.work.log_det_nuisance == pytest.approx(whole - noise_alone, abs=1e-8)


@pytest.mark.parametrize("seed", range(6))
def test_what_the_nuisance_explains_is_its_conditional_mean(seed: int) -> None:
    problem = Problem(seed)
    level, step, *_ = problem.dense(problem.curve)
    rest = problem.y - level - step * problem.curve
    spread = problem.nuisance.columns * problem.nuisance.sd
    expected = spread @ spread.T @ np.linalg.solve(problem.covariance, rest)
    assert problem.work.explained(problem.curve, level, step) == pytest.approx(expected, abs=1e-9)


def test_samples_without_weight_do_not_count() -> None:
    problem = Problem(1)
    kept = np.arange(40) % 5 != 0
    spoilt = np.where(kept, problem.y, 99.0)
    weights = np.where(kept, problem.weights, 0.0)
    whole = Workspace(spoilt, weights, problem.noise_sd, problem.nuisance).solve(problem.curve[:, None])
    fewer = Nuisance(problem.nuisance.columns[kept], problem.nuisance.sd)
    part = Workspace(problem.y[kept], problem.weights[kept], problem.noise_sd, fewer).solve(problem.curve[kept, None])
    for name in ("level", "step", "rss"):
        assert getattr(whole, name) == pytest.approx(getattr(part, name), rel=1e-9), name


def test_the_gradient_is_that_of_the_residual_sum_of_squares() -> None:
    problem = Problem(2)

    def curve(tau_s: float) -> Array:
        return np.where(problem.time_s > 0, 1 - np.exp(-np.maximum(problem.time_s, 0) / tau_s), 0.0)

    def rss(tau_s: float) -> float:
        return float(problem.work.solve(curve(tau_s)[:, None]).rss[0])

    derivative = (curve(0.9 + 1e-6) - curve(0.9 - 1e-6)) / 2e-6
    residual, jacobian = problem.work.residual_and_jacobian(curve(0.9), derivative[:, None])
    assert float(residual @ residual) == pytest.approx(rss(0.9), rel=1e-8)
    assert 2 * float(jacobian[:, 0] @ residual) == pytest.approx((rss(0.9 + 1e-4) - rss(0.9 - 1e-4)) / 2e-4, rel=1e-4)


def test_a_curve_that_is_flat_gives_finite_numbers() -> None:
    solution = Problem(3).work.solve(np.ones((40, 1)))
    for name in ("level", "step", "rss", "half_log_det"):
        assert np.isfinite(getattr(solution, name)).all(), name


PULSE_COLUMNS = sum(len(offsets) for offsets, _ in PULSE_LINES)
TIME_S = np.arange(-6.0, 8.0, 1 / 30)
PHASES = Phases(baseline=TIME_S < -5.0, hold=(TIME_S > -4.5) & (TIME_S < 0))
REFILLED = np.where(TIME_S < 0, 0.0, 1 - np.exp(-np.maximum(TIME_S, 0)))


@pytest.mark.parametrize("pulse_hz", [None, 1.2])
@pytest.mark.parametrize("with_surround", [False, True])
def test_every_column_has_a_prior_of_its_own_and_is_finite(pulse_hz: float | None, with_surround: bool) -> None:
    surround = np.sin(TIME_S) if with_surround else None
    built = build(TIME_S, 0.25, Amplitudes(pulse=0.05), pulse_hz, REFILLED, PHASES, surround)
    assert built.columns.shape == (len(TIME_S), len(built.sd))
    assert np.isfinite(built.columns).all()
    assert (built.sd > 0).all()
    plain = build(TIME_S, 0.25, Amplitudes(), None, REFILLED, PHASES, None)
    assert len(built.sd) - len(plain.sd) == (2 if with_surround else 0) + (4 * PULSE_COLUMNS if pulse_hz else 0)


def test_priors_scale_with_the_step() -> None:
    small, large = (build(TIME_S, step, Amplitudes(pulse=0.05), 1.2, REFILLED, PHASES, None) for step in (0.1, 0.4))
    assert large.sd == pytest.approx(4 * small.sd)
    assert np.array_equal(large.columns, small.columns)


def test_only_the_baseline_can_lie_off_the_refilled_level() -> None:
    built = build(TIME_S, 0.25, Amplitudes(), None, REFILLED, PHASES, None)
    assert np.array_equal(built.columns[:, 0] == 1, PHASES.baseline)


@pytest.mark.parametrize("pulse_hz", [0.8, 1.2, 2.0, 3.0])
@pytest.mark.parametrize("regular", [True, False])
def test_a_pulse_is_found_at_its_rate_and_size(pulse_hz: float, regular: bool) -> None:
    chance = np.random.default_rng(7)
    time_s = np.arange(0, 10, 1 / 30) if regular else np.sort(chance.uniform(0, 10, 300))
    noise = 0.002 * chance.standard_normal(len(time_s))
    found = pulse_frequency_hz(time_s, 0.01 * np.sin(2 * np.pi * pulse_hz * time_s + 0.7) + noise, 0.002)
    assert found is not None
    assert found[0] == pytest.approx(pulse_hz, abs=0.03)
    assert found[1] == pytest.approx(0.01, rel=0.2)


def test_noise_has_no_pulse() -> None:
    time_s = np.arange(0, 10, 1 / 30)
    chance = np.random.default_rng(8)
    found = [pulse_frequency_hz(time_s, 0.002 * chance.standard_normal(300), 0.002) for _ in range(100)]
    assert sum(entry is not None for entry in found) <= 1


def test_a_rate_the_frames_cannot_show_is_not_looked_for() -> None:
    time_s = np.arange(0, 20, 0.5)
    assert pulse_frequency_hz(time_s, np.sin(2 * np.pi * 1.0 * time_s), 0.01) is None
