"""What a machine has to be. Looked at first, before anything is changed; every reason in a line of its own."""

import os
from pathlib import Path

from firmware_config.install.machine import InstallError, Machine

ARCHITECTURES = ("arm64", "amd64")
"""As dpkg names them. A 32-bit Raspberry Pi OS under a 64-bit kernel calls itself armhf."""

PYTHONS = ((3, 11), (3, 13))
"""The oldest and the newest Python that the locked requirements are held against."""

NEEDED_MB = 2000
"""Free space for one release beside the one that runs, and for the packages of the system (docs/install.md has the
sizes)."""

TREE = ("contract/version.py", "requirements/pi.txt", "systemd/refill.target", "firmware_config/device.toml")
"""Files without which a folder is not our tree."""


def refusals(machine: Machine, tree: Path, *, as_user: int | None = None) -> list[str]:
    """Return why nothing can be installed there, one line a reason; an empty list where it can."""
    if (os.geteuid() if as_user is None else as_user) != 0:
        return ["only root can install: sudo make install-pi"]
    said = [f"{tree / name}: not there: is this the whole tree?" for name in TREE if not (tree / name).is_file()]
    told = os_release(machine)
    if "debian" not in (told.get("ID", ""), *told.get("ID_LIKE", "").split()):
        return [*said, f"{told.get('PRETTY_NAME', 'this system')} is not Debian or Raspberry Pi OS"]
    return [*said, *_architecture(machine), *_python(machine), *_disk(machine), *_overlay(machine)]


def os_release(machine: Machine) -> dict[str, str]:
    """Return what a system says of itself in /etc/os-release; nothing where it says nothing."""
    try:
        lines = machine.at("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def python_of(machine: Machine) -> tuple[int, int]:
    """Return the version of the machine's own Python; raises `InstallError` where it has none."""
    told = machine.run(["python3", "-c", "import sys; print(*sys.version_info[:2])"])
    major, minor = told.split()
    return int(major), int(minor)


def _architecture(machine: Machine) -> list[str]:
    try:
        found = machine.run(["dpkg", "--print-architecture"]).strip()
    except InstallError as error:
        return [f"dpkg does not say what machine this is: {error}"]
    if found in ARCHITECTURES:
        return []
    return [f"this system is {found}: a 64-bit Raspberry Pi OS is needed (its wheels are for {ARCHITECTURES[0]})"]


def _python(machine: Machine) -> list[str]:
    low, high = (f"{major}.{minor}" for major, minor in PYTHONS)
    try:
        found = python_of(machine)
    except InstallError:
        return [f"python3 is not there: Python {low} to {high} is needed"]
    if PYTHONS[0] <= found <= PYTHONS[1]:
        return []
    return [f"python3 is {found[0]}.{found[1]}: Python {low} to {high} is needed"]


def _disk(machine: Machine) -> list[str]:
    free = machine.free_mb("/opt/refill")
    return [] if free >= NEEDED_MB else [f"{free} MB are free for /opt/refill: {NEEDED_MB} are needed"]


def _overlay(machine: Machine) -> list[str]:
    """A root whose changes stay in memory would lose the installation with the next boot, and half of it before."""
    line = machine.at("/proc/cmdline")
    words = line.read_text(encoding="utf-8").split() if machine.is_this_one and line.is_file() else []
    if not any(word.startswith(("overlayroot=tmpfs", "boot=overlay")) for word in words):
        return []
    return ["the root is read-only: sudo raspi-config nonint disable_overlayfs, reboot, and then again"]
