"""The faults that the phantom can have, as a table. Sizes are those of `fault_size` 1; a caller scales them."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class FaultKind:
    """What happens, in words, and how large it is by default."""

    what: str
    size: float
    unit: str


FAULTS: Final[dict[str, FaultKind]] = {
    "no_blanch": FaultKind(
        "pressed at full pressure, the skin in the field keeps its colour", 0.97, "of the step lost"
    ),
    "weak_press": FaultKind(
        "the press reaches a fraction of its pressure and blanches little", 0.72, "of the pressure lost"
    ),
    "slow_release": FaultKind("pressure falls in seconds instead of at once", 3.0, "s"),
    "partial_release": FaultKind("pressure stays at a part of the hold after release", 0.36, "of the hold"),
    "pressure_leak": FaultKind("pressure sags through the hold", 0.4, "of the hold lost by its end"),
    "no_pressure": FaultKind("the sensor's tube is off: it reads zero while the skin is pressed", 1.0, ""),
    "second_press": FaultKind("a short second press while the skin refills", 1.5, "s"),
    "moved": FaultKind("the hand shifts during the rise", 0.2, "of the field's width"),
    "edge_crossing": FaultKind("no blanch; the edge of an arm slides into the field, exponentially", 1.18, "s (tau)"),
    "hair": FaultKind("a dark hair wanders across the field", 0.02, "of the field's width thick"),
    "glare": FaultKind("a specular reflex lies in the field", 0.16, "of the field's width"),
    "light_step": FaultKind("a room lamp goes on during the rise", 0.25, "of the light added"),
    "flicker_100": FaultKind("mains light at twice 50.03 Hz", 0.35, "of the light"),
    "flicker_120": FaultKind("mains light at twice 60.03 Hz", 0.35, "of the light"),
    "saturation": FaultKind("exposure too long: red clips", 1.4, "of the exposure added"),
    "dark": FaultKind("exposure far too short", 0.97, "of the exposure lost"),
    "auto_exposure": FaultKind("the camera's gain adapts during the rise", 0.2, "of the gain lost"),
    "white_balance": FaultKind("red gain up and blue gain down during the rise", 0.1, "of the gain"),
    "dropped_frames": FaultKind("the frames of most of the rise are missing", 0.6, "refill times"),
    "repeated_frames": FaultKind("the camera hands out each picture of the rise several times", 6.0, "times"),
    "truncated": FaultKind("the recording ends during the rise", 0.5, "refill times after release"),
    "incomplete_refill": FaultKind("refill takes longer than the window", 1.5, "windows to 90 %"),
    "baseline_drift": FaultKind("the skin's colour drifts all along", 0.6, "of the step in 10 s"),
}


def fault_size(fault: str, scale: float) -> float:
    """Size of this fault at `scale` times its default."""
    return FAULTS[fault].size * scale
