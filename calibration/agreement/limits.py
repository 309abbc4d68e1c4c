"""Limits of agreement where subjects were measured more than once and their refill changes between pairs.

J. M. Bland and D. G. Altman, "Agreement between methods of measurement with multiple observations per individual",
J Biopharm Stat 2007;17:571, section 3 (the true value varies): one-way analysis of variance of the differences, the
total variance being that between subjects and that within one. The limits' confidence follows G. Y. Zou, Stat Methods
Med Res 2013;22:630 (MOVER): exact for one pair a subject, conservative where they are few and uneven.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2, norm, t

from calibration.agreement.pairs import Array, Pairs

Z: float = float(norm.ppf(0.975))


@dataclass(frozen=True)
class Limits:
    """Bias and 95 % limits of agreement of device less stopwatch, s, each with its 95 % confidence interval."""

    bias_s: float
    bias_ci95_s: tuple[float, float]
    low_s: float
    low_ci95_s: tuple[float, float]
    high_s: float
    high_ci95_s: tuple[float, float]
    within_sd_s: float
    """Spread of the differences of one subject."""
    between_sd_s: float
    """Spread of the subjects' own mean differences; 0 where it cannot be told from that within."""
    grows: float
    """Slope of the difference against the mean: 0 where the disagreement does not depend on how long refill takes."""
    grows_ci95: tuple[float, float]
    subjects: int
    pairs: int


def limits_of_agreement(pairs: Pairs) -> Limits:
    """Return bias, limits and their confidence."""
    difference, counts = pairs.difference_s, np.bincount(pairs.subject).astype(np.float64)
    means = np.bincount(pairs.subject, difference) / counts
    n, k = len(difference), len(counts)
    within = float(((difference - means[pairs.subject]) ** 2).sum() / (n - k)) if n > k else 0.0
    # Mean of the subjects' means: a subject that was measured often must not count for more than one that was not.
    bias = float(means.mean())
    harmonic = float(k / (1 / counts).sum())
    of_means = float(means.var(ddof=1))
    between = max(of_means - within / harmonic, 0.0)
    bias_half = float(t.ppf(0.975, k - 1)) * float(np.sqrt(of_means / k))
    # Total = variance of the means + what averaging took away of the variance within.
    rest = within * (1 - 1 / harmonic)
    total = of_means + rest
    upper = total + _hypot(_excess(of_means, k - 1, 0.025), _excess(rest, n - k, 0.025))
    lower = total - _hypot(_lack(of_means, k - 1, 0.025), _lack(rest, n - k, 0.025))
    half, widest, narrowest = (Z * float(np.sqrt(max(v, 0.0))) for v in (total, upper, lower))
    out, inward = float(np.hypot(bias_half, widest - half)), float(np.hypot(bias_half, half - narrowest))
    slope, slope_ci = _slope(pairs, means, counts)
    return Limits(
        bias_s=bias,
        bias_ci95_s=(bias - bias_half, bias + bias_half),
        low_s=bias - half,
        low_ci95_s=(bias - half - out, bias - half + inward),
        high_s=bias + half,
        high_ci95_s=(bias + half - inward, bias + half + out),
        within_sd_s=float(np.sqrt(within)),
        between_sd_s=float(np.sqrt(between)),
        grows=slope,
        grows_ci95=slope_ci,
        subjects=k,
        pairs=n,
    )


def _excess(variance: float, freedom: int, tail: float) -> float:
    """How far the upper confidence limit of a variance lies above it; 0 where there is none."""
    return 0.0 if variance == 0 or freedom < 1 else variance * (freedom / float(chi2.ppf(tail, freedom)) - 1)


def _lack(variance: float, freedom: int, tail: float) -> float:
    return 0.0 if variance == 0 or freedom < 1 else variance * (1 - freedom / float(chi2.ppf(1 - tail, freedom)))


def _hypot(a: float, b: float) -> float:
    return float(np.hypot(a, b))


def _slope(pairs: Pairs, means: Array, counts: Array) -> tuple[float, tuple[float, float]]:
    """Slope of the subjects' mean difference against their mean refill, with its confidence; by least squares."""
    x = np.bincount(pairs.subject, pairs.mean_s) / counts
    centred = x - x.mean()
    power = float((centred**2).sum())
    if power == 0 or len(x) < 3:
        return 0.0, (-np.inf, np.inf)
    slope = float((centred * means).sum() / power)
    left = means - means.mean() - slope * centred
    error = float(np.sqrt((left**2).sum() / (len(x) - 2) / power)) * float(t.ppf(0.975, len(x) - 2))
    return slope, (slope - error, slope + error)
