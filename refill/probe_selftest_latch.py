"""A latched fault refuses presses until somebody clears it: on a simulated probe, or with a bridge on a real one."""

import contextlib
import time
from collections.abc import Callable

from device.probe.faults import FAULTS, FaultCode
from device.probe.link import Event, FaultCleared, FaultRaised, ProbeClient, Refusal, Refused, Status
from device.probe.messages import ClearFault
from device.probe.pressing import BenchError, events_until
from firmware_config.device import DeviceConfig
from refill.probe_selftest_levels import RAMP_S, Bench, Figure
from refill.simulation import SteppedProbe

OPERATOR = "selftest"
HAND_S = 60.0
"""So long somebody may take to put the bridge on, or off."""
SANE_S = 1.0

Agree = Callable[[], bool]


def stepped(device: DeviceConfig) -> list[Figure]:
    """Clip a simulated sensor at rest, try to press and to clear, mend it, clear, press."""
    with SteppedProbe(device) as probe:

        def clear() -> None:
            probe.engine.submit(1, ClearFault(operator=OPERATOR))
            probe.run(0.05)

        probe.run(0.3)
        probe.faults.sensor = "clipped_low"
        probe.run(0.2)
        _expect(probe.seen.events, FaultRaised, "no fault was named")
        probe.press(20.0, 1.0, 1.0)
        probe.run(0.1)
        if _refusals(probe.seen.events) != [Refusal.FAULT]:
            raise BenchError("a press was not refused in spite of the latched fault")
        clear()
        if _refusals(probe.seen.events)[-1] != Refusal.NOT_CLEARABLE:
            raise BenchError("the fault was cleared although the sensor is still broken")
        probe.faults.sensor = "none"
        probe.run(SANE_S)
        clear()
        _expect(probe.seen.events, FaultCleared, "the fault was not cleared after the sensor was mended")
        probe.press(20.0, 1.0, 1.0)
        probe.run(1.5)
        pressing = float(probe.engine.gate.now.valve_closed)
    return [Figure("presses again after clearing", pressing, "", at_least=1, digits=0)]


def by_hand(bench: Bench, agree: Agree) -> list[Figure]:
    """The same on a real probe: whoever tests bridges the converter's input to ground, and takes the bridge off."""
    channel = getattr(bench.device.pressure_sensor, "channel", 0)
    with contextlib.closing(ProbeClient(bench.path)) as client:
        bench.say(f"      Bridge channel {channel} of the converter to ground NOW, and leave the bridge on.")
        if not agree():
            raise BenchError("not agreed to")
        code = _latched_within(client, HAND_S)
        if FAULTS[code].clear != "command":
            raise BenchError(f"{code} was named, not {FaultCode.SENSOR_CLIPPED}: {FAULTS[code].english}")
        client.press(bench.target_kpa, RAMP_S, 1.0)
        seen = events_until(client, 2.0, lambda event: isinstance(event, Refused))
        if _refusals(seen) != [Refusal.FAULT]:
            client.release()
            raise BenchError("a press was not refused in spite of the latched fault")
        bench.say("      Take the bridge off again.")
        if not agree():
            raise BenchError(f"{code} is still latched: refill probe clear")
        end = time.monotonic() + HAND_S
        while time.monotonic() < end:
            client.clear_fault(OPERATOR)
            seen = events_until(client, SANE_S, lambda event: isinstance(event, FaultCleared | Refused))
            if any(isinstance(event, FaultCleared) for event in seen):
                return [Figure("fault named, press refused, cleared", 1, "", at_least=1, digits=0)]
            time.sleep(SANE_S)
    raise BenchError(f"{code} could not be cleared")


def _latched_within(client: ProbeClient, for_s: float) -> FaultCode:
    end = time.monotonic() + for_s
    while time.monotonic() < end:
        client.status()
        for event in events_until(client, 0.5, lambda event: isinstance(event, Status)):
            if isinstance(event, Status) and event.fault is not None:
                return event.fault
        time.sleep(0.2)
    raise BenchError(f"no fault was named within {for_s:g} s")


def _refusals(events: list[Event]) -> list[Refusal]:
    return [event.why for event in events if isinstance(event, Refused)]


def _expect(events: list[Event], kind: type[FaultRaised] | type[FaultCleared], otherwise: str) -> None:
    if not any(isinstance(event, kind) for event in events):
        raise BenchError(otherwise)
