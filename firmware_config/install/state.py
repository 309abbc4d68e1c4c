"""What the installer remembers: the release that passed its self-test, and every file that it put outside of a
release."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from firmware_config.install.machine import InstallError, Machine, write

HOME = "/opt/refill"
STATE = f"{HOME}/state.json"
RELEASES = f"{HOME}/releases"
CURRENT = f"{HOME}/current"


@dataclass
class State:
    """Written before and after each change, so that whoever was stopped in the middle knows what there may be.

    `placed` has each path outside of a release, with the hash of what was written or the target of a link; `defaults`
    the hash of each packaged configuration file as last offered; `cmdline` the words that we added to the kernel's
    line.
    """

    good: str | None = None
    kiosk: bool = True
    placed: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    cmdline: list[str] = field(default_factory=list)


def read(machine: Machine) -> State | None:
    """Return what is remembered; None on a machine without us. Raises `InstallError` where it cannot be read."""
    path = machine.at(STATE)
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return State(**content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise InstallError(f"{path}: cannot be read: {error}") from error


def keep(machine: Machine, state: State) -> None:
    """Write it, whole or not at all."""
    write(machine.at(STATE), (json.dumps(asdict(state), indent=1, sort_keys=True) + "\n").encode())
