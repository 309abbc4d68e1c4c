"""What every `refill probe` command takes, and how each of them ends when it cannot go on."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import simulated_folder

if TYPE_CHECKING:
    from firmware_config.device import DeviceConfig

CANNOT, USAGE, LATCHED, DID_NOT, NOT_PASSED, STOPPED = 1, 2, 3, 4, 5, 130
"""Exit codes: no probe or no hardware; what was asked for makes no sense; a fault is latched; it did not come off;
a level failed; Ctrl-C."""


class Body(StrEnum):
    """What the simulated probe sits on."""

    FINGER = "finger"
    KNEE = "knee"


Simulate = Annotated[bool, typer.Option("--simulate", help="simulated pins and skin instead of a Pi's")]
Socket = Annotated[Path | None, typer.Option("--socket", help="where the probe listens; default: the device file's")]
World = Annotated[Path | None, typer.Option("--world", help="file that shares the simulated pressure with the camera")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object on standard output, for a program")]


def socket_of(device: "DeviceConfig", simulate: bool, given: Path | None) -> Path:
    """Return where the probe listens."""
    if given is not None:
        return given
    return simulated_folder() / "probe.sock" if simulate else device.probe.socket
