"""The site's configuration: a first copy where there is none, and never a change to what is there."""

import hashlib
from pathlib import Path

from firmware_config.install.machine import Machine, write
from firmware_config.install.state import State, keep

FOLDER = "/etc/refill"
DEFAULTS: tuple[tuple[str, str], ...] = (("firmware_config/device.toml", f"{FOLDER}/device.toml"),)
NEW = ".new"


def missing(machine: Machine) -> list[str]:
    """Return the files that a site does not have yet."""
    return [path for _, path in DEFAULTS if not machine.at(path).exists()]


def copy_missing(machine: Machine, app: Path, state: State) -> None:
    """Give a site its first copies."""
    for inner, path in DEFAULTS:
        if not machine.at(path).exists():
            content = (app / inner).read_bytes()
            write(machine.at(path), content)
            state.defaults[path] = _hash(content)
    keep(machine, state)


def changed_defaults(machine: Machine, app: Path, state: State) -> list[str]:
    """Return the files whose packaged default is not the one last offered, and not what the site has."""
    return [
        path
        for inner, path in DEFAULTS
        if machine.at(path).is_file()
        and state.defaults.get(path) != _hash((app / inner).read_bytes())
        and machine.at(path).read_bytes() != (app / inner).read_bytes()
    ]


def offer(machine: Machine, app: Path, state: State) -> list[str]:
    """Lay each changed default beside the site's file, which stays as it is; return what was laid there."""
    laid = []
    packaged = {to: app / inner for inner, to in DEFAULTS}
    for path in changed_defaults(machine, app, state):
        write(machine.at(path + NEW), packaged[path].read_bytes())
        laid.append(path + NEW)
    state.defaults = {path: _hash((app / inner).read_bytes()) for inner, path in DEFAULTS}
    keep(machine, state)
    return laid


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
