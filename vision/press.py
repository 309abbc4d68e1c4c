"""One press from beginning to end: a recording or a trace in, the refill time or one reason out."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision import quality, refill, region, release
from vision.families import PROMPT_ONSET_SD_S
from vision.grid import GridRecording
from vision.landmarks import crossing_s
from vision.pressure import PressProfile, PressureTrace, profile
from vision.quality import Limits
from vision.refill import RefillEstimate
from vision.signal import GREEN_BEND, GREEN_BEND_SD, blood_index, exponent, red_share_of
from vision.trace import Trace, trace_from_light

Array = NDArray[np.float64]

ESTABLISHED_SHARE: float = 0.1
ESTABLISHED_S: float = 0.12
"""An interval of this half-width, as a share of the refill time or in s, ends a measurement early."""
Status = Literal["measured", "censored", "not_measurable"]


@dataclass(frozen=True)
class Settings:
    """What the protocol asked for, where it is known, and the limits of quality."""

    target_kpa: float | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class PressAnalysis:
    """What one press came to. Times in s from time zero (which itself is on the trace's clock); None has no value.

    `reason` is a code of the contract's table. `step`, `baseline` and `blanched` are in the signal's unit (ln). The
    estimate and the profile stand behind the numbers, for plots.
    """

    status: Status
    reason: str | None
    trace: Trace
    time_zero_s: float | None = None
    time_zero_from: Literal["pressure", "picture"] | None = None
    crt_s: float | None = None
    crt_ci95_s: tuple[float, float] | None = None
    crt_exceeds_s: float | None = None
    t50_s: float | None = None
    crt_90_10_s: float | None = None
    crt_100_10_s: float | None = None
    tau_s: float | None = None
    delay_s: float | None = None
    overshoot: float | None = None
    blanch_step: float | None = None
    baseline: float | None = None
    mean_hold_kpa: float | None = None
    hold_s: float | None = None
    release_s: float | None = None
    index_exponent: float | None = None
    estimate: RefillEstimate | None = None
    profile: PressProfile | None = None
    pressure: PressureTrace | None = None

    @property
    def frames(self) -> int:
        """How many frames the trace has."""
        return len(self.trace.time_s)

    @property
    def frames_dropped(self) -> int:
        """How many frames are missing between its first and its last."""
        return self.trace.dropped()

    @property
    def established(self) -> bool:
        """Whether the window reaches so far behind the refilled level that a longer one would hardly change the number.

        The bedside may then let the finger go: twice the upper end of the interval and a second have been watched, and
        the interval is as narrow as a longer window would make it on most skins.
        """
        if self.crt_s is None or self.crt_ci95_s is None or self.time_zero_s is None:
            return False
        low, high = self.crt_ci95_s
        watched_s = float(self.trace.time_s[-1]) - self.time_zero_s
        return watched_s >= 2.0 * high + 1.0 and 0.5 * (high - low) <= max(
            ESTABLISHED_SHARE * self.crt_s, ESTABLISHED_S
        )


def _begin(trace: Trace, pressure: PressureTrace | None, press: PressProfile | None) -> PressAnalysis:
    """What can be said of any press before it is judged."""
    start = PressAnalysis("not_measurable", None, trace, pressure=pressure)
    if pressure is None or press is None:
        return start
    before = trace.signal[trace.time_s < press.press_from_s]
    return replace(
        start,
        time_zero_s=press.time_zero_s,
        time_zero_from="pressure",
        baseline=float(np.median(before)) if len(before) else None,
        mean_hold_kpa=press.mean_hold_kpa,
        hold_s=press.hold_s,
        release_s=press.release_s,
        profile=press,
    )


def analyse_recording(recording: GridRecording, pressure: PressureTrace | None, settings: Settings) -> PressAnalysis:
    """Return what one press in a grid of cells came to; the region is found where the skin blanched."""
    limits = settings.limits
    signal = region.cell_signal(recording)
    press = None if pressure is None else profile(pressure)
    complaint = quality.of_picture(recording, limits) or quality.of_frozen(recording, limits)
    everywhere = replace(recording_mean(recording), repeated=recording.repeated, picture_reason=complaint)
    begun = _begin(everywhere, pressure, press)
    if pressure is not None:
        complaint = quality.of_pressure(press, limits, settings.target_kpa) or complaint
    if complaint:
        return replace(begun, reason=complaint)
    time_zero_s = press.time_zero_s if press else region.find_unaided(recording, signal)
    if time_zero_s is None:
        return _refused_by_picture(begun, reason="no_release")
    free_until_s = None if press is None else press.press_from_s
    place = region.find(recording, signal, time_zero_s, float(recording.time_s[-1]), free_until_s)
    if place is None:
        return _refused_by_picture(begun, reason="window_too_short")
    if place.blanched.sum() < region.LEAST_CELLS or region.is_cut_off(place):
        return _refused_by_picture(begun, reason="no_blanch")
    trace = region.trace_of(recording, place)
    begun = _begin(trace, pressure, press)
    complaint = (
        quality.of_glare(recording, place, limits)
        or quality.of_flicker(recording, time_zero_s, limits)
        or quality.of_field(recording, everywhere, time_zero_s, limits)
        or quality.of_motion(recording, time_zero_s, limits)
        or quality.of_surround(trace, recording, place, time_zero_s, limits)
        or quality.of_clocks(trace, press, limits)
        or quality.of_steep_drift(trace, press, limits)
        or quality.of_blanching(trace, press, time_zero_s, limits)
        or quality.of_coherence(signal, recording, place, time_zero_s, limits)
    )
    if complaint:
        return _refused_by_picture(begun, reason=complaint)
    return analyse_trace(trace, pressure, settings)


def _refused_by_picture(begun: PressAnalysis, reason: str) -> PressAnalysis:
    """Return the refusal with its reason on the trace too: the trace alone has to end in it again."""
    return replace(begun, reason=reason, trace=replace(begun.trace, picture_reason=reason))


def recording_mean(recording: GridRecording) -> Trace:
    """Return the trace of the whole picture, for presses whose region is never looked for."""
    return trace_from_light(recording.time_s, recording.cells.mean(axis=(1, 2), dtype=np.float64))


def analyse_trace(trace: Trace, pressure: PressureTrace | None, settings: Settings) -> PressAnalysis:
    """Return what one press came to, from its trace alone."""
    limits = settings.limits
    press = None if pressure is None else profile(pressure)
    begun = _begin(trace, pressure, press)
    if pressure is not None:
        complaint = quality.of_pressure(press, limits, settings.target_kpa)
        if complaint:
            return replace(begun, reason=complaint)
    complaint = trace.picture_reason or quality.of_light_level(trace, limits)
    if complaint:
        return replace(begun, reason=complaint)
    moment = _moment(trace, press)
    if moment is None:
        return replace(begun, reason="no_release")
    time_zero_s = moment.time_zero_s
    if press is None:
        trace = trace if moment.seen is None else trace.only(moment.seen)
        begun = replace(begun, trace=trace, time_zero_s=time_zero_s, time_zero_from="picture")
    window_s = float(trace.time_s[-1]) - time_zero_s
    if window_s < limits.least_window_s or trace.blanched(time_zero_s).sum() < 4:
        return replace(begun, reason="window_too_short")
    complaint = (
        quality.of_frames(trace, time_zero_s, limits)
        or quality.of_clocks(trace, press, limits)
        or quality.of_steep_drift(trace, press, limits)
        or quality.of_blanching(trace, press, time_zero_s, limits)
        or quality.of_light(trace, time_zero_s, limits)
        or quality.of_brightening(trace, press, time_zero_s)
        or quality.of_closure(trace, press, time_zero_s, limits)
        or quality.of_colour(trace, press, time_zero_s, limits)
        or quality.of_drift(trace, press, limits)
        or quality.of_course(trace, time_zero_s, limits)
        or quality.of_early_return(trace, press, limits)
        or quality.of_leap(trace, time_zero_s, limits)
        or quality.of_bump(trace, press, time_zero_s, limits)
        or quality.of_hold(trace, press, limits)
    )
    if complaint:
        return replace(begun, reason=complaint)
    if quality.is_unfinished(trace, press, time_zero_s, limits):
        return replace(begun, status="censored", crt_exceeds_s=window_s)
    return _measured(begun, moment, limits)


@dataclass(frozen=True)
class _Moment:
    """Time zero with its standard error, when the probe came down and held, and which samples show skin (all: None).

    `onset_sd_s` is how far from time zero a prompt refill may begin; None where time zero is no more than a guess.
    """

    time_zero_s: float
    timing_sd_s: float
    press_s: tuple[float, float] | None = None
    seen: NDArray[np.bool_] | None = None
    onset_sd_s: float | None = PROMPT_ONSET_SD_S


def _moment(trace: Trace, press: PressProfile | None) -> _Moment | None:
    """Return time zero from the pressure, or from the picture where there is none; None where no release is seen."""
    if press is not None:
        # A slow release lets blood back at some unknown share of the pressure.
        onset_sd_s = max(PROMPT_ONSET_SD_S, 0.3 * (press.release_s or 0.0))
        span_s = (press.press_from_s - 0.1, press.held_from_s + 0.1)
        return _Moment(press.time_zero_s, press.timing_sd_s, span_s, onset_sd_s=onset_sd_s)
    hidden = None if trace.light is None else release.find_hidden(trace.time_s, trace.light[:, 0])
    if hidden is not None:
        return _Moment(hidden.release_s, hidden.sd_s, (hidden.from_s, hidden.release_s), hidden.seen)
    found = release.find(trace.time_s, trace.signal)
    if found is None:
        return None
    return _Moment(release.lift_off(trace.time_s, trace.signal, found), 0.0, onset_sd_s=None)


def _measured(begun: PressAnalysis, moment: _Moment, limits: Limits) -> PressAnalysis:
    """Return what the estimator says of a press that no check has refused, or why its fit is not to be trusted."""
    estimate, k = _estimated(begun.trace, moment, limits)
    if estimate is None:
        return replace(begun, reason="not_a_refill")
    zero_s = moment.time_zero_s + estimate.zero_shift_s
    told = replace(
        begun,
        time_zero_s=zero_s,
        blanch_step=float(np.log1p(k * estimate.step) / k) if k is not None else estimate.step,
        index_exponent=k,
        estimate=estimate,
    )
    window_s = float(begun.trace.time_s[-1]) - zero_s
    doubt = (
        quality.of_step(estimate, limits)
        or quality.of_jump(estimate, limits)
        or quality.of_dip(estimate, limits)
        or quality.of_loss(estimate, limits)
    )
    if doubt:
        return replace(told, reason=doubt)
    low, middle, high = estimate.crt_quantiles_s
    if middle > window_s or estimate.unfinished_probability > limits.unfinished:
        if quality.is_overfull(begun.trace, begun.profile, moment.time_zero_s, limits):
            return replace(told, reason="not_settled")
        return replace(told, status="censored", crt_exceeds_s=float(min(window_s, max(low, 0.0))))
    complaint = (
        quality.of_estimate(estimate, window_s, limits)
        or quality.of_level(estimate, _fall(begun, k), limits)
        or ("not_settled" if window_s < limits.least_behind * high else None)
    )
    if complaint:
        return replace(told, reason=complaint)
    return replace(
        told,
        status="measured",
        crt_s=middle,
        crt_ci95_s=(low, high),
        t50_s=estimate.t50_s,
        crt_90_10_s=max(middle - estimate.t10_s, 0.0),
        crt_100_10_s=max(middle - estimate.onset_s, 0.0),
        tau_s=estimate.tau_s,
        delay_s=estimate.onset_s,
        overshoot=estimate.overshoot,
    )


def _estimated(trace: Trace, moment: _Moment, limits: Limits) -> tuple[RefillEstimate | None, float | None]:
    """Return the estimate, its interval widened by what the optics may do, and the exponent of the blood index."""
    zero_s = moment.time_zero_s
    k = None if trace.light is None else _exponent(trace, trace.light, zero_s)
    # Copies of a picture say nothing new, and would say it at a wrong time.
    used = trace if trace.repeated is None else trace.only(~trace.repeated)
    blanched = float(np.median(used.signal[used.blanched(zero_s)]))
    # A signal of unknown unit is taken as proportional to blood; only light tells how far h saturates.
    index = used.signal if k is None else blood_index(used.signal, blanched, k)
    beside = quality.trusted_surround(used, zero_s, limits)
    surround = None if beside is None or k is None else blood_index(beside, blanched, k)
    press_s = None if moment.press_s is None else (moment.press_s[0] - zero_s, moment.press_s[1] - zero_s)
    try:
        estimate = refill.estimate(
            used.time_s - zero_s, index, press_s, moment.timing_sd_s, surround, moment.onset_sd_s
        )
    except refill.NoFitError:
        return None, k
    if k is None:
        return estimate, k
    optics_s = _bend_error_s(estimate, k)
    low, middle, high = estimate.crt_quantiles_s
    low, high = middle - float(np.hypot(middle - low, optics_s)), middle + float(np.hypot(high - middle, optics_s))
    return replace(estimate, crt_quantiles_s=(max(low, 0.0), middle, high)), k


def _fall(begun: PressAnalysis, k: float | None) -> float | None:
    """Return how far the index fell at the press, in its own unit; None where it was not seen, or k is not known."""
    if begun.baseline is None or begun.time_zero_s is None or k is None:
        return None
    trace = begun.trace
    return float(
        blood_index(np.array(begun.baseline), float(np.median(trace.signal[trace.blanched(begun.time_zero_s)])), k)
    )


def _exponent(trace: Trace, light: Array, time_zero_s: float) -> float:
    """Return the exponent of the blood index from how red and green moved between blanched and refilled."""
    late_from_s = time_zero_s + 0.6 * (trace.time_s[-1] - time_zero_s)
    held, late = light[trace.blanched(time_zero_s)], light[trace.time_s > late_from_s]
    return exponent(red_share_of(np.median(held, axis=0), np.median(late, axis=0)))


def _bend_error_s(estimate: RefillEstimate, k: float) -> float:
    """How far the refill time would move for 1.96 standard errors of the index's bend, in s."""
    stretch = 1.96 * GREEN_BEND_SD / GREEN_BEND * float(np.log1p(k * estimate.step))
    fraction = float(np.log1p(0.9 * np.expm1(stretch)) / stretch) if stretch > 1e-9 else 0.9
    curve = (estimate.fit - estimate.blanched_level) / estimate.step
    after = estimate.fit_time_s > 0
    times = estimate.fit_time_s[after]
    if len(times) < 2:
        return 0.0
    shifted, plain = (float(crossing_s(times, curve[after][:, None], share)[0]) for share in (fraction, 0.9))
    return abs(shifted - plain)
