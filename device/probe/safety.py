"""What the outputs may be, whatever anybody asks for: ceilings, the lease, and the arbiter that holds them.

Pure and small on purpose. The ceilings are constants of this file; configuration may lower them and never raise them.
"""

from collections import deque
from dataclasses import dataclass

from device.probe.faults import FAULTS, FaultCode
from firmware_config.device import DeviceConfig

CEILING_KPA = 60.0
CEILING_HOLD_S = 20.0
CEILING_PRESS_S = 26.0
CEILING_PRESSES_PER_MINUTE = 6
CEILING_LEASE_S = 0.5
TRIP_FACTOR = 1.10
"""Vent at once at this many times the pressure limit: room for the controller's overshoot and no more."""
STALL_S = 0.2
"""The control loop counts as stalled when it has not ticked for this long."""

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
        return cls(
            pressure_kpa=min(asked.pressure_kpa, CEILING_KPA),
            hold_s=min(asked.hold_s, CEILING_HOLD_S),
            press_s=min(asked.press_s, CEILING_PRESS_S),
            presses_per_minute=min(asked.presses_per_minute, CEILING_PRESSES_PER_MINUTE),
            lease_s=min(config.probe.lease_s, CEILING_LEASE_S),
        )

    @property
    def trip_kpa(self) -> float:
        """Pressure at which a single sample vents."""
        return self.pressure_kpa * TRIP_FACTOR


@dataclass(frozen=True)
class Outputs:
    """What pump and valve are told. `pump_duty` from 0 to 1."""

    valve_closed: bool
    pump_duty: float


RELEASED = Outputs(valve_closed=False, pump_duty=0.0)


class Arbiter:
    """Says what the outputs may be. The control loop asks before each write; the guard thread asks `overdue` by itself.

    `trip` may be called from any thread; from then on `allow` gives `RELEASED` until the next `grant` or `clear`.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.latched: FaultCode | None = None
        self._tripped = False
        self._closed = False
        self._lease_until_ns: int | None = None
        self._closed_since_ns: int | None = None
        self._presses: deque[int] = deque(maxlen=CEILING_PRESSES_PER_MINUTE)

    def too_often(self, now_ns: int) -> bool:
        """Return whether one more press now would be above the presses allowed in a minute."""
        return sum(now_ns - t < 60_000_000_000 for t in self._presses) >= self.limits.presses_per_minute

    def grant(self, now_ns: int, sent_ns: int) -> None:
        """Start a press with a fresh lease; the caller has checked that nothing stands against it."""
        self._presses.append(now_ns)
        self._tripped = False
        self._closed_since_ns = None
        self.renew(now_ns, sent_ns)

    def renew(self, now_ns: int, sent_ns: int) -> None:
        """Let the lease run from when the renewal was sent, or from now where that is earlier."""
        until_ns = min(now_ns, sent_ns) + round(self.limits.lease_s * 1e9)
        self._lease_until_ns = max(self._lease_until_ns or 0, until_ns)

    def end(self) -> None:
        """Take the lease back: the press is over."""
        self._lease_until_ns = None

    def overdue(self, now_ns: int) -> FaultCode | None:
        """Return why a running press has to end now, by lease or by length; None where none has to."""
        until_ns, since_ns = self._lease_until_ns, self._closed_since_ns
        if since_ns is not None and now_ns - since_ns > self.limits.press_s * 1e9:
            return FaultCode.HOLD_TOO_LONG
        if until_ns is not None and now_ns >= until_ns:
            return FaultCode.LEASE_LOST
        return None

    def trip(self, code: FaultCode) -> None:
        """Allow nothing any more; latch the fault where its row says so. A graver one takes a lesser one's place."""
        self._tripped = True
        self._lease_until_ns = None
        self._closed_since_ns = None
        if not FAULTS[code].latched:
            return
        if self.latched is None or _RANK[FAULTS[code].severity] > _RANK[FAULTS[self.latched].severity]:
            self.latched = code

    def close(self) -> None:
        """Allow nothing for good: the process ends."""
        self._closed = True

    def clear(self) -> None:
        """Forget the latched fault; the caller has checked that it may be forgotten."""
        self.latched = None

    def allow(self, now_ns: int, wanted: Outputs, kpa: float | None) -> Outputs:
        """Return `wanted` where everything speaks for it, `RELEASED` otherwise. `kpa`: the last sample, or None."""
        may = (
            wanted.valve_closed
            and not self._tripped
            and not self._closed
            and self.latched is None
            and self._lease_until_ns is not None
            and kpa is not None
            and kpa < self.limits.trip_kpa
            and self.overdue(now_ns) is None
        )
        if not may:
            self._closed_since_ns = None
            return RELEASED
        if self._closed_since_ns is None:
            self._closed_since_ns = now_ns
        return Outputs(valve_closed=True, pump_duty=min(max(wanted.pump_duty, 0.0), 1.0))
