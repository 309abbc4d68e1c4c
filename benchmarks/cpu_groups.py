"""Processes in CPU groups weighted as their units' `CPUWeight=` says: what systemd does for the services on a Pi.

`Nice=` alone does nothing between services: each is a session of its own, and where the kernel groups sessions
(autogroup, Debian's default) or systemd weighs slices, only the groups' weights count (sched(7), "autogroup").
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bedside_place import CampaignError

UNITS = Path("systemd")
DEFAULT_WEIGHT = 100
"""systemd's, and the kernel's in cgroup v2; 1024 shares in v1."""
_V1, _V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")


def weight_of(unit: str) -> int:
    """Return the `CPUWeight=` of a unit in `systemd/`, or systemd's own default."""
    text = (UNITS / f"{unit}.service").read_text(encoding="utf-8")
    found = re.search(r"^CPUWeight=(\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else DEFAULT_WEIGHT


@contextmanager
def cpu_group(name: str, unit: str) -> Iterator[Path]:
    """Make a group of a unit's weight; yields the file into which a process id is written. Raises `CampaignError`."""
    old = (_V1 / "cpu.shares").exists()
    folder = (_V1 if old else _V2) / f"refill-{os.getpid()}-{name}"
    try:
        folder.mkdir()
        weight = weight_of(unit)
        if old:
            (folder / "cpu.shares").write_text(str(weight * 1024 // DEFAULT_WEIGHT), encoding="ascii")
        else:
            (folder / "cpu.weight").write_text(str(weight), encoding="ascii")
    except OSError as error:
        raise CampaignError(f"{folder}: {error.strerror}: CPU groups need root and the cpu controller") from error
    try:
        yield folder / "cgroup.procs"
    finally:
        folder.rmdir()


def joining(group: Path, command: list[str]) -> list[str]:
    """Return a command line that joins a group first, with all that it starts."""
    return ["/bin/sh", "-c", f'echo $$ > {group} && exec "$@"', "sh", *command]
