"""The plot of one press: signal, pressure, fit, time zero, the 90 % point."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np

mpl.use("Agg")  # no screen is needed, nor there
from matplotlib.figure import Figure

from refill.recording_files import BadInputError
from vision.press import PressAnalysis
from vision.signal import blood_index

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def write_plot(analysis: PressAnalysis, path: Path, title: str) -> None:
    """Write the plot of a press as PNG, via a temporary name; raises `BadInputError` where it cannot be written."""
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    axes = figure.subplots()
    zero_s = analysis.time_zero_s
    axes.set_ylabel("haemoglobin signal")
    _draw_signal(axes, analysis)
    if zero_s is not None:
        axes.axvline(0.0, color="0.3", lw=1, label="time zero")
    if analysis.crt_s is not None and analysis.crt_ci95_s is not None:
        axes.axvline(analysis.crt_s, color="tab:red", lw=1.2, label=f"90 % at {analysis.crt_s:.2f} s")
        axes.axvspan(*analysis.crt_ci95_s, color="tab:red", alpha=0.15, lw=0, label="95 % interval")
    axes.set_xlabel("time from time zero, s" if zero_s is not None else "time, s")
    outcome = analysis.status.replace("_", " ") + (f": {analysis.reason}" if analysis.reason else "")
    axes.set_title(f"{title}: {outcome}", fontsize=10)
    axes.legend(loc="lower right", fontsize=8)
    if not path.name or path.is_dir():
        raise BadInputError(f"{path}: a folder, not the name of a picture")
    part = path.with_name(f".{path.name}.part")
    try:
        figure.savefig(part, format="png", dpi=110)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise BadInputError(f"{path}: {error.strerror or error}") from error


def _draw_signal(axes: "Axes", analysis: PressAnalysis) -> None:
    trace, estimate, profile = analysis.trace, analysis.estimate, analysis.profile
    zero_s = analysis.time_zero_s or 0.0
    time_s = trace.time_s - zero_s
    signal = trace.signal
    if estimate is not None and analysis.index_exponent is not None:
        # The fit lives in the linearised index; the signal is shown in the same unit.
        blanched = float(np.median(signal[trace.blanched(zero_s)]))
        signal = blood_index(signal, blanched, analysis.index_exponent)
        axes.set_ylabel(f"haemoglobin signal, linearised (k = {analysis.index_exponent:.2f})")
    axes.plot(time_s, signal, ".", color="0.7", ms=3, label="signal")
    if estimate is not None:
        axes.plot(estimate.fit_time_s, estimate.pulse_free, color="tab:blue", lw=1, label="pulse-free")
        after = estimate.fit_time_s > -0.5
        axes.plot(
            estimate.fit_time_s[after], estimate.fit[after], color="black", lw=1.5, label=f"fit ({estimate.family})"
        )
        axes.axhline(estimate.blanched_level + 0.9 * estimate.step, color="tab:red", lw=0.7, ls=":")
    if profile is not None and analysis.pressure is not None:
        right = axes.twinx()
        right.plot(analysis.pressure.time_s - zero_s, analysis.pressure.kpa, color="tab:green", lw=0.8, alpha=0.7)
        right.set_ylabel("probe pressure, kPa", color="tab:green")
        right.set_ylim(-2, 3 * max(profile.mean_hold_kpa, 1.0))
