"""Columns of pulse, waves and drift: their priors mean what they say. And the pulse, found where there is one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vision.nuisance import (
    BLANCHED_SHARE,
    PULSE_BAND_HZ,
    PULSE_LINES,
    RESPIRATION_SHARE,
    SURROUND_SIZE,
    Phases,
    SlowColumns,
    SlowSizes,
    pulse_columns,
    pulse_frequency_hz,
)

Array = NDArray[np.float64]

TIME_S = np.arange(-6.0, 8.0, 1 / 30)
STEP = 0.25
NOWHERE = np.zeros(len(TIME_S), np.bool_)
PRESSED = Phases(baseline=TIME_S < -5.0, hold=(TIME_S >= -5.0) & (TIME_S < 0))
REFILL_ALONE = Phases(baseline=NOWHERE, hold=NOWHERE)
REFILLED = np.where(TIME_S < 0, 0.0, 1 - np.exp(-np.maximum(TIME_S, 0)))
SURROUND = np.sin(2 * np.pi * 0.09 * TIME_S) + 0.2 * np.sin(2 * np.pi * 1.3 * TIME_S)
FREE, BLANCHED = np.ones(len(TIME_S)), np.zeros(len(TIME_S))


def _sizes(drift: float = 0.0, slow: float = 0.0, baseline: float = 0.0, blanching: float = 0.0) -> SlowSizes:
    return SlowSizes(drift, slow, baseline, blanching)


def _prior_sd(columns: SlowColumns, sizes: SlowSizes) -> Array:
    """What the slow columns say of the standard deviation of each sample (n,)."""
    return np.asarray(np.sqrt(np.square(columns.columns * columns.sd(sizes, STEP)).sum(axis=1)))


@pytest.mark.parametrize("phases", [PRESSED, REFILL_ALONE], ids=["pressed", "refill alone"])
@pytest.mark.parametrize("surround", [None, SURROUND], ids=["no surround", "surround"])
def test_every_column_is_finite_and_has_a_prior_of_its_own(phases: Phases, surround: Array | None) -> None:
    slow = SlowColumns(TIME_S, REFILLED, phases, surround)
    sd = slow.sd(SlowSizes(0.03, 0.006, 0.3, 0.2), STEP)
    assert slow.columns.shape == (len(TIME_S), len(sd))
    assert np.isfinite(slow.columns).all()
    assert (sd > 0).all()


def test_hold_and_surround_bring_columns_of_their_own() -> None:
    counts = {
        (phases is PRESSED, surround is SURROUND): SlowColumns(TIME_S, REFILLED, phases, surround).columns.shape[1]
        for phases in (PRESSED, REFILL_ALONE)
        for surround in (None, SURROUND)
    }
    bare = counts[False, False]
    assert counts[False, True] - bare == 4
    assert counts[True, False] - bare == 12
    assert counts[True, True] - bare == 16


@pytest.mark.parametrize("surround", [None, SURROUND], ids=["no surround", "surround"])
def test_sizes_are_those_of_what_they_are_named_after(surround: Array | None) -> None:
    """Each size alone, so that a column with another's prior would show."""
    around = 0.0 if surround is None else _prior_sd(SlowColumns(TIME_S, FREE, PRESSED, surround), _sizes()) ** 2
    free, blanched = (SlowColumns(TIME_S, blood, PRESSED, surround) for blood in (FREE, BLANCHED))

    def own(columns: SlowColumns, sizes: SlowSizes) -> Array:
        return np.sqrt(np.maximum(_prior_sd(columns, sizes) ** 2 - around, 0.0))

    span_s = float(TIME_S[-1] - TIME_S[0])
    wave = 0.01 * STEP
    both = float(np.hypot(1.0, RESPIRATION_SHARE))
    assert own(free, _sizes(baseline=0.3)) == pytest.approx(0.3 * STEP * PRESSED.baseline, abs=1e-7)
    assert own(free, _sizes(drift=0.2)) == pytest.approx(0.2 * STEP * np.abs(TIME_S) / span_s, abs=1e-7)
    assert own(free, _sizes(slow=0.01)) == pytest.approx(np.full(len(TIME_S), wave * both), rel=1e-4)
    if surround is None:
        assert own(blanched, _sizes(slow=0.01)) == pytest.approx(np.full(len(TIME_S), wave * BLANCHED_SHARE))
    blanching = own(free, _sizes(blanching=0.2))
    assert blanching[~PRESSED.hold] == pytest.approx(0.0, abs=1e-7)
    hold = np.flatnonzero(PRESSED.hold)
    assert blanching[hold[0]] == pytest.approx(0.2 * STEP * np.sqrt(2), rel=0.02)
    assert (np.diff(blanching[hold]) < 1e-7).all()
    assert blanching[hold[-1]] < 0.001 * STEP


def test_sizes_scale_with_the_step_but_for_the_surround_which_has_a_unit_of_its_own() -> None:
    slow = SlowColumns(TIME_S, REFILLED, PRESSED, SURROUND)
    small, large = (slow.sd(SlowSizes(0.03, 0.006, 0.3, 0.2), step) for step in (0.1, 0.4))
    scaled = np.isclose(large, 4 * small)
    assert np.flatnonzero(~scaled).tolist() == [4, 5, 6, 7]
    assert small[~scaled] == pytest.approx(SURROUND_SIZE)
    assert large[~scaled] == pytest.approx(SURROUND_SIZE)


def test_the_surround_comes_without_its_level_and_trend() -> None:
    plain = SlowColumns(TIME_S, REFILLED, PRESSED, SURROUND).columns
    tilted = SlowColumns(TIME_S, REFILLED, PRESSED, SURROUND + 3.0 - 0.7 * TIME_S).columns
    assert tilted == pytest.approx(plain, abs=1e-9)


def test_the_surround_comes_in_a_slow_and_a_fast_part_constant_and_growing_with_blood() -> None:
    slow_part, slow_grown, fast_part, fast_grown = SlowColumns(TIME_S, REFILLED, PRESSED, SURROUND).columns[:, 4:8].T
    level = SURROUND - np.polyval(np.polyfit(TIME_S, SURROUND, 1), TIME_S)
    assert slow_part + fast_part == pytest.approx(level, abs=1e-9)
    assert slow_grown == pytest.approx(slow_part * REFILLED)
    assert fast_grown == pytest.approx(fast_part * REFILLED)
    inner = slice(30, -30)
    fast = 0.2 * np.sin(2 * np.pi * 1.3 * TIME_S)
    assert np.corrcoef(slow_part[inner], (level - fast)[inner])[0, 1] > 0.99
    assert np.corrcoef(fast_part[inner], fast[inner])[0, 1] > 0.9


def test_a_gap_in_the_surround_is_not_smoothed_across() -> None:
    time_s = np.concatenate([np.arange(-4.0, -2.0, 1 / 30), np.arange(0.0, 6.0, 1 / 30)])
    jump = np.where(time_s < -1.0, 1.0, -1.0)
    nowhere = np.zeros(len(time_s), np.bool_)
    columns = SlowColumns(time_s, np.ones(len(time_s)), Phases(nowhere, nowhere), jump).columns
    level = jump - np.polyval(np.polyfit(time_s, jump, 1), time_s)
    # Away from the outer ends, where a running mean of a trend is off it, and right up to the gap.
    assert columns[50:90, 2] == pytest.approx(level[50:90], abs=0.12)


@pytest.mark.parametrize("wanders", [False, True])
@pytest.mark.parametrize("blood", [0.0, 0.5, 1.0])
def test_the_pulse_has_the_size_it_is_given_at_every_time(blood: float, wanders: bool) -> None:
    pulse = pulse_columns(TIME_S, 1.2, 0.02, np.full(len(TIME_S), blood), wanders)
    assert pulse.columns.shape == (len(TIME_S), len(pulse.sd))
    lines = [shares if wanders else shares[:1] for _, shares in PULSE_LINES]
    assert len(pulse.sd) == 4 * sum(len(shares) for shares in lines)
    squares = sum(share**2 / harmonic**2 for harmonic, shares in enumerate(lines, start=1) for share in shares)
    expected = 0.02 * np.sqrt(squares * (1 + blood**2))
    assert np.sqrt(np.square(pulse.columns * pulse.sd).sum(axis=1)) == pytest.approx(np.full(len(TIME_S), expected))


def _left_over(columns: Array, wave: Array) -> float:
    found, *_ = np.linalg.lstsq(columns, wave, rcond=None)
    return float(np.std(wave - columns @ found) / np.std(wave))


@pytest.mark.parametrize("wanders", [False, True])
@pytest.mark.parametrize("harmonic", [1, 2, 3])
def test_a_pulse_and_its_overtones_lie_in_its_columns(harmonic: int, wanders: bool) -> None:
    columns = pulse_columns(TIME_S, 1.2, 0.02, REFILLED, wanders).columns
    assert _left_over(columns, (0.2 + 0.8 * REFILLED) * np.sin(2 * np.pi * 1.2 * harmonic * TIME_S + 0.5)) < 1e-6


def test_only_a_pulse_that_wanders_may_change_its_rate() -> None:
    span_s = float(TIME_S[-1] - TIME_S[0])
    quickening = np.sin(2 * np.pi * (1.2 * TIME_S + 0.5 / span_s * TIME_S**2 / span_s))
    steady, wandering = (pulse_columns(TIME_S, 1.2, 0.02, REFILLED, wanders).columns for wanders in (False, True))
    assert _left_over(steady, quickening) > 0.2
    assert _left_over(wandering, quickening) < 0.05


def _times(regular: bool, seed: int) -> Array:
    return np.arange(0, 10, 1 / 30) if regular else np.sort(np.random.default_rng(seed).uniform(0, 10, 300))


@pytest.mark.parametrize("pulse_hz", [0.8, 1.0, 1.37, 1.8, 2.2, 2.5])
@pytest.mark.parametrize("regular", [True, False])
def test_a_pulse_is_found_at_its_rate_and_size(pulse_hz: float, regular: bool) -> None:
    time_s = _times(regular, 7)
    noise = 0.002 * np.random.default_rng(8).standard_normal(len(time_s))
    found = pulse_frequency_hz(time_s, 0.3 + 0.01 * np.sin(2 * np.pi * pulse_hz * time_s + 0.7) + noise, 0.002)
    assert found is not None
    assert found[0] == pytest.approx(pulse_hz, abs=0.02)
    assert found[1] == pytest.approx(0.01, rel=0.15)


def test_a_strong_overtone_is_not_taken_for_the_pulse() -> None:
    time_s = _times(regular=False, seed=9)
    wave = 0.01 * np.sin(2 * np.pi * 1.1 * time_s) + 0.0095 * np.sin(2 * np.pi * 2.2 * time_s + 1.0)
    found = pulse_frequency_hz(time_s, wave + 0.004 * np.random.default_rng(9).standard_normal(300), 0.004)
    assert found is not None
    assert found[0] == pytest.approx(1.1, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("regular", [True, False])
def test_white_noise_has_no_pulse(regular: bool) -> None:
    found = 0
    for seed in range(200):
        time_s = _times(regular, seed)
        residual = 0.002 * np.random.default_rng(1000 + seed).standard_normal(len(time_s))
        found += pulse_frequency_hz(time_s, residual, 0.002) is not None
    assert found <= 1


def test_the_periodogram_is_that_of_plain_exponentials() -> None:
    """The rate to half a place of the grid, the amplitude up to the rounding of some three hundred turns."""
    for seed in range(10):
        time_s = _times(regular=False, seed=seed)
        chance = np.random.default_rng(seed)
        residual = 0.01 * np.cos(2 * np.pi * chance.uniform(0.8, 2.5) * time_s) + 0.004 * chance.standard_normal(300)
        found = pulse_frequency_hz(time_s, residual, 0.004)
        interval_s = float(np.median(np.diff(time_s)))
        step_hz = 0.12 / (time_s[-1] - time_s[0])
        frequencies_hz = np.arange(PULSE_BAND_HZ[0], min(PULSE_BAND_HZ[1], 0.4 / interval_s), step_hz)
        turns = np.exp(-2j * np.pi * frequencies_hz[:, None] * time_s)
        centred = residual - residual.mean()
        first = np.abs(turns @ centred) ** 2 * 2 / 300
        second = np.abs(turns**2 @ centred) ** 2 * 2 / 300
        overtone = np.where(2 * frequencies_hz < 0.4 / interval_s, np.minimum(first, second), 0.0)
        best = int(np.argmax(first + overtone))
        assert found is not None
        # Between two places of the grid the top of the parabola counts.
        assert abs(found[0] - frequencies_hz[best]) <= 0.5 * step_hz + 1e-12
        assert found[1] == pytest.approx(float(np.sqrt(first[best] * 2 / 300)), rel=1e-9)


def test_a_rate_that_the_frames_cannot_show_is_not_looked_for() -> None:
    time_s = np.arange(0, 20, 0.6)
    assert pulse_frequency_hz(time_s, np.sin(2 * np.pi * 0.7 * time_s), 0.01) is None


def test_what_the_pulse_is_looked_for_in_is_left_alone() -> None:
    time_s, residual = _times(regular=True, seed=0), np.random.default_rng(1).standard_normal(300)
    kept = time_s.copy(), residual.copy()
    pulse_frequency_hz(time_s, residual, 1.0)
    assert np.array_equal(time_s, kept[0])
    assert np.array_equal(residual, kept[1])


@pytest.mark.parametrize("rate_hz", [0.91, 1.2345, 1.777])
def test_a_pulse_between_two_places_of_the_grid_is_told_to_a_few_mhz(rate_hz: float) -> None:
    time_s = np.arange(-3.0, 10.0, 1 / 60)
    found = pulse_frequency_hz(time_s, np.sin(2 * np.pi * rate_hz * time_s + 0.4), 0.02)
    assert found is not None
    assert found[0] == pytest.approx(rate_hz, abs=0.002)
