"""How the press was made, from the probe's pressure: its phases, time zero, and what was wrong with it.

Time zero is the last instant at which the pressure is at or above half of its mean hold level.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PressureTrace:
    """Probe pressure: times (m,) in s, increasing, on the frames' clock; pressure (m,) in kPa above ambient."""

    time_s: Array
    kpa: Array


@dataclass(frozen=True)
class PressProfile:
    """Phases of a press, times in s on the trace's clock, pressures in kPa above the unpressed level.

    `held_from_s` is when the pressure had first risen to 90 % of the hold level. `presses` counts the times that the
    pressure rose to half of it. `release_s` is the time from 90 % to 10 % of the hold level, None where 10 % was not
    reached; `tail_s` from time zero to 10 %: long in a slow release, short after a leak that sagged through the hold.
    `again_share` is the most that the pressure came back to after that, as a share of the hold level, over 0.1 s.
    """

    press_from_s: float
    held_from_s: float
    time_zero_s: float
    timing_sd_s: float
    mean_hold_kpa: float
    worst_hold_deviation: float
    hold_s: float
    release_s: float | None
    tail_s: float | None
    residual_share: float
    presses: int
    released: bool
    halfway_share: float = 1.0
    again_share: float = 0.0


def profile(trace: PressureTrace, least_kpa: float = 3.0) -> PressProfile | None:
    """Return the press in a trace, or None where the pressure never rose `least_kpa` above its unpressed level."""
    time_s, kpa = trace.time_s, trace.kpa
    if len(time_s) < 8:
        return None
    top = float(np.quantile(kpa, 0.98))
    ambient = float(np.median(kpa[kpa <= np.min(kpa) + 0.1 * (top - np.min(kpa))]))
    relative = kpa - ambient
    if top - ambient < least_kpa:
        return None
    hold_kpa = _hold_level(time_s, relative)
    above = relative >= 0.5 * hold_kpa
    last = int(np.flatnonzero(above)[-1])
    first = _start_of_last_press(time_s, above, last)
    released = last < len(time_s) - 1
    zero_s = float(time_s[last])
    interval_s = float(np.median(np.diff(time_s)))
    if released:
        fall = relative[last] - relative[last + 1]
        share = (relative[last] - 0.5 * hold_kpa) / fall if fall > 0 else 0.0
        zero_s += float(share * (time_s[last + 1] - time_s[last]))
    held = np.flatnonzero(relative[first : last + 1] >= 0.9 * hold_kpa) + first
    held_from, held_to = (int(held[0]), int(held[-1])) if len(held) else (first, last)
    inner = relative[held_from : held_to + 1]
    # A leak ends below 90 % of the hold long before the release: the plateau reaches to just before time zero.
    plateau_to = int(np.searchsorted(time_s, zero_s - 0.15)) if released else last
    plateau = (
        slice(held_from, max(plateau_to, held_to) + 1) if plateau_to - held_to > 2 else slice(held_from, held_to + 1)
    )
    start = np.flatnonzero(relative[: first + 1] < 0.05 * hold_kpa)
    after = (time_s > zero_s + 0.4) & (time_s < zero_s + 3.0)
    return PressProfile(
        press_from_s=float(time_s[start[-1]]) if len(start) else float(time_s[0]),
        held_from_s=float(time_s[held_from]),
        time_zero_s=zero_s,
        timing_sd_s=interval_s / np.sqrt(12.0) + 0.002,
        mean_hold_kpa=float(inner.mean()),
        worst_hold_deviation=_worst_deviation(time_s[plateau], relative[plateau]),
        hold_s=float(zero_s - time_s[held_from]),
        release_s=_fall_s(time_s, relative, held_to, hold_kpa),
        tail_s=_fall_s(time_s, relative, last, hold_kpa),
        residual_share=float(np.median(relative[after]) / hold_kpa) if after.any() else 0.0,
        presses=_count_presses(time_s, above),
        released=released,
        halfway_share=_halfway_share(time_s, relative, float(time_s[held_from]), zero_s),
        again_share=_again_kpa(time_s, relative, last, hold_kpa) / hold_kpa,
    )


def _again_kpa(time_s: Array, relative: Array, last: int, hold_kpa: float) -> float:
    """Highest mean pressure over 0.1 s once it had fallen to 10 % after the release; 0 where that is not seen."""
    low = np.flatnonzero(relative[last:] <= 0.1 * hold_kpa)
    if not len(low):
        return 0.0
    later = relative[last + low[0] :]
    size = max(1, round(0.1 / max(float(np.median(np.diff(time_s))), 1e-4)))
    return max(float(np.convolve(later, np.ones(size) / size, "valid").max()), 0.0) if len(later) >= size else 0.0


def _halfway_share(time_s: Array, relative: Array, from_s: float, to_s: float) -> float:
    """Pressure in the middle of a press as a share of its beginning: a leak has taken its toll there, a release not."""
    around = [np.abs(time_s - (from_s + share * (to_s - from_s))) < 0.1 for share in (0.15, 0.5)]
    begin, middle = (float(relative[part].mean()) if part.any() else 0.0 for part in around)
    return middle / begin if begin > 0 else 1.0


def _hold_level(time_s: Array, relative: Array) -> float:
    """The mean pressure of the last press's plateau: the samples above 70 % of what the press reached."""
    top = float(np.quantile(relative, 0.98))
    high = relative[relative > 0.7 * top]
    return float(np.median(high)) if len(high) and len(time_s) else top


def _start_of_last_press(time_s: Array, above: NDArray[np.bool_], last: int) -> int:
    """Index at which the pressure last rose through half of the hold level; dips under 0.1 s do not count."""
    first = last
    below_since: float | None = None
    for index in range(last, -1, -1):
        if above[index]:
            first, below_since = index, None
        else:
            below_since = time_s[index] if below_since is None else below_since
            if below_since - time_s[index] > 0.1:
                break
    return first


def _count_presses(time_s: Array, above: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], above, [False]]).astype(np.int8)))
    starts, ends = edges[0::2], edges[1::2]
    count, previous_end_s = 0, -np.inf
    for start, end in zip(starts, ends, strict=True):
        if time_s[start] - previous_end_s > 0.1 and time_s[end - 1] - time_s[start] > 0.1:
            count += 1
        previous_end_s = time_s[end - 1]
    return max(count, 1)


def _worst_deviation(time_s: Array, hold: Array) -> float:
    """Largest deviation of the hold from its own level, as a share of it, over 0.2 s means; noise is averaged away."""
    if len(hold) < 5:
        return 0.0
    size = max(1, round(0.2 / max(float(np.median(np.diff(time_s))), 1e-4)))
    starts = np.arange(0, len(hold), size)[:-1]
    if len(starts) == 0:
        return 0.0
    means = np.add.reduceat(hold[: starts[-1] + size], starts) / size
    settled = means[1:-1] if len(means) > 4 else means
    level = float(np.median(settled))
    return float(np.max(np.abs(settled - level)) / level) if level > 0 else 0.0


def _fall_s(time_s: Array, relative: Array, held_to: int, hold_kpa: float) -> float | None:
    low = np.flatnonzero(relative[held_to:] <= 0.1 * hold_kpa)
    return float(time_s[held_to + low[0]] - time_s[held_to]) if len(low) else None
