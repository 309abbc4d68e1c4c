"""What came from the bedside about earlier readings and is not settled: listed, and decided by a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from refill.trial_common import Database, Folder, OneStudy, opened
from refill.trial_records_cli import By, Why, person

if TYPE_CHECKING:
    from trial.amendments import Query


def add_to(app: typer.Typer) -> None:
    """Hang these commands into `refill trial`."""
    app.command()(amendments)
    app.command()(decide)


def amendments(database: Database = None, study: OneStudy = None, config: Folder = None) -> None:
    """List amendments that changed nothing, and why; exit 1 where one waits for a person.

    Correct the reading (`refill trial correct`) or leave it, then note that it is decided (`refill trial decide`).
    """
    from trial.amendments import queries

    with opened(database, config) as engine, engine.connect() as connection:
        found = queries(connection, study)
    for each in found:
        typer.echo(_line(each))
    to_decide = sum(not each.waits for each in found)
    typer.echo(f"{to_decide} to decide, {len(found) - to_decide} wait for the reading that they are about")
    if to_decide:
        raise typer.Exit(1)


def decide(amendment_id: str, by: By, why: Why, database: Database = None, config: Folder = None) -> None:
    """Note that a person has decided about an amendment: it stays, and is listed no more. Changes no reading."""
    from trial.amendments import DecisionError
    from trial.amendments import decide as note_decision
    from trial.people import UnsignedError

    with opened(database, config, DecisionError, UnsignedError) as engine:
        note_decision(engine, amendment_id, actor=person(by), why=why)
    typer.echo(f"{amendment_id}: decided")


def _line(query: Query) -> str:
    from trial.corrections import shown

    a = query.amendment
    asked = "; ".join(f"{field} from {shown(old)} to {shown(new)}" for field, old, new in a.changes)
    what = f"{a.action} by {a.operator}" + (f": {asked}" if asked else "")
    return f"{a.study} {a.device} {a.device_seq}: {a.reading_id} about {a.about}, {what}: {query.reason}"
