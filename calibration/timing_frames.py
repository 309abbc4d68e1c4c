"""Frames over a minute: their interval and jitter, those that never came and those that came twice.

Nothing but the stamps and whether a picture is the one before again is looked at. Whether the stamps' clock runs at the
right rate they cannot tell: that is seen by `calibration.end_to_end`, against the screen's clock.
"""

import math
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from calibration.camera_frames import Floats, TargetError, curve, outcome
from calibration.step import COVERAGE_FACTOR, Bench
from contract.certificate import Curve, Figure, StepName, StepOutcome
from vision.frames import Layout, Pixels

FILM_S: Final = 60.0
INTERVAL_WITHIN_PCT: Final = 1.0
"""Half of the 2 % that the camera's lock allows the frame duration. Another interval is another sensor mode."""
MOST_JITTER_MS: Final = 1.0
"""Ten frames of a rise then still tell its time to 0.3 ms."""
MOST_DROPPED_PCT: Final = 1.0
LONGEST_GAP_MS: Final = 100.0
"""Half of the gap across a rise that vision refuses (`vision.quality.Limits.gap_s`)."""
MOST_REPEATED_PCT: Final = 0.5
CLOCK_WITHIN_PCT: Final = 0.01
"""Of a Pi's crystal: 100 ppm."""
FOLLOWS: Final = 0.05
ROWS_LOOKED_AT: Final = 16
"""Every so many: noise tells two pictures apart in the first of them."""


def timing_frames(bench: Bench) -> StepOutcome:
    """Film for a minute and look at the stamps; raises `TargetError` where there are too few to look at."""
    bench.say(f"The camera is watched for {FILM_S:.0f} s.")
    film = bench.rig.film(FILM_S, fingerprint)
    times = film.t_boot_ns
    backwards = int(np.count_nonzero(np.diff(times) <= 0))
    if len(times) < FILM_S:
        raise TargetError(f"The camera gave {len(times)} frames in {FILM_S:.0f} s.")
    found = paced(np.unique(times), 1e3 / bench.device.camera.fps)
    repeats = int(np.count_nonzero(film.seen[1:, 0] == film.seen[:-1, 0]))
    dropped = max(found.missing, film.dropped)
    return outcome(
        StepName.TIMING_FRAMES,
        [
            *_interval(found, bench.device.camera.fps),
            _share("dropped-pct", dropped, len(times) + dropped, MOST_DROPPED_PCT),
            Figure(name="longest-gap-ms", value=found.longest_ms, unit="ms", at_most=LONGEST_GAP_MS),
            _share("repeated-pct", repeats, len(times), MOST_REPEATED_PCT),
            Figure(name="stamps-not-rising", value=float(backwards), at_most=0.0),
        ],
        [_histogram(np.diff(times) / 1e6)],
    )


def fingerprint(frame: Pixels, layout: Layout) -> Floats:
    """Return one number that only the same picture has again; shape (1,)."""
    del layout
    return np.array([float(zlib.crc32(frame[::ROWS_LOOKED_AT].tobytes()))])


@dataclass(frozen=True)
class Pace:
    """How stamps follow each other: n of them, `missing` between; intervals and the stamps' scatter in ms."""

    count: int
    interval_ms: float
    interval_u_ms: float
    jitter_ms: float
    jitter_u_ms: float
    missing: int
    longest_ms: float


def paced(t_ns: NDArray[np.int64], nominal_ms: float) -> Pace:
    """Return the pace of stamps that rise, shape (n,).

    Each stamp gets the number of its frame from where the ones before lead one to expect it, so that one that is late
    is not taken for a gap. A line through stamps over numbers is the interval; what is left over, robustly, the jitter.
    """
    ms = (t_ns - t_ns[0]) / 1e6
    steps = np.diff(ms)
    near = steps[np.abs(steps - np.median(steps)) < 0.5 * np.median(steps)]
    number = _numbers(ms, float(near.mean()) if len(near) else nominal_ms)
    slope, start = np.polyfit(number, ms, 1)
    left = ms - (start + slope * number)
    # The clocks of sensor and processor drift apart within a minute: jitter is what one stamp differs from the next.
    whole = np.diff(number) == 1
    jumps = np.diff(left)[whole]
    jitter = 1.4826 * float(np.median(np.abs(jumps - np.median(jumps)))) / math.sqrt(2.0)
    # A median is worth 37 % of as many values, and neighbours share a stamp.
    jitter_u = COVERAGE_FACTOR * jitter * 1.5 / math.sqrt(2.0 * 0.37 * max(len(jumps), 1))
    fit_u = float(np.std(left)) / (np.std(number) * math.sqrt(len(ms)))
    interval_u = COVERAGE_FACTOR * math.hypot(fit_u, slope * CLOCK_WITHIN_PCT / 100.0 / math.sqrt(3.0))
    return Pace(
        count=len(ms),
        interval_ms=float(slope),
        interval_u_ms=interval_u,
        jitter_ms=jitter,
        jitter_u_ms=jitter_u,
        missing=int(number[-1]) - (len(ms) - 1),
        longest_ms=float(steps.max()),
    )


def _numbers(ms: Floats, interval_ms: float) -> Floats:
    """Return the frame number of each stamp, the first 0; the expected time follows the stamps slowly."""
    expected, number, found = 0.0, 0, np.zeros(len(ms))
    for place, at in enumerate(ms.tolist()):
        steps = round((at - expected) / interval_ms)
        number += steps
        expected += steps * interval_ms
        expected += FOLLOWS * (at - expected)
        found[place] = number
    return found


def _interval(found: Pace, fps: float) -> list[Figure]:
    wanted = 1e3 / fps
    within = wanted * INTERVAL_WITHIN_PCT / 100.0
    return [
        Figure(
            name="interval-ms",
            value=found.interval_ms,
            unit="ms",
            uncertainty=found.interval_u_ms,
            at_least=wanted - within,
            at_most=wanted + within,
        ),
        Figure(
            name="jitter-ms",
            value=found.jitter_ms,
            unit="ms",
            uncertainty=found.jitter_u_ms,
            at_most=MOST_JITTER_MS,
        ),
    ]


def _share(name: str, count: int, of: int, at_most: float) -> Figure:
    """Return a share in per cent. Its uncertainty is that of a count: how often it happens in the long run."""
    share = count / of
    u = math.sqrt(max(share * (1.0 - share), 1.0 / of) / of)
    return Figure(name=name, value=100.0 * share, unit="%", uncertainty=COVERAGE_FACTOR * 100.0 * u, at_most=at_most)


def _histogram(steps_ms: Floats) -> Curve:
    low, high = float(steps_ms.min()), float(steps_ms.max())
    counts, edges = np.histogram(steps_ms, bins=60, range=(low, max(high, low + 0.1)))
    return curve("intervals", 0.5 * (edges[1:] + edges[:-1]), counts.astype(float), "interval, ms", "frames")
