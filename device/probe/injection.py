"""A reading that is made to rise, in the hold of a real press, to see the probe let go: calibration's ceiling. Pure.

The press goes on being judged by what is really read. Beside that a twin of its watch, with the same memory, is shown
the raised readings: either may end the press, so that it ends sooner or as it would have, never later.
"""

import copy
from dataclasses import dataclass, replace

from device.probe.faults import FaultCode
from device.probe.ports import Sample
from device.probe.watch import Doing, Watch


@dataclass
class _Rise:
    from_ns: int
    kpa_per_s: float
    twin: Watch


class Injection:
    """At most one rise at a time; none, and nothing changed by it, until `begin`."""

    def __init__(self) -> None:
        self._rise: _Rise | None = None

    @property
    def on(self) -> bool:
        """Whether a reading is being raised."""
        return self._rise is not None

    def begin(self, now_ns: int, kpa_per_s: float, watch: Watch) -> None:
        """Raise what is read from `now_ns` on; `watch` is copied, and never touched."""
        self._rise = _Rise(now_ns, kpa_per_s, copy.deepcopy(watch))

    def end(self) -> None:
        """Raise nothing more."""
        self._rise = None

    def raised(self, sample: Sample) -> Sample:
        """Return the sample as it is to be judged: what was read, or more."""
        if self._rise is None:
            return sample
        since_s = max((sample.t_ns - self._rise.from_ns) / 1e9, 0.0)
        return replace(sample, kpa=sample.kpa + self._rise.kpa_per_s * since_s)

    def step(self, now_ns: int, sample: Sample | None, doing: Doing) -> FaultCode | None:
        """Return the fault that the raised reading shows; None where it shows none, or nothing is raised."""
        if self._rise is None:
            return None
        return self._rise.twin.step(now_ns, None if sample is None else self.raised(sample), doing)
