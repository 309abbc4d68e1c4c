"""The machine of the fault campaign, with every part in reach: probe, bedside, camera, disk, feed and wall clock."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.bedside_bench import Bedside, BedsideEndedError, Pace
from benchmarks.bedside_choice import choose
from benchmarks.bedside_disk import Disk, open_disk
from benchmarks.bedside_feed import DATABASE, Feed
from benchmarks.bedside_place import Place, Skin
from benchmarks.bedside_probes import BreakableProbe, clear_fault
from firmware_config.device import DEFAULT_PATH

PROTOCOL = "short"
TRUE_S = 1.0
PICTURE = {"width_px": 128, "height_px": 96}
MINIMUM_FREE_MB = 50
"""The least that a device file may ask for: the campaign's disk is small."""


@dataclass
class Rig:
    """One bed. `restarts`: how often the bedside ended by itself and was started again, as systemd does."""

    place: Place
    disk: Disk | None
    probe: BreakableProbe
    feed: Feed
    skin: Skin
    pace: Pace = field(default_factory=Pace)
    bedside: Bedside | None = None
    restarts: int = 0

    def running(self) -> Bedside:
        """Return the bedside, started again where it has ended; raises `CampaignError`."""
        if self.bedside is not None and self.bedside.process.poll() is not None:
            self.restarts += 1
            self.let_go()
        if self.bedside is None:
            self.bedside = Bedside(self.place)
            self.bedside.until_ready()
        self.pace.note(self.bedside.events)
        return self.bedside

    def begin(self) -> tuple[Bedside, int]:
        """Push until a measurement begins, on a bedside that is started again where it ends meanwhile."""
        try:
            bedside = self.running()
            return bedside, bedside.begin()
        except BedsideEndedError:
            bedside = self.running()
            return bedside, bedside.begin()

    def let_go(self) -> None:
        """End the bedside."""
        if self.bedside is not None:
            self.bedside.stop()
            self.pace.note(self.bedside.events)
            self.bedside = None

    def camera(self, **faults: Any) -> None:
        """Let the camera have these faults from now on, and no others."""
        path = self.place.folder / "camera.json"
        part = path.with_suffix(".part")
        part.write_text(json.dumps(faults), encoding="utf-8")
        part.replace(path)

    def wall(self, off_s: float) -> None:
        """Set the bedside's wall clock off by so much."""
        self.running().tell(wall_s=off_s)

    def clear(self) -> str | None:
        """Clear a fault that the probe latched, as the engineer does after the repair; returns what it was."""
        return clear_fault(self.place)

    def repair_disk(self) -> None:
        """End what has the disk open, check and mount it, and start again."""
        self.let_go()
        self.feed.stop_publisher()
        if self.disk is not None:
            self.disk.repair()
        self.feed.start_publisher()


@contextlib.contextmanager
def a_rig(folder: Path) -> Iterator[Rig]:
    """Make a bed in `folder`; all of it ends with the context, mounted disks too."""
    data = folder / "data"
    disk = open_disk(folder, data)
    try:
        data.mkdir(exist_ok=True)
        # The trial database is another machine's: this disk's troubles are not its.
        (data / DATABASE).symlink_to(folder / DATABASE)
        options = ["--config", str(_device_file(folder)), "--camera-faults", str(folder / "camera.json")]
        place = Place(folder, data, [*options, "--crt", str(TRUE_S)], dict(PICTURE))
        rig = Rig(place, disk, BreakableProbe(place), Feed(place), Skin(place))
        rig.camera()
        try:
            rig.feed.start()
            rig.probe.start()
            rig.running()
            choose(place, PROTOCOL)
            yield rig
        finally:
            rig.let_go()
            rig.probe.stop()
            rig.feed.stop()
    finally:
        if disk is not None:
            disk.close()


def _device_file(folder: Path) -> Path:
    """Write the packaged device file with less space to keep free."""
    lines = DEFAULT_PATH.read_text(encoding="utf-8").splitlines()
    changed = [f"minimum_free_mb = {MINIMUM_FREE_MB}" if line.startswith("minimum_free_mb") else line for line in lines]
    path = folder / "device.toml"
    path.write_text("\n".join(changed) + "\n", encoding="utf-8")
    return path


def until_vented(skin: Skin, limit_s: float) -> bool:
    """Wait until nothing is pressed."""
    end_s = time.monotonic() + limit_s
    while skin.kpa() > 1.0:
        if time.monotonic() > end_s:
            return False
        time.sleep(0.02)
    return True
