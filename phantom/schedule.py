"""When frames are taken, and which picture each shows: jitter, drops, repeats and an early end."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom.plan import Plan
from phantom.pressure import release_begins_s
from phantom.streams import stream

Floats = NDArray[np.float64]

JITTER_S = 0.0003
RISE_BEGINS = 0.1  # refill times after release


@dataclass(frozen=True)
class Schedule:
    """Frame times, s, and the index of the frame whose picture is shown (its own, but for repeated frames)."""

    times_s: Floats
    shows: NDArray[np.intp]


def end_s(plan: Plan) -> float:
    """When the recording ends, s."""
    released_s = release_begins_s(plan.spec) + 0.5 * plan.spec.release_s
    if plan.fault == "truncated":
        return released_s + min(plan.size * plan.spec.crt_s, plan.spec.window_s)
    return released_s + plan.spec.window_s


def schedule(plan: Plan) -> Schedule:
    """Frame times of the whole recording."""
    spec = plan.spec
    count = int(np.floor(end_s(plan) * spec.fps))
    jitter = stream(spec.seed, "frames").normal(0.0, min(JITTER_S, 0.05 / spec.fps), count)
    times = np.arange(count) / spec.fps + jitter
    times[0] = max(times[0], 0.0)
    rise_s = release_begins_s(spec) + 0.5 * spec.release_s + RISE_BEGINS * spec.crt_s
    if plan.fault == "dropped_frames":
        times = times[(times < rise_s) | (times >= rise_s + plan.size * spec.crt_s)]
    shows = np.arange(len(times))
    if plan.fault == "repeated_frames":
        rising = np.flatnonzero((times >= rise_s) & (times < rise_s + spec.crt_s))
        every = max(round(plan.size), 1)
        shows[rising] = rising[0] + (rising - rising[0]) // every * every if len(rising) else rising
    return Schedule(times, shows.astype(np.intp))
