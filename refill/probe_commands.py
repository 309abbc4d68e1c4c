"""The commands of `refill probe` that speak to a running probe: status, press, selftest, clear."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from refill.common import Config, device_file, fail
from refill.probe_options import (
    CANNOT,
    DID_NOT,
    LATCHED,
    NOT_PASSED,
    STOPPED,
    USAGE,
    AsJson,
    Simulate,
    Socket,
    socket_of,
)

if TYPE_CHECKING:
    from refill.probe_selftest import Answer


def status(config: Config = None, simulate: Simulate = False, socket: Socket = None, as_json: AsJson = False) -> None:
    """Say how the probe is; exit 1 where it cannot be reached, 3 where a fault is latched."""
    from device.probe.pressing import BenchError
    from refill.probe_status import as_json as for_program
    from refill.probe_status import as_lines, ask

    device = device_file(config, simulate)
    try:
        found = ask(socket_of(device, simulate, socket), device)
    except BenchError as error:
        fail(str(error), CANNOT)
    if as_json:
        _print(for_program(found))
    else:
        typer.echo("\n".join(as_lines(found)))
    if found.status.fault is not None:
        raise typer.Exit(LATCHED)


def press(
    protocol: Annotated[str, typer.Option(help="name of the protocol whose press to make")],
    config: Config = None,
    simulate: Simulate = False,
    socket: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Make one press on the bench, with the pressure as it goes; exit 4 where it did not come off. Ctrl-C vents."""
    from device.probe.pressing import BenchError
    from firmware_config.loading import ConfigurationError, load_named
    from firmware_config.protocol import Protocol
    from refill.probe_bench import StoppedError, live_press
    from refill.probe_press import as_json as for_program
    from refill.probe_press import as_lines

    device = device_file(config, simulate)
    try:
        chosen = load_named("protocols", protocol, Protocol)
        target_kpa = chosen.target_kpa_on(device.probe.plate_area_mm2)
    except ConfigurationError as error:
        fail(str(error), USAGE)
    path = socket_of(device, simulate, socket)
    try:
        made = live_press(path, target_kpa, chosen.ramp_s, chosen.hold_s, shown=not as_json)
    except StoppedError as error:
        fail(str(error), STOPPED)
    except KeyboardInterrupt:
        fail("stopped; the connection is closed, so the probe releases by itself", STOPPED)
    except BenchError as error:
        fail(str(error), DID_NOT)
    if as_json:
        _print(for_program(made, protocol, device.probe.plate_area_mm2))
    else:
        typer.echo("\n".join(as_lines(made, device.probe.plate_area_mm2)))
    if made.trouble is not None:
        fail(made.trouble, DID_NOT)


def selftest(
    config: Config = None,
    simulate: Simulate = False,
    socket: Socket = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="ask nothing: for simulation, or a plug that is known to be on")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Test the probe level by level, guided; exit 5 where a level did not pass. What only a Pi can show is listed."""
    from refill.probe_selftest import run_selftest
    from refill.probe_selftest_by_hand import as_lines

    device = device_file(config, simulate)
    path = socket_of(device, simulate, socket)
    say = (lambda line: typer.echo(line, err=True)) if as_json else typer.echo
    test = run_selftest(
        device, None if simulate else path, say, _agreed if yes else _asked, device_file=config if simulate else None
    )
    if as_json:
        _print(test.as_json())
    else:
        typer.echo("\n".join(as_lines(device.pins)))
    if test.stopped:
        raise typer.Exit(STOPPED)
    if not test.passed:
        fail("the probe did not pass", NOT_PASSED)


def clear(
    operator: Annotated[str, typer.Option(help="operator code of whoever has looked, never a name; it is kept")],
    config: Config = None,
    simulate: Simulate = False,
    socket: Socket = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Clear the latched fault, once somebody has looked; exit 4 where the probe does not agree."""
    from device.probe.faults import FAULTS
    from device.probe.pressing import BenchError, first_status
    from refill.probe_clear import clear_fault, is_operator_code

    if not is_operator_code(operator):
        fail(f"--operator: {operator!r} is no operator code: lower-case letters, digits and hyphens", USAGE)
    device = device_file(config, simulate)
    path = socket_of(device, simulate, socket)
    try:
        code = first_status(path).fault
        if code is None:
            typer.echo("no fault is latched")
            return
        row = FAULTS[code]
        typer.echo(f"{code} ({row.severity}): {row.english}")
        if row.clear == "restart":
            typer.echo("This fault is cleared only after a repair.")
        if not yes:
            typer.confirm(
                f"Has it been looked at, and does {operator} answer for pressing again?", abort=True, err=True
            )
    except BenchError as error:
        fail(str(error), CANNOT)
    try:
        typer.echo(clear_fault(path, code, operator))
    except BenchError as error:
        fail(str(error), DID_NOT)


def _asked() -> "Answer":
    """Ask whether to go on; what will happen has been shown already."""
    try:
        said = typer.prompt("      Enter to go on, s to skip, q to stop", default="", show_default=False, err=True)
    except typer.Abort:
        return "stop"
    answer: dict[str, Answer] = {"": "go", "y": "go", "s": "skip"}
    return answer.get(said.strip().lower(), "stop")


def _agreed() -> "Answer":
    return "go"


def _print(told: dict[str, Any]) -> None:
    import json

    typer.echo(json.dumps(told, ensure_ascii=False))
