"""What a simulated device's pressure sensor gives: its own errors, its converter, the configuration's correction."""

import numpy as np
from numpy.typing import NDArray

from firmware_config.device import DeviceConfig
from firmware_config.hardware import Mcp3008Sensor
from phantom.bench.probe_errors import ProbeErrors

Floats = NDArray[np.float64]

SPAN_KPA = 60.0
"""Over which the sensor's bend is stated."""
CONVERTER_COUNTS = 1024.0
_GRID_KPA = np.linspace(0.0, 120.0, 1201)


class BenchSensor:
    """One sensor as the device is configured for it. Its line depends on the highest pressure of the press before."""

    def __init__(self, device: DeviceConfig, errors: ProbeErrors) -> None:
        self._sensor = device.pressure_sensor
        self._errors = errors

    def kpa(self, true_kpa: Floats, before_kpa: float) -> Floats:
        """Return readings without noise, all shape (n,); `before_kpa` is the highest pressure of the press before."""
        return self._corrected(self._own(true_kpa, before_kpa))

    def samples(self, true_kpa: Floats, before_kpa: float, drift_kpa: Floats, chance: np.random.Generator) -> Floats:
        """Return samples as the device gives them: drift, noise and the converter's steps included."""
        own = self._own(true_kpa, before_kpa) + drift_kpa
        own += self._errors.noise_kpa * chance.standard_normal(len(own))
        if isinstance(self._sensor, Mcp3008Sensor):
            own = self._counted(own, self._sensor)
        return self._corrected(own)

    def true_kpa(self, reading_kpa: Floats, before_kpa: float) -> Floats:
        """Return the true pressures at which it reads so, not below zero."""
        return np.interp(reading_kpa, self.kpa(_GRID_KPA, before_kpa), _GRID_KPA)

    def _own(self, true_kpa: Floats, before_kpa: float) -> Floats:
        errors = self._errors
        x = true_kpa / SPAN_KPA
        own = errors.gain * true_kpa + errors.offset_kpa + errors.bow * SPAN_KPA * 4.0 * x * (1.0 - x)
        if before_kpa > 0.0:
            u = np.clip(true_kpa / before_kpa, 0.0, 1.0)
            own += errors.hysteresis * before_kpa * 4.0 * u * (1.0 - u)
        return np.asarray(own)

    def _corrected(self, own_kpa: Floats) -> Floats:
        sensor = self._sensor
        zero_kpa = sensor.zero_kpa
        if not isinstance(sensor, Mcp3008Sensor) and sensor.measures == "absolute":
            zero_kpa = self._errors.offset_kpa  # taken off with the air, when the probe starts
        return (own_kpa - zero_kpa) * sensor.gain

    def _counted(self, own_kpa: Floats, sensor: Mcp3008Sensor) -> Floats:
        """Return what ten bits leave of the curve's values."""
        volts, kpa = np.array(sensor.curve).T
        rise = (kpa[-1] - kpa[-2]) / (volts[-1] - volts[-2])
        # Beyond its ends the curve goes straight on, as the driver's does.
        volts = np.concatenate([[volts[0] - 0.2], volts, [volts[-1] + 2.0]])
        first = (kpa[1] - kpa[0]) / (volts[2] - volts[1])
        kpa = np.concatenate([[kpa[0] - 0.2 * first], kpa, [kpa[-1] + 2.0 * rise]])
        step_v = sensor.reference_v / CONVERTER_COUNTS / sensor.divider
        counts = np.clip(np.rint(np.interp(own_kpa, kpa, volts) / step_v), 0.0, CONVERTER_COUNTS - 1.0)
        return np.interp(counts * step_v, volts, kpa)
