"""`refill publish`: the journal's way to the broker."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import Config, Data, device_file, fail, simulated_folder

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
    """Return the broker with this device's secrets; ends the command where one is missing, or is no secret."""
    from paho.mqtt.enums import MQTTProtocolVersion

    from device.publisher_link import BrokerAddress

    tls = mqtt.tls
    password = None
    if mqtt.password_credential is not None:
        file = _handed_over("mqtt.password_credential", mqtt.password_credential)
        try:
            password = file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            fail(f"mqtt.password_credential: {file}: {getattr(error, 'strerror', None) or 'is no text'}", 1)
    key_file = tls.key_file if tls else None
    if tls is not None and tls.key_credential is not None:
        key_file = _handed_over("mqtt.tls.key_credential", tls.key_credential)
    elif key_file is not None:
        _kept_secret("mqtt.tls.key_file", key_file)
    return BrokerAddress(
        host=mqtt.host,
        port=mqtt.port,
        keepalive_s=mqtt.keepalive_s,
        username=mqtt.username,
        password=password,
        ca_file=tls.ca_file if tls else None,
        certificate_file=tls.certificate_file if tls else None,
        key_file=key_file,
        protocol=MQTTProtocolVersion.MQTTv5 if mqtt.version == "5" else MQTTProtocolVersion.MQTTv311,
    )


def _handed_over(key: str, name: str) -> Path:
    """Return the file of a systemd credential: no file in the tree holds a secret."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder is None or not (Path(folder) / name).is_file():
        fail(f"{key}: the credential {name} was not handed over by systemd", 1)
    return _kept_secret(key, Path(folder) / name)


def _kept_secret(key: str, path: Path) -> Path:
    """Return the path; ends the command where more than owner and group may use it. One that is away is told later."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return path
    if mode & stat.S_IRWXO:
        fail(f"{key}: {path}: others may read it (mode {stat.S_IMODE(mode):04o}); chmod o= {path}", 1)
    return path


def _first_line(error: ValueError) -> str:
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        return error.errors(include_url=False)[0]["msg"]
    return str(error).splitlines()[0]
