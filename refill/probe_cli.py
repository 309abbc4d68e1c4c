"""`refill probe`: run the probe, ask it, press with it on the bench, test it."""

import os
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from device.probe.messages import Status
    from firmware_config.device import DeviceConfig

SITE_CONFIG = Path("/etc/refill/device.toml")

app = typer.Typer(help="The probe: valve, pump and pressure sensor.", no_args_is_help=True, rich_markup_mode=None)


class Body(StrEnum):
    """What the simulated probe sits on."""

    FINGER = "finger"
    KNEE = "knee"


Config = Annotated[
    Path | None, typer.Option("--config", help=f"device file; default {SITE_CONFIG}, packaged when simulated")
]
Simulate = Annotated[bool, typer.Option("--simulate", help="simulated pins and skin instead of a Pi's")]
Socket = Annotated[Path | None, typer.Option("--socket", help="where the probe listens; default: the device file's")]


@app.command()
def run(
    config: Config = None,
    simulate: Simulate = False,
    socket: Socket = None,
    world: Annotated[Path | None, typer.Option(help="file that shares the simulated pressure with the camera")] = None,
    body: Annotated[Body, typer.Option(help="what the simulated probe sits on")] = Body.FINGER,
    seed: Annotated[int, typer.Option(help="of the simulated sensor's noise")] = 0,
) -> None:
    """Own the probe's hardware until told to end (SIGTERM, Ctrl-C); vent then."""
    import contextlib
    import logging

    from device.probe.drivers import hardware_pin_factory
    from device.probe.ports import HardwareError
    from device.probe.process import ControlEndedError
    from device.probe.process import run as run_probe
    from device.probe.server import LinkError
    from phantom.world import WorldError
    from refill.simulation import SimulatedProbe

    if not simulate and (world is not None or body is not Body.FINGER or seed):
        _fail("--world, --body and --seed go with --simulate", 2)
    device = _device(config, simulate)
    path = _socket(device, simulate, socket)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
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

            run_probe(device, pin_factory, path, simulated=simulate, ready=ready)
    except (HardwareError, LinkError, WorldError, ControlEndedError) as error:
        _fail(str(error), 1)


@app.command()
def status(config: Config = None, simulate: Simulate = False, socket: Socket = None) -> None:
    """Say how the probe is; exit 1 where it cannot be reached, 3 where a fault is latched."""
    from device.probe.faults import FAULTS
    from refill.probe_bench import BenchError, first_status

    try:
        found = first_status(_socket(_device(config, simulate), simulate, socket))
    except BenchError as error:
        _fail(str(error), 1)
    _print_status(found)
    if found.fault is not None:
        _fail(f"{found.fault}: {FAULTS[found.fault].english}", 3)


@app.command()
def press(
    protocol: Annotated[str, typer.Option(help="name of the protocol whose press to make")],
    config: Config = None,
    simulate: Simulate = False,
    socket: Socket = None,
) -> None:
    """Make one press on the bench, with the pressure as it goes; exit 4 where it did not come off."""
    from firmware_config.loading import ConfigurationError, load_named
    from firmware_config.protocol import Protocol
    from refill.probe_bench import BenchError, live_press

    device = _device(config, simulate)
    try:
        chosen = load_named("protocols", protocol, Protocol)
        target_kpa = chosen.target_kpa_on(device.probe.plate_area_mm2)
    except ConfigurationError as error:
        _fail(str(error), 2)
    try:
        made = live_press(_socket(device, simulate, socket), target_kpa, chosen.ramp_s, chosen.hold_s)
    except BenchError as error:
        _fail(str(error), 4)
    except KeyboardInterrupt:
        _fail("stopped; the probe has released", 130)
    newton = (made.hold_mean_kpa or 0.0) * device.probe.plate_area_mm2 / 1000
    typer.echo(
        f"hold      {made.held_s:.1f} s at {made.hold_mean_kpa:.2f} kPa, sd {made.hold_sd_kpa:.2f} ({newton:.1f} N)"
    )
    typer.echo(f"overshoot {100 * (made.overshoot or 0.0):.1f} %")
    typer.echo(
        "release   not seen" if made.release_s is None else f"release   {made.release_s * 1e3:.0f} ms (90 to 10 %)"
    )


@app.command()
def selftest(
    config: Config = None,
    simulate: Simulate = False,
    socket: Socket = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask whether the calibration plug is on")] = False,
) -> None:
    """Test the probe level by level; exit 5 where a level failed. What only a Pi can show is listed as such."""
    from refill.probe_selftest import run_selftest

    device = _device(config, simulate)
    if not simulate and not yes:
        typer.confirm("The probe will press. Is the calibration plug on, and no finger in it?", abort=True)
    passed = run_selftest(device, None if simulate else _socket(device, simulate, socket), typer.echo)
    if not passed:
        _fail("the probe did not pass", 5)


def simulated_folder() -> Path:
    """Return where a simulated probe keeps its socket and its world: the user's own run-time folder."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "refill" if runtime else Path(tempfile.gettempdir()) / f"refill-{os.getuid()}"


def _device(path: Path | None, simulate: bool) -> "DeviceConfig":
    from firmware_config.device import DEFAULT_PATH, load_device
    from firmware_config.loading import ConfigurationError

    try:
        return load_device(path or (DEFAULT_PATH if simulate else SITE_CONFIG))
    except ConfigurationError as error:
        _fail(str(error), 2)


def _socket(device: "DeviceConfig", simulate: bool, given: Path | None) -> Path:
    if given is not None:
        return given
    return simulated_folder() / "probe.sock" if simulate else device.probe.socket


def _print_status(status: "Status") -> None:
    pressure = "no value" if status.pressure_kpa is None else f"{status.pressure_kpa:.2f} kPa"
    typer.echo(f"device    {status.device}{' (simulated)' if status.simulated else ''}")
    typer.echo(f"phase     {status.phase}")
    typer.echo(f"pressure  {pressure}, limit {status.pressure_limit_kpa:g} kPa, hold limit {status.hold_limit_s:g} s")
    typer.echo(f"lease     {status.lease_s:g} s")
    typer.echo(f"samples   {status.samples}, longest gap {status.worst_gap_ms:.1f} ms")
    typer.echo(f"fault     {status.fault or 'none'}")


def _fail(sentence: str, code: int) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
