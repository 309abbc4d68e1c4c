"""The clocks of camera and pressure sensor: how late a frame is stamped against what the sensor says.

A press on the soft pad is seen by both: its dots spread as pressure rises and falls. What a frame shows is the mean of
its exposure: it is laid at its middle, half an exposure after the start that a stamp stands for. The shutter rolls:
the picture's middle row counts, and how long it is after the first is part of the delay, as it is for skin.
"""

import math
from typing import Final

import numpy as np

from calibration.camera_frames import Floats, TargetError, curve, outcome
from calibration.rig import Film, Pressed, Pressure
from calibration.step import COVERAGE_FACTOR, Bench
from calibration.timing_fit import Lag, lag_behind_light, lag_behind_pressure
from calibration.timing_looks import Dots, dots_seen, light_seen
from contract.certificate import Curve, Figure, StepName, StepOutcome

PRESSES: Final = 3
TARGET_KPA: Final = 40.0
HOLD_S: Final = 0.5
OFFSET_WITHIN_MS: Final = 10.0
"""A tenth of the least error that a refill time is allowed (0.10 s)."""
CORRECTED_FROM_MS: Final = 5.0
"""Less is left as it is: measuring it again would find another value."""
MOST_CORRECTED_MS: Final = 100.0
"""The bounds of `camera.delay_ms`."""
PAD_LAG_MS: Final = 3.0
"""A soft pad follows pressure at once to this; half of it is taken off."""
PAD_MODEL_MS: Final = 0.7
"""Standard uncertainty of what every press has in common: a pad bends and creeps as no model does, and dots lie on
pixels. From the spread of devices on the phantom."""
LEAST_EXPLAINED: Final = 0.97
LEAST_DARK, MOST_DARK = 0.003, 0.3
"""Shares of the picture that dots may cover."""
VALVE_MS: Final = (-10.0, 100.0)
"""When pressure begins to fall after the valve was told to open: before, by more than a sample, is another clock."""
EDGES: Final = 40
EDGE_EVERY_S: Final = 0.1603
"""No simple ratio to any frame interval: edges then fall everywhere within exposures."""
BRIGHT, DIM = 1.0, 0.3
LIGHT_EDGE_S: Final = 0.0005
"""How well it is known when the own light changes."""


def timing_offset(bench: Bench) -> StepOutcome:
    """Press the pad, follow its dots, and lay them over the pressure; with a light pin, look at the light too."""
    target_kpa = min(TARGET_KPA, 0.8 * bench.device.press_limits.pressure_kpa)
    bench.say(f"The pad is pressed {PRESSES} times.")
    presses = []
    for _ in range(PRESSES):
        # The probe takes so many a minute and no more, and the pad comes back slowly.
        bench.rig.wait(60.0 / bench.device.press_limits.presses_per_minute)
        presses.append(bench.rig.filmed_press(target_kpa, HOLD_S, dots_seen))
    exposure_s = bench.device.camera.lock.exposure_us / 1e6
    lags = [_pad_lag(pressed, film, exposure_s) for pressed, film in presses]
    offset_ms, u_ms = _combined(lags, presses[0][0].pressure)
    figures = [
        Figure(
            name="offset-ms",
            value=offset_ms,
            unit="ms",
            uncertainty=u_ms,
            at_least=-OFFSET_WITHIN_MS,
            at_most=OFFSET_WITHIN_MS,
        ),
        _valve(presses[0][0]),
    ]
    if bench.rig.has_light_pin:
        figures.append(_light(bench, exposure_s))
    wanted_ms = round(bench.device.camera.delay_ms + offset_ms, 1)
    correct = abs(offset_ms) > CORRECTED_FROM_MS and abs(wanted_ms) <= MOST_CORRECTED_MS
    return outcome(
        StepName.TIMING_OFFSET,
        figures,
        _curves(presses[0], lags[0], exposure_s),
        {"camera.delay_ms": wanted_ms} if correct else None,
    )


def _pad_lag(pressed: Pressed, film: Film, exposure_s: float) -> Lag:
    if pressed.faults:
        raise TargetError(f"The press was not clean: {pressed.faults[0]}.")
    if len(film.t_boot_ns) < 60 or len(pressed.pressure.t_boot_ns) < 60:
        raise TargetError("Too few frames or pressure samples came during the press.")
    dots = Dots.of(film.seen)
    dark = float(np.median(dots.share))
    if not LEAST_DARK < dark < MOST_DARK:
        raise TargetError("The pad's dots are not seen: lay it under the plate, dots up, and see that the light is on.")
    origin_ns = int(pressed.pressure.t_boot_ns[0])
    pressure_s = (pressed.pressure.t_boot_ns - origin_ns) / 1e9
    found = lag_behind_pressure(
        _middles_s(film, origin_ns, exposure_s), dots.spread_px, pressure_s, pressed.pressure.kpa
    )
    if found.explained < LEAST_EXPLAINED:
        raise TargetError("The dots did not follow the pressure: use the soft pad, and let nothing else move.")
    return found


def _middles_s(film: Film, origin_ns: int, exposure_s: float) -> Floats:
    return np.asarray((film.t_boot_ns - origin_ns) / 1e9 + 0.5 * exposure_s)


def _combined(lags: list[Lag], pressure: Pressure) -> tuple[float, float]:
    """Return the mean delay in ms, the pad's own taken off, and its expanded uncertainty.

    From the presses' scatter or their fits, whichever is more; the pad's lag (rectangular) and what its model
    leaves; when a sample was taken within its interval, which the samples around a release share.
    """
    delays_ms = np.array([1e3 * lag.delay_s for lag in lags])
    scatter = max(float(np.std(delays_ms, ddof=1)), 1e3 * float(np.mean([lag.u_s for lag in lags])))
    interval_ms = float(np.median(np.diff(pressure.t_boot_ns))) / 1e6
    sampled = 0.1 * interval_ms / math.sqrt(len(lags))
    u = math.hypot(scatter / math.sqrt(len(lags)), 0.5 * PAD_LAG_MS / math.sqrt(3.0), sampled, PAD_MODEL_MS)
    return float(delays_ms.mean()) - 0.5 * PAD_LAG_MS, COVERAGE_FACTOR * u


def _valve(pressed: Pressed) -> Figure:
    """Return when the pressure had fallen by a tenth after the valve was told to open."""
    t_ns, kpa = pressed.pressure.t_boot_ns, pressed.pressure.kpa
    held = (t_ns >= pressed.hold_ns) & (t_ns < pressed.valve_open_ns)
    level = float(np.median(kpa[held])) if held.any() else float(kpa.max())
    after = np.flatnonzero((t_ns > pressed.hold_ns) & (kpa < 0.9 * level))
    if len(after) == 0:
        raise TargetError("The pressure did not fall when the valve was opened.")
    last = max(int(after[0]) - 1, 0)
    share = (kpa[last] - 0.9 * level) / max(float(kpa[last] - kpa[last + 1]), 1e-9)
    fallen_ns = t_ns[last] + float(np.clip(share, 0.0, 1.0)) * (t_ns[last + 1] - t_ns[last])
    interval_ms = float(np.median(np.diff(t_ns))) / 1e6
    return Figure(
        name="valve-to-fall-ms",
        value=float(fallen_ns - pressed.valve_open_ns) / 1e6,
        unit="ms",
        uncertainty=COVERAGE_FACTOR * interval_ms / math.sqrt(12.0),
        at_least=VALVE_MS[0],
        at_most=VALVE_MS[1],
    )


def level_at(since_start_s: float) -> float:
    """Return how bright the own light is: bright and dim in turn, bright at first."""
    return BRIGHT if int(since_start_s / EDGE_EVERY_S) % 2 == 0 else DIM


def _light_so_far(at: Floats) -> Floats:
    """Return the integral of `level_at` from 0 on; before it the light was bright."""
    pair = (BRIGHT + DIM) * EDGE_EVERY_S
    pairs = np.floor(np.maximum(at, 0.0) / (2.0 * EDGE_EVERY_S))
    rest = np.maximum(at, 0.0) - pairs * 2.0 * EDGE_EVERY_S
    within = BRIGHT * np.minimum(rest, EDGE_EVERY_S) + DIM * np.maximum(rest - EDGE_EVERY_S, 0.0)
    return np.asarray(np.where(at < 0.0, BRIGHT * at, pairs * pair + within))


def _light(bench: Bench, exposure_s: float) -> Figure:
    """Return how late frames are against the own light's edges: the clock of the processor, without the sensor."""
    film, start_ns = bench.rig.filmed_light(level_at, EDGES * EDGE_EVERY_S, light_seen)
    start_s = (film.t_boot_ns - start_ns) / 1e9
    found = lag_behind_light(start_s, film.seen[:, 0], _light_so_far, exposure_s, LIGHT_EDGE_S)
    if found.explained < LEAST_EXPLAINED:
        raise TargetError("The picture did not follow the own light: see that `pins.light` is the light's.")
    return Figure(
        name="light-offset-ms",
        value=1e3 * found.delay_s,
        unit="ms",
        uncertainty=COVERAGE_FACTOR * 1e3 * found.u_s,
        at_least=-OFFSET_WITHIN_MS,
        at_most=OFFSET_WITHIN_MS,
    )


def _curves(press: tuple[Pressed, Film], lag: Lag, exposure_s: float) -> list[Curve]:
    """Return what the first press's release looked like: dots as seen, and as the pressure with the delay has them."""
    pressed, film = press
    at_s = _middles_s(film, pressed.valve_open_ns, exposure_s)
    near = np.abs(at_s) < 0.3
    spread = Dots.of(film.seen).spread_px[near]
    labels = ("time from the valve's opening, s", "spread of the dots, px")
    return [
        curve("dots-seen", at_s[near], spread, *labels),
        curve("dots-by-pressure", at_s[near], lag.fit[near], *labels),
    ]
