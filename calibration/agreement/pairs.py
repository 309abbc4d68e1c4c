"""Paired readings of device and stopwatch, of several subjects and raters."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.intp]

LEAST_SUBJECTS: int = 10
"""With fewer the limits' own confidence is wider than anything that they could tell."""


class AgreementError(ValueError):
    """The pairs do not allow what was asked of them; the text is one sentence."""


@dataclass(frozen=True)
class Pair:
    """One reading of each kind, made of the same skin within minutes. `rater` is an operator code, never a name."""

    subject: str
    rater: str
    device_s: float
    stopwatch_s: float


@dataclass(frozen=True)
class Pairs:
    """Pairs side by side, shape (n,): s, s, and the number of subject and rater from 0."""

    device_s: Array
    stopwatch_s: Array
    subject: Labels
    rater: Labels
    raters: tuple[str, ...]

    @property
    def difference_s(self) -> Array:
        """Device less stopwatch."""
        return self.device_s - self.stopwatch_s

    @property
    def mean_s(self) -> Array:
        """Mean of both: what a difference is drawn against, since neither is the truth."""
        return 0.5 * (self.device_s + self.stopwatch_s)

    @property
    def subjects(self) -> int:
        """How many subjects there are."""
        return int(self.subject.max()) + 1


def paired(given: Iterable[Pair]) -> Pairs:
    """Return pairs side by side; raises `AgreementError` for a number that is none, or for too few subjects."""
    pairs = list(given)
    values = np.array([[pair.device_s, pair.stopwatch_s] for pair in pairs], dtype=np.float64).reshape(-1, 2)
    if not np.isfinite(values).all() or (values <= 0).any():
        raise AgreementError("a refill time is not a positive number of seconds")
    subjects = sorted({pair.subject for pair in pairs})
    raters = sorted({pair.rater for pair in pairs})
    if len(subjects) < LEAST_SUBJECTS:
        raise AgreementError(f"{len(subjects)} subjects are too few: agreement needs {LEAST_SUBJECTS} or more")
    return Pairs(
        values[:, 0],
        values[:, 1],
        np.array([subjects.index(pair.subject) for pair in pairs], dtype=np.intp),
        np.array([raters.index(pair.rater) for pair in pairs], dtype=np.intp),
        tuple(raters),
    )
