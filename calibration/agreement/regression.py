"""The line between device and stopwatch where both err (Deming), and the way from one's seconds to the other's.

W. E. Deming, Statistical adjustment of data, 1943; intervals by leaving out one subject after the other (jackknife), as
K. Linnet, Clin Chem 1990;36:1873, so that pairs of one subject stay together.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from calibration.agreement.pairs import AgreementError, Array, Pairs


@dataclass(frozen=True)
class Line:
    """stopwatch = intercept + slope * device, each with its 95 % interval. `ratio` is that of the error variances."""

    slope: float
    slope_ci95: tuple[float, float]
    intercept_s: float
    intercept_ci95_s: tuple[float, float]
    ratio: float
    covariance: Array
    """Of intercept and slope, shape (2, 2)."""
    scatter_s: float
    """Spread of the stopwatch around the line, s: what a single pair is off."""

    def stopwatch_s(self, device_s: float) -> tuple[float, float]:
        """Return what a stopwatch would say for the device's seconds, and the standard error of that line there, s."""
        at = np.array([1.0, device_s])
        return self.intercept_s + self.slope * device_s, float(np.sqrt(at @ self.covariance @ at))


def deming(pairs: Pairs, ratio: float = 1.0) -> Line:
    """Return the line; `ratio`: error variance of the stopwatch over that of the device, 1 where it is not known.

    Raises `AgreementError` where the refill times do not differ enough to lay a line through them.
    """
    if not 0 < ratio < np.inf:
        raise AgreementError("the ratio of the error variances is not a positive number")
    whole = _fitted(pairs.device_s, pairs.stopwatch_s, ratio)
    k = pairs.subjects
    left_out = np.array(
        [
            _fitted(pairs.device_s[kept], pairs.stopwatch_s[kept], ratio)
            for kept in (pairs.subject != subject for subject in range(k))
        ]
    )
    pseudo = k * whole - (k - 1) * left_out
    covariance = np.cov(pseudo, rowvar=False) / k
    half = float(t.ppf(0.975, k - 2)) * np.sqrt(np.diag(covariance))
    residual = pairs.stopwatch_s - whole[0] - whole[1] * pairs.device_s
    return Line(
        slope=float(whole[1]),
        slope_ci95=(float(whole[1] - half[1]), float(whole[1] + half[1])),
        intercept_s=float(whole[0]),
        intercept_ci95_s=(float(whole[0] - half[0]), float(whole[0] + half[0])),
        ratio=ratio,
        covariance=covariance,
        scatter_s=float(np.sqrt((residual**2).sum() / max(len(residual) - 2, 1))),
    )


def _fitted(x: Array, y: Array, ratio: float) -> Array:
    """Return intercept and slope, shape (2,)."""
    sxx, syy = float(np.var(x)), float(np.var(y))
    sxy = float(np.mean((x - x.mean()) * (y - y.mean())))
    if sxy <= 0:
        raise AgreementError("device and stopwatch do not rise together: no line can be laid through the pairs")
    slope = (syy - ratio * sxx + np.sqrt((syy - ratio * sxx) ** 2 + 4 * ratio * sxy**2)) / (2 * sxy)
    return np.array([y.mean() - slope * x.mean(), slope])
