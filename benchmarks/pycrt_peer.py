"""pyCRT 2.2.2, the one open package for capillary refill time, run as its own documentation runs it.

`PCRT` on the green channel, with its defaults (from the local maximum on, "first positive peak", 12 % uncertainty at
most), and with the true release as `fromTime`, which is the most favourable start. It reports a time constant; what is
compared is the 90 % time that goes with it: ln(10) tau after the start of its slice, counted from time zero.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LN10 = float(np.log(10.0))
EXCLUDED_ABOVE = 0.12
"""Relative uncertainty above which pyCRT rejects its own result, by default."""


@dataclass(frozen=True)
class PeerResult:
    """What pyCRT said of one press; times in s. `failure` names the error where there is no fit; then all are NaN."""

    tau_s: float
    tau_uncertainty_s: float
    slice_start_s: float
    failure: str | None = None

    @property
    def rejected(self) -> bool:
        """Whether pyCRT gives no number: no fit, or an uncertainty above its own criterion."""
        return self.failure is not None or not self.tau_uncertainty_s / self.tau_s <= EXCLUDED_ABOVE

    @property
    def t90_s(self) -> float:
        """Time from time zero to 90 % of its exponential."""
        return self.slice_start_s + LN10 * self.tau_s

    @property
    def ci95_s(self) -> tuple[float, float]:
        """The interval that its uncertainty (two standard deviations, said to be 95 %) gives to `t90_s`."""
        half_s = LN10 * self.tau_uncertainty_s
        return self.t90_s - half_s, self.t90_s + half_s


def _package() -> Any:
    """Return the class PCRT. Its import turns every warning of the process into an error; that is undone here."""
    with warnings.catch_warnings():
        from pyCRT import PCRT
    return PCRT


def run(time_s: Array, bgr_encoded: Array, time_zero_s: float) -> PeerResult:
    """Fit one press: frame times (n,), mean encoded B, G, R (n, 3) in [0, 255], the true time zero on that clock."""
    fit = _package()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # as its import does: a failed fit shows as a warning
            # Asked without its criterion, so that one fit says both the number and whether it would be given.
            found = fit(time_s, bgr_encoded, channel="g", fromTime=time_zero_s, exclusionCriteria=np.inf)
            tau_s, uncertainty_s = found.pCRT
    except (RuntimeError, ValueError, TypeError, IndexError, ArithmeticError, Warning) as error:
        return PeerResult(np.nan, np.nan, np.nan, type(error).__name__)
    if not (np.isfinite(tau_s) and np.isfinite(uncertainty_s)):
        return PeerResult(np.nan, np.nan, np.nan, "not finite")
    return PeerResult(float(tau_s), float(uncertainty_s), float(found.fromTime) - time_zero_s)
