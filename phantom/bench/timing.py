"""When the frames of a simulated device come, when they were truly taken, and which of them never arrive."""

import numpy as np
from numpy.typing import NDArray

from firmware_config.device import DeviceConfig
from phantom.bench.timing_errors import TimingErrors

Times = NDArray[np.int64]


class BenchFrames:
    """The times of one camera, as its device is configured: what `camera.delay_ms` says is taken off every stamp."""

    def __init__(self, device: DeviceConfig, errors: TimingErrors, chance: np.random.Generator) -> None:
        self._camera = device.camera
        self._errors = errors
        self._chance = chance

    def times(self, start_ns: int, seconds: float) -> tuple[Times, Times, int]:
        """Return stamps (n,), the true starts of exposure (n,) and how many frames were dropped; ns.

        `start_ns` is of the true clock. A frame whose true start is that of the one before is the same picture again,
        to the bit.
        """
        errors, chance = self._errors, self._chance
        period_ns = 1e9 / self._camera.fps * (1.0 + errors.interval_pct / 100.0)
        since_ns = period_ns * (np.arange(int(seconds * 1e9 / period_ns)) + chance.uniform())
        arrives = chance.uniform(size=len(since_ns)) >= errors.dropped_share
        arrives[[0, -1]] = True
        since_ns = since_ns[arrives]
        stamped_ns = since_ns * (1.0 + errors.clock_pct / 100.0) + 1e6 * (errors.delay_ms - self._camera.delay_ms)
        stamped_ns += 1e6 * errors.jitter_ms * chance.standard_normal(len(since_ns))
        again = chance.uniform(size=len(since_ns)) < errors.repeated_share
        again[0] = False
        taken = np.maximum.accumulate(np.where(again, 0, np.arange(len(since_ns))))
        reported = start_ns + np.rint(stamped_ns).astype(np.int64)
        true = start_ns + np.rint(since_ns[taken]).astype(np.int64)
        return reported, true, int(np.count_nonzero(~arrives))
