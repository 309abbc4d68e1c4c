"""Whether the skin was pressed, held and released as it should be, as pressure and colour tell."""

from dataclasses import dataclass

import numpy as np

from vision.pressure import PressProfile
from vision.quality.limits import Limits
from vision.quality.series import moving_mean
from vision.trace import Trace
from vision.weights import robust_sd

DRIFT_SEEN_S: float = 2.0
"""About how long skin is seen before the press and in the hold."""


BEGUN_SHARE: float = 0.2
BEGUN_S: float = 0.1
"""Skin has begun to pale once its mean over `BEGUN_S` fell by this share of the whole fall, and stays below."""


RETURN_APART_S: float = 0.07
"""This long before time zero no blood is back: half of a quick release, and a frame."""


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
    return _of_hold_and_release(profile, limits)


def _of_hold_and_release(profile: PressProfile, limits: Limits) -> str | None:
    # Less than half of the hold is no press of its own, but it empties capillaries all the same.
    if profile.again_share > limits.pressed_again:
        return "second_press"
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


def is_overfull(trace: Trace, profile: PressProfile | None, time_zero_s: float, limits: Limits) -> bool:
    """Return whether the window ends with more blood than before the press: no refill that is still to come.

    Skin that swells or flushes may go on reddening for long. To call its refill longer than the window would be a
    finding that it does not have.
    """
    _, fall, _ = _steps(trace, profile, time_zero_s)
    last = trace.signal[trace.time_s > trace.time_s[-1] - 1.0]
    if fall is None or fall < limits.least_step or len(last) < 4:
        return False
    hold = float(np.median(trace.signal[trace.blanched(time_zero_s)]))
    return float(np.median(last)) - hold > limits.overfull * fall


def of_clocks(trace: Trace, profile: PressProfile | None, limits: Limits) -> str | None:
    """Return whether the skin paled at another time than pressure rose: two clocks, or another press's pressure.

    Skin cannot pale before it is pressed, and begins to by the time that the pressure holds; it may take its time then.
    """
    if profile is None:
        return None
    levels = _free_and_pale(trace, profile)
    if levels is None:
        return None
    free, blanched, unrest = levels
    begun_s, half_s = _paling(trace, free, blanched, unrest)
    if half_s is None:
        return None
    if half_s < profile.press_from_s - limits.pales_before_s or half_s > profile.held_from_s + limits.pales_after_s:
        return "clocks_disagree"
    if begun_s is None:
        return None
    early = begun_s < profile.press_from_s - limits.pales_before_s
    # What has begun is seen only once it has gone some way: led back to its beginning before it is called late.
    late = begun_s - 0.5 * (half_s - begun_s) > profile.held_from_s + limits.begins_to_pale_s
    return "clocks_disagree" if early or late else None


def of_early_return(trace: Trace, profile: PressProfile | None, limits: Limits) -> str | None:
    """Return whether blood was back before the pressure fell: two clocks, or frames missing that the times deny.

    A pressure that is known to have held lets no blood in until it falls, which it begins to half of its release before
    time zero. Pale skin hardly pulses, so that little is needed to tell.
    """
    if profile is None:
        return None
    falls_s = profile.time_zero_s - max(RETURN_APART_S, 0.7 * (profile.release_s or 0.0))
    last = trace.signal[trace.between(falls_s - 0.12, falls_s)]
    held = trace.between(max(profile.held_from_s + 0.5, falls_s - 2.0), falls_s - 0.5)
    levels = _free_and_pale(trace, profile)
    if levels is None or len(last) < 2 or held.sum() < 8:
        return None
    line = np.polyfit(trace.time_s[held] - falls_s, trace.signal[held], 1)
    rose = float(np.median(last)) - float(line[1])
    noise = float(np.std(trace.signal[held] - np.polyval(line, trace.time_s[held] - falls_s)))
    fall = levels[0] - levels[1]
    return "clocks_disagree" if rose > limits.back_early * fall + 3 * noise / np.sqrt(min(len(last), 4)) else None


def _free_and_pale(trace: Trace, profile: PressProfile) -> tuple[float, float, float] | None:
    """Return the signal of free skin, of the hold, and the unrest of the former; None where no paling is to be seen."""
    time_s = trace.time_s
    free_part = time_s < profile.press_from_s - 0.2
    held = trace.between(profile.held_from_s + 0.3 * profile.hold_s, profile.held_from_s + 0.7 * profile.hold_s)
    if free_part.sum() < 8:
        free_part = trace.between(profile.held_from_s, profile.held_from_s + 0.5)
    if free_part.sum() < 8 or held.sum() < 5:
        return None
    free, blanched = float(np.median(trace.signal[free_part])), float(np.median(trace.signal[held]))
    late = trace.signal[trace.time_s > profile.time_zero_s + 0.6 * (time_s[-1] - profile.time_zero_s)]
    unrest = robust_sd(trace.signal[free_part])
    seen = max(3 * unrest, 0.4 * (float(np.median(late)) - blanched))
    return None if free - blanched < seen else (free, blanched, unrest)


def _paling(trace: Trace, free: float, blanched: float, unrest: float) -> tuple[float | None, float | None]:
    """Return when the skin had begun to pale beyond its unrest, and when it was half pale, in s on the trace's clock.

    The beginning is None where unrest would hide it: heart beats take the skin down by as much.
    """
    time_s, fall = trace.time_s, free - blanched
    smooth = moving_mean(time_s, trace.signal, 0.3)
    pale = np.flatnonzero(smooth < free - 0.5 * fall)
    if not len(pale):
        return None, None
    half_s = float(time_s[pale[0] + (len(time_s) - len(smooth)) // 2])
    begins = max(BEGUN_SHARE * fall, 3 * unrest)
    quick = moving_mean(time_s, trace.signal, BEGUN_S)
    middle_s = time_s[(len(time_s) - len(quick)) // 2 :][: len(quick)]
    high = np.flatnonzero((quick > free - begins) & (middle_s < half_s))
    if begins > 0.35 * fall or not len(high) or high[-1] + 1 >= len(middle_s):
        return None, half_s
    return float(middle_s[high[-1] + 1]), half_s


def of_drift(trace: Trace, profile: PressProfile | None, limits: Limits) -> str | None:
    """Return whether the skin's colour drifted before the press and in the hold, over `drift_per_s` of the step.

    Measured against the step down at the press, which a drift does not inflate as it does the step up. Free skin that
    moves over `wave_per_s` is refused whatever the hold does: so large a slow wave goes on while the skin refills.
    """
    found = _slope(trace, profile)
    if found is None:
        return None
    # A heart beat cut in half makes a slope too: only one that stands out of what swings around it is a drift.
    stands_out = DRIFT_SEEN_S / (0.75 * max(found.scatter, 1e-12))
    drifts = found.common * stands_out > 1 and found.common > limits.drift_per_s * found.step
    waves = found.free * stands_out > 1 and found.free > limits.wave_per_s * found.step
    return "baseline_drift" if drifts or waves else None


def of_steep_drift(trace: Trace, profile: PressProfile | None, limits: Limits) -> str | None:
    """Return whether the colour drifts so fast that it hides the press: the step down at it is no longer one.

    Asked before the blanching is judged, which such a drift makes out to be missing.
    """
    found = _slope(trace, profile)
    if found is None or profile is None:
        return None
    over_press = found.common * (profile.time_zero_s - profile.press_from_s)
    allowed = limits.hiding_drift * max(found.step, limits.least_step) + found.scatter
    return "baseline_drift" if over_press > allowed else None


@dataclass(frozen=True)
class _Slopes:
    """Slope of free skin, and the lesser of that and the hold's (0 where they go opposite ways), in 1/s; never below 0.

    `step` is the step down at the press, `scatter` what swings around the slopes; in the signal's unit.
    """

    free: float
    common: float
    step: float
    scatter: float


def _slope(trace: Trace, profile: PressProfile | None) -> _Slopes | None:
    """Return how free skin and the hold drift; None where one of them is not seen."""
    if profile is None:
        return None
    before = trace.time_s < profile.press_from_s - 0.1
    if before.sum() < 8 or np.ptp(trace.time_s[before]) < 1.5:
        return None
    held = trace.between(profile.held_from_s + 0.5 * profile.hold_s, profile.time_zero_s)
    if held.sum() <= 8:
        return None
    parts = (before, held)
    lines = [np.polyfit(trace.time_s[part], trace.signal[part], 1) for part in parts]
    free, hold = (float(line[0]) for line in lines)
    left = [trace.signal[part] - np.polyval(line, trace.time_s[part]) for part, line in zip(parts, lines, strict=True)]
    step = abs(float(np.median(trace.signal[before]) - np.median(trace.signal[held])))
    common = min(abs(free), abs(hold)) if np.sign(free) == np.sign(hold) else 0.0
    return _Slopes(abs(free), common, step, max(float(np.std(part)) for part in left))
