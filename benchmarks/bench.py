"""Speed and memory: the per-frame path, the analysis of one press, a thousand presses one after the other.

`python -m benchmarks.bench` times analyses interleaved with pyCRT's fit and scipy's `curve_fit` on the same presses
(best of three each, so that another program's turn does not count), adds the per-frame table of
`benchmarks.frame_path`, watches the memory of 1,000 analyses, prints it all and writes `docs/evidence/speed.md`. Times
are of this machine; ratios carry over.
"""

import argparse
import importlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import pycrt_peer
from benchmarks.accuracy_ladder import MAIN, Case, spec_of, trace_of
from benchmarks.accuracy_report import markdown_table, text_table
from benchmarks.cramer_rao_peers import least_squares
from benchmarks.faults import record
from benchmarks.verdict import Verdict
from contract.version import __version__
from phantom.spec import PressSpec
from phantom.trace import SimulatedTrace, simulate
from vision import ALGORITHM_VERSION
from vision.grid import GridRecording
from vision.press import Settings, analyse_recording, analyse_trace
from vision.pressure import PressureTrace
from vision.trace import Trace

EVIDENCE = Path("docs/evidence")
PRESSES, REPEATS = 30, 3
WATCHED, WATCH_AT = 1000, (100, 500, 1000)
OURS = ("recording analysed (grid of cells)", "trace analysed")
LIMIT_MS, GROWTH_MIB = 150.0, 5.0
# Small pictures with as little noise a cell as 320x240 gives: the analysis sees only the grid.
SMALL = {"width_px": 128, "height_px": 96, "noise": 0.4}


@dataclass(frozen=True)
class Press:
    """One press, simulated before any clock runs: as a trace and as a grid recording."""

    simulated: SimulatedTrace
    trace: Trace
    pressure: PressureTrace
    grid: GridRecording
    grid_pressure: PressureTrace

    def work(self) -> dict[str, Callable[[], object]]:
        """Return what is timed on this press."""
        zero_s = float(self.simulated.truth["t0"])
        seen = self.trace.time_s > zero_s - 2.0
        time_s, signal = self.trace.time_s[seen] - zero_s, self.trace.signal[seen]
        bgr = self.simulated.rgb_encoded[:, ::-1]
        return {
            OURS[0]: lambda: analyse_recording(self.grid, self.grid_pressure, Settings()),
            OURS[1]: lambda: analyse_trace(self.trace, self.pressure, Settings()),
            "pyCRT fit": lambda: pycrt_peer.run(self.trace.time_s, bgr, zero_s),
            "scipy curve_fit, one exponential": lambda: least_squares(time_s, signal),
        }


def _press(number: int) -> Press:
    spec, with_surround = spec_of(Case(MAIN, number, seed=7))
    small: PressSpec = spec.with_(**SMALL)
    simulated = simulate(spec)
    grid, grid_pressure, _ = record(small)
    pressure = PressureTrace(simulated.pressure_time_s, simulated.pressure_kpa)
    return Press(simulated, trace_of(simulated, with_surround), pressure, grid, grid_pressure)


def _best_ms(work: Callable[[], object], repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return 1e3 * min(taken)


def timings_ms(presses: Sequence[Press], repeats: int) -> dict[str, list[float]]:
    """Return the best time of each kind of work on each press, ms; the kinds take turns, in an order that rotates."""
    for work in presses[0].work().values():
        work()  # imports and tables, once
    taken: dict[str, list[float]] = {name: [] for name in presses[0].work()}
    for index, press in enumerate(presses):
        kinds = list(press.work().items())
        for name, work in kinds[index % len(kinds) :] + kinds[: index % len(kinds)]:
            taken[name].append(_best_ms(work, repeats))
    return taken


HEAD = ["work on one press", "median, ms", "worst, ms", "x curve_fit"]


def timing_rows(taken: dict[str, list[float]]) -> list[list[str]]:
    """Return one row a kind of work; the last column is the median against that of `curve_fit`, the last kind."""
    floor = float(np.median(list(taken.values())[-1]))
    return [
        [name, f"{np.median(ms):.1f}", f"{max(ms):.1f}", f"{np.median(ms) / floor:.1f}"] for name, ms in taken.items()
    ]


def resident_mib() -> float:
    """Return the memory of this process, MiB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def memory_mib(presses: Sequence[Press], count: int, at: Sequence[int]) -> dict[int, float]:
    """Analyse `count` presses one after the other; return the memory after so many as `at` says, MiB."""
    told = {}
    for number in range(1, count + 1):
        press = presses[number % len(presses)]
        analyse_trace(press.trace, press.pressure, Settings())
        if number in at:
            told[number] = resident_mib()
            sys.stderr.write(f"{number} of {count} presses: {told[number]:.1f} MiB\n")
    return told


def frame_table() -> tuple[list[str], list[list[str]]] | None:
    """Return head and rows of the per-frame benchmark, or None where there is none in this tree."""
    try:
        module = importlib.import_module("benchmarks.frame_path")
    except ModuleNotFoundError:
        return None
    rows = [[str(cell) for cell in row] for row in module.rows()]
    return [str(cell) for cell in getattr(module, "HEAD", [""] * len(rows[0]))], rows


def verdicts(taken: dict[str, list[float]], memory: dict[int, float]) -> list[Verdict]:
    """Hold the figures against the targets of the analysis."""
    ours = [ms for name in OURS for ms in taken[name]]
    growth = memory[max(memory)] - memory[min(memory)]
    between = f"from press {min(memory)} to press {max(memory)}"
    return [
        Verdict(
            f"one press analysed in <= {LIMIT_MS:g} ms",
            max(ours) <= LIMIT_MS,
            f"median {np.median(ours):.0f} ms, worst of {len(ours)} analyses {max(ours):.0f} ms",
        ),
        Verdict(f"memory flat over {max(memory)} presses", growth <= GROWTH_MIB, f"{growth:+.1f} MiB {between}"),
    ]


def as_markdown(tables: Sequence[tuple[str, list[str], list[list[str]]]], judged: Sequence[Verdict]) -> str:
    """Return the evidence file's text."""
    blocks = [
        "# Speed and memory",
        (
            f"Written by `python -m benchmarks.bench` (software {__version__}, algorithm {ALGORITHM_VERSION}; "
            f"{os.cpu_count()} cores, one thread). Ratios carry over to other machines, times do not."
        ),
        "\n".join(f"- {verdict.line}" for verdict in judged),
    ]
    for title, head, rows in tables:
        blocks += [f"## {title}", markdown_table(head, rows)]
    return "\n\n".join(blocks) + "\n"


def main() -> int:
    """Run all; exit 0 once it is written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=PRESSES, help="different presses timed")
    parser.add_argument("--watched", type=int, default=WATCHED, help="presses analysed while memory is watched")
    parser.add_argument("--out", type=Path, default=EVIDENCE, help="folder for the table")
    asked = parser.parse_args()
    frames = frame_table()
    sys.stderr.write(f"simulating {asked.presses} presses\n")
    presses = [_press(number) for number in range(asked.presses)]
    taken = timings_ms(presses, REPEATS)
    at = sorted({max(asked.watched * part // WATCHED, 1) for part in WATCH_AT})
    memory = memory_mib(presses, asked.watched, at)
    tables = [] if frames is None else [("One frame", *frames)]
    tables.append(("One press", HEAD, timing_rows(taken)))
    held = [[str(number), f"{mib:.1f}"] for number, mib in memory.items()]
    tables.append(("Memory", ["presses analysed", "resident, MiB"], held))
    judged = verdicts(taken, memory)
    for title, head, rows in tables:
        sys.stdout.write(f"{title}\n{text_table(head, rows)}\n\n")
    sys.stdout.write("\n".join(verdict.line for verdict in judged) + "\n")
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "speed.md").write_text(as_markdown(tables, judged), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
