"""The ladder's plots: Bland-Altman of us and pyCRT, error by tone, coverage by stratum."""

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image

mpl.use("Agg")
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.accuracy_ladder import KINDS, MAIN, TONES, Outcome
from benchmarks.accuracy_report import ours

ERROR_SHOWN_S = 1.5
INK = {"exp": "#4477aa", "biexp": "#ee6677", "delayed": "#228833", "sigmoid": "#ccbb44", "overshoot": "#aa3377"}
SKIN = {"I": "#f3d6bf", "II": "#e3b48d", "III": "#c98f62", "IV": "#a3683f", "V": "#6f4125", "VI": "#3b2416"}
Measured = Callable[[Outcome], float | None]


def _ours(outcome: Outcome) -> float | None:
    return outcome.crt_s


def _peer(outcome: Outcome) -> float | None:
    return None if outcome.peer.rejected else outcome.peer.t90_s


METHODS: tuple[tuple[str, Measured], ...] = (("this software", _ours), ("pyCRT 2.2.2 (same presses)", _peer))


def save(figure: Figure, path: Path) -> None:
    """Write a PNG of few colours: small enough to keep under version control."""
    drawn = BytesIO()
    figure.savefig(drawn, dpi=90, format="png")
    Image.open(drawn).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


def bland_altman(outcomes: Sequence[Outcome], path: Path) -> None:
    """Plot error against truth of the main ladder, both methods on the same axes limits, one colour a curve."""
    main = [o for o in outcomes if o.case.group == MAIN]
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, (name, value) in zip(panels, METHODS, strict=True):
        _scatter(axes, main, value)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("true time to 90 %, s")
    panels[0].set_ylabel(f"measured - true, s (beyond ±{ERROR_SHOWN_S:g} s at the rim)")
    panels[0].legend(fontsize=7, ncols=5, loc="upper center", markerscale=3)
    save(figure, path)


def _scatter(axes: Axes, outcomes: Sequence[Outcome], value: Measured) -> None:
    for kind in KINDS:
        found = [(o.truth_s, v) for o in outcomes if o.spec.kind == kind and (v := value(o)) is not None]
        truth_s, measured_s = np.array(found, dtype=np.float64).reshape(-1, 2).T
        error_s = np.clip(measured_s - truth_s, -ERROR_SHOWN_S, ERROR_SHOWN_S)
        axes.plot(truth_s, error_s, ".", ms=2.5, color=INK[kind], label=kind)
    truth_s = np.geomspace(0.45, 13.0, 200)
    for sign in (-1, 1):
        axes.plot(truth_s, sign * np.maximum(0.1, 0.06 * truth_s), color="0.2", lw=0.9)
    axes.set_xscale("log")
    axes.set_xticks([0.5, 1, 2, 4, 8, 12], ["0.5", "1", "2", "4", "8", "12"])
    axes.minorticks_off()
    axes.set_ylim(-1.05 * ERROR_SHOWN_S, 1.05 * ERROR_SHOWN_S)


def by_tone(outcomes: Sequence[Outcome], path: Path) -> None:
    """Plot the error, a box a tone: middle half, and 2.5 to 97.5 %; linear within ±0.1 s, logarithmic beyond."""
    main = [o for o in outcomes if o.case.group == MAIN]
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (name, value) in zip(panels, METHODS, strict=True):
        found = [[v - o.truth_s for o in main if o.spec.tone == tone and (v := value(o)) is not None] for tone in TONES]
        boxes = axes.boxplot(found, whis=(2.5, 97.5), showfliers=False, patch_artist=True, widths=0.6)
        for box, tone in zip(boxes["boxes"], TONES, strict=True):
            box.set_facecolor(SKIN[tone])
        axes.set_yscale("symlog", linthresh=0.1)
        axes.axhspan(-0.1, 0.1, color="0.9", zorder=0)
        axes.set_xticks(range(1, len(TONES) + 1), TONES)
        axes.set_xlabel("skin tone (Fitzpatrick)")
        axes.set_title(name, fontsize=10)
    panels[0].set_ylabel("measured - true, s (grey: ±0.1 s)")
    panels[0].set_yticks([-10, -1, -0.1, 0, 0.1, 1, 10], ["-10", "-1", "-0.1", "0", "0.1", "1", "10"])
    save(figure, path)


def coverage(strata: dict[str, list[Outcome]], path: Path) -> None:
    """Plot the share of 95 % intervals that hold the truth, with binomial bars (Agresti-Coull), a line a stratum."""
    told = [(name, ours(found)) for name, found in strata.items()]
    told = [(name, f) for name, f in told if f.measured][::-1]
    figure = Figure(figsize=(6.5, 0.22 * len(told) + 1.2), layout="constrained")
    axes = figure.subplots()
    for row, (_, f) in enumerate(told):
        axes.plot(100 * np.clip(f.covered_95, 0.0, 1.0), [row, row], color=INK["exp"], lw=1.2)
        axes.plot(100 * f.covered, row, "o", ms=4, color=INK["exp"])
    axes.axvspan(92, 98, color="0.9", zorder=0)
    axes.axvline(95, color="0.5", lw=0.8)
    axes.set_yticks(range(len(told)), [f"{name} ({f.measured})" for name, f in told], fontsize=7)
    axes.set_xlabel("95 % intervals that hold the truth, % (bars: 95 % binomial; grey: 92 to 98 %)", fontsize=8)
    save(figure, path)
