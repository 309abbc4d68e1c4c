"""Dark: what the camera shows without light (black level, noise, hot pixels), and what the plate itself reflects."""

from statistics import NormalDist
from typing import Final

import cv2
import numpy as np

from calibration.camera_frames import (
    Floats,
    Singles,
    TargetError,
    black_of,
    centre,
    figure_before,
    guarded,
    lock_of,
    mean_of,
    outcome,
    take,
)
from calibration.rig import Target
from calibration.step import COVERAGE_FACTOR, Bench, Step, Words
from contract.certificate import Figure, StepName, StepOutcome
from vision.tone import linear_to_srgb, srgb_to_linear

FRAMES: Final = 8
MOST_BLACK_PCT: Final = 0.4
"""Of full. Darkest skin gives about 3: a tenth of that shifts ln(G/R) by at most a few per cent of a step."""
CUT_OFF: Final = 0.002
"""Share of pixels at zero, from which on the mean is no longer that of the noise."""
MOST_HOT: Final = 20
HOT_ABOVE: Final = 0.03
LEVEL_OF_LIGHT: Final = 0.10
"""A capped camera never shows this much, whatever the plate reflects."""
UNEVEN_DARK: Final = 0.02
MOST_GLARE_PCT: Final = 0.1
GLARE_ABOVE: Final = 0.10
MOST_SPECULAR_PCT: Final = 2.0
"""Of white. It lies over the skin's light and takes as much off every change in it; crossed polarisers leave < 1."""
CAP_REFLECTS_PCT: Final = 0.3
"""Black velvet or flock: it cannot be told from what the plate reflects."""


def dark(bench: Bench) -> StepOutcome:
    """Measure black level and noise at the shortest exposure, where no light counts, and hot pixels at the full one."""
    lock = bench.device.camera.lock
    short = lock.model_copy(update={"exposure_us": bench.device.camera.mode.shortest_exposure_us})
    full = mean_of(take(bench, FRAMES, lock))
    _check_dark(full)
    levels = np.array([black_and_noise(frame) for frame in take(bench, FRAMES, short)])
    black, noise = levels.mean(axis=0)
    spread = levels.std(axis=0, ddof=1) / np.sqrt(FRAMES)
    # What little light the plate reflects at the shortest exposure is taken off by what it is at the full one.
    ratio = short.exposure_us / (lock.exposure_us - short.exposure_us) if lock.exposure_us > short.exposure_us else 0.0
    black -= ratio * (float(np.mean(full[:, :, 1])) - black)
    code = float(linear_to_srgb(np.array(max(black, 0.0))))
    step = float(np.diff(srgb_to_linear(np.array([code, code + 1.0])))[0])
    # Noise of less than a step does not blur what rounding does to the mean: half of its standard deviation is kept.
    black_u, noise_u = COVERAGE_FACTOR * np.hypot(spread, 0.5 * step / np.sqrt(12.0))
    hot = int(np.count_nonzero(_alone(full) > HOT_ABOVE))
    return outcome(
        StepName.CAMERA_DARK,
        [
            Figure(
                name="black-level-pct",
                value=100 * black,
                unit="%",
                uncertainty=100 * black_u,
                at_least=-MOST_BLACK_PCT,
                at_most=MOST_BLACK_PCT,
            ),
            Figure(name="dark-noise-pct", value=100 * noise, unit="%", uncertainty=100 * noise_u, at_most=0.5),
            Figure(name="dark-noise-gain", value=lock.analogue_gain),
            Figure(name="hot-pixels", value=hot, at_most=MOST_HOT),
        ],
    )


def black_and_noise(light: Singles) -> tuple[float, float]:
    """Return mean and standard deviation of dark green, linear, though what lies below zero was cut off.

    The share of pixels at or above each level, as a normal deviate, is a line over the level; where the cut-off mass
    lies does not matter to it.
    """
    green = light[:, :, 1].ravel()
    if np.count_nonzero(green <= 0.0) < CUT_OFF * green.size:
        return float(green.mean(dtype=float)), float(green.std(dtype=float))
    levels, counts = np.unique(green, return_counts=True)
    above = 1.0 - np.concatenate([[0.0], np.cumsum(counts)[:-1]]) / green.size
    between = np.concatenate([[levels[0]], 0.5 * (levels[1:] + levels[:-1])])
    kept = (above > 0.02) & (above < 0.98) & (np.arange(len(levels)) > 0)
    if np.count_nonzero(kept) < 2:
        return float(green.mean()), float(green.std())
    normal = NormalDist()
    deviates = np.array([normal.inv_cdf(1.0 - share) for share in above[kept]])
    sigma, mean = np.polyfit(deviates, between[kept].astype(float), 1)
    return float(mean), float(sigma)


def _check_dark(light: Floats) -> None:
    green = np.ascontiguousarray(light[:, :, 1])
    height, width = green.shape
    cells = np.array(
        [[np.percentile(c, 30) for c in np.array_split(row, 8, axis=1)] for row in np.array_split(green, 6)]
    )
    if np.median(green) > LEVEL_OF_LIGHT:
        raise TargetError("Light reaches the camera: put the dark cap under the plate, and nothing else.")
    if float(cells.max() - cells.min()) > UNEVEN_DARK:
        raise TargetError(
            f"The dark is uneven over {width} x {height} px: put the dark cap on, so that no room light enters."
        )


def _alone(light: Floats) -> Floats:
    """Return by how much a pixel's green stands above its neighbours' median."""
    green = np.ascontiguousarray(light[:, :, 1], dtype=np.float32)
    return np.asarray(green - cv2.medianBlur(green, 5), dtype=float)


def glare(bench: Bench) -> StepOutcome:
    """Measure what plate and cover reflect of the own light, as shares of white: a spot, and a haze over all."""
    white_pct = figure_before(bench, StepName.CAMERA_LOCK, "white-level-pct")
    if white_pct is None:
        raise TargetError("The white level is not known: do the step of exposure and white balance first.")
    lock = lock_of(bench)
    exposed = [figure_before(bench, StepName.CAMERA_LOCK, name) or 1.0 for name in ("exposure-us", "analogue-gain")]
    # A lock that did not pass is not in force: white is then as bright as the one in force shows it.
    white = white_pct / 100.0 * lock.exposure_us * lock.analogue_gain / (exposed[0] * exposed[1])
    frames = take(bench, FRAMES, lock)
    light = mean_of(frames)
    _check_dark(light)
    black = black_of(bench)
    share = 100.0 * (cv2.medianBlur(np.ascontiguousarray(light[:, :, 1], dtype=np.float32), 5) - black) / white
    middle = float(np.median(centre(share)))
    by_frame = np.array([np.median(centre(frame)[:, :, 1]) for frame in frames])
    u = float(np.hypot(100.0 / white * np.std(by_frame) / np.sqrt(FRAMES), 0.5 * CAP_REFLECTS_PCT))
    peak = float(share.max()) - middle
    spot = 100.0 * float(np.mean(share > middle + 100.0 * GLARE_ABOVE))
    return outcome(
        StepName.CAMERA_GLARE,
        [
            Figure(name="glare-area-pct", value=spot, unit="%", at_most=MOST_GLARE_PCT),
            Figure(name="glare-peak-pct", value=peak, unit="%", uncertainty=1.0 + 0.08 * abs(peak)),
            Figure(
                name="specular-share-pct",
                value=middle,
                unit="%",
                uncertainty=COVERAGE_FACTOR * u,
                at_most=MOST_SPECULAR_PCT,
            ),
        ],
    )


DARK: Final = Step(
    StepName.CAMERA_DARK,
    Target.DARK_CAP,
    Words("Camera: dark", "Caméra : noir"),
    Words("Put the dark cap under the plate.", "Placez le capuchon noir sous la plaque."),
    guarded(StepName.CAMERA_DARK, dark),
)
GLARE: Final = Step(
    StepName.CAMERA_GLARE,
    Target.DARK_CAP,
    Words("Camera: reflections and polariser", "Caméra : reflets et polariseur"),
    Words(
        "Put the dark cap under the plate, with the light on.",
        "Placez le capuchon noir sous la plaque, lumière allumée.",
    ),
    guarded(StepName.CAMERA_GLARE, glare),
)
