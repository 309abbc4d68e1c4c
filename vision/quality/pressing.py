"""Whether the skin was pressed, held and released as it should be, as pressure and colour tell."""

import numpy as np

from vision.pressure import PressProfile
from vision.quality.limits import Limits
from vision.quality.series import moving_mean
from vision.trace import Trace
from vision.weights import robust_sd

DRIFT_SEEN_S: float = 2.0
"""About how long skin is seen before the press and in the hold."""


def of_pressure(profile: PressProfile | None, limits: Limits, target_kpa: float | None) -> str | None:
    """Return what was wrong with the press itself; None for a good one."""
    if profile is None:
        return "pressure_off_target"
    if profile.presses > 1:
        return "second_press"
    if not profile.released:
        return "no_release"
    if profile.mean_hold_kpa < limits.least_hold_kpa:
        return "pressure_off_target"
    if target_kpa is not None and abs(profile.mean_hold_kpa / target_kpa - 1) > limits.target_deviation:
        return "pressure_off_target"
    # A pressure that leaks away all through the hold seems to fall for long in the end: no slow release.
    if profile.halfway_share < 1 - limits.hold_deviation:
        return "pressure_not_held"
    if profile.tail_s is not None and profile.tail_s > limits.release_s:
        return "release_too_slow"
    if profile.residual_share > limits.residual_pressure:
        return "release_incomplete"
    if profile.tail_s is None:
        return "release_too_slow"
    if profile.worst_hold_deviation > limits.hold_deviation or profile.hold_s < limits.least_hold_s:
        return "pressure_not_held"
    if profile.release_s is None or profile.release_s > limits.release_s:
        return "release_too_slow"
    return None


def _steps(trace: Trace, profile: PressProfile | None, time_zero_s: float) -> tuple[float, float | None, float]:
    """Return the rise after release, the fall at the press (None where it was not seen), and the skin's unrest before.

    In the signal's unit; the unrest is the standard deviation before the press, heart beats and all.
    """
    hold = float(np.median(trace.signal[trace.blanched(time_zero_s)]))
    late = trace.signal[trace.time_s > time_zero_s + 0.6 * (trace.time_s[-1] - time_zero_s)]
    rise = float(np.median(late)) - hold
    before = trace.signal[trace.time_s < profile.press_from_s] if profile else np.zeros(0)
    if len(before) < 5:
        return rise, None, 0.0
    return rise, float(np.median(before)) - hold, float(np.std(before))


def of_blanching(trace: Trace, profile: PressProfile | None, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether the press blanched the skin at all: the step up after release and the step down before it."""
    late = trace.time_s > time_zero_s + 0.6 * (trace.time_s[-1] - time_zero_s)
    if trace.blanched(time_zero_s).sum() < 3 or late.sum() < 3:
        return "window_too_short"
    rise, fall, unrest = _steps(trace, profile, time_zero_s)
    if fall is not None and fall < max(0.25 * rise, limits.unrest * unrest):
        return "moved" if rise > 0.05 and fall < 0.25 * rise else "no_blanch"
    if rise < limits.least_step and (fall is None or fall < limits.least_step):
        return "no_blanch"
    return None


def is_unfinished(trace: Trace, profile: PressProfile | None, time_zero_s: float, limits: Limits) -> bool:
    """Return whether skin that blanched has hardly begun to refill by the end of the window: a finding, not a fault."""
    rise, fall, _ = _steps(trace, profile, time_zero_s)
    return fall is not None and fall > 2 * limits.least_step and rise < max(0.15 * fall, limits.least_step)


def of_clocks(trace: Trace, profile: PressProfile | None, limits: Limits) -> str | None:
    """Return whether the skin paled at another time than pressure rose: two clocks, or another press's pressure.

    Skin cannot pale before it is pressed; it may take its time after.
    """
    if profile is None:
        return None
    time_s = trace.time_s
    free_part = time_s < profile.press_from_s - 0.2
    held = trace.between(profile.held_from_s + 0.3 * profile.hold_s, profile.held_from_s + 0.7 * profile.hold_s)
    if free_part.sum() < 8:
        free_part = trace.between(profile.held_from_s, profile.held_from_s + 0.5)
    if free_part.sum() < 8 or held.sum() < 5:
        return None
    free, blanched = float(np.median(trace.signal[free_part])), float(np.median(trace.signal[held]))
    late = trace.signal[trace.time_s > profile.time_zero_s + 0.6 * (time_s[-1] - profile.time_zero_s)]
    seen = max(3 * robust_sd(trace.signal[free_part]), 0.4 * (float(np.median(late)) - blanched))
    if free - blanched < seen:
        return None
    smooth = moving_mean(time_s, trace.signal, 0.3)
    pale = np.flatnonzero(smooth < 0.5 * (free + blanched))
    if not len(pale):
        return None
    paled_s = float(time_s[pale[0] + (len(time_s) - len(smooth)) // 2])
    in_time = -limits.pales_before_s <= paled_s - profile.press_from_s
    return None if in_time and paled_s <= profile.held_from_s + limits.pales_after_s else "clocks_disagree"


def of_drift(trace: Trace, profile: PressProfile | None, limits: Limits) -> str | None:
    """Return whether the skin's colour drifted before the press and in the hold, over `drift_per_s` of the step.

    Measured against the step down at the press, which a drift does not inflate as it does the step up.
    """
    found = _slope(trace, profile)
    if found is None:
        return None
    slope, step, scatter = found
    # A heart beat cut in half makes a slope too: only one that stands out of what swings around it is a drift.
    stands_out = slope * DRIFT_SEEN_S > 0.75 * scatter
    return "baseline_drift" if stands_out and slope > limits.drift_per_s * step else None


def of_steep_drift(trace: Trace, profile: PressProfile | None, limits: Limits) -> str | None:
    """Return whether the colour drifts so fast that it hides the press: the step down at it is no longer one.

    Asked before the blanching is judged, which such a drift makes out to be missing.
    """
    found = _slope(trace, profile)
    if found is None or profile is None:
        return None
    slope, step, scatter = found
    over_press = slope * (profile.time_zero_s - profile.press_from_s)
    return "baseline_drift" if over_press > limits.hiding_drift * max(step, limits.least_step) + scatter else None


def _slope(trace: Trace, profile: PressProfile | None) -> tuple[float, float, float] | None:
    """Return the lesser slope per s of free skin and of the hold, the step down, and the scatter around the slopes.

    None where one of them is not seen, or where they do not go the same way.
    """
    if profile is None:
        return None
    before = trace.time_s < profile.press_from_s - 0.1
    if before.sum() < 8 or np.ptp(trace.time_s[before]) < 1.5:
        return None
    held = trace.between(profile.held_from_s + 0.5 * profile.hold_s, profile.time_zero_s)
    parts = [part for part in (before, held) if part.sum() > 8]
    lines = [np.polyfit(trace.time_s[part], trace.signal[part], 1) for part in parts]
    slopes = [float(line[0]) for line in lines]
    if len(slopes) < 2 or np.sign(slopes[0]) != np.sign(slopes[1]):
        return None
    left = [trace.signal[part] - np.polyval(line, trace.time_s[part]) for part, line in zip(parts, lines, strict=True)]
    step = abs(float(np.median(trace.signal[before]) - np.median(trace.signal[held])))
    return min(abs(slope) for slope in slopes), step, max(float(np.std(part)) for part in left)
