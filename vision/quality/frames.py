"""Whether the frames across the rise are whole."""

import numpy as np
from numpy.typing import NDArray

from vision.grid import GridRecording
from vision.quality.limits import Limits
from vision.trace import Trace
from vision.weights import robust_sd

COPY_OF_NOISE: float = 0.1
"""Two pictures of one moment differ by less than this share of what noise makes of two in a row, in every colour."""


def of_frames(trace: Trace, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether frames across the rise are missing, copies, or stamped late."""
    fresh = trace if trace.repeated is None else trace.only(~trace.repeated)
    if len(fresh.time_s) < 3:
        return "frames_repeated"
    early = trace.between(time_zero_s, time_zero_s + 2.0)
    copies = _copies(trace)
    if early.any() and copies[early].mean() > limits.repeated_share:
        return "frames_repeated"
    gap_s, shortest_s = _gaps_across_rise(fresh, time_zero_s)
    if gap_s > max(limits.gap_s, 3 * fresh.interval_s):
        return "frames_lost" if _gaps_across_rise(trace, time_zero_s)[0] > 0.6 * gap_s else "frames_repeated"
    # A gap made up for by frames that follow too closely: they were taken in between and stamped on arrival.
    late = gap_s > 2.5 * fresh.interval_s and shortest_s < limits.burst * fresh.interval_s
    return "frames_lost" if late else None


def of_frozen(recording: GridRecording, limits: Limits) -> str | None:
    """Return whether the picture stood still to the bit for longer than any camera with noise can: it was frozen."""
    run_from_s: float | None = None
    for time_s, repeated in zip(recording.time_s, recording.repeated, strict=True):
        if not repeated or run_from_s is None:
            run_from_s = float(time_s)
        elif time_s - run_from_s > limits.frozen_s:
            return "frames_repeated"
    return None


def _gaps_across_rise(trace: Trace, time_zero_s: float) -> tuple[float, float]:
    """Return the longest and the shortest interval between frames across the rise, in s."""
    time_s = trace.time_s
    rise = (time_s[:-1] > time_zero_s - 0.3) & (time_s[:-1] < time_zero_s + 4.0)
    gaps = np.diff(time_s)[rise]
    return (float(gaps.max()), float(gaps.min())) if len(gaps) else (0.0, np.inf)


def _copies(trace: Trace) -> NDArray[np.bool_]:
    """Return which frames (n,) say the same as the one before, to the bit or to far less than their noise.

    What a codec makes of a repeated picture is no copy to the bit. But no two exposures come out alike in all colours:
    by chance, not one in a thousand does.
    """
    same = np.zeros(len(trace.time_s), dtype=np.bool_) if trace.repeated is None else trace.repeated.copy()
    if trace.light is None:
        return same
    steps = np.diff(np.log(np.maximum(trace.light, 1e-5)), axis=0)
    noise = np.array([robust_sd(steps[~same[1:], channel]) for channel in range(3)])
    if (noise > 0).all():
        same[1:] |= (np.abs(steps) < COPY_OF_NOISE * noise).all(axis=1)
    return same
