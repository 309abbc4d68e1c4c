"""The ideal press: pressure under the window as straight pieces, and what the pressure sensor says of it."""

import numpy as np
from numpy.typing import NDArray

from phantom.fault_table import fault_size
from phantom.spec import PressSpec
from phantom.streams import stream

Floats = NDArray[np.float64]

SAMPLE_HZ = 100.0
SENSOR_NOISE_KPA = 0.15
SECOND_PRESS_AFTER = 0.45  # refill times after release
SECOND_PRESS_RAMP_S = 0.25


def release_begins_s(spec: PressSpec) -> float:
    """Time at which pressure starts to fall."""
    return spec.pre_s + spec.ramp_s + spec.hold_s


def pressure_nodes(spec: PressSpec) -> tuple[Floats, Floats]:
    """Times, s, and pressures, kPa, between which the true pressure is straight; faults of the probe included."""
    size = fault_size(spec.fault, spec.fault_size) if spec.fault else 0.0
    held = spec.pressure_kpa * (max(1.0 - size, 0.0) if spec.fault == "weak_press" else 1.0)
    end_of_hold = held * (max(1.0 - size, 0.05) if spec.fault == "pressure_leak" else 1.0)
    rest = held * min(size, 1.0) if spec.fault == "partial_release" else 0.0
    fall_s = size if spec.fault == "slow_release" else spec.release_s
    begins_s = release_begins_s(spec)
    nodes = [
        (0.0, 0.0),
        (spec.pre_s, 0.0),
        (spec.pre_s + spec.ramp_s, held),
        (begins_s, end_of_hold),
        (begins_s + fall_s, rest),
    ]
    if spec.fault == "second_press":
        again_s = begins_s + 0.5 * spec.release_s + SECOND_PRESS_AFTER * spec.crt_s
        again_s = max(again_s, begins_s + fall_s + 0.05)
        top_s = again_s + SECOND_PRESS_RAMP_S
        nodes += [(again_s, 0.0), (top_s, held), (top_s + size, held), (top_s + size + spec.release_s, 0.0)]
    nodes.append((nodes[-1][0] + 200.0, rest))
    times, pressures = zip(*nodes, strict=True)
    return np.array(times), np.array(pressures)


def sensor_series(spec: PressSpec, end_s: float) -> tuple[Floats, Floats]:
    """What the sensor records at 100 Hz up to `end_s`: times, s, and pressures with noise, kPa."""
    times_s = np.arange(int(end_s * SAMPLE_HZ) + 1) / SAMPLE_HZ
    true_kpa = np.interp(times_s, *pressure_nodes(spec))
    if spec.fault == "no_pressure":
        true_kpa = np.zeros_like(true_kpa)
    return times_s, true_kpa + stream(spec.seed, "pressure").normal(0.0, SENSOR_NOISE_KPA, len(times_s))
