"""All that a trace says about refill curves, brought down to a few dozen numbers once, so that thousands can be tried.

Any smooth curve is given well by its values at some hundred knots, dense at first, then spaced by a few per cent of the
time elapsed. Given noise, weights and the pulse's columns, the likelihood of every curve follows from one small Gram
matrix of signal, constant, slow disturbances and knots. `Lens` is what is left of it once the slow disturbances of an
assumed size are integrated out: a whitened signal of a few dozen numbers, and a matrix that takes a curve there. This
is exact but for the interpolation between knots, which the least noise that `vision.fit` assumes covers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.nuisance import Nuisance

Array = NDArray[np.float64]

FAR_S: float = 1000.0
"""A time at which every curve has settled: skin before the press counts as refilled long ago."""
FIRST_KNOT_S: float = -0.25
FINE_S: float = 0.025
FINE_TO_S: float = 1.0
GROWTH: float = 0.05
"""Knots are `FINE_S` apart up to `FINE_TO_S`, then apart by this share of the time elapsed."""
BEFORE_S: float = 0.5
AFTER_S: float = 0.7
"""Knots are fine this long before and after the time at which a delayed refill begins."""
RIDGE: float = 1e-4
"""Added to the Gram matrix of the knots, in units of the noise for a curve of full step: too little to matter."""


def knots_s(window_s: float, fine_to_s: float = FINE_TO_S, begins_s: float | None = None) -> Array:
    """Return the times at which curves are asked for, up to `window_s` and one far beyond, shape (q,).

    They are `FINE_S` apart up to `fine_to_s`, and around `begins_s`: where a refill may begin sharply, a knot must be
    near.
    """
    fine = np.arange(FIRST_KNOT_S, fine_to_s, FINE_S)
    growth = np.log(max(window_s, 1.1 * fine_to_s) / fine_to_s)
    steps = max(1, int(np.ceil(growth / GROWTH)))
    knots = np.concatenate([fine, fine_to_s * np.exp(np.linspace(0.0, growth, steps + 1))])
    if begins_s is not None:
        near = begins_s + FINE_S * np.arange(-round(BEFORE_S / FINE_S), round(AFTER_S / FINE_S) + 1)
        near = near[(near > fine_to_s) & (near < knots[-1])]
        away = (knots < begins_s - BEFORE_S - 0.5 * FINE_S) | (knots > begins_s + AFTER_S + 0.5 * FINE_S)
        knots = np.sort(np.concatenate([knots[away | (knots <= fine_to_s) | (knots == knots[-1])], near]))
    return np.concatenate([knots, [FAR_S]])


def hat_matrix(time_s: Array, knot_s: Array) -> Array:
    """Return the matrix (n, q) that takes values at the knots to values at `time_s` (n,), linear in between."""
    right = np.clip(np.searchsorted(knot_s, time_s), 1, len(knot_s) - 1)
    width = knot_s[right] - knot_s[right - 1]
    share = np.clip((time_s - knot_s[right - 1]) / width, 0.0, 1.0)
    hats = np.zeros((len(time_s), len(knot_s)))
    rows = np.arange(len(time_s))
    hats[rows, right - 1] = 1 - share
    hats[rows, right] = share
    return hats


@dataclass(frozen=True)
class Lens:
    """The data as curves meet them, for one assumption of how large the slow disturbances are.

    A curve with values c (q,) at the knots and step a leaves the sum of squares `least + |signal - a matrix c|^2`, in
    units of the noise. `signal` (r,), `matrix` (r, q). `log_evidence` is what does not depend on the curve.
    """

    signal: Array
    matrix: Array
    least: float
    log_evidence: float


class Digest:
    """The Gram matrix of one trace under given noise, weights, pulse columns and slow columns; see the module."""

    def __init__(
        self, y: Array, hats: Array, weights: Array, noise_sd: float, pulse: Nuisance | None, slow_columns: Array
    ) -> None:
        count = slow_columns.shape[1]
        self._slow = slice(2, 2 + count)
        root = np.sqrt(weights)[:, None]
        everything = root * np.hstack([y[:, None], np.ones((len(y), 1)), slow_columns, hats])
        gram = everything.T @ everything
        self._log_pulse = 0.0
        if pulse is not None:
            tall = np.vstack([root * pulse.columns, np.diag(noise_sd / pulse.sd)])
            q, r = np.linalg.qr(tall)
            taken = q[: len(y)].T @ everything
            gram -= taken.T @ taken
            self._log_pulse = -float(np.log(np.abs(np.diag(r)) * pulse.sd / noise_sd).sum())
        self._gram = gram / noise_sd**2

    def best_evidence(self, slow_sd: Array, curves: Array) -> Array:
        """Return the log likelihood (...) of the best of some curves (q, g) for slow columns of sizes (..., p)."""
        count = self._slow.stop
        known = np.zeros((len(self._gram), count + curves.shape[1]))
        known[:count, :count] = np.eye(count)
        known[count:, count:] = curves
        left, log_evidence = _without_slow(known.T @ self._gram @ known, self._slow, slow_sd)
        power = np.maximum(np.einsum("...gg->...g", left[..., 1:, 1:]), 1e-12)
        along = np.maximum(left[..., 0, 1:], 0.0)
        value = -0.5 * (left[..., 0, 0, None] - along**2 / power + np.log(power))
        return np.asarray(value.max(axis=-1) + log_evidence + self._log_pulse)

    def lens(self, slow_sd: Array, step: float, log_share: float = 0.0) -> Lens:
        """Return the lens for slow columns of prior standard deviations `slow_sd` (p,), in signal units.

        `step` is about the size of the refill, which tells what is too small to matter; `log_share` the logarithm of
        how likely such sizes are beforehand.
        """
        left, log_evidence = _without_slow(self._gram, self._slow, slow_sd)
        knots = left[1:, 1:]
        ridge = max(RIDGE / step**2, 1e-12 * float(np.trace(knots)))
        root = np.linalg.cholesky(knots + ridge * np.eye(len(knots)))
        signal = np.linalg.solve(root, left[1:, 0])
        least = max(float(left[0, 0] - signal @ signal), 0.0)
        evidence = float(log_evidence) + self._log_pulse + log_share
        return Lens(signal, np.ascontiguousarray(root.T), least, evidence)


def _without_slow(gram: Array, slow: slice, slow_sd: Array) -> tuple[Array, Array]:
    """Return what a Gram matrix (n, n) leaves of signal and curves once level and slow columns are integrated out.

    `gram` is of signal, level, slow columns at `slow`, curves. For each of some sizes `slow_sd` (..., p): the matrix
    (..., n - 1 - p, n - 1 - p) and what this costs in log evidence (...).
    """
    sized = slow_sd[..., :, None]
    scaled = sized * gram[slow, slow] * slow_sd[..., None, :] + np.eye(slow_sd.shape[-1])
    root = np.linalg.cholesky(scaled)
    rest = np.concatenate([[0, 1], np.arange(slow.stop, len(gram))])
    across = np.linalg.solve(root, sized * gram[slow][:, rest])
    left = gram[np.ix_(rest, rest)] - np.swapaxes(across, -1, -2) @ across
    level = left[..., 1, 1]
    left = left - left[..., :, 1, None] * left[..., None, 1, :] / level[..., None, None]
    kept = np.concatenate([[0], np.arange(2, len(rest))])
    log_evidence = -np.log(np.einsum("...pp->...p", root)).sum(axis=-1) - 0.5 * np.log(level)
    return left[..., kept[:, None], kept], np.asarray(log_evidence)
