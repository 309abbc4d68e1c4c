"""Ramp, hold, release on measured pressure. Pure: time and pressure in, outputs and what happened out.

The valve is closed and only the pump is driven, so too much pressure cannot be let off without ending the press: the
ramp slows down before its target. Duty is a feed-forward of the wanted rate plus PI on the pressure. Both scale with a
gain (duty for each kPa/s) that is learnt while ramping, so that a finger and a knee, a strong pump and a worn one end
the ramp alike. What leaks, creeps, or was wrong about the pump's start is the integral's.
"""

from dataclasses import dataclass, field
from typing import Literal

from device.probe.faults import FaultCode
from device.probe.gain import Gain
from device.probe.messages import Phase, Released
from device.probe.release import Fall, Hold
from device.probe.safety import RELEASED, Outputs

Why = Literal["held", "asked", "fault"]

LISTEN_S = 0.10
"""Valve closed and pump still off, at the start of a ramp: a pump that runs all the same shows here, and only here.
Through an open valve it would raise the pressure by half a kPa."""
BAND_PER_S = 10.0
"""How fast an error is taken back. Pump, sensor, filter and one period lag by some 55 ms: 0.55 rad at this rate."""
INTEGRAL = 0.35
COMING_S = 0.02
"""What a pump still gives once it is switched off, in seconds of its flow, as far as the integral does not know it."""
APPROACH_PER_S = 6.0
LEAD_KPA = 4.0
"""The moving set point never runs farther ahead than this, so a slow pump is not asked to catch up."""
REACHED_SHARE, REACHED_KPA = 0.975, 0.05
"""A hold begins at this share of the target and so much above, which leaves room for the noise of a low target."""
SMOOTH = 0.6
"""Share of a new sample that the filtered pressure takes over; less would let the hold swing at 5 kPa."""
INTEGRAL_FROM, INTEGRAL_TO = -0.08, 1.0
LEAST_DRIVE = 0.02
"""Less than this is given as pulses of one period."""
DUTY_STEP = 0.01
"""lgpio's PWM knows whole per cent; what lies between is made by taking turns, and the pump's inertia evens it out."""


@dataclass(frozen=True)
class Order:
    """The press that was asked for."""

    lease: str
    target_kpa: float
    ramp_s: float
    hold_s: float
    still_s: float = 0.0
    """The hold's last part, in which the pump is left off."""


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
    gain: Gain = field(default_factory=Gain)
    integral: float = 0.0
    drive: float = 0.0
    owed_duty: float = 0.0
    """Asked for and not given yet, less than a step of the PWM."""
    owed_drive: float = 0.0
    """Likewise, less than a pulse."""
    hold_drive_s: float = 0.0
    """Drive times seconds of the hold: what the pump made up for there."""
    hold_worked_s: float = 0.0
    """Seconds of the hold in which it could."""


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
        if self.phase == "ramp":
            self._learn(kpa, step_s)
        run.highest_kpa = max(run.highest_kpa, kpa)
        if self.phase == "ramp" and run.smooth_kpa >= REACHED_SHARE * self.order.target_kpa + REACHED_KPA:
            self._enter("hold", now_ns)
        if self.phase == "hold":
            run.hold.add(kpa)
            if now_ns - self.since_ns >= self.order.hold_s * 1e9:
                self.release(now_ns, "held")
                return RELEASED
            if now_ns - self.since_ns >= (self.order.hold_s - self.order.still_s) * 1e9:
                return Outputs(valve_closed=True, pump_duty=0.0)
        return Outputs(valve_closed=True, pump_duty=self._duty(self.order, now_ns, step_s))

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
            leak_kpa_per_s=run.hold_drive_s / run.hold_worked_s * run.gain.kpa_per_s if run.hold_worked_s > 0 else None,
        )
        self.order = None
        self._run = _Run()
        self._enter("idle", now_ns)
        return released

    def _learn(self, kpa: float, step_s: float) -> None:
        """Take the sample into the gain; where that grows, the integral had made up for it and gives it back."""
        run = self._run
        before = run.gain.kpa_per_s
        run.gain.add(min(run.drive, 1.0), kpa, step_s)
        given = run.drive - run.integral
        if run.gain.kpa_per_s < before and given > 0:
            less = given * (before / run.gain.kpa_per_s - 1)
            run.integral = max(run.integral - less, min(run.integral, 0.0))

    def _duty(self, order: Order, now_ns: int, step_s: float) -> float:
        run = self._run
        if self.phase == "ramp" and now_ns - self.since_ns < LISTEN_S * 1e9:
            return 0.0
        if self.phase == "hold":
            # A ramp that came in ahead of its plan is there: waiting for the plan would let the pressure sink.
            run.set_kpa = max(run.set_kpa, min(run.smooth_kpa, order.target_kpa))
        left_kpa = order.target_kpa - max(run.set_kpa, run.smooth_kpa)
        rate = min(order.target_kpa / order.ramp_s, max(APPROACH_PER_S * left_kpa, 0.0))
        run.set_kpa = min(run.set_kpa + rate * step_s, max(run.smooth_kpa + LEAD_KPA, run.set_kpa))
        # What the pump has in its swing still comes, so it counts as there; the set point leads by as much.
        coming_kpa = COMING_S * (rate - run.gain.kpa_per_s * max(run.gain.turning - max(run.integral, 0.0), 0.0))
        error_kpa = run.set_kpa - run.smooth_kpa + coming_kpa
        # Where the pump can give no more, or no less, an integral would only grow.
        if (run.drive < 1.0 or error_kpa < 0) and (run.drive > 0.0 or error_kpa > 0):
            more = INTEGRAL * BAND_PER_S**2 * error_kpa * step_s / run.gain.kpa_per_s
            run.integral = min(max(run.integral + more, INTEGRAL_FROM), INTEGRAL_TO)
        run.drive = max((rate + BAND_PER_S * error_kpa) / run.gain.kpa_per_s + run.integral, 0.0)
        if self.phase == "hold":
            run.hold_drive_s += min(run.drive, 1.0) * step_s
            run.hold_worked_s += step_s
        return self._stepped(run.drive)

    def _stepped(self, drive: float) -> float:
        """Return the duty for `drive`: pulses for the least of it, and whole steps of the PWM, whose mean is right."""
        run = self._run
        if drive < LEAST_DRIVE:
            # At so low a duty a pump turns or stands as it likes, and the configured start is only about right.
            run.owed_drive += drive
            if run.owed_drive < LEAST_DRIVE:
                return 0.0
            drive = LEAST_DRIVE
            run.owed_drive -= drive
        else:
            run.owed_drive = 0.0
        wanted = self._start_duty + drive * (1 - self._start_duty) + run.owed_duty
        duty = min(round(wanted / DUTY_STEP) * DUTY_STEP, 1.0)
        run.owed_duty = min(wanted - duty, DUTY_STEP)
        return duty

    def _enter(self, phase: Phase, now_ns: int) -> None:
        self.phase = phase
        self.since_ns = now_ns
