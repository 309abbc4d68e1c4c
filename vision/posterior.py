"""Weighing one family of curves: where its parameters lie, how well it explains the data, and samples of both.

The posterior of the curve's parameters is found by a coarse look at the prior, a Levenberg-Marquardt fit from the best
starts, and importance sampling around the mode with a fixed sequence of points, so that the same trace always gives
the same digits.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import erf, lgamma, log, pi

import numpy as np
from numpy.typing import NDArray

from vision.families import Family
from vision.linear import Workspace

Array = NDArray[np.float64]

COARSE_POINTS: int = 160
SAMPLES: int = 300
STUDENT_DOF: float = 6.0


@dataclass(frozen=True)
class Posterior:
    """Samples (k, g) of a family's parameters with normalised weights (g,), its mode (k,) and log evidence."""

    family: Family
    theta: Array
    weights: Array
    mode: Array
    log_evidence: float


@lru_cache(maxsize=16)
def _normal_points(dimensions: int, count: int) -> Array:
    """Standard normal points (dimensions, count), evenly spread and always the same (Kronecker sequence)."""
    root = 1.5
    for _ in range(60):
        root = (1 + root) ** (1 / (dimensions + 1))
    steps = root ** -np.arange(1, dimensions + 1)
    uniform = (0.5 + steps[:, None] * np.arange(1, count + 1)[None, :]) % 1.0
    return _normal_quantile(np.clip(uniform, 1e-6, 1 - 1e-6))


def _normal_quantile(p: Array) -> Array:
    """Quantiles of the standard normal for 1e-6 < p < 1 - 1e-6, by Newton's method on a logistic start."""
    x = np.log(p / (1 - p)) / 1.702
    for _ in range(8):
        x = x - np.clip((_normal_cdf(x) - p) * np.sqrt(2 * np.pi) * np.exp(0.5 * x * x), -0.5, 0.5)
    return x


def _normal_cdf(x: Array) -> Array:
    return np.vectorize(lambda v: 0.5 * (1 + erf(v / 2**0.5)), otypes=[np.float64])(x)


def log_prior(family: Family, theta: Array) -> Array:
    """Return the log density of parameters (k, g) under the family's prior, shape (g,)."""
    z = (theta - family.mean[:, None]) / family.sd[:, None]
    return np.asarray(-0.5 * (z * z).sum(0) - np.log(family.sd).sum() - 0.5 * len(z) * np.log(2 * np.pi))


def log_likelihood(work: Workspace, curves: Array, min_step: float) -> Array:
    """Return the log of the likelihood with level, step and nuisance integrated out, up to one constant, shape (g,).

    A curve that explains the data only with a step below `min_step` is ruled out: refill raises the signal.
    """
    solution = work.solve(curves)
    value = -0.5 * solution.rss / work.noise_sd**2 - solution.half_log_det
    return np.where(solution.step > min_step, value, -np.inf)


def _derivatives(family: Family, time_s: Array, theta: Array) -> Array:
    count = len(theta)
    h = 1e-4 * np.eye(count)
    both = family.curve(time_s, theta[:, None] + np.hstack([h, -h]))
    return (both[:, :count] - both[:, count:]) / 2e-4


def _objective(work: Workspace, family: Family, time_s: Array, theta: Array) -> float:
    solution = work.solve(family.curve(time_s, theta[:, None]))
    if solution.step[0] <= 0:
        return np.inf
    z = (theta - family.mean) / family.sd
    return float(solution.rss[0] / work.noise_sd**2 + z @ z)


def _fit(work: Workspace, family: Family, time_s: Array, start: Array, iterations: int) -> tuple[Array, float, Array]:
    """Return mode, objective (-2 log posterior) and the Gauss-Newton precision matrix, from one start."""
    theta, value, damping = start, _objective(work, family, time_s, start), 1e-2
    precision = np.diag(1 / family.sd**2)
    for _ in range(iterations):
        residual, jacobian = work.residual_and_jacobian(
            family.curve(time_s, theta[:, None])[:, 0], _derivatives(family, time_s, theta)
        )
        precision = jacobian.T @ jacobian / work.noise_sd**2 + np.diag(1 / family.sd**2)
        gradient = jacobian.T @ residual / work.noise_sd**2 + (theta - family.mean) / family.sd**2
        improved = False
        for _ in range(6):
            move = -np.linalg.solve(precision + damping * np.diag(np.diag(precision)), gradient)
            move *= min(1.0, 1.5 / max(float(np.abs(move).max()), 1e-12))
            trial = _objective(work, family, time_s, theta + move)
            if trial < value:
                improved, damping = True, damping / 5
                break
            damping *= 6
        if not improved:
            break
        gain, theta, value = value - trial, theta + move, trial
        if gain < 1e-3:
            break
    return theta, value, precision


def explore(work: Workspace, family: Family, time_s: Array, min_step: float) -> tuple[Array, float, Array]:
    """Return mode, -2 log posterior there and precision of the family's parameters, from a coarse look at its prior."""
    points = family.mean[:, None] + 1.3 * family.sd[:, None] * _normal_points(len(family.mean), COARSE_POINTS)
    value = log_likelihood(work, family.curve(time_s, points), min_step) + log_prior(family, points)
    starts = points[:, np.argsort(-value, kind="stable")[:2]].T
    fits = [_fit(work, family, time_s, start, 18) for start in starts]
    return min(fits, key=lambda fit: fit[1])


def refit(work: Workspace, family: Family, time_s: Array, start: Array) -> tuple[Array, float, Array]:
    """As `explore`, from a mode found before under slightly other weights or columns."""
    return _fit(work, family, time_s, start, 10)


def sample(work: Workspace, family: Family, time_s: Array, mode: Array, precision: Array, min_step: float) -> Posterior:
    """Return weighted samples around the mode and the family's evidence, by importance sampling."""
    count = len(mode)
    covariance = np.linalg.inv(precision)
    centre, root = mode, np.linalg.cholesky(covariance + 1e-12 * np.eye(count))
    points = _normal_points(count + 1, SAMPLES)
    theta, log_weight = mode[:, None], np.zeros(1)
    for _ in range(3):
        # Student-t proposal: heavier tails than the posterior keep the weights bounded.
        mix = np.sqrt(STUDENT_DOF / _chi_square(points[-1], STUDENT_DOF))
        z = points[:-1] * mix
        theta = centre[:, None] + root @ z
        log_proposal = (
            -0.5 * (STUDENT_DOF + count) * np.log1p((z * z).sum(0) / STUDENT_DOF) - np.log(np.diag(root)).sum()
        )
        target = log_likelihood(work, family.curve(time_s, theta), min_step) + log_prior(family, theta)
        log_weight = target - log_proposal
        if not np.isfinite(log_weight).any():
            break
        weights = np.exp(log_weight - log_weight.max())
        weights /= weights.sum()
        if 1 / (weights**2).sum() > 0.35 * SAMPLES:
            break
        centre = theta @ weights
        spread = (theta - centre[:, None]) * np.sqrt(weights)
        root = np.linalg.cholesky(spread @ spread.T * 1.2 + 1e-10 * np.eye(count))
    if not np.isfinite(log_weight).any():
        return Posterior(family, theta, np.full(theta.shape[1], 1 / theta.shape[1]), mode, -np.inf)
    top = float(log_weight.max())
    weights = np.exp(log_weight - top)
    evidence = top + np.log(weights.mean()) + _log_student_constant(count)
    return Posterior(family, theta, weights / weights.sum(), mode, float(evidence))


def _chi_square(normal: Array, dof: float) -> Array:
    """Chi-square quantiles at the probabilities of standard normal points (Wilson-Hilferty)."""
    return np.asarray(dof * np.maximum(1 - 2 / (9 * dof) + normal * np.sqrt(2 / (9 * dof)), 0.05) ** 3)


def _log_student_constant(count: int) -> float:
    dof = STUDENT_DOF
    return lgamma(dof / 2) - lgamma((dof + count) / 2) + 0.5 * count * log(dof * pi)
