"""Weighing one family of curves: how well it explains the data, and samples of its parameters.

Every function works on many members at once: the same family under several assumptions of the disturbances
(`Lens`es). Modes come from `vision.modes`; the posterior around them is found by importance sampling with a fixed
sequence of points, so that the same trace always gives the same digits.

Shapes: m members, k parameters, g points, q knots, r numbers of a lens.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import erf, lgamma, log, pi

import numpy as np
from numpy.typing import NDArray

from vision.digest import Lens
from vision.families import Family

Array = NDArray[np.float64]

SAMPLES: int = 256
ADAPTATIONS: int = 3
STUDENT_DOF: float = 6.0


@dataclass(frozen=True)
class Lenses:
    """Several lenses side by side: signals (m, r), matrices (m, r, q), rows of zeros where one is shorter."""

    signal: Array
    matrix: Array
    total: Array
    """Sum of squares (m,) that no curve at all would leave."""
    log_evidence: Array

    @classmethod
    def of(cls, lenses: list[Lens]) -> "Lenses":
        """Return them stacked."""
        most = max(len(lens.signal) for lens in lenses)
        signal = np.zeros((len(lenses), most))
        matrix = np.zeros((len(lenses), most, lenses[0].matrix.shape[1]))
        for member, lens in enumerate(lenses):
            signal[member, : len(lens.signal)] = lens.signal
            matrix[member, : len(lens.signal)] = lens.matrix
        total = [lens.least + float(lens.signal @ lens.signal) for lens in lenses]
        return cls(signal, matrix, np.array(total), np.array([lens.log_evidence for lens in lenses]))

    def only(self, members: NDArray[np.intp]) -> "Lenses":
        """Return those at the given places."""
        return Lenses(self.signal[members], self.matrix[members], self.total[members], self.log_evidence[members])


@dataclass(frozen=True)
class Modes:
    """Modes of one family for each member: parameters (m, k), -2 log posterior (m,) and precision (m, k, k)."""

    theta: Array
    objective: Array
    precision: Array

    def only(self, members: NDArray[np.intp]) -> "Modes":
        """Return those at the given places."""
        return Modes(self.theta[members], self.objective[members], self.precision[members])

    def of_family(self, members: NDArray[np.intp], family: Family) -> "Modes":
        """Return those at the given places, all of `family`, without the zeros behind its parameters."""
        count = len(family.mean)
        some = self.only(members)
        return Modes(some.theta[:, :count], some.objective, some.precision[:, :count, :count])


@dataclass(frozen=True)
class Posterior:
    """Samples (k, g) of one member's parameters with normalised weights (g,), and its log evidence."""

    family: Family
    theta: Array
    weights: Array
    log_evidence: float


@lru_cache(maxsize=16)
def normal_points(dimensions: int, count: int) -> Array:
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
    cdf = np.vectorize(lambda v: 0.5 * (1 + erf(v / 2**0.5)), otypes=[np.float64])
    for _ in range(8):
        x = x - np.clip((cdf(x) - p) * np.sqrt(2 * np.pi) * np.exp(0.5 * x * x), -0.5, 0.5)
    return x


def _seen(lenses: Lenses, family: Family, knot_s: Array, theta: Array) -> Array:
    """Return the curves of parameters (m, k, g) as the lenses show them, shape (m, r, g)."""
    members, count, points = theta.shape
    flat = theta.transpose(1, 0, 2).reshape(count, members * points)
    curves = family.curve(knot_s, flat).reshape(len(knot_s), members, points)
    return np.asarray(lenses.matrix @ curves.transpose(1, 0, 2))


def _match(lenses: Lenses, seen: Array) -> tuple[Array, Array, Array]:
    """Return best step, sum of squares left and power of each curve, given as seen (m, r, g); each (m, g)."""
    power = np.maximum(np.einsum("mrg,mrg->mg", seen, seen), 1e-12)
    along = np.einsum("mrg,mr->mg", seen, lenses.signal)
    return along / power, np.maximum(lenses.total[:, None] - along**2 / power, 0.0), power


def log_prior(family: Family, theta: Array) -> Array:
    """Return the log density of parameters (m, k, g) under the family's prior, shape (m, g)."""
    z = (theta - family.mean[:, None]) / family.sd[:, None]
    constant = family.log_share - np.log(family.sd).sum() - 0.5 * theta.shape[1] * np.log(2 * np.pi)
    return np.asarray(constant - 0.5 * (z * z).sum(1))


def log_likelihood(lenses: Lenses, family: Family, knot_s: Array, theta: Array, min_step: float) -> Array:
    """Return the log likelihood of (m, k, g) with level, step and disturbances integrated out, shape (m, g).

    A curve that explains the data only with a step below `min_step` is ruled out: refill raises the signal.
    """
    step, rss, power = _match(lenses, _seen(lenses, family, knot_s, theta))
    value = -0.5 * (rss + np.log(power)) + lenses.log_evidence[:, None]
    return np.where(step > min_step, value, -np.inf)


def laplace_evidence(lenses: Lenses, family: Family, knot_s: Array, modes: Modes) -> Array:
    """Return each member's log evidence by Laplace's rule, shape (m,)."""
    theta = modes.theta[:, :, None]
    top = log_likelihood(lenses, family, knot_s, theta, 0.0)[:, 0] + log_prior(family, theta)[:, 0]
    return np.asarray(top - 0.5 * np.linalg.slogdet(modes.precision)[1] + 0.5 * theta.shape[1] * np.log(2 * np.pi))


def sample(lenses: Lenses, family: Family, knot_s: Array, modes: Modes, min_step: float) -> list[Posterior]:
    """Return each member's weighted samples around its mode, with its evidence, by adaptive importance sampling."""
    members, count = modes.theta.shape
    centre, root = modes.theta, np.linalg.cholesky(np.linalg.inv(modes.precision))
    points = normal_points(count + 1, SAMPLES)
    # Student-t proposal: heavier tails than the posterior keep the weights bounded.
    z = points[:-1] * np.sqrt(STUDENT_DOF / _chi_square(points[-1], STUDENT_DOF))
    log_shape = -0.5 * (STUDENT_DOF + count) * np.log1p((z * z).sum(0) / STUDENT_DOF)
    theta, log_weight = np.empty((members, count, SAMPLES)), np.full((members, SAMPLES), -np.inf)
    moving = np.arange(members)
    for round_ in range(ADAPTATIONS):
        some = lenses.only(moving)
        tried = centre[moving][:, :, None] + root[moving] @ z
        target = log_likelihood(some, family, knot_s, tried, min_step) + log_prior(family, tried)
        volume = np.log(np.einsum("mkk->mk", root[moving])).sum(1)
        theta[moving], log_weight[moving] = tried, target - log_shape + volume[:, None]
        if round_ == ADAPTATIONS - 1:
            break
        weights = _normalised(log_weight[moving])
        poor = 1 / np.maximum((weights**2).sum(1), 1e-300) < 0.35 * SAMPLES
        poor &= np.isfinite(log_weight[moving]).any(axis=1)
        moving, weights = moving[poor], weights[poor]
        if not len(moving):
            break
        centre[moving] = np.einsum("mkg,mg->mk", theta[moving], weights)
        spread = (theta[moving] - centre[moving][:, :, None]) * np.sqrt(weights)[:, None, :]
        root[moving] = np.linalg.cholesky(1.2 * spread @ spread.transpose(0, 2, 1) + 1e-10 * np.eye(count))
    return [
        Posterior(family, theta[member], weights, _evidence(log_weight[member], count))
        for member, weights in enumerate(_normalised(log_weight))
    ]


def _normalised(log_weight: Array) -> Array:
    """Return weights (m, g) that sum to 1 from their logarithms; all equal where none is finite."""
    top = log_weight.max(axis=1, keepdims=True)
    weights = np.exp(log_weight - np.where(np.isfinite(top), top, 0.0))
    total = weights.sum(axis=1, keepdims=True)
    return np.where(total > 0, weights / np.where(total > 0, total, 1.0), 1 / log_weight.shape[1])


def _evidence(log_weight: Array, count: int) -> float:
    top = float(log_weight.max())
    if not np.isfinite(top):
        return -np.inf
    return top + float(np.log(np.exp(log_weight - top).mean())) + _log_student_constant(count)


def _chi_square(normal: Array, dof: float) -> Array:
    """Chi-square quantiles at the probabilities of standard normal points (Wilson-Hilferty)."""
    return np.asarray(dof * np.maximum(1 - 2 / (9 * dof) + normal * np.sqrt(2 / (9 * dof)), 0.05) ** 3)


def _log_student_constant(count: int) -> float:
    dof = STUDENT_DOF
    return lgamma(dof / 2) - lgamma((dof + count) / 2) + 0.5 * count * log(dof * pi)
