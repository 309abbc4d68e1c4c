"""`refill choose`, `forget`, `abort`, `watch`, `health`: what a person asks of a running bedside, and hears from it.

None of them starts a press: only the button beside the patient does, and the screen there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refill.common import (
    BodySite,
    Config,
    Side,
    device_file,
    fail,
    named_file,
    simulated_folder,
    site_folder,
    usual_protocol,
)

if TYPE_CHECKING:
    from device.console_client import ConsoleClient
    from device.console_words import Choice, Request

HEALTH_WITHIN_S: float = 5.0

Socket = Annotated[
    Path | None, typer.Option("--socket", help="where the bedside is spoken to; default: the device file's")
]
Simulate = Annotated[bool, typer.Option("--simulate", help="speak to a simulated bedside of this user")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, for a program")]


def choose(
    subject: Annotated[str, typer.Option(help="site and inclusion number, SS-NNNN")],
    body_site: Annotated[BodySite, typer.Option(help="where the probe sits")] = BodySite.FINGER,
    side: Annotated[Side | None, typer.Option(help="left or right")] = None,
    event: Annotated[str | None, typer.Option(help="study event")] = None,
    operator: Annotated[str | None, typer.Option(help="operator code, never a name")] = None,
    onset: Annotated[
        str | None, typer.Option(help="start of norepinephrine, with offset: 2026-11-26T03:00+01:00")
    ] = None,
    protocol: Annotated[str | None, typer.Option(help="name of the protocol; default: the study's")] = None,
    study: Annotated[str | None, typer.Option(help="name of the study; default: the device file's")] = None,
    config: Config = None,
    simulate: Simulate = False,
    socket: Socket = None,
) -> None:
    """Choose whose measurement the button starts from now on."""
    from contract.envelope import first_error
    from device.console_words import Choice, Choose
    from firmware_config.study import Study

    name = study or device_file(config, simulate).mqtt.study
    found = named_file("studies", name, Study, site_folder(config, simulate))
    site, dash, inclusion = subject.partition("-")
    if not dash:
        fail("--subject: site and inclusion number, for example 00-0001", 2)
    asked = {
        "study": found.name,
        "subject": {"site": site, "inclusion": inclusion},
        "body_site": body_site.value,
        "side": side.value if side is not None else None,
        "event": event,
        "operator": operator,
        "norepinephrine_onset_at": onset,
        "protocol": protocol or usual_protocol(found, body_site.value),
    }
    try:
        choice = Choice.model_validate(asked)
    except ValueError as error:
        from pydantic import ValidationError

        fail(first_error(error) if isinstance(error, ValidationError) else str(error), 2)
    _ask(Choose(choice=choice), _path(config, simulate, socket))
    typer.echo(f"chosen: {in_words(choice)}")


def forget(config: Config = None, simulate: Simulate = False, socket: Socket = None) -> None:
    """Choose nobody: the button starts nothing until somebody is chosen."""
    from device.console_words import Forget

    _ask(Forget(), _path(config, simulate, socket))
    typer.echo("nobody is chosen")


def abort(config: Config = None, simulate: Simulate = False, socket: Socket = None) -> None:
    """Stop the measurement under way; does nothing where none runs."""
    from device.console_words import Abort

    _ask(Abort(), _path(config, simulate, socket))
    typer.echo("told to stop")


def watch(config: Config = None, simulate: Simulate = False, socket: Socket = None, as_json: AsJson = False) -> None:
    """Show what the bedside does, until Ctrl-C or until it ends."""
    import json
    from contextlib import suppress

    from device.console_client import ConsoleError
    from refill.console_display import Display

    with _client(_path(config, simulate, socket)) as client, suppress(KeyboardInterrupt), Display() as display:
        try:
            for event in client.events():
                if as_json:
                    typer.echo(json.dumps(event, ensure_ascii=False))
                else:
                    display.show(event)
        except ConsoleError as error:
            fail(str(error), 1)


def health(config: Config = None, simulate: Simulate = False, socket: Socket = None, as_json: AsJson = False) -> None:
    """Print how the parts of the bedside do. Exit 1 where one of them has a fault."""
    import json

    from contract.status import Condition, PartHealth
    from refill.console_display import health_table

    told = _health(_path(config, simulate, socket))
    try:
        parts = [PartHealth.model_validate(part) for part in told]
    except ValueError:
        fail("the bedside tells of its health in words that this program does not know", 1)
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        health_table(parts)
    if any(part.condition is Condition.FAULT for part in parts):
        raise typer.Exit(1)


def in_words(choice: Choice) -> str:
    """Return a choice as one line. It names the subject: for the screen of whoever chose, never for a log."""
    subject = f"{choice.subject.site}-{choice.subject.inclusion}"
    where = choice.body_site.value if choice.side is None else f"{choice.side.value} {choice.body_site.value}"
    words = [f"{choice.study} {subject}", where, choice.protocol]
    if choice.event is not None:
        words.append(f"event {choice.event}")
    if choice.operator is not None:
        words.append(f"operator {choice.operator}")
    if choice.norepinephrine_onset_at is not None:
        words.append(f"norepinephrine since {choice.norepinephrine_onset_at:%Y-%m-%d %H:%M %z}")
    return ", ".join(words)


def _path(config: Path | None, simulate: bool, socket: Path | None) -> Path:
    if socket is not None:
        return socket
    return simulated_folder() / "bedside.sock" if simulate else device_file(config, simulate).bedside.socket


def _client(path: Path) -> ConsoleClient:
    from device.console_client import ConsoleClient, ConsoleError

    try:
        return ConsoleClient(path)
    except ConsoleError as error:
        fail(str(error), 1)


def _ask(request: Request, path: Path) -> None:
    from device.console_client import ConsoleError

    with _client(path) as client:
        try:
            refusal = client.ask(request)
        except ConsoleError as error:
            fail(str(error), 1)
    if refusal is not None:
        fail(refusal, 1)


def _health(path: Path) -> list[Any]:
    """Return the parts as the bedside tells them; ends the command where it does not within a few seconds."""
    from device.console_client import ConsoleError

    with _client(path) as client:
        try:
            told = (event for event in client.events(HEALTH_WITHIN_S) if event.get("event") == "health")
            return list(next(told)["parts"])
        except ConsoleError as error:
            fail(str(error), 1)
