"""The probe's air: one chamber over a finger or a knee, a pump, a normally-open vent valve, leaks, a sensor.

The air balance of `phantom.chamber`, stepped with an exponential midpoint rule: second order, and stable at any step,
so a gap of any length is safe. What `STEP_NS` costs in accuracy is held by a test against steps of a sixteenth.
"""

import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from phantom.chamber import AMBIENT_KPA, BODIES, Body, Chamber, conductance_of_leak, conductance_of_vent, flow_per_kpa

__all__ = ["BODIES", "Body", "Chamber", "Clock", "Faults", "Hydraulics", "boot_ns"]

Clock = Callable[[], int]
Record = Callable[[int, float], None]
"""Called with CLOCK_BOOTTIME in ns and the true pressure in kPa, in order, about every `STEP_NS`."""

Lines = Callable[[bool, float], None]
"""Called with what the lines say whenever one of them changes: valve closed, pump's duty."""

STEP_NS = 2_000_000
_LONG_GAP_NS = 2_000_000_000
_STANDING = 1e-3
"""Share of full speed below which a pump counts as standing: to turn again it has to break loose."""


def boot_ns() -> int:
    """Return CLOCK_BOOTTIME in ns."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@dataclass
class Faults:
    """What is broken. Change at any time; the sensor's faults are read by `phantom.pins`."""

    sensor: Literal["none", "stale", "stuck", "clipped_low", "clipped_high", "jumps", "hangs"] = "none"
    extra_leak_ml_s_per_kpa: float = 0.0
    """A further leak, as `Chamber.leak_ml_s_per_kpa`."""
    blocked_vent: bool = False
    pump_dead: bool = False
    pump_stuck_on: bool = False


@dataclass
class Hydraulics:
    """The model and its state. Thread-safe; time is whatever `clock` says, and moves it whenever it is touched."""

    chamber: Chamber = field(default_factory=Chamber)
    clock: Clock = boot_ns
    seed: int = 0
    record: Record | None = None
    lines: Lines | None = None
    faults: Faults = field(default_factory=Faults)
    step_ns: int = STEP_NS

    def __post_init__(self) -> None:
        """Start vented, with the pump at rest."""
        self._lock = threading.RLock()
        self._random = random.Random(self.seed)
        self._now_ns = self.clock()
        self._kpa = 0.0
        self._crept_ml = 0.0
        self._speed = 0.0
        self._sensor_kpa = 0.0
        self._duty = 0.0
        self._told_closed = False
        self._seat_closed = False
        self._coil: list[tuple[int, bool]] = []
        self._vent = conductance_of_vent(self.chamber.vent_mm)

    def set_pump(self, duty: float) -> None:
        """Drive the pump at `duty` (0 to 1) from now on."""
        with self._lock:
            self.advance()
            self._duty = duty
            self._tell_lines()

    def set_valve(self, closed: bool) -> None:
        """Energise (close) or drop (open) the vent valve; its seat follows after `valve_delay_s`."""
        with self._lock:
            self.advance()
            self._coil.append((self._now_ns + round(self.chamber.valve_delay_s * 1e9), closed))
            self._told_closed = closed
            self._tell_lines()

    def pressure_kpa(self) -> float:
        """Return the true gauge pressure now."""
        with self._lock:
            self.advance()
            return self._kpa

    def sensed_kpa(self) -> float:
        """Return what the sensor gives now: the true pressure behind its lag, with its noise on it."""
        with self._lock:
            self.advance()
            return self._sensor_kpa + self._random.gauss(0.0, self.chamber.noise_kpa)

    def advance(self) -> None:
        """Bring the model to the clock's now, recording on the way."""
        with self._lock:
            now_ns = self.clock()
            step_ns = self.step_ns
            if now_ns - self._now_ns > _LONG_GAP_NS:
                step_ns = (now_ns - self._now_ns) // (_LONG_GAP_NS // STEP_NS)
            while self._now_ns < now_ns:
                target_ns = min(self._now_ns + step_ns, now_ns)
                if self._coil and self._coil[0][0] <= target_ns:
                    due_ns, closed = self._coil.pop(0)
                    self._step(max(due_ns - self._now_ns, 0))
                    self._seat_closed = closed
                    continue
                self._step(target_ns - self._now_ns)

    def _tell_lines(self) -> None:
        if self.lines is not None:
            self.lines(self._told_closed, self._duty)

    def _step(self, step_ns: int) -> None:
        if step_ns <= 0:
            return
        step_s = step_ns / 1e9
        before_kpa, before_speed = self._kpa, self._speed
        self._turn(step_s)
        speed = (before_speed + self._speed) / 2
        middle_kpa = self._moved(before_kpa, before_kpa, self._crept_ml, speed, step_s / 2)
        crept_ml = self.chamber.creep_target_ml(middle_kpa)
        middle_ml = crept_ml + (self._crept_ml - crept_ml) * math.exp(-step_s / 2 / self.chamber.creep_s)
        self._kpa = self._moved(before_kpa, middle_kpa, middle_ml, speed, step_s)
        self._crept_ml = crept_ml + (self._crept_ml - crept_ml) * math.exp(-step_s / self.chamber.creep_s)
        self._sense(before_kpa, step_s)
        self._now_ns += step_ns
        if self.record is not None:
            self.record(self._now_ns, self._kpa)

    def _turn(self, step_s: float) -> None:
        """Let the pump's speed (share of full) follow its duty: against friction, load and, from rest, stiction."""
        chamber, faults = self.chamber, self.faults
        duty = 1.0 if faults.pump_stuck_on else 0.0 if faults.pump_dead else self._duty
        turns_from = chamber.pump_start_duty + chamber.pump_load_duty * self._kpa / chamber.pump_stall_kpa
        loose = duty >= turns_from + (chamber.pump_stick_duty if self._speed < _STANDING else 0.0)
        wanted = max(0.0, duty - turns_from) / (1.0 - turns_from) if loose else 0.0
        self._speed += (wanted - self._speed) * -math.expm1(-step_s / chamber.pump_lag_s)

    def _moved(self, kpa: float, at_kpa: float, crept_ml: float, speed: float, step_s: float) -> float:
        """Return the pressure `step_s` after `kpa`, with all that depends on pressure taken at `at_kpa`."""
        chamber, faults = self.chamber, self.faults
        inflow_ml_s = chamber.pump_ml_s * speed
        leak = conductance_of_leak(chamber.leak_ml_s_per_kpa + faults.extra_leak_ml_s_per_kpa)
        vent = 0.0 if self._seat_closed or faults.blocked_vent else self._vent
        out_ml_s_per_kpa = (leak + vent) * flow_per_kpa(at_kpa) + inflow_ml_s / chamber.pump_stall_kpa
        creep_ml_s = (chamber.creep_target_ml(at_kpa) - crept_ml) / chamber.creep_s
        source_ml_s = inflow_ml_s - (1 + at_kpa / AMBIENT_KPA) * creep_ml_s
        compliance = chamber.compliance_ml_per_kpa(at_kpa, crept_ml)
        decay = step_s * out_ml_s_per_kpa / compliance
        # (1 - exp(-x)) / x, and its limit where nothing flows out at all.
        grown = -math.expm1(-decay) / decay if decay > 1e-12 else 1.0
        return max(0.0, kpa * math.exp(-decay) + source_ml_s * step_s / compliance * grown)

    def _sense(self, before_kpa: float, step_s: float) -> None:
        """Let the sensor follow through its lag: exact for a pressure that moved in a straight line."""
        lag_s = self.chamber.sensor_lag_s
        if lag_s <= 0:
            self._sensor_kpa = self._kpa
            return
        trail_kpa = (self._kpa - before_kpa) / step_s * lag_s
        behind_kpa = self._sensor_kpa - before_kpa + trail_kpa
        self._sensor_kpa = self._kpa - trail_kpa + behind_kpa * math.exp(-step_s / lag_s)
