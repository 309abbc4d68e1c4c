"""What the simulated probe sits on and is made of: volumes, tissue, leaks, valve, pump, sensor; and their range.

Air is counted in ml at ambient pressure, and stays at room temperature: the walls of a chamber of a few ml warm it in
tenths of a second, and a faster release than that would fall faster, not slower. With P the gauge pressure and p0 the
ambient one, a chamber holds `(1 + P/p0) V(P)`; V is its air, what its walls give, and what the tissue gives, which
stiffens exponentially and relaxes (finger pads: Serina et al., J Biomech 1998;31:639; Pawluk & Howe, J Biomech Eng
1999;121:605).

Flow through valve and leak is that of ISO 6358 (sonic conductance C, critical ratio b; a straight line close to zero):
`Q = C p1 sqrt(1 - ((p0/p1 - b) / (1 - b))^2)`, p1 = p0 + P. A sharp hole has C = 1.99 * 0.65 ml/(s kPa) for each mm2.

What is not here: the strokes of the membrane (a damper of a few ml, or a pump with several heads, is presumed), a
moving limb, the pulse, and a sensor whose zero or slope is off (calibration's matter).
"""

import math
import random
from dataclasses import dataclass
from functools import cache
from typing import Literal

Body = Literal["finger", "knee"]

AMBIENT_KPA = 101.3
CRITICAL_RATIO = 0.5
LAMINAR_RATIO = 0.999
"""Pressure ratio above which flow is proportional to the pressure: here below 0.1 kPa."""
HOLE_ML_S_KPA_MM2 = 1.99 * 0.65
"""Sonic conductance of a hole per area: isentropic flow at 20 C, and a sharp edge's coefficient of discharge."""
LEAK_AT_KPA = 40.0
"""Pressure at which leaks are stated."""


def _throughput_kpa(kpa: float) -> float:
    """Return Q/C in kPa at the gauge pressure `kpa`."""
    before = AMBIENT_KPA + kpa
    ratio = AMBIENT_KPA / before
    if ratio <= CRITICAL_RATIO:
        return before
    return before * math.sqrt(1.0 - ((ratio - CRITICAL_RATIO) / (1.0 - CRITICAL_RATIO)) ** 2)


_LAMINAR_KPA = AMBIENT_KPA / LAMINAR_RATIO - AMBIENT_KPA
_LAMINAR_FLOW = _throughput_kpa(_LAMINAR_KPA) / _LAMINAR_KPA


def flow_per_kpa(kpa: float) -> float:
    """Return Q/(C P), without unit: how much flows at `kpa` for each kPa and unit of sonic conductance."""
    return _LAMINAR_FLOW if kpa <= _LAMINAR_KPA else _throughput_kpa(kpa) / kpa


def conductance_of_vent(vent_mm: float) -> float:
    """Return the sonic conductance in ml/(s kPa) of a sharp hole of that diameter."""
    return HOLE_ML_S_KPA_MM2 * math.pi / 4 * vent_mm**2


@cache
def conductance_of_leak(leak_ml_s_per_kpa: float) -> float:
    """Return the sonic conductance in ml/(s kPa) of a leak stated at `LEAK_AT_KPA`."""
    return leak_ml_s_per_kpa / flow_per_kpa(LEAK_AT_KPA)


@dataclass(frozen=True)
class Chamber:
    """One probe on one place of skin."""

    air_ml: float = 3.0
    """Air at rest in chamber, tubing, pump and valve."""
    wall_ml_per_kpa: float = 0.04
    """What window, membrane and tubing give."""
    give_ml: float = 0.3
    """How much room the tissue gives at once, in the end: it stiffens, as `1 - exp(-P / give_kpa)`."""
    give_kpa: float = 10.0
    creep_ml: float = 0.10
    """How much more it gives under a lasting pressure, along the same curve, with the time constant `creep_s`."""
    creep_s: float = 2.0
    leak_ml_s_per_kpa: float = 0.002
    """Flow of the leak at 40 kPa, for each kPa; 0.02 is a hole of 0.08 mm. Below 40 kPa it is more for each kPa."""
    vent_mm: float = 1.0
    """The sharp hole that vents like the open valve and its tubing."""
    valve_delay_s: float = 0.004
    """From the pin to the valve's seat, both ways."""
    pump_ml_s: float = 12.0
    """Flow at full duty against no pressure; falls in a straight line to none at `pump_stall_kpa`."""
    pump_stall_kpa: float = 110.0
    pump_start_duty: float = 0.10
    """Duty below which the pump does not turn, against no pressure."""
    pump_load_duty: float = 0.03
    """How much more it takes at the stall pressure."""
    pump_stick_duty: float = 0.0
    """How much more it takes to break loose from rest."""
    pump_lag_s: float = 0.03
    """First-order lag of the pump's speed behind its duty: it takes this to spin up, and coasts for as long."""
    noise_kpa: float = 0.05
    """Standard deviation of one sensor sample, before the converter."""
    sensor_lag_s: float = 0.002
    """First-order lag of the sensor with its filter."""

    def creep_target_ml(self, kpa: float) -> float:
        """Return how far the tissue would creep under a lasting `kpa`."""
        return -self.creep_ml * math.expm1(-kpa / self.give_kpa)

    def compliance_ml_per_kpa(self, kpa: float, crept_ml: float = 0.0) -> float:
        """Return how much air has to go in for one kPa more, at `kpa`: the air's own and that of walls and tissue."""
        stiff = math.exp(-kpa / self.give_kpa)
        volume_ml = self.air_ml + self.wall_ml_per_kpa * kpa + self.give_ml * (1.0 - stiff) + crept_ml
        yields = self.wall_ml_per_kpa + self.give_ml / self.give_kpa * stiff
        return volume_ml / AMBIENT_KPA + (1 + kpa / AMBIENT_KPA) * yields


BODIES: dict[Body, Chamber] = {
    "finger": Chamber(),
    "knee": Chamber(air_ml=4.0, wall_ml_per_kpa=0.055, give_ml=0.4, creep_ml=0.2, leak_ml_s_per_kpa=0.006),
}


@dataclass(frozen=True)
class Span:
    """What a figure may be, and why: evenly spread from `low` to `high`, or evenly in its logarithm."""

    low: float
    high: float
    why: str
    logarithmic: bool = False

    def draw(self, rng: random.Random) -> float:
        """Return one figure of it."""
        if self.logarithmic:
            return math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        return rng.uniform(self.low, self.high)


_TUBING = "chamber of 1 to 3 ml, 0.3 to 0.8 m of tubing of 2 to 3 mm bore (0.9 to 5.7 ml), manifold"
_LEAK = "from tight to a hole of 0.08 mm; a larger one has the weakest pump at half duty at 60 kPa: a leak to be named"
_VENT = (
    "1 to 1.6 mm of a small solenoid valve, behind its tubing. The lower edge is the valve's duty: through less than "
    "0.86 mm the largest knee does not go from 90 to 10 % of 60 kPa in 150 ms"
)
_PARTS: dict[str, Span] = {
    "leak_ml_s_per_kpa": Span(0.001, 0.02, _LEAK, True),
    "vent_mm": Span(0.9, 1.5, _VENT),
    "valve_delay_s": Span(0.002, 0.008, "small solenoid valves"),
    "pump_ml_s": Span(12.0, 25.0, "0.7 to 1.5 l/min, as for wrist and arm cuffs"),
    "pump_stall_kpa": Span(90.0, 150.0, "1.5 to 2.5 times the highest target"),
    "pump_start_duty": Span(0.07, 0.13, "0.03 to either side of the device file's: warmth, wear, supply"),
    "pump_load_duty": Span(0.0, 0.08, "a membrane pump's load grows with its back pressure"),
    "pump_stick_duty": Span(0.0, 0.01, "little: PWM of 100 Hz shakes a motor loose with each of its pulses"),
    "pump_lag_s": Span(0.015, 0.045, "mechanical time constant of a small brushed motor"),
    "noise_kpa": Span(0.03, 0.08, "0.3 to 0.75 of the converter's count of 0.11 kPa"),
    "sensor_lag_s": Span(0.001, 0.005, "1 ms of the sensor, up to 4 ms of its filter"),
}
RANGE: dict[Body, dict[str, Span]] = {
    "finger": _PARTS
    | {
        "air_ml": Span(2.0, 7.0, _TUBING),
        "wall_ml_per_kpa": Span(0.02, 0.07, "0.8 to 2.8 ml at 40 kPa"),
        "give_ml": Span(0.12, 0.40, "120 mm2 of pulp giving way by 1 to 3 mm"),
        "give_kpa": Span(5.0, 15.0, "pulp is stiff from about 1 N on, 8 kPa on the plate"),
        "creep_ml": Span(0.03, 0.15, "a quarter to a third of what gives at once"),
        "creep_s": Span(1.0, 4.0, "relaxation of soft tissue over seconds"),
    },
    "knee": _PARTS
    | {
        "air_ml": Span(3.0, 9.0, f"{_TUBING}, and a larger chamber"),
        "wall_ml_per_kpa": Span(0.03, 0.08, "1.2 to 3.2 ml at 40 kPa"),
        "give_ml": Span(0.20, 0.60, "120 mm2 of skin and fat giving way by 2 to 5 mm, over bone"),
        "give_kpa": Span(5.0, 20.0, "from bone under thin skin to a pad of fat"),
        "creep_ml": Span(0.05, 0.30, "a quarter to a half of what gives at once"),
        "creep_s": Span(1.0, 5.0, "relaxation of soft tissue over seconds"),
    },
}


def random_chamber(rng: random.Random, body: Body) -> Chamber:
    """Return one probe on one body, each figure drawn on its own from `RANGE`; deterministic for the state of `rng`."""
    return Chamber(**{name: span.draw(rng) for name, span in RANGE[body].items()})
