"""Twelve phantom recordings over all skin tones and curve shapes: truth, result, interval.

`python -m benchmarks.press_table` simulates each press as a video, analyses it as `refill analyse` would, prints the
table and writes `docs/evidence/press-table.md` with a plot. Simulation: it says nothing about people.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib.figure import Figure

from contract.version import __version__
from phantom.recording import write_recording
from phantom.spec import PressSpec
from refill.analyse_cli import analyse_path
from vision import ALGORITHM_VERSION

EVIDENCE = Path("docs/evidence")
SPECS: tuple[PressSpec, ...] = (
    PressSpec(tone="I", kind="exp", crt_s=1.0, step_ln_g=0.10),
    PressSpec(tone="II", kind="biexp", crt_s=2.4, step_ln_g=0.15),
    PressSpec(tone="III", kind="delayed", crt_s=3.5, step_ln_g=0.08),
    PressSpec(tone="IV", kind="sigmoid", crt_s=2.0, step_ln_g=0.12),
    PressSpec(tone="V", kind="overshoot", crt_s=3.0, step_ln_g=0.20),
    PressSpec(tone="VI", kind="exp", crt_s=2.4, step_ln_g=0.25),
    PressSpec(tone="I", kind="biexp", crt_s=4.0, step_ln_g=0.30),
    PressSpec(tone="II", kind="sigmoid", crt_s=5.0, step_ln_g=0.05),
    PressSpec(tone="III", kind="overshoot", crt_s=1.5, step_ln_g=0.10),
    PressSpec(tone="IV", kind="delayed", crt_s=2.8, step_ln_g=0.40),
    PressSpec(tone="V", kind="biexp", crt_s=1.6, step_ln_g=0.06),
    PressSpec(tone="VI", kind="sigmoid", crt_s=3.2, step_ln_g=0.10),
)


@dataclass(frozen=True)
class Row:
    """One recording: what was simulated, what was measured."""

    spec: PressSpec
    truth_s: float
    status: str
    reason: str | None
    crt_s: float | None
    low_s: float | None
    high_s: float | None

    def cells(self) -> list[str]:
        """Return the row's cells as text."""
        spec = self.spec
        made = [spec.tone, spec.kind, f"{spec.step_ln_g:.2f}", f"{self.truth_s:.2f}"]
        if self.crt_s is None or self.low_s is None or self.high_s is None:
            return [*made, self.status if self.reason is None else self.reason, "", "", ""]
        holds = "yes" if self.low_s <= self.truth_s <= self.high_s else "no"
        interval = f"{self.low_s:.2f} to {self.high_s:.2f}"
        return [*made, f"{self.crt_s:.2f}", interval, f"{self.crt_s - self.truth_s:+.2f}", holds]


HEAD = ["tone", "curve", "step, ln G", "true, s", "measured, s", "95 % interval, s", "error, s", "contains truth"]


def measure(spec: PressSpec, folder: Path) -> Row:
    """Simulate one press as a video in `folder` and analyse it."""
    written = write_recording(spec, folder / f"press-{spec.seed}")
    found = analyse_path(written.paths[0], None, None, lambda _done, _expected: None)
    low_s, high_s = found.crt_ci95_s or (None, None)
    return Row(spec, float(written.truth["t90"]), found.status, found.reason, found.crt_s, low_s, high_s)


def as_markdown(rows: list[Row]) -> str:
    """Return the evidence file's text."""
    measured = [row for row in rows if row.crt_s is not None]
    held = sum(row.cells()[-1] == "yes" for row in measured)
    worst = max((abs(row.crt_s - row.truth_s) for row in measured if row.crt_s is not None), default=0.0)
    lines = [
        "# Twelve phantom presses",
        "",
        f"Written by `python -m benchmarks.press_table` (software {__version__}, algorithm {ALGORITHM_VERSION}).",
        "Simulation. True value: time to 90 % of the blood volume's recovery.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|" + " --- |" * len(HEAD),
        *("| " + " | ".join(row.cells()) + " |" for row in rows),
        "",
        f"{len(measured)} of {len(rows)} measured; largest error {worst:.2f} s; {held} intervals contain the truth.",
        "",
        "![measured against true](press-table.png)",
    ]
    return "\n".join(lines) + "\n"


def plot(rows: list[Row], path: Path) -> None:
    """Plot measured against true, with intervals, one colour a tone."""
    figure = Figure(figsize=(6, 5.5), layout="constrained")
    axes = figure.subplots()
    colours = {"I": "#f3d6bf", "II": "#e3b48d", "III": "#c98f62", "IV": "#a3683f", "V": "#6f4125", "VI": "#3b2416"}
    for row in rows:
        if row.crt_s is None or row.low_s is None or row.high_s is None:
            continue
        bars = [[row.crt_s - row.low_s], [row.high_s - row.crt_s]]
        axes.errorbar(row.truth_s, row.crt_s, bars, fmt="o", color=colours[row.spec.tone], mec="0.3", capsize=3)
    axes.plot([0, 6], [0, 6], color="0.6", lw=0.8)
    axes.set_xlabel("true refill time, s")
    axes.set_ylabel("measured refill time with 95 % interval, s")
    axes.set_title("Simulated presses, skin tones I (light) to VI (dark)", fontsize=10)
    figure.savefig(path, dpi=100)


def main() -> int:
    """Run the table; exit 1 where a press that should be measured was not, or an interval is off by far."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=EVIDENCE, help="folder for the table and the plot")
    out: Path = parser.parse_args().out
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for seed, spec in enumerate(SPECS, start=1):
            rows.append(measure(spec.with_(seed=seed, hold_s=5.0), Path(folder)))
            sys.stdout.write("  ".join(f"{cell:>12}" for cell in rows[-1].cells()) + "\n")
            sys.stdout.flush()
    out.mkdir(parents=True, exist_ok=True)
    (out / "press-table.md").write_text(as_markdown(rows), encoding="utf-8")
    plot(rows, out / "press-table.png")
    return 0 if all(row.crt_s is not None for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
