"""One press from beginning to end: a recording or a trace in, the refill time or one reason out."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision import quality, refill, region, release
from vision.grid import GridRecording
from vision.landmarks import crossing_s
from vision.pressure import PressProfile, PressureTrace, profile
from vision.quality import Limits
from vision.refill import RefillEstimate
from vision.signal import LINEARISATION, LINEARISATION_SD, blood_index
from vision.trace import Trace, trace_from_light

Array = NDArray[np.float64]

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
    everywhere = replace(recording_mean(recording), repeated=recording.repeated)
    begun = _begin(everywhere, pressure, press)
    complaint = quality.of_picture(recording, limits)
    if pressure is not None:
        complaint = quality.of_pressure(press, limits, settings.target_kpa) or complaint
    if complaint:
        return replace(begun, reason=complaint)
    time_zero_s = press.time_zero_s if press else region.find_unaided(recording, signal)
    if time_zero_s is None:
        return replace(begun, reason="no_release")
    place = region.find(recording, signal, time_zero_s, float(recording.time_s[-1]))
    if place is None:
        return replace(begun, reason="window_too_short")
    if place.blanched.sum() < region.LEAST_CELLS:
        return replace(begun, reason="no_blanch")
    trace = region.trace_of(recording, place)
    begun = _begin(trace, pressure, press)
    complaint = (
        quality.of_glare(recording, place, limits)
        or quality.of_flicker(recording, time_zero_s, limits)
        or quality.of_motion(recording, time_zero_s, limits)
        or quality.of_surround(trace, recording, place, time_zero_s, limits)
        or quality.of_blanching(trace, press, time_zero_s, limits)
        or quality.of_coherence(signal, recording, place, time_zero_s, limits)
    )
    if complaint:
        return replace(begun, reason=complaint)
    return analyse_trace(trace, pressure, settings)


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
    complaint = quality.of_light_level(trace, limits)
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
        or quality.of_blanching(trace, press, time_zero_s, limits)
        or quality.of_light(trace, time_zero_s, limits)
        or quality.of_drift(trace, press, limits)
        or quality.of_course(trace, time_zero_s, limits)
    )
    if complaint:
        return replace(begun, reason=complaint)
    return _measure(begun, moment, limits)


@dataclass(frozen=True)
class _Moment:
    """Time zero with its standard error, when the probe came down and held, and which samples show skin (all: None)."""

    time_zero_s: float
    timing_sd_s: float
    press_s: tuple[float, float] | None = None
    seen: NDArray[np.bool_] | None = None


def _moment(trace: Trace, press: PressProfile | None) -> _Moment | None:
    """Return time zero from the pressure, or from the picture where there is none; None where no release is seen."""
    if press is not None:
        return _Moment(press.time_zero_s, press.timing_sd_s, (press.press_from_s - 0.1, press.held_from_s + 0.1))
    hidden = None if trace.light is None else release.find_hidden(trace.time_s, trace.light[:, 0])
    if hidden is not None:
        return _Moment(hidden.release_s, hidden.sd_s, (hidden.from_s, hidden.release_s), hidden.seen)
    found = release.find(trace.time_s, trace.signal)
    return None if found is None else _Moment(found.time_s, found.sd_s)


def _measure(begun: PressAnalysis, moment: _Moment, limits: Limits) -> PressAnalysis:
    trace, time_zero_s = begun.trace, moment.time_zero_s
    time_s = trace.time_s - time_zero_s
    blanched = float(np.median(trace.signal[trace.blanched(time_zero_s)]))
    # A signal of unknown unit is taken as proportional to blood; only light tells how far h saturates.
    optical = trace.light is not None
    index = blood_index(trace.signal, blanched) if optical else trace.signal
    beside = quality.trusted_surround(trace, time_zero_s, limits)
    surround = None if beside is None else blood_index(beside, blanched)
    press_s = None if moment.press_s is None else (moment.press_s[0] - time_zero_s, moment.press_s[1] - time_zero_s)
    try:
        estimate = refill.estimate(time_s, index, press_s, moment.timing_sd_s, surround)
    except refill.NoFitError:
        return replace(begun, reason="not_a_refill")
    low, middle, high = estimate.crt_quantiles_s
    if optical:
        optics_s = _linearisation_error_s(estimate)
        low, high = middle - float(np.hypot(middle - low, optics_s)), middle + float(np.hypot(high - middle, optics_s))
        estimate = replace(estimate, crt_quantiles_s=(max(low, 0.0), middle, high))
    window_s = float(time_s[-1])
    told = replace(
        begun,
        blanch_step=float(np.log1p(LINEARISATION * estimate.step) / LINEARISATION) if optical else estimate.step,
        estimate=estimate,
    )
    doubt = quality.of_step(estimate, limits) or quality.of_jump(estimate, limits)
    if doubt:
        return replace(told, reason=doubt)
    if high > window_s:
        return replace(told, status="censored", crt_exceeds_s=float(min(window_s, max(low, 0.0))))
    complaint = quality.of_estimate(estimate, window_s, limits)
    if complaint:
        return replace(told, reason=complaint)
    return replace(
        told,
        status="measured",
        crt_s=middle,
        crt_ci95_s=(estimate.crt_quantiles_s[0], estimate.crt_quantiles_s[2]),
        t50_s=estimate.t50_s,
        crt_90_10_s=max(middle - estimate.t10_s, 0.0),
        crt_100_10_s=max(middle - estimate.onset_s, 0.0),
        tau_s=estimate.tau_s,
        delay_s=estimate.onset_s,
        overshoot=estimate.overshoot,
    )


def _linearisation_error_s(estimate: RefillEstimate) -> float:
    """How far the refill time would move for 1.96 standard errors of the optical exponent, in s."""
    stretch = 1.96 * LINEARISATION_SD * np.log1p(LINEARISATION * estimate.step) / LINEARISATION
    fraction = float(np.log1p(0.9 * np.expm1(stretch)) / stretch) if stretch > 1e-9 else 0.9
    curve = (estimate.fit - estimate.blanched_level) / estimate.step
    after = estimate.fit_time_s > 0
    times = estimate.fit_time_s[after]
    if len(times) < 2:
        return 0.0
    shifted, plain = (float(crossing_s(times, curve[after][:, None], share)[0]) for share in (fraction, 0.9))
    return abs(shifted - plain)
