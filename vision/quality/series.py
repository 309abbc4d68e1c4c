"""Steps and means of a series of samples, as several checks need them."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def jump(time_s: Array, series: Array, from_s: float, width_s: float = 0.25) -> tuple[float, float]:
    """Largest lasting jump of a series (n,) after `from_s`, and its time: means of `width_s` on both sides."""
    cumulated = np.concatenate([[0.0], np.cumsum(series)])
    at = np.flatnonzero((time_s > from_s) & (time_s < time_s[-1] - width_s))
    low, high = np.searchsorted(time_s, time_s[at] - width_s), np.searchsorted(time_s, time_s[at] + width_s)
    enough = (at - low >= 2) & (high - at >= 2)
    at, low, high = at[enough], low[enough], high[enough]
    if not len(at):
        return 0.0, from_s
    after = (cumulated[high] - cumulated[at]) / (high - at)
    before = (cumulated[at] - cumulated[low]) / (at - low)
    largest = int(np.argmax(np.abs(after - before)))
    return float((after - before)[largest]), float(time_s[at[largest]])


def sharp(time_s: Array, series: Array, at_s: float) -> float:
    """Size of a step of `series` (n,) within two frames of `at_s`, beyond the steps that it makes around it anyway."""
    steps = np.abs(series[3:] + series[2:-1] - series[1:-2] - series[:-3]) / 2
    near = np.abs(time_s[2:-1] - at_s)
    here, around = steps[near < 0.12], steps[(near >= 0.12) & (near < 0.8)]
    return float(here.max() - np.median(around)) if len(here) and len(around) else 0.0


def moving_mean(time_s: Array, series: Array, width_s: float) -> Array:
    """Means of a series (n,) over about `width_s`, at whole windows only; empty where it is shorter."""
    size = max(1, round(width_s / float(np.median(np.diff(time_s))))) if len(time_s) > 2 else 1
    if len(series) < size:
        return np.zeros(0)
    return np.convolve(series, np.ones(size) / size, "valid")
