"""From the device's seconds to a stopwatch's: the line of an agreement calibration, with how surely it is known.

A study's thresholds are clinicians' stopwatch values. Where the study holds such a line, a refill time is held against
the threshold as the stopwatch would have told it; the number itself, and what is stored, stay the device's.
"""

import math
from dataclasses import dataclass

Z95: float = 1.959964


@dataclass(frozen=True)
class StopwatchMapping:
    """stopwatch = `intercept_s` + `slope` x device, for device seconds from `from_s` to `to_s`, and nothing outside.

    `covariance` holds variance of the intercept, covariance of both, and variance of the slope. It is of the line, the
    mean stopwatch: single clinicians scatter around it further (`refill calibrate agreement`).
    """

    version: str
    intercept_s: float
    slope: float
    covariance: tuple[float, float, float]
    from_s: float
    to_s: float

    def covers(self, device_s: float) -> bool:
        """Whether pairs were made of refill times like this one."""
        return self.from_s <= device_s <= self.to_s

    def stopwatch_s(self, device_s: float) -> float:
        """Return what a stopwatch would say for the device's seconds."""
        return self.intercept_s + self.slope * device_s

    def interval_s(self, device_s: float, ci95_s: tuple[float, float]) -> tuple[float, float]:
        """Return the 95 % interval of that: the device's own, carried over, and the line's, in quadrature.

        Each side by itself, since the device's need not be symmetric.
        """
        middle = self.stopwatch_s(device_s)
        var_0, both, var_1 = self.covariance
        of_line = Z95 * math.sqrt(max(var_0 + 2.0 * both * device_s + var_1 * device_s**2, 0.0))
        low, high = (self.slope * abs(device_s - end) for end in ci95_s)
        return middle - math.hypot(low, of_line), middle + math.hypot(high, of_line)
