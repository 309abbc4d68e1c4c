"""Presses of bench and calibration, through the same link as the bedside's, and what became of them. Blocks."""

import select
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from device.probe.faults import FAULTS, FaultCode
from device.probe.link import (
    Event,
    FaultRaised,
    Injected,
    Phase,
    Pressure,
    ProbeClient,
    ProbeUnreachableError,
    Refusal,
    Refused,
    Released,
    State,
    Status,
)
from device.probe.watch import ZERO_KPA

WAIT_S = 2.0
RENEW_S = 0.1
ENDING_S = 5.0
NEAR_TARGET = 0.05
"""A sample of the hold counts as on target within this share of it."""

HINTS: dict[FaultCode, str] = {
    FaultCode.NO_RISE: "no pressure comes up: no finger or plug on the nozzle, a hose off, or a pump at rest",
    FaultCode.LEAK: "it does not seal: re-seat finger or plug, look at the hose's joints",
    FaultCode.OVERSHOOT: "it rose far too fast, as with very little air: a blocked nozzle or a pinched hose",
    FaultCode.BLOCKED_VENT: "the air does not get out: take the finger out; vent or hose blocked, or valve stuck",
    FaultCode.SENSOR_STUCK: "the sensor does not follow: its hose is pinched or off, or the sensor is dead",
}
"""What to look at on the bench; the fault's own sentence is the nurse's."""


class BenchError(Exception):
    """What was asked of the probe did not come off. One line."""


class RefusedError(BenchError):
    """The probe refused a press, and nothing moved; or to raise its reading in one."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(f"refused ({refused.why}): {refused.sentence}")
        self.why: Refusal = refused.why


@dataclass
class BenchPress:
    """One press as its client saw it: what was asked, what the probe said of it, the samples in between."""

    target_kpa: float
    ramp_s: float
    hold_s: float
    lease: str = ""
    phase: Phase = "idle"
    fault: FaultCode | None = None
    refused: Refused | None = None
    released: Released | None = None
    injected: Injected | None = None
    began_ns: dict[Phase, int] = field(default_factory=dict)
    """When each phase of this press began, CLOCK_BOOTTIME."""
    samples: list[tuple[int, float]] = field(default_factory=list)
    """All samples heard since it was asked for: CLOCK_BOOTTIME in ns, kPa."""

    def hear(self, event: Event) -> None:
        """Take in what the probe says."""
        if isinstance(event, Pressure):
            self.samples += zip(event.t_boot_ns, event.kpa, strict=True)
        elif isinstance(event, State) and event.lease == self.lease:
            self.phase = event.phase
            self.began_ns.setdefault(event.phase, event.t_boot_ns)
        elif isinstance(event, FaultRaised) and event.lease in (self.lease, None):
            self.fault = self.fault or event.code
        elif isinstance(event, Refused) and event.command in ("press", "inject"):
            self.refused = event
        elif isinstance(event, Injected) and event.lease == self.lease:
            self.injected = event
        elif isinstance(event, Released) and event.lease == self.lease:
            self.phase = "idle"
            self.released = event
            self.fault = event.fault or self.fault

    @property
    def over(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.refused is not None or self.released is not None

    @property
    def hold_kpa(self) -> list[float]:
        """Samples of the hold: from when the target was reached to when the valve was told to open."""
        if "hold" not in self.began_ns:
            return []
        until_ns = self.released.valve_open_ns if self.released is not None else 2**63
        return [kpa for t_ns, kpa in self.samples if self.began_ns["hold"] <= t_ns <= until_ns]

    @property
    def share_near(self) -> float | None:
        """Share of the hold's samples within 5 % of the target; None where there was no hold."""
        hold_kpa = self.hold_kpa
        near = [abs(kpa - self.target_kpa) <= NEAR_TARGET * self.target_kpa for kpa in hold_kpa]
        return statistics.fmean(near) if near else None

    @property
    def rise_s(self) -> float | None:
        """Time from the start of the ramp to the start of the hold; None where the target was not reached."""
        if "ramp" not in self.began_ns or "hold" not in self.began_ns:
            return None
        return (self.began_ns["hold"] - self.began_ns["ramp"]) / 1e9

    @property
    def highest_kpa(self) -> float:
        """Highest sample heard."""
        return max((kpa for _, kpa in self.samples), default=0.0)

    @property
    def trouble(self) -> str | None:
        """Why this was not the press that was asked for, in one line; None where it was."""
        if self.fault is not None:
            hint = HINTS.get(self.fault)
            return f"{self.fault}: {FAULTS[self.fault].english}" + (f" ({hint})" if hint else "")
        if self.released is None:
            return "the press did not end in time; the probe releases by itself"
        if self.released.why != "held":
            when = "in mid-hold" if "hold" in self.began_ns else "before the target was reached"
            return f"released {when}, because somebody asked the probe to"
        if self.released.release_s is None or self.released.t_boot_ns is None:
            return "held as asked, but the release was not seen from 90 to 10 %"
        return None


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
        shown = [enough(event) for event in fresh]  # every event, also those after the one that is enough
        if any(shown):
            break
    return seen


def press_once(
    client: ProbeClient,
    target_kpa: float,
    ramp_s: float,
    hold_s: float,
    watch: Callable[[BenchPress], None] | None = None,
    *,
    still_s: float = 0.0,
) -> BenchPress:
    """Press, renew, and return the press once it is released, faults included; `watch` is called as it goes.

    In the hold's last `still_s` the pump is at rest.

    Raises `RefusedError` where it did not start, `BenchError` where the probe is not there or falls silent.
    """
    made = BenchPress(target_kpa, ramp_s, hold_s)

    def heard(event: Event) -> bool:
        made.hear(event)
        if watch is not None:
            watch(made)
        return made.over

    try:
        client.poll()
        made.lease = client.press(target_kpa, ramp_s, hold_s, still_s)
        events_until(client, 1.5 * ramp_s + hold_s + ENDING_S, heard, renew=True)
    except ProbeUnreachableError as error:
        raise BenchError(str(error)) from error
    if made.refused is not None:
        raise RefusedError(made.refused)
    return made


def vented(client: ProbeClient, within_s: float = WAIT_S) -> bool:
    """Ask the probe to release; return whether it then says that it is idle and near zero, within `within_s`."""
    end = time.monotonic() + within_s
    try:
        client.release()
        while time.monotonic() < end:
            client.status()
            for event in events_until(client, 0.2, lambda event: isinstance(event, Status)):
                if isinstance(event, Status) and is_vented(event):
                    return True
    except ProbeUnreachableError:
        return False
    return False


def is_vented(status: Status) -> bool:
    """Return whether the probe is idle and a sensor that answers reads near zero."""
    return status.phase == "idle" and status.pressure_kpa is not None and abs(status.pressure_kpa) < ZERO_KPA
