"""`refill trial freeze` and `unfreeze`: data that people no longer change."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import fail
from refill.trial_common import Database, Folder, StudyName, opened, study_named
from refill.trial_records_cli import person

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from trial.freezing import Action

Site = Annotated[str | None, typer.Option(help="A whole site.")]
Subject = Annotated[str | None, typer.Option(help="One subject: site and inclusion number, as in 12-0034.")]
By = Annotated[str, typer.Option("--by", help="Who does it: a code, never a name.")]
Why = Annotated[str, typer.Option("--why", help="The reason, in a line; never about a person.")]


def add_to(trial: typer.Typer) -> None:
    """Hang these commands into `refill trial`."""
    trial.command()(freeze)
    trial.command()(unfreeze)


def freeze(
    study: StudyName,
    by: By,
    why: Why,
    site: Site = None,
    subject: Subject = None,
    database: Database = None,
    config: Folder = None,
) -> None:
    """Freeze a site or a subject: no correction, no coded reason and no answer any more."""
    _change("frozen", study, site, subject, by, why, database, config)


def unfreeze(
    study: StudyName,
    by: By,
    why: Why,
    site: Site = None,
    subject: Subject = None,
    database: Database = None,
    config: Folder = None,
) -> None:
    """Take a freeze back, with its reason."""
    _change("unfrozen", study, site, subject, by, why, database, config)


def _change(
    action: Action,
    study: str,
    site: str | None,
    subject: str | None,
    by: str,
    why: str,
    database: str | None,
    config: Path | None,
) -> None:
    from trial.freezing import FrozenError, change, shown
    from trial.people import UnsignedError

    if (site is None) == (subject is None):
        fail("--site or --subject: one of them", 2)
    chosen = study_named(study, config)
    where, _, number = (subject or site or "").partition("-")
    if where not in chosen.sites:
        fail(f"{'--site' if subject is None else '--subject'}: {where} is not among the study's sites", 2)
    if subject is not None and not (number.isascii() and number.isdigit() and len(number) <= 6):
        fail("--subject: site and inclusion number, as in 12-0034", 2)
    whose = (where, number if subject is not None else None)
    with opened(database, config, FrozenError, UnsignedError) as engine:
        if subject is not None:
            with engine.connect() as connection:
                _is_there(connection, chosen.name, where, number)
        change(engine, chosen.name, whose, action, datetime.now(UTC), actor=person(by), why=why)
    typer.echo(f"{shown(whose)} is {action}")


def _is_there(connection: Connection, study: str, site: str, inclusion: str) -> None:
    """End the command where nothing stands for a subject: a number typed wrong would leave the right one open."""
    from trial.crf.canonical import places

    if not any(place.inclusion == inclusion for place in places(connection, study, site)):
        fail(f"--subject: there is no reading of subject {site}-{inclusion}", 1)
