"""The levels of the self-test that go over the link: the same on a Pi and on simulation.

A level returns its figures, each beside its limit, or raises `BenchError` with what went wrong instead.
"""

import contextlib
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from device.probe.faults import FAULTS, FaultCode
from device.probe.link import Event, FaultRaised, Pressure, ProbeClient, Refusal, Refused, State, boot_ns
from device.probe.pressing import (
    NEAR_TARGET,
    BenchError,
    BenchPress,
    RefusedError,
    events_until,
    first_status,
    press_once,
    vented,
)
from device.probe.watch import STALE_S, ZERO_KPA
from firmware_config.device import DeviceConfig
from refill.probe_status import ask

TARGET_KPA, RAMP_S, HOLD_S = 20.0, 1.0, 3.0
RISE_S = 2.5
HOLD_SHARE, OVERSHOOT, RELEASE_S = 0.99, 0.08, 0.150
VENTED_S, VENTED_SHARE = 0.7, 0.05
NOISE_KPA = 0.4
"""Twice this is 4 % of the pressure that the test presses with: more, and its hold could not be judged."""
LEAK_PER_S = 0.15
"""A well seated plug or finger stays far below; the probe itself gives up on some ten times as much."""
LISTEN_S = 2.0
AGAIN_S, GIVE_UP_S = 5.0, 75.0
"""How often a press is tried again that was one too many for a minute, and for how long."""

SETTLE_S = 3.0
"""So long a probe that has just released, or just started, may take to be ready for a press."""

Say = Callable[[str], None]


class NothingToJudgeError(BenchError):
    """The press that a level judges was not made."""


@dataclass(frozen=True)
class Figure:
    """One measured value and its limit. `unit` is that of both; `digits` after the point are shown."""

    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    digits: int = 2

    @property
    def good(self) -> bool:
        """Whether the value is within its limits; one that is not a number is not."""
        low = float("-inf") if self.at_least is None else self.at_least
        high = float("inf") if self.at_most is None else self.at_most
        return low <= self.value <= high

    def __str__(self) -> str:
        """Return name, value, unit and limit, and whether it is outside."""
        limits = [f"at most {self.at_most:g}"] if self.at_most is not None else []
        limits += [f"at least {self.at_least:g}"] if self.at_least is not None else []
        outside = "" if self.good else ", OUTSIDE"
        return f"{self.name} {self.value:.{self.digits}f} {self.unit}".rstrip() + f" ({', '.join(limits)}{outside})"


@dataclass
class Bench:
    """The probe under test. One press serves several levels: a minute allows only so many."""

    path: Path
    device: DeviceConfig
    say: Say
    _pressed: BenchPress | None = field(default=None, init=False)

    @property
    def target_kpa(self) -> float:
        """What the test presses with: 20 kPa, or as much as the device file allows."""
        return min(TARGET_KPA, self.device.press_limits.pressure_kpa)

    def press(self) -> BenchPress:
        """Make the one press that is judged and return it; raises `BenchError` where it did not come off."""
        hold_s = min(HOLD_S, self.device.press_limits.hold_s)

        def once() -> BenchPress:
            with contextlib.closing(ProbeClient(self.path)) as client:
                return press_once(client, self.target_kpa, RAMP_S, hold_s)

        self._pressed = self.patiently(once)
        return self.pressed()

    def pressed(self) -> BenchPress:
        """Return that press; raises `NothingToJudgeError` where none was made, `BenchError` where it failed."""
        if self._pressed is None:
            raise NothingToJudgeError("there is no press to judge")
        if self._pressed.fault is not None or self._pressed.released is None:
            raise BenchError(self._pressed.trouble or "the press failed")
        return self._pressed

    def patiently(self, press: Callable[[], BenchPress]) -> BenchPress:
        """Press, and again later where the probe has to settle first or it was one press too many for this minute."""
        began = time.monotonic()
        while True:
            try:
                return press()
            except RefusedError as refused:
                waited_s = time.monotonic() - began
                settling = refused.why == Refusal.NOT_READY and waited_s < SETTLE_S
                if not settling and (refused.why != Refusal.TOO_OFTEN or waited_s > GIVE_UP_S):
                    raise
            if not settling:
                self.say("      waiting: so many presses a minute and no more")
            time.sleep(0.2 if settling else AGAIN_S)


def answers(bench: Bench) -> list[Figure]:
    """The probe is there, has no latched fault, runs with this device file and within the code's ceilings."""
    found = ask(bench.path, bench.device, 0.1)
    if found.status.fault is not None:
        raise BenchError(f"{found.status.fault}: {FAULTS[found.status.fault].english}")
    if not found.same_file:
        raise BenchError("it runs with another device file: restart it, or name its file with --config")
    return [
        Figure("lease", found.status.lease_s, "s", at_most=0.5),
        Figure("pressure limit", found.status.pressure_limit_kpa, "kPa", at_most=60, digits=0),
        Figure("hold limit", found.status.hold_limit_s, "s", at_most=20, digits=0),
    ]


def sensor_at_rest(bench: Bench) -> list[Figure]:
    """Zero and noise of the vented sensor, and that no sample is late."""
    with contextlib.closing(ProbeClient(bench.path)) as client:
        client.poll()
        heard = [
            sample
            for event in events_until(client, LISTEN_S, lambda _: False)
            if isinstance(event, Pressure)
            for sample in zip(event.t_boot_ns, event.kpa, strict=True)
        ]
    if len(heard) < 10:
        raise BenchError(f"{len(heard)} samples in {LISTEN_S:g} s: the sensor does not answer")
    kpa = [value for _, value in heard]
    gap_ms = max(after[0] - before[0] for before, after in pairwise(heard)) / 1e6
    return [
        Figure("zero", statistics.fmean(kpa), "kPa", at_most=ZERO_KPA, at_least=-ZERO_KPA),
        Figure("noise (sd)", statistics.stdev(kpa), "kPa", at_most=NOISE_KPA),
        Figure("longest gap", gap_ms, "ms", at_most=STALE_S * 1e3, digits=0),
    ]


def over_limit_refused(bench: Bench) -> list[Figure]:
    """A press above the limit is refused, and nothing moves."""
    asked_kpa = bench.device.press_limits.pressure_kpa + 1
    with contextlib.closing(ProbeClient(bench.path)) as client:
        client.press(asked_kpa, RAMP_S, 1.0)
        seen = events_until(client, 2.0, lambda event: isinstance(event, Refused))
        if not any(isinstance(event, Refused) and event.why == Refusal.OVER_LIMIT for event in seen):
            client.release()
            raise BenchError(f"a press of {asked_kpa:g} kPa was not refused")
        seen += events_until(client, 0.5, lambda _: False)
    highest_kpa = max((kpa for event in seen if isinstance(event, Pressure) for kpa in event.kpa), default=0.0)
    return [Figure("pressure meanwhile", highest_kpa, "kPa", at_most=ZERO_KPA)]


def pump_raises(bench: Bench) -> list[Figure]:
    """The pump brings the pressure to the target."""
    made = bench.press()
    if made.rise_s is None:
        raise BenchError(f"the target of {made.target_kpa:g} kPa was not reached")
    return [Figure(f"rise to {made.target_kpa:g} kPa", made.rise_s, "s", at_most=RISE_S)]


def hold(bench: Bench) -> list[Figure]:
    """The pressure stays at the target."""
    made = bench.pressed()
    share = made.share_near
    if share is None or made.released is None or made.released.hold_mean_kpa is None:
        raise BenchError("there was no hold")
    off = made.released.hold_mean_kpa / made.target_kpa - 1
    return [
        Figure("mean off target", 100 * off, "%", at_most=100 * NEAR_TARGET, at_least=-100 * NEAR_TARGET, digits=1),
        Figure("within 5 %", 100 * share, "% of samples", at_least=100 * HOLD_SHARE, digits=1),
        Figure("overshoot", 100 * (made.released.overshoot or 0.0), "%", at_most=100 * OVERSHOOT, digits=1),
    ]


def seal(bench: Bench) -> list[Figure]:
    """What the pump has to make up for in the hold, as the fall of pressure that there would be without it."""
    made = bench.pressed()
    if made.released is None or made.released.leak_kpa_per_s is None:
        raise BenchError("there was no hold")
    limit = LEAK_PER_S * made.target_kpa
    return [Figure(f"leak at {made.target_kpa:g} kPa", made.released.leak_kpa_per_s, "kPa/s", at_most=limit)]


def release(bench: Bench) -> list[Figure]:
    """The valve lets the pressure go, fast, and all of it."""
    made = bench.pressed()
    if made.released is None or made.released.release_s is None:
        raise BenchError("the release was not seen from 90 to 10 %")
    high_ns = _last_above(made.samples, VENTED_SHARE * made.target_kpa, made.released.valve_open_ns)
    return [
        Figure("90 to 10 %", 1e3 * made.released.release_s, "ms", at_most=1e3 * RELEASE_S, digits=0),
        Figure("below 5 %", (high_ns - made.released.valve_open_ns) / 1e9, "s", at_most=VENTED_S),
    ]


def silent_client(bench: Bench) -> list[Figure]:
    """A client that falls silent in mid-hold, its connection open: the lease runs out, and that is named."""
    with contextlib.closing(ProbeClient(bench.path)) as client:
        silent_ns, lease, seen = hold_then_stop_renewing(bench, client)
        seen += events_until(client, 2.0, lambda _: False)
    named = [event.code for event in seen if isinstance(event, FaultRaised) and event.lease == lease]
    if named != [FaultCode.LEASE_LOST]:
        raise BenchError(f"lease_lost was to be named, not {', '.join(named) or 'nothing'}")
    samples = [
        sample
        for event in seen
        if isinstance(event, Pressure)
        for sample in zip(event.t_boot_ns, event.kpa, strict=True)
    ]
    high_ns = _last_above(samples, VENTED_SHARE * bench.target_kpa, silent_ns)
    return [Figure("below 5 % after the last renewal", (high_ns - silent_ns) / 1e9, "s", at_most=VENTED_S)]


def gone_client(bench: Bench) -> list[Figure]:
    """A client that is killed in mid-hold: its connection breaks, and the probe vents."""
    with contextlib.closing(ProbeClient(bench.path)) as client:
        hold_then_stop_renewing(bench, client)
    time.sleep(VENTED_S)
    found = first_status(bench.path)
    if found.pressure_kpa is None:
        raise BenchError("the sensor does not answer")
    limit_kpa = max(VENTED_SHARE * bench.target_kpa, ZERO_KPA / 2)
    return [Figure(f"pressure {VENTED_S:g} s later", found.pressure_kpa, "kPa", at_most=limit_kpa)]


def left_vented(bench: Bench) -> list[Figure]:
    """The last thing: asked to release, idle, near zero."""
    with contextlib.closing(ProbeClient(bench.path)) as client:
        if not vented(client):
            raise BenchError("the probe does not confirm that it has released: switch it off and look at it")
    return [Figure("pressure", first_status(bench.path).pressure_kpa or 0.0, "kPa", at_most=ZERO_KPA)]


def hold_then_stop_renewing(bench: Bench, client: ProbeClient) -> tuple[int, str, list[Event]]:
    """Press and renew until the hold, once more, and no more; return when that was, the lease, and what was heard."""

    def begin() -> BenchPress:
        made = BenchPress(bench.target_kpa, RAMP_S, min(10.0, bench.device.press_limits.hold_s))
        client.poll()
        made.lease = client.press(made.target_kpa, made.ramp_s, made.hold_s)

        def up(event: Event) -> bool:
            made.hear(event)
            seen.append(event)
            return made.over or made.fault is not None or (isinstance(event, State) and made.phase == "hold")

        events_until(client, 5.0, up, renew=True)
        if made.refused is not None:
            raise RefusedError(made.refused)
        if made.phase != "hold":
            raise BenchError(made.trouble or "no hold")
        return made

    seen: list[Event] = []
    made = bench.patiently(begin)
    client.renew()
    return boot_ns(), made.lease, seen


def _last_above(samples: list[tuple[int, float]], kpa: float, since_ns: int) -> int:
    """Return when the last sample above `kpa` was read, or `since_ns` where none was after that."""
    return max((t_ns for t_ns, value in samples if value > kpa and t_ns > since_ns), default=since_ns)
