"""A spec worked out: the numbers that recording, trace and live scene share once the fault has had its say."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from phantom.curves import Recovery
from phantom.fault_table import fault_size
from phantom.optics import MAX_BLOOD, SkinTable, skin_table
from phantom.physiology import HandMotion, Physiology, rhythm_share
from phantom.pressure import pressure_nodes
from phantom.skin import BloodSeries, LiveSkin, blood_series
from phantom.spec import ImpossibleSpecError, PressSpec

Floats = NDArray[np.float64]

SETTLED_RED = 0.48  # linear, of full scale: the exposure brings settled skin's brightest channel here
LIGHTEST = "I"
MIN_BLOOD = 1e-4
SURROUND_SHARE, SURROUND_LAG_S = 0.8, 0.04


@dataclass(frozen=True)
class Plan:
    """One press, ready to be played. `size` is the fault's size, 0 without a fault."""

    spec: PressSpec
    size: float
    blood_pair: tuple[float, float]  # blanched and settled blood fraction of the dermis

    @property
    def fault(self) -> str | None:
        """Name of the fault, if any."""
        return self.spec.fault

    @cached_property
    def table(self) -> SkinTable:
        """Colour against blood for this tone."""
        return skin_table(self.spec.tone, self.spec.saturation)

    @cached_property
    def recovery(self) -> Recovery:
        """The refill curve; an incomplete refill is a slower one."""
        spec = self.spec
        crt_s = max(self.size * spec.window_s, spec.crt_s) if self.fault == "incomplete_refill" else spec.crt_s
        return Recovery(spec.kind, crt_s, spec.dead_time_s)

    @property
    def depth(self) -> float:
        """Share of the asked step that a full press reaches."""
        if self.fault == "edge_crossing":
            return 0.0
        return max(1.0 - self.size, 0.0) if self.fault == "no_blanch" else 1.0

    @property
    def drift_per_s(self) -> float:
        """Drift of blood volume, of the step, per second."""
        return (self.spec.drift + (self.size if self.fault == "baseline_drift" else 0.0)) / 10.0

    @cached_property
    def gain(self) -> float:
        """Camera gain against the one that suits the lightest skin: a darker skin is lifted to the same red level."""
        settled = float(self.table.ln_linear_rgb(self.blood_pair[1])[0])
        lightest = skin_table(LIGHTEST, self.spec.saturation)
        return float(np.exp(float(lightest.ln_linear_rgb(lightest.blanch_pair(self.spec.step_ln_g)[1])[0]) - settled))

    @cached_property
    def ln_exposure(self) -> float:
        """ln of the factor from reflectance to linear camera value, fixed through the recording."""
        exposure = float(np.log(SETTLED_RED) - self.table.ln_linear_rgb(self.blood_pair[1])[0])
        if self.fault == "saturation":
            return exposure + float(np.log1p(self.size))
        if self.fault == "dark":
            return exposure + float(np.log(max(1.0 - self.size, 1e-3)))
        return exposure

    @cached_property
    def physiology(self) -> Physiology:
        """The subject's rhythms."""
        spec = self.spec
        return Physiology(spec.seed, spec.pulse, spec.respiration, spec.slow_wave, spec.pulse_per_min)

    @cached_property
    def motion(self) -> HandMotion:
        """The hand's movement."""
        return HandMotion(self.spec.seed, self.spec.motion_px)

    def new_skin(self) -> LiveSkin:
        """A fresh skin, wholly blanched from half of the asked pressure up."""
        return LiveSkin(self.recovery, 0.5 * self.spec.pressure_kpa)

    def play(self, times_s: Floats) -> BloodSeries:
        """Blood volume at these times under the ideal press."""
        return blood_series(self.new_skin(), *pressure_nodes(self.spec), times_s)

    def in_field(self, blood: Floats | float) -> Floats:
        """Relative blood volume in the camera's field: the pressed skin's, if that is where the press acts."""
        return np.asarray(1.0 - self.depth * (1.0 - np.asarray(blood)))

    def blood_fraction(self, volume: Floats | float) -> Floats:
        """Blood fraction of the dermis at relative blood volume (0 blanched, 1 settled), held to the table."""
        blanched, settled = self.blood_pair
        return np.clip(blanched + (settled - blanched) * np.asarray(volume), MIN_BLOOD, MAX_BLOOD)

    def living_volume(self, t_s: Floats | float, volume: Floats | float) -> Floats:
        """Relative blood volume with pulse, respiration and slow wave on top; drift is the caller's to add."""
        return np.asarray(volume + rhythm_share(volume) * self.physiology.rhythms(t_s))

    def surrounding_volume(self, t_s: Floats | float) -> Floats:
        """Relative blood volume of the skin around the press: its rhythms are a little weaker and later."""
        late_s = np.asarray(t_s, dtype=float) - SURROUND_LAG_S
        return np.asarray(1.0 + SURROUND_SHARE * self.physiology.rhythms(late_s))

    def ln_camera_rgb(self, volume: Floats | float) -> Floats:
        """ln of linear camera R, G, B of skin at this relative blood volume, shape (..., 3)."""
        return self.table.ln_linear_rgb(self.blood_fraction(volume)) + self.ln_exposure


def plan(spec: PressSpec) -> Plan:
    """Work a spec out; raises `ImpossibleSpecError`."""
    spec.check()
    try:
        pair = skin_table(spec.tone, spec.saturation).blanch_pair(spec.step_ln_g)
    except ValueError as error:
        raise ImpossibleSpecError(f"step_ln_g: {error} (tone {spec.tone})") from error
    return Plan(spec, fault_size(spec.fault, spec.fault_size) if spec.fault else 0.0, pair)
