"""`refill trial`: the other end of the wire. Exit codes: 0 done, 1 it could not be done, 2 wrong use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from firmware_config.study import Study

app = typer.Typer(
    help="The trial side: ingest, database, export, and a broker for the demo.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Database = Annotated[
    str,
    typer.Option(
        envvar="REFILL_TRIAL_DATABASE", help="SQLite file, or sqlite:/// or postgresql:// URL.", show_envvar=True
    ),
]
Host = Annotated[str, typer.Option(help="Broker's host.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Broker's port.")]
StudyName = Annotated[str, typer.Option("--study", help="Study file's name.")]
Folder = Annotated[
    Path | None, typer.Option("--config", help="A site's own configuration folder, before the packaged one.")
]

_DATABASE = "refill-trial.sqlite3"


@app.command()
def ingest(
    study: StudyName,
    database: Database = _DATABASE,
    host: Host = "127.0.0.1",
    port: Port = 1883,
    client_id: Annotated[
        str, typer.Option(help="Fixed: the broker keeps the session under it. Default: from the study.")
    ] = "",
    mqtt: Annotated[str, typer.Option(help="MQTT version: 3.1.1 or 5.")] = "3.1.1",
    group: Annotated[
        str | None, typer.Option(help="Share the feed with the other ingesters of this group (MQTT 5).")
    ] = None,
    config: Folder = None,
) -> None:
    """Store what devices send, answer with receipts; runs until SIGTERM or Ctrl-C."""
    import logging
    import signal

    from device import logs
    from trial.database import SchemaError
    from trial.feed import FeedError
    from trial.ingest import Ingester, IngestOptions

    if mqtt not in ("3.1.1", "5"):
        raise typer.BadParameter("3.1.1 or 5", param_hint="--mqtt")
    if group is not None and mqtt != "5":
        raise typer.BadParameter("sharing needs --mqtt 5", param_hint="--group")
    logs.configure(logging.WARNING)
    logging.getLogger("trial").setLevel(logging.INFO)
    chosen, engine = _study(study, config), _engine(database)
    name = client_id or f"refill-ingest-{chosen.name}"
    options = IngestOptions(host, port, name, "5" if mqtt == "5" else "3.1.1", group)
    ingester = Ingester(engine, chosen, options)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ingester.stop())
    try:
        ingester.run()
    except (FeedError, SchemaError) as error:
        raise _fail(str(error)) from error
    finally:
        engine.dispose()


@app.command()
def broker(host: Annotated[str, typer.Option(help="Loopback address.")] = "127.0.0.1", port: Port = 1883) -> None:
    """Run a small MQTT broker for the demo: this machine only, no password, nothing kept on disk."""
    from trial.broker import DemoBrokerError, run_broker

    try:
        run_broker(host, port)
    except DemoBrokerError as error:
        raise _fail(str(error)) from error


@app.command()
def export(
    study: StudyName,
    out: Annotated[Path, typer.Option(help="CSV file to write; its data dictionary goes beside it.")],
    database: Database = _DATABASE,
    config: Folder = None,
) -> None:
    """Write the case report form's rows as CSV, one for each reading."""
    from sqlalchemy.exc import SQLAlchemyError

    from trial.crf_csv import AlteredError, dictionary_path
    from trial.crf_csv import export as export_csv

    chosen, engine = _study(study, config), _existing(database)
    try:
        count = export_csv(engine, chosen.name, out)
    except (OSError, SQLAlchemyError, AlteredError) as error:
        raise _fail(f"the export was not written: {_words(error)}") from error
    typer.echo(f"{out}: {count} readings; {dictionary_path(out)}: what the columns mean")


@app.command()
def gaps(
    database: Database = _DATABASE, study: Annotated[str | None, typer.Option(help="This study only.")] = None
) -> None:
    """List missing sequence numbers and broken hash chains; exit 1 where there are any."""
    from sqlalchemy.exc import SQLAlchemyError

    from trial import queries

    try:
        with _existing(database).connect() as connection:
            missing, broken = queries.gaps(connection, study), queries.chain_breaks(connection, study)
    except SQLAlchemyError as error:
        raise _fail(f"the database cannot be read: {_words(error)}") from error
    for gap in missing:
        which = f"{gap.first_missing}" if gap.count == 1 else f"{gap.first_missing} to {gap.last_missing}"
        typer.echo(f"{gap.study} {gap.device}: {which} missing ({gap.count}), of these refused: {gap.refused}")
    for item in broken:
        typer.echo(f"{item.study} {item.device}: {item.device_seq} does not follow the record before it")
    if missing or broken:
        raise typer.Exit(1)
    typer.echo("no gaps, every chain whole")


@app.command()
def status(
    database: Database = _DATABASE, study: Annotated[str | None, typer.Option(help="This study only.")] = None
) -> None:
    """Show devices, readings, gaps and dead letters."""
    from sqlalchemy.exc import SQLAlchemyError

    from trial import queries

    try:
        with _existing(database).connect() as connection:
            devices, missing = queries.devices(connection, study), queries.gaps(connection, study)
            broken, letters = queries.chain_breaks(connection, study), queries.dead_letters(connection)
    except SQLAlchemyError as error:
        raise _fail(f"the database cannot be read: {_words(error)}") from error
    typer.echo(f"{'study':<12} {'site':<4} {'device':<20} {'readings':>8} {'measured':>8} {'unsent':>6}  state")
    for d in devices:
        unsent = "?" if d.unsent_readings is None else d.unsent_readings
        state = (d.state or "unknown") + (f": {d.problem}" if d.problem else "")
        typer.echo(f"{d.study:<12} {d.site:<4} {d.device:<20} {d.readings:>8} {d.measured:>8} {unsent:>6}  {state}")
    typer.echo(f"missing sequence numbers: {sum(gap.count for gap in missing)}; broken chains: {len(broken)}")
    typer.echo("dead letters: " + (", ".join(f"{reason} {count}" for reason, count in letters.items()) or "none"))


def _study(name: str, folder: Path | None) -> Study:
    from firmware_config.loading import ConfigurationError, load_named
    from firmware_config.study import Study

    try:
        return load_named("studies", name, Study, folder)
    except ConfigurationError as error:
        raise _fail(str(error)) from error


def _engine(url: str) -> Engine:
    from trial.database import DatabaseChoiceError, open_database

    try:
        return open_database(url)
    except DatabaseChoiceError as error:
        raise _fail(str(error)) from error


def _existing(url: str) -> Engine:
    """Return the engine of a database that must be there already: looking at a misspelt name makes no new file."""
    engine = _engine(url)
    if engine.dialect.name == "sqlite" and not Path(str(engine.url.database)).is_file():
        raise _fail(f"{engine.url.database}: no such database")
    return engine


def _words(error: Exception) -> str:
    """Return an error in one line, without the statement and its values."""
    return " ".join(str(getattr(error, "orig", None) or error).split())[:300]


def _fail(sentence: str) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(1)
