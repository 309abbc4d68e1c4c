"""The services as systemd has them. Where systemd does not run, as in an image, nothing is asked or told."""

import json

from firmware_config.install.machine import InstallError, Machine
from firmware_config.install.placed import UNITS
from firmware_config.install.state import CURRENT

TARGET = "refill.target"
SHOWN = ("ActiveState", "ConditionResult", "ConditionTimestampMonotonic")


def wanted_by_target(machine: Machine) -> list[str]:
    """Return the services that the target starts, in order of name."""
    folder = machine.at(f"{UNITS}/{TARGET}.wants")
    return sorted(path.name for path in folder.glob("*.service")) if folder.is_dir() else []


def stop(machine: Machine, *, spare_a_press: bool = True) -> None:
    """Stop them all; each vents, commits and ends in its own order. Raises `InstallError` while a press is on, if
    asked."""
    if not machine.has_systemd:
        return
    units = wanted_by_target(machine)
    if not units:
        return
    if spare_a_press and "refill-probe.service" in units and presses(machine):
        raise InstallError("a press is on: nothing was changed; again when it has ended")
    machine.run(["systemctl", "stop", TARGET, *units])


def presses(machine: Machine) -> bool:
    """Whether the probe says that it is anything but idle; one that cannot be asked presses nothing that we could
    spare."""
    try:
        phase = json.loads(machine.run([f"{CURRENT}/venv/bin/refill", "probe", "status", "--json"])).get("phase")
    except (InstallError, ValueError):
        return False
    return phase != "idle"


def start(machine: Machine) -> None:
    """Start them all, and wait until each has said that it is ready. Raises `InstallError` where one is not."""
    if not machine.has_systemd:
        return
    units = wanted_by_target(machine)
    # Those that an earlier release had fail too often would not be started at all.
    machine.runs(["systemctl", "reset-failed", *units])
    machine.run(["systemctl", "start", TARGET, *units])


def not_active(machine: Machine) -> list[str]:
    """Return the services that should run and do not. One whose condition is not met, as a display's, need not."""
    if not machine.has_systemd:
        return []
    return [unit for unit in wanted_by_target(machine) if _is_down(machine, unit)]


def _is_down(machine: Machine, unit: str) -> bool:
    wanted = [part for name in SHOWN for part in ("-p", name)]
    told = machine.run(["systemctl", "show", *wanted, unit])
    shown = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
    # A condition that was never looked at is told as not met, too: as of a unit whose start was never reached.
    looked_at = shown.get("ConditionTimestampMonotonic", "0") != "0"
    unmet = looked_at and shown.get("ConditionResult") == "no"
    return shown.get("ActiveState") != "active" and not unmet
