"""`refill trial`: the other end of the wire. Exit codes: 0 done, 1 it could not be done, 2 wrong use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from refill import (
    trial_amendments_cli,
    trial_archive_cli,
    trial_backup_cli,
    trial_feed_cli,
    trial_freeze_cli,
    trial_ingest_cli,
    trial_page_cli,
    trial_queries_cli,
    trial_records_cli,
    trial_schedule_cli,
    trial_traces_cli,
)
from refill.common import fail
from refill.trial_common import Database, Folder, OneStudy, StudyName, opened, study_named, tell_frozen

app = typer.Typer(
    help="The trial side: ingest, database, export, and a broker for the demo.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

app.command()(trial_ingest_cli.ingest)
trial_records_cli.add_to(app)
trial_amendments_cli.add_to(app)
trial_backup_cli.add_to(app)
trial_archive_cli.add_to(app)
trial_feed_cli.add_to(app)
trial_freeze_cli.add_to(app)
trial_page_cli.add_to(app)
trial_schedule_cli.add_to(app)
trial_queries_cli.add_to(app)
trial_traces_cli.add_to(app)

Port = Annotated[int, typer.Option(min=1, max=65535, help="Broker's port.")]


@app.command()
def broker(host: Annotated[str, typer.Option(help="Loopback address.")] = "127.0.0.1", port: Port = 1883) -> None:
    """Run a small MQTT broker for the demo: this machine only, no password, nothing kept on disk."""
    from trial.broker import DemoBrokerError, run_broker

    try:
        run_broker(host, port)
    except DemoBrokerError as error:
        fail(str(error), 1)


@app.command()
def export(
    study: StudyName,
    out: Annotated[Path, typer.Option(help="CSV file to write; its data dictionary goes beside it.")],
    mottling: Annotated[
        Path | None, typer.Option(help="Also write the mottling readings to this CSV file, with its own dictionary.")
    ] = None,
    database: Database = None,
    config: Folder = None,
) -> None:
    """Write the case report form's rows as CSV, one for each reading, as they stand after their corrections."""
    from trial.crf_csv import export as export_csv
    from trial.crf_files import AlteredError, dictionary_path
    from trial.crf_mottling import export_mottling

    if mottling is not None and {mottling, dictionary_path(mottling)} & {out, dictionary_path(out)}:
        fail("--out and --mottling: two files, each with a dictionary beside it", 2)
    chosen = study_named(study, config)
    written: list[tuple[Path, int]] = []
    with opened(database, config, AlteredError) as engine:
        try:
            written.append((out, export_csv(engine, chosen.name, out)))
            if mottling is not None:
                written.append((mottling, export_mottling(engine, chosen.name, mottling)))
        except OSError as error:
            fail(f"the export was not written: {error}", 1)
        tell_frozen(engine, chosen.name)
    for path, count in written:
        typer.echo(f"{path}: {count} readings; {dictionary_path(path)}: what the columns mean")


@app.command()
def gaps(database: Database = None, study: OneStudy = None, config: Folder = None) -> None:
    """List missing sequence numbers and broken hash chains; exit 1 where there are any."""
    from trial import queries

    with opened(database, config) as engine, engine.connect() as connection:
        missing, broken = queries.gaps(connection, study), queries.chain_breaks(connection, study)
        ahead = queries.refused_ahead(connection, study)
    for gap in missing:
        which = f"{gap.first_missing}" if gap.count == 1 else f"{gap.first_missing} to {gap.last_missing}"
        typer.echo(f"{gap.study} {gap.device}: {which} missing ({gap.count}), of these refused: {gap.refused}")
    for each in ahead:
        typer.echo(f"{each.study} {each.device}: {each.count} refused beyond the last stored record")
    for item in broken:
        typer.echo(f"{item.study} {item.device}: {item.device_seq} does not follow the record before it")
    if missing or ahead or broken:
        raise typer.Exit(1)
    typer.echo("no gaps, every chain whole")


@app.command()
def status(database: Database = None, study: OneStudy = None, config: Folder = None) -> None:
    """Show devices, readings, gaps, dead letters, and amendments that wait for a person."""
    from trial import queries
    from trial.amendments import queries as unsettled

    with opened(database, config) as engine, engine.connect() as connection:
        devices, missing = queries.devices(connection, study), queries.gaps(connection, study)
        broken, letters = queries.chain_breaks(connection, study), queries.letters(connection)
        ahead = queries.refused_ahead(connection, study)
        to_decide = sum(not each.waits for each in unsettled(connection, study))
    typer.echo(f"{'study':<12} {'site':<4} {'device':<20} {'readings':>8} {'measured':>8} {'unsent':>6}  state")
    for d in devices:
        unsent = "?" if d.unsent_readings is None else d.unsent_readings
        state = (d.state or "unknown") + (f": {d.problem}" if d.problem else "")
        typer.echo(f"{d.study:<12} {d.site:<4} {d.device:<20} {d.readings:>8} {d.measured:>8} {unsent:>6}  {state}")
    typer.echo(f"missing sequence numbers: {sum(gap.count for gap in missing)}; broken chains: {len(broken)}")
    for line in trial_records_cli.trouble(missing, ahead, letters):
        typer.echo(line)
    if to_decide:
        typer.echo(f"amendments to decide: {to_decide} (refill trial amendments)")
