"""What raters share: intraclass correlation, and the least change of one subject that is more than chance.

P. E. Shrout and J. L. Fleiss, Psychol Bull 1979;86:420; intervals as K. O. McGraw and S. P. Wong, Psychol Methods
1996;1:30. A correlation depends on how different the subjects are: it is shown beside the limits, never without them.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import f

from calibration.agreement.pairs import AgreementError, Array, Labels, Pairs


@dataclass(frozen=True)
class Correlation:
    """An intraclass correlation with its 95 % interval, and of which form it is."""

    value: float
    ci95: tuple[float, float]
    form: str


def icc_agreement(table: Array) -> Correlation:
    """Return ICC(2,1) of a full table (subjects, raters): two-way random, absolute agreement, single rater."""
    n, k = _shape(table)
    rows, columns, error = _mean_squares(table)
    value = (rows - error) / (rows + (k - 1) * error + k * (columns - error) / n)
    a = k * value / (n * (1 - value)) if value < 1 else np.inf
    b = 1 + k * value * (n - 1) / (n * (1 - value)) if value < 1 else np.inf
    if not np.isfinite(a) or error == 0:
        return Correlation(float(value), (float(value), float(value)), "ICC(2,1)")
    freedom = (a * columns + b * error) ** 2 / ((a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
    upper_f, lower_f = float(f.ppf(0.975, n - 1, freedom)), float(f.ppf(0.975, freedom, n - 1))
    spread = k * columns + (k * n - k - n) * error
    low = n * (rows - upper_f * error) / (upper_f * spread + n * rows)
    high = n * (lower_f * rows - error) / (spread + n * lower_f * rows)
    return Correlation(float(value), (float(low), float(high)), "ICC(2,1)")


def icc_consistency(table: Array) -> Correlation:
    """Return ICC(3,1) of a full table (subjects, raters): two-way mixed, consistency, single rater."""
    n, k = _shape(table)
    rows, _, error = _mean_squares(table)
    value = (rows - error) / (rows + (k - 1) * error)
    if error == 0:
        return Correlation(float(value), (float(value), float(value)), "ICC(3,1)")
    freedom = (n - 1) * (k - 1)
    low_f = rows / error / float(f.ppf(0.975, n - 1, freedom))
    high_f = rows / error * float(f.ppf(0.975, freedom, n - 1))
    return Correlation(
        float(value), (float((low_f - 1) / (low_f + k - 1)), float((high_f - 1) / (high_f + k - 1))), "ICC(3,1)"
    )


def device_and_stopwatch(pairs: Pairs) -> Array:
    """Return the table (subjects, 2) of each subject's mean device and mean stopwatch reading."""
    counts = np.bincount(pairs.subject)
    return np.column_stack([np.bincount(pairs.subject, each) / counts for each in (pairs.device_s, pairs.stopwatch_s)])


def by_rater(pairs: Pairs) -> Array:
    """Return the stopwatch's table (subjects, raters) of the subjects that every rater measured, means of repeats."""
    sums = np.zeros((pairs.subjects, len(pairs.raters)))
    counts = np.zeros_like(sums)
    np.add.at(sums, (pairs.subject, pairs.rater), pairs.stopwatch_s)
    np.add.at(counts, (pairs.subject, pairs.rater), 1)
    full = (counts > 0).all(axis=1)
    return np.asarray(sums[full] / counts[full])


def least_significant_change(values_s: Array, subject: Labels) -> float | None:
    """Return the least change of one subject that is more than chance at 95 %, as a share of its refill time.

    1.96 * sqrt(2) times the coefficient of variation within subjects, by the root mean square over those with repeats;
    None where no subject was measured twice.
    """
    shares = []
    for each in np.unique(subject):
        mine = values_s[subject == each]
        if len(mine) > 1:
            shares.append((float(mine.var(ddof=1)) / float(mine.mean()) ** 2, len(mine) - 1))
    if not shares:
        return None
    total = sum(weight for _, weight in shares)
    return float(1.96 * np.sqrt(2 * sum(share * weight for share, weight in shares) / total))


def _shape(table: Array) -> tuple[int, int]:
    n, k = table.shape
    if n < 3 or k < 2:
        raise AgreementError(f"{n} subjects and {k} raters are too few for a correlation")
    return n, k


def _mean_squares(table: Array) -> tuple[float, float, float]:
    """Return the mean squares of rows (subjects), columns (raters) and error."""
    n, k = table.shape
    grand = table.mean()
    rows = k * float(((table.mean(axis=1) - grand) ** 2).sum()) / (n - 1)
    columns = n * float(((table.mean(axis=0) - grand) ** 2).sum()) / (k - 1)
    left = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0, keepdims=True) + grand
    return rows, columns, float((left**2).sum()) / ((n - 1) * (k - 1))
