"""Looks for faults before anything else is done with a sample: sensor first, then what the pressure does.

Pure: `step` takes the clock's now, the sample and what the probe is doing. Thresholds are data, at the top.
"""

import math
from dataclasses import dataclass

from device.probe.faults import FaultCode
from device.probe.messages import Phase
from device.probe.ports import Sample
from device.probe.safety import Limits, Outputs

STALE_S = 0.1
"""Ten samples. A full pump raises the pressure by some 4 kPa in that time; a busy Linux may well take 60 ms."""
CLIPPED_SAMPLES = 2
LOWEST_KPA = -5.0
JUMP_KPA = 15.0
"""No pump and no movement of a limb raises the pressure by this much between two samples in a row."""
JUMP_KPA_PER_S = 300.0
STUCK_EFFORT_S = 0.12
"""Pump duty times seconds without any change of the value read: enough for about 10 kPa."""
STUCK_S = 2.0
STUCK_VENTED_S = 0.3
OVERSHOOT = 0.15
OVERSHOOT_SAMPLES = 3
LEAK_LEVEL = 0.85
LEAK_S = 0.3
LEAK_DUTY = 0.5
LEAK_DUTY_S = 0.5
NO_RISE_SHARE = 0.10
VENTED_SHARE = 0.25
VENT_S = 0.4
REST_KPA = 5.0
REST_S = 1.0
ZERO_KPA = 2.0
"""A press starts, and a fault is cleared, only where the vented sensor reads within this of zero."""


@dataclass(frozen=True)
class Doing:
    """What the probe is doing while a sample arrives. `outputs` are those in force since the last step."""

    phase: Phase
    since_ns: int
    outputs: Outputs
    target_kpa: float = 0.0
    ramp_s: float = 1.0
    ramp_limit_s: float = 6.0
    hold_kpa: float = 0.0
    """Level that the release started from."""


class Watch:
    """The memory that telling a fault needs."""

    def __init__(self, limits: Limits, now_ns: int) -> None:
        self._limits = limits
        self._last: Sample | None = None
        self._seen_ns = now_ns
        self._step_ns = now_ns
        self._changed_ns = now_ns
        self._effort_s = 0.0
        self._clipped = 0
        self._over = 0
        self._low_since_ns: int | None = None
        self._high_since_ns: int | None = None
        self._mean_duty = 0.0
        self._well_since_ns: int | None = None

    def well_for_s(self, now_ns: int) -> float:
        """Return for how long the sensor has been sane and at zero."""
        return 0.0 if self._well_since_ns is None else (now_ns - self._well_since_ns) / 1e9

    @property
    def at_rest(self) -> bool:
        """Whether the last step showed a sane sensor near zero."""
        return self._well_since_ns is not None

    def step(self, now_ns: int, sample: Sample | None, doing: Doing) -> FaultCode | None:
        """Return the fault that this step shows, or None."""
        fault = self._sensor(now_ns, sample, doing)
        if fault is None and sample is not None:
            fault = self._pressure(now_ns, sample.kpa, doing)
        if fault is not None or self._last is None or abs(self._last.kpa) > ZERO_KPA:
            self._well_since_ns = None
        elif self._well_since_ns is None:
            self._well_since_ns = now_ns
        self._step_ns = now_ns
        return fault

    def _sensor(self, now_ns: int, sample: Sample | None, doing: Doing) -> FaultCode | None:
        if sample is None:
            return FaultCode.SENSOR_STALE if now_ns - self._seen_ns > STALE_S * 1e9 else None
        last, self._last = self._last, sample
        gap_s = (sample.t_ns - self._seen_ns) / 1e9
        self._seen_ns = sample.t_ns
        if sample.t_ns > now_ns or (last is not None and gap_s <= 0):
            return FaultCode.SENSOR_IMPLAUSIBLE
        if now_ns - sample.t_ns > STALE_S * 1e9:
            return FaultCode.SENSOR_STALE
        self._clipped = self._clipped + 1 if sample.clipped else 0
        if self._clipped >= CLIPPED_SAMPLES:
            return FaultCode.SENSOR_CLIPPED
        if self._clipped:
            return None
        if not math.isfinite(sample.kpa) or sample.kpa < LOWEST_KPA:
            return FaultCode.SENSOR_IMPLAUSIBLE
        if last is not None and sample.kpa - last.kpa > JUMP_KPA + JUMP_KPA_PER_S * max(gap_s - 0.02, 0.0):
            return FaultCode.SENSOR_IMPLAUSIBLE
        return self._stuck(now_ns, sample, last, doing)

    def _stuck(self, now_ns: int, sample: Sample, last: Sample | None, doing: Doing) -> FaultCode | None:
        if last is None or sample.kpa != last.kpa:
            self._changed_ns = now_ns
            self._effort_s = 0.0
            return None
        self._effort_s += doing.outputs.pump_duty * (now_ns - self._step_ns) / 1e9
        unchanged_s = (now_ns - self._changed_ns) / 1e9
        pressing = doing.outputs.valve_closed and (self._effort_s > STUCK_EFFORT_S or unchanged_s > STUCK_S)
        vented_s = 0.0 if doing.outputs.valve_closed else min(unchanged_s, (now_ns - doing.since_ns) / 1e9)
        if pressing or (vented_s > STUCK_VENTED_S and sample.kpa > REST_KPA):
            return FaultCode.SENSOR_STUCK
        return None

    def _pressure(self, now_ns: int, kpa: float, doing: Doing) -> FaultCode | None:
        if self._clipped:
            return None
        if kpa >= self._limits.trip_kpa:
            return FaultCode.OVERPRESSURE
        since_s = (now_ns - doing.since_ns) / 1e9
        if doing.phase in ("ramp", "hold"):
            self._high_since_ns = None
            return self._pressed(now_ns, kpa, doing, since_s)
        self._over, self._mean_duty, self._low_since_ns = 0, 0.0, None
        return self._vented(now_ns, kpa, doing, since_s)

    def _pressed(self, now_ns: int, kpa: float, doing: Doing, since_s: float) -> FaultCode | None:
        self._over = self._over + 1 if kpa > doing.target_kpa * (1 + OVERSHOOT) + 0.5 else 0
        if self._over >= OVERSHOOT_SAMPLES:
            return FaultCode.OVERSHOOT
        if doing.phase == "ramp":
            return _rising(kpa, doing, since_s)
        step_s = (now_ns - self._step_ns) / 1e9
        self._mean_duty += (doing.outputs.pump_duty - self._mean_duty) * -math.expm1(-step_s / LEAK_DUTY_S)
        low = kpa < LEAK_LEVEL * doing.target_kpa
        self._low_since_ns = (self._low_since_ns or now_ns) if low else None
        sunk = self._low_since_ns is not None and now_ns - self._low_since_ns > LEAK_S * 1e9
        return FaultCode.LEAK if sunk or self._mean_duty > LEAK_DUTY else None

    def _vented(self, now_ns: int, kpa: float, doing: Doing, since_s: float) -> FaultCode | None:
        if doing.phase == "release":
            still = since_s > VENT_S and kpa > max(VENTED_SHARE * doing.hold_kpa, REST_KPA)
            return FaultCode.BLOCKED_VENT if still else None
        self._high_since_ns = (self._high_since_ns or now_ns) if kpa > REST_KPA else None
        high = self._high_since_ns is not None and now_ns - self._high_since_ns > REST_S * 1e9
        return FaultCode.BLOCKED_VENT if high else None


def _rising(kpa: float, doing: Doing, since_s: float) -> FaultCode | None:
    """Return whether the pressure rises at the expected rate: an early look, and a deadline."""
    if since_s > max(0.5, 0.5 * doing.ramp_s) and kpa < NO_RISE_SHARE * doing.target_kpa:
        return FaultCode.NO_RISE
    if since_s > min(1.5 * doing.ramp_s + 1.5, doing.ramp_limit_s):
        return FaultCode.NO_RISE if kpa < 0.5 * doing.target_kpa else FaultCode.LEAK
    return None
