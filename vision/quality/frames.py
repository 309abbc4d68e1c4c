"""Whether the frames across the rise are whole."""

import numpy as np

from vision.grid import GridRecording
from vision.quality.limits import Limits
from vision.trace import Trace


def of_frames(trace: Trace, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether frames across the rise are missing, copies, or stamped late."""
    fresh = trace if trace.repeated is None else trace.only(~trace.repeated)
    if len(fresh.time_s) < 3:
        return "frames_repeated"
    early = trace.between(time_zero_s, time_zero_s + 2.0)
    if trace.repeated is not None and early.any() and trace.repeated[early].mean() > limits.repeated_share:
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
