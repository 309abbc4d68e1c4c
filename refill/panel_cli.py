"""`refill panel`: what light and buzzer say, and whether they and the button do it."""

from typing import Annotated

import typer

from refill.common import Config, device_file, fail

app = typer.Typer(help="The panel: button, light and buzzer.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def table(
    markdown: Annotated[bool, typer.Option("--markdown", help="as the table of docs/panel.md")] = False,
) -> None:
    """Print what light and buzzer do in every state, and what that says."""
    from refill import panel_docs

    typer.echo(panel_docs.as_markdown() if markdown else panel_docs.as_text())


@app.command("try")
def try_out(
    config: Config = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="draw what mock pins do, at once")] = False,
    night: Annotated[
        bool, typer.Option("--night", help="as bright and as loud as by night; without it as by day")
    ] = False,
) -> None:
    """Go through every light and sound, then ask for a push and report its bounces. Stop refill-bedside first."""
    from device.panel import PanelError
    from device.probe.drivers import hardware_pin_factory
    from device.probe.ports import HardwareError
    from refill.panel_try import PanelTrialError, try_on_hardware, try_simulated

    device = device_file(config, simulate)
    try:
        if simulate:
            try_simulated(device, night=night, say=typer.echo)
        else:
            try_on_hardware(device, hardware_pin_factory(), night=night, say=typer.echo)
    except (HardwareError, PanelError, PanelTrialError) as error:
        fail(str(error), 1)
