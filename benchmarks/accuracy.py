"""The accuracy ladder: hundreds of simulated presses over tones, curves, refill times, steps and disturbances.

`python -m benchmarks.accuracy --presses 600` prints, by stratum, how many were refused, bias, limits of agreement,
error, how many are within 0.10 s or 6 %, and how often the 95 % interval holds the truth. It writes
`docs/evidence/accuracy.md` and a Bland-Altman plot. Truth: time to 90 % of the blood volume's recovery. Simulation:
it says nothing about people.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib.figure import Figure

from contract.version import __version__
from phantom.spec import PressSpec
from phantom.trace import simulate
from vision import ALGORITHM_VERSION
from vision.press import Settings, analyse_trace
from vision.pressure import PressureTrace
from vision.signal import haemoglobin
from vision.trace import Trace

EVIDENCE = Path("docs/evidence")
KINDS = ("exp", "biexp", "delayed", "sigmoid", "overshoot")
TONES = ("I", "II", "III", "IV", "V", "VI")


@dataclass(frozen=True)
class Outcome:
    """One press of the ladder; `crt_s` and `interval_s` are None where it was refused or censored."""

    spec: PressSpec
    with_surround: bool
    truth_s: float
    ended: str
    crt_s: float | None
    interval_s: tuple[float, float] | None

    @property
    def error_s(self) -> float:
        """Measured minus true; not a number where nothing was measured."""
        return float("nan") if self.crt_s is None else self.crt_s - self.truth_s

    @property
    def within(self) -> bool:
        """Whether the error is at most 0.10 s or 6 % of the truth, whichever is larger."""
        return abs(self.error_s) <= max(0.10, 0.06 * self.truth_s)

    @property
    def covered(self) -> bool:
        """Whether the interval holds the truth."""
        return self.interval_s is not None and self.interval_s[0] <= self.truth_s <= self.interval_s[1]


def press_spec(seed: int) -> PressSpec:
    """Return press `seed` of the ladder: refill times and steps log-uniform, disturbances uniform."""
    rng = np.random.default_rng(seed)
    crt_s = float(np.exp(rng.uniform(np.log(0.5), np.log(8.0))))
    return PressSpec(
        kind=KINDS[seed % len(KINDS)],
        tone=TONES[seed % len(TONES)],
        crt_s=crt_s,
        step_ln_g=float(np.exp(rng.uniform(np.log(0.03), np.log(0.5)))),
        seed=seed,
        hold_s=float(rng.choice([5.0, 10.0])),
        fps=float(rng.choice([24.0, 30.0, 60.0, 120.0])),
        pulse=float(rng.uniform(0, 0.12)),
        slow_wave=float(rng.uniform(0, 0.015)),
        respiration=float(rng.uniform(0, 0.01)),
        drift=float(rng.uniform(-0.03, 0.03)),
        noise=float(rng.uniform(0.5, 2.0)),
        post_s=max(10.0, 3.5 * crt_s),
    )


def measure(seed: int) -> Outcome:
    """Simulate and analyse press `seed`; every second one with unblanched skin in view."""
    spec = press_spec(seed)
    press = simulate(spec)
    with_surround = seed % 2 == 0
    trace = Trace(
        press.time_s,
        haemoglobin(press.rgb_linear),
        light=press.rgb_linear,
        surround=haemoglobin(press.surround_rgb_linear) if with_surround else None,
    )
    found = analyse_trace(trace, PressureTrace(press.pressure_time_s, press.pressure_kpa), Settings())
    ended = found.reason or found.status
    return Outcome(spec, with_surround, float(press.truth["t90"]), ended, found.crt_s, found.crt_ci95_s)


STRATA: dict[str, Callable[[Outcome], bool]] = {
    "all": lambda _: True,
    **{f"curve {kind}": (lambda outcome, kind=kind: outcome.spec.kind == kind) for kind in KINDS},
    **{f"tone {tone}": (lambda outcome, tone=tone: outcome.spec.tone == tone) for tone in TONES},
    "step under 0.07": lambda outcome: outcome.spec.step_ln_g < 0.07,
    "step 0.07 to 0.2": lambda outcome: 0.07 <= outcome.spec.step_ln_g < 0.2,
    "step from 0.2": lambda outcome: outcome.spec.step_ln_g >= 0.2,
    "refill under 2 s": lambda outcome: outcome.truth_s < 2.0,
    "refill 2 to 4 s": lambda outcome: 2.0 <= outcome.truth_s < 4.0,
    "refill from 4 s": lambda outcome: outcome.truth_s >= 4.0,
    "surround in view": lambda outcome: outcome.with_surround,
    "no surround": lambda outcome: not outcome.with_surround,
}
HEAD = ["stratum", "n", "not measured", "bias, s", "limits, s", "median abs error, s", "95th, s", "within", "covered"]


def row(name: str, outcomes: list[Outcome]) -> list[str]:
    """Return one stratum's figures as text."""
    measured = [outcome for outcome in outcomes if outcome.crt_s is not None]
    ended = Counter(outcome.ended for outcome in outcomes if outcome.crt_s is None)
    refused = ", ".join(f"{count} {reason}" for reason, count in ended.most_common()) or "0"
    if not measured:
        return [name, str(len(outcomes)), refused, *[""] * 6]
    errors = np.array([outcome.error_s for outcome in measured])
    bias, spread = float(errors.mean()), 1.96 * float(errors.std())
    share = [np.mean([outcome.within for outcome in measured]), np.mean([outcome.covered for outcome in measured])]
    return [
        *(name, str(len(outcomes)), refused, f"{bias:+.3f}", f"{bias - spread:+.2f} to {bias + spread:+.2f}"),
        *(f"{np.median(np.abs(errors)):.3f}", f"{np.quantile(np.abs(errors), 0.95):.2f}"),
        *(f"{100 * part:.0f} %" for part in share),
    ]


def as_markdown(rows: list[list[str]], presses: int) -> str:
    """Return the evidence file's text."""
    table = ["| " + " | ".join(cells) + " |" for cells in (HEAD, ["---"] * len(HEAD), *rows)]
    head = (
        f"Written by `python -m benchmarks.accuracy --presses {presses}` (software {__version__}, algorithm "
        f"{ALGORITHM_VERSION}). Simulation. Truth: time to 90 % of the blood volume's recovery. Within: error at most "
        "0.10 s or 6 %. Covered: the 95 % interval holds the truth. Every second press has unblanched skin in view."
    )
    return "\n".join(["# Accuracy ladder", "", head, "", *table, "", "![Bland-Altman](accuracy.png)"]) + "\n"


def plot(outcomes: list[Outcome], path: Path) -> None:
    """Plot error against truth, one colour a curve."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for kind in KINDS:
        of_kind = [outcome for outcome in outcomes if outcome.spec.kind == kind and outcome.crt_s is not None]
        axes.plot([o.truth_s for o in of_kind], [o.error_s for o in of_kind], ".", ms=5, alpha=0.7, label=kind)
    truth_s = np.linspace(0.4, 8.2, 200)
    for sign in (-1, 1):
        axes.plot(truth_s, sign * np.maximum(0.1, 0.06 * truth_s), color="0.4", lw=0.8)
    axes.set_xlabel("true refill time, s")
    axes.set_ylabel("measured - true, s")
    axes.set_ylim(-1.5, 1.5)
    axes.legend(fontsize=8, ncols=5)
    axes.set_title("Simulated presses; lines: 0.10 s or 6 %", fontsize=10)
    figure.savefig(path, dpi=100)


def main() -> int:
    """Run the ladder; exit 0 once it is written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=600)
    parser.add_argument("--out", type=Path, default=EVIDENCE, help="folder for the table and the plot")
    asked = parser.parse_args()
    outcomes: list[Outcome] = []
    with Pool(os.cpu_count()) as pool:
        for outcome in pool.imap(measure, range(asked.presses), chunksize=4):
            outcomes.append(outcome)
            if len(outcomes) % 50 == 0:
                sys.stderr.write(f"{len(outcomes)} of {asked.presses} presses\n")
    rows = [row(name, [outcome for outcome in outcomes if belongs(outcome)]) for name, belongs in STRATA.items()]
    for cells in (HEAD, *rows):
        sys.stdout.write("  ".join(f"{cell:>18}" for cell in cells) + "\n")
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "accuracy.md").write_text(as_markdown(rows, asked.presses), encoding="utf-8")
    plot(outcomes, asked.out / "accuracy.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
