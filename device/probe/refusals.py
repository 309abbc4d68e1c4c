"""Why a command is refused: what is asked, held against what the probe is at that moment. Pure."""

from dataclasses import dataclass

from device.probe.control import Order
from device.probe.faults import FAULTS, FaultCode
from device.probe.messages import ClearFault, Inject, Phase, Press, Refusal
from device.probe.safety import Limits

CLEAR_WELL_S = 0.5
"""The sensor has to have been sane and at zero for this long before a fault is cleared."""
SPARE_S = 0.3
"""A rise has to be over so much before the hold would run into the ceiling of the press."""
SLOWEST_RAMP = 1.1

Why = tuple[Refusal, str]
"""The reason, and its sentence."""


@dataclass(frozen=True)
class Moment:
    """What commands are held against. `now_ns` is CLOCK_BOOTTIME."""

    now_ns: int
    limits: Limits
    phase: Phase
    order: Order | None
    owner: int | None
    """The connection whose press is on."""
    latched: FaultCode | None
    too_often: bool
    at_rest: bool
    well_for_s: float
    """For how long the sensor has been sane and at zero."""
    last_kpa: float | None
    injecting: bool

    def timely(self, sent_ns: int) -> bool:
        """Return whether a command sent at `sent_ns` is younger than a lease, and not from the future."""
        return 0 <= self.now_ns - sent_ns < self.limits.lease_s * 1e9

    def is_its(self, peer: int, lease: str) -> bool:
        """Return whether the press that is on was asked for by this connection, under this lease."""
        return self.order is not None and peer == self.owner and self.order.lease == lease


def of_press(moment: Moment, press: Press) -> Why | None:
    """Return why a press may not begin; None where it may."""
    limits = moment.limits
    if press.target_kpa > limits.pressure_kpa:
        return Refusal.OVER_LIMIT, f"{press.target_kpa:g} kPa asked, at most {limits.pressure_kpa:g} allowed"
    if press.hold_s > limits.hold_s:
        return Refusal.OVER_LIMIT, f"a hold of {press.hold_s:g} s asked, at most {limits.hold_s:g} allowed"
    press_s = press.ramp_s * SLOWEST_RAMP + press.hold_s + SPARE_S
    if press_s > limits.press_s:
        return Refusal.OVER_LIMIT, f"a press of {press_s:g} s asked, at most {limits.press_s:g} allowed"
    if moment.latched is not None:
        return Refusal.FAULT, f"{moment.latched}: {FAULTS[moment.latched].english}"
    if moment.phase != "idle":
        return Refusal.BUSY, "a press is going on"
    if not moment.timely(press.sent_ns):
        return Refusal.TOO_LATE, "the command was held up on its way"
    if moment.too_often:
        return Refusal.TOO_OFTEN, f"at most {limits.presses_per_minute} presses a minute"
    if not moment.at_rest:
        reads = "nothing" if moment.last_kpa is None else f"{moment.last_kpa:.1f} kPa"
        return Refusal.NOT_READY, f"the vented sensor reads {reads}, not 0 kPa"
    return None


def of_inject(moment: Moment, peer: int, inject: Inject) -> Why | None:
    """Return why the reading may not be raised; None where it may."""
    if moment.order is None or moment.phase != "hold" or moment.injecting:
        return Refusal.NOT_READY, "readings are raised once in the hold of a press"
    if not moment.is_its(peer, inject.lease):
        return Refusal.NOT_OWNER, "the press that is on is another's"
    if not moment.timely(inject.sent_ns):
        return Refusal.TOO_LATE, "the command was held up on its way"
    return None


def of_clear(moment: Moment, code: FaultCode, command: ClearFault) -> Why | None:
    """Return why the latched fault `code` may not be cleared; None where it may."""
    if FAULTS[code].clear != "command" and command.operator is None:
        said = f"{code}: only a repair clears it, and who has done that has to be said (operator code)"
        return Refusal.NOT_CLEARABLE, said
    if moment.phase != "idle" or moment.well_for_s < CLEAR_WELL_S:
        return Refusal.NOT_CLEARABLE, f"{code}: the probe has to be vented and its sensor sane first"
    return None
