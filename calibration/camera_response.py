"""Linearity and noise of the camera, by a series of exposures on white (EMVA 1288, release 4.0, methods II and III)."""

from itertools import pairwise
from typing import Final

import numpy as np

from calibration.camera_frames import (
    Floats,
    Singles,
    TargetError,
    black_of,
    centre,
    check_white,
    curve,
    figure_before,
    guarded,
    lights,
    lock_of,
    mean_of,
    outcome,
)
from calibration.rig import Target
from calibration.step import COVERAGE_FACTOR, Bench, Step, Words
from contract.certificate import Figure, StepName, StepOutcome
from vision.tone import linear_to_srgb, srgb_to_linear

SHARES: Final = (0.12, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0)
"""Of the locked exposure."""
FRAMES: Final = 5
MOST_RESIDUAL_PCT: Final = 1.0
"""Of full: ln(G/R) of skin is then wrong by a per cent of a step at most."""
MOST_POWER_ERROR: Final = 0.02
LEAST_ELECTRONS: Final = 2500.0
MOST_READ_NOISE_E: Final = 15.0
LIGHT_KEEPS: Final = 0.001
"""Relative standard uncertainty of the light and of the exposure's steps between two levels of the series."""


def series(bench: Bench) -> tuple[Floats, list[list[Singles]]]:
    """Return exposures in us, shape (n,), as the camera took them, and the frames of each; the longest checked."""
    lock = lock_of(bench)
    shortest = bench.device.camera.mode.shortest_exposure_us
    exposures, frames = [], []
    for share in sorted({max(shortest, round(share * lock.exposure_us)) for share in SHARES}):
        asked = lock.model_copy(update={"exposure_us": share})
        pictures = bench.rig.pictures(FRAMES, asked)
        exposures.append(float(pictures.lock.exposure_us))
        frames.append(lights(pictures))
    if len(exposures) < 4:
        raise TargetError(
            "The locked exposure is too short for a series: do the step of exposure and white balance first."
        )
    check_white(mean_of(frames[-1]))
    return np.array(exposures), frames


def linearity(bench: Bench) -> StepOutcome:
    """Fit green against exposure, by a line and by a power: what is left of a tone curve bends it."""
    exposures, frames = series(bench)
    levels = np.array([[np.mean(centre(frame)[:, :, 1]) for frame in at] for at in frames])
    x, y = exposures / exposures[-1], levels.mean(axis=1)
    u = np.hypot(levels.std(axis=1, ddof=1) / np.sqrt(FRAMES), LIGHT_KEEPS * y)
    slope, offset = np.polyfit(x, y, 1, w=1.0 / u)
    residuals = (y - offset - slope * x) / y[-1]
    found, covariance = power_law(x, y, u)
    spread = np.sqrt(np.diag(covariance))
    worst = float(np.abs(residuals).max())
    return outcome(
        StepName.CAMERA_LINEARITY,
        [
            Figure(
                name="nonlinearity-pct",
                value=100 * worst,
                unit="%",
                uncertainty=100 * COVERAGE_FACTOR * float(u.max() / y[-1]),
                at_most=MOST_RESIDUAL_PCT,
            ),
            Figure(
                name="response-power",
                value=float(found[2]),
                uncertainty=COVERAGE_FACTOR * float(spread[2]),
                at_least=1.0 - MOST_POWER_ERROR,
                at_most=1.0 + MOST_POWER_ERROR,
            ),
            Figure(
                name="offset-pct", value=100 * float(found[0]), unit="%", uncertainty=100 * COVERAGE_FACTOR * spread[0]
            ),
        ],
        [
            curve("response", exposures, y, "exposure, us", "linear level of green"),
            curve("residuals", exposures, 100 * residuals, "exposure, us", "off the line, % of largest"),
        ],
    )


def power_law(x: Floats, y: Floats, u: Floats) -> tuple[Floats, Floats]:
    """Fit `y = b + a x^p` by Gauss-Newton, weights 1/u²; x in (0, 1]. Returns b, a, p and their covariance (3, 3)."""
    found = np.array([0.0, y[-1], 1.0])
    for _ in range(20):
        raised = x ** found[2]
        slopes = np.stack([np.ones_like(x), raised, found[1] * raised * np.log(x)], axis=1) / u[:, None]
        change = np.linalg.lstsq(slopes, (y - found[0] - found[1] * raised) / u, rcond=None)[0]
        found = found + change
        if np.abs(change).max() < 1e-9:
            break
    return found, np.asarray(np.linalg.inv(slopes.T @ slopes), dtype=float)


def noise(bench: Bench) -> StepOutcome:
    """Photon transfer: variance over time against the mean; its slope is one electron's share of full."""
    _, frames = series(bench)
    black = black_of(bench)
    points = np.array([transfer(at) for at in frames])
    mean, variance = points[:, 0] - black, points[:, 1]
    count = centre(frames[0][0]).shape[0] * centre(frames[0][0]).shape[1] * (FRAMES - 1)
    weight = 1.0 / (variance * np.sqrt(2.0 / count))
    terms = np.stack([mean, np.ones_like(mean)], axis=1) * weight[:, None]
    slope, floor = np.linalg.lstsq(terms, variance * weight, rcond=None)[0]
    if slope <= 0.0:
        raise TargetError("The noise does not grow with the light: the camera or its driver smooths the pictures.")
    relative = float(np.sqrt(np.linalg.inv(terms.T @ terms)[0, 0]) / slope)
    gain = lock_of(bench).analogue_gain
    # 1.5 %: the response's own bend, within its limit, bends this line as well.
    electrons, electrons_u = 1.0 / slope, COVERAGE_FACTOR * float(np.hypot(relative, 0.015)) / slope
    figures = [
        Figure(
            name="electrons-at-full",
            value=electrons,
            unit="e-",
            uncertainty=electrons_u,
            at_least=LEAST_ELECTRONS,
        ),
        Figure(name="full-well-e", value=electrons * gain, unit="e-", uncertainty=electrons_u * gain),
        Figure(name="snr-at-white", value=float(mean[-1] / np.sqrt(max(variance[-1], 1e-12)))),
    ]
    read = _read_noise(bench, electrons * gain)
    return outcome(
        StepName.CAMERA_NOISE,
        figures + ([read] if read else []),
        [
            curve("photon-transfer", mean, variance, "linear level of green", "variance"),
            curve("photon-transfer-fit", mean, floor + slope * mean, "linear level of green", "variance"),
        ],
    )


def transfer(frames: list[Singles]) -> tuple[float, float]:
    """Return mean and variance over time of green, linear; the light's own changes, and rounding to 8 bits, taken out.

    Two frames' difference holds no fixed pattern, and twice the variance (EMVA 1288, 6.6).
    """
    greens = [centre(frame)[:, :, 1].astype(float) for frame in frames]
    means = [float(green.mean()) for green in greens]
    mean = float(np.mean(means))
    level = [green * (mean / own) for green, own in zip(greens, means, strict=True)]
    variance = float(np.mean([np.var(b - a) / 2.0 for a, b in pairwise(level)]))
    code = float(linear_to_srgb(np.array(mean)))
    step = float(np.diff(srgb_to_linear(np.array([code - 0.5, code + 0.5])))[0])
    return mean, variance - step**2 / 12.0


def _read_noise(bench: Bench, full_well_e: float) -> Figure | None:
    dark_pct = figure_before(bench, StepName.CAMERA_DARK, "dark-noise-pct")
    gain = figure_before(bench, StepName.CAMERA_DARK, "dark-noise-gain")
    if dark_pct is None or not gain:
        return None
    step = 1.0 / 255.0 / 12.92
    dark = np.sqrt(max((dark_pct / 100.0) ** 2 - step**2 / 12.0, 0.0))
    value = float(dark * full_well_e / gain)
    return Figure(name="read-noise-e", value=value, unit="e-", uncertainty=0.1 * value + 0.3, at_most=MOST_READ_NOISE_E)


WHITE: Final = Words("Leave the white target under the plate.", "Laissez la mire blanche sous la plaque.")
LINEARITY: Final = Step(
    StepName.CAMERA_LINEARITY,
    Target.WHITE,
    Words("Camera: linearity", "Caméra : linéarité"),
    WHITE,
    guarded(StepName.CAMERA_LINEARITY, linearity),
)
NOISE: Final = Step(
    StepName.CAMERA_NOISE,
    Target.WHITE,
    Words("Camera: noise", "Caméra : bruit"),
    WHITE,
    guarded(StepName.CAMERA_NOISE, noise),
)
