"""What every `refill probe` command takes, and how each of them ends when it cannot go on."""

import os
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from firmware_config.device import DeviceConfig

SITE_CONFIG = Path("/etc/refill/device.toml")

CANNOT, USAGE, LATCHED, DID_NOT, NOT_PASSED, STOPPED = 1, 2, 3, 4, 5, 130
"""Exit codes: no probe or no hardware; what was asked for makes no sense; a fault is latched; it did not come off;
a level failed; Ctrl-C."""


class Body(StrEnum):
    """What the simulated probe sits on."""

    FINGER = "finger"
    KNEE = "knee"


class Language(StrEnum):
    """Of the sentences for the nurse."""

    EN = "en"
    FR = "fr"


Config = Annotated[
    Path | None, typer.Option("--config", help=f"device file; default {SITE_CONFIG}, packaged when simulated")
]
Simulate = Annotated[bool, typer.Option("--simulate", help="simulated pins and skin instead of a Pi's")]
Socket = Annotated[Path | None, typer.Option("--socket", help="where the probe listens; default: the device file's")]
World = Annotated[Path | None, typer.Option("--world", help="file that shares the simulated pressure with the camera")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object on standard output, for a program")]


def simulated_folder() -> Path:
    """Return where a simulated probe keeps its socket and its world: the user's own run-time folder."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "refill" if runtime else Path(tempfile.gettempdir()) / f"refill-{os.getuid()}"


def device_of(path: Path | None, simulate: bool) -> "DeviceConfig":
    """Return the device file's content; ends the command with every error of the file."""
    from firmware_config.device import DEFAULT_PATH, load_device
    from firmware_config.loading import ConfigurationError

    try:
        return load_device(path or (DEFAULT_PATH if simulate else SITE_CONFIG))
    except ConfigurationError as error:
        fail(str(error), USAGE)


def socket_of(device: "DeviceConfig", simulate: bool, given: Path | None) -> Path:
    """Return where the probe listens."""
    if given is not None:
        return given
    return simulated_folder() / "probe.sock" if simulate else device.probe.socket


def fail(sentence: str, code: int) -> NoReturn:
    """End the command with one sentence on standard error."""
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
