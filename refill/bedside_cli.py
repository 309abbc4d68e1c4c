"""`refill bedside`: what runs all day next to the patient."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from refill.common import Config, Data, device_file, fail, named_file


class Site(StrEnum):
    """Where the probe sits."""

    FINGER = "finger"
    KNEE = "knee"


def bedside(
    config: Config = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="simulated panel, camera and skin")] = False,
    socket: Annotated[Path | None, typer.Option(help="where the probe listens; default: the device file's")] = None,
    world: Annotated[Path | None, typer.Option(help="file that shares the simulated pressure; with --simulate")] = None,
    tone: Annotated[str | None, typer.Option(help="simulated skin tone, I to VI")] = None,
    crt: Annotated[float | None, typer.Option(help="simulated refill time, s")] = None,
    kind: Annotated[str | None, typer.Option(help="simulated refill curve")] = None,
    fault: Annotated[str | None, typer.Option(help="simulated fault of the picture")] = None,
    seed: Annotated[int, typer.Option(help="seed of the simulated skin")] = 0,
    subject: Annotated[str, typer.Option(help="site and inclusion number, SS-NNNN")] = "00-0001",
    body_site: Annotated[Site, typer.Option(help="where the probe sits")] = Site.FINGER,
    protocol: Annotated[str, typer.Option(help="name of the protocol")] = "andromeda-finger",
    study: Annotated[str | None, typer.Option(help="name of the study; default: the device file's")] = None,
    event: Annotated[str | None, typer.Option(help="study event")] = None,
    data: Data = None,
    measurements: Annotated[
        int | None,
        typer.Option(min=1, help="end once so many completed readings are in the journal; simulated: push for them"),
    ] = None,
    events: Annotated[str | None, typer.Option(help="- writes progress as JSON lines to standard output")] = None,
) -> None:
    """Measure: wait for the button, press, watch, record. Ends on SIGTERM or Ctrl-C, with the probe released."""
    import logging
    import signal
    import threading

    from device.bedside import BedsideError
    from device.journal import JournalError
    from device.panel import PanelError
    from device.ports import CameraError
    from device.probe.ports import HardwareError
    from firmware_config.protocol import Protocol
    from firmware_config.study import Study
    from refill.bedside_wiring import Order, Phantom, WiringError, run_bedside
    from refill.probe_cli import simulated_folder

    if not simulate and any(value is not None for value in (world, tone, crt, kind, fault)):
        fail("--world, --tone, --crt, --kind and --fault go with --simulate", 2)
    if events not in (None, "-"):
        fail("--events takes - only: standard output", 2)
    device = device_file(config, simulate)
    site, dash, inclusion = subject.partition("-")
    if not dash:
        fail(f"--subject {subject}: site and inclusion number, for example 00-0001", 2)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    phantom = Phantom(world or simulated_folder() / "world", tone, crt, kind, fault, seed) if simulate else None
    order = Order(
        device=device,
        study=named_file("studies", study or device.mqtt.study, Study),
        protocol=named_file("protocols", protocol, Protocol),
        subject=(site, inclusion),
        body_site=body_site.value,
        event=event,
        socket=socket or (simulated_folder() / "probe.sock" if simulate else device.probe.socket),
        folder=data or device.storage.journal_folder,
        measurements=measurements,
        events=events is not None,
        phantom=phantom,
    )
    try:
        run_bedside(order.check(), stop)
    except WiringError as error:
        fail(str(error), 2)
    except (JournalError, CameraError, PanelError, BedsideError, HardwareError) as error:
        fail(str(error), 1)
