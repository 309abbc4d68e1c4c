"""What the commands share: finding configuration, and ending with one sentence.

Exit codes: 0 done, 1 it could not be done, 2 wrong use.
"""

from __future__ import annotations

import os
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from firmware_config.device import DeviceConfig
    from firmware_config.study import Study

    Model = TypeVar("Model", bound=BaseModel)

SITE_CONFIG = Path("/etc/refill/device.toml")

Config = Annotated[
    Path | None, typer.Option("--config", help=f"device file; default {SITE_CONFIG}, packaged when simulated")
]
Data = Annotated[Path | None, typer.Option("--data", help="folder of the journal; default: the device file's")]


class BodySite(StrEnum):
    """Where the probe sits."""

    FINGER = "finger"
    KNEE = "knee"


class Side(StrEnum):
    """Which hand or knee."""

    LEFT = "left"
    RIGHT = "right"


class Language(StrEnum):
    """Of the sentences for people at the bedside."""

    EN = "en"
    FR = "fr"


def simulated_folder() -> Path:
    """Return where a simulated bedside keeps sockets and world: the user's own run-time folder."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "refill" if runtime else Path(tempfile.gettempdir()) / f"refill-{os.getuid()}"


def device_file(path: Path | None, simulate: bool) -> DeviceConfig:
    """Return the device file at `path`, or the packaged one when simulated; ends where it cannot be read."""
    from firmware_config.device import DEFAULT_PATH, load_device
    from firmware_config.loading import ConfigurationError

    try:
        return load_device(path or (DEFAULT_PATH if simulate else SITE_CONFIG))
    except ConfigurationError as error:
        fail(str(error), 2)


def site_folder(path: Path | None, simulate: bool) -> Path | None:
    """Return the folder of the device file, where a site's own studies and protocols lie; None: there is none."""
    if path is not None:
        return path.absolute().parent
    return None if simulate else SITE_CONFIG.parent


def named_file(kind: str, name: str, model: type[Model], folder: Path | None) -> Model:
    """Return a study or protocol by name, a site's own before the packaged; ends the command where there is none."""
    from firmware_config.loading import ConfigurationError, load_named

    try:
        return load_named(kind, name, model, folder)
    except ConfigurationError as error:
        fail(str(error), 2)


def usual_protocol(study: Study, body_site: str) -> str:
    """Return what a study follows at a body site where nothing is named; ends the command where it names none."""
    protocol = next((name for site, name in study.protocols.items() if site == body_site), None)
    if protocol is None:
        fail(f"study {study.name} names no protocol for the {body_site}: say which, with --protocol", 2)
    return protocol


def fail(sentence: str, code: int) -> NoReturn:
    """Say in one sentence what is wrong, and end."""
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
