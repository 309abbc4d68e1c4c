"""`refill trial queries` and `refill trial missing`: questions about data, and why expected readings are missing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import fail
from refill.trial_common import Database, Folder, StudyName, opened, study_named
from refill.trial_schedule_cli import OneSite

if TYPE_CHECKING:
    from firmware_config.study import Study
    from trial.schedule.asked import Action

app = typer.Typer(help="Questions about data: open, answered, closed.", no_args_is_help=True, rich_markup_mode=None)
Actor = Annotated[str, typer.Option(help="Code of who does it, no name.")]
Number = Annotated[int, typer.Argument(min=1, help="The query's number.")]
Words = Annotated[str, typer.Option("--why", help="In one line.")]


def add_to(trial: typer.Typer) -> None:
    """Hang these commands into `refill trial`."""
    trial.add_typer(app, name="queries")
    trial.command()(missing)


@app.command("list")
def list_queries(study: StudyName, site: OneSite = None, database: Database = None, config: Folder = None) -> None:
    """List the queries of a study with what was last said of each."""
    from trial.schedule.asked import queries

    chosen = _chosen(study, site, config)
    with opened(database, config) as engine, engine.connect() as connection:
        found = queries(connection, chosen.name, site)
    for each in found:
        about = f"{each.site}-{each.inclusion}" if each.inclusion else each.site
        typer.echo(f"{each.id} {each.action} {about} {each.code}: {each.question} ({each.actor}: {each.why})")
    typer.echo(f"{len(found)} queries, {sum(each.action != 'closed' for each in found)} not closed")


@app.command()
def run(
    study: StudyName, actor: Actor = "refill", site: OneSite = None, database: Database = None, config: Folder = None
) -> None:
    """Open a query for whatever the data themselves ask. Run again, it asks nothing twice."""
    from trial.crf_files import AlteredError
    from trial.people import UnsignedError
    from trial.schedule.asked import open_findings
    from trial.schedule.findings import findings

    chosen, now = _chosen(study, site, config), datetime.now(UTC)
    with opened(database, config, AlteredError, UnsignedError) as engine:
        with engine.connect() as connection:
            found = findings(connection, chosen, now, site)
        new = open_findings(engine, chosen.name, found, now, actor=actor)
    typer.echo(f"{len(found)} findings, {new} new queries")


@app.command("open")
def open_query(
    study: StudyName,
    site: Annotated[str, typer.Option(help="Site that is asked.")],
    question: Annotated[str, typer.Option(help="In one line.")],
    actor: Actor,
    inclusion: Annotated[str | None, typer.Option(help="Inclusion number it is about, as it is stored.")] = None,
    database: Database = None,
    config: Folder = None,
) -> None:
    """Ask a question by hand."""
    from trial.people import UnsignedError
    from trial.schedule.asked import open_by_hand

    chosen = _chosen(study, site, config)
    if inclusion is not None and not (inclusion.isascii() and inclusion.isdigit() and len(inclusion) <= 6):
        fail("--inclusion: at most six digits", 2)
    with opened(database, config, UnsignedError) as engine:
        now = datetime.now(UTC)
        number = open_by_hand(engine, chosen.name, site, question, now, actor=actor, inclusion=inclusion)
    typer.echo(f"query {number} is open")


@app.command()
def answer(
    number: Number, study: StudyName, why: Words, actor: Actor, database: Database = None, config: Folder = None
) -> None:
    """Answer a query."""
    _say(number, study, "answered", why, actor, database, config)


@app.command()
def close(
    number: Number, study: StudyName, why: Words, actor: Actor, database: Database = None, config: Folder = None
) -> None:
    """Close a query: nothing follows."""
    _say(number, study, "closed", why, actor, database, config)


def _say(
    number: int, study: str, action: Action, why: str, actor: str, database: str | None, config: Path | None
) -> None:
    from trial.people import UnsignedError
    from trial.schedule.asked import AskedError, say

    chosen = study_named(study, config)
    with opened(database, config, AskedError, UnsignedError) as engine:
        say(engine, chosen.name, number, action, why, datetime.now(UTC), actor=actor, site=None)
    typer.echo(f"query {number} is {action}")


def missing(
    study: StudyName,
    site: Annotated[str, typer.Option(help="The subject's site.")],
    inclusion: Annotated[str, typer.Option(help="The subject's inclusion number, as it is stored.")],
    event: Annotated[str, typer.Option(help="Event at which the reading is missing.")],
    reading: Annotated[str, typer.Option(help="finger, knee or mottling.")],
    code: Annotated[str, typer.Option(help="Why; a wrong one shows those there are.")],
    actor: Actor,
    database: Database = None,
    config: Folder = None,
) -> None:
    """Say why an expected reading is missing."""
    from trial.crf_files import AlteredError
    from trial.people import UnsignedError
    from trial.schedule.asked import AskedError, code_missing
    from trial.schedule.stored import schedules

    chosen, now = _chosen(study, site, config), datetime.now(UTC)
    with opened(database, config, AskedError, UnsignedError, AlteredError) as engine:
        with engine.connect() as connection:
            found = schedules(connection, chosen, now, site)
        slots = [slot for one in found if one.subject == (site, inclusion) for slot in one.slots]
        slot = next((each for each in slots if (each.event, each.kind) == (event, reading)), None)
        if slot is None or slot.state != "missing":
            state = "not expected" if slot is None else slot.state
            fail(f"{site}-{inclusion}, {event}, {reading}: {state}, so no reason for its being missing is kept", 1)
        code_missing(engine, chosen.name, slot.subject, event, slot.kind, code, now, actor=actor)
    typer.echo(f"{site}-{inclusion}, {event}, {reading}: missing, {code}")


def _chosen(study: str, site: str | None, config: Path | None) -> Study:
    chosen = study_named(study, config)
    if site is not None and site not in chosen.sites:
        fail(f"--site: {site} is not among the study's sites", 2)
    return chosen
