"""The refill time of one trace, with its uncertainty, without believing any one curve.

Every family of `vision.families` is fitted to the signal from the end of the hold on, jointly with pulse, respiration,
slow wave and drift (`vision.nuisance`), with outliers down-weighted. The families' answers are then pooled, each
weighted by how well it explains the data (Bayesian model averaging). The result is the median of that pool, the
interval its 2.5 % to 97.5 % range: noise, nuisance and the choice of curve are all in it; the timing error is added.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vision import nuisance
from vision.families import EXPONENTIALS, FAMILIES, Family
from vision.landmarks import crossing_s, time_grid_s, weighted_quantiles
from vision.linear import Workspace
from vision.nuisance import Amplitudes, Phases
from vision.posterior import Posterior, explore, refit, sample
from vision.weights import difference_sd, robust_sd, tukey_weights

Array = NDArray[np.float64]

HOLD_USED_S: float = 2.0
"""The end of the hold that the blanched level is taken from, where nothing says when the hold began."""
BASELINE_USED_S: float = 4.0
"""The skin before the press that counts; earlier colour says little about what it will settle at."""
MISFIT: float = 1.35
"""Noise is taken this much larger than the residual: no curve, and no model of a pulse, is quite true."""
LEAST_NOISE: float = 2e-4
"""No noise is taken smaller than this share of the step: below it, rounding would choose the curve."""
FAR_S: float = 1000.0
"""A time at which every curve has settled."""
MAX_SAMPLES: int = 700
NEGLIGIBLE: float = 9.0
"""Families this far behind the best in log evidence are not sampled."""
CANDIDATES: tuple[Amplitudes, ...] = tuple(
    Amplitudes(drift=drift, slow=slow, respiration=0.6 * slow, baseline=baseline)
    for baseline in (0.01, 0.3)
    for drift in (0.003, 0.05)
    for slow in (0.0005, 0.004, 0.012, 0.04)
)
FIRST_GUESS = Amplitudes(drift=0.03, slow=0.006, respiration=0.004)


class NoFitError(ValueError):
    """No curve of any family fits the trace with a rising step."""


@dataclass(frozen=True)
class RefillEstimate:
    """What the trace says about refill. Times in s from time zero; signal in the trace's own unit.

    `crt_quantiles_s` are the 2.5, 50 and 97.5 % points of the time to 90 % recovery. `misfit` is the root mean
    square of what the best curve leaves over after release, smoothed over 0.2 s.
    """

    crt_quantiles_s: tuple[float, float, float]
    unfinished_probability: float
    t50_s: float
    t10_s: float
    onset_s: float
    tau_s: float
    overshoot: float
    blanched_level: float
    step: float
    noise_sd: float
    misfit: float
    pulse_hz: float | None
    family: str
    family_weights: dict[str, float]
    fit_time_s: Array
    fit: Array
    pulse_free: Array
    residual: Array


@dataclass(frozen=True)
class _Stage:
    """What a pass of the fit knows so far."""

    amplitudes: Amplitudes
    pulse_hz: float | None
    weights: Array
    noise_sd: float
    refilled: Array


def condense(time_s: Array, signal: Array, edges_s: tuple[float, ...]) -> tuple[Array, Array]:
    """Return times and signal (m,) averaged over neighbouring samples, so that m is at most about `MAX_SAMPLES`.

    A bin never straddles one of `edges_s` (increasing): no mean mixes free skin, hold and refill.
    """
    size = int(np.ceil(len(time_s) / MAX_SAMPLES))
    if size == 1:
        return time_s, signal
    pieces = []
    for part in np.split(np.arange(len(time_s)), np.searchsorted(time_s, edges_s)):
        if len(part):
            starts = np.arange(0, len(part), size)
            counts = np.diff(np.append(starts, len(part)))
            pieces.append([np.add.reduceat(values[part], starts) / counts for values in (time_s, signal)])
    return np.concatenate([piece[0] for piece in pieces]), np.concatenate([piece[1] for piece in pieces])


def _hampel(signal: Array, noise_sd: float) -> Array:
    """Return 1 for samples near their neighbours' median, 0 for gross outliers, shape (n,)."""
    padded = np.pad(signal, 4, mode="edge")
    local = np.median(np.lib.stride_tricks.sliding_window_view(padded, 9), axis=1)
    spread = max(robust_sd(signal - local), noise_sd)
    return np.where(np.abs(signal - local) > 8 * spread, 0.0, 1.0)


class _Fit:
    """One trace being fitted: the data, and what changes from pass to pass."""

    def __init__(
        self, time_s: Array, signal: Array, press_s: tuple[float, float] | None, surround: Array | None
    ) -> None:
        edges_s = (*(press_s or ()), 0.0)
        self.time_s, self.signal = condense(time_s, signal, edges_s)
        self.surround = None if surround is None else condense(time_s, surround, edges_s)[1]
        before = self.time_s < (press_s[0] if press_s else -np.inf)
        self.phases = Phases(baseline=before, hold=~before & (self.time_s < 0))
        noise_sd = max(difference_sd(self.signal), 1e-9 * max(float(np.ptp(self.signal)), 1e-12))
        late = self.time_s > 0.6 * self.time_s[-1]
        hold = (self.time_s < 0) & (self.time_s > -1.0)
        blanched = hold if hold.sum() >= 3 else (self.time_s >= 0) & (self.time_s < 0.35)
        self.step = float(np.median(self.signal[late]) - np.median(self.signal[blanched]))
        self.step = max(self.step, 5 * noise_sd)
        self.min_step = 0.05 * self.step
        self.stage = _Stage(
            amplitudes=FIRST_GUESS,
            pulse_hz=None,
            weights=_hampel(self.signal, noise_sd),
            noise_sd=noise_sd,
            refilled=np.where(before, 1.0, np.where(self.time_s > 0, 1 - np.exp(-self.time_s), 0.0)),
        )

        # Skin before the press is refilled skin: for the curves it lies far after release.
        self.curve_time_s = np.where(before, FAR_S, self.time_s)
        self.has_baseline = bool(before.any())

    def blood(self, curve: Array) -> Array:
        """Return the share of free skin's blood (n,) that goes with a recovered fraction (n,)."""
        return np.clip(curve, 0.0, 1.2)

    def workspace(self, stage: _Stage) -> Workspace:
        columns = nuisance.build(
            self.time_s, self.step, stage.amplitudes, stage.pulse_hz, stage.refilled, self.phases, self.surround
        )
        return Workspace(self.signal, stage.weights, stage.noise_sd, columns)

    def residual(self, stage: _Stage, family: Family, theta: Array) -> tuple[Array, Array]:
        """Return residual (n,) and the curve (n,) at one family's parameters."""
        work = self.workspace(stage)
        curve = family.curve(self.curve_time_s, theta[:, None])
        solution = work.solve(curve)
        level, step = float(solution.level[0]), float(solution.step[0])
        rest = self.signal - level - step * curve[:, 0]
        return rest - work.explained(curve[:, 0], level, step), curve[:, 0]

    def find_pulse(self) -> None:
        """First pass: a quick fit without a pulse, then its frequency and size from what is left over."""
        quick = [f for f in FAMILIES if f.name in ("two exponentials", "Weibull", "overshoot")]
        coarse = replace(self.stage, noise_sd=max(self.stage.noise_sd, 0.02 * self.step))
        work = self.workspace(coarse)
        fits = [(family, *explore(work, family, self.curve_time_s, self.min_step)) for family in quick]
        family, theta, _, _ = min(fits, key=lambda fit: fit[2])
        residual, curve = self.residual(coarse, family, theta)
        found = nuisance.pulse_frequency_hz(self.time_s, residual * self.stage.weights, self.stage.noise_sd)
        self.stage = replace(self.stage, refilled=self.blood(curve))
        if found is not None:
            pulse = replace(self.stage.amplitudes, pulse=1.5 * found[1] / self.step)
            self.stage = replace(self.stage, amplitudes=pulse, pulse_hz=found[0])
        # What the quick curve and the pulse leave over is the noise to begin with: taken any smaller, an odd heart beat
        # that the columns miss would choose the curve.
        residual, _ = self.residual(self.stage, family, theta)
        self.stage = replace(self.stage, noise_sd=max(self.stage.noise_sd, robust_sd(residual)))

    def reweigh(self, family: Family, theta: Array) -> None:
        """Set noise and robust weights from the residual of the best curve so far."""
        residual, curve = self.residual(self.stage, family, theta)
        used = self.workspace(self.stage).degrees_used + len(theta) + 2
        left = max(len(residual) - used, 0.2 * len(residual))
        corrected = MISFIT * robust_sd(residual) * float(np.sqrt(len(residual) / left))
        noise_sd = max(corrected, 0.7 * self.stage.noise_sd, LEAST_NOISE * self.step)
        weights = tukey_weights(residual, noise_sd)
        self.stage = replace(self.stage, noise_sd=noise_sd, weights=weights, refilled=self.blood(curve))


@dataclass(frozen=True)
class _Mode:
    """One family under one candidate for the slow waves: its best parameters, and its evidence by Laplace's rule."""

    family: Family
    stage: _Stage
    theta: Array
    precision: Array
    log_evidence: float


def _laplace(work: Workspace, objective: float, precision: Array, dimensions: int) -> float:
    _, log_det = np.linalg.slogdet(precision)
    return -0.5 * objective - 0.5 * log_det - work.log_det_nuisance + 0.5 * dimensions * np.log(2 * np.pi)


def _likely_stages(fit: _Fit, starts: list[tuple[Family, Array]]) -> list[_Stage]:
    """Return the candidates for drift, slow waves and baseline that the best curves so far do not rule out."""
    candidates = CANDIDATES if fit.has_baseline else CANDIDATES[len(CANDIDATES) // 2 :]
    scored = []
    for candidate in candidates:
        stage = replace(fit.stage, amplitudes=replace(candidate, pulse=fit.stage.amplitudes.pulse))
        work = fit.workspace(stage)
        curves = np.hstack([family.curve(fit.curve_time_s, theta[:, None]) for family, theta in starts[:4]])
        solution = work.solve(curves)
        fitting = -0.5 * solution.rss / stage.noise_sd**2 - solution.half_log_det
        scored.append((float(fitting.max()) - work.log_det_nuisance, stage))
    best = max(score for score, _ in scored)
    return [stage for score, stage in scored if score > best - 1.5 * NEGLIGIBLE]


def _modes(fit: _Fit, starts: list[tuple[Family, Array]]) -> list[_Mode]:
    """Fit every family under every likely candidate, from starts found before."""
    modes = []
    for stage in _likely_stages(fit, starts):
        work = fit.workspace(stage)
        for family, start in starts:
            theta, objective, precision = refit(work, family, fit.curve_time_s, start)
            solution = work.solve(family.curve(fit.curve_time_s, theta[:, None]))
            prior = -float(np.log(family.sd).sum()) - 0.5 * len(theta) * np.log(2 * np.pi)
            evidence = _laplace(work, objective, precision, len(theta)) + prior - float(solution.half_log_det[0])
            modes.append(_Mode(family, stage, theta, precision, evidence))
    return sorted(modes, key=lambda mode: -mode.log_evidence)


def _pool(fit: _Fit) -> list[tuple[float, Posterior]]:
    """Fit every family and return those that matter with their posterior probability."""
    work = fit.workspace(fit.stage)
    fits = sorted(((f, *explore(work, f, fit.curve_time_s, fit.min_step)) for f in FAMILIES), key=lambda item: item[2])
    if not np.isfinite(fits[0][2]):
        raise NoFitError("no curve fits")
    starts = [(family, theta) for family, theta, _, _ in fits]
    fit.reweigh(*starts[0])
    plausible = [(family, theta) for family, theta, value, _ in fits if value < fits[0][2] + 4 * NEGLIGIBLE]
    modes = _modes(fit, plausible)
    fit.stage = modes[0].stage
    fit.reweigh(modes[0].family, modes[0].theta)
    near = [mode for mode in modes if mode.log_evidence > modes[0].log_evidence - NEGLIGIBLE / 2]
    if not near:
        raise NoFitError("no curve fits")
    posteriors, evidence = [], []
    for mode in near:
        stage = replace(fit.stage, amplitudes=mode.stage.amplitudes)
        work = fit.workspace(stage)
        posterior = sample(work, mode.family, fit.curve_time_s, mode.theta, mode.precision, fit.min_step)
        posteriors.append(posterior)
        evidence.append(posterior.log_evidence - work.log_det_nuisance)
    if not np.isfinite(max(evidence)):
        raise NoFitError("no curve fits")
    share = np.exp(np.array(evidence) - max(evidence))
    share /= share.sum()
    return [(float(p), posterior) for p, posterior in zip(share, posteriors, strict=True) if p > 1e-4]


def estimate(
    time_s: Array,
    signal: Array,
    press_s: tuple[float, float] | None = None,
    timing_sd_s: float = 0.0,
    surround: Array | None = None,
) -> RefillEstimate:
    """Return the refill of a trace: times since time zero (n,), increasing, and signal (n,), rising with blood.

    Needs samples before and after time zero. `press_s` (both negative) says when the probe came down and when it held:
    skin before and during the hold tells slow waves from refill; without it only the last 2 s of the hold are used.
    `timing_sd_s` is the standard error of time zero. `surround` (n,) is the signal of unblanched skin in view. Raises
    `NoFitError`.
    """
    if press_s is None:
        used = time_s >= -HOLD_USED_S
    else:
        used = ((time_s < press_s[0]) & (time_s > press_s[0] - BASELINE_USED_S)) | (time_s > press_s[1])
    fit = _Fit(time_s[used], signal[used], press_s, None if surround is None else surround[used])
    fit.find_pulse()
    pool = _pool(fit)
    grid_s = time_grid_s()
    window_s = float(time_s[-1])
    t90, t50, t10, onset, over, weights = [], [], [], [], [], []
    for probability, posterior in pool:
        curves = posterior.family.curve(grid_s, posterior.theta)
        t90.append(crossing_s(grid_s, curves, 0.9))
        t50.append(crossing_s(grid_s, curves, 0.5))
        t10.append(crossing_s(grid_s, curves, 0.1))
        onset.append(posterior.family.onset_s(posterior.theta))
        over.append(np.maximum(curves.max(axis=0) - 1, 0.0))
        weights.append(probability * posterior.weights)
    w, all_t90 = np.concatenate(weights), np.concatenate(t90)
    low, middle, high = weighted_quantiles(all_t90, w, (0.025, 0.5, 0.975))
    timing = 1.96 * timing_sd_s
    best = max(pool, key=lambda item: item[0])[1]
    work = fit.workspace(fit.stage)
    curve = best.family.curve(fit.curve_time_s, best.mode[:, None])
    solution = work.solve(curve)
    level, step = float(solution.level[0]), float(solution.step[0])
    explained = work.explained(curve[:, 0], level, step)
    residual = fit.signal - level - step * curve[:, 0] - explained
    return RefillEstimate(
        crt_quantiles_s=(
            max(middle - float(np.hypot(middle - low, timing)), 0.0),
            middle,
            middle + float(np.hypot(high - middle, timing)),
        ),
        unfinished_probability=float(w[all_t90 > window_s].sum()),
        t50_s=weighted_quantiles(np.concatenate(t50), w, (0.5,))[0],
        t10_s=weighted_quantiles(np.concatenate(t10), w, (0.5,))[0],
        onset_s=max(weighted_quantiles(np.concatenate(onset), w, (0.5,))[0], 0.0),
        tau_s=_time_constant_s(fit),
        overshoot=weighted_quantiles(np.concatenate(over), w, (0.5,))[0],
        blanched_level=level,
        step=step,
        noise_sd=fit.stage.noise_sd / MISFIT,
        misfit=_smooth_rms(fit.time_s, residual),
        pulse_hz=fit.stage.pulse_hz,
        family=best.family.name,
        family_weights=_family_weights(pool),
        fit_time_s=fit.time_s,
        fit=level + step * curve[:, 0],
        pulse_free=fit.signal - explained,
        residual=residual,
    )


def _time_constant_s(fit: _Fit) -> float:
    """Return tau of the better of the two exponential fits, over the same window."""
    work = fit.workspace(fit.stage)
    fits = [explore(work, family, fit.curve_time_s, fit.min_step) for family in EXPONENTIALS]
    theta, _, _ = min(fits, key=lambda item: item[1])
    return float(np.exp(theta[0]))


def _smooth_rms(time_s: Array, residual: Array) -> float:
    after = residual[time_s > 0]
    size = max(1, round(0.2 / float(np.median(np.diff(time_s)))))
    starts = np.arange(0, len(after) - size + 1, size)
    if len(starts) == 0:
        return 0.0
    means = np.add.reduceat(after[: starts[-1] + size], starts) / size
    return float(np.sqrt(np.mean(means**2)))


def _family_weights(pool: list[tuple[float, Posterior]]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for probability, posterior in pool:
        weights[posterior.family.name] = weights.get(posterior.family.name, 0.0) + probability
    return weights
