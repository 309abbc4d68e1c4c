"""`refill probe`: run the probe, ask it, press with it on the bench, test it, clear it, put its outputs off."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refill import probe_commands
from refill.common import Config, Language, device_file, fail, simulated_folder
from refill.probe_options import (
    CANNOT,
    DID_NOT,
    USAGE,
    AsJson,
    Body,
    Simulate,
    Socket,
    World,
    socket_of,
)

if TYPE_CHECKING:
    from firmware_config.device import DeviceConfig

app = typer.Typer(help="The probe: valve, pump and pressure sensor.", no_args_is_help=True, rich_markup_mode=None)
app.command()(probe_commands.status)
app.command()(probe_commands.press)
app.command()(probe_commands.selftest)
app.command()(probe_commands.clear)


@app.command()
def run(
    config: Config = None,
    simulate: Simulate = False,
    socket: Socket = None,
    world: World = None,
    body: Annotated[Body, typer.Option(help="what the simulated probe sits on")] = Body.FINGER,
    seed: Annotated[int, typer.Option(help="of the simulated sensor's noise")] = 0,
) -> None:
    """Own the probe's hardware until told to end (SIGTERM, Ctrl-C); vent then."""
    import contextlib

    from device import logs
    from device.probe.drivers import hardware_pin_factory
    from device.probe.ports import HardwareError
    from device.probe.process import ControlEndedError
    from device.probe.process import run as run_probe
    from device.probe.server import LinkError
    from phantom.world import WorldError
    from refill.simulation import SimulatedProbe

    if not simulate and (world is not None or body is not Body.FINGER or seed):
        fail("--world, --body and --seed go with --simulate", USAGE)
    device = device_file(config, simulate)
    path = socket_of(device, simulate, socket)
    logs.configure()
    try:
        with contextlib.ExitStack() as opened:
            if simulate:
                simulated = SimulatedProbe(
                    device, body=body.value, seed=seed, world=world or simulated_folder() / "world"
                )
                pin_factory = opened.enter_context(simulated).pin_factory
            else:
                pin_factory = hardware_pin_factory()

            def ready() -> None:
                kind = "simulated probe" if simulate else "probe"
                typer.echo(f"{kind} {device.name} at {path}")

            state_folder = path.parent / "state" if simulate else device.probe.state_folder
            run_probe(device, pin_factory, path, simulated=simulate, ready=ready, state_folder=state_folder)
    except (HardwareError, LinkError, WorldError, ControlEndedError) as error:
        fail(str(error), CANNOT)


@app.command()
def off(
    config: Config = None,
    simulate: Simulate = False,
    socket: Socket = None,
    world: World = None,
    force: Annotated[
        bool, typer.Option("--force", help="also where a probe runs: ask it to release, and try its lines all the same")
    ] = False,
) -> None:
    """Put pump and valve at rest from this process, and end: what a killed probe needs. Exit 4 where a probe runs."""
    from device.probe.ports import HardwareError
    from phantom.world import WorldError

    if world is not None and not simulate:
        fail("--world goes with --simulate", USAGE)
    device = device_file(config, simulate)
    path = socket_of(device, simulate, socket)
    if _answers(path):
        if not force:
            fail(
                f"a probe runs at {path} and holds the outputs: end it (systemctl stop refill-probe), or --force",
                DID_NOT,
            )
        _ask_to_release(path)
    try:
        _outputs_off(device, simulate, world)
    except (HardwareError, WorldError) as error:
        fail(f"outputs NOT known to be off: {error}", CANNOT)
    typer.echo("outputs off: vent valve open, pump stopped")


@app.command()
def faults(
    language: Annotated[Language, typer.Option(help="of the sentences")] = Language.EN,
    markdown: Annotated[bool, typer.Option("--markdown", help="as the table of docs/probe.md")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the table of faults: sentence, severity, whether it latches, how it is cleared."""
    import json

    from refill import probe_faults

    if as_json:
        typer.echo(json.dumps(probe_faults.rows(), ensure_ascii=False))
    else:
        typer.echo(probe_faults.as_markdown(language.value) if markdown else probe_faults.as_text(language.value))


def _answers(path: Path) -> bool:
    """Return whether a probe listens at `path`; a name that a killed one left behind does not."""
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as caller:
        caller.setblocking(False)
        try:
            caller.connect(str(path))
        except BlockingIOError:
            return True  # so busy that nobody takes the call, but somebody is there
        except OSError:
            return False
    return True


def _ask_to_release(path: Path) -> None:
    """Have a running probe vent, as far as it still listens; the lines are tried whatever comes of it."""
    import contextlib

    from device.probe.link import ProbeClient
    from device.probe.pressing import vented

    with contextlib.closing(ProbeClient(path)) as client:
        typer.echo(
            "the running probe has released" if vented(client) else "the running probe does not answer", err=True
        )


def _outputs_off(device: "DeviceConfig", simulate: bool, world: Path | None) -> None:
    from device.probe.hardware import outputs_off

    if not simulate:
        from device.probe.drivers import hardware_pin_factory

        factory: Any = hardware_pin_factory()
        outputs_off(device, factory)
        return
    from refill.simulation import SimulatedProbe

    with SimulatedProbe(device, world=world) as simulated:
        outputs_off(device, simulated.pin_factory)
        simulated.hydraulics.advance()
