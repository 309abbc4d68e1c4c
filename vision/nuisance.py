"""What moves the signal besides the refill: pulse, respiration, slow waves, drift. Columns with Gaussian priors.

Each column's coefficient has a prior standard deviation; together they are a covariance, so that a column costs nothing
where the data do not ask for it. Times are s since time zero (negative: hold). The slow columns stay the same while
their sizes are varied (`SlowSizes`); the pulse's rate and size are found from the data (`pulse_frequency_hz`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SLOW_HZ: Array = np.array([0.05, 0.075, 0.1, 0.125, 0.15])
RESPIRATION_HZ: Array = np.array([0.2, 0.25, 0.3, 0.35, 0.4])
RESPIRATION_SHARE: float = 0.6
"""Respiration's size, as a share of the slow waves'."""
BLANCHED_SHARE: float = 0.5
"""Slow waves and respiration under the probe, as a share of those in free skin: less blood carries them."""
BLANCHING_S: tuple[float, float] = (0.35, 1.2)
"""Time constants of what is left of blanching in the hold."""
SURROUND_SIZE: float = 1.0
"""The region's share of what the surround does: near 1 is expected, up to 2 likely."""
SURROUND_SMOOTH_S: float = 0.8
"""Below the pulse the surround is averaged over this long: its own noise would hide that the slow waves are shared."""
PULSE_BAND_HZ: tuple[float, float] = (0.65, 3.4)
PULSE_LINES: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] = (
    ((0.0, -1.0, 1.0, -2.0, 2.0), (1.0, 0.4, 0.4, 0.2, 0.2)),
    ((0.0, -1.0, 1.0, -2.0, 2.0), (1.0, 0.4, 0.4, 0.2, 0.2)),
    ((0.0, -1.0, 1.0), (1.0, 0.4, 0.4)),
)
"""For the fundamental and two overtones: lines beside the rate, in units of the resolution, and their sizes."""

MOST_LINES: int = 4
LINE_BAND_HZ: tuple[float, float] = (0.45, 8.0)
LINE_STANDS_OUT: float = 14.0
"""A line's power over that of white noise at which chance is no explanation (1e-6 times a few hundred frequencies)."""


@dataclass(frozen=True)
class Phases:
    """Which samples are skin before the press (`baseline`) and under the probe (`hold`), each bool (n,)."""

    baseline: NDArray[np.bool_]
    hold: NDArray[np.bool_]


@dataclass(frozen=True)
class SlowSizes:
    """Prior standard deviations, as fractions of the blanch step; drift is that over the whole of the trace.

    `baseline` is how far the refilled skin's level may lie from that before the press, `blanching` what may still be
    blanching when the hold begins. `log_share` is the logarithm of how likely sizes like these are before any data, up
    to a constant.
    """

    drift: float
    slow: float
    baseline: float
    blanching: float
    log_share: float = 0.0


@dataclass(frozen=True)
class Nuisance:
    """Columns (n, p) and their prior standard deviations (p,) in signal units."""

    columns: Array
    sd: Array


class SlowColumns:
    """Drift, slow waves, respiration, levels and the surround's share, as columns (n, p) whose sizes can be varied.

    `refilled` (n,) is the current idea of the blood under the window (1 in free skin): waves grow with it. `surround`
    (n,) is the signal of skin beside the window, which shares pulse, waves and drift.
    """

    def __init__(self, time_s: Array, refilled: Array, phases: Phases, surround: Array | None) -> None:
        self._surround = surround is not None
        self._levels = phases.hold.any()
        blood = refilled[:, None]
        columns = [phases.baseline.astype(np.float64)[:, None], time_s[:, None] / float(time_s[-1] - time_s[0])]
        if self._levels:
            columns.append(_blanching(time_s, phases.hold))
        if surround is not None:
            # Its drift is left to the drift's own column: drift need not grow with blood as waves do.
            level = surround - np.polyval(np.polyfit(time_s, surround, 1), time_s)
            slow_part = _smooth(time_s, level, SURROUND_SMOOTH_S)
            fast_part = level - slow_part
            columns += [np.column_stack([part, part * refilled]) for part in (slow_part, fast_part)]
        slow, breath = _waves(time_s, SLOW_HZ), _waves(time_s, RESPIRATION_HZ)
        columns += [slow * blood, breath * blood]
        if self._levels:
            columns.append(slow * (1 - blood))
        self.columns = np.hstack(columns)

    def sd(self, sizes: SlowSizes, step: float) -> Array:
        """Return the prior standard deviation of each column (p,) in signal units, for a blanch step in them."""
        wave = sizes.slow / np.sqrt(len(SLOW_HZ))
        breath = RESPIRATION_SHARE * sizes.slow / np.sqrt(len(RESPIRATION_HZ))
        parts = [np.array([sizes.baseline, sizes.drift])]
        if self._levels:
            parts.append(np.full(len(BLANCHING_S), sizes.blanching))
        if self._surround:
            parts.append(np.full(4, SURROUND_SIZE / step))
        parts += [np.full(2 * len(SLOW_HZ), wave), np.full(2 * len(RESPIRATION_HZ), breath)]
        if self._levels:
            parts.append(np.full(2 * len(SLOW_HZ), BLANCHED_SHARE * wave))
        return np.asarray(np.concatenate(parts) * step)


def _smooth(time_s: Array, series: Array, width_s: float) -> Array:
    """Running mean of a series (n,) over `width_s`, twice; at the ends, and beside gaps, over what is there."""
    first = np.searchsorted(time_s, time_s - 0.5 * width_s)
    last = np.searchsorted(time_s, time_s + 0.5 * width_s, side="right")
    for _ in range(2):
        summed = np.concatenate([[0.0], np.cumsum(series)])
        series = (summed[last] - summed[first]) / (last - first)
    return series


def _waves(time_s: Array, frequencies_hz: Array) -> Array:
    phase = 2 * np.pi * time_s[:, None] * frequencies_hz[None, :]
    return np.hstack([np.cos(phase), np.sin(phase)])


def _blanching(time_s: Array, hold: NDArray[np.bool_]) -> Array:
    """What is left of blanching in the hold; zero at the release, since the blanched level is that of its end."""
    begin_s = time_s[hold][0]
    tails = [np.exp(-(time_s - begin_s) / constant_s) - np.exp(begin_s / constant_s) for constant_s in BLANCHING_S]
    return np.where(hold[:, None], np.column_stack(tails), 0.0)


def pulse_columns(time_s: Array, pulse_hz: float, size: float, refilled: Array, wanders: bool) -> Nuisance:
    """Return the pulse's columns for a rate in Hz and a prior size in signal units.

    Lines beside the rate let it and its strength wander within the window, where it `wanders`; each line comes
    constant, and growing with the blood under the window.
    """
    span_s = float(time_s[-1] - time_s[0])
    columns, sds = [], []
    for harmonic, lines in enumerate(PULSE_LINES, start=1):
        offsets, shares = lines if wanders else (lines[0][:1], lines[1][:1])
        waves = _waves(time_s, harmonic * pulse_hz + 0.6 / span_s * np.array(offsets))
        columns.append(np.hstack([waves, waves * refilled[:, None]]))
        sds.append(np.tile(size / harmonic * np.array(shares), 4))
    return Nuisance(np.hstack(columns), np.concatenate(sds))


def line_columns(time_s: Array, lines: tuple[tuple[float, float], ...], refilled: Array) -> Nuisance:
    """Return columns for single lines, each a frequency in Hz and a prior size in signal units; as the pulse's."""
    waves = [_waves(time_s, np.array([hertz])) for hertz, _ in lines]
    columns = np.hstack([np.hstack([wave, wave * refilled[:, None]]) for wave in waves])
    return Nuisance(columns, np.repeat([size for _, size in lines], 4))


def further_lines(time_s: Array, residual: Array, noise_sd: float) -> tuple[tuple[float, float], ...]:
    """Return frequencies in Hz and amplitudes of what still swings in a residual (n,), the strongest first.

    Breathing makes the pulse's rate go to and fro, which puts lines beside it; hearts also miss and repeat beats. Found
    one by one on an even grid, each taken away before the next is looked for.
    """
    interval_s = float(np.median(np.diff(time_s)))
    even_s = np.arange(time_s[0], time_s[-1], interval_s)
    left = np.interp(even_s, time_s, residual - residual.mean())
    padded = 8 * int(2 ** np.ceil(np.log2(max(len(even_s), 8))))
    hertz = np.fft.rfftfreq(padded, interval_s)
    band = (hertz > LINE_BAND_HZ[0]) & (hertz < min(LINE_BAND_HZ[1], 0.4 / interval_s))
    if not band.any():
        return ()
    found: list[tuple[float, float]] = []
    while len(found) < MOST_LINES:
        amplitude = np.where(band, np.abs(np.fft.rfft(left, padded)) * 2 / len(even_s), 0.0)
        best = int(np.argmax(amplitude))
        if amplitude[best] ** 2 * len(even_s) / 4 < LINE_STANDS_OUT * noise_sd**2:
            break
        wave = _waves(even_s, np.array([float(hertz[best])]))
        left = left - wave @ np.linalg.lstsq(wave, left, rcond=None)[0]
        found.append((float(hertz[best]), float(amplitude[best])))
    return tuple(found)


def pulse_frequency_hz(time_s: Array, residual: Array, noise_sd: float) -> tuple[float, float] | None:
    """Return frequency in Hz and amplitude of the pulse in a residual (n,), or None where none stands out.

    A least-squares periodogram of the fundamental and one harmonic, irregular times as they are.
    """
    span_s = float(time_s[-1] - time_s[0])
    low_hz, high_hz = PULSE_BAND_HZ
    step_hz = 0.12 / span_s
    interval_s = float(np.median(np.diff(time_s)))
    frequencies_hz = np.arange(low_hz, min(high_hz, 0.4 / interval_s), step_hz)
    if len(frequencies_hz) < 3:
        return None
    # Powers of one small turn: far cheaper than a complex exponential for each time and frequency.
    turns = np.empty((len(frequencies_hz), len(time_s)), dtype=np.complex128)
    turns[0] = np.exp(-2j * np.pi * frequencies_hz[0] * time_s)
    turns[1:] = np.exp(-2j * np.pi * step_hz * time_s)
    np.multiply.accumulate(turns, axis=0, out=turns)
    n = len(time_s)
    centred = residual - residual.mean()
    power = np.abs(turns @ centred) ** 2 * (2 / n)
    np.multiply(turns, turns, out=turns)
    second = np.abs(turns @ centred) ** 2 * (2 / n)
    # An overtone counts for no more than its fundamental: else half the rate of a plain sine would do as well.
    total = power + np.where(2 * frequencies_hz < 0.4 / interval_s, np.minimum(second, power), 0.0)
    best = int(np.argmax(total))
    amplitude = float(np.sqrt(power[best] * 2 / n))
    # Chance of a peak this high among some 50 independent frequencies of white noise is below 1e-4 at 12 sigma^2.
    background = max(noise_sd**2, float(np.median(power)) / 1.4)
    if power[best] < 2 * 12 * background or amplitude <= 0:
        return None
    return float(frequencies_hz[best]) + step_hz * _peak_offset(total, best), amplitude


def _peak_offset(values: Array, peak: int) -> float:
    """Return how far from `peak`, in places, the top of the parabola through it and its neighbours lies."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    before, top, after = values[peak - 1 : peak + 2]
    bend = before - 2 * top + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0
