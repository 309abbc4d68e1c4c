"""`refill calibrate report`: a certificate as a PDF."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import fail

if TYPE_CHECKING:
    from uuid import UUID

    from contract.certificate import Certificate


def report(
    certificate: Annotated[Path, typer.Argument(help="file of the certificate", metavar="CERTIFICATE.json")],
    pdf: Annotated[Path, typer.Option(help="where to write the report (A4)")],
    previous: Annotated[
        Path | None, typer.Option(help="certificate to compare with; default: the one before, where it lies beside")
    ] = None,
) -> None:
    """Write a certificate as a PDF: figures, limits, curves, and what changed since the last one.

    Exit 2: not a certificate, or altered since it was signed.
    """
    found = read(certificate)
    before = read(previous) if previous is not None else _beside(certificate, found.previous_certificate_id)
    if before is not None and before.device.name != found.device.name:
        fail(f"refill: {previous}: is of {before.device.name}, not of {found.device.name}", 2)
    write(pdf, found, before)
    from calibration.figures_text import verdict

    typer.echo(f"{pdf}: {verdict(found)}, {len(found.steps)} steps")


def read(path: Path) -> Certificate:
    """Return the certificate of a file; ends the command where it is none, or its signature does not fit."""
    from refill.calibrate_wiring import WiringError, checked

    try:
        return checked(path)
    except WiringError as error:
        fail(f"refill: {error}", 2)


def _beside(path: Path, wanted: UUID | None) -> Certificate | None:
    """Return the certificate of this id from the same folder, None where it is not there, or not whole."""
    from refill.calibrate_wiring import WiringError, checked

    for other in sorted(path.absolute().parent.glob("*.json")) if wanted is not None else []:
        with suppress(WiringError):
            found = checked(other)
            if found.certificate_id == wanted:
                return found
    return None


def write(pdf: Path, certificate: Certificate, previous: Certificate | None) -> None:
    """Write a report that appears whole; ends the command where it cannot be written."""
    from calibration.report_pdf import write_certificate

    if not pdf.name or pdf.is_dir():
        fail(f"refill: {pdf}: a folder, not the name of a file", 2)
    part = pdf.with_name(f".{pdf.name}.part")
    try:
        write_certificate(part, certificate, previous)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(pdf)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        fail(f"refill: {pdf}: {error.strerror or error}", 2)
