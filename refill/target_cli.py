"""`refill calibrate target`: the printable targets for the plate, and the page that recovers."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import typer

from refill.common import Language, fail


def target(
    pdf: Annotated[Path | None, typer.Option(help="where to write the sheet (A4)")] = None,
    recovery: Annotated[Path | None, typer.Option(help="where to write the recovery page (HTML, for a phone)")] = None,
    language: Annotated[Language, typer.Option(help="of the words on it")] = Language.EN,
) -> None:
    """Write the targets for the plate: a sheet to print at 100 % (white, grey steps, chart, scale card, the pad's
    stencil), and the page that recovers, for the screen of a phone or tablet."""
    from calibration.camera_target_sheet import write_targets
    from calibration.recovery_page import write_page
    from refill.analyse_cli import one_line

    if pdf is None and recovery is None:
        fail("refill: nothing to write: --pdf FILE, --recovery FILE.html, or both", 2)
    spoken: Literal["en", "fr"] = "fr" if language is Language.FR else "en"
    if pdf is not None:
        _written(pdf, lambda part: write_targets(part, spoken))
        typer.echo(one_line(f"{pdf}: print at 100 % and measure the control line: 100 mm; the dark cap is no print"))
    if recovery is not None:
        _written(recovery, lambda part: write_page(part, spoken))
        typer.echo(one_line(f"{recovery}: open it on a phone or tablet, full brightness; it needs no network"))


def _written(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file whole or not at all; ends the command where it cannot be written."""
    from refill.analyse_cli import one_line

    if not path.name or path.is_dir():
        fail(one_line(f"refill: {path}: a folder, not the name of a file"), 2)
    part = path.with_name(f".{path.name}.part")
    try:
        write(part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        fail(one_line(f"refill: {path}: {error.strerror or error}"), 2)
