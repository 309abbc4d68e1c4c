"""`refill trial serve`, the data managers' page, and `refill trial account`, who may come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import fail
from refill.trial_common import Database, Folder, StudyName, opened, study_named

if TYPE_CHECKING:
    from firmware_config.trial import Trial

accounts = typer.Typer(help="Who may use the data managers' page.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="Account: a code, never a name.")]
By = Annotated[str, typer.Option("--by", help="Code of who does it.")]
Why = Annotated[str, typer.Option(help="Why, in one line.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(serve)
    app.add_typer(accounts, name="account")


def serve(
    study: Annotated[str | None, typer.Option(help="Study file's name; default: the one of trial.toml.")] = None,
    database: Database = None,
    config: Folder = None,
) -> None:
    """Serve the data managers' page until SIGTERM or Ctrl-C. Who may come in: `refill trial account`."""
    from device.probe.notify import notify
    from refill.curve_process import CurveProcess

    trial = _trial(config)
    chosen = study_named(study or trial.study, config)
    from trial.page.server import serve as serve_page

    with opened(database, config) as engine:
        scheme = "http" if trial.page.certificate_file is None else "https"
        typer.echo(f"{scheme}://{trial.page.host}:{trial.page.port}/ (Ctrl-C ends it)")
        curves = CurveProcess()
        try:
            serve_page(engine, chosen, trial.page, curves, notify)
        finally:
            curves.end()


@accounts.command(name="open")
def open_(
    name: Name,
    role: Annotated[str, typer.Option(help="data_manager, site or monitor")],
    by: By,
    why: Why,
    study: StudyName,
    site: Annotated[str | None, typer.Option(help="The one site it sees; none: all of them.")] = None,
    database: Database = None,
    config: Folder = None,
) -> None:
    """Open an account; its password is asked for, or read from standard input where that is no terminal."""
    from trial.accounts import ROLES, Account, AccountError, open_account
    from trial.people import UnsignedError

    chosen = study_named(study, config)
    known = next((each for each in ROLES if each == role), None)
    if known is None:
        fail(f"--role {role}: {', '.join(ROLES)}", 2)
    with opened(database, config, AccountError, UnsignedError) as engine:
        open_account(engine, chosen, Account(chosen.name, name, known, site), _password(), actor=by, why=why)
    typer.echo(f"account {name} is open: {role}, {'every site' if site is None else f'site {site}'}")


@accounts.command()
def password(name: Name, by: By, why: Why, study: StudyName, database: Database = None, config: Folder = None) -> None:
    """Give an account another password."""
    from trial.accounts import AccountError, change_password
    from trial.people import UnsignedError

    chosen = study_named(study, config)
    with opened(database, config, AccountError, UnsignedError) as engine:
        change_password(engine, chosen.name, name, _password(), actor=by, why=why)
    typer.echo(f"account {name} has another password")


@accounts.command()
def close(name: Name, by: By, why: Why, study: StudyName, database: Database = None, config: Folder = None) -> None:
    """Close an account: pages that are open show nothing more within seconds."""
    from trial.accounts import AccountError, close_account
    from trial.people import UnsignedError

    chosen = study_named(study, config)
    with opened(database, config, AccountError, UnsignedError) as engine:
        close_account(engine, chosen.name, name, actor=by, why=why)
    typer.echo(f"account {name} is closed")


@accounts.command(name="list")
def list_(study: StudyName, database: Database = None, config: Folder = None) -> None:
    """List the accounts of a study."""
    from trial.accounts import listed

    chosen = study_named(study, config)
    with opened(database, config) as engine, engine.connect() as connection:
        found = listed(connection, chosen.name)
    for entry in found:
        site = "every site" if entry.account.site is None else f"site {entry.account.site}"
        state = "open" if entry.open else "closed"
        typer.echo(
            f"{entry.account.name:<16} {entry.account.role:<12} {site:<10} {state:<6} {entry.actor}: {entry.why}"
        )


def _password() -> str:
    import sys

    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return typed


def _trial(config: Folder) -> Trial:
    from firmware_config.loading import ConfigurationError
    from firmware_config.trial import load_trial

    try:
        return load_trial(config)
    except ConfigurationError as error:
        fail(str(error), 2)
