"""The curve of one press as SVG: the signal against time from the release, its fit, and the pressure below it.

What is marked is what the reading says; the fit is that of the stored trace, and a line says whether both agree.
"""

from html import escape
from math import ceil

import numpy as np
from numpy.typing import NDArray

from contract.reading import PressRecord, RefillResult
from trial.page.curve_sheet import HEIGHT, LEFT, TOP, paragraph, sheet, told, words_at
from trial.page.markup import Markup
from trial.page.plots import INK, QUIET
from vision.press import PressAnalysis
from vision.signal import blood_index

Array = NDArray[np.float64]

RIGHT, FLOOR = 586, 244
PRESSURE_TOP, PRESSURE_FLOOR = 270, 322
MARK, BAND, SEEN, PROBE = "#a3261d", "#eeb9b0", "#6a7782", "#2f6b3f"
MOST_POINTS: int = 1500
"""More of them are one grey band at this width."""
SAME_S: float = 0.005
"""Numbers that are shown with two decimals are the same within this."""
LEAST_KPA: float = 5.0
"""The pressure's scale is no finer: noise around nothing is drawn as nothing."""


def curve_plot(analysis: PressAnalysis, press: PressRecord, doubt: str | None) -> Markup:
    """Return the drawing of a press; `doubt` is why the analysis need not give the reading again."""
    zero_s = analysis.time_zero_s or 0.0
    time_s, signal, unit = _signal(analysis, zero_s)
    pressure = analysis.pressure
    first_s, last_s = float(time_s[0]), float(time_s[-1])
    across = _Axis(first_s, last_s, LEFT, RIGHT)
    low, high = np.quantile(signal, [0.002, 0.998])
    room = 0.08 * max(float(high - low), 1e-6)
    up = _Axis(float(low) - room, float(high) + room, FLOOR, TOP)
    drawn = [_interval(press.result, across), _dots(time_s, signal, across, up)]
    if analysis.estimate is not None:
        after = analysis.estimate.fit_time_s > -0.5
        drawn.append(_level(across.at(0.0), up.at(analysis.estimate.blanched_level + 0.9 * analysis.estimate.step)))
        drawn.append(_line(analysis.estimate.fit_time_s[after], analysis.estimate.fit[after], across, up, INK, 1.8))
    drawn += [_marks(press.result, analysis.time_zero_s is not None, across), _frame(up, unit)]
    if pressure is not None and len(pressure.time_s):
        drawn.append(_pressure(pressure.time_s - zero_s, pressure.kpa, across))
    words = "s from the release" if analysis.time_zero_s is not None else "s from the first frame; no release was found"
    drawn += [_seconds(across), words_at((LEFT + RIGHT) / 2, HEIGHT - 44, words, "middle")]
    drawn.append(paragraph(HEIGHT - 24, again(analysis, press.result, doubt)))
    return sheet(f"Press {press.number}: {told(press.result)}", "".join(drawn))


def again(analysis: PressAnalysis, result: RefillResult, doubt: str | None) -> str:
    """Return whether the stored trace gives the press's result again, and why it need not."""
    if doubt is not None:
        return doubt
    same = (analysis.status, analysis.reason) == (str(result.status), result.reason and str(result.reason))
    pairs = ((analysis.crt_s, result.crt_s), (analysis.crt_exceeds_s, result.crt_exceeds_s))
    near = all(abs((one or 0.0) - (other or 0.0)) < SAME_S for one, other in pairs)
    if same and near:
        return "Analysed again from the stored trace: the same result."
    found = analysis.reason or analysis.status
    number = analysis.crt_s if analysis.crt_s is not None else analysis.crt_exceeds_s
    seconds = "" if number is None else f", {number:.2f} s"
    return f"Analysed again from the stored trace: {found}{seconds}, which is not what the reading says."


class _Axis:
    """From values to px, evenly; `ticks` are round values within."""

    def __init__(self, low: float, high: float, begin: float, end: float) -> None:
        self.low, self.high = low, max(high, low + 1e-9)
        self._begin, self._end = begin, end

    def at(self, value: float) -> float:
        """Return where a value lies, px, kept within the axis."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self._begin + share * (self._end - self._begin)

    def ticks(self, count: int) -> list[float]:
        """Return about so many round values."""
        rough = (self.high - self.low) / count
        ten = 10.0 ** np.floor(np.log10(rough))
        step = float(next(ten * each for each in (1, 2, 5, 10) if ten * each >= rough))
        first = ceil(self.low / step)
        return [step * number for number in range(first, first + 3 * count) if step * number <= self.high]


def _signal(analysis: PressAnalysis, zero_s: float) -> tuple[Array, Array, str]:
    """Return times from the release, the signal as the fit has it, and its unit in words."""
    trace, k = analysis.trace, analysis.index_exponent
    if analysis.estimate is None or k is None:
        return trace.time_s - zero_s, trace.signal, "haemoglobin index, ln"
    blanched = float(np.median(trace.signal[trace.blanched(zero_s)]))
    return trace.time_s - zero_s, blood_index(trace.signal, blanched, k), "blood index, linearised"


def _dots(time_s: Array, signal: Array, across: _Axis, up: _Axis) -> str:
    every = max(1, ceil(len(time_s) / MOST_POINTS))
    points = (f"M{across.at(t):.1f} {up.at(s):.1f}h0" for t, s in zip(time_s[::every], signal[::every], strict=True))
    return f'<path d="{"".join(points)}" stroke="{SEEN}" stroke-width="2.4" stroke-linecap="round" fill="none"/>'


def _line(times: Array, values: Array, across: _Axis, up: _Axis, colour: str, width: float) -> str:
    every = max(1, ceil(len(times) / MOST_POINTS))
    pairs = zip(times[::every], values[::every], strict=True)
    points = " ".join(f"{across.at(t):.1f},{up.at(v):.1f}" for t, v in pairs)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width:g}"/>'


def _interval(result: RefillResult, across: _Axis) -> str:
    if result.crt_ci95_s is None:
        return ""
    low, high = (across.at(each) for each in result.crt_ci95_s)
    wide = max(high - low, 1.0)
    return f'<rect x="{low:.1f}" y="{TOP}" width="{wide:.1f}" height="{FLOOR - TOP}" fill="{BAND}"/>'


def _marks(result: RefillResult, has_release: bool, across: _Axis) -> str:
    """Return the release, and the refill time or its bound, each with a word at its head."""
    if not has_release:
        return ""
    drawn = [_upright(across.at(0.0), PRESSURE_FLOOR, INK, "")]
    drawn.append(words_at(across.at(0.0) - 5, TOP - 6, "release", "end", INK))
    at_s = result.crt_s if result.crt_s is not None else result.crt_exceeds_s
    if at_s is not None:
        words = f"{at_s:.2f} s" if result.crt_s is not None else f"over {at_s:.1f} s"
        x = across.at(at_s)
        drawn.append(_upright(x, FLOOR, MARK, "" if result.crt_s is not None else "5 3"))
        beside, anchor = (5, "start") if x < RIGHT - 90 else (-5, "end")
        drawn.append(words_at(x + beside, TOP - 6, words, anchor, MARK))
    return "".join(drawn)


def _upright(x: float, floor: float, colour: str, dash: str) -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{floor}" stroke="{colour}" stroke-width="1.6"{dashed}/>'


def _level(x: float, y: float) -> str:
    line = f'<line x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{MARK}" stroke-dasharray="2 4"/>'
    return line + words_at(x - 5, y - 4, "90 %", "end", MARK)


def _frame(up: _Axis, unit: str) -> str:
    drawn = [f'<path d="M{LEFT} {TOP}V{FLOOR}H{RIGHT}" stroke="{QUIET}" fill="none"/>']
    drawn += [words_at(LEFT - 6, up.at(value) + 4, f"{value:.3g}", "end") for value in up.ticks(4)]
    drawn.append(_turned(unit, (TOP + FLOOR) / 2))
    return "".join(drawn)


def _pressure(time_s: Array, kpa: Array, across: _Axis) -> str:
    most_kpa = max(float(kpa.max()), LEAST_KPA)
    up = _Axis(min(0.0, float(kpa.min())), most_kpa, PRESSURE_FLOOR, PRESSURE_TOP)
    inside = (time_s >= across.low) & (time_s <= across.high)
    top = f"{most_kpa:.0f}"
    drawn = [f'<path d="M{LEFT} {PRESSURE_TOP}V{PRESSURE_FLOOR}H{RIGHT}" stroke="{QUIET}" fill="none"/>']
    drawn.append(_line(time_s[inside], kpa[inside], across, up, PROBE, 1.4))
    drawn += [words_at(LEFT - 6, y, words, "end") for y, words in ((PRESSURE_TOP + 6, top), (PRESSURE_FLOOR, "0"))]
    drawn.append(_turned("probe, kPa", (PRESSURE_TOP + PRESSURE_FLOOR) / 2))
    return "".join(drawn)


def _seconds(across: _Axis) -> str:
    return "".join(
        f'<line x1="{across.at(s):.1f}" x2="{across.at(s):.1f}" y1="{PRESSURE_FLOOR}" y2="{PRESSURE_FLOOR + 4}" '
        f'stroke="{QUIET}"/>{words_at(across.at(s), PRESSURE_FLOOR + 16, f"{s:g}", "middle")}'
        for s in across.ticks(8)
    )


def _turned(words: str, y: float) -> str:
    where = f'transform="translate(14 {y:.1f}) rotate(-90)" text-anchor="middle"'
    return f'<text {where} fill="{QUIET}">{escape(words)}</text>'
