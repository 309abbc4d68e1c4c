"""What may be wrong with the probe of a simulated device: hidden from calibration, which has to find it."""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from phantom.chamber import HOLE_ML_S_KPA_MM2, Chamber, conductance_of_leak, flow_per_kpa
from phantom.streams import stream


@dataclass(frozen=True)
class ProbeErrors:
    """Hidden truth of one probe, and of the manometer that it is held against. The values here are those of a good one.

    What the sensor gives of itself, before the configuration's zero and gain, is `gain` times the true pressure, and
    `offset_kpa`, `bow` and `hysteresis` on top.
    """

    offset_kpa: float = 0.0
    gain: float = 1.0
    bow: float = 0.0
    """Bend of the sensor's line: midway to 60 kPa it shows so much too much, as a share of 60 kPa."""
    hysteresis: float = 0.0
    """How much too much it shows at half of the highest pressure of the press before, as a share of that pressure."""
    drift_kpa_per_min: float = 0.0
    noise_kpa: float = 0.05
    """Standard deviation of one sample, before the converter."""
    sensor_lag_s: float = 0.002
    air_ml: float = 3.0
    """Air in chamber, tubing, pump and valve, on the plug."""
    wall_ml_per_kpa: float = 0.04
    leak_ml_s_per_kpa: float = 0.0015
    """Flow of the device's own leak at 40 kPa, for each kPa."""
    vent_mm: float = 1.2
    """The sharp hole that vents like the open valve; a sticky valve opens a smaller one."""
    valve_delay_s: float = 0.004
    ceiling: float = 1.0
    """Pressure at which the probe lets go by itself, over that at which it must."""
    reference_gain: float = 1.0
    """Of the reference manometer: it is no truth either, only within its own certificate."""


def healthy_probe(seed: int) -> ProbeErrors:
    """Return a probe as good ones differ."""
    chance = stream(seed, "bench probe")
    return ProbeErrors(
        offset_kpa=float(chance.uniform(-0.12, 0.12)),
        gain=float(chance.uniform(0.992, 1.008)),
        bow=float(chance.uniform(-0.0015, 0.0015)),
        hysteresis=float(chance.uniform(0.0, 0.002)),
        drift_kpa_per_min=float(chance.uniform(-0.02, 0.02)),
        noise_kpa=float(chance.uniform(0.03, 0.08)),
        sensor_lag_s=float(chance.uniform(0.001, 0.005)),
        air_ml=float(chance.uniform(2.0, 7.0)),
        wall_ml_per_kpa=float(chance.uniform(0.02, 0.07)),
        leak_ml_s_per_kpa=float(math.exp(chance.uniform(math.log(0.0002), math.log(0.002)))),
        vent_mm=float(chance.uniform(0.9, 1.5)),
        valve_delay_s=float(chance.uniform(0.002, 0.008)),
        ceiling=float(chance.uniform(0.998, 1.002)),
        reference_gain=1.0 + float(np.clip(0.00125 * chance.standard_normal(), -0.003, 0.003)),
    )


def plugged(errors: ProbeErrors, pad: bool = False) -> Chamber:
    """Return the probe's air on the plug, which gives nowhere, or on a soft pad, which does."""
    return Chamber(
        air_ml=errors.air_ml,
        wall_ml_per_kpa=errors.wall_ml_per_kpa,
        give_ml=0.3 if pad else 0.0,
        creep_ml=0.0,
        leak_ml_s_per_kpa=errors.leak_ml_s_per_kpa,
        vent_mm=errors.vent_mm,
        valve_delay_s=errors.valve_delay_s,
        noise_kpa=errors.noise_kpa,
        sensor_lag_s=errors.sensor_lag_s,
    )


def leak_kpa_per_s(errors: ProbeErrors, kpa: float) -> float:
    """Return what a plugged probe that holds `kpa` loses by its own leak."""
    flow_ml_s = conductance_of_leak(errors.leak_ml_s_per_kpa) * flow_per_kpa(kpa) * kpa
    return flow_ml_s / plugged(errors).compliance_ml_per_kpa(kpa)


ERRORS: Final = (
    "offset",
    "gain",
    "bow",
    "hysteresis",
    "noise",
    "drift",
    "leak",
    "slow_release",
    "ceiling_high",
    "ceiling_low",
)
"""Hidden errors by name, each one large enough to matter."""


def with_probe_error(name: str, seed: int) -> ProbeErrors:
    """Return a healthy probe with one of `ERRORS`, sized by the seed; raises `KeyError` for another name."""
    chance = stream(seed, f"bench probe {name}")
    good = healthy_probe(seed)
    side = float(chance.choice([-1, 1]))
    wrong: dict[str, ProbeErrors] = {
        "offset": replace(good, offset_kpa=side * float(chance.uniform(0.5, 1.6))),
        "gain": replace(good, gain=1.0 + side * float(chance.uniform(0.04, 0.12))),
        "bow": replace(good, bow=side * float(chance.uniform(0.04, 0.07))),
        "hysteresis": replace(good, hysteresis=float(chance.uniform(0.04, 0.08))),
        "noise": replace(good, noise_kpa=float(chance.uniform(0.3, 0.6))),
        "drift": replace(good, drift_kpa_per_min=side * float(chance.uniform(0.7, 1.5))),
        # What a leak does to the pressure depends on the air behind it: so many kPa/s at 60 kPa, whatever the chamber.
        "leak": replace(good, air_ml=3.0, wall_ml_per_kpa=0.04, leak_ml_s_per_kpa=float(chance.uniform(0.010, 0.020))),
        "slow_release": replace(good, vent_mm=_sticky_mm(good, float(chance.uniform(0.19, 0.30)))),
        "ceiling_high": replace(good, ceiling=float(chance.uniform(1.08, 1.25))),
        "ceiling_low": replace(good, ceiling=float(chance.uniform(0.75, 0.90))),
    }
    return wrong[name]


def _sticky_mm(errors: ProbeErrors, release_s: float) -> float:
    """Return the hole through which the pressure takes about `release_s` from 90 to 10 % of 40 kPa.

    Through a hole the pressure's root falls in a straight line, but for the compliance, here taken midway.
    """
    roots = math.sqrt(0.9 * 40.0) - math.sqrt(0.1 * 40.0)
    per_root = flow_per_kpa(16.0) * math.sqrt(16.0)
    conductance = 2.0 * roots * plugged(errors).compliance_ml_per_kpa(16.0) / (per_root * release_s)
    return math.sqrt(conductance / (HOLE_ML_S_KPA_MM2 * math.pi / 4.0))
