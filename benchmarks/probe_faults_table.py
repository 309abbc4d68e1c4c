"""Which names are right for which fault. Data, to be read and argued with.

More than one where the same thing looks different in different phases, or where one sensor cannot tell two things apart
and the graver one is told.
"""

from typing import Final

from device.probe.faults import FaultCode as F

NAMES: Final[dict[str, tuple[F, ...]]] = {
    "sensor_silent": (F.SENSOR_STALE,),
    "sensor_hiccup": (F.SENSOR_STALE,),
    # Low in the fall it looks like a pump that blows against the open vent; in the ramp like one that does not turn.
    "sensor_stuck": (F.SENSOR_STUCK, F.PUMP_RUNAWAY, F.NO_RISE),
    "sensor_low_end": (F.SENSOR_CLIPPED,),
    "sensor_high_end": (F.SENSOR_CLIPPED,),
    "sensor_jumps": (F.SENSOR_IMPLAUSIBLE,),
    # In the fall it may only look as if the pressure stayed: the graver name.
    "sensor_jump_up": (F.SENSOR_IMPLAUSIBLE, F.BLOCKED_VENT),
    # Under load a sudden loss is a leak until shown otherwise; at rest it may end at the converter's end.
    "sensor_jump_down": (F.SENSOR_IMPLAUSIBLE, F.SENSOR_CLIPPED, F.LEAK, F.NO_RISE),
    "leak": (F.LEAK, F.NO_RISE),
    "seal_lost": (F.LEAK, F.NO_RISE),
    # Blocked when little is left, it looks like that pump; it is as grave.
    "vent_blocked": (F.BLOCKED_VENT, F.PUMP_RUNAWAY),
    "vent_slow": (F.SLOW_RELEASE, F.BLOCKED_VENT),
    "valve_open": (F.LEAK, F.NO_RISE),
    "valve_line_dead": (F.OUTPUT_FAILED,),
    "pump_line_dead": (F.OUTPUT_FAILED,),
    "lines_hiccup": (F.OUTPUT_FAILED,),
    "pump_dead": (F.NO_RISE, F.LEAK),
    "pump_runs_on": (F.PUMP_RUNAWAY, F.OVERSHOOT, F.OVERPRESSURE),
    # A hand that lets go again looks like a leak; one that closes while the ramp listens for the pump, like that pump.
    "squeezed": (F.OVERSHOOT, F.OVERPRESSURE, F.SENSOR_IMPLAUSIBLE, F.LEAK, F.PUMP_RUNAWAY),
    "owner_silent": (F.LEASE_LOST,),
    "owner_gone": (F.LEASE_LOST,),
    # Too short for a stall, but the pressure fell meanwhile.
    "control_stalled": (F.CONTROL_STALLED, F.SENSOR_STALE, F.LEASE_LOST),
    "sensor_reads_low": tuple(F),
    "sensor_reads_high": tuple(F),
    "zero_moved_up": tuple(F),
    "zero_moved_down": tuple(F),
    "tube_pinched": tuple(F),
}

VENT_GONE: Final = frozenset({"vent_blocked", "vent_slow", "valve_line_dead"})
"""Here no software can let the pressure go: the outputs have to be released and the danger told."""
