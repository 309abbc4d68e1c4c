"""Presses made by hand on the bench, through the same link as the bedside's."""

import select
import time
from collections.abc import Callable
from pathlib import Path

from device.probe.faults import FAULTS
from device.probe.link import (
    Event,
    FaultRaised,
    Pressure,
    ProbeClient,
    ProbeUnreachableError,
    Refused,
    Released,
    State,
    Status,
)

WAIT_S = 2.0
RENEW_S = 0.1
ENDING_S = 5.0


class BenchError(Exception):
    """What was asked of the probe did not come off. One line."""


def first_status(socket_path: Path) -> Status:
    """Return what the probe says on connecting; raises `BenchError` where it does not within two seconds."""
    client = ProbeClient(socket_path)
    try:
        for event in events_until(client, WAIT_S, lambda event: isinstance(event, Status)):
            if isinstance(event, Status):
                return event
    except ProbeUnreachableError as error:
        raise BenchError(str(error)) from error
    finally:
        client.close()
    raise BenchError(f"the probe at {socket_path} does not answer")


def events_until(
    client: ProbeClient, for_s: float, enough: Callable[[Event], bool], *, renew: bool = False
) -> list[Event]:
    """Return what the probe says within `for_s`, up to the poll that brings what is `enough`; may renew meanwhile."""
    seen: list[Event] = []
    end = time.monotonic() + for_s
    renewed = 0.0
    while time.monotonic() < end:
        if renew and time.monotonic() - renewed > RENEW_S:
            client.renew()
            renewed = time.monotonic()
        select.select([client], [], [], 0.02)
        fresh = client.poll()
        seen += fresh
        if any(enough(event) for event in fresh):
            break
    return seen


def press_once(
    client: ProbeClient,
    target_kpa: float,
    ramp_s: float,
    hold_s: float,
    watch: Callable[[Event], None] | None = None,
) -> Released:
    """Press, renew, and return the release; raises `BenchError` with the refusal or the fault that came instead."""
    lease = client.press(target_kpa, ramp_s, hold_s)

    def decided(event: Event) -> bool:
        if watch is not None:
            watch(event)
        return isinstance(event, Refused | FaultRaised) or (isinstance(event, Released) and event.lease == lease)

    for event in events_until(client, 1.5 * ramp_s + hold_s + ENDING_S, decided, renew=True):
        if isinstance(event, Refused):
            raise BenchError(f"refused ({event.why}): {event.sentence}")
        if isinstance(event, FaultRaised):
            raise BenchError(f"{event.code}: {FAULTS[event.code].english}")
        if isinstance(event, Released) and event.lease == lease:
            if event.fault is not None:
                raise BenchError(f"{event.fault}: {FAULTS[event.fault].english}")
            return event
    raise BenchError("the press did not end in time; the probe releases by itself")


def live_press(socket_path: Path, target_kpa: float, ramp_s: float, hold_s: float) -> Released:
    """Press once with a table of the pressure that follows it on the terminal; raises `BenchError`."""
    from rich.live import Live
    from rich.table import Table

    phase, kpa, highest_kpa = "idle", 0.0, 0.0

    def table() -> Table:
        shown = Table("phase", "pressure", "target", "highest")
        shown.add_row(phase, f"{kpa:6.2f} kPa", f"{target_kpa:g} kPa", f"{highest_kpa:.2f} kPa")
        return shown

    client = ProbeClient(socket_path)
    try:
        with Live(table(), refresh_per_second=10) as live:

            def watch(event: Event) -> None:
                nonlocal phase, kpa, highest_kpa
                if isinstance(event, State):
                    phase = event.phase
                elif isinstance(event, Pressure) and event.kpa:
                    kpa, highest_kpa = event.kpa[-1], max(highest_kpa, *event.kpa)
                live.update(table())

            return press_once(client, target_kpa, ramp_s, hold_s, watch)
    except ProbeUnreachableError as error:
        raise BenchError(str(error)) from error
    finally:
        client.close()
