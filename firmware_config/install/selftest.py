"""What a release has to show: first by itself, while the one before still runs, then in its place."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from firmware_config.install import packages, payload, release
from firmware_config.install.configuration import FOLDER
from firmware_config.install.machine import InstallError, Machine, scratch
from firmware_config.install.services import not_active
from firmware_config.install.state import CURRENT, HOME

JOURNAL = "/var/lib/refill"
OWNER = "refill"
TRUE_S = 2.4
WITHIN_S = 0.5
"""The simulated press, and how far off its refill time may be read: this asks whether the analysis works, not how
well."""

LIBRARIES = "import cv2, gpiozero, matplotlib, nicegui, numpy, paho.mqtt, pydantic"


@dataclass(frozen=True)
class Check:
    """One thing to show. `run` gets the machine and the folder of a release, and raises `InstallError` where it is
    not so."""

    name: str
    run: Callable[[Machine, str], None]


def _answers(machine: Machine, home: str) -> None:
    written = machine.at(f"{home}/app/{payload.BUILD}").read_text(encoding="utf-8").strip()
    told = machine.run([f"{home}/venv/bin/refill", "--version"]).strip()
    expected = f"{payload.version(machine.at(f'{home}/app'))} ({written})"
    if told != expected:
        raise InstallError(f"`refill --version` says {told!r}, not {expected!r}")


def _loads(machine: Machine, home: str) -> None:
    machine.run([f"{home}/venv/bin/python", "-c", LIBRARIES])


def _camera(machine: Machine, home: str) -> None:
    """Only where apt's picamera2 is: its simplejpeg beside our numpy is what fails to load."""
    if packages.states(machine).get("python3-picamera2") == "installed":
        machine.run([f"{home}/venv/bin/python", "-c", "import picamera2, simplejpeg"])


def _configuration(machine: Machine, home: str) -> None:
    machine.run([f"{home}/venv/bin/refill", "config", "check", FOLDER])


def _measures(machine: Machine, home: str) -> None:
    refill = f"{home}/venv/bin/refill"
    with scratch(machine, HOME) as (_, inside):
        machine.run([refill, "phantom", "record", f"{inside}/press", "--crt", str(TRUE_S), "--trace-only"])
        told = machine.run([refill, "analyse", f"{inside}/press.trace.csv", "--json"])
    try:
        found = json.loads(told)
    except ValueError as error:
        raise InstallError(f"`refill analyse` did not answer in JSON: {error}") from error
    value = found.get("crt_s")
    if not isinstance(value, float) or abs(value - TRUE_S) > WITHIN_S:
        raise InstallError(f"a simulated press of {TRUE_S} s was read as {value}")


def _journal(machine: Machine, home: str) -> None:
    """As the journal's owner: a file that root leaves beside it would be in the owner's way."""
    if machine.at(f"{JOURNAL}/journal.sqlite").exists():
        machine.run([f"{home}/venv/bin/refill", "journal", "verify", "--data", JOURNAL], user=OWNER)


BY_ITSELF: tuple[Check, ...] = (
    Check("the command answers with its version and build", _answers),
    Check("the libraries load", _loads),
    Check("the camera's software loads", _camera),
    Check("the site's configuration is valid", _configuration),
    Check("a simulated press is measured", _measures),
)
IN_PLACE: tuple[Check, ...] = (
    Check("the command answers with its version and build", _answers),
    Check("the site's configuration is valid", _configuration),
    Check("the journal's chain is whole", _journal),
)


def by_itself(machine: Machine, name: str) -> None:
    """Try a release in its own folder; raises `InstallError` at the first check that does not pass."""
    _each(machine, BY_ITSELF, release.folder(name))


def in_place(machine: Machine) -> None:
    """Try the current release where it is used; raises `InstallError` at the first check that does not pass."""
    _each(machine, IN_PLACE, CURRENT)


def running(machine: Machine) -> None:
    """Ask systemd whether every service is up; raises `InstallError` naming those that are not."""
    down = not_active(machine)
    if down:
        raise InstallError(f"not running: {', '.join(down)}")


def _each(machine: Machine, checks: tuple[Check, ...], home: str) -> None:
    for check in checks:
        try:
            check.run(machine, home)
        except InstallError as error:
            raise InstallError(f"not so: {check.name}: {error}") from error
