"""The fast way: region-mean camera values of a press without any pixels, for accuracy ladders (thousands a minute)."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from phantom.camera import Sensor, srgb_encode
from phantom.disturbance import ARM_OVER_SKIN, HAIR_LN, Disturbance
from phantom.geometry import blanched_area
from phantom.plan import Plan, plan
from phantom.pressure import sensor_series
from phantom.schedule import end_s, schedule
from phantom.spec import PressSpec
from phantom.streams import stream
from phantom.truth import truth

Floats = NDArray[np.float64]

REGION_PX = 80
SPREAD_LN = 0.03  # RMS of texture and light over a region, in ln
GLARE_AREA = 0.6  # of the square round the reflex, what it whitens
# Gauss-Hermite nodes and weights of a normal spread, five points.
_NODES = np.array([-2.85697001, -1.35562618, 0.0, 1.35562618, 2.85697001])
_WEIGHTS = np.array([0.01125741, 0.22207592, 0.53333333, 0.22207592, 0.01125741])


@dataclass(frozen=True)
class SimulatedTrace:
    """Means over a square region inside the blanched disc, one row a frame; the pressure on its own times."""

    time_s: Floats
    rgb_linear: Floats  # (frames, 3), 0 to 1: mean of linear pixel values, as a histogram and a table would give
    rgb_encoded: Floats  # (frames, 3), 0 to 255: mean of 8-bit pixel values
    surround_rgb_linear: Floats  # (frames, 3): as many pixels of the skin around, which the press does not reach
    pressure_time_s: Floats
    pressure_kpa: Floats
    truth: dict[str, Any]


class _Region(NamedTuple):
    """Which pixels a mean is of: a name that picks their noise, the picture that each frame shows, the side in px."""

    name: str
    shows: NDArray[np.intp]
    side_px: int


def simulate(spec: PressSpec, region_px: int = REGION_PX) -> SimulatedTrace:
    """Play one press; raises `ImpossibleSpecError`. `region_px`, the region's side, sets the noise of its mean."""
    made = plan(spec)
    times = schedule(made)
    seen_s = times.times_s[times.shows]
    played = made.play(seen_s)
    disturbance = Disturbance(made)
    gains = disturbance.ln_gains(played.since_release_s)
    skin = np.exp(_skin(made, seen_s, played.blood, played.since_release_s, region_px) + gains)
    light = _light_factor(made, disturbance, seen_s, played.since_release_s, region_px)
    linear, encoded = _expose(made, skin * light, _Region("region", times.shows, region_px))
    flicker = disturbance.flicker(seen_s, np.linspace(0.0, 1.0, 32)).mean(axis=1)[:, None]
    around = np.exp(_surround(made, seen_s) + gains) * flicker
    surround, _ = _expose(made, around, _Region("surround", times.shows, region_px))
    pressure_s, pressure_kpa = sensor_series(spec, end_s(made))
    return SimulatedTrace(times.times_s, linear, encoded, surround, pressure_s, pressure_kpa, truth(made))


def _skin(made: Plan, t_s: Floats, blood: Floats, since_s: Floats, region_px: int) -> Floats:
    """ln of linear R, G, B of the region, (frames, 3), the hand's motion over texture and disc included."""
    drift = made.drift_per_s * t_s
    inside = made.ln_camera_rgb(made.living_volume(t_s, made.in_field(blood)) + drift)
    shift_px = made.motion.shift_px(t_s)[:, 0] + Disturbance(made).shift_px(since_s)
    chance = stream(made.spec.seed, "region")
    slope_per_px = chance.normal(0.0, 0.25 * SPREAD_LN / region_px)
    skin = inside + slope_per_px * np.clip(shift_px, -region_px, region_px)[:, None]
    if made.fault != "moved":
        return np.asarray(skin)
    around = _surround(made, t_s)
    share = _disc_share(made, shift_px, region_px)[:, None]
    return np.asarray(skin + (1.0 - share) * (around - inside))


def _surround(made: Plan, t_s: Floats) -> Floats:
    """ln of linear R, G, B of skin that the press does not reach, (frames, 3)."""
    return made.ln_camera_rgb(made.surrounding_volume(t_s) + made.drift_per_s * t_s)


def _disc_share(made: Plan, shift_px: Floats, region_px: int) -> Floats:
    """Mean depth of the blanched disc over the region once the hand has shifted along x."""
    area = blanched_area(made.spec)
    steps = (np.arange(12) + 0.5) / 12 * region_px - 0.5 * region_px
    x, y = np.meshgrid(area.x_px + steps, area.y_px + steps)
    return np.asarray(area.depth(x - shift_px[:, None, None], y).mean(axis=(1, 2)))


def _light_factor(made: Plan, disturbance: Disturbance, t_s: Floats, since_s: Floats, region_px: int) -> Floats:
    """Factor of flicker, arm and hair on the region's mean linear value, (frames, 3)."""
    area, height_px = blanched_area(made.spec), made.spec.height_px
    rows = (area.y_px + np.linspace(-0.5, 0.5, 32) * region_px) / height_px
    factor = disturbance.flicker(t_s, rows).mean(axis=1)[:, None] * np.ones(3)
    columns = area.x_px + np.linspace(-0.5, 0.5, 64) * region_px
    if made.fault == "edge_crossing":
        covered = disturbance.covered(since_s, columns)[:, :, None]
        factor = factor * np.exp(covered * ARM_OVER_SKIN).mean(axis=1)
    if made.fault == "hair":
        away_px = np.abs(disturbance.hair_px(t_s) - area.x_px)
        part = np.clip((0.5 * region_px - away_px) / (made.size * made.spec.width_px) + 0.5, 0.0, 1.0)
        part = part * min(made.size * made.spec.width_px / region_px, 1.0)
        factor = factor * (1.0 - part * (1.0 - np.exp(HAIR_LN)))[:, None]
    return np.asarray(factor)


def _expose(made: Plan, linear: Floats, region: _Region) -> tuple[Floats, Floats]:
    """Means over the region of linear and of 8-bit values, with the noise that so many pixels leave."""
    sensor = Sensor(made.gain, made.spec.noise)
    sigma = sensor.sigma_linear(linear)
    spread = np.sqrt((SPREAD_LN * linear) ** 2 + sigma**2)
    points = np.clip(linear[..., None] + spread[..., None] * _NODES, 0.0, 1.0)
    mean_linear, mean_encoded = points @ _WEIGHTS, 255.0 * (srgb_encode(points) @ _WEIGHTS)
    if made.fault == "glare" and region.name == "region":
        lost = min((made.size * made.spec.width_px / region.side_px) ** 2 * GLARE_AREA, 1.0)
        mean_linear = (1.0 - lost) * mean_linear + lost
        mean_encoded = (1.0 - lost) * mean_encoded + lost * 255.0
    slope = (srgb_encode(linear + 1e-4) - srgb_encode(linear - 1e-4)) / 2e-4
    chance = stream(made.spec.seed, f"{region.name} noise").standard_normal((2, *linear.shape))[:, region.shows]
    of_mean = sigma * np.where(linear < 1.0, 1.0, 0.0) / region.side_px
    rounding = np.sqrt(1.0 / 12.0) / region.side_px * chance[1]
    noisy_linear = mean_linear + of_mean * chance[0] + rounding / np.maximum(255.0 * slope, 1.0)
    noisy_encoded = mean_encoded + 255.0 * slope * of_mean * chance[0] + rounding
    return np.clip(noisy_linear, 0.0, 1.0), np.clip(noisy_encoded, 0.0, 255.0)
