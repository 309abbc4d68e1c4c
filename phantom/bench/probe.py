"""A simulated device's probe on the bench: presses, holds, releases, and lets go at its ceiling. Time is the caller's.

The course of a press follows that of the real probe on `phantom.hydraulics`; the loop holds what the sensor reads, so
that a wrong sensor holds a wrong pressure.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from calibration.rig import STILL_S, Pressed, Pressure, RigError, Target
from firmware_config.device import TRIP_FACTOR, DeviceConfig
from phantom.bench.probe_errors import ProbeErrors, plugged
from phantom.bench.probe_sensor import BenchSensor
from phantom.chamber import Chamber, conductance_of_leak, conductance_of_vent, flow_per_kpa

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
TrueKpa = Callable[[Times], Floats]

SEALS: Final = frozenset({Target.PLUG, Target.PAD})
LEAD_S: Final = 0.3
"""Samples begin so long before the ramp, and end `AFTER_S` after the valve was told to open."""
AFTER_S: Final = 1.0
LISTEN_S: Final = 0.10
APPROACH_PER_S: Final = 6.0
"""As the probe's own control: pump off at first, and a slowing ramp."""
LAG_S: Final = 0.08
HELD_SHARE, HELD_KPA = 0.975, 0.05
SINKS: Final = 0.0025
"""Of the target, by which the loop holds less; 0.1 kPa at 40 was seen of the real one."""
RIPPLE_KPA: Final = 0.02
STAMP_S: Final = 0.0004
LATE_ONCE_IN: Final = 300
SLOW_S, SLOW_SHARE = 0.25, 0.10
OFF_SHARE, OFF_KPA = 0.10, 1.0
INJECTED_KPA_PER_S: Final = 5.0
HIGHEST_INJECTED: Final = 1.5
RESOLUTION_KPA: Final = 0.1
STEP_S: Final = 0.001


@dataclass(frozen=True)
class _Course:
    """The true pressure of one press: instants from its command on in s, rising, and kPa; both shape (n,)."""

    t_s: Floats
    kpa: Floats
    hold_s: float
    still_s: float
    open_s: float

    def at(self, t_s: Floats) -> Floats:
        """Return the pressure at instants of the same clock."""
        return np.interp(t_s, self.t_s, self.kpa)


class BenchProbe:
    """One probe. It presses no more often than `press_limits.presses_per_minute`, as the real one."""

    def __init__(self, device: DeviceConfig, errors: ProbeErrors, chance: np.random.Generator) -> None:
        self._device = device
        self._errors = errors
        self._chance = chance
        self._sensor = BenchSensor(device, errors)
        self._before_kpa = 0.0
        self._presses_ns: list[int] = []
        self._born_ns: int | None = None

    def listen(self, start_ns: int, seconds: float) -> Pressure:
        """Return samples of the vented probe."""
        t_ns = self._stamps(start_ns, seconds)
        return Pressure(t_ns, self._samples(t_ns, np.zeros(len(t_ns)), 0.0))

    def press(
        self, start_ns: int, target: Target, target_kpa: float, hold_s: float, ramp_s: float
    ) -> tuple[Pressed, TrueKpa]:
        """Press from `start_ns` on; also returns the true pressure (kPa) at instants, shape (n,), int64.

        Raises `RigError` where nothing seals the nozzle, or more is asked than the device allows.
        """
        self._allow(start_ns, target_kpa)
        if target not in SEALS:
            raise RigError("The probe did not build up pressure: close its nozzle with the plug.")
        chamber = plugged(self._errors, pad=target is Target.PAD)
        course = self._course(chamber, target_kpa, hold_s, ramp_s)
        lead_ns = round(LEAD_S * 1e9)
        t_ns = self._stamps(start_ns, LEAD_S + course.open_s + AFTER_S)
        # The valve opens in a step of control, right after its sample.
        open_ns = start_ns + lead_ns + round(course.open_s * 1e9)
        t_ns += open_ns - 500_000 - int(t_ns[np.argmin(np.abs(t_ns - open_ns))])
        began_ns = start_ns + lead_ns

        def true_kpa(at_ns: Times) -> Floats:
            return course.at((np.asarray(at_ns) - began_ns) / 1e9)

        seen = course.at((t_ns - began_ns) / 1e9 - self._errors.sensor_lag_s)
        samples = self._samples(t_ns, seen, self._before_kpa)
        window = np.linspace(course.hold_s + 0.5, max(course.still_s, course.hold_s + 0.6), 40)
        reference = self._errors.reference_gain * float(np.mean(course.at(window)))
        self._before_kpa = float(course.kpa.max())
        pressed = Pressed(
            Pressure(t_ns, samples),
            hold_ns=began_ns + round(course.hold_s * 1e9),
            valve_open_ns=open_ns,
            faults=self._faults(course, target_kpa),
            reference_kpa=round(reference / RESOLUTION_KPA) * RESOLUTION_KPA,
            still_ns=began_ns + round(course.still_s * 1e9),
        )
        return pressed, true_kpa

    def ceiling_kpa(self, start_ns: int) -> float:
        """Inject a reading that rises, and return the one at which it let go; raises `RigError` where it never does."""
        limit_kpa = self._device.press_limits.pressure_kpa * TRIP_FACTOR
        self._allow(start_ns, self._device.press_limits.pressure_kpa)
        period_s = 1.0 / self._device.pressure_sensor.rate_hz
        injected = np.arange(0.5 * limit_kpa, HIGHEST_INJECTED * limit_kpa, INJECTED_KPA_PER_S * period_s)
        injected = injected + self._chance.uniform(0.0, INJECTED_KPA_PER_S * period_s)
        over = injected >= self._errors.ceiling * limit_kpa
        if not over.any():
            raise RigError(f"The probe did not let go at {injected[-1]:.0f} kPa.")
        return float(injected[np.argmax(over)])

    def _allow(self, start_ns: int, target_kpa: float) -> None:
        limits = self._device.press_limits
        if target_kpa > limits.pressure_kpa:
            raise RigError(f"{target_kpa:g} kPa asked, at most {limits.pressure_kpa:g} allowed")
        recent = [t_ns for t_ns in self._presses_ns if start_ns - t_ns < 60e9]
        if len(recent) >= limits.presses_per_minute:
            raise RigError(f"at most {limits.presses_per_minute} presses a minute")
        self._presses_ns = [*recent, start_ns]

    def _stamps(self, start_ns: int, seconds: float) -> Times:
        """Return instants of reading: the period of the sensor, a little uneven, one in `LATE_ONCE_IN` left out."""
        period_s = 1.0 / self._device.pressure_sensor.rate_hz
        t_s = np.arange(0.5 * period_s, seconds, period_s)
        t_s += np.clip(STAMP_S * self._chance.standard_normal(len(t_s)), -0.3 * period_s, 0.3 * period_s)
        kept = self._chance.random(len(t_s)) >= 1.0 / LATE_ONCE_IN
        return np.asarray(start_ns + np.rint(1e9 * t_s[kept]).astype(np.int64))

    def _samples(self, t_ns: Times, true_kpa: Floats, before_kpa: float) -> Floats:
        if self._born_ns is None:
            self._born_ns = int(t_ns[0])
        minutes = np.clip((t_ns - self._born_ns) / 60e9, 0.0, 1.0)  # it warms up, and is warm then
        return self._sensor.samples(true_kpa, before_kpa, self._errors.drift_kpa_per_min * minutes, self._chance)

    def _course(self, chamber: Chamber, target_kpa: float, hold_s: float, ramp_s: float) -> _Course:
        """Return the true pressure: what the sensor is made to read while the pump works, and physics afterwards."""
        rate = target_kpa / ramp_s
        knee_s = max(ramp_s - 1.0 / APPROACH_PER_S, 0.0)
        knee_kpa = rate * knee_s
        t_s = np.arange(0.0, ramp_s + 1.5 + hold_s, 0.005)
        since = np.maximum(t_s - LISTEN_S - LAG_S, 0.0)
        left = (target_kpa - knee_kpa) * np.exp(-APPROACH_PER_S * np.maximum(since - knee_s, 0.0))
        wanted = np.where(since < knee_s, rate * since, target_kpa - left)
        reached = HELD_SHARE * target_kpa + min(HELD_KPA, 0.5 * (1.0 - HELD_SHARE) * target_kpa)
        from_s = float(t_s[np.argmax(wanted >= reached)])
        still_s, open_s = from_s + max(hold_s - STILL_S, 0.0), from_s + hold_s
        held = -np.expm1(-np.maximum(t_s - from_s, 0.0) / 0.3)
        phases = self._chance.uniform(0.0, 2.0 * np.pi, 2)
        ripple = np.sin(7.0 * t_s + phases[0]) + np.sin(17.0 * t_s + phases[1])
        wanted += held * (RIPPLE_KPA * ripple - SINKS * target_kpa)
        # Before the ramp the sensor reads its zero, and that is no pressure.
        zero_kpa = float(self._sensor.kpa(np.zeros(1), 0.0)[0])
        true_kpa = self._sensor.true_kpa(np.maximum(wanted, zero_kpa), self._before_kpa)
        true_kpa[since <= 0.0] = 0.0
        pumped = t_s < still_s
        t_s, true_kpa = t_s[pumped], true_kpa[pumped]
        leak = conductance_of_leak(chamber.leak_ml_s_per_kpa)
        sinking = _fallen(chamber, leak, float(true_kpa[-1]), open_s + chamber.valve_delay_s - float(t_s[-1]), 0.005)
        vent = leak + conductance_of_vent(chamber.vent_mm)
        falling = _fallen(chamber, vent, sinking[-1][1], AFTER_S, STEP_S)
        sunk_s = float(t_s[-1]) + np.array([t for t, _ in sinking])
        fallen_s = open_s + chamber.valve_delay_s + np.array([t for t, _ in falling])
        return _Course(
            np.concatenate([t_s, sunk_s, fallen_s]),
            np.concatenate([true_kpa, [kpa for _, kpa in sinking], [kpa for _, kpa in falling]]),
            from_s,
            still_s,
            open_s,
        )

    def _faults(self, course: _Course, target_kpa: float) -> tuple[str, ...]:
        """Return what the probe would have named: a hold that sank, a release that was slow."""
        at_open, late = course.at(np.array([course.open_s, course.open_s + SLOW_S]))
        found = []
        # The loop holds what is read; here only what the still pump let sink counts.
        if float(course.at(np.array([course.still_s]))[0]) - at_open > max(OFF_SHARE * target_kpa, OFF_KPA):
            found.append("leak")
        if late > max(SLOW_SHARE * at_open, OFF_KPA):
            found.append("slow_release")
        return tuple(found)


def _fallen(
    chamber: Chamber, conductance: float, kpa: float, seconds: float, step_s: float
) -> list[tuple[float, float]]:
    """Return (s, kpa) on the way down through a hole, in exponential midpoint steps, which are stable at any size."""
    found, t_s = [(0.0, kpa)], 0.0
    while t_s < seconds:
        step = min(step_s, seconds - t_s)
        rate = conductance * flow_per_kpa(kpa) / chamber.compliance_ml_per_kpa(kpa)
        middle = kpa * math.exp(-0.5 * step * rate)
        rate = conductance * flow_per_kpa(middle) / chamber.compliance_ml_per_kpa(middle)
        kpa *= math.exp(-step * rate)
        t_s = t_s + step if seconds - t_s > step_s else seconds
        found.append((t_s, kpa))
        if kpa < 1e-3:
            found.append((max(seconds, t_s + step_s), 0.0))
            break
    return found
