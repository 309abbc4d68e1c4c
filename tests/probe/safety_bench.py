"""What the tests of the arbiter share: its times, and a press that is on."""

from device.probe.faults import FaultCode
from device.probe.safety import CEILINGS, Arbiter, Limits, Outputs

S = 1_000_000_000
MS = 1_000_000
START = 100 * S
CLOSED = Outputs(valve_closed=True, pump_duty=0.5)
DANGER, FAULT, NOTICE = FaultCode.BLOCKED_VENT, FaultCode.SENSOR_STUCK, FaultCode.LEASE_LOST


def pressing(limits: Limits = CEILINGS, target_kpa: float = 40.0) -> Arbiter:
    """An arbiter with a press granted and the valve closed at `START`."""
    held = Arbiter(limits)
    assert held.grant(START, START, target_kpa)
    assert held.allow(START, CLOSED, 1.0) == CLOSED
    return held


def kept_up(held: Arbiter, from_ns: int, to_ns: int) -> None:
    """Renew every 100 ms, so that only another ceiling can end the press."""
    for now_ns in range(from_ns, to_ns + 1, 100 * MS):
        held.renew(now_ns, now_ns)
