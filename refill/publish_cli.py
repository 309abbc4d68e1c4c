"""`refill publish`: the journal's way to the broker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import Config, Data, device_file, fail

if TYPE_CHECKING:
    from device.publisher_link import BrokerAddress
    from firmware_config.mqtt import Mqtt


def publish(
    config: Config = None,
    data: Data = None,
    host: Annotated[str | None, typer.Option(help="broker's host; default: the device file's")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="broker's port; default: the device file's")
    ] = None,
    study: Annotated[str | None, typer.Option(help="study of the status topic; default: the device file's")] = None,
    site: Annotated[str | None, typer.Option(help="site of the status topic; default: the device file's")] = None,
    run_folder: Annotated[
        Path | None, typer.Option(help="where the bedside says how it does; default: the device file's")
    ] = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="use the packaged device file")] = False,
) -> None:
    """Feed the journal's readings to the broker until SIGTERM or Ctrl-C."""
    from contract.topics import Topic, TopicError
    from device import logs
    from device.publisher import run_publisher
    from firmware_config.mqtt import Mqtt
    from refill.probe_cli import simulated_folder

    device = device_file(config, simulate)
    asked = {"host": host, "port": port, "study": study}
    try:
        # Through the model again: a broker elsewhere must not lose its TLS to an option.
        mqtt = Mqtt.model_validate(
            {**device.mqtt.model_dump(), **{key: value for key, value in asked.items() if value is not None}}
        )
    except ValueError as error:
        fail(f"broker: {_first_line(error)}", 2)
    home = Topic(mqtt.study, site or device.site, device.name, "status")
    try:
        str(home)
    except TopicError as error:
        fail(str(error), 2)
    logs.configure()
    heard = run_folder or (simulated_folder() if simulate else device.bedside.run_folder)
    run_publisher((data or device.storage.journal_folder) / "journal.sqlite", home, _address(mqtt), heard)


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
            fail(f"the credential {mqtt.password_credential} was not handed over by systemd", 1)
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
