"""The refill time of one trace, with its uncertainty, without believing any one curve.

Every family of `vision.families` is fitted to the signal from the end of the hold on, jointly with pulse, respiration,
slow wave and drift (`vision.nuisance`), with outliers down-weighted, under several assumptions of how large the slow
disturbances are. The answers are then pooled, each weighted by how well it explains the data (Bayesian model
averaging). The result is the median of that pool; the interval is the 2.5 % to 97.5 % range of the same pool with
most of the preference for simple families left out: noise, disturbances and the choice of curve are all in it, and the
timing error is added.
"""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from vision.digest import FINE_TO_S
from vision.families import EXPONENTIALS, FAMILIES, PROMPT_ONSET_SD_S, Family
from vision.fit import Match, TraceFit
from vision.landmarks import Landmarks, weighted_quantiles
from vision.modes import Members, explore, fit_side_by_side, padded
from vision.nuisance import SlowSizes
from vision.posterior import Lenses, Modes, Posterior, laplace_evidence, sample

Array = NDArray[np.float64]

HOLD_USED_S: float = 2.0
"""The end of the hold that the blanched level is taken from, where nothing says when the hold began."""
BASELINE_USED_S: float = 4.0
"""The skin before the press that counts; earlier colour says little about what it will settle at."""
NEGLIGIBLE: float = 4.0
"""Curves this far behind the best in log evidence are not sampled."""
LEAST_SHARE: float = 1e-3
"""Curves that come to less than this share of the pool are left out of it."""
FIRST_ITERATIONS, LAST_ITERATIONS = 4, 6
"""From a mode that was found under about the same assumptions."""
FAR_BEHIND: float = 3 * NEGLIGIBLE
MOST_LIKELY: int = 12
"""At most so many assumptions on the slow disturbances are followed up."""
BASELINES: tuple[tuple[float, float], ...] = ((0.01, 1.0), (0.3, 1.0))
DRIFTS: tuple[tuple[float, float], ...] = ((0.05, 1.0), (0.2, 0.15))
SLOW_WAVES: tuple[tuple[float, float], ...] = ((0.0005, 1.0), (0.004, 1.0), (0.015, 2.0), (0.05, 6.0))
BLANCHINGS: tuple[tuple[float, float], ...] = ((0.001, 1.0), (0.2, 0.5))
"""Sizes that the slow disturbances may have, of the blanch step, with how likely each is before any data."""
CANDIDATES: tuple[SlowSizes, ...] = tuple(
    SlowSizes(
        drift[0], slow[0], baseline[0], blanching[0], float(np.log(drift[1] * slow[1] * baseline[1] * blanching[1]))
    )
    for baseline, drift, slow, blanching in product(BASELINES, DRIFTS, SLOW_WAVES, BLANCHINGS)
)
GUESSED_ONSET_SD_S: float = 0.5
"""How far refill may begin from a time zero that was guessed from the picture."""
GUESS_LEAD_S: float = 1.5
"""Times are counted from this long before the guess, so that refill may have begun earlier."""
QUICK: tuple[str, ...] = ("two exponentials", "Weibull", "overshoot", "exponential, delayed", "Weibull, delayed")
"""Families that are flexible enough between them to show what the pulse is, and where refill begins."""


class NoFitError(ValueError):
    """No curve of any family fits the trace with a rising step."""


@dataclass(frozen=True)
class RefillEstimate:
    """What the trace says about refill. Times in s from time zero; signal in the trace's own unit.

    `crt_quantiles_s` are the 2.5, 50 and 97.5 % points of the time to 90 % recovery. `misfit` is the root mean
    square of what the best curve leaves over after release, smoothed over 0.2 s. `zero_shift_s` is how much later than
    the time zero given the refill began, where that was a guess, else 0.
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
    zero_shift_s: float
    fit_time_s: Array
    signal: Array
    fit: Array
    pulse_free: Array
    residual: Array


@dataclass(frozen=True)
class _Fitted:
    """One family's modes, one for each of some assumptions, with the log evidence of each (m,)."""

    family: Family
    modes: Modes
    evidence: Array


def _families(onset_sd_s: float | None) -> tuple[Family, ...]:
    """Return the families with their onset's prior; without a known time zero there is no telling of dead times."""
    if onset_sd_s is None:
        prompt = [family for family in FAMILIES if not family.delayed]
        return tuple(replace(family, onset_sd_s=GUESSED_ONSET_SD_S, onset_mean_s=GUESS_LEAD_S) for family in prompt)
    return tuple(family if family.delayed else replace(family, onset_sd_s=onset_sd_s) for family in FAMILIES)


def _explored(trace: TraceFit, lens: Lenses, families: tuple[Family, ...]) -> list[tuple[Family, Modes]]:
    """Return each family's best mode under one lens, the best family first; raises `NoFitError` where none fits."""
    found = list(zip(families, explore(lens, families, trace.knot_s, trace.min_step), strict=True))
    found.sort(key=lambda item: float(item[1].objective[0]))
    if not np.isfinite(found[0][1].objective[0]):
        raise NoFitError("no curve fits")
    return found


def _find_pulse(trace: TraceFit, families: tuple[Family, ...]) -> None:
    """First pass: a quick fit without a pulse, then its frequency and size from what is left over."""
    quick = tuple(family for family in families if family.name in QUICK)
    measured = trace.stage
    trace.stage = replace(measured, noise_sd=max(measured.noise_sd, 0.02 * trace.step))
    family, modes = _explored(trace, trace.lenses([measured.sizes]), quick)[0]
    found = trace.match(family, modes.theta[0])
    trace.stage = measured
    if family.delayed:
        trace.begin_near(float(family.onset_s(modes.theta[0])))
    trace.find_pulse(found)
    trace.find_lines(trace.match(family, modes.theta[0]))
    trace.raise_noise(trace.match(family, modes.theta[0]))


def _likely_sizes(trace: TraceFit, found: list[tuple[Family, Modes]]) -> list[SlowSizes]:
    """Return the assumptions on drift, slow waves and baseline that the best curves so far do not rule out."""
    candidates = [sizes for sizes in CANDIDATES if trace.has_baseline or sizes.baseline == BASELINES[-1][0]]
    curves = np.hstack([family.curve(trace.knot_s, modes.theta.T) for family, modes in found[:4]])
    slow = trace.slow_columns()
    digest = trace.digest(slow)
    shares = np.array([sizes.log_share for sizes in candidates])
    scores = digest.best_evidence(np.array([slow.sd(sizes, trace.step) for sizes in candidates]), curves) + shares
    order = np.argsort(-scores, kind="stable")[:MOST_LIKELY]
    return [candidates[place] for place in order if scores[place] > scores.max() - 3 * NEGLIGIBLE]


def _fitted(trace: TraceFit, lenses: Lenses, found: list[tuple[Family, Modes]]) -> list[_Fitted]:
    """Fit every plausible family under every likely assumption, from the modes found before.

    Those that a few iterations leave far behind are left there.
    """
    families = tuple(family for family, _ in found)
    every = np.arange(len(lenses.total))
    members = Members.of(families, [every] * len(families))
    start = np.repeat(padded([modes.theta for _, modes in found]), len(every), axis=0)
    near = fit_side_by_side(lenses, members, trace.knot_s, start, FIRST_ITERATIONS)
    pieces = members.pieces()
    evidence = np.stack([_evidence(trace, lenses, near, piece) for piece in pieces])
    ahead = np.flatnonzero(evidence.ravel() > evidence.max() - FAR_BEHIND)
    refined = fit_side_by_side(lenses, members.only(ahead), trace.knot_s, near.theta[ahead], LAST_ITERATIONS)
    for values, better in zip(vars(near).values(), vars(refined).values(), strict=True):
        values[ahead] = better
    return [
        _Fitted(
            family,
            near.of_family(np.arange(place.start, place.stop), family),
            _evidence(trace, lenses, near, (family, place)),
        )
        for family, place in pieces
    ]


def _evidence(trace: TraceFit, lenses: Lenses, modes: Modes, piece: tuple[Family, slice]) -> Array:
    """Return the log evidence of one family's members, which have one lens each."""
    family, place = piece
    return laplace_evidence(lenses, family, trace.knot_s, modes.of_family(np.arange(place.start, place.stop), family))


def _best(every: list[_Fitted]) -> tuple[_Fitted, int]:
    """Return the family and the place of its assumption with the most evidence."""
    best = max(every, key=lambda fitted: float(fitted.evidence.max()))
    return best, int(np.argmax(best.evidence))


def _pool(trace: TraceFit, found: list[tuple[Family, Modes]]) -> tuple[list[tuple[float, Posterior]], Match, Family]:
    """Return the families that matter with their posterior probability, and the best curve laid through the samples.

    `found` are their modes at the first look, best first.
    """
    trace.reweigh(trace.match(found[0][0], found[0][1].theta[0]))
    top = float(found[0][1].objective[0])
    found = [item for item in found if float(item[1].objective[0]) < top + 8 * NEGLIGIBLE]
    likely = _likely_sizes(trace, found)
    every = _fitted(trace, trace.lenses(likely), found)
    best, place = _best(every)
    trace.stage = replace(trace.stage, sizes=likely[place])
    trace.reweigh(trace.match(best.family, best.modes.theta[place]))
    near = np.stack([fitted.evidence for fitted in every]) > float(best.evidence.max()) - NEGLIGIBLE
    used = np.flatnonzero(near.any(axis=0))
    lenses = trace.lenses([likely[member] for member in used])
    posteriors: list[Posterior] = []
    for fitted, wanted in zip(every, near, strict=True):
        if wanted.any():
            modes = fitted.modes.only(np.flatnonzero(wanted))
            some = lenses.only(np.flatnonzero(wanted[used]))
            posteriors += sample(some, fitted.family, trace.knot_s, modes, trace.min_step)
    evidence = np.array([posterior.log_evidence for posterior in posteriors])
    if not np.isfinite(evidence).any():
        raise NoFitError("no curve fits")
    share = np.exp(evidence - evidence.max())
    share /= share.sum()
    pool = [(float(p), posterior) for p, posterior in zip(share, posteriors, strict=True) if p > LEAST_SHARE]
    return pool, trace.match(best.family, best.modes.theta[place]), best.family


def estimate(
    time_s: Array,
    signal: Array,
    press_s: tuple[float, float] | None = None,
    timing_sd_s: float = 0.0,
    surround: Array | None = None,
    onset_sd_s: float | None = PROMPT_ONSET_SD_S,
) -> RefillEstimate:
    """Return the refill of a trace: times since time zero (n,), increasing, and signal (n,), rising with blood.

    Needs samples before and after time zero. `press_s` (both negative) says when the probe came down and when it held:
    skin before and during the hold tells slow waves from refill; without it only the last 2 s of the hold are used.
    `timing_sd_s` is the standard error of time zero, `onset_sd_s` how far from it a prompt refill may begin (release
    takes time); None where time zero is a guess from the picture: then times count from where each curve begins, and a
    dead time cannot be told. `surround` (n,) is the signal of unblanched skin in view. Raises `NoFitError`.
    """
    zero_known = onset_sd_s is not None
    if not zero_known:
        time_s = time_s + GUESS_LEAD_S
    if press_s is None:
        used = time_s >= (0.0 if zero_known else GUESS_LEAD_S) - HOLD_USED_S
    else:
        used = ((time_s < press_s[0]) & (time_s > press_s[0] - BASELINE_USED_S)) | (time_s > press_s[1])
    around = None if surround is None else surround[used]
    begins_by_s = FINE_TO_S if zero_known else GUESS_LEAD_S + FINE_TO_S
    trace = TraceFit(time_s[used], signal[used], press_s, around, begins_by_s)
    families = _families(onset_sd_s)
    _find_pulse(trace, families)
    found = _explored(trace, trace.lenses([trace.stage.sizes]), families)
    pool, best, family = _pool(trace, found)
    return _told(trace, pool, best, family, found, timing_sd_s)


def _told(
    trace: TraceFit,
    pool: list[tuple[float, Posterior]],
    best: Match,
    family: Family,
    found: list[tuple[Family, Modes]],
    timing_sd_s: float,
) -> RefillEstimate:
    times = Landmarks.of(pool)
    zero_known = any(one.delayed for one, _ in found)
    begin_s = 0.0
    if not zero_known:
        begin_s = times.quantiles(times.onset_s, (0.5,))[0]
        times = times.since_onset()
    middle = times.quantiles(times.t90_s, (0.5,))[0]
    low, high = weighted_quantiles(times.t90_s, times.impartial, (0.025, 0.975))
    low, high = min(low, middle), max(high, middle)
    timing_s = 1.96 * timing_sd_s
    return RefillEstimate(
        crt_quantiles_s=(
            max(middle - float(np.hypot(middle - low, timing_s)), 0.0),
            middle,
            middle + float(np.hypot(high - middle, timing_s)),
        ),
        unfinished_probability=float(
            times.impartial[times.t90_s > trace.time_s[-1] - begin_s].sum() / times.impartial.sum()
        ),
        t50_s=times.quantiles(times.t50_s, (0.5,))[0],
        t10_s=times.quantiles(times.t10_s, (0.5,))[0],
        onset_s=max(times.quantiles(times.onset_s, (0.5,))[0], 0.0),
        tau_s=_time_constant_s(trace, found),
        overshoot=times.quantiles(times.overshoot, (0.5,))[0],
        blanched_level=best.level,
        step=best.step,
        noise_sd=trace.stage.noise_sd,
        misfit=_smooth_rms(trace.time_s, best.residual),
        pulse_hz=trace.stage.pulse_hz,
        family=family.name,
        family_weights=_family_weights(pool),
        zero_shift_s=0.0 if zero_known else begin_s - GUESS_LEAD_S,
        fit_time_s=trace.time_s - begin_s,
        signal=trace.signal,
        fit=best.level + best.step * best.curve,
        pulse_free=trace.signal - best.explained,
        residual=best.residual,
    )


def _time_constant_s(trace: TraceFit, found: list[tuple[Family, Modes]]) -> float:
    """Return tau of the better of the exponential fits, prompt and delayed, over the same window."""
    lens = trace.lenses([trace.stage.sizes])
    names = {family.name for family in EXPONENTIALS}
    own = [(family, modes) for family, modes in found if family.name in names]
    members = Members.of(tuple(family for family, _ in own), [np.zeros(1, dtype=np.intp)] * len(own))
    start = padded([modes.theta for _, modes in own])
    modes = fit_side_by_side(lens, members, trace.knot_s, start, LAST_ITERATIONS)
    return float(np.exp(modes.theta[int(np.argmin(modes.objective)), 0]))


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
