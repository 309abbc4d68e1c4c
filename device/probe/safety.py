"""What the outputs may be, whatever anybody asks for: ceilings, the lease, and the arbiter that holds them.

Pure and small on purpose. The ceilings are constants of this file; configuration may lower them and never raise them.
The arbiter believes nobody: what the engine has checked before asking is checked here again.
"""

import threading
from collections.abc import Iterable
from dataclasses import astuple, dataclass

from device.probe.faults import FAULTS, FaultCode
from firmware_config.device import DeviceConfig

CEILING_KPA = 60.0
CEILING_HOLD_S = 20.0
CEILING_PRESS_S = 26.0
CEILING_PRESSES_PER_MINUTE = 6
CEILING_LEASE_S = 0.5
TRIP_FACTOR = 1.10
"""Vent at once at this many times the pressure limit: room for the controller's overshoot and no more."""
HELD_SHARE = 0.975
"""The skin counts as held from the first sample at this share of the target."""
HOLD_SLACK_S = 0.5
"""So long after the hold's limit the arbiter ends it where control has not: room for control's clock and no more."""
STALL_S = 0.2
"""The control loop counts as stalled when it has not ticked for this long."""

_MINUTE_NS = 60_000_000_000
_RANK = {"notice": 0, "fault": 1, "danger": 2}


@dataclass(frozen=True)
class Limits:
    """The ceilings in force: the configuration's where it is lower, ours otherwise."""

    pressure_kpa: float
    hold_s: float
    press_s: float
    presses_per_minute: int
    lease_s: float

    @classmethod
    def of(cls, config: DeviceConfig) -> "Limits":
        """Return the lower of configuration and code, key by key."""
        asked = config.press_limits
        named = cls(
            pressure_kpa=asked.pressure_kpa,
            hold_s=asked.hold_s,
            press_s=asked.press_s,
            presses_per_minute=asked.presses_per_minute,
            lease_s=config.probe.lease_s,
        )
        return named.lowered()

    def lowered(self) -> "Limits":
        """Return the lower of these and the code's ceilings, key by key."""
        return Limits(*map(min, astuple(CEILINGS), astuple(self)))

    @property
    def trip_kpa(self) -> float:
        """Pressure at which a single sample vents."""
        return self.pressure_kpa * TRIP_FACTOR


CEILINGS = Limits(CEILING_KPA, CEILING_HOLD_S, CEILING_PRESS_S, CEILING_PRESSES_PER_MINUTE, CEILING_LEASE_S)


@dataclass(frozen=True)
class Outputs:
    """What pump and valve are told. `pump_duty` from 0 to 1."""

    valve_closed: bool
    pump_duty: float


RELEASED = Outputs(valve_closed=False, pump_duty=0.0)


class Arbiter:
    """Says what the outputs may be. The control loop asks before each write, the guard thread `trip_if_due` by itself.

    Any thread may call anything: each call is whole before the next one begins, and none waits for hardware. A grant
    is for one closing of the valve: once opened again, by whomever, it stays open until the next grant.
    """

    def __init__(
        self,
        limits: Limits,
        latched: FaultCode | None = None,
        presses_ns: Iterable[int] = (),
        *,
        injected: bool = False,
    ) -> None:
        """All but the limits is what an earlier probe process left behind; `presses_ns` are of CLOCK_BOOTTIME."""
        self.limits = limits.lowered()
        self.latched = latched
        self.injected = injected and latched is not None
        """Whether only a reading that calibration had raised showed the latched fault."""
        self.presses_ns = tuple(presses_ns)[-CEILING_PRESSES_PER_MINUTE:]
        """When the last presses were granted, oldest first. Replaced and never changed, so that any thread may look."""
        self._lock = threading.Lock()
        self._closed_for_good = False
        self._target_kpa = 0.0
        self._lease_until_ns: int | None = None
        self._closed_since_ns: int | None = None
        self._held_since_ns: int | None = None
        self._spent = False

    @property
    def may_close(self) -> bool:
        """Whether a press is on that nothing stands against: without it, no valve may be or stay closed."""
        on = self._lease_until_ns is not None and not self._spent
        return on and self.latched is None and not self._closed_for_good

    def too_often(self, now_ns: int) -> bool:
        """Return whether one more press now would be above the presses allowed in a minute."""
        return sum(now_ns - t < _MINUTE_NS for t in self.presses_ns) >= self.limits.presses_per_minute

    def grant(self, now_ns: int, sent_ns: int, target_kpa: float) -> bool:
        """Start a press with a fresh lease, as asked for at `sent_ns`; False, and nothing, where it may not be."""
        with self._lock:
            refused = (
                self._closed_for_good
                or self.latched is not None
                or self._lease_until_ns is not None
                or not 0 < target_kpa <= self.limits.pressure_kpa
                or self.too_often(now_ns)
            )
            if refused:
                return False
            self.presses_ns = (*self.presses_ns, now_ns)[-CEILING_PRESSES_PER_MINUTE:]
            self._target_kpa = target_kpa
            self._closed_since_ns = None
            self._held_since_ns = None
            self._spent = False
            self._lease_until_ns = self._until_ns(now_ns, sent_ns)
            return True

    def renew(self, now_ns: int, sent_ns: int) -> None:
        """Let the lease run from when the renewal was sent, or from now where that is earlier.

        A lease that has run out, or was never granted, is not brought back.
        """
        with self._lock:
            until_ns = self._lease_until_ns
            if until_ns is not None and now_ns < until_ns:
                self._lease_until_ns = max(until_ns, self._until_ns(now_ns, sent_ns))

    def end(self) -> None:
        """Take the lease back: the press is over."""
        with self._lock:
            self._lease_until_ns = None

    def overdue(self, now_ns: int) -> FaultCode | None:
        """Return why a running press has to end now, by lease or by length; None where none has to."""
        until_ns, closed_ns, held_ns = self._lease_until_ns, self._closed_since_ns, self._held_since_ns
        if until_ns is None:
            return None
        if closed_ns is not None and now_ns - closed_ns > self.limits.press_s * 1e9:
            return FaultCode.HOLD_TOO_LONG
        if held_ns is not None and now_ns - held_ns > (self.limits.hold_s + HOLD_SLACK_S) * 1e9:
            return FaultCode.HOLD_TOO_LONG
        return FaultCode.LEASE_LOST if now_ns >= until_ns else None

    def trip(self, code: FaultCode, *, injected: bool = False) -> None:
        """Allow nothing any more; latch the fault where its row says so. A graver one takes a lesser one's place.

        An `injected` one, which nothing real has shown, never takes a real one's place, and gives way to any.
        """
        with self._lock:
            self._trip(code, injected=injected)

    def trip_if_due(self, now_ns: int, beat_ns: int) -> FaultCode | None:
        """Trip where a press is overdue, or control has stalled in it, and return why; None where neither is so.

        Looking and tripping are one step: no press is ended for what was true before it began. `beat_ns` may be older
        than that step; control was alive when it closed the valve, whatever the beat says.
        """
        with self._lock:
            code = self.overdue(now_ns)
            closed_ns = self._closed_since_ns
            if closed_ns is not None and self.may_close and now_ns - max(beat_ns, closed_ns) > STALL_S * 1e9:
                code = FaultCode.CONTROL_STALLED
            if code is not None:
                self._trip(code)
            return code

    def close(self) -> None:
        """Allow nothing for good: the process ends."""
        with self._lock:
            self._closed_for_good = True
            self._lease_until_ns = None

    def clear(self) -> None:
        """Forget the latched fault; the caller has checked that it may be forgotten."""
        with self._lock:
            self.latched = None
            self.injected = False

    def allow(self, now_ns: int, wanted: Outputs, kpa: float | None) -> Outputs:
        """Return `wanted` where everything speaks for it, `RELEASED` otherwise. `kpa`: the last sample, or None."""
        with self._lock:
            may = wanted.valve_closed and self.may_close and self.overdue(now_ns) is None
            if not may or kpa is None or not kpa < self.limits.trip_kpa:
                # The lease stays, so that the next look still finds why.
                self._spent = self._closed_since_ns is not None
                return RELEASED
            if self._closed_since_ns is None:
                self._closed_since_ns = now_ns
            if self._held_since_ns is None and kpa >= HELD_SHARE * self._target_kpa:
                self._held_since_ns = now_ns
            return Outputs(valve_closed=True, pump_duty=min(max(wanted.pump_duty, 0.0), 1.0))

    def _trip(self, code: FaultCode, *, injected: bool = False) -> None:
        self._lease_until_ns = None
        before = self.latched
        if not FAULTS[code].latched or (injected and before is not None):
            return
        if before is None or self.injected or _RANK[FAULTS[code].severity] > _RANK[FAULTS[before].severity]:
            # In this order: whoever looks in between takes it for a real one.
            self.injected = False
            self.latched = code
            self.injected = injected

    def _until_ns(self, now_ns: int, sent_ns: int) -> int:
        return min(now_ns, sent_ns) + round(self.limits.lease_s * 1e9)
