"""Whether the course of the signal is that of one press: held until let go, and not pressed again."""

import numpy as np
from numpy.typing import NDArray

from vision.pressure import PressProfile
from vision.quality.limits import Limits
from vision.quality.series import moving_mean
from vision.trace import Trace
from vision.weights import robust_sd

Array = NDArray[np.float64]

BUMP_S: float = 0.4
"""Means over this long show a bump in pale skin and leave out noise."""

BEGUN_S: float = 0.25
"""A refill that begins sharply has done so by then."""
LEAP_AROUND_S: float = 1.6
STEEP: float = 0.6
"""Another step of this share of the largest is part of the same steep rise, or of another heart beat."""


def of_course(trace: Trace, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether the skin was pressed again in the window, or had begun to refill before the probe let go."""
    range_ = float(np.quantile(trace.signal, 0.97) - np.quantile(trace.signal, 0.03))
    after = trace.time_s > time_zero_s
    smooth = moving_mean(trace.time_s[after], trace.signal[after], 0.5)
    if len(smooth) > 5 and float((np.maximum.accumulate(smooth) - smooth).max()) > limits.fall_back * range_:
        return "second_press"
    early = trace.signal[trace.between(time_zero_s - 0.4, time_zero_s - 0.12)]
    before = trace.signal[trace.between(time_zero_s - 2.0, time_zero_s - 0.7)]
    if len(early) < 3 or len(before) < 5:
        return None
    noise = robust_sd(before) / np.sqrt(len(early))
    return (
        "pressure_not_held" if np.median(early) - np.median(before) > limits.early_rise * range_ + 3 * noise else None
    )


def of_leap(trace: Trace, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether the signal leapt between two frames: the skin moved, or frames are missing whose times are not.

    Blood comes back gradually once refill has begun. A leap has to stand out of every other step around it, heart
    beats and the steepest part of the refill among them.
    """
    excess = _leap(trace, time_zero_s)
    range_ = float(np.quantile(trace.signal, 0.97) - np.quantile(trace.signal, 0.03))
    return "moved" if excess > limits.leap * range_ else None


def _leap(trace: Trace, time_zero_s: float) -> float:
    """Return by how much the largest step after `BEGUN_S` exceeds all others within `LEAP_AROUND_S`, beyond noise."""
    used = trace.time_s > time_zero_s + BEGUN_S
    signal, time_s = trace.signal[used], trace.time_s[used]
    if len(signal) < 12:
        return 0.0
    steps = np.abs(signal[3:] + signal[2:-1] - signal[1:-2] - signal[:-3]) / 2
    # Across a gap that the times tell of, blood had the time to come: all of it in a long one, a part in a short one.
    span_s = time_s[3:] - time_s[:-3]
    steps = np.where(span_s < 4 * trace.interval_s, steps * np.minimum(3 * trace.interval_s / span_s, 1.0), 0.0)
    middle_s = 0.5 * (time_s[1:-2] + time_s[2:-1])
    largest = int(np.argmax(steps))
    away_s = np.abs(middle_s - middle_s[largest])
    around = steps[(away_s > 1.5 * trace.interval_s) & (away_s < LEAP_AROUND_S)]
    # A refill that begins sharply is steep for more than one frame.
    if not len(around) or around.max() > STEEP * steps[largest]:
        return 0.0
    noise = robust_sd(np.diff(signal, 3)) / np.sqrt(20.0)
    return float(steps[largest] - around.max()) - 4.5 * noise


def of_bump(trace: Trace, profile: PressProfile | None, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether blood came and went again before the release that was found: the skin was pressed twice.

    Asked where no pressure tells how often the probe came down. Pale skin hardly pulses; a bump in it is a refill cut
    short, and what follows the last release began half refilled.
    """
    if profile is not None:
        return None
    smooth = moving_mean(trace.time_s, trace.signal, BUMP_S)
    if len(smooth) < 5:
        return None
    at_s = trace.time_s[: len(smooth)] + 0.5 * BUMP_S
    range_ = float(np.quantile(trace.signal, 0.97) - np.quantile(trace.signal, 0.03))
    floor = float(np.quantile(smooth, 0.03))
    pale = np.flatnonzero(smooth < floor + 0.15 * range_)
    if not len(pale):
        return None
    course = smooth[(np.arange(len(smooth)) >= pale[0]) & (at_s < time_zero_s + 0.5 * BUMP_S)]
    if len(course) < 5:
        return None
    lowest_before = np.minimum.accumulate(course)
    lowest_after = np.minimum.accumulate(course[::-1])[::-1]
    bump = float((course - np.maximum(lowest_before, lowest_after)).max())
    noise = robust_sd(np.diff(trace.signal)) / np.sqrt(2 * max(1.0, BUMP_S / trace.interval_s))
    return "second_press" if bump > limits.bump * range_ + 5 * noise else None


def of_hold(trace: Trace, profile: PressProfile | None, limits: Limits) -> str | None:
    """Return whether blood came back while the probe held: the end of the hold against its palest second."""
    if profile is None:
        return None
    held = trace.between(profile.held_from_s + 0.3, profile.time_zero_s - 0.05)
    smooth = moving_mean(trace.time_s[held], trace.signal[held], 1.0)
    if len(smooth) < 3:
        return None
    range_ = float(np.quantile(trace.signal, 0.97) - np.quantile(trace.signal, 0.03))
    noise = robust_sd(np.diff(trace.signal[held])) / np.sqrt(max(1.0, 1.0 / trace.interval_s))
    came_back = float(smooth[-1] - smooth.min())
    return "pressure_not_held" if came_back > limits.return_in_hold * range_ + 4 * noise else None


def trusted_surround(trace: Trace, time_zero_s: float, limits: Limits) -> Array | None:
    """Return the surround's signal, or None where it has a course of its own that could pass for refill.

    Skin beside the window that reddens or pales with the press is no witness of pulse and slow waves.
    """
    if trace.surround is None:
        return None
    used = trace.time_s > time_zero_s - 2.0
    smooth = moving_mean(trace.time_s[used], trace.surround[used], 1.7)
    step = float(np.median(trace.signal[-max(5, len(trace.signal) // 6) :])) - float(
        np.median(trace.signal[trace.blanched(time_zero_s)])
    )
    return trace.surround if len(smooth) and float(np.ptp(smooth)) < limits.surround_course * abs(step) else None
