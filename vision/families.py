"""Families of refill curves: how the fraction recovered may rise from 0 (blanched) to 1 (refilled) after release.

No one of them is believed: the estimator weighs all of them by how well they explain the data (`vision.refill`). Each
family is a function of time since onset and of unconstrained parameters with a weakly informative Gaussian prior, so
that fits are smooth and models of different size can be compared. Times are in s, fractions without unit.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PROMPT_ONSET_SD_S: float = 0.03
"""A prompt refill starts within this of time zero (release takes time, the half-level is a convention)."""


@dataclass(frozen=True)
class Family:
    """One family: `shape(u, theta)` for u (n, 1) >= 0 s and theta (k, g) gives the recovered fraction (n, g).

    `theta` row 0 is always the natural logarithm of a time in s. The onset is a further last row, added by `curve`:
    in s around time zero for a prompt family, the logarithm of s for a delayed one. `log_share` is the logarithm of how
    likely the family is before any data, up to a constant.
    """

    name: str
    shape: Callable[[Array, Array], Array]
    prior_mean: tuple[float, ...]
    prior_sd: tuple[float, ...]
    delayed: bool
    log_share: float = 0.0
    onset_sd_s: float = PROMPT_ONSET_SD_S
    onset_mean_s: float = 0.0

    @property
    def mean(self) -> Array:
        """Prior means of all parameters, onset last, shape (k + 1,)."""
        return np.array([*self.prior_mean, np.log(0.5) if self.delayed else self.onset_mean_s])

    @property
    def sd(self) -> Array:
        """Prior standard deviations of all parameters, onset last, shape (k + 1,)."""
        return np.array([*self.prior_sd, 0.9 if self.delayed else self.onset_sd_s])

    def onset_s(self, theta: Array) -> Array:
        """Return the onset after time zero of each column of `theta` (k + 1, g), in s, shape (g,)."""
        return np.asarray(np.exp(theta[-1]) if self.delayed else theta[-1], dtype=np.float64)

    def curve(self, time_s: Array, theta: Array) -> Array:
        """Return the recovered fraction (n, g) at times since time zero (n,) for parameters (k + 1, g)."""
        since_onset_s = time_s[:, None] - self.onset_s(theta)[None, :]
        # Parameters far out in the prior's tail must not overflow; a clipped one is worthless anyway, not wrong.
        bounded = np.minimum(np.maximum(theta[:-1], -12.0), 12.0)
        begun = since_onset_s > 0
        recovered = self.shape(np.maximum(since_onset_s, 0.0, out=since_onset_s), bounded)
        return np.multiply(recovered, begun, out=recovered)


def _exponential(u: Array, theta: Array) -> Array:
    return 1 - np.exp(-u / np.exp(theta[0]))


def _two_exponentials(u: Array, theta: Array) -> Array:
    fast_s = np.exp(theta[0])
    slow_s = fast_s * (1.3 + np.exp(theta[1]))
    fast_share = 1 / (1 + np.exp(-theta[2]))
    return 1 - fast_share * np.exp(-u / fast_s) - (1 - fast_share) * np.exp(-u / slow_s)


def _overshoot(u: Array, theta: Array) -> Array:
    rise_s = np.exp(theta[0])
    settle_s = rise_s * (1.2 + np.exp(theta[1]))
    excess = np.exp(theta[2])
    return 1 - (1 + excess) * np.exp(-u / rise_s) + excess * np.exp(-u / settle_s)


def _hump(u: Array, theta: Array) -> Array:
    rise_s = np.exp(theta[0])
    peak_s = rise_s * np.exp(theta[1])
    # Any sharper it would be a heart beat, not the skin's own course.
    order = np.exp(np.minimum(theta[3], 1.6))
    with np.errstate(divide="ignore"):
        bump = np.exp(order * (np.log(u / peak_s) + 1 - u / peak_s))
    return 1 - np.exp(-u / rise_s) + np.exp(theta[2]) * bump


def _weibull(u: Array, theta: Array) -> Array:
    exponent = np.exp(theta[1])
    with np.errstate(over="ignore", divide="ignore"):
        power = np.exp(np.minimum(exponent * (np.log(u) - theta[0]), 50.0))
    return 1 - np.exp(-power)


def _heavy_tailed(u: Array, theta: Array) -> Array:
    exponent = np.exp(theta[1])
    with np.errstate(over="ignore", divide="ignore"):
        power = np.exp(np.minimum(exponent * (np.log(u) - theta[0]), 50.0))
    return 1 - np.exp(-np.exp(theta[2]) * np.log1p(power))


def _logistic(u: Array, theta: Array) -> Array:
    middle_s = np.exp(theta[0])
    width_s = middle_s * np.exp(theta[1])
    start = 1 / (1 + np.exp(np.minimum(middle_s / width_s, 700.0)))
    raised = 1 / (1 + np.exp(np.clip((middle_s - u) / width_s, -700.0, 700.0)))
    return (raised - start) / (1 - start)


def _cascade(u: Array, theta: Array) -> Array:
    second_s = np.exp(theta[0])
    # Kept apart from 1: the closed form divides by the difference of the two times.
    first_s = second_s * 0.98 / (1 + np.exp(-theta[1]))
    return 1 - (second_s * np.exp(-u / second_s) - first_s * np.exp(-u / first_s)) / (second_s - first_s)


def _finished(u: Array, theta: Array) -> Array:
    done_s = np.exp(theta[0])
    with np.errstate(divide="ignore"):
        begun = np.exp(np.exp(theta[1]) * np.log(np.minimum(u / done_s, 1.0)))
        return 1 - np.exp(np.exp(theta[2]) * np.log1p(-begun))


def _uneven(u: Array, theta: Array) -> Array:
    """Places that each refill exponentially, the last of them some time constants after the first, and evenly between.

    Blood comes over an area as a front does: the mean of it is slower to begin than any place, and ends as fast.
    """
    each_s = np.exp(theta[0])
    spread = np.exp(np.minimum(theta[1], 3.0))
    since = u / each_s
    late = np.maximum(since - spread, 0.0)
    return (np.minimum(since, spread) + np.exp(-since) - np.exp(-late)) / spread


def _both(
    name: str,
    shape: Callable[[Array, Array], Array],
    mean: tuple[float, ...],
    sd: tuple[float, ...],
    share: float,
) -> list[Family]:
    """The prompt family and its delayed sibling, which is a quarter as likely."""
    return [
        Family(name, shape, mean, sd, delayed=False, log_share=float(np.log(share))),
        Family(f"{name}, delayed", shape, mean, sd, delayed=True, log_share=float(np.log(0.25 * share))),
    ]


FAMILIES: tuple[Family, ...] = (
    *_both("exponential", _exponential, (0.2,), (1.0,), 12.0),
    *_both("two exponentials", _two_exponentials, (-0.2, 1.0, 0.5), (1.0, 0.7, 1.2), 1.5),
    *_both("overshoot", _overshoot, (0.0, 0.7, -2.1), (1.0, 0.7, 0.6), 0.5),
    *_both("hump", _hump, (0.0, 0.8, -2.1, 0.7), (1.0, 0.4, 0.6, 0.5), 0.15),
    *_both("Weibull", _weibull, (0.4, 0.2), (1.0, 0.45), 1.0),
    *_both("heavy-tailed", _heavy_tailed, (0.2, 0.4, 0.5), (1.0, 0.4, 0.6), 0.5),
    *_both("cascade", _cascade, (0.0, 0.0), (1.0, 1.5), 1.0),
    # Kumaraswamy's distribution (J Hydrol 1980;46:79): the others never quite settle, this one has done so at a time.
    Family("finished", _finished, (0.8, 0.2, 0.4), (1.0, 0.4, 0.5), delayed=False, log_share=float(np.log(0.5))),
    *_both("uneven", _uneven, (0.0, 0.7), (1.0, 0.6), 0.5),
    Family("logistic", _logistic, (0.4, -1.3), (1.0, 0.6), delayed=False),
)

EXPONENTIALS: tuple[Family, Family] = FAMILIES[0], FAMILIES[1]
"""The two whose time constant is published as tau."""
