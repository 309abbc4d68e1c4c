"""Looks for faults before anything else is done with a sample: sensor first, then what the pressure does.

Pure: `step` takes the clock's now, the sample and what the probe is doing. Thresholds are data, at the top; those of a
closed valve stand in `watch_press`, those of an open one in `watch_vent`.
"""

import math
from dataclasses import dataclass

from device.probe.faults import FaultCode
from device.probe.messages import Phase
from device.probe.ports import Sample
from device.probe.safety import Limits, Outputs
from device.probe.watch_press import PressWatch
from device.probe.watch_vent import STILL_S, VentWatch

STALE_S = 0.1
"""Ten samples. A full pump raises the pressure by some 4 kPa in that time; a busy Linux may well take 60 ms."""
FALL_GAP_S = 0.05
"""Without a sample for so long, time zero cannot be read from a falling pressure: it is drawn between two samples."""
CLIPPED_SAMPLES = 2
LOWEST_KPA = -5.0
JUMP_KPA = 15.0
"""No pump and no movement of a limb raises the pressure by this much between two samples in a row."""
JUMP_KPA_PER_S = 300.0
RETURN_KPA = 5.0
"""And so much not against an open vent, where the pressure falls."""
STUCK_RISING_S = 0.06
STUCK_EFFORT_S = 0.12
"""Pump duty times seconds without any change of the value read, in the ramp and in the hold. Fault-free presses on the
phantom's bodies came to 0.02 and 0.07."""
STUCK_S = 2.0
"""With the pump at rest. A quiet sensor behind ten bits was seen to stand still for 0.5 s."""
STUCK_AT_REST_S = 5.0
"""A sensor that has stood still for so long when the pump works in vain is stuck; one of 3.4 s was just quiet."""
BELOW_SAMPLES = 3
ZERO_KPA = 2.0
"""A press starts, and a fault is cleared, only where the vented sensor reads within this of zero."""
WELL_S = 0.1
"""A press starts only where it has done so for this long."""


@dataclass(frozen=True)
class Doing:
    """What the probe is doing while a sample arrives. `outputs` are those in force since the last step."""

    phase: Phase
    since_ns: int
    outputs: Outputs
    target_kpa: float = 0.0
    ramp_s: float = 1.0
    hold_s: float = 0.0
    ramp_limit_s: float = 6.0
    hold_kpa: float = 0.0
    """Level that the release started from."""


class Watch:
    """The memory that telling a fault needs."""

    def __init__(self, limits: Limits, now_ns: int, pump_start_duty: float) -> None:
        self._limits = limits
        self._start_duty = pump_start_duty
        self._last: Sample | None = None
        self._seen_ns = now_ns
        self._step_ns = now_ns
        self._changed_ns = now_ns
        self._effort_s = 0.0
        self._in_vain = False
        self._clipped = 0
        self._below = 0
        self._well_since_ns: int | None = None
        self._press = PressWatch()
        self._vent = VentWatch()

    def well_for_s(self, now_ns: int) -> float:
        """Return for how long the sensor has been sane and at zero."""
        return 0.0 if self._well_since_ns is None else (now_ns - self._well_since_ns) / 1e9

    @property
    def at_rest(self) -> bool:
        """Whether the last steps showed a sane sensor near zero."""
        return self.well_for_s(self._step_ns) >= WELL_S

    @property
    def vented(self) -> bool:
        """Whether the last sample was down at what the sensor reads at rest."""
        return self._last is not None and not self._last.clipped and self._vent.is_empty(self._last.kpa)

    def step(self, now_ns: int, sample: Sample | None, doing: Doing) -> FaultCode | None:
        """Return the fault that this step shows, or None."""
        fault = self._sensor(now_ns, sample, doing)
        if fault is None and sample is not None:
            fault = self._pressure(now_ns, sample, doing)
        if fault is not None or self._last is None or abs(self._last.kpa) > ZERO_KPA:
            self._well_since_ns = None
        elif self._well_since_ns is None:
            self._well_since_ns = now_ns
        self._step_ns = now_ns
        return fault

    def _sensor(self, now_ns: int, sample: Sample | None, doing: Doing) -> FaultCode | None:
        # A fall may be over between two samples; everywhere else the last one is good for a little longer.
        falling = doing.phase == "release" and not self.vented
        longest_s = FALL_GAP_S if falling else STALE_S
        if sample is None:
            return FaultCode.SENSOR_STALE if now_ns - self._seen_ns > longest_s * 1e9 else None
        last, self._last = self._last, sample
        gap_s = (sample.t_ns - self._seen_ns) / 1e9
        self._seen_ns = sample.t_ns
        if sample.t_ns > now_ns or (last is not None and gap_s <= 0):
            return FaultCode.SENSOR_IMPLAUSIBLE
        if now_ns - sample.t_ns > STALE_S * 1e9 or (falling and gap_s > longest_s):
            return FaultCode.SENSOR_STALE
        return self._value(now_ns, sample, last, gap_s, doing)

    def _value(self, now_ns: int, sample: Sample, last: Sample | None, gap_s: float, doing: Doing) -> FaultCode | None:
        self._clipped = self._clipped + 1 if sample.clipped else 0
        if self._clipped >= CLIPPED_SAMPLES:
            return FaultCode.SENSOR_CLIPPED
        if self._clipped:
            return None
        if not math.isfinite(sample.kpa) or sample.kpa < LOWEST_KPA:
            return FaultCode.SENSOR_IMPLAUSIBLE
        if last is not None and sample.kpa - last.kpa > JUMP_KPA + JUMP_KPA_PER_S * max(gap_s - 0.02, 0.0):
            return FaultCode.SENSOR_IMPLAUSIBLE
        if doing.phase == "release" and last is not None and sample.kpa - last.kpa > RETURN_KPA:
            return FaultCode.SENSOR_IMPLAUSIBLE
        self._below = self._below + 1 if doing.outputs.valve_closed and sample.kpa < -ZERO_KPA else 0
        if self._below >= BELOW_SAMPLES:
            return FaultCode.SENSOR_IMPLAUSIBLE
        return self._stuck(now_ns, sample, last, doing)

    def _stuck(self, now_ns: int, sample: Sample, last: Sample | None, doing: Doing) -> FaultCode | None:
        if last is None or sample.kpa != last.kpa:
            self._changed_ns = now_ns
            self._effort_s = 0.0
            self._in_vain = False
            return None
        self._effort_s += doing.outputs.pump_duty * (now_ns - self._step_ns) / 1e9
        still_s = (now_ns - self._changed_ns) / 1e9
        if not doing.outputs.valve_closed:
            return FaultCode.SENSOR_STUCK if self._in_vain and still_s > STUCK_AT_REST_S else None
        if doing.phase == "ramp" and self._effort_s > STUCK_RISING_S:
            # A quiet sensor stands still as well where no pump turns: the lesser name, until it has for very long.
            self._in_vain = True
            return FaultCode.SENSOR_STUCK if still_s > STUCK_AT_REST_S else FaultCode.NO_RISE
        worked = self._effort_s > STUCK_EFFORT_S and still_s > STILL_S
        return FaultCode.SENSOR_STUCK if worked or still_s > STUCK_S else None

    def _pressure(self, now_ns: int, sample: Sample, doing: Doing) -> FaultCode | None:
        since_s = (now_ns - doing.since_ns) / 1e9
        pressing = doing.phase in ("ramp", "hold")
        if self._clipped:
            # One clipped sample says nothing yet, but no hold ends on it.
            ends = doing.phase == "hold" and since_s >= doing.hold_s
            return FaultCode.SENSOR_CLIPPED if ends else None
        if sample.kpa >= self._limits.trip_kpa:
            return FaultCode.OVERPRESSURE
        if not pressing:
            self._press = PressWatch()
            unchanged_s = (now_ns - self._changed_ns) / 1e9
            return self._vent.step(now_ns, sample.kpa, doing.phase == "release", since_s, doing.hold_kpa, unchanged_s)
        step_s = (now_ns - self._step_ns) / 1e9
        drive = max(doing.outputs.pump_duty - self._start_duty, 0.0) / (1 - self._start_duty)
        self._press.work(step_s, drive)
        if doing.phase == "ramp":
            return self._press.rise(sample.kpa, since_s, doing.target_kpa, doing.ramp_s, doing.ramp_limit_s)
        return self._press.hold(
            sample.kpa, since_s, doing.target_kpa, ended=now_ns - doing.since_ns >= doing.hold_s * 1e9
        )
