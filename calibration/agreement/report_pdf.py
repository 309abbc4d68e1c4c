"""The agreement as a PDF of two pages: the figures in words, and the plots that they come from."""

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")  # no screen is needed, nor there
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from calibration.agreement.pairs import Pairs
from calibration.agreement.summary import Summary, in_words

A4_INCHES: tuple[float, float] = (8.27, 11.69)
NOTE: str = "A stopwatch in a hand is no reference standard: this is agreement, not accuracy."


def write_report(path: Path, pairs: Pairs, summary: Summary, title: str) -> None:
    """Write the report; raises `OSError`. The same pairs give the same file but for its date."""
    with PdfPages(path, metadata={"Title": title, "Creator": "refill calibrate agreement"}) as pdf:
        for page in (_words(summary, title), _plots(pairs, summary)):
            pdf.savefig(page)


def _words(summary: Summary, title: str) -> Figure:
    page = Figure(figsize=A4_INCHES)
    page.text(0.08, 0.94, title, fontsize=15, weight="bold")
    page.text(0.08, 0.915, NOTE, fontsize=9)
    for number, line in enumerate(in_words(summary)):
        page.text(0.08, 0.87 - 0.022 * number, line, fontsize=9, wrap=True)
    return page


def _plots(pairs: Pairs, summary: Summary) -> Figure:
    page = Figure(figsize=A4_INCHES, layout="constrained")
    above, below = page.subplots(2, 1)
    _bland_altman(above, pairs, summary)
    _line(below, pairs, summary)
    return page


def _bland_altman(axes: Axes, pairs: Pairs, summary: Summary) -> None:
    found = summary.limits
    for number, rater in enumerate(pairs.raters):
        mine = pairs.rater == number
        axes.plot(pairs.mean_s[mine], pairs.difference_s[mine], "o", ms=4, alpha=0.7, label=f"rater {rater}")
    for value, interval in (
        (found.bias_s, found.bias_ci95_s),
        (found.low_s, found.low_ci95_s),
        (found.high_s, found.high_ci95_s),
    ):
        axes.axhline(value, color="black", lw=1)
        axes.axhspan(*interval, color="tab:blue", alpha=0.15, lw=0)
    axes.set_xlabel("mean of device and stopwatch, s")
    axes.set_ylabel("device less stopwatch, s")
    axes.set_title("Bias and 95 % limits of agreement, with their 95 % intervals", fontsize=10)
    axes.legend(fontsize=8)


def _line(axes: Axes, pairs: Pairs, summary: Summary) -> None:
    axes.plot(pairs.device_s, pairs.stopwatch_s, "o", ms=4, alpha=0.7)
    ends = np.array([0.0, 1.05 * max(pairs.device_s.max(), pairs.stopwatch_s.max())])
    axes.plot(ends, ends, ":", color="0.5", label="the same")
    if summary.line is not None:
        axes.plot(ends, summary.line.intercept_s + summary.line.slope * ends, color="black", label="Deming")
    for draw in (axes.axhline, axes.axvline):
        draw(summary.at_threshold.threshold_s, color="tab:orange", ls="--", lw=1)
    axes.set_xlabel("device, s")
    axes.set_ylabel("stopwatch, s")
    axes.legend(fontsize=8)
