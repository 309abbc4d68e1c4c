"""`refill trial traces`: the curves behind the numbers: brought from the devices' journals, counted, handed out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import fail
from refill.trial_common import Database, Folder, OneStudy, StudyName, numbers, opened, progress, study_named

if TYPE_CHECKING:
    from trial.trace_import import Taken

traces = typer.Typer(
    help="Traces of presses: what a number was made of. They never cross the wire.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(trial: typer.Typer) -> None:
    """Hang these commands into `refill trial`."""
    trial.add_typer(traces, name="traces")


@traces.command(name="import")
def import_(
    export: Annotated[Path, typer.Argument(help="Folder that `refill journal export` wrote.")],
    by: Annotated[str, typer.Option("--by", help="Who does it: a code, never a name.")],
    why: Annotated[str, typer.Option("--why", help="The reason, in a line; never about a person.")],
    study: OneStudy = None,
    database: Database = None,
    config: Folder = None,
) -> None:
    """Store the traces of a device's journal, each once and with the hash that its reading names.

    Exit 1 where a trace does not fit its reading, or its reading has not come in: each is named, and stays out.
    """
    from trial.people import UnsignedError, is_person_code
    from trial.reconcile import ExportError
    from trial.trace_import import bring

    if not is_person_code(by):
        fail("--by: a code like dm-1 and never a name", 2)
    with opened(database, config, ExportError, UnsignedError) as engine, progress() as say:
        taken = bring(engine, export, actor=by, why=why, study=study, progress=say)
    _say(taken)
    if taken.refused or taken.waiting:
        raise typer.Exit(1)


def _say(taken: Taken) -> None:
    removed = f", {taken.removed} removed by the device's retention" if taken.removed else ""
    typer.echo(f"{taken.device}: {taken.stored} traces stored now, {taken.there} were there already{removed}")
    for sentence in taken.refused:
        typer.echo(f"{taken.device}: stays out: {sentence}")
    if taken.waiting:
        typer.echo(
            f"{taken.device}: readings that have not come in: {numbers(taken.waiting)}; "
            "refill trial reconcile stores them, then run this again"
        )


@traces.command()
def status(
    study: StudyName,
    check: Annotated[bool, typer.Option("--check", help="Also hash every stored trace again.")] = False,
    database: Database = None,
    config: Folder = None,
) -> None:
    """Count the traces that readings name and those that are here; exit 1 where --check finds one altered."""
    from trial import traces as stored

    chosen = study_named(study, config)
    with opened(database, config) as engine, engine.connect() as connection:
        found = stored.standings(connection, chosen.name)
        wrong = list(stored.altered(connection, chosen.name)) if check else []
    typer.echo(f"{'site':<4} {'device':<20} {'named':>8} {'here':>8} {'on the device':>14}")
    for each in found:
        typer.echo(f"{each.site:<4} {each.device:<20} {each.named:>8} {each.here:>8} {each.named - each.here:>14}")
    for sentence in wrong:
        typer.echo(sentence)
    if wrong:
        raise typer.Exit(1)
    if check:
        typer.echo("every stored trace is the one that its device hashed")


@traces.command()
def write(
    reading_id: Annotated[str, typer.Argument(help="Reading's id.")],
    out: Annotated[Path, typer.Option(help="Folder to write them into; it is made where it is not there.")],
    database: Database = None,
    config: Folder = None,
) -> None:
    """Write the stored traces of a reading as files, for `refill analyse`; never over a file."""
    from trial import traces as stored

    with opened(database, config, stored.AlteredTraceError) as engine, engine.connect() as connection:
        there = stored.kept(connection, reading_id)
        texts = {number: stored.text_of(connection, reading_id, number) for number in there}
    if not texts:
        fail(f"no trace of a reading {reading_id[:40]} is here", 1)
    for number, text in sorted(texts.items()):
        path = out / f"{reading_id}-{number}.json"
        try:
            out.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(text or b"")
        except OSError as error:
            fail(f"{path}: {error.strerror}", 1)
        typer.echo(str(path))
