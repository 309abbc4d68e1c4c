"""Ramp, hold, release on measured pressure. Pure: time and pressure in, outputs and what happened out.

The valve is closed and only the pump is driven, so too much pressure cannot be let off without ending the press: the
ramp slows down before its target. Duty is a feed-forward of the wanted rate plus PI on the pressure; the feed-forward's
gain is learnt while ramping, so that a finger and a knee (or a worn pump) end the ramp alike.
"""

from dataclasses import dataclass, field
from typing import Literal

from device.probe.faults import FaultCode
from device.probe.messages import Phase, Released
from device.probe.release import Fall, Hold
from device.probe.safety import RELEASED, Outputs

Why = Literal["held", "asked", "fault"]

FEED_FORWARD = 1 / 100
"""First guess of duty per kPa/s; learnt from there."""
LEARN = 0.0005
LEAST_GAIN, MOST_GAIN = 0.002, 0.04
PROPORTIONAL = 0.06
"""Duty per kPa."""
INTEGRAL = 0.15
"""Duty per kPa and second; only near the target."""
NEAR = 0.05
APPROACH_PER_S = 6.0
LEAD_KPA = 4.0
"""The moving set point never runs farther ahead than this, so a slow pump is not asked to catch up."""
REACHED = 0.975
SMOOTH = 0.5
SMALLEST_DUTY = 0.01


@dataclass(frozen=True)
class Order:
    """The press that was asked for."""

    lease: str
    target_kpa: float
    ramp_s: float
    hold_s: float


@dataclass
class _Run:
    """What one press remembers; a fresh one for each."""

    why: Why = "held"
    fault: FaultCode | None = None
    hold: Hold = field(default_factory=Hold)
    fall: Fall | None = None
    last: tuple[int, float] | None = None
    step_ns: int = 0
    held_s: float = 0.0
    smooth_kpa: float = 0.0
    highest_kpa: float = 0.0
    set_kpa: float = 0.0
    gain: float = FEED_FORWARD
    integral: float = 0.0
    drive: float = 0.0


class Controller:
    """One press after the other; idle in between."""

    def __init__(self, pump_start_duty: float) -> None:
        self.phase: Phase = "idle"
        self.since_ns = 0
        self.order: Order | None = None
        self._start_duty = pump_start_duty
        self._run = _Run()

    def start(self, now_ns: int, order: Order) -> None:
        """Begin a press; only from idle."""
        self._run = _Run()
        self.order = order
        self._enter("ramp", now_ns)

    def release(self, now_ns: int, why: Why) -> None:
        """Begin to vent; does nothing where no press is on."""
        run = self._run
        if self.phase in ("ramp", "hold"):
            run.why = why
            if self.phase == "hold":
                run.held_s = (now_ns - self.since_ns) / 1e9
            level_kpa = run.hold.mean_kpa if run.hold.samples else run.smooth_kpa
            run.fall = Fall(level_kpa, now_ns)
            if run.last is not None:
                run.fall.add(*run.last)
            self._enter("release", now_ns)

    def fail(self, now_ns: int, code: FaultCode) -> bool:
        """Begin to vent because of a fault; True where it is the first since this press began, which it will end with.

        Counts until the press is told as released; does nothing where no press is on.
        """
        first = self.phase != "idle" and self._run.fault is None
        if first:
            self._run.fault = code
        self.release(now_ns, "fault")
        return first

    @property
    def level_kpa(self) -> float:
        """Level that the release started from; 0 before."""
        return self._run.fall.level_kpa if self._run.fall is not None else 0.0

    def step(self, now_ns: int, t_ns: int, kpa: float) -> Outputs:
        """Take in the sample read at `t_ns` and return the outputs wanted from `now_ns` on; may change `phase`."""
        run = self._run
        step_s = min(max((now_ns - run.step_ns) / 1e9, 0.0), 0.05) if run.step_ns else 0.0
        run.step_ns = now_ns
        run.last = (t_ns, kpa)
        if self.order is None or self.phase == "idle":
            return RELEASED
        if self.phase == "release":
            if run.fall is not None:
                run.fall.add(t_ns, kpa)
            return RELEASED
        run.smooth_kpa += SMOOTH * (kpa - run.smooth_kpa)
        run.highest_kpa = max(run.highest_kpa, kpa)
        if self.phase == "ramp" and run.smooth_kpa >= REACHED * self.order.target_kpa:
            self._enter("hold", now_ns)
        if self.phase == "hold":
            run.hold.add(kpa)
            if now_ns - self.since_ns >= self.order.hold_s * 1e9:
                self.release(now_ns, "held")
                return RELEASED
        return Outputs(valve_closed=True, pump_duty=self._duty(self.order, step_s))

    def finished(self, now_ns: int) -> Released | None:
        """Return the release once it is over, and be idle; None while it is not, or there is none."""
        run = self._run
        fall, order = run.fall, self.order
        if self.phase != "release" or fall is None or order is None or not fall.over(now_ns):
            return None
        held = run.hold.samples > 0
        released = Released(
            lease=order.lease,
            why=run.why,
            fault=run.fault,
            t_boot_ns=fall.zero_ns if held else None,
            release_s=fall.release_s if held else None,
            valve_open_ns=fall.opened_ns,
            held_s=run.held_s,
            hold_mean_kpa=run.hold.mean_kpa if held else None,
            hold_sd_kpa=run.hold.sd_kpa if held else None,
            overshoot=max(run.highest_kpa / order.target_kpa - 1, 0.0) if held else None,
        )
        self.order = None
        self._run = _Run()
        self._enter("idle", now_ns)
        return released

    def _duty(self, order: Order, step_s: float) -> float:
        run = self._run
        left_kpa = order.target_kpa - max(run.set_kpa, run.smooth_kpa)
        rate = min(order.target_kpa / order.ramp_s, APPROACH_PER_S * left_kpa)
        run.set_kpa = min(run.set_kpa + rate * step_s, max(run.smooth_kpa + LEAD_KPA, run.set_kpa))
        error_kpa = run.set_kpa - run.smooth_kpa
        if run.drive < 1.0:
            learnt = run.gain + LEARN * error_kpa * rate * step_s
            run.gain = min(max(learnt, LEAST_GAIN), MOST_GAIN)
        if self.phase == "hold" or left_kpa < NEAR * order.target_kpa:
            run.integral = min(max(run.integral + INTEGRAL * error_kpa * step_s, 0.0), 1.0)
        run.drive = run.gain * rate + PROPORTIONAL * error_kpa + run.integral
        if run.drive < SMALLEST_DUTY:
            return 0.0
        return min(self._start_duty + run.drive * (1 - self._start_duty), 1.0)

    def _enter(self, phase: Phase, now_ns: int) -> None:
        self.phase = phase
        self.since_ns = now_ns
