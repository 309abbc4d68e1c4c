"""What a simulated press is asked to be: every number a caller may set, with its bounds."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from phantom.curves import KINDS, default_delay_s
from phantom.fault_table import FAULTS
from phantom.tones import TONES


class ImpossibleSpecError(ValueError):
    """The asked press cannot be simulated; the message says why in one line."""


# name: (lowest, highest, unit). Bounds are what the model can honour, not what is clinically sensible.
BOUNDS: Final[dict[str, tuple[float, float, str]]] = {
    "crt_s": (0.1, 30.0, "s"),
    "step_ln_g": (0.005, 0.7, "ln G"),
    "fps": (5.0, 240.0, "frames/s"),
    "width_px": (64, 1920, "px"),
    "height_px": (48, 1080, "px"),
    "seed": (0, 2**31 - 1, ""),
    "pulse": (0.0, 0.5, "of the step"),
    "respiration": (0.0, 0.3, "of the step"),
    "slow_wave": (0.0, 0.3, "of the step"),
    "drift": (-1.0, 1.0, "of the step in 10 s"),
    "noise": (0.0, 20.0, "times the nominal sensor"),
    "motion_px": (0.0, 20.0, "px"),
    "pre_s": (0.2, 60.0, "s"),
    "hold_s": (0.5, 30.0, "s"),
    "ramp_s": (0.05, 5.0, "s"),
    "release_s": (0.005, 5.0, "s"),
    "post_s": (0.2, 120.0, "s"),
    "delay_s": (0.0, 20.0, "s"),
    "pressure_kpa": (15.0, 60.0, "kPa"),
    "saturation": (0.0, 1.0, ""),
    "pulse_per_min": (30.0, 180.0, "1/min"),
    "fault_size": (0.0, 10.0, "times the default size"),
}


@dataclass(frozen=True)
class PressSpec:
    """One press and its camera. Units stand in the names and in `BOUNDS`; `check` says what is impossible."""

    crt_s: float = 2.4
    tone: str = "III"
    kind: str = "exp"
    step_ln_g: float = 0.25
    fps: float = 30.0
    width_px: int = 320
    height_px: int = 240
    seed: int = 0
    fault: str | None = None
    fault_size: float = 1.0
    pulse: float = 0.05
    respiration: float = 0.01
    slow_wave: float = 0.015
    drift: float = 0.0
    noise: float = 1.0
    motion_px: float = 0.4
    pre_s: float = 3.0
    ramp_s: float = 0.5
    hold_s: float = 10.0
    release_s: float = 0.06
    post_s: float | None = None
    delay_s: float | None = None
    pressure_kpa: float = 40.0
    saturation: float = 0.7
    pulse_per_min: float = 72.0

    @property
    def dead_time_s(self) -> float:
        """The asked delay, or the default of the kind."""
        return default_delay_s(self.kind, self.crt_s) if self.delay_s is None else self.delay_s

    @property
    def window_s(self) -> float:
        """Time watched after time zero: as asked, or 10 s and at least four refill times, within 60 s."""
        return min(max(10.0, 4.0 * self.crt_s), 60.0) if self.post_s is None else self.post_s

    def check(self) -> "PressSpec":
        """Return self; raises `ImpossibleSpecError` with every problem in one line."""
        problems = [*self._names_unknown(), *self._out_of_bounds()]
        if not problems:
            problems = self._contradictions()
        if problems:
            raise ImpossibleSpecError("; ".join(problems))
        return self

    def with_(self, **changes: Any) -> "PressSpec":
        """A copy with these fields changed."""
        return replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """Every field by its name, for the truth file."""
        return asdict(self)

    def _names_unknown(self) -> list[str]:
        known: list[tuple[str, str | None, tuple[str, ...]]] = [
            ("tone", self.tone, TONES),
            ("kind", self.kind, KINDS),
            ("fault", self.fault, (*FAULTS,)),
        ]
        return [
            f"{name} {value!r} is none of {', '.join(names)}"
            for name, value, names in known
            if value is not None and value not in names
        ]

    def _out_of_bounds(self) -> list[str]:
        problems = []
        for name, (low, high, unit) in BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and low <= value <= high):
                problems.append(f"{name} {value:g} is outside {low:g} to {high:g} {unit}".rstrip())
        return problems

    def _contradictions(self) -> list[str]:
        problems = []
        if self.dead_time_s > 0.9 * self.crt_s:
            problems.append(f"delay_s {self.dead_time_s:g} leaves no time to refill by crt_s {self.crt_s:g}")
        if self.release_s > self.hold_s:
            problems.append(f"release_s {self.release_s:g} is longer than hold_s {self.hold_s:g}")
        if self.width_px % 2 or self.height_px % 2:
            problems.append(f"width_px and height_px must be even, not {self.width_px}x{self.height_px}")
        return problems
