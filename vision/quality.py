"""Whether a press can be trusted: the checks, each ending in one reason of the contract's table.

A tidy curve is no proof. Each check looks at one thing that the fit cannot see: how the skin was pressed, whether
frames are whole, whether the light and the camera stood still, whether what changed was blood, everywhere at once.
Order matters: the first complaint is the one that a nurse can act on. Codes are those of the table of reasons.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.grid import GridRecording
from vision.pressure import PressProfile
from vision.refill import RefillEstimate
from vision.region import Region
from vision.trace import Trace
from vision.weights import robust_sd

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """What counts as too much. Shares are of the blanch step, of the hold pressure or of the field's width."""

    least_hold_kpa: float = 15.0
    hold_deviation: float = 0.12
    least_hold_s: float = 1.5
    release_s: float = 0.35
    residual_pressure: float = 0.12
    target_deviation: float = 0.15
    gap_s: float = 0.25
    repeated_share: float = 0.2
    clipped_share: float = 0.01
    darkest_linear: float = 0.003
    brightest_linear: float = 0.965
    shift_share: float = 0.015
    incoherent_share: float = 0.3
    light_jump: float = 0.06
    colour_jump: float = 0.12
    tint_jump: float = 0.07
    flicker: float = 0.03
    drift_per_s: float = 0.015
    least_step: float = 0.004
    least_window_s: float = 2.5
    misfit: float = 0.06
    overshoot: float = 0.6
    signal_jump: float = 0.15
    fall_back: float = 0.5
    early_rise: float = 0.2
    surround_course: float = 0.06
    half_width: float = 0.35
    half_width_s: float = 0.30


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
    if profile.residual_share > limits.residual_pressure:
        return "release_incomplete"
    if profile.tail_s is None or profile.tail_s > limits.release_s:
        return "release_too_slow"
    if profile.worst_hold_deviation > limits.hold_deviation or profile.hold_s < limits.least_hold_s:
        return "pressure_not_held"
    if profile.release_s is None or profile.release_s > limits.release_s:
        return "release_too_slow"
    return None


def of_frames(trace: Trace, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether frames across the rise are missing or copies."""
    time_s = trace.time_s
    rise = (time_s[:-1] > time_zero_s - 0.3) & (time_s[:-1] < time_zero_s + 4.0)
    gaps = np.diff(time_s)[rise]
    if len(gaps) and gaps.max() > max(limits.gap_s, 3 * trace.interval_s):
        return "frames_lost"
    early = trace.between(time_zero_s, time_zero_s + 2.0)
    if trace.repeated is not None and early.any() and trace.repeated[early].mean() > limits.repeated_share:
        return "frames_repeated"
    return None


def of_light_level(trace: Trace, limits: Limits) -> str | None:
    """Return whether the region was clipped or black, from its mean light."""
    if trace.light is None:
        return None
    if float(np.quantile(trace.light, 0.99, axis=0).max()) > limits.brightest_linear:
        return "saturated"
    if float(np.median(trace.light[:, :2], axis=0).min()) < limits.darkest_linear:
        return "too_dark"
    return None


def of_picture(recording: GridRecording, limits: Limits) -> str | None:
    """Return whether the picture itself was clipped or black, before any region is looked for."""
    clipped = recording.clipped.mean(axis=0) > limits.clipped_share
    if clipped.mean() > 0.35:
        return "saturated"
    if float(recording.dark.mean()) > 0.5:
        return "too_dark"
    return None


def of_glare(recording: GridRecording, region: Region, limits: Limits) -> str | None:
    """Return whether clipped patches lie in or beside the region."""
    rows, columns = np.nonzero(region.blanched)
    if len(rows) == 0:
        return None
    box = recording.clipped[:, rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    share = (box.mean(axis=0) > limits.clipped_share).mean()
    if share > 0.6:
        return "saturated"
    return "glare" if share > 0.02 else None


def of_motion(recording: GridRecording, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether the field shifted between the end of the hold and the end of the window."""
    width_px = recording.cells.shape[2] * recording.cell_px
    clear = recording.sharpness > 0.5
    hold = clear & (recording.time_s > time_zero_s - 1.0) & (recording.time_s < time_zero_s)
    later = clear & (recording.time_s > time_zero_s)
    if later.sum() < 5:
        return None
    anchor = hold if hold.sum() >= 5 else later & (recording.time_s < time_zero_s + 0.5)
    if anchor.sum() < 3:
        anchor = clear & (recording.time_s < time_zero_s - 1.0)
    if anchor.sum() < 3:
        return None
    away_px = np.hypot(*(recording.shift_px[later] - np.median(recording.shift_px[anchor], axis=0)).T)
    return "moved" if float(np.quantile(away_px, 0.9)) > limits.shift_share * width_px else None


def of_coherence(
    signal: Array, recording: GridRecording, region: Region, time_zero_s: float, limits: Limits
) -> str | None:
    """Return whether parts of the region went through different curves: an edge, a hair or a reflex passing.

    Skin that was pressed together refills together. Each cell's curve, smoothed over 0.25 s and scaled by its own step,
    is held against the region's.
    """
    time_s = recording.time_s
    window = (time_s > time_zero_s - 1.0) & (time_s <= time_s[-1])
    cells = signal[:, region.blanched]
    size = max(1, round(0.25 / float(np.median(np.diff(time_s)))))
    starts = np.arange(0, int(window.sum()), size)
    counts = np.diff(np.append(starts, window.sum()))[:, None]
    smooth = np.add.reduceat(cells[window], starts, axis=0) / counts
    middle = np.add.reduceat(time_s[window], starts) / counts[:, 0]
    if not (middle < time_zero_s).any() or len(middle) < 6:
        return None
    blanched = smooth[middle < time_zero_s].mean(axis=0)
    late = middle > time_zero_s + 0.6 * (time_s[-1] - time_zero_s)
    step = smooth[late].mean(axis=0) - blanched
    common = np.median((smooth - blanched) / np.maximum(step, 1e-6), axis=1)
    deviation = (smooth - blanched) - common[:, None] * step
    noise = robust_sd(np.diff(cells[window], axis=0).ravel()) / np.sqrt(2 * size)
    allowed = 0.22 * np.median(step) + 4 * noise
    odd = np.abs(deviation).max(axis=0) > allowed
    return "moved" if odd.mean() > limits.incoherent_share else None


def of_blanching(trace: Trace, profile: PressProfile | None, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether the press blanched the skin at all: the step up after release and the step down before it."""
    hold = trace.signal[trace.blanched(time_zero_s)]
    late_from_s = time_zero_s + 0.6 * (trace.time_s[-1] - time_zero_s)
    late = trace.signal[trace.time_s > late_from_s]
    if len(hold) < 3 or len(late) < 3:
        return "window_too_short"
    rise = float(np.median(late) - np.median(hold))
    if rise < limits.least_step:
        return "no_blanch"
    before = trace.signal[trace.time_s < profile.press_from_s] if profile else np.zeros(0)
    if len(before) >= 5:
        fall = float(np.median(before) - np.median(hold))
        if fall < 0.25 * rise:
            return "moved" if rise > 0.05 else "no_blanch"
    return None


def _jump(time_s: Array, series: Array, from_s: float, width_s: float = 0.25) -> tuple[float, float]:
    """Largest lasting jump of a series (n,) after `from_s`, and its time: means of `width_s` on both sides."""
    cumulated = np.concatenate([[0.0], np.cumsum(series)])
    best, best_s = 0.0, from_s
    for index in np.flatnonzero((time_s > from_s) & (time_s < time_s[-1] - width_s)):
        low, high = np.searchsorted(time_s, [time_s[index] - width_s, time_s[index] + width_s])
        if index - low < 2 or high - index < 2:
            continue
        change = (cumulated[high] - cumulated[index]) / (high - index) - (cumulated[index] - cumulated[low]) / (
            index - low
        )
        if abs(change) > abs(best):
            best, best_s = float(change), float(time_s[index])
    return best, best_s


def _sharp(time_s: Array, series: Array, at_s: float) -> float:
    """Size of a step of `series` (n,) within two frames of `at_s`, beyond the steps that it makes around it anyway."""
    steps = np.abs(series[3:] + series[2:-1] - series[1:-2] - series[:-3]) / 2
    near = np.abs(time_s[2:-1] - at_s)
    here, around = steps[near < 0.12], steps[(near >= 0.12) & (near < 0.8)]
    return float(here.max() - np.median(around)) if len(here) and len(around) else 0.0


def of_light(trace: Trace, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether light or camera settings moved: red that does not follow blood, or a jump of the surround.

    Blood moves the channels along one line; the rest of red and blue is light. A jump of it over `light_jump` (ln) is a
    lamp or an exposure where green jumps too, a white balance where it does not.
    """
    if trace.light is None:
        return None
    ln = np.log(np.maximum(trace.light, 1e-5))
    used = trace.time_s > time_zero_s - 2.0
    design = np.column_stack([np.ones(used.sum()), trace.signal[used], trace.signal[used] ** 2])
    red = ln[used, 0] - design @ np.linalg.lstsq(design, ln[used, 0], rcond=None)[0]
    blue = ln[used, 2] - design @ np.linalg.lstsq(design, ln[used, 2], rcond=None)[0]
    time_s = trace.time_s[used]
    # Red against blue is blind to the strength of the light and sees a tint of a hundredth.
    tint = ln[used, 0] - ln[used, 2]
    tint = tint - design @ np.linalg.lstsq(design, tint, rcond=None)[0]
    tint_jump, tint_at_s = _jump(time_s, tint, time_zero_s - 1.0)
    step = float(np.quantile(trace.signal[used], 0.95) - np.quantile(trace.signal[used], 0.05))
    # Blood changes its own tint as it takes up oxygen, but not from one frame to the next.
    allowed = limits.tint_jump * step + 2.5 * robust_sd(np.diff(tint))
    if abs(tint_jump) > allowed and _sharp(time_s, tint, tint_at_s) > 0.7 * allowed:
        green_jumped = _sharp(time_s, ln[used, 1], tint_at_s) > 0.4 * limits.light_jump
        return "light_changed" if green_jumped else "camera_settings_moved"
    fast = np.diff(red)
    alternating = float(np.sqrt(np.mean(np.square(fast - np.median(fast))))) / np.sqrt(2)
    jump, red_at_s = _jump(time_s, red, time_zero_s - 1.0)
    blue_jump, blue_at_s = _jump(time_s, blue, time_zero_s - 1.0)
    if abs(jump) > limits.light_jump or abs(blue_jump) > 1.5 * limits.light_jump:
        at_s = red_at_s if abs(jump) >= abs(blue_jump) else blue_at_s
        return (
            "light_changed" if _sharp(time_s, ln[used, 1], at_s) > 0.4 * limits.light_jump else "camera_settings_moved"
        )
    return "flicker" if alternating > limits.flicker else None


def of_surround(
    trace: Trace, recording: GridRecording, region: Region, time_zero_s: float, limits: Limits
) -> str | None:
    """Return whether skin that was not pressed changed colour or brightness at one instant."""
    if trace.surround is None:
        return None
    rise = float(np.median(trace.signal[-max(5, len(trace.signal) // 6) :]))
    hold = trace.signal[trace.between(time_zero_s - 1.0, time_zero_s)]
    step = max(rise - float(np.median(hold)), 1e-6)
    colour, at_s = _jump(trace.time_s, trace.surround, time_zero_s - 1.0, 0.15)
    light = np.log(np.maximum(recording.cells[:, region.surround].mean(axis=1, dtype=np.float64), 1e-5))
    brightness, _ = _jump(trace.time_s, light.mean(axis=1), time_zero_s - 1.0, 0.15)
    around = trace.between(at_s - 0.6, at_s - 0.05), trace.between(at_s + 0.05, at_s + 0.6)
    if abs(colour) > limits.colour_jump * step + 0.02:
        change = light[around[1]].mean(axis=0) - light[around[0]].mean(axis=0)
        return "camera_settings_moved" if change[0] * change[2] < 0 else "light_changed"
    return "light_changed" if abs(brightness) > limits.light_jump + 0.04 else None


def of_flicker(recording: GridRecording, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether bands of light run through the picture, or its brightness alternates from frame to frame."""
    used = recording.time_s > time_zero_s - 2.0
    rows = np.log(np.maximum(recording.cells[used].mean(axis=(2, 3), dtype=np.float64), 1e-5))
    fast = np.diff(rows, n=2, axis=0) / np.sqrt(6.0)
    return "flicker" if float(np.sqrt(np.mean(fast**2))) > limits.flicker else None


def of_drift(trace: Trace, profile: PressProfile | None, limits: Limits) -> str | None:
    """Return whether the skin's colour drifted before the press and in the hold, over `drift_per_s` of the step.

    Measured against the step down at the press, which a drift does not inflate as it does the step up.
    """
    if profile is None:
        return None
    before = trace.time_s < profile.press_from_s - 0.1
    if before.sum() < 8 or np.ptp(trace.time_s[before]) < 1.5:
        return None
    held = trace.between(profile.held_from_s + 0.5 * profile.hold_s, profile.time_zero_s)
    parts = [part for part in (before, held) if part.sum() > 8]
    slopes = [float(np.polyfit(trace.time_s[part], trace.signal[part], 1)[0]) for part in parts]
    if len(slopes) < 2 or np.sign(slopes[0]) != np.sign(slopes[1]):
        return None
    step = abs(float(np.median(trace.signal[before]) - np.median(trace.signal[held])))
    return "baseline_drift" if min(abs(slope) for slope in slopes) > limits.drift_per_s * step else None


def of_course(trace: Trace, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether the skin was pressed again in the window, or had begun to refill before the probe let go."""
    range_ = float(np.quantile(trace.signal, 0.97) - np.quantile(trace.signal, 0.03))
    after = trace.time_s > time_zero_s
    smooth = _moving_mean(trace.time_s[after], trace.signal[after], 0.5)
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


def _moving_mean(time_s: Array, series: Array, width_s: float) -> Array:
    """Means of a series (n,) over about `width_s`, at whole windows only; empty where it is shorter."""
    size = max(1, round(width_s / float(np.median(np.diff(time_s))))) if len(time_s) > 2 else 1
    if len(series) < size:
        return np.zeros(0)
    return np.convolve(series, np.ones(size) / size, "valid")


def trusted_surround(trace: Trace, time_zero_s: float, limits: Limits) -> Array | None:
    """Return the surround's signal, or None where it has a course of its own that could pass for refill.

    Skin beside the window that reddens or pales with the press is no witness of pulse and slow waves.
    """
    if trace.surround is None:
        return None
    used = trace.time_s > time_zero_s - 2.0
    smooth = _moving_mean(trace.time_s[used], trace.surround[used], 1.7)
    step = float(np.median(trace.signal[-max(5, len(trace.signal) // 6) :])) - float(
        np.median(trace.signal[trace.blanched(time_zero_s)])
    )
    return trace.surround if len(smooth) and float(np.ptp(smooth)) < limits.surround_course * abs(step) else None


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
