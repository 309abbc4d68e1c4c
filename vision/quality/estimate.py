"""Whether the fit leaves doubt."""

import numpy as np
from numpy.typing import NDArray

from vision.quality.limits import Limits
from vision.quality.series import moving_mean
from vision.refill import RefillEstimate

Array = NDArray[np.float64]

SMOOTH_S: float = 0.7
"""Means over about a heart beat."""
NEARLY_REFILLED: float = 0.95
"""Of the step: what falls from above this has overshot, what falls from below it has been pressed out."""


def of_jump(estimate: RefillEstimate, limits: Limits) -> str | None:
    """Return whether the signal jumps from one moment to the next where no curve, pulse or wave can follow it."""
    after = estimate.fit_time_s > 0.1
    residual = estimate.residual[after]
    if len(residual) < 30:
        return None
    windows = np.median(np.lib.stride_tricks.sliding_window_view(residual, 5), axis=1)
    steps = np.abs(windows[5:] - windows[:-5])
    # Heart beats that the fit misses make steps too, but many: only one that stands alone is a movement.
    limit = max(limits.signal_jump * estimate.step, 12 * float(np.median(steps)))
    return "moved" if float(steps.max()) > limit else None


def of_dip(estimate: RefillEstimate, limits: Limits) -> str | None:
    """Return whether the signal fell behind the curve for a while: pressed again, or something came between.

    Held against the signal as it was: lines meant for heart beats would fit such a dip too.
    """
    after = estimate.fit_time_s > 0.2
    rest = moving_mean(estimate.fit_time_s[after], (estimate.signal - estimate.fit)[after], 0.9)
    if not len(rest):
        return None
    limit = limits.dip * estimate.step + 2 * estimate.noise_sd
    if float(-rest.min()) > limit:
        return "second_press"
    return "not_a_refill" if float(rest.max()) > limit else None


def of_loss(estimate: RefillEstimate, limits: Limits) -> str | None:
    """Return whether blood that had come back was lost again before the skin had refilled: pressed again.

    What comes down from above the refilled level is an overshoot; below it blood only comes.
    """
    lost = _lost(estimate)
    return "second_press" if lost > limits.lost_again * estimate.step else None


def _lost(estimate: RefillEstimate) -> float:
    """Return the deepest fall under `NEARLY_REFILLED`, less what noise, pulse and waves take from refilled skin."""
    after = estimate.fit_time_s > 0
    time_s, signal = estimate.fit_time_s[after], estimate.signal[after]
    smooth = moving_mean(time_s, signal, SMOOTH_S)
    late = smooth[round(0.6 * len(smooth)) :]
    if len(late) < 5:
        return 0.0
    below = np.minimum(smooth, estimate.blanched_level + NEARLY_REFILLED * estimate.step)
    return max(_deepest_fall(below) - _deepest_fall(late), 0.0)


def _deepest_fall(series: Array) -> float:
    return float((np.maximum.accumulate(series) - series).max())


def of_level(estimate: RefillEstimate, fall: float | None, limits: Limits) -> str | None:
    """Return whether the skin settled far paler than it was before the press, which fell by `fall` (signal's unit)."""
    return "not_settled" if fall is not None and estimate.step < limits.least_return * fall else None


def of_step(estimate: RefillEstimate, limits: Limits) -> str | None:
    """Return whether the step drowned in noise; looked at before anything is said of when it was over."""
    if estimate.step < limits.least_step or estimate.noise_sd > 0.35 * estimate.step:
        return "no_blanch"
    return None


def of_estimate(estimate: RefillEstimate, window_s: float, limits: Limits) -> str | None:
    """Return whether the fit leaves doubt: the window short, the curve misfitting, the interval too wide."""
    low, middle, high = estimate.crt_quantiles_s
    if window_s < limits.least_window_s:
        return "window_too_short"
    # The noise is judged from the same residual: a curve that misses by an eighth of the step is no curve of this skin.
    allowed = min(limits.misfit * estimate.step + 2 * estimate.noise_sd, 2 * limits.misfit * estimate.step)
    if estimate.misfit > allowed:
        return "not_a_refill"
    if estimate.overshoot > limits.overshoot:
        return "not_settled"
    if 0.5 * (high - low) > max(limits.half_width * middle, limits.half_width_s):
        return "too_uncertain"
    return None
