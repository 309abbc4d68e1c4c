"""`refill trial ingest`: the broker's way to the trial database, as a site's `trial.toml` and the options say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refill.common import fail

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine

    from firmware_config.mqtt import Connection
    from firmware_config.study import Study
    from firmware_config.trial import Trial
    from trial.feed import BrokerAddress
    from trial.ingest import IngestOptions

_OPTIONS: dict[str, tuple[str, ...]] = {
    "--study": ("study",),
    "--database": ("database",),
    "--host": ("broker", "host"),
    "--port": ("broker", "port"),
    "--mqtt": ("broker", "version"),
    "--client-id": ("client_id",),
    "--group": ("group",),
}
"""Where each option stands in the file."""


def ingest(
    study: Annotated[str | None, typer.Option(help="Study file's name.")] = None,
    database: Annotated[
        str | None,
        typer.Option(
            envvar="REFILL_TRIAL_DATABASE",
            help="SQLite file, or sqlite:/// or postgresql:// URL without a password.",
            show_envvar=True,
        ),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Broker's host.")] = None,
    port: Annotated[int | None, typer.Option(help="Broker's port.")] = None,
    client_id: Annotated[
        str | None, typer.Option(help="Fixed: the broker keeps the session under it. Default: from the study.")
    ] = None,
    mqtt: Annotated[str | None, typer.Option(help="MQTT version: 3.1.1 or 5.")] = None,
    group: Annotated[
        str | None, typer.Option(help="Share the readings with the other ingesters of this group (MQTT 5).")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Folder of a site's own trial.toml and studies. Default: the packaged ones."),
    ] = None,
) -> None:
    """Store what devices send, answer with receipts; runs until SIGTERM or Ctrl-C. An option goes before the file."""
    import logging
    import signal
    from dataclasses import replace

    from device import logs
    from device.probe.notify import notify
    from trial.database import SchemaError
    from trial.feed import FeedError
    from trial.ingest import Ingester

    asked = dict(zip(_OPTIONS, (study, database, host, port, mqtt, client_id, group), strict=True))
    trial = _trial(config, {name: value for name, value in asked.items() if value is not None})
    chosen, engine, options = _opened(trial, config)
    logs.configure(logging.WARNING)
    logging.getLogger("trial").setLevel(logging.INFO)
    try:
        ingester = Ingester(engine, chosen, replace(options, tell=notify))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ingester.stop())
        ingester.run()
    except (FeedError, SchemaError) as error:
        fail(str(error), 1)
    finally:
        engine.dispose()


def _trial(folder: Path | None, asked: Mapping[str, Any]) -> Trial:
    """Return the file with the options in it; ends the command with a line for each error of either."""
    from pydantic import ValidationError

    from firmware_config.loading import ConfigurationError
    from firmware_config.trial import Trial, load_trial

    try:
        content = load_trial(folder).model_dump()
    except ConfigurationError as error:
        fail(str(error), 2)
    for option, value in asked.items():
        *outer, key = _OPTIONS[option]
        (content[outer[0]] if outer else content)[key] = value
    if "--database" in asked:
        content["database_credential"] = None
    try:
        # Through the model again: a broker elsewhere must not lose its TLS to an option.
        return Trial.model_validate(content)
    except ValidationError as error:
        fail("\n".join(f"{_option(one['loc'])}: {one['msg']}" for one in error.errors(include_url=False)), 2)


def _option(place: tuple[int | str, ...]) -> str:
    """Return the option that an error is about; the file alone was right."""
    for option, keys in _OPTIONS.items():
        if keys[: len(place)] == place:
            return option
    return ".".join(map(str, place)) or "options"


def _opened(trial: Trial, folder: Path | None) -> tuple[Study, Engine, IngestOptions]:
    """Return what the file names; ends the command with a line for each thing that is not there."""
    from firmware_config.loading import ConfigurationError, load_named
    from firmware_config.study import Study
    from firmware_config.trial import FILE
    from trial.database import DEFAULT_DATABASE, DatabaseChoiceError, open_database
    from trial.ingest import IngestOptions

    missing: list[str] = []
    broker = _address(trial.broker, missing)
    url = trial.database or _secret("database_credential", trial.database_credential, missing)
    missing = [line if folder is None else f"{folder / FILE}: {line}" for line in missing]
    try:
        study = load_named("studies", trial.study, Study, folder)
        engine = open_database(url or DEFAULT_DATABASE)
    except (ConfigurationError, DatabaseChoiceError) as error:
        missing.append(str(error))
    if missing:
        fail("\n".join(missing), 1)
    batch = trial.batch
    options = IngestOptions(broker, trial.session_name, trial.group, batch.messages, batch.wait_ms / 1000)
    return study, engine, options


def _address(broker: Connection, missing: list[str]) -> BrokerAddress:
    """Return the broker with its password and the files of its encryption; says in `missing` what is not there."""
    from trial.feed import BrokerAddress

    tls = broker.tls
    keys: dict[str, Path | None] = {}
    if tls is not None:
        keys = {"ca_file": tls.ca_file, "certificate_file": tls.certificate_file, "key_file": tls.key_file}
        for key, path in keys.items():
            if path is not None and not os.access(path, os.R_OK):
                missing.append(f"broker.tls.{key}: {path}: {'may not be read' if path.exists() else 'no such file'}")
        if tls.key_credential is not None:
            keys["key_file"] = _handed_over("broker.tls.key_credential", tls.key_credential, missing)
    return BrokerAddress(
        host=broker.host,
        port=broker.port,
        version=broker.version,
        keepalive_s=broker.keepalive_s,
        username=broker.username,
        password=_secret("broker.password_credential", broker.password_credential, missing),
        **keys,
    )


def _secret(key: str, name: str | None, missing: list[str]) -> str | None:
    """Return the text of a systemd credential; where it was not handed over, say so in `missing`."""
    path = None if name is None else _handed_over(key, name, missing)
    return None if path is None else path.read_text(encoding="utf-8").strip()


def _handed_over(key: str, name: str, missing: list[str]) -> Path | None:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder) / name if folder else None
    if path is None or not os.access(path, os.R_OK):
        missing.append(f"{key}: the credential {name} was not handed over by systemd")
        return None
    return path
