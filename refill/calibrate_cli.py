"""`refill calibrate`: the guided calibration and its certificate, targets and card, agreement with a stopwatch."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from refill.agreement_cli import agreement
from refill.calibrate_apply_cli import apply
from refill.calibrate_report_cli import report
from refill.calibrate_run_cli import run
from refill.calibrate_screen_cli import screen
from refill.calibrate_verify_cli import changed, verify
from refill.certificate_cli import certificate
from refill.common import Language, fail
from refill.pairs_cli import pairs
from refill.target_cli import target

app = typer.Typer(
    help="Calibration: the guided run and its certificate, targets and card, agreement with a stopwatch.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command()(run)
app.command()(screen)
app.command()(apply)
app.command()(report)
app.command()(agreement)
app.command()(pairs)
app.command()(certificate)
app.command()(verify)
app.command()(changed)
app.command()(target)


@app.callback()
def _calibrate() -> None:
    """Calibration: the guided run and its certificate, targets and card, agreement with a stopwatch."""


@app.command()
def card(
    pdf: Annotated[Path, typer.Option(help="where to write the sheet (A4)")],
    language: Annotated[Language, typer.Option(help="of the words on it")] = Language.EN,
) -> None:
    """Write the reference card for photos of a leg, with three pointers to cut out. Print it at 100 %."""
    from calibration.card_pdf import write_card
    from refill.analyse_cli import one_line

    if not pdf.name or pdf.is_dir():
        fail(one_line(f"refill: {pdf}: a folder, not the name of a file"), 2)
    part = pdf.with_name(f".{pdf.name}.part")
    try:
        write_card(part, "fr" if language is Language.FR else "en")
        part.replace(pdf)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        fail(one_line(f"refill: {pdf}: {error.strerror or error}"), 2)
    typer.echo(f"{pdf}: print at 100 % and measure both control lines: 100 mm")
