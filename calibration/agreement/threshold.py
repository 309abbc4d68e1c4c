"""What becomes of a study's yes and no: agreement on either side of its threshold beyond chance (kappa).

J. Cohen, Educ Psychol Meas 1960;20:37; standard error as J. L. Fleiss, J. Cohen and B. S. Everitt, Psychol Bull
1969;72:323.
"""

from dataclasses import dataclass

import numpy as np

from calibration.agreement.limits import Z
from calibration.agreement.pairs import Pairs


@dataclass(frozen=True)
class Agreement:
    """How often both say the same of a refill time being above the threshold.

    `kappa` is None where one of them never changes its answer: chance cannot be told from agreement then.
    """

    threshold_s: float
    both_above: int
    device_only: int
    stopwatch_only: int
    both_below: int
    kappa: float | None
    kappa_ci95: tuple[float, float] | None

    @property
    def agree(self) -> float:
        """Share of pairs on which both say the same."""
        every = self.both_above + self.device_only + self.stopwatch_only + self.both_below
        return (self.both_above + self.both_below) / every


def at_threshold(pairs: Pairs, threshold_s: float) -> Agreement:
    """Return the agreement on being above `threshold_s`, pair by pair."""
    device, stopwatch = pairs.device_s > threshold_s, pairs.stopwatch_s > threshold_s
    cells = np.array(
        [
            [np.sum(device & stopwatch), np.sum(device & ~stopwatch)],
            [np.sum(~device & stopwatch), np.sum(~device & ~stopwatch)],
        ],
        dtype=np.float64,
    )
    kappa, interval = cohens_kappa(cells)
    (both, only_device), (only_stopwatch, neither) = cells.astype(int).tolist()
    return Agreement(threshold_s, both, only_device, only_stopwatch, neither, kappa, interval)


def cohens_kappa(cells: np.ndarray) -> tuple[float | None, tuple[float, float] | None]:
    """Return kappa of a table of counts (c, c) with its 95 % interval; None where chance alone would agree always."""
    share = cells / cells.sum()
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    seen, chance = float(np.trace(share)), float(rows @ columns)
    if chance >= 1.0:
        return None, None
    kappa = (seen - chance) / (1 - chance)
    diagonal = np.diag(share)
    spread = float((diagonal * (1 - (rows + columns) * (1 - kappa)) ** 2).sum())
    crossed = (columns[:, None] + rows[None, :]) ** 2 * share
    spread += (1 - kappa) ** 2 * float(crossed.sum() - np.trace(crossed))
    spread -= (kappa - chance * (1 - kappa)) ** 2
    error = Z * float(np.sqrt(max(spread, 0.0) / cells.sum())) / (1 - chance)
    return float(kappa), (float(kappa - error), float(min(kappa + error, 1.0)))
