"""`refill bedside`, `refill publish`, `refill journal`. Exit codes: 0 done, 1 it could not be done, 2 wrong use."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from device.journal import Deliveries
    from device.publisher_link import BrokerAddress
    from firmware_config.device import DeviceConfig, Mqtt

    Model = TypeVar("Model", bound=BaseModel)

SITE_CONFIG = Path("/etc/refill/device.toml")

app = typer.Typer(help="The bedside machine.", no_args_is_help=True, rich_markup_mode=None)
journal_app = typer.Typer(help="The device's own record.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(journal_app, name="journal")


class Site(StrEnum):
    """Where the probe sits."""

    FINGER = "finger"
    KNEE = "knee"


Config = Annotated[
    Path | None, typer.Option("--config", help=f"device file; default {SITE_CONFIG}, packaged when simulated")
]
Data = Annotated[Path | None, typer.Option("--data", help="folder of the journal; default: the device file's")]
JournalFolder = Annotated[Path, typer.Option("--data", help="folder of the journal")]


@app.command()
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
        _fail("--world, --tone, --crt, --kind and --fault go with --simulate", 2)
    if events not in (None, "-"):
        _fail("--events takes - only: standard output", 2)
    device = _device(config, simulate)
    site, dash, inclusion = subject.partition("-")
    if not dash:
        _fail(f"--subject {subject}: site and inclusion number, for example 00-0001", 2)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    phantom = Phantom(world or simulated_folder() / "world", tone, crt, kind, fault, seed) if simulate else None
    order = Order(
        device=device,
        study=_named("studies", study or device.mqtt.study, Study),
        protocol=_named("protocols", protocol, Protocol),
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
        _fail(str(error), 2)
    except (JournalError, CameraError, PanelError, BedsideError, HardwareError) as error:
        _fail(str(error), 1)


@app.command()
def publish(
    config: Config = None,
    data: Data = None,
    host: Annotated[str | None, typer.Option(help="broker's host; default: the device file's")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="broker's port; default: the device file's")
    ] = None,
    study: Annotated[str | None, typer.Option(help="study of the status topic; default: the device file's")] = None,
    site: Annotated[str | None, typer.Option(help="site of the status topic; default: the device file's")] = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="use the packaged device file")] = False,
) -> None:
    """Feed the journal's readings to the broker until SIGTERM or Ctrl-C."""
    import logging

    from contract.topics import Topic, TopicError
    from device.publisher import run_publisher
    from firmware_config.device import Mqtt

    device = _device(config, simulate)
    asked = {"host": host, "port": port, "study": study}
    try:
        # Through the model again: a broker elsewhere must not lose its TLS to an option.
        mqtt = Mqtt.model_validate(
            {**device.mqtt.model_dump(), **{key: value for key, value in asked.items() if value is not None}}
        )
    except ValueError as error:
        _fail(f"broker: {_first_line(error)}", 2)
    home = Topic(mqtt.study, site or device.site, device.name, "status")
    try:
        str(home)
    except TopicError as error:
        _fail(str(error), 2)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    run_publisher((data or device.storage.journal_folder) / "journal.sqlite", home, _address(mqtt))


@journal_app.command()
def verify(data: JournalFolder) -> None:
    """Check every record, trace and receipt against the hash chain; exit 1 where something is wrong."""
    with _journal(data) as journal:
        found = journal.verify()
    for problem in found.problems:
        typer.echo(problem)
    if not found.sound:
        raise typer.Exit(1)
    typer.echo(f"{found.records} records, {found.traces} traces: the chain is whole")


@journal_app.command()
def show(data: JournalFolder) -> None:
    """List the records, one line each: number, time, subject, result, and how far it got."""
    with _journal(data) as journal:
        for record in journal.records():
            reading = record.reading
            result = reading.result
            found = (
                f"{result.crt_s:.2f} s"
                if result.crt_s is not None
                else f"> {result.crt_exceeds_s:.1f} s"
                if result.crt_exceeds_s is not None
                else str(result.reason)
            )
            receipts = journal.receipts(record.device_seq)
            subject = f"{reading.subject.site}-{reading.subject.inclusion}"
            mark = " simulated" if reading.simulated else ""
            typer.echo(
                f"{record.device_seq:6} {reading.measured.at:%Y-%m-%d %H:%M:%S%z} {reading.study} {subject}"
                f" {reading.body_site.value} {found}  {receipts[-1][0] if receipts else 'waiting'}{mark}"
            )
        counts = journal.counts()
    typer.echo(f"{counts.records} records, {counts.unsent} without a receipt, {counts.refused} refused")


@journal_app.command()
def export(
    data: JournalFolder, out: Annotated[Path, typer.Option(help="new folder for records, receipts and traces")]
) -> None:
    """Write records, receipts and traces as plain files, with SHA256SUMS; `refill analyse` takes a trace as it is."""
    from device.journal.export import export as export_files

    with _journal(data) as journal:
        try:
            files = export_files(journal, out)
        except FileExistsError:
            _fail(f"{out} exists; an export never writes over an earlier one", 1)
        except OSError as error:
            _fail(f"{out}: {error.strerror or error}", 1)
    typer.echo(f"{out}: {len(files)} files")


def _journal(folder: Path) -> Deliveries:
    from device.journal import Deliveries, JournalError

    path = folder if folder.is_file() else folder / "journal.sqlite"
    try:
        return Deliveries.open(path, read_only=True)
    except JournalError as error:
        _fail(str(error), 1)


def _device(path: Path | None, simulate: bool) -> DeviceConfig:
    from firmware_config.device import DEFAULT_PATH, load_device
    from firmware_config.loading import ConfigurationError

    try:
        return load_device(path or (DEFAULT_PATH if simulate else SITE_CONFIG))
    except ConfigurationError as error:
        _fail(str(error), 2)


def _named(folder: str, name: str, model: type[Model]) -> Model:
    from firmware_config.loading import ConfigurationError, load_named

    try:
        return load_named(folder, name, model)
    except ConfigurationError as error:
        _fail(str(error), 2)


def _address(mqtt: Mqtt) -> BrokerAddress:
    """Return the broker with its password, which systemd hands over as a credential and no file in the tree holds."""
    import os

    from device.publisher_link import BrokerAddress

    password = None
    if mqtt.password_credential is not None:
        credential = Path(os.environ.get("CREDENTIALS_DIRECTORY", "")) / mqtt.password_credential
        try:
            password = credential.read_text(encoding="utf-8").rstrip("\n")
        except OSError:
            _fail(f"the credential {mqtt.password_credential} was not handed over by systemd", 1)
    tls = mqtt.tls
    return BrokerAddress(
        host=mqtt.host,
        port=mqtt.port,
        keepalive_s=mqtt.keepalive_s,
        username=mqtt.username,
        password=password,
        ca_file=tls.ca_file if tls else None,
        certificate_file=tls.certificate_file if tls else None,
        key_file=tls.key_file if tls else None,
    )


def _first_line(error: ValueError) -> str:
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        return error.errors(include_url=False)[0]["msg"]
    return str(error).splitlines()[0]


def _fail(sentence: str, code: int) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
