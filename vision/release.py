"""The release found in the picture, for recordings without a pressure trace.

Two kinds: the skin is seen all along and its signal rises from its lowest; or what presses hides the skin (a finger
before the lens), and the release is when it is seen again.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BEFORE_S: float = 1.5
AFTER_S: float = 4.0
LIFTED: float = 0.06
"""Above this share of the whole rise the signal has left its lowest level."""
LONGEST_FOOT_S: float = 6.0


@dataclass(frozen=True)
class Release:
    """When the signal began to rise after its lowest, with the standard error of that time, in s."""

    time_s: float
    sd_s: float
    step: float


HIDDEN_LN: float = 0.5
"""Light this far (ln) below its usual level means that something else than skin is seen."""
SEEN_AGAIN_LN: float = 0.03


@dataclass(frozen=True)
class Hidden:
    """A press that hid the skin: the samples in which it was seen (n,), when it vanished and when it was seen again."""

    seen: NDArray[np.bool_]
    from_s: float
    release_s: float
    sd_s: float


def find_hidden(time_s: Array, light: Array) -> Hidden | None:
    """Return the last spell of at least 0.3 s in which `light` (n,) was far below usual, or None where there is none.

    The release is the middle of the light's return; the frames of the return itself count as hidden.
    """
    ln = np.log(np.maximum(light, 1e-6))
    usual = float(np.median(ln[ln >= np.quantile(ln, 0.5)]))
    dark = ln < usual - HIDDEN_LN
    edges = np.flatnonzero(np.diff(np.concatenate([[False], dark, [False]]).astype(np.int8)))
    spells = [(start, end) for start, end in zip(edges[0::2], edges[1::2], strict=True) if end < len(time_s)]
    spells = [(start, end) for start, end in spells if start > 0 and time_s[end] - time_s[start] > 0.3]
    if not spells:
        return None
    start, end = spells[-1]
    settled = float(np.median(ln[end : end + max(5, int(np.searchsorted(time_s, time_s[end] + 0.5)) - end)]))
    back = end + int(np.argmax(np.abs(ln[end:] - settled) < SEEN_AGAIN_LN))
    gone = start - int(np.argmax((np.abs(ln[:start] - usual) < 3 * SEEN_AGAIN_LN)[::-1])) - 1
    seen = np.ones(len(time_s), dtype=np.bool_)
    seen[max(gone, 0) + 1 : back] = False
    release_s = 0.5 * float(time_s[end - 1] + time_s[back])
    # What comes over the skin casts its shadow first.
    from_s = float(time_s[max(gone, 0)]) - 0.2
    return Hidden(
        seen & ((time_s <= from_s) | (time_s >= time_s[back])),
        from_s,
        release_s,
        float(time_s[back] - time_s[end - 1]) / np.sqrt(12.0),
    )


def find(time_s: Array, signal: Array) -> Release | None:
    """Return the release with the largest lasting rise of `signal` (n,), or None where nothing rises.

    A level, then an exponential rise: the onset that explains the samples around it best, and how sharply it does.
    """
    candidate_s = _largest_rise(time_s, signal)
    if candidate_s is None:
        return None
    near = (time_s > candidate_s - BEFORE_S) & (time_s < candidate_s + AFTER_S)
    t, y = time_s[near], signal[near]
    if len(t) < 10:
        return None
    onsets = np.arange(candidate_s - 1.0, candidate_s + 1.0, 0.01)
    taus = np.geomspace(0.1, 6.0, 14)
    rss = np.empty((len(onsets), len(taus)))
    steps = np.empty_like(rss)
    for column, tau in enumerate(taus):
        rise = 1 - np.exp(-np.maximum(t[:, None] - onsets[None, :], 0.0) / tau)
        centred = rise - rise.mean(axis=0)
        power = np.maximum((centred**2).sum(axis=0), 1e-12)
        steps[:, column] = (centred * (y - y.mean())[:, None]).sum(axis=0) / power
        rss[:, column] = ((y - y.mean()) ** 2).sum() - np.maximum(steps[:, column], 0.0) ** 2 * power
    best = np.unravel_index(int(np.argmin(rss)), rss.shape)
    profile = rss.min(axis=1)
    variance = max(float(rss[best]), 1e-18) / max(len(t) - 4, 1)
    likelihood = np.exp(-0.5 * (profile - profile.min()) / variance)
    likelihood /= likelihood.sum()
    mean_s = float((likelihood * onsets).sum())
    sd_s = float(np.sqrt((likelihood * (onsets - mean_s) ** 2).sum()))
    return Release(float(onsets[best[0]]), max(sd_s, float(np.median(np.diff(time_s))) / 3), float(steps[best]))


def lift_off(time_s: Array, signal: Array, found: Release) -> float:
    """Return when `signal` (n,) left its lowest level for good before the rise that was found, in s.

    A refill that begins slowly looks like a sharp one that begins late; it has left the lowest level long before.
    """
    size = max(1, round(0.3 / float(np.median(np.diff(time_s)))))
    smooth = np.convolve(signal, np.ones(size) / size, "valid")
    middle_s = time_s[(size - 1) // 2 :][: len(smooth)]
    before = (middle_s > found.time_s - LONGEST_FOOT_S) & (middle_s < found.time_s)
    if not before.any():
        return found.time_s
    lowest = float(np.quantile(smooth[before], 0.1))
    late = float(np.median(signal[time_s > time_s[-1] - 0.3 * (time_s[-1] - found.time_s)]))
    low = np.flatnonzero((smooth < lowest + LIFTED * (late - lowest)) & (middle_s < found.time_s + AFTER_S))
    return min(float(middle_s[low[-1]]), found.time_s) if len(low) else found.time_s


def _largest_rise(time_s: Array, signal: Array) -> float | None:
    """The time at which the mean of the 2 s after exceeds the mean of the 1 s before by most."""
    cumulated = np.concatenate([[0.0], np.cumsum(signal)])
    rises: list[tuple[float, float]] = []
    for at in time_s[(time_s > time_s[0] + 0.5) & (time_s < time_s[-1] - 2.0)]:
        low, middle, high = np.searchsorted(time_s, [at - 1.0, at, at + 2.0])
        if middle - low >= 3 and high - middle >= 5:
            before = (cumulated[middle] - cumulated[low]) / (middle - low)
            after = (cumulated[high] - cumulated[middle]) / (high - middle)
            rises.append((float(after - before), float(at)))
    if not rises:
        return None
    height, at_s = max(rises)
    return at_s if height > 0 else None
