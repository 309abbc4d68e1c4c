"""`refill calibrate target`: the printable targets for the plate."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from refill.common import fail
from refill.probe_options import Language


def target(
    pdf: Annotated[Path, typer.Option(help="where to write the sheet (A4)")],
    language: Annotated[Language, typer.Option(help="of the words on it")] = Language.EN,
) -> None:
    """Write the sheet of targets for the plate: white, grey steps, colour chart, scale card. Print it at 100 %."""
    from calibration.camera_target_sheet import write_targets
    from refill.analyse_cli import one_line

    if not pdf.name or pdf.is_dir():
        fail(one_line(f"refill: {pdf}: a folder, not the name of a file"), 2)
    part = pdf.with_name(f".{pdf.name}.part")
    try:
        write_targets(part, "fr" if language is Language.FR else "en")
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(pdf)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        fail(one_line(f"refill: {pdf}: {error.strerror or error}"), 2)
    typer.echo(f"{pdf}: print at 100 % and measure the control line: 100 mm; the dark cap is no print")
