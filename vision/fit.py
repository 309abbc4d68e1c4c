"""One trace being fitted: the samples used, and what is known so far of its noise, outliers, pulse and slow waves.

`vision.refill` says what is fitted and how the answers are pooled; here stands how one curve meets the samples.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vision import nuisance
from vision.digest import FAR_S, FINE_TO_S, Digest, hat_matrix, knots_s
from vision.families import Family
from vision.nuisance import Nuisance, Phases, SlowColumns, SlowSizes
from vision.posterior import Lenses
from vision.weights import clean_share, difference_sd, robust_sd

Array = NDArray[np.float64]
Made = TypeVar("Made")

MAX_SAMPLES: int = 700
OUTLYING: float = 5.0
"""A sample this many standard deviations from its neighbours' median is no sample of the skin."""
RUN_S: float = 0.25
RUNS: float = 0.85
"""Residuals that go together over `RUN_S` count as noise by this much of what white noise of their size would be."""
LEAST_NOISE: float = 1.5e-3
"""No noise is taken smaller than this share of the step: below it, rounding and the knots would choose the curve."""
FIRST_SIZES = SlowSizes(drift=0.03, slow=0.006, baseline=0.3, blanching=0.2)


@dataclass(frozen=True)
class Condensed:
    """Neighbouring samples averaged: times and values (m,), and how many samples' worth each is (m,), 1 at most."""

    time_s: Array
    values: Array
    weights: Array


def condense(time_s: Array, signal: Array, weights: Array, edges_s: tuple[float, ...]) -> Condensed:
    """Average samples (n,) by their weights (n,) so that about `MAX_SAMPLES` are left at most.

    A bin never straddles one of `edges_s` (increasing): no mean mixes free skin, hold and refill.
    """
    size = int(np.ceil(len(time_s) / MAX_SAMPLES))
    if size == 1:
        return Condensed(time_s, signal, weights)
    starts = np.concatenate(
        [
            np.arange(first, last, size)
            for first, last in pairwise([0, *np.searchsorted(time_s, edges_s).tolist(), len(time_s)])
        ]
    )
    # A bin of outliers alone still needs a mean; it keeps next to no weight.
    held = np.maximum(weights, 1e-6)
    total = np.add.reduceat(held, starts)
    means = [np.add.reduceat(held * values, starts) / total for values in (time_s, signal)]
    return Condensed(means[0], means[1], total / size)


def _hampel(signal: Array, noise_sd: float) -> Array:
    """Return 1 for samples near their neighbours' median, 0 for gross outliers, shape (n,)."""
    padded = np.pad(signal, 4, mode="edge")
    local = np.median(np.lib.stride_tricks.sliding_window_view(padded, 9), axis=1)
    spread = max(robust_sd(signal - local), noise_sd)
    return np.where(np.abs(signal - local) > OUTLYING * spread, 0.0, 1.0)


@dataclass(frozen=True)
class Stage:
    """What a pass of the fit knows so far: slow waves, pulse, a sample's noise, and the blood under the window (m,)."""

    sizes: SlowSizes
    pulse_hz: float | None
    pulse_size: float
    pulse_wanders: bool
    lines: tuple[tuple[float, float], ...]
    noise_sd: float
    refilled: Array


@dataclass(frozen=True)
class Match:
    """One curve (n,) laid through the samples: level, step, what disturbances explain (n,) and what is left (n,)."""

    curve: Array
    level: float
    step: float
    explained: Array
    residual: Array
    freedom: float
    """How many samples' worth of freedom level, step and disturbances take."""


class TraceFit:
    """See the module. `press_s` (both negative) says when the probe came down and when it held.

    Until `begins_by_s` a refill may begin sharply.
    """

    def __init__(
        self,
        time_s: Array,
        signal: Array,
        press_s: tuple[float, float] | None,
        surround: Array | None,
        begins_by_s: float = FINE_TO_S,
    ) -> None:
        self._raw_time_s, self._raw_signal, self._raw_surround = time_s, signal, surround
        self._press_s = press_s
        self._kept: dict[str, tuple[tuple[object, ...], Any]] = {}
        self._take(_hampel(signal, difference_sd(signal)))
        self.has_baseline = bool(self.phases.baseline.any())
        self.knot_s = knots_s(float(time_s[-1]), begins_by_s)
        noise_sd = max(difference_sd(self.signal), 1e-9 * max(float(np.ptp(self.signal)), 1e-12))
        self.step = max(self._first_step(), 5 * noise_sd)
        noise_sd = max(noise_sd, LEAST_NOISE * self.step)
        self.min_step = 0.05 * self.step
        rising = np.where(self.time_s > 0, 1 - np.exp(-np.maximum(self.time_s, 0.0)), 0.0)
        self.stage = Stage(
            sizes=FIRST_SIZES,
            pulse_hz=None,
            pulse_size=0.0,
            pulse_wanders=True,
            lines=(),
            noise_sd=noise_sd,
            refilled=np.where(self.phases.baseline, 1.0, rising),
        )

    def _take(self, weights: Array) -> None:
        """Condense the trace by the weights (n,) of its samples."""
        edges_s = (*(self._press_s or ()), 0.0)
        condensed = condense(self._raw_time_s, self._raw_signal, weights, edges_s)
        self.time_s, self.signal, self.weights = condensed.time_s, condensed.values, condensed.weights
        around = self._raw_surround
        self.surround = None if around is None else condense(self._raw_time_s, around, weights, edges_s).values
        before = self.time_s < (self._press_s[0] if self._press_s else -np.inf)
        self.phases = Phases(baseline=before, hold=~before & (self.time_s < 0))
        self.curve_time_s = np.where(before, FAR_S, self.time_s)

    def begin_near(self, begins_s: float) -> None:
        """Put knots where a delayed refill seems to begin."""
        self.knot_s = knots_s(float(self._raw_time_s[-1]), FINE_TO_S, begins_s)

    def _first_step(self) -> float:
        late = self.time_s > 0.6 * self.time_s[-1]
        hold = (self.time_s < 0) & (self.time_s > -1.0)
        blanched = hold if hold.sum() >= 3 else (self.time_s >= 0) & (self.time_s < 0.35)
        return float(np.median(self.signal[late]) - np.median(self.signal[blanched]))

    def slow_columns(self) -> SlowColumns:
        """Return the slow columns under the present idea of the blood under the window."""
        made_of = (self.time_s, self.stage.refilled, self.phases, self.surround)
        return self._once("slow", made_of, lambda: SlowColumns(*made_of))

    def _once(self, name: str, made_of: tuple[object, ...], make: Callable[[], Made]) -> Made:
        """Return what `make` gives, again for as long as it would be made of the very same objects."""
        kept = self._kept.get(name)
        if kept is None or any(was is not now for was, now in zip(kept[0], made_of, strict=True)):
            kept = self._kept[name] = (made_of, make())
        made: Made = kept[1]
        return made

    def _pulse_columns(self) -> Nuisance | None:
        stage = self.stage
        made_of = (self.time_s, stage.refilled, stage.pulse_hz, stage.pulse_size, stage.pulse_wanders, stage.lines)
        return self._once("pulse", made_of, self._new_pulse_columns)

    def _new_pulse_columns(self) -> Nuisance | None:
        stage, parts = self.stage, []
        if stage.pulse_hz is not None and stage.pulse_size > 0:
            rate, size = stage.pulse_hz, stage.pulse_size
            parts.append(nuisance.pulse_columns(self.time_s, rate, size, stage.refilled, stage.pulse_wanders))
        if stage.lines:
            parts.append(nuisance.line_columns(self.time_s, stage.lines, stage.refilled))
        if not parts:
            return None
        return Nuisance(np.hstack([part.columns for part in parts]), np.concatenate([part.sd for part in parts]))

    def digest(self, slow: SlowColumns) -> Digest:
        """Return the digest of the trace under the present noise, weights and pulse."""
        pulse, noise_sd = self._pulse_columns(), self.stage.noise_sd
        hats = self._once("hats", (at := self.curve_time_s, knot_s := self.knot_s), lambda: hat_matrix(at, knot_s))
        made_of = (self.signal, hats, self.weights, noise_sd, pulse, slow.columns)
        return self._once("digest", made_of, lambda: Digest(*made_of))

    def lenses(self, sizes: list[SlowSizes]) -> Lenses:
        """Return one lens for each assumption of the slow disturbances' sizes."""
        slow = self.slow_columns()
        digest = self.digest(slow)
        return Lenses.of([digest.lens(slow.sd(some, self.step), self.step, some.log_share) for some in sizes])

    def match(self, family: Family, theta: Array) -> Match:
        """Lay a family's curve at parameters (k,) through the samples, disturbances as large as their priors allow."""
        stage, slow, pulse = self.stage, self.slow_columns(), self._pulse_columns()
        curve = family.curve(self.curve_time_s, theta[:, None])[:, 0]
        columns = slow.columns if pulse is None else np.hstack([slow.columns, pulse.columns])
        sd = slow.sd(stage.sizes, self.step)
        sd = sd if pulse is None else np.concatenate([sd, pulse.sd])
        design = np.hstack([np.ones((len(curve), 1)), curve[:, None], columns * sd])
        weighted = design * self.weights[:, None]
        gram = weighted.T @ design / stage.noise_sd**2
        held = gram + np.diag(np.concatenate([[1e-9, 1e-9], np.ones(len(sd))]))
        solution = np.linalg.solve(held, np.column_stack([weighted.T @ self.signal / stage.noise_sd**2, gram]))
        found = solution[:, 0]
        explained = design[:, 2:] @ found[2:]
        level, step = float(found[0]), float(found[1])
        residual = self.signal - level - step * curve - explained
        return Match(curve, level, step, explained, residual, float(np.trace(solution[:, 1:])))

    def find_pulse(self, found: Match) -> None:
        """Take rate, size and wandering of the pulse from what a curve fitted without a pulse leaves over."""
        stage = self.stage
        pulse = nuisance.pulse_frequency_hz(self.time_s, found.residual * self.weights, stage.noise_sd)
        self.stage = replace(stage, refilled=_blood(found.curve))
        if pulse is None:
            return
        self.stage = replace(self.stage, pulse_hz=pulse[0], pulse_size=1.5 * pulse[1])
        slow = self.slow_columns()
        slow_sd, curve = slow.sd(self.stage.sizes, self.step), np.interp(self.knot_s, self.time_s, found.curve)
        curve = np.where(self.knot_s < 0, 0.0, np.where(self.knot_s >= FAR_S, 1.0, curve))[:, None]
        stages = [replace(self.stage, pulse_wanders=wanders) for wanders in (False, True)]
        evidence = []
        for self.stage in stages:
            evidence.append(self.digest(slow).best_evidence(slow_sd, curve))
        self.stage = stages[int(np.argmax(evidence))]

    def find_lines(self, found: Match) -> None:
        """Take what else swings, as single lines, from what curve and pulse leave over."""
        white = self._noise_of(found.residual)
        lines = nuisance.further_lines(self.time_s, found.residual * np.minimum(self.weights, 1.0), white)
        self.stage = replace(self.stage, lines=tuple((hertz, 1.5 * size) for hertz, size in lines))

    def raise_noise(self, found: Match) -> None:
        """What quick curve and pulse leave over is noise to begin with: smaller, an odd heart beat would choose."""
        self.stage = replace(self.stage, noise_sd=max(self.stage.noise_sd, self._noise_of(found.residual)))

    def _noise_of(self, residual: Array) -> float:
        """Return the noise of one sample; more than its own scatter where neighbouring residuals go together.

        What is left over in runs is no white noise: taken as such, it would be averaged away, and the curve be believed
        far too well.
        """
        counted = self.weights > 0.1
        white = robust_sd(residual[counted] * np.sqrt(self.weights[counted]))
        size = max(2, round(RUN_S / float(np.median(np.diff(self.time_s)))))
        blocks = len(residual) // size
        if blocks < 8:
            return white
        means = (residual * self.weights)[: blocks * size].reshape(blocks, size).mean(axis=1)
        return max(white, RUNS * float(np.sqrt(np.mean(means**2) * size)))

    def reweigh(self, found: Match) -> None:
        """Set noise, weights and the blood under the window from the best curve so far.

        Outliers are looked for among the samples as they came: once averaged with their neighbours they would hide.
        """
        count = len(found.residual)
        left = max(count - found.freedom, 0.2 * count)
        corrected = self._noise_of(found.residual) * float(np.sqrt(count / left))
        noise_sd = max(corrected, 0.7 * self.stage.noise_sd, LEAST_NOISE * self.step)
        away = self._raw_signal - np.interp(self._raw_time_s, self.time_s, self.signal - found.residual)
        raw_sd = max(robust_sd(away), LEAST_NOISE * self.step)
        condensed_s = self.time_s
        self._take(clean_share(away / raw_sd))
        refilled = np.interp(self.time_s, condensed_s, _blood(found.curve))
        self.stage = replace(self.stage, noise_sd=noise_sd, refilled=refilled)


def _blood(curve: Array) -> Array:
    """The share of free skin's blood (n,) that goes with a recovered fraction (n,)."""
    return np.clip(curve, 0.0, 1.2)
