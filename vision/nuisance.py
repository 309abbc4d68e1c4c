"""What moves the signal besides the refill: pulse, respiration, slow waves, drift. Columns with Gaussian priors.

Each column's coefficient has a prior standard deviation in signal units; together they are a covariance, so that a
column costs nothing where the data do not ask for it. Times are s since time zero (negative: hold).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SLOW_HZ: Array = np.array([0.05, 0.075, 0.1, 0.125, 0.15])
RESPIRATION_HZ: Array = np.array([0.2, 0.25, 0.3, 0.35, 0.4])
PULSE_BAND_HZ: tuple[float, float] = (0.65, 3.4)
PULSE_LINES: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] = (
    ((0.0, -1.0, 1.0, -2.0, 2.0), (1.0, 0.4, 0.4, 0.2, 0.2)),
    ((0.0, -1.0, 1.0, -2.0, 2.0), (1.0, 0.4, 0.4, 0.2, 0.2)),
    ((0.0, -1.0, 1.0), (1.0, 0.4, 0.4)),
)
"""For the fundamental and two overtones: lines beside the rate, in units of the resolution, and their sizes."""


@dataclass(frozen=True)
class Amplitudes:
    """Prior standard deviations, as fractions of the blanch step."""

    drift: float = 0.04
    slow: float = 0.006
    respiration: float = 0.004
    pulse: float = 0.0
    baseline: float = 0.3


@dataclass(frozen=True)
class Nuisance:
    """Columns (n, p) and their prior standard deviations (p,) in signal units."""

    columns: Array
    sd: Array


@dataclass(frozen=True)
class Phases:
    """Which samples are skin before the press (`baseline`) and under the probe (`hold`), each bool (n,)."""

    baseline: NDArray[np.bool_]
    hold: NDArray[np.bool_]


BLANCHED_SHARE: float = 0.5
"""Slow waves and respiration under the probe, as a share of those in free skin: less blood carries them."""
BLANCHING_S: tuple[float, float] = (0.35, 1.2)
"""Time constants of what is left of blanching in the hold."""


def _waves(time_s: Array, frequencies_hz: Array) -> Array:
    phase = 2 * np.pi * time_s[:, None] * frequencies_hz[None, :]
    return np.hstack([np.cos(phase), np.sin(phase)])


def _levels(time_s: Array, phases: Phases, baseline_sd: float) -> tuple[Array, Array]:
    """How far the baseline lies from the refilled level, and what is left of blanching at the start of the hold."""
    columns = [phases.baseline.astype(np.float64)]
    sds = [baseline_sd]
    if phases.hold.any():
        since_s = time_s - time_s[phases.hold][0]
        for constant_s in BLANCHING_S:
            # Zero at the release by construction: the blanched level is the signal at the end of the hold.
            tail = np.exp(-since_s / constant_s) - np.exp((time_s[phases.hold][0]) / constant_s)
            columns.append(np.where(phases.hold, tail, 0.0))
            sds.append(0.3)
    return np.column_stack(columns), np.array(sds)


def build(
    time_s: Array,
    step: float,
    amplitudes: Amplitudes,
    pulse_hz: float | None,
    refilled: Array,
    phases: Phases,
    surround: Array | None,
) -> Nuisance:
    """Return the columns for samples at `time_s` (n,), for a blanch step in signal units.

    `refilled` (n,) is the current idea of the blood under the window (1 in free skin): the pulse grows with it.
    `surround` (n,) is the signal of skin beside the window, which shares pulse, waves and drift.
    """
    span_s = float(time_s[-1] - time_s[0])
    levels, level_sds = _levels(time_s, phases, amplitudes.baseline)
    columns: list[Array] = [levels, time_s[:, None] / span_s]
    sds: list[Array] = [level_sds, np.array([amplitudes.drift])]
    blood = (BLANCHED_SHARE + (1 - BLANCHED_SHARE) * refilled)[:, None]
    for frequencies_hz, amplitude in ((SLOW_HZ, amplitudes.slow), (RESPIRATION_HZ, amplitudes.respiration)):
        columns.append(_waves(time_s, frequencies_hz) * blood)
        sds.append(np.full(2 * len(frequencies_hz), amplitude / np.sqrt(len(frequencies_hz))))
    if surround is not None:
        shared = surround - surround.mean()
        columns.append(np.column_stack([shared, shared * refilled]))
        # In units of the signal itself: a coefficient near 1 is expected, up to 2 likely.
        sds.append(np.array([1.0, 1.0]) / step)
    if pulse_hz is not None and amplitudes.pulse > 0:
        # The neighbours let amplitude and rate wander within the window.
        for harmonic, (offsets, shares) in enumerate(PULSE_LINES, start=1):
            around_hz = harmonic * pulse_hz + 0.6 / span_s * np.array(offsets)
            waves = _waves(time_s, around_hz)
            columns.append(np.hstack([waves, waves * refilled[:, None]]))
            sds.append(np.tile(amplitudes.pulse / harmonic * np.array(shares), 4))
    return Nuisance(np.hstack(columns), np.concatenate(sds) * step)


def pulse_frequency_hz(time_s: Array, residual: Array, noise_sd: float) -> tuple[float, float] | None:
    """Return frequency in Hz and amplitude of the pulse in a residual (n,), or None where none stands out.

    A least-squares periodogram of the fundamental and one harmonic, irregular times as they are.
    """
    span_s = float(time_s[-1] - time_s[0])
    low_hz, high_hz = PULSE_BAND_HZ
    frequencies_hz = np.arange(low_hz, high_hz, 0.12 / span_s)
    interval_s = float(np.median(np.diff(time_s)))
    frequencies_hz = frequencies_hz[frequencies_hz < 0.4 / interval_s]
    if len(frequencies_hz) < 3:
        return None
    centred = residual - residual.mean()
    phase = np.exp(-2j * np.pi * time_s[:, None] * frequencies_hz[None, :])
    n = len(time_s)
    power = np.abs(centred @ phase) ** 2 * (2 / n)
    second = np.abs(centred @ phase**2) ** 2 * (2 / n)
    total = power + np.where(2 * frequencies_hz < 0.4 / interval_s, second, 0.0)
    best = int(np.argmax(total))
    amplitude = float(np.sqrt(power[best] * 2 / n))
    # Chance of a peak this high among some 50 independent frequencies of white noise is below 1e-4 at 12 sigma^2.
    background = max(noise_sd**2, float(np.median(power)) / 1.4)
    if power[best] < 2 * 12 * background or amplitude <= 0:
        return None
    return float(frequencies_hz[best]), amplitude
