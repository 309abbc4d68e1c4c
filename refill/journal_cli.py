"""`refill journal`: look at the device's own record, check it, take it away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import fail

if TYPE_CHECKING:
    from device.journal import Deliveries

app = typer.Typer(help="The device's own record.", no_args_is_help=True, rich_markup_mode=None)
JournalFolder = Annotated[Path, typer.Option("--data", help="folder of the journal")]


@app.command()
def verify(data: JournalFolder) -> None:
    """Check every record, trace and receipt against the hash chain; exit 1 where something is wrong."""
    with _journal(data) as journal:
        found = journal.verify()
    for problem in found.problems:
        typer.echo(problem)
    if not found.sound:
        raise typer.Exit(1)
    typer.echo(f"{found.records} records, {found.traces} traces: the chain is whole")


@app.command()
def show(data: JournalFolder) -> None:
    """List the records, one line each: number, time, subject, result, and how far it got."""
    with _journal(data) as journal:
        for record in journal.records():
            reading = record.reading
            result = reading.result
            found = (
                f"{result.crt_s:.2f} s"
                if result.crt_s is not None
                else f"> {result.crt_exceeds_s:.1f} s"
                if result.crt_exceeds_s is not None
                else str(result.reason)
            )
            receipts = journal.receipts(record.device_seq)
            subject = f"{reading.subject.site}-{reading.subject.inclusion}"
            mark = " simulated" if reading.simulated else ""
            typer.echo(
                f"{record.device_seq:6} {reading.measured.at:%Y-%m-%d %H:%M:%S%z} {reading.study} {subject}"
                f" {reading.body_site.value} {found}  {receipts[-1][0] if receipts else 'waiting'}{mark}"
            )
        counts = journal.counts()
    typer.echo(f"{counts.records} records, {counts.unsent} without a receipt, {counts.refused} refused")


@app.command()
def export(
    data: JournalFolder, out: Annotated[Path, typer.Option(help="new folder for records, receipts and traces")]
) -> None:
    """Write records, receipts and traces as plain files, with SHA256SUMS; `refill analyse` takes a trace as it is."""
    from device.journal.export import export as export_files

    with _journal(data) as journal:
        try:
            files = export_files(journal, out)
        except FileExistsError:
            fail(f"{out} exists; an export never writes over an earlier one", 1)
        except OSError as error:
            fail(f"{out}: {error.strerror or error}", 1)
    typer.echo(f"{out}: {len(files)} files")


def _journal(folder: Path) -> Deliveries:
    from device.journal import Deliveries, JournalError

    path = folder if folder.is_file() else folder / "journal.sqlite"
    try:
        return Deliveries.open(path, read_only=True)
    except JournalError as error:
        fail(str(error), 1)
