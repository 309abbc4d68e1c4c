"""What the pressure steps share: presses at the pace that the device allows, samples to be used, the steady hold."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from calibration.camera_frames import TargetError
from calibration.rig import Pressed, Pressure
from calibration.step import Bench
from firmware_config.hardware import Mcp3008Sensor, PressureSensor

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEAST_SAMPLES: Final = 0.8
"""Of those that the device's `pressure_sensor.rate_hz` promises."""
SETTLED_S: Final = 0.8
"""The ramp's transient is over so long after the hold began."""
RAMP_S: Final = 1.0
PACE_SPARE_S: Final = 0.1
CONVERTER_COUNTS: Final = 1024.0
MPR_COUNTS: Final = 0.2 * 2.0**24
"""Over the part's range, by the coarsest of its transfer functions."""
FAULT_WORDS: Final[dict[str, str]] = {
    "leak": "the pressure was not held",
    "no_rise": "no pressure built up",
    "slow_release": "the pressure was let go too slowly",
    "overshoot": "it pressed harder than asked",
}


class Presses:
    """The presses of one step, far enough apart for `press_limits.presses_per_minute`, whatever was pressed before."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._apart_s = 60.0 / bench.device.press_limits.presses_per_minute + PACE_SPARE_S
        self._last_ns = bench.rig.now_ns()

    def wait(self) -> None:
        """Wait until one more press is allowed, and count it."""
        rig = self._bench.rig
        left_s = self._apart_s - (rig.now_ns() - self._last_ns) / 1e9
        if left_s > 0:
            rig.wait(left_s)
        self._last_ns = rig.now_ns()

    def press(self, target_kpa: float, hold_s: float, but: Sequence[str] = ()) -> Pressed:
        """Press when it may be; a fault that is not among `but` is a `TargetError`. The hold is within the limit."""
        self.wait()
        pressed = self._bench.rig.press(target_kpa, min(hold_s, self._bench.device.press_limits.hold_s), RAMP_S)
        wrong = [FAULT_WORDS.get(fault, fault) for fault in pressed.faults if fault not in but]
        if wrong:
            raise TargetError(f"The press to {target_kpa:g} kPa did not come off: {', '.join(wrong)}.")
        check(pressed.pressure)
        return pressed


def check(pressure: Pressure) -> None:
    """Raise `TargetError` where samples are not finite, not in order, or too few for their time."""
    t_ns, kpa = pressure.t_boot_ns, pressure.kpa
    if len(t_ns) < 2 or len(kpa) != len(t_ns):
        raise TargetError("The pressure sensor gave no samples.")
    if not np.all(np.isfinite(kpa)) or np.any(np.diff(t_ns) <= 0):
        raise TargetError("The pressure sensor's samples are not in order.")


def check_rate(pressure: Pressure, seconds: float, rate_hz: float) -> None:
    """Raise `TargetError` where less came in so many seconds than the device promises."""
    promised = seconds * rate_hz
    if len(pressure.kpa) < LEAST_SAMPLES * promised:
        raise TargetError(f"The pressure sensor gave {len(pressure.kpa)} samples in place of {promised:.0f}.")


def steady(pressed: Pressed) -> Bools:
    """Return which samples belong to the hold, without its first moments and the time of the pump at rest."""
    end_ns = pressed.valve_open_ns if pressed.still_ns is None else pressed.still_ns
    t_ns = pressed.pressure.t_boot_ns
    found = (t_ns >= pressed.hold_ns + round(SETTLED_S * 1e9)) & (t_ns < end_ns)
    if np.count_nonzero(found) < 10:
        raise TargetError("The press was not held for long enough to be measured.")
    return np.asarray(found)


def rest_kpa(pressed: Pressed) -> float:
    """Return what the sensor read before the ramp, and without it after the release."""
    t_ns, kpa = pressed.pressure.t_boot_ns, pressed.pressure.kpa
    before = kpa[t_ns < t_ns[0] + 200_000_000]
    return float(np.mean(before if len(before) >= 5 else kpa[-20:]))


def step_kpa(sensor: PressureSensor) -> float:
    """Return the converter's step in kPa: the largest that the sensor's curve makes of it."""
    if isinstance(sensor, Mcp3008Sensor):
        steepest = max((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(sensor.curve))
        return sensor.reference_v / CONVERTER_COUNTS / sensor.divider * steepest * sensor.gain
    return (sensor.high_kpa - sensor.low_kpa) / MPR_COUNTS * sensor.gain


def rounding_u(sigma_kpa: float, step_kpa: float) -> float:
    """Return the standard uncertainty that rounding to steps leaves in a mean of samples of this standard deviation.

    Noise of half a step or more makes the mean right, but for step/pi exp(-2 pi² s²), s the noise in steps (Widrow and
    Kollár, Quantization Noise, 2008, ch. 4). With less, two steps are seen in shares p and 1 - p, and the pressure may
    be anywhere from their mean to the edge between them, which is |p - 1/2| away; p (1 - p) is the variance.
    """
    if step_kpa <= 0:
        return 0.0
    variance = (sigma_kpa / step_kpa) ** 2
    to_edge = math.sqrt(max(0.25 - variance, 0.0))
    left = math.exp(-2.0 * math.pi**2 * max(variance - 1.0 / 12.0, 0.0)) / math.pi
    return step_kpa * max(to_edge / math.sqrt(3.0), left / math.sqrt(2.0) if to_edge == 0.0 else 0.0)


def gain_of(bench: Bench) -> float:
    """Return the gain that the device is set to."""
    return bench.device.pressure_sensor.gain
