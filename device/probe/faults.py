"""What can go wrong with the probe: one row a fault, each with its sentence, its severity and the way to clear it.

Every fault vents. A latched one refuses further presses until it is cleared; the others end the press and no more.
Where the nurse can act on it, the sentence is that of the reading's reason, so that screen, log and record agree.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from contract.reasons import REASONS, Reason


class FaultCode(StrEnum):
    """The words of link, log and journal. A code is never reused for another meaning."""

    SENSOR_STALE = "sensor_stale"
    SENSOR_STUCK = "sensor_stuck"
    SENSOR_CLIPPED = "sensor_clipped"
    SENSOR_IMPLAUSIBLE = "sensor_implausible"
    OVERPRESSURE = "overpressure"
    OVERSHOOT = "overshoot"
    BLOCKED_VENT = "blocked_vent"
    SLOW_RELEASE = "slow_release"
    NO_RISE = "no_rise"
    LEAK = "leak"
    PUMP_RUNAWAY = "pump_runaway"
    HOLD_TOO_LONG = "hold_too_long"
    LEASE_LOST = "lease_lost"
    CONTROL_STALLED = "control_stalled"
    OUTPUT_FAILED = "output_failed"
    MEMORY_UNREADABLE = "memory_unreadable"


Severity = Literal["notice", "fault", "danger"]
"""notice: the nurse repeats. fault: the engineer is called. danger: the finger is taken out first."""

Clear = Literal["itself", "command", "restart"]
"""itself: over once vented. command: `clear_fault`, once the probe is vented and the sensor sane. restart: repaired."""


@dataclass(frozen=True)
class Fault:
    """One row of the table."""

    english: str
    french: str
    severity: Severity
    clear: Clear
    reason: Reason

    @property
    def latched(self) -> bool:
        """Whether further presses are refused until somebody has looked."""
        return self.clear != "itself"


_UNPLUG_EN = "Take the finger out, switch the device off and call the study engineer."
_UNPLUG_FR = "Retirez le doigt, éteignez l'appareil et appelez l'ingénieur de l'étude."


def _as_reason(reason: Reason) -> Fault:
    words = REASONS[reason]
    return Fault(words.english, words.french, "notice", "itself", reason)


def _sensor(english: str, french: str) -> Fault:
    return Fault(
        f"Pressure sensor: {english}. The probe has released. Call the study engineer.",
        f"Capteur de pression : {french}. La sonde s'est relâchée. Appelez l'ingénieur de l'étude.",
        "fault",
        "command",
        Reason.PROBE_FAULT,
    )


FAULTS: dict[FaultCode, Fault] = {
    # Not latched: no press starts before the sensor speaks again, and a moment's load must not end a night's use.
    FaultCode.SENSOR_STALE: Fault(
        "No new pressure values: the probe has released. Repeat; if it happens again, call the study engineer.",
        "Plus de valeurs de pression : la sonde s'est relâchée. Recommencez ; si cela persiste, appelez l'ingénieur.",
        "notice",
        "itself",
        Reason.PROBE_FAULT,
    ),
    FaultCode.SENSOR_STUCK: _sensor("its value does not move", "sa valeur ne bouge plus"),
    FaultCode.SENSOR_CLIPPED: _sensor("its value is at the end of its range", "sa valeur est en butée"),
    FaultCode.SENSOR_IMPLAUSIBLE: _sensor("its value cannot be true", "sa valeur est impossible"),
    FaultCode.OVERPRESSURE: Fault(
        f"The pressure was above its limit and was released. {_UNPLUG_EN}",
        f"La pression a dépassé sa limite et a été relâchée. {_UNPLUG_FR}",
        "danger",
        "command",
        Reason.PROBE_FAULT,
    ),
    FaultCode.OVERSHOOT: Fault(
        "The probe pressed harder than asked and has released. Re-seat the finger and press again.",
        "La sonde a pressé plus fort que prévu et s'est relâchée. Repositionnez le doigt et recommencez.",
        "notice",
        "itself",
        Reason.PRESSURE_OFF_TARGET,
    ),
    FaultCode.BLOCKED_VENT: Fault(
        f"The probe did not release. {_UNPLUG_EN}",
        f"La sonde ne s'est pas relâchée. {_UNPLUG_FR}",
        "danger",
        "restart",
        Reason.RELEASE_INCOMPLETE,
    ),
    FaultCode.SLOW_RELEASE: _as_reason(Reason.RELEASE_TOO_SLOW),
    FaultCode.NO_RISE: _as_reason(Reason.PRESSURE_OFF_TARGET),
    FaultCode.LEAK: _as_reason(Reason.PRESSURE_NOT_HELD),
    # The next press would have no pump that stops: only a repair helps.
    FaultCode.PUMP_RUNAWAY: Fault(
        f"The probe's pump runs although it was told to stop. {_UNPLUG_EN}",
        f"La pompe de la sonde tourne alors qu'elle devrait être arrêtée. {_UNPLUG_FR}",
        "danger",
        "restart",
        Reason.PROBE_FAULT,
    ),
    FaultCode.HOLD_TOO_LONG: Fault(
        "The probe had pressed for too long and was released. Call the study engineer.",
        "La sonde pressait depuis trop longtemps et a été relâchée. Appelez l'ingénieur de l'étude.",
        "fault",
        "command",
        Reason.PROBE_FAULT,
    ),
    FaultCode.LEASE_LOST: Fault(
        "The device was too busy and the probe released by itself. Press again.",
        "L'appareil était trop occupé et la sonde s'est relâchée d'elle-même. Recommencez.",
        "notice",
        "itself",
        Reason.INTERRUPTED,
    ),
    FaultCode.CONTROL_STALLED: Fault(
        "The probe's control stopped and the probe was released. Call the study engineer.",
        "La commande de la sonde s'est arrêtée et la sonde a été relâchée. Appelez l'ingénieur de l'étude.",
        "fault",
        "command",
        Reason.PROBE_FAULT,
    ),
    FaultCode.OUTPUT_FAILED: Fault(
        f"The probe's valve or pump does not obey. {_UNPLUG_EN}",
        f"La valve ou la pompe de la sonde n'obéit pas. {_UNPLUG_FR}",
        "danger",
        "restart",
        Reason.PROBE_FAULT,
    ),
    # What the last process knew may have been grave, so it counts as such until somebody has looked.
    FaultCode.MEMORY_UNREADABLE: Fault(
        "The probe's record of earlier faults cannot be read, and it does not press. Call the study engineer.",
        "Le registre des défauts de la sonde est illisible et elle ne presse plus. Appelez l'ingénieur de l'étude.",
        "fault",
        "command",
        Reason.PROBE_FAULT,
    ),
}
