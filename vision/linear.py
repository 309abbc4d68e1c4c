"""The linear half of the fit: level and step solved exactly for many curves at once, nuisance columns integrated out.

For noise of variance s2 / w and nuisance coefficients with Gaussian priors, the signal's covariance is
s2 W^-1 + N P N'. `Workspace` whitens with it once; each curve then costs a few dot products.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.nuisance import Nuisance

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Solution:
    """For each of g curves: blanched level, step, weighted residual sum of squares and log-determinant, each (g,)."""

    level: Array
    step: Array
    rss: Array
    half_log_det: Array


class Workspace:
    """Signal `y` (n,) with weights (n,), noise sd and nuisance columns; see the module."""

    def __init__(self, y: Array, weights: Array, noise_sd: float, nuisance: Nuisance) -> None:
        self.y = y
        self.noise_sd = noise_sd
        self.nuisance = nuisance
        self._root = np.sqrt(weights)
        scaled = self._root[:, None] * nuisance.columns
        augmented = np.vstack([scaled, np.diag(noise_sd / nuisance.sd)])
        q, r = np.linalg.qr(augmented)
        self._q = q
        self._top = q[: len(y)]
        self.log_det_nuisance = float(np.log(np.abs(np.diag(r))).sum() + np.log(nuisance.sd / noise_sd).sum())
        self._r = r
        self.degrees_used = float((self._top**2).sum())
        """How many samples' worth of freedom the nuisance columns take, 0 to p."""
        self._y = self.whiten(y[:, None])
        self._one = self.whiten(np.ones((len(y), 1)))

    def whiten(self, columns: Array) -> Array:
        """Return columns (n, g) with the nuisance projected out, weighted, shape (n + p, g)."""
        weighted = self._root[:, None] * columns
        out = -self._q @ (self._top.T @ weighted)
        out[: len(weighted)] += weighted
        return out

    def solve(self, curves: Array) -> Solution:
        """Return the best level and step for each curve (n, g)."""
        white = self.whiten(curves)
        one, y = self._one[:, 0], self._y[:, 0]
        a, b, c = float(one @ one), one @ white, np.einsum("ng,ng->g", white, white)
        ya, yc, yy = float(one @ y), y @ white, float(y @ y)
        determinant = np.maximum(a * c - b * b, 1e-12 * a * np.maximum(c, 1e-12))
        level = (c * ya - b * yc) / determinant
        step = (a * yc - b * ya) / determinant
        rss = np.maximum(yy - level * ya - step * yc, 0.0)
        return Solution(level, step, rss, 0.5 * np.log(determinant))

    def residual_and_jacobian(self, curve: Array, derivatives: Array) -> tuple[Array, Array]:
        """Return the whitened residual (n + p,) of one curve (n,) and its Jacobian (n + p, k), linear part eliminated.

        `derivatives` (n, k) are those of the curve by each parameter (Kaufman's form of variable projection).
        """
        white = self.whiten(np.hstack([curve[:, None], derivatives]))
        basis, _ = np.linalg.qr(np.hstack([self._one, white[:, :1]]))
        step = float(self.solve(curve[:, None]).step[0])
        residual = self._y[:, 0] - basis @ (basis.T @ self._y[:, 0])
        slopes = white[:, 1:] - basis @ (basis.T @ white[:, 1:])
        return residual, -step * slopes

    def explained(self, curve: Array, level: float, step: float) -> Array:
        """Return the nuisance part of the signal (n,), given one curve (n,) and its level and step."""
        rest = self._root * (self.y - level - step * curve)
        coefficients = np.linalg.solve(self._r, self._top.T @ rest)
        return self.nuisance.columns @ coefficients
