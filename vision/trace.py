"""The trace: the time series behind one press, and what the recorder says of its frames."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.signal import haemoglobin

Array = NDArray[np.float64]


class TraceError(ValueError):
    """The arrays given are not a trace; the text says why, in one line."""


@dataclass(frozen=True)
class Trace:
    """One press as a time series of n frames.

    `time_s` (n,) increases strictly. `signal` (n,) is the haemoglobin index, rising with blood. `light` (n, 3) is the
    region's mean linear R, G, B in [0, 1], where it is known. `surround` (n,) is the same index of skin that the probe
    does not blanch, where there is any in view: it shares pulse, respiration and drift with the region. `repeated` (n,)
    marks frames that are copies of the one before. `picture_reason` is what the checks that need the picture had to
    say, a code of the contract's table; None where they had no complaint or there was no picture.
    """

    time_s: Array
    signal: Array
    light: Array | None = None
    surround: Array | None = None
    repeated: NDArray[np.bool_] | None = None
    picture_reason: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is not a trace."""
        if self.time_s.ndim != 1 or self.time_s.shape != self.signal.shape:
            raise TraceError("times and signal are not two series of one length")
        if len(self.time_s) < 2:
            raise TraceError(f"{len(self.time_s)} frame(s): a trace needs at least two")
        if not (np.isfinite(self.time_s).all() and np.isfinite(self.signal).all()):
            raise TraceError("a time or a value is not a finite number")
        if (np.diff(self.time_s) <= 0).any():
            index = int(np.flatnonzero(np.diff(self.time_s) <= 0)[0])
            raise TraceError(
                f"times do not increase: {self.time_s[index]:g} s is followed by {self.time_s[index + 1]:g} s"
            )

    @property
    def interval_s(self) -> float:
        """The usual time between frames, in s."""
        return float(np.median(np.diff(self.time_s)))

    def dropped(self) -> int:
        """Return how many frames are missing: intervals over 1.5 of the usual one, counted by their length."""
        gaps = np.diff(self.time_s) / self.interval_s
        return int(np.round(gaps[gaps > 1.5] - 1).sum())

    def only(self, kept: NDArray[np.bool_]) -> "Trace":
        """Return the trace of the samples marked in `kept` (n,)."""
        return Trace(
            self.time_s[kept],
            self.signal[kept],
            None if self.light is None else self.light[kept],
            None if self.surround is None else self.surround[kept],
            None if self.repeated is None else self.repeated[kept],
            self.picture_reason,
        )

    def blanched(self, time_zero_s: float) -> NDArray[np.bool_]:
        """Return which samples (n,) show blanched skin: the last second of the hold, or what is seen first after it."""
        hold = self.between(time_zero_s - 1.0, time_zero_s)
        return hold if hold.sum() >= 3 else self.between(time_zero_s, time_zero_s + 0.35)

    def between(self, from_s: float, to_s: float) -> NDArray[np.bool_]:
        """Return which samples (n,) lie in [from_s, to_s]."""
        return (self.time_s >= from_s) & (self.time_s <= to_s)


def trace_from_light(time_s: Array, linear_rgb: Array) -> Trace:
    """Return the trace of region means: times (n,) and linear R, G, B (n, 3) in [0, 1]."""
    repeated = np.concatenate([[False], (np.diff(linear_rgb, axis=0) == 0).all(axis=1)])
    return Trace(time_s, haemoglobin(linear_rgb), light=linear_rgb, repeated=repeated)
