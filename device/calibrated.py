"""How the device's calibration stands, as its readings name it: looked at when a certificate comes, and each minute.

A fresh certificate counts without a restart; one that ends in mid-measurement does not end the measurement.
"""

from pathlib import Path

from calibration.certificate.standing import FOLDER, Standing, in_force
from device.clock import Clock
from firmware_config.device import DeviceConfig

AGAIN_NS: int = 60_000_000_000


class Calibrated:
    """Of one device. For one thread."""

    def __init__(self, folder: Path, device: DeviceConfig, clock: Clock, *, simulated: bool) -> None:
        self._folder = folder
        self._device = device
        self._clock = clock
        self._simulated = simulated
        self._found: Standing | None = None
        self._changed_ns = 0
        self._looked_ns = 0

    def standing(self) -> Standing:
        """Return how it stands now."""
        changed_ns, now_ns = self._last_change_ns(), self._clock.boottime_ns()
        if self._found is None or changed_ns != self._changed_ns or now_ns - self._looked_ns > AGAIN_NS:
            self._changed_ns, self._looked_ns = changed_ns, now_ns
            self._found = in_force(self._folder, self._device, self._clock.now(), simulated=self._simulated)
        return self._found

    def _last_change_ns(self) -> int:
        try:
            folder = self._folder / FOLDER
            return max(path.stat().st_mtime_ns for path in (folder, *folder.glob("*.json")))
        except OSError:
            return 0
