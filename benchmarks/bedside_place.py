"""Where a campaign's machine lies, and the true pressure on its skin. Instants are CLOCK_BOOTTIME in ns."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from device.probe.messages import boot_ns
from phantom.world import PressureWorldReader

SMALL: dict[str, Any] = {"width_px": 64, "height_px": 48}
"""The smallest picture: what it costs to draw is not what most campaigns are about."""
VENTED_KPA: float = 1.0


class CampaignError(Exception):
    """The machine did not do what the campaign needs to go on; the text is one sentence."""


@dataclass
class Place:
    """Where one machine's files lie; short paths, since a socket's may have 108 bytes."""

    folder: Path
    data: Path
    options: list[str] = field(default_factory=list)
    """Of `refill bedside`, beside where things lie."""
    picture: dict[str, Any] = field(default_factory=lambda: dict(SMALL))

    @property
    def socket(self) -> Path:
        """Where the probe listens."""
        return self.folder / "p.sock"

    @property
    def console(self) -> Path:
        """Where screens and commands speak to the bedside."""
        return self.folder / "c.sock"

    @property
    def world(self) -> Path:
        """The true pressure."""
        return self.folder / "world"

    @property
    def journal(self) -> Path:
        """The device's own record."""
        return self.data / "journal.sqlite"


@contextlib.contextmanager
def a_place(prefix: str, *options: str, picture: dict[str, Any] | None = None) -> Iterator[Place]:
    """Make a place in a folder of its own, which goes at the end."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield Place(folder, folder / "data", list(options), dict(SMALL) | (picture or {}))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Skin:
    """The true pressure on the simulated skin."""

    def __init__(self, place: Place) -> None:
        self._world = PressureWorldReader(place.world)

    def kpa(self) -> float:
        """Return it as it is now, kPa."""
        return self._world.pressure_at(boot_ns())

    def vented_after_s(self, since_ns: int, limit_s: float) -> float | None:
        """Wait until the pressure is gone; how long after `since_ns` that was, s, or None where it stays for so long.

        0 where nothing was pressed.
        """
        pressed = False
        while self.kpa() >= VENTED_KPA:
            pressed = True
            if boot_ns() - since_ns > limit_s * 1e9:
                return None
            time.sleep(0.004)
        return (boot_ns() - since_ns) / 1e9 if pressed else 0.0
