"""A known refill measured as if it were skin: the recovery page's screen, through vision's own chain.

Every frame goes through the grid that the bedside keeps, and every curve through the analysis of a press. No pressure
is involved: time zero is the page's own, told from the flashes that are seen, and the press that the analysis is given
is drawn from it. The rate of the stamps' clock, against the page's, comes of the same flashes.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from calibration.camera_frames import Floats, TargetError, curve, outcome
from calibration.recovery_target import CURVES_S, FLASH_S, SEQUENCE_S, Part, parts
from calibration.rig import Film
from calibration.step import COVERAGE_FACTOR, Bench
from contract.certificate import Curve, Figure, StepName, StepOutcome
from vision.frames import Bayer, Bgr, FrameError, Layout, Pixels
from vision.grid import GridRecording, GridSampler, RegionError
from vision.press import PressAnalysis, Settings, analyse_recording
from vision.pressure import PressureTrace

REPEATS: Final = 5
FILM_S: Final = (REPEATS + 1) * SEQUENCE_S + FLASH_S + 1.0
"""However far the page is at the beginning, so many whole sequences and a flash before and after each are in it."""
ERROR_S, ERROR_SHARE = 0.10, 0.06
"""What a refill time may be off: the larger of the two."""
MOST_SCATTER_S: Final = 0.05
CLOCK_WITHIN_PCT: Final = 0.5
"""A twelfth of the error that is allowed."""
PAGE_CLOCK_PCT: Final = 0.01
"""Of a phone's crystal: 100 ppm."""
REFRESH_S: Final = 1.0 / 60.0
"""A screen draws anew so often: what is due in between is late by up to this."""
SHOWN_WITHIN: Final = 0.02
"""Of a refill time: how far a screen's tone curve, which is not quite sRGB's, may move it (rectangular)."""
BRIGHTER: Final = 1.3
"""A flash is so much brighter than anything else on the page."""
TARGET_KPA: Final = 40.0
TRIED: Final = 0.8
"""Of the curves that have to be measured; one may fall to a dropped frame."""
NO_PAGE: Final = (
    "The recovery page is not seen: open it on a screen at full brightness, tap it, and lay the plate on the screen."
)


class Watcher:
    """What looks at each frame: vision's sampler, laid for the frames that come."""

    def __init__(self) -> None:
        self._sampler: GridSampler | None = None
        self._count = 0

    def look(self, frame: Pixels, layout: Layout) -> Floats:
        """Take a frame; return its haemoglobin signal, shape (1,). Raises `TargetError`."""
        try:
            if self._sampler is None:
                self._sampler = GridSampler(*_size(frame, layout), layout=layout)
            self._sampler.add(frame, float(self._count))
        except (FrameError, RegionError) as error:
            raise TargetError(str(error)) from error
        self._count += 1
        return np.array([self._sampler.progress()[1]])

    def recording(self, film: Film) -> GridRecording:
        """Return what was kept, with the film's times from its first frame on; raises `TargetError`."""
        times = (film.t_boot_ns - film.t_boot_ns[:1]) / 1e9
        if self._sampler is None or len(times) != self._count:
            raise TargetError("The camera gave no picture.")
        if (np.diff(times) <= 0).any():
            raise TargetError("The frames' stamps do not rise: nothing can be timed by them.")
        return replace(self._sampler.finish(), time_s=np.asarray(times, dtype=float))


def _size(frame: Pixels, layout: Layout) -> tuple[int, int]:
    height, width = frame.shape[:2]
    return (width, height) if isinstance(layout, Bgr | Bayer) else (width, height * 2 // 3)


@dataclass(frozen=True)
class Flashes:
    """When flashes end by the frames' stamps: the first, s, and how much later each next one; its relative u."""

    first_s: float
    every_s: float
    rate_u: float
    edge_u_s: float
    count: int


@dataclass(frozen=True)
class Measured:
    """One curve of one sequence: what it showed, and what the analysis came to."""

    part: Part
    analysis: PressAnalysis


def end_to_end(bench: Bench) -> StepOutcome:
    """Film the page, analyse each of its curves as a press, and compare with what it showed."""
    bench.say(f"The recovery page is watched for {FILM_S / 60.0:.1f} min.")
    watcher = Watcher()
    film = bench.rig.film(FILM_S, watcher.look)
    recording = watcher.recording(film)
    exposure_s = bench.device.camera.lock.exposure_us / 1e6
    flashes = find_flashes(recording, exposure_s)
    found = [
        Measured(part, analyse_part(recording, flashes, number, part, exposure_s))
        for number in range(min(REPEATS, flashes.count - 1))
        for part in parts()
    ]
    scatter, figures = 0.0, [_clock(flashes)]
    for crt_s in CURVES_S:
        errors_s = _errors_s(found, crt_s)
        figures.append(_error(errors_s, crt_s, flashes))
        scatter += float(np.var(errors_s, ddof=1)) / len(CURVES_S)
    u = math.sqrt(scatter / (2.0 * len(CURVES_S) * (REPEATS - 1)))
    figures.append(
        Figure(
            name="repeatability-s",
            value=math.sqrt(scatter),
            unit="s",
            uncertainty=COVERAGE_FACTOR * u,
            at_most=MOST_SCATTER_S,
        )
    )
    return outcome(StepName.END_TO_END, figures, _curves(found))


def find_flashes(recording: GridRecording, exposure_s: float) -> Flashes:
    """Return when the page's flashes end; raises `TargetError` where what is seen is not the page.

    An edge is taken as between the last frame before and the first after it, at the middle of their exposures.
    """
    level = recording.cells.mean(axis=(1, 2, 3), dtype=np.float64)
    low, high = float(np.percentile(level, 90)), float(np.percentile(level, 99.5))
    if high < BRIGHTER * low:
        raise TargetError(NO_PAGE)
    lit = (level > 0.5 * (low + high)).astype(int)
    middle_s = recording.time_s + 0.5 * exposure_s
    ends = np.flatnonzero(np.diff(lit) < 0)
    end_s = 0.5 * (middle_s[ends] + middle_s[ends + 1])
    number = np.rint((end_s - end_s[0]) / SEQUENCE_S) if len(end_s) else end_s
    if len(end_s) < REPEATS + 1 or not (np.diff(number) == 1).all():
        raise TargetError(NO_PAGE)
    every_s, first_s = np.polyfit(number, end_s, 1)
    interval_s = float(np.median(np.diff(recording.time_s)))
    edge_u_s = math.hypot(interval_s, REFRESH_S) / math.sqrt(12.0)
    left_s = float(np.std(end_s - np.polyval((every_s, first_s), number)))
    edge_u_s = max(edge_u_s, left_s)
    slope_u_s = edge_u_s / (float(np.std(number)) * math.sqrt(len(number)))
    rate_u = math.hypot(slope_u_s / SEQUENCE_S, PAGE_CLOCK_PCT / 100.0 / math.sqrt(3.0))
    return Flashes(float(first_s), float(every_s), rate_u, edge_u_s, len(end_s))


def analyse_part(
    recording: GridRecording, flashes: Flashes, number: int, part: Part, exposure_s: float
) -> PressAnalysis:
    """Return what vision makes of one curve of sequence `number`, as of a press whose pressure is drawn from the page.

    Where in the stamps a part begins follows from the flashes, at the rate at which they are seen. Vision takes a
    stamp, the start of an exposure, for the time of its picture; here as at the bedside.
    """
    rate = flashes.every_s / SEQUENCE_S
    end_s = flashes.first_s + number * flashes.every_s
    free_s, pressed_s, released_s, over_s = (
        end_s + rate * at for at in (part.free_s, part.pressed_s, part.released_s, part.over_s)
    )
    margin_s = 2.0 * REFRESH_S
    inside = (recording.time_s > free_s + margin_s) & (recording.time_s + exposure_s < over_s - margin_s)
    press_s = np.arange(free_s, over_s, 0.01)
    kpa = np.where((press_s >= pressed_s) & (press_s < released_s), TARGET_KPA, 0.0)
    if inside.sum() < 60:
        raise TargetError(NO_PAGE)
    return analyse_recording(
        cut(recording, inside), _drawn(press_s, kpa, pressed_s, released_s), Settings(target_kpa=TARGET_KPA)
    )


def _drawn(press_s: Floats, kpa: Floats, pressed_s: float, released_s: float) -> PressureTrace:
    """Return the trace with its edges where they are, not at the next sample."""
    edge_s = 0.0005
    corners = np.array([pressed_s - edge_s, pressed_s + edge_s, released_s - edge_s, released_s + edge_s])
    kept = np.abs(press_s[:, None] - corners[[0, 2]] - edge_s).min(axis=1) > 2.0 * edge_s
    times = np.concatenate([press_s[kept], corners])
    levels = np.concatenate([kpa[kept], TARGET_KPA * np.array([0.0, 1.0, 1.0, 0.0])])
    order = np.argsort(times)
    return PressureTrace(times[order], levels[order])


def cut(recording: GridRecording, inside: NDArray[np.bool_]) -> GridRecording:
    """Return the frames of a recording that are asked for, shape (n,)."""
    return GridRecording(
        time_s=recording.time_s[inside],
        cells=recording.cells[inside],
        clipped=recording.clipped[inside],
        dark=recording.dark[inside],
        shift_px=recording.shift_px[inside],
        sharpness=recording.sharpness[inside],
        repeated=recording.repeated[inside],
        cell_px=recording.cell_px,
    )


def _clock(flashes: Flashes) -> Figure:
    return Figure(
        name="stamps-rate-pct",
        value=100.0 * (flashes.every_s / SEQUENCE_S - 1.0),
        unit="%",
        uncertainty=COVERAGE_FACTOR * 100.0 * flashes.rate_u,
        at_least=-CLOCK_WITHIN_PCT,
        at_most=CLOCK_WITHIN_PCT,
    )


def _errors_s(found: list[Measured], crt_s: float) -> Floats:
    own = [each.analysis for each in found if each.part.crt_s == crt_s]
    errors_s = [analysis.crt_s - crt_s for analysis in own if analysis.crt_s is not None]
    if len(errors_s) < TRIED * REPEATS:
        why = next((analysis.reason or analysis.status for analysis in own if analysis.crt_s is None), "no frames")
        raise TargetError(
            f"A refill of {crt_s:g} s was measured {len(errors_s)} times of {len(own)} ({why}): see that nothing "
            "moves, and no light falls on the screen."
        )
    return np.array(errors_s)


def _error(errors_s: Floats, crt_s: float, flashes: Flashes) -> Figure:
    """Return the mean error of one curve. Uncertain are the mean (few repeats: JCGM 101:2008, 6.4.9.4), time zero,
    the screen's refresh, and the colours that it really shows."""
    count = len(errors_s)
    mean_u = float(np.std(errors_s, ddof=1)) * math.sqrt((count - 1) / max(count - 3, 1) / count)
    zero_u = flashes.edge_u_s / math.sqrt(flashes.count)
    u = math.hypot(mean_u, zero_u, REFRESH_S / math.sqrt(12.0), SHOWN_WITHIN * crt_s / math.sqrt(3.0))
    within = max(ERROR_S, ERROR_SHARE * crt_s)
    return Figure(
        name=f"error-{crt_s * 1e3:.0f}-ms",
        value=1e3 * float(errors_s.mean()),
        unit="ms",
        uncertainty=COVERAGE_FACTOR * 1e3 * u,
        at_least=-1e3 * within,
        at_most=1e3 * within,
    )


def _curves(found: list[Measured]) -> list[Curve]:
    """Return the first curve of each length, as vision saw it and as it was fitted."""
    drawn = []
    for crt_s in CURVES_S:
        analysis = next(each.analysis for each in found if each.part.crt_s == crt_s and each.analysis.crt_s is not None)
        if analysis.estimate is not None:
            fit = analysis.estimate
            some = slice(None, None, max(1, -(-len(fit.fit_time_s) // 300)))
            for name, y in (("seen", fit.signal), ("fitted", fit.fit)):
                drawn.append(
                    curve(f"refill-{crt_s * 1e3:.0f}-ms-{name}", fit.fit_time_s[some], y[some], "time, s", "index")
                )
    return drawn
