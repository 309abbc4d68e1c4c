"""What the reports of the bedside campaigns share."""

import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime

from contract.version import __version__


def machine(took_s: float | None = None) -> str:
    """Return version, day and machine in one line; `took_s` is what the campaign took."""
    took = "" if took_s is None else f", {took_s / 60:.0f} min"
    return (
        f"Refill {__version__}, {datetime.now(UTC).date().isoformat()}, {os.cpu_count()} cores, {platform.machine()},"
        f" Python {platform.python_version()}{took}; load over a minute at the end {os.getloadavg()[0]:.1f}."
    )


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Return median and range in words."""
    if not values:
        return "-"
    return (
        f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f}; {len(values)})"
    )
