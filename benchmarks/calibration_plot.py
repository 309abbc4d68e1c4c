"""The campaign's plot: how well each figure's interval holds the truth, and readings before and after calibration."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.accuracy_ladder import tolerance_s
from benchmarks.accuracy_plot import save
from benchmarks.calibration_play import Done
from benchmarks.calibration_readings import SETTABLE, Reading, of
from benchmarks.calibration_report import by_figure

BEFORE, AFTER = "#ee6677", "#4477aa"
BEYOND_U = 2.0
"""What is farther off is drawn at the rim."""


def plot(devices: Sequence[Done], found: Sequence[Reading], path: Path) -> None:
    """Write the plot as PNG."""
    figure = Figure(figsize=(11, 8), layout="constrained")
    left, right = figure.subplots(1, 2)
    _off(left, devices)
    _errors(right, found)
    save(figure, path)


def _off(axes: Axes, devices: Sequence[Done]) -> None:
    shown = [each for each in by_figure(devices) if each.off][::-1]
    for place, each in enumerate(shown):
        off = np.clip(each.off, -BEYOND_U, BEYOND_U)
        axes.plot(off, np.full(len(off), place), "|", color=AFTER, markersize=5, alpha=0.5)
    axes.set_yticks(range(len(shown)), [f"{each.named[1]}" for each in shown], fontsize=6)
    axes.axvspan(-1.0, 1.0, color="#eef2f6", zorder=0)
    axes.set_xlim(-1.05 * BEYOND_U, 1.05 * BEYOND_U)
    axes.set_xlabel("(figure - truth) / stated expanded uncertainty")
    axes.set_title("every device's figures", fontsize=10)


def _errors(axes: Axes, found: Sequence[Reading]) -> None:
    for after, colour, word in ((False, BEFORE, "before"), (True, AFTER, "after")):
        own = [reading for reading in of(found, SETTABLE, after) if reading.crt_s is not None]
        axes.plot(
            [reading.truth_s for reading in own],
            [reading.error_s for reading in own],
            "o",
            color=colour,
            markersize=4,
            label=f"{word} ({len(own)} of {len(of(found, SETTABLE, after))} measured)",
        )
    truth_s = np.linspace(0.9, 6.1, 50)
    allowed_s = np.array([tolerance_s(float(each)) for each in truth_s])
    for sign in (-1.0, 1.0):
        axes.plot(truth_s, sign * allowed_s, color="#1c2430", linewidth=0.8)
    axes.set_xlabel("true time to 90 %, s")
    axes.set_ylabel("measured - true, s")
    axes.set_title("devices that were set wrongly; lines: allowed error", fontsize=10)
    axes.legend(fontsize=8)
