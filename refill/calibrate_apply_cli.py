"""`refill calibrate apply`: the corrections that were agreed to on the screen, written by root."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from refill.common import SITE_CONFIG, Config, Data, device_file, fail


def apply(
    config: Config = None,
    data: Data = None,
    answers: Annotated[Path | None, typer.Option(help="folder for the answer; default: where the page looks")] = None,
) -> None:
    """Write the corrections that the page asks for into the device file, and answer it. systemd starts this as root.

    Exit 0: written, or nothing is asked. 1: not written, and why. 2: wrong use.
    """
    from calibration.apply import ApplyError
    from calibration.certificate.make import calibration_sha256
    from calibration.correction_request import ANSWERS, answer_request

    device = device_file(config, simulate=False)
    file = config or SITE_CONFIG
    folder = (data or device.storage.journal_folder) / "calibration"
    try:
        answer = answer_request(file, folder, calibration_sha256, datetime.now(UTC), answers or ANSWERS)
    except ApplyError as error:
        fail(f"refill: {error}", 1)
    except OSError as error:
        fail(f"refill: {error.filename}: {error.strerror or error}", 1)
    if answer is None:
        typer.echo("no corrections are asked for")
        return
    if answer.trouble is not None:
        fail(f"refill: {answer.trouble}", 1)
    typer.echo(f"{file}: corrected; the file as it was: {answer.backup}")
