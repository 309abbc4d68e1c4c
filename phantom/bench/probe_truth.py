"""What the pressure steps ought to find on a simulated device: the hidden truth in the words of their figures."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from calibration.rig import Target
from contract.certificate import StepName
from firmware_config.device import TRIP_FACTOR, DeviceConfig
from firmware_config.hardware import Mcp3008Sensor
from phantom.bench.probe import SINKS, BenchProbe
from phantom.bench.probe_errors import ProbeErrors, leak_kpa_per_s
from phantom.bench.probe_sensor import CONVERTER_COUNTS, BenchSensor
from phantom.streams import stream

LEVELS: Final = 5
RELEASE_KPA: Final = 40.0
LISTENED_MIN: Final = 10.0 / 60.0
"""Middle of the time for which the zero is listened to: a drift has moved it by then."""
STILL_HELD: Final = 0.993
"""Share of the limit about which the leak is told, the pump at rest."""
Truth = Callable[[DeviceConfig, ProbeErrors], float]


def offset(device: DeviceConfig, errors: ProbeErrors) -> float:
    """Reading of the vented sensor, kPa, in the middle of the zero step."""
    sensor = device.pressure_sensor
    own_kpa = errors.offset_kpa + LISTENED_MIN * errors.drift_kpa_per_min
    return (own_kpa - sensor.zero_kpa) * sensor.gain


def noise(device: DeviceConfig, errors: ProbeErrors) -> float:
    """Standard deviation of a sample, kPa, the converter's rounding included."""
    sensor = device.pressure_sensor
    step_kpa = 0.0
    if isinstance(sensor, Mcp3008Sensor):
        (low_v, low_kpa), (high_v, high_kpa) = sensor.curve[:2]
        step_kpa = sensor.reference_v / CONVERTER_COUNTS / sensor.divider * (high_kpa - low_kpa) / (high_v - low_v)
    return math.hypot(errors.noise_kpa, step_kpa / math.sqrt(12.0)) * sensor.gain


def bend(device: DeviceConfig, errors: ProbeErrors) -> float:
    """Largest distance of the sensor's levels from their line, per cent of the range."""
    sensor, limit_kpa = BenchSensor(device, errors), device.press_limits.pressure_kpa
    true = sensor.true_kpa((1.0 - SINKS) * limit_kpa * np.arange(1, LEVELS + 1) / LEVELS, 0.0)
    reads = sensor.kpa(true, 0.0)
    return float(np.abs(reads - np.polyval(np.polyfit(true, reads, 1), true)).max()) / limit_kpa * 100.0


def loop(device: DeviceConfig, errors: ProbeErrors) -> float:
    """Largest difference of a level that comes after a higher one from the same after a lower one, per cent."""
    sensor, limit_kpa = BenchSensor(device, errors), device.press_limits.pressure_kpa
    levels = (1.0 - SINKS) * limit_kpa * np.arange(LEVELS, 0, -1) / LEVELS
    before, apart = float(sensor.true_kpa(levels[:1], 0.0)[0]), [0.0]
    for level in levels[1:]:
        true = sensor.true_kpa(np.array([level]), before)
        apart.append(float((sensor.kpa(true, before) - sensor.kpa(true, 0.0))[0]))
        before = float(true[0])
    return max(apart) / limit_kpa * 100.0


def leak(device: DeviceConfig, errors: ProbeErrors) -> float:
    """What the pressure loses where the sensor is made to read the limit, kPa/s."""
    reads = np.array([STILL_HELD * device.press_limits.pressure_kpa])
    return leak_kpa_per_s(errors, float(BenchSensor(device, errors).true_kpa(reads, 0.0)[0]))


def falls(device: DeviceConfig, errors: ProbeErrors) -> tuple[float, float]:
    """Release from 90 to 10 %, and from the valve's command to half, ms."""
    probe = BenchProbe(device, errors, stream(0, "bench truth"))
    pressed, true_kpa = probe.press(0, Target.PLUG, min(RELEASE_KPA, device.press_limits.pressure_kpa), 3.0, 1.0)
    t_ns = pressed.valve_open_ns + np.arange(0, 900_000_000, 50_000)
    kpa = true_kpa(t_ns)
    high, half, low = (t_ns[np.flatnonzero(kpa >= level * kpa[0])[-1]] for level in (0.9, 0.5, 0.1))
    return float(low - high) / 1e6, float(half - pressed.valve_open_ns) / 1e6


TRUTHS: Final[dict[tuple[StepName, str], Truth]] = {
    (StepName.PRESSURE_ZERO, "offset-kpa"): offset,
    (StepName.PRESSURE_ZERO, "noise-kpa"): noise,
    (StepName.PRESSURE_ZERO, "drift-kpa-per-min"): lambda d, e: e.drift_kpa_per_min * d.pressure_sensor.gain,
    (StepName.PRESSURE_SPAN, "gain-error-pct"): lambda d, e: 100.0 * (e.gain * d.pressure_sensor.gain - 1.0),
    (StepName.PRESSURE_SPAN, "line-offset-kpa"): lambda d, e: (
        (e.offset_kpa + e.drift_kpa_per_min - d.pressure_sensor.zero_kpa) * d.pressure_sensor.gain
    ),
    (StepName.PRESSURE_SPAN, "nonlinearity-pct"): bend,
    (StepName.PRESSURE_SPAN, "hysteresis-pct"): loop,
    (StepName.PRESSURE_LEAK, "leak-kpa-per-s"): leak,
    (StepName.PRESSURE_RELEASE, "release-ms"): lambda d, e: falls(d, e)[0],
    (StepName.PRESSURE_RELEASE, "valve-to-half-ms"): lambda d, e: falls(d, e)[1],
    (StepName.PRESSURE_CEILING, "ceiling-kpa"): lambda d, e: e.ceiling * d.press_limits.pressure_kpa * TRIP_FACTOR,
}
"""Step and figure to its truth, of a device and what is wrong with it. A bent or wide line has no one gain."""

FINDS: Final[dict[str, tuple[StepName, str]]] = {
    "offset": (StepName.PRESSURE_ZERO, "offset-kpa"),
    "noise": (StepName.PRESSURE_ZERO, "noise-kpa"),
    "drift": (StepName.PRESSURE_ZERO, "drift-kpa-per-min"),
    "gain": (StepName.PRESSURE_SPAN, "gain-error-pct"),
    "bow": (StepName.PRESSURE_SPAN, "nonlinearity-pct"),
    "hysteresis": (StepName.PRESSURE_SPAN, "hysteresis-pct"),
    "leak": (StepName.PRESSURE_LEAK, "leak-kpa-per-s"),
    "slow_release": (StepName.PRESSURE_RELEASE, "release-ms"),
    "ceiling_high": (StepName.PRESSURE_CEILING, "ceiling-kpa"),
    "ceiling_low": (StepName.PRESSURE_CEILING, "ceiling-kpa"),
}
"""The step and the figure that have to tell each hidden error, `phantom.bench.probe_errors.ERRORS`."""
