"""`refill bedside`: what runs all day next to the patient."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from refill.common import (
    BodySite,
    Config,
    Data,
    Side,
    device_file,
    fail,
    named_file,
    simulated_folder,
    site_folder,
    usual_protocol,
)

if TYPE_CHECKING:
    from device.console_words import Choice
    from firmware_config.device import DeviceConfig
    from refill.bedside_wiring import Order


class _Places(NamedTuple):
    """Where the bedside's run-time files are, unless the command says otherwise."""

    run_folder: Path
    probe: Path
    console: Path


def bedside(
    config: Config = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="simulated panel, camera and skin")] = False,
    socket: Annotated[Path | None, typer.Option(help="where the probe listens; default: the device file's")] = None,
    console: Annotated[
        Path | None, typer.Option(help="where screens and commands speak to it; default: the device file's")
    ] = None,
    world: Annotated[Path | None, typer.Option(help="file that shares the simulated pressure; with --simulate")] = None,
    tone: Annotated[str | None, typer.Option(help="simulated skin tone, I to VI")] = None,
    crt: Annotated[float | None, typer.Option(help="simulated refill time, s")] = None,
    kind: Annotated[str | None, typer.Option(help="simulated refill curve")] = None,
    fault: Annotated[str | None, typer.Option(help="simulated fault of the picture")] = None,
    camera_faults: Annotated[
        Path | None, typer.Option(help="file that says what is wrong with the simulated camera, read as it changes")
    ] = None,
    seed: Annotated[int, typer.Option(help="seed of the simulated skin")] = 0,
    subject: Annotated[
        str | None, typer.Option(help="site and inclusion number, SS-NNNN; default: whoever is chosen")
    ] = None,
    body_site: Annotated[BodySite, typer.Option(help="where the probe sits; with --subject")] = BodySite.FINGER,
    side: Annotated[Side | None, typer.Option(help="left or right; with --subject")] = None,
    protocol: Annotated[str | None, typer.Option(help="name of the protocol; with --subject")] = None,
    study: Annotated[str | None, typer.Option(help="name of the study; default: the device file's")] = None,
    event: Annotated[str | None, typer.Option(help="study event; with --subject")] = None,
    operator: Annotated[str | None, typer.Option(help="operator code, never a name; with --subject")] = None,
    norepinephrine_onset: Annotated[
        str | None, typer.Option(help="start of norepinephrine, ISO 8601 with offset; with --subject")
    ] = None,
    data: Data = None,
    measurements: Annotated[
        int | None,
        typer.Option(min=1, help="end once so many completed readings are in the journal; simulated: push for them"),
    ] = None,
    events: Annotated[str | None, typer.Option(help="- writes progress as JSON lines to standard output")] = None,
) -> None:
    """Measure: wait for the button, press, watch, record. Ends on SIGTERM or Ctrl-C, with the probe released."""
    from firmware_config.study import Study
    from refill.bedside_wiring import Order, Phantom

    if not simulate and any(value is not None for value in (world, tone, crt, kind, fault, camera_faults)):
        fail("--world, --tone, --crt, --kind, --fault and --camera-faults go with --simulate", 2)
    if subject is None and any(value is not None for value in (side, protocol, event, operator, norepinephrine_onset)):
        fail("--side, --protocol, --event, --operator and --norepinephrine-onset go with --subject", 2)
    if events not in (None, "-"):
        fail("--events takes - only: standard output", 2)
    device, own_files = device_file(config, simulate), site_folder(config, simulate)
    study = study or device.mqtt.study
    choice = None
    if subject is not None:
        said = {
            "study": study,
            "body_site": body_site.value,
            "side": side.value if side is not None else None,
            "event": event,
            "operator": operator,
            "norepinephrine_onset_at": norepinephrine_onset,
            "protocol": protocol or usual_protocol(named_file("studies", study, Study, own_files), body_site.value),
        }
        choice = _choice(subject, said)
    places = _places(device, simulate, socket)
    phantom = None
    if simulate:
        phantom = Phantom(world or simulated_folder() / "world", tone, crt, kind, fault, seed, camera_faults)
    order = Order(
        device=device,
        choice=choice,
        socket=socket or places.probe,
        console=console or places.console,
        run_folder=places.run_folder,
        site_folder=own_files,
        folder=data or device.storage.journal_folder,
        measurements=measurements,
        events=events is not None,
        phantom=phantom,
    )
    _run(order)


def _places(device: DeviceConfig, simulate: bool, socket: Path | None) -> _Places:
    if not simulate:
        return _Places(device.bedside.run_folder, device.probe.socket, device.bedside.socket)
    # Beside the probe's socket: two simulated bedsides in two folders share nothing.
    folder = socket.absolute().parent if socket is not None else simulated_folder()
    return _Places(folder, folder / "probe.sock", folder / "bedside.sock")


def _run(order: Order) -> None:
    """Be the bedside until SIGTERM or Ctrl-C, and end the command in one sentence where it cannot go on."""
    import signal
    import threading

    from device import logs
    from device.bedside import BedsideError
    from device.console import ConsoleError
    from device.journal import JournalError
    from device.panel import PanelError
    from device.probe.ports import HardwareError
    from refill.bedside_wiring import WiringError, run_bedside

    logs.configure()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        run_bedside(order, stop)
    except WiringError as error:
        fail(str(error), 2)
    except (JournalError, PanelError, ConsoleError, BedsideError, HardwareError) as error:
        fail(str(error), 1)


def _choice(subject: str, rest: dict[str, str | None]) -> Choice:
    from pydantic import ValidationError

    from contract.envelope import first_error
    from device.console_words import Choice

    site, dash, inclusion = subject.partition("-")
    if not dash:
        fail(f"--subject {subject}: site and inclusion number, for example 00-0001", 2)
    try:
        return Choice.model_validate({**rest, "subject": {"site": site, "inclusion": inclusion}})
    except ValidationError as error:
        fail(f"--subject {subject}: {first_error(error)}", 2)
