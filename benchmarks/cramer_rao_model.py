"""An exponential refill with everything that moves it, written down as a formula, and the Cramer-Rao bound of t90.

y(t) = level + step c(t) + slope t + P(t) (share + (1 - share) c(t)) + noise,   c(t) = 1 - exp(-(t - onset) / tau)
P(t) = sum over harmonics k = 1, 2, 3 of sine_k sin(2 pi k rate t) + cosine_k cos(2 pi k rate t)

Times in s from the stated time zero; y in ln, as the haemoglobin index. What is seen: 3 s of the hold and 10 s after
release, at 60 Hz. The bound counts as unknown in every rung, with no prior: level, step, tau, the drift's slope and all
six amplitudes of a pulse, since nobody knows beforehand that there is none; in rungs with a pulse also its rate and the
share that a blanched skin still shows. The onset is unknown with the
prior of the draw, N(0, 30 ms): half the phantom's release time, since the half-level is a convention (a bound with a
prior: van Trees 1968, part I, section 2.4). With outliers the bound is that of the samples that are none.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RATE_HZ: Final = 60.0
HOLD_S: Final = 3.0
WINDOW_S: Final = 10.0
STEP: Final = 0.1
NOISE: Final = 0.02
"""Standard deviation of a sample, of the step."""
ONSET_SD_S: Final = 0.03
DRIFT: Final = 0.05
"""Of the step over the window: the slope is uniform within this on both sides."""
PULSE: Final = 0.10
HARMONICS: Final = (1.0, 0.42, 0.16)
LAGS_RAD: Final = (0.0, 0.9, 1.9)
BLANCHED_SHARE: Final = 0.15
PULSE_HZ: Final = (0.9, 1.8)
OUTLIERS: Final = 0.05
OUTLIER_SD: Final = 10.0
LN10: Final = float(np.log(10.0))


@dataclass(frozen=True)
class Rung:
    """What is in the signal besides an exponential and white noise."""

    name: str
    pulse: bool = False
    drift: bool = False
    outliers: bool = False


RUNGS: Final = (
    Rung("white"),
    Rung("pulse", pulse=True),
    Rung("drift", drift=True),
    Rung("outliers", outliers=True),
    Rung("all", pulse=True, drift=True, outliers=True),
)


@dataclass(frozen=True)
class Truth:
    """One draw of every parameter of the formula; `waves` (3, 2) are sine and cosine of each harmonic."""

    tau_s: float
    onset_s: float
    slope: float
    rate_hz: float
    waves: Array
    level: float = 0.3
    step: float = STEP
    share: float = BLANCHED_SHARE

    @property
    def t90_s(self) -> float:
        """Time from time zero to 90 % of the step."""
        return self.onset_s + LN10 * self.tau_s


def draw(rung: Rung, tau_s: float, rng: np.random.Generator) -> Truth:
    """Draw the parameters of one press."""
    phase = 2 * np.pi * rng.random()
    angles = np.array([order * phase - lag for order, lag in enumerate(LAGS_RAD, start=1)])
    size = STEP * PULSE * np.array(HARMONICS) * float(rung.pulse)
    return Truth(
        tau_s=tau_s,
        onset_s=float(rng.normal(0.0, ONSET_SD_S)),
        slope=float(rng.uniform(-DRIFT, DRIFT)) * STEP / WINDOW_S * float(rung.drift),
        rate_hz=float(rng.uniform(*PULSE_HZ)),
        waves=np.stack([size * np.cos(angles), size * np.sin(angles)], axis=1),
    )


def sample_times_s(rng: np.random.Generator) -> Array:
    """Return frame times around time zero, which falls anywhere between two frames."""
    count = int((HOLD_S + WINDOW_S) * RATE_HZ)
    return np.asarray((np.arange(count) + rng.random()) / RATE_HZ - HOLD_S, dtype=np.float64)


def _parts(truth: Truth, time_s: Array) -> tuple[Array, Array, Array]:
    """Return the recovered fraction (n,), the pulse P (n,) and its phases (n, 3)."""
    since_s = np.maximum(time_s - truth.onset_s, 0.0)
    phases = 2 * np.pi * truth.rate_hz * time_s[:, None] * np.arange(1, 4)
    pulse = np.sin(phases) @ truth.waves[:, 0] + np.cos(phases) @ truth.waves[:, 1]
    return -np.expm1(-since_s / truth.tau_s), pulse, phases


def signal(truth: Truth, time_s: Array) -> Array:
    """Return y without noise, (n,)."""
    curve, pulse, _ = _parts(truth, time_s)
    shown = truth.share + (1 - truth.share) * curve
    return np.asarray(truth.level + truth.step * curve + truth.slope * time_s + pulse * shown)


def noise(rung: Rung, count: int, rng: np.random.Generator) -> Array:
    """Return the noise of `count` samples: white, and in rungs with outliers some ten times as strong."""
    sd = np.full(count, NOISE * STEP)
    if rung.outliers:
        sd[rng.random(count) < OUTLIERS] *= OUTLIER_SD
    return rng.normal(0.0, sd)


def jacobian(rung: Rung, truth: Truth, time_s: Array, everything: bool = True) -> Array:
    """Return dy/d(parameter), one column each: tau, onset, level, step, slope, share, rate, six pulse amplitudes.

    Share and rate only where the rung has a pulse; slope and amplitudes in every rung, or with `everything` False only
    where it has them.
    """
    curve, pulse, phases = _parts(truth, time_s)
    left = np.where(time_s > truth.onset_s, 1.0 - curve, 0.0)
    by_curve = truth.step + pulse * (1 - truth.share)
    since_s = np.maximum(time_s - truth.onset_s, 0.0)
    columns = [
        by_curve * -left * since_s / truth.tau_s**2,
        by_curve * -left / truth.tau_s,
        np.ones_like(time_s),
        curve,
    ]
    shown = (truth.share + (1 - truth.share) * curve)[:, None]
    if rung.drift or everything:
        columns.append(time_s)
    if rung.pulse:
        turns = 2 * np.pi * time_s[:, None] * np.arange(1, 4)
        by_rate = turns * (np.cos(phases) * truth.waves[:, 0] - np.sin(phases) * truth.waves[:, 1]) * shown
        columns += [pulse * (1 - curve), by_rate.sum(axis=1)]
    if rung.pulse or everything:
        columns += [*(np.sin(phases) * shown).T, *(np.cos(phases) * shown).T]
    return np.stack(columns, axis=1)


def bound_s2(rung: Rung, truth: Truth, time_s: Array, onset_sd_s: float = ONSET_SD_S, everything: bool = True) -> float:
    """Return the lowest variance, s^2, that an unbiased t90 = onset + ln(10) tau can have on this draw."""
    used = jacobian(rung, truth, time_s, everything)
    # Columns of like size: the rate's would otherwise spoil the inverse.
    scale = np.linalg.norm(used, axis=0)
    clean = 1.0 - OUTLIERS if rung.outliers else 1.0
    information = clean * (used / scale).T @ (used / scale) / (NOISE * STEP) ** 2
    information[1, 1] += 1.0 / (onset_sd_s * scale[1]) ** 2
    gradient = np.zeros(len(scale))
    gradient[0], gradient[1] = LN10 / scale[0], 1.0 / scale[1]
    return float(gradient @ np.linalg.solve(information, gradient))
