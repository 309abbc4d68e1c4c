"""The command line: `refill <area> ...`. Only names and help stand here; each command imports what it needs."""

from typing import Annotated

import typer

from contract.build import version_and_build
from contract.version import __version__
from refill import (
    analyse_cli,
    bedside_cli,
    calibrate_cli,
    camera_cli,
    config_cli,
    console_cli,
    demo_cli,
    journal_cli,
    mottling_cli,
    panel_cli,
    phantom_cli,
    probe_cli,
    publish_cli,
    screen_cli,
    site_cli,
    trial_cli,
    verdict_cli,
)

app = typer.Typer(
    help="Capillary refill time at the bedside: measure, analyse, simulate, and feed the trial.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(analyse_cli.analyse)
app.command()(mottling_cli.mottling)
app.command()(demo_cli.demo)
app.command()(bedside_cli.bedside)
app.command()(publish_cli.publish)
for command in (console_cli.choose, console_cli.forget, console_cli.abort, console_cli.watch, console_cli.health):
    app.command()(command)
app.command()(verdict_cli.verdict)
app.add_typer(calibrate_cli.app, name="calibrate")
app.add_typer(camera_cli.app, name="camera")
app.add_typer(config_cli.app, name="config")
app.add_typer(journal_cli.app, name="journal")
app.add_typer(panel_cli.app, name="panel")
app.add_typer(probe_cli.app, name="probe")
app.add_typer(site_cli.app, name="site")
app.add_typer(screen_cli.app, name="screen")
app.add_typer(trial_cli.app, name="trial")
app.add_typer(phantom_cli.app, name="phantom")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(version_and_build())
        raise typer.Exit


@app.callback()
def _whole(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print version and build, and end")
    ] = False,
) -> None:
    pass


@app.command()
def version() -> None:
    """Print the software version."""
    typer.echo(__version__)


def main() -> None:
    """Entry point of the `refill` command."""
    app()
