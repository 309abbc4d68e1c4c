"""Which figure of a calibration answers which hidden truth of a simulated device, and which figure tells which error.

The one table for all areas; what is known of the probe stands in `phantom.bench.probe_truth`. A figure may be spoiled
by an error that is not its own: a bent response is no measure of a flicker. The step of that error tells it, and what
the spoiled figures say is counted apart.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from calibration.light_warm_up import COOL_S, settles_s
from contract.certificate import Figure, StepName, StepOutcome
from firmware_config.device import DeviceConfig
from phantom.bench.errors import Errors
from phantom.bench.light_errors import LightErrors
from phantom.bench.picture_errors import PictureErrors
from phantom.bench.pictures import PAPER, VELVET
from phantom.bench.probe_truth import FINDS as PROBE_FINDS
from phantom.bench.probe_truth import TRUTHS as PROBE_TRUTHS
from phantom.bench.rig import HEIGHT_PX, WIDTH_PX, SimulatedRig

S = StepName
PIXEL_PX: Final = 1.0 / math.sqrt(12.0)
"""Standard deviation of a pixel's own width: it blurs as well."""
PLATE_RADIUS_MM: Final = 6.18
WAVE_S: Final = 30.0
"""Over which the light's drift is told."""
COUNT_WITHIN: Final = 2.0
"""Pixels: two side by side, or a place drawn twice, may be counted as one."""
Named = tuple[StepName, str]
Truth = Callable[[DeviceConfig, Errors], float]


@dataclass(frozen=True)
class Known:
    """The truth of one figure, in its unit, and the errors of other steps that spoil it."""

    truth: Truth
    spoiled_by: frozenset[str] = frozenset()


def ln_range(errors: PictureErrors) -> float:
    """Return ln(G/R) from border to border, in the camera's own colours."""
    half = 0.5 * errors.colour_shading
    ratios = []
    for side in (-1.0, 1.0):
        red, green, _ = np.array(errors.matrix) @ np.exp([-half * side, half * side, 0.0])
        ratios.append(np.log(green / red))
    return float(abs(ratios[1] - ratios[0]))


def crosstalk(errors: PictureErrors) -> float:
    """Return the largest share of one colour in another."""
    matrix = np.array(errors.matrix)
    return float(np.abs(matrix - np.diag(np.diag(matrix))).max())


def specular(errors: PictureErrors) -> float:
    """Return what the cap and the plate before it show, as a share of white."""
    return (errors.haze + VELVET / PAPER) / (1.0 + errors.haze)


def cold_excess(light: LightErrors) -> float:
    """Return how much brighter all the light is, after two minutes in the dark."""
    return float(light.cold_excess * (1.0 - np.exp(-COOL_S / light.warm_up_s)) / (1.0 + light.ambient))


def flickering(light: LightErrors, hz: float) -> float:
    """Return the amplitude of a flicker at about `hz`, over all the light."""
    if abs(2.0 * light.mains_hz - hz) > 10.0:
        return 0.0
    return (light.own_flicker + light.ambient * light.room_flicker) / (1.0 + light.ambient)


def wandering(light: LightErrors) -> float:
    """Return the largest change of a slow wave within an observation."""
    return float(2.0 * light.wander / (1.0 + light.ambient) * np.sin(np.pi * WAVE_S / light.wander_s))


def interval_ms(device: DeviceConfig, errors: Errors) -> float:
    """Return how far apart frames are by their stamps."""
    timing = errors.timing
    return 1e3 / device.camera.fps * (1.0 + timing.interval_pct / 100.0) * (1.0 + timing.clock_pct / 100.0)


def stamped_late_ms(device: DeviceConfig, errors: Errors) -> float:
    """Return how much later a frame is stamped than its middle row begins to be exposed.

    Against the pressure sensor the sensor's own lag is taken off: what a press is timed by is late by that, too.
    """
    return errors.timing.delay_ms - device.camera.delay_ms - SimulatedRig(device, errors).middle_ns / 1e6


def _probe(named: Named) -> Truth:
    own = PROBE_TRUTHS[named]
    return lambda device, errors: own(device, errors.probe)


def _matrix(row: int, column: int) -> Truth:
    # Colours are told over paper, and what the plate reflects lies over both.
    return lambda _, errors: errors.pictures.matrix[row][column] / (1.0 + errors.pictures.haze)


ON_THE_LINE: Final = frozenset({"bow", "hysteresis", "drift"})
"""A bent, wide or moving line has no one gain."""
BENT: Final = frozenset({"tone_curve"})
SPOT: Final = frozenset({"glare"})
MIXED: Final = SPOT | {"polariser", "blur"}
"""What the plate reflects lies over every colour, and a blur mixes neighbours."""
STANDING: Final = frozenset({"flicker", "room_flicker", "ambient"})
"""Bands of a flicker are in the pictures: a lamp of the room flickers as well."""
CLOCK: Final = frozenset({"clock"})
"""Nothing can be timed by stamps that run at another rate."""

_SPOILED: Final[dict[Named, frozenset[str]]] = {
    (S.PRESSURE_SPAN, "gain-error-pct"): ON_THE_LINE,
    (S.PRESSURE_SPAN, "line-offset-kpa"): ON_THE_LINE,
    (S.PRESSURE_SPAN, "nonlinearity-pct"): frozenset({"hysteresis", "drift"}),
    (S.PRESSURE_SPAN, "hysteresis-pct"): frozenset({"bow", "drift"}),
}

KNOWN: Final[dict[Named, Known]] = {
    **{named: Known(_probe(named), _SPOILED.get(named, frozenset())) for named in PROBE_TRUTHS},
    (S.LIGHT_WARM_UP, "settles-s"): Known(
        lambda _, e: settles_s(cold_excess(e.light), e.light.warm_up_s), BENT | STANDING | {"wander"}
    ),
    (S.LIGHT_WARM_UP, "cold-excess-pct"): Known(
        lambda _, e: 100.0 * cold_excess(e.light), BENT | STANDING | {"wander", "black"}
    ),
    (S.LIGHT_AMBIENT, "ambient-pct"): Known(
        lambda _, e: 100.0 * e.light.ambient / (1.0 + e.light.ambient), BENT | STANDING
    ),
    (S.LIGHT_FLICKER, "flicker-100-pct"): Known(lambda _, e: 100.0 * flickering(e.light, 100.0), BENT | CLOCK | SPOT),
    (S.LIGHT_FLICKER, "flicker-120-pct"): Known(lambda _, e: 100.0 * flickering(e.light, 120.0), BENT | CLOCK | SPOT),
    (S.LIGHT_FLICKER, "mains-hz"): Known(lambda _, e: e.light.mains_hz, CLOCK),
    (S.CAMERA_DARK, "black-level-pct"): Known(lambda _, e: 100.0 * e.pictures.black_level, SPOT),
    (S.CAMERA_LINEARITY, "response-power"): Known(lambda _, e: e.pictures.response_power, STANDING | SPOT),
    (S.CAMERA_NOISE, "full-well-e"): Known(lambda _, e: e.pictures.full_well_e, BENT | STANDING | SPOT),
    (S.CAMERA_NOISE, "read-noise-e"): Known(lambda _, e: e.pictures.read_noise_e, BENT | STANDING | SPOT),
    (S.CAMERA_FLAT_FIELD, "falloff-pct"): Known(
        lambda _, e: 100.0 * (1.0 - math.exp(-e.pictures.vignette)), BENT | SPOT | STANDING
    ),
    (S.CAMERA_FLAT_FIELD, "green-red-range-pct"): Known(
        lambda _, e: 100.0 * ln_range(e.pictures), BENT | SPOT | STANDING
    ),
    (S.CAMERA_COLOUR, "camera12"): Known(_matrix(0, 1), BENT | MIXED),
    (S.CAMERA_COLOUR, "camera22"): Known(_matrix(1, 1), BENT | MIXED),
    (S.CAMERA_COLOUR, "camera33"): Known(_matrix(2, 2), BENT | MIXED),
    (S.CAMERA_GLARE, "specular-share-pct"): Known(lambda _, e: 100.0 * specular(e.pictures), BENT | SPOT),
    (S.SCALE, "px-per-mm"): Known(lambda _, e: e.pictures.px_per_mm),
    (S.SCALE, "turn-deg"): Known(lambda _, e: e.pictures.turn_deg),
    (S.SCALE, "plate-x-px"): Known(
        lambda _, e: 0.5 * (WIDTH_PX - 1) + e.pictures.px_per_mm * e.pictures.plate_off_mm[0], SPOT
    ),
    (S.SCALE, "plate-y-px"): Known(
        lambda _, e: 0.5 * (HEIGHT_PX - 1) + e.pictures.px_per_mm * e.pictures.plate_off_mm[1], SPOT
    ),
    (S.SCALE, "plate-area-mm2"): Known(lambda _, __: math.pi * PLATE_RADIUS_MM**2, SPOT),
    (S.FOCUS, "blur-px"): Known(lambda _, e: math.hypot(e.pictures.blur_px, PIXEL_PX), SPOT),
    (S.TIMING_FRAMES, "interval-ms"): Known(interval_ms),
    (S.TIMING_FRAMES, "jitter-ms"): Known(lambda _, e: e.timing.jitter_ms),
    (S.TIMING_FRAMES, "dropped-pct"): Known(lambda _, e: 100.0 * e.timing.dropped_share),
    (S.TIMING_FRAMES, "repeated-pct"): Known(lambda _, e: 100.0 * e.timing.repeated_share),
    (S.TIMING_OFFSET, "offset-ms"): Known(lambda d, e: stamped_late_ms(d, e) - 1e3 * e.probe.sensor_lag_s, CLOCK),
    (S.TIMING_OFFSET, "light-offset-ms"): Known(stamped_late_ms, CLOCK),
    (S.END_TO_END, "stamps-rate-pct"): Known(lambda _, e: e.timing.clock_pct),
    (S.END_TO_END, "error-1500-ms"): Known(lambda _, e: 15.0 * e.timing.clock_pct),
    (S.END_TO_END, "error-4000-ms"): Known(lambda _, e: 40.0 * e.timing.clock_pct),
}
"""Step and figure to the truth that every device has."""

OF_AN_ERROR: Final[dict[Named, Known]] = {
    (S.CAMERA_COLOUR, "crosstalk-pct"): Known(lambda _, e: 100.0 * crosstalk(e.pictures)),
    (S.CAMERA_GLARE, "glare-peak-pct"): Known(lambda _, e: 100.0 * e.pictures.glare),
    (S.CAMERA_DARK, "hot-pixels"): Known(lambda _, e: float(e.pictures.hot_pixels)),
    (S.CAMERA_FLAT_FIELD, "dead-pixels"): Known(lambda _, e: float(e.pictures.dead_pixels)),
    (S.LIGHT_WARM_UP, "drift-30s-pct"): Known(lambda _, e: 100.0 * wandering(e.light), BENT),
}
"""Figures that are a size only where the error is there: the largest of several that are all small is none."""

FINDS: Final[dict[str, tuple[Named, ...]]] = {
    **{error: (named,) for error, named in PROBE_FINDS.items()},
    "flicker": ((S.LIGHT_FLICKER, "flicker-100-pct"), (S.LIGHT_FLICKER, "flicker-120-pct")),
    "room_flicker": ((S.LIGHT_FLICKER, "flicker-100-pct"), (S.LIGHT_FLICKER, "flicker-120-pct")),
    "ambient": ((S.LIGHT_AMBIENT, "ambient-pct"),),
    "slow_warm_up": ((S.LIGHT_WARM_UP, "settles-s"), (S.LIGHT_WARM_UP, "cold-excess-pct")),
    "wander": ((S.LIGHT_WARM_UP, "drift-30s-pct"),),
    "black": ((S.CAMERA_DARK, "black-level-pct"),),
    "tone_curve": ((S.CAMERA_LINEARITY, "response-power"),),
    "vignette": ((S.CAMERA_FLAT_FIELD, "falloff-pct"),),
    "shading": ((S.CAMERA_FLAT_FIELD, "green-red-range-pct"),),
    "colour_matrix": ((S.CAMERA_COLOUR, "crosstalk-pct"),),
    "blur": ((S.FOCUS, "blur-px"),),
    "glare": ((S.CAMERA_GLARE, "glare-peak-pct"),),
    "polariser": ((S.CAMERA_GLARE, "specular-share-pct"),),
    "pixels": ((S.CAMERA_DARK, "hot-pixels"), (S.CAMERA_FLAT_FIELD, "dead-pixels")),
    "delay": ((S.TIMING_OFFSET, "offset-ms"),),
    "interval": ((S.TIMING_FRAMES, "interval-ms"),),
    "jitter": ((S.TIMING_FRAMES, "jitter-ms"),),
    "dropped": ((S.TIMING_FRAMES, "dropped-pct"),),
    "repeated": ((S.TIMING_FRAMES, "repeated-pct"),),
    "clock": ((S.END_TO_END, "stamps-rate-pct"),),
}
"""The step and the figures that have to tell each hidden error, with its size."""


def figure_of(outcome: StepOutcome, name: str) -> Figure | None:
    """Return a figure of an outcome, None where it was not measured."""
    return next((figure for figure in outcome.figures if figure.name == name), None)


def off_by(figure: Figure, true: float) -> float:
    """Return how far a figure is from its truth, over its stated uncertainty; a count may be off by `COUNT_WITHIN`."""
    return (figure.value - true) / (COUNT_WITHIN if figure.uncertainty is None else max(figure.uncertainty, 1e-12))
