"""Checks that need the picture: clipping, glare, motion, an edge passing, skin beside the window, bands of light."""

import numpy as np
from numpy.typing import NDArray

from vision.grid import GridRecording
from vision.quality.light import whose
from vision.quality.limits import Limits
from vision.quality.series import jump
from vision.region import Region
from vision.signal import SMALLEST
from vision.trace import Trace
from vision.weights import robust_sd

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]


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
    """Return whether the field shifted after the end of the hold: for good, for a while, or out of all likeness."""
    time_s, width_px = recording.time_s, recording.cells.shape[2] * recording.cell_px
    clear = recording.sharpness > limits.likeness
    in_hold = (time_s > time_zero_s - 1.0) & (time_s < time_zero_s)
    after = time_s > time_zero_s
    hold, later = clear & in_hold, clear & after
    if hold.sum() > 0.8 * in_hold.sum() >= 4 and later.sum() < 0.7 * after.sum():
        return "moved"
    if later.sum() < 5:
        return None
    anchor = hold if hold.sum() >= 5 else later & (time_s < time_zero_s + 0.5)
    if anchor.sum() < 3:
        anchor = clear & (time_s < time_zero_s - 1.0)
    if anchor.sum() < 3:
        return None
    away_px = np.hypot(*(recording.shift_px[later] - np.median(recording.shift_px[anchor], axis=0)).T)
    if float(np.quantile(away_px, 0.9)) > limits.shift_share * width_px:
        return "moved"
    # There and back again, while the skin refilled.
    early_px = away_px[time_s[later] < time_zero_s + 0.6 * (time_s[-1] - time_zero_s)]
    size = max(3, round(0.3 / float(np.median(np.diff(time_s)))))
    if len(early_px) <= size:
        return None
    lasting_px = np.median(np.lib.stride_tricks.sliding_window_view(early_px, size), axis=1)
    return "moved" if float(lasting_px.max()) > 1.6 * limits.shift_share * width_px else None


def of_field(recording: GridRecording, everywhere: Trace, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether the light of the whole field jumped at one instant, everywhere alike: a lamp, or the camera.

    `everywhere` is the trace of the whole picture. Asked before movement is looked for, which a large jump of
    light looks like. Around the release nothing is asked: the probe's shadow goes with it.
    """
    if everywhere.light is None:
        return None
    time_s = recording.time_s
    ln = np.log(np.maximum(everywhere.light, SMALLEST))
    asked = (time_s > time_zero_s - 1.0) & (np.abs(time_s - time_zero_s) > limits.field_apart_s)
    width_s = 0.25
    for part in (asked & (time_s < time_zero_s), asked & (time_s > time_zero_s)):
        if part.sum() < 6:
            continue
        jumps = [jump(time_s[part], ln[part, channel], time_zero_s - 1.0, width_s) for channel in range(3)]
        size, at_s = max(jumps, key=lambda found: abs(found[0]))
        if abs(size) <= limits.field_jump:
            continue
        before = part & (time_s > at_s - width_s) & (time_s < at_s - 0.02)
        after = part & (time_s > at_s + 0.02) & (time_s < at_s + width_s)
        if before.sum() < 2 or after.sum() < 2:
            continue
        means = [recording.cells[half].mean(axis=0, dtype=np.float64) for half in (before, after)]
        change = np.log(np.maximum(means[1], SMALLEST)) - np.log(np.maximum(means[0], SMALLEST))
        middle = np.median(change, axis=(0, 1))
        alike = (np.abs(change - middle) < limits.field_alike * np.abs(middle).max()).all(axis=2)
        if np.abs(middle).max() > limits.field_jump and alike.mean() > limits.field_share:
            return whose(middle)
    return None


def of_coherence(
    signal: Float32, recording: GridRecording, region: Region, time_zero_s: float, limits: Limits
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


def of_surround(
    trace: Trace, recording: GridRecording, region: Region, time_zero_s: float, limits: Limits
) -> str | None:
    """Return whether skin that was not pressed changed colour or light at one instant, or its tint with the refill.

    A camera whose own white balance follows the scene closes its colours again, but tints what is beside the press.
    """
    if trace.surround is None:
        return None
    rise = float(np.median(trace.signal[-max(5, len(trace.signal) // 6) :]))
    hold = trace.signal[trace.between(time_zero_s - 1.0, time_zero_s)]
    step = max(rise - float(np.median(hold)), 1e-6)
    colour, at_s = jump(trace.time_s, trace.surround, time_zero_s - 1.0, 0.15)
    light = np.log(np.maximum(recording.cells[:, region.surround].mean(axis=1, dtype=np.float64), 1e-5))
    brightness, _ = jump(trace.time_s, light.mean(axis=1), time_zero_s - 1.0, 0.15)
    around = trace.between(at_s - 0.6, at_s - 0.05), trace.between(at_s + 0.05, at_s + 0.6)
    if abs(colour) > limits.colour_jump * step + 0.02:
        change = light[around[1]].mean(axis=0) - light[around[0]].mean(axis=0)
        return "camera_settings_moved" if change[0] * change[2] < 0 else "light_changed"
    if abs(brightness) > limits.light_jump + 0.04:
        return "light_changed"
    held = trace.between(time_zero_s - 1.0, time_zero_s)
    late = trace.time_s > time_zero_s + 0.6 * (trace.time_s[-1] - time_zero_s)
    if held.sum() < 4 or late.sum() < 4:
        return None
    change = light[late].mean(axis=0) - light[held].mean(axis=0)
    # Blood that reddens or pales skin beside the press moves green most; a white balance leaves it alone.
    tinted = abs(float(change[0] - change[1])) > limits.surround_course * step
    return "camera_settings_moved" if tinted and whose(change) == "camera_settings_moved" else None


def of_flicker(recording: GridRecording, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether bands of light run through the picture, or its brightness alternates from frame to frame."""
    used = recording.time_s > time_zero_s - 2.0
    rows = np.log(np.maximum(recording.cells[used].mean(axis=(2, 3), dtype=np.float64), 1e-5))
    fast = np.diff(rows, n=2, axis=0) / np.sqrt(6.0)
    return "flicker" if float(np.sqrt(np.mean(fast**2))) > limits.flicker else None
