"""The probe's air: one chamber over a finger or a knee, a pump, a normally-open vent valve, leaks.

Linear between switchings, so each step is exact and a gap of any length is safe:
`C dP/dt = Q(duty) (1 - P / P_stall) - P (g_valve + g_leak) - tissue creep`. Figures are those of small diaphragm pumps
and solenoid valves, chosen so that 40 kPa are reached in about a second and lost (90 to 10 %) in 50 to 100 ms.
"""

import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Body = Literal["finger", "knee"]
Clock = Callable[[], int]
Record = Callable[[int, float], None]
"""Called with CLOCK_BOOTTIME in ns and the true pressure in kPa, in order, about every `STEP_NS`."""

STEP_NS = 2_000_000
_LONG_GAP_NS = 2_000_000_000


def boot_ns() -> int:
    """Return CLOCK_BOOTTIME in ns."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class Chamber:
    """What the probe sits on, and how tightly. Volumes at ambient pressure."""

    compliance_ml_per_kpa: float = 0.10
    """Air and tissue together: how much goes in for each kPa."""
    leak_ml_s_per_kpa: float = 0.002
    creep: float = 0.03
    """Share by which tissue gives way under a held pressure, with `creep_s`."""
    creep_s: float = 2.0
    pump_ml_s: float = 12.0
    """Flow at full duty against no pressure."""
    pump_start_duty: float = 0.10
    pump_stall_kpa: float = 110.0
    pump_lag_s: float = 0.03
    """First-order lag of the pump's flow behind its duty: it takes this to spin up, and coasts for as long."""
    valve_ml_s_per_kpa: float = 3.3
    valve_delay_s: float = 0.004
    """From the pin to the valve's seat, both ways."""
    noise_kpa: float = 0.08
    """Standard deviation of one sensor sample."""


BODIES: dict[Body, Chamber] = {
    "finger": Chamber(),
    "knee": Chamber(compliance_ml_per_kpa=0.14, leak_ml_s_per_kpa=0.006, creep=0.05),
}


@dataclass
class Faults:
    """What is broken. Change at any time; the sensor's faults are read by `phantom.pins`."""

    sensor: Literal["none", "stale", "stuck", "clipped_low", "clipped_high", "jumps", "hangs"] = "none"
    extra_leak_ml_s_per_kpa: float = 0.0
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
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        """Start vented, with the pump at rest."""
        self._lock = threading.RLock()
        self._random = random.Random(self.seed)
        self._now_ns = self.clock()
        self._kpa = 0.0
        self._creep_kpa = 0.0
        self._flow_ml_s = 0.0
        self._duty = 0.0
        self._seat_closed = False
        self._coil: list[tuple[int, bool]] = []

    def set_pump(self, duty: float) -> None:
        """Drive the pump at `duty` (0 to 1) from now on."""
        with self._lock:
            self.advance()
            self._duty = duty

    def set_valve(self, closed: bool) -> None:
        """Energise (close) or drop (open) the vent valve; its seat follows after `valve_delay_s`."""
        with self._lock:
            self.advance()
            self._coil.append((self._now_ns + round(self.chamber.valve_delay_s * 1e9), closed))

    def pressure_kpa(self) -> float:
        """Return the true gauge pressure now."""
        with self._lock:
            self.advance()
            return self._kpa

    def sensed_kpa(self) -> float:
        """Return the pressure now with the sensor's noise on it."""
        with self._lock:
            return self.pressure_kpa() + self._random.gauss(0.0, self.chamber.noise_kpa)

    def advance(self) -> None:
        """Bring the model to the clock's now, recording on the way."""
        with self._lock:
            now_ns = self.clock()
            step_ns = STEP_NS
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

    def _step(self, step_ns: int) -> None:
        if step_ns <= 0:
            return
        chamber, faults = self.chamber, self.faults
        step_s = step_ns / 1e9
        wanted = 1.0 if faults.pump_stuck_on else 0.0 if faults.pump_dead else self._duty
        above = max(0.0, wanted - chamber.pump_start_duty) / (1.0 - chamber.pump_start_duty)
        target_ml_s = chamber.pump_ml_s * above
        self._flow_ml_s += (target_ml_s - self._flow_ml_s) * -math.expm1(-step_s / chamber.pump_lag_s)
        conductance = chamber.leak_ml_s_per_kpa + faults.extra_leak_ml_s_per_kpa
        conductance += self._flow_ml_s / chamber.pump_stall_kpa
        if not self._seat_closed and not faults.blocked_vent:
            conductance += chamber.valve_ml_s_per_kpa
        settled_kpa = self._flow_ml_s / conductance
        gone = -math.expm1(-step_s * conductance / chamber.compliance_ml_per_kpa)
        self._kpa += (settled_kpa - self._kpa) * gone
        crept = (chamber.creep * self._kpa - self._creep_kpa) * -math.expm1(-step_s / chamber.creep_s)
        self._creep_kpa += crept
        self._kpa = max(0.0, self._kpa - crept)
        self._now_ns += step_ns
        if self.record is not None:
            self.record(self._now_ns, self._kpa)
