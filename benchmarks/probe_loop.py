"""The probe's control loop: period, jitter and share of one core, at rest and pressing, with and without clients.

`python -m benchmarks.probe_loop` starts the real probe process on simulated hardware, watches it in each state,
prints a table with limits and writes `docs/evidence/probe-loop.md`. The simulation runs inside that process; what it
costs is measured apart and shown beside the total. Other work on the machine shows as jitter: the load is printed too.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy_report import markdown_table, text_table
from benchmarks.verdict import Verdict
from contract.version import __version__
from device.probe.link import ProbeClient, boot_ns
from device.probe.pressing import BenchError, events_until, first_status, press_once

EVIDENCE = Path("docs/evidence")
START_S, SETTLE_S, WATCH_S = 15.0, 2.0, 30.0
TARGET_KPA, RAMP_S, HOLD_S = 40.0, 1.0, 9.0
PAUSE_S, ENDING_S = 0.5, 1.0
"""Rest between two presses (some 11 s from one to the next: a minute allows no more), and what a release takes."""
IDLE_LIMIT, PERIOD_MS, P99_MS = 3.0, 10.0, 20.0
MAIN_THREAD = "main"

HEAD = [
    *("state", "CPU, % of a core", "of it simulated hardware", "of it the probe", "control", "main", "guard", "other"),
    *("period, ms", "sd", "99 %", "longest"),
]


@dataclass(frozen=True)
class Watched:
    """One state watched: CPU in % of one core by thread, the simulation's part of it, and the loop's periods in ms."""

    state: str
    threads: dict[str, float]
    simulated: float
    periods_ms: NDArray[np.float64]
    load: float

    @property
    def total(self) -> float:
        """All of the process."""
        return sum(self.threads.values())

    @property
    def own(self) -> float:
        """The process without what stands in for hardware."""
        return self.total - self.simulated

    def row(self) -> list[str]:
        """Return the state as a row of the table."""
        named = ("probe-control", MAIN_THREAD, "probe-guard")
        other = self.total - sum(self.threads.get(name, 0.0) for name in named)
        periods = self.periods_ms
        return [
            self.state,
            *(f"{share:.2f}" for share in (self.total, self.simulated, self.own)),
            *(f"{self.threads.get(name, 0.0):.2f}" for name in named),
            f"{other:.2f}",
            f"{periods.mean():.3f}",
            f"{periods.std():.3f}",
            f"{np.percentile(periods, 99):.2f}",
            f"{periods.max():.2f}",
        ]


@dataclass(frozen=True)
class _Window:
    """When a state was watched, and each thread's CPU time in it, ns by native id."""

    state: str
    from_ns: int
    to_ns: int
    spent_ns: dict[str, int]
    load: float


def cpu_ns(pid: int) -> dict[str, int]:
    """Return the CPU time of each thread of a process, ns, by its id (Linux)."""
    spent = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            spent[task.name] = int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return spent


def watch(seconds: float) -> list[Watched]:
    """Start the probe, bring it into each state for so many seconds, end it, and return what was seen."""
    with tempfile.TemporaryDirectory(prefix="refill-") as name:
        folder = Path(name)
        with _probe(folder) as process:
            windows = [
                _window(process.pid, state, seconds, during)
                for state, during in (
                    ("at rest, no client", lambda end: time.sleep(max(end - time.monotonic(), 0.0))),
                    ("at rest, one client", lambda end: _listen(folder / "p.sock", end)),
                    ("pressing, one client", lambda end: _press(folder / "p.sock", end)),
                )
            ]
        ticks = np.load(folder / "ticks.npy")
        threads = json.loads((folder / "threads.json").read_text(encoding="utf-8"))
        threads[str(process.pid)] = MAIN_THREAD
    return [watched(window, ticks, threads) for window in windows]


def watched(window: _Window, ticks: NDArray[np.int64], threads: dict[str, str]) -> Watched:
    """Return a window's figures; `ticks` is (begin, simulation's CPU time until then) of each tick, ns."""
    inside = ticks[(ticks[:, 0] >= window.from_ns) & (ticks[:, 0] <= window.to_ns)]
    length_ns = window.to_ns - window.from_ns
    shares: dict[str, float] = {}
    for thread, spent_ns in window.spent_ns.items():
        name = threads.get(thread, "other")
        shares[name] = shares.get(name, 0.0) + 100 * spent_ns / length_ns
    simulated = 100 * float(inside[-1, 1] - inside[0, 1]) / length_ns
    return Watched(window.state, shares, simulated, np.diff(inside[:, 0]) / 1e6, window.load)


def verdicts(seen: list[Watched]) -> list[Verdict]:
    """Hold the figures against the limits."""
    rest = [one for one in seen if one.state.startswith("at rest")]
    every_ms = np.concatenate([one.periods_ms for one in seen])
    p99_ms = float(np.percentile(every_ms, 99))
    said = [
        Verdict(
            f"{one.state}: the probe takes < {IDLE_LIMIT:g} % of a core",
            one.own < IDLE_LIMIT,
            f"{one.own:.2f} %, and with what stands in for hardware {one.total:.2f} %",
        )
        for one in rest
    ]
    said.append(Verdict(f"99 % of periods <= {P99_MS:g} ms in all states", p99_ms <= P99_MS, f"{p99_ms:.2f} ms"))
    mean_ms = float(every_ms.mean())
    off = abs(mean_ms / PERIOD_MS - 1)
    return [*said, Verdict(f"mean period within 1 % of {PERIOD_MS:g} ms", off <= 0.01, f"{mean_ms:.3f} ms")]


def as_markdown(seen: list[Watched], judged: list[Verdict], seconds: float) -> str:
    """Return the evidence file's text."""
    load = ", ".join(f"{one.load:.1f}" for one in seen)
    text = (
        f"Written by `python -m benchmarks.probe_loop` (software {__version__}): the probe process on simulated "
        f"hardware, {seconds:g} s in each state, on {os.cpu_count()} cores (load over a minute at the end of each: "
        f"{load}). CPU in % of one core. What stands in for hardware runs inside the process, at a cost that a Pi does "
        "not have; a Pi has slower cores and a real bus instead: there the figures of `refill probe status` and of "
        "`top -H` count."
    )
    judgement = "\n".join(f"- {verdict.line}" for verdict in judged)
    table = markdown_table(HEAD, [one.row() for one in seen])
    return "\n\n".join(["# The probe's control loop", text, judgement, table]) + "\n"


@contextlib.contextmanager
def _probe(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "benchmarks.probe_loop_child", str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(folder, process)
        yield process
        process.send_signal(signal.SIGTERM)
        if process.wait(START_S) != 0:
            raise RuntimeError((folder / "log").read_text(encoding="utf-8"))
    finally:
        process.kill()
        process.wait()


def _wait_for(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(BenchError):
            first_status(folder / "p.sock")
            return
        time.sleep(0.1)
    raise RuntimeError((folder / "log").read_text(encoding="utf-8") or "the probe did not start")


def _window(pid: int, state: str, seconds: float, during: Callable[[float], None]) -> _Window:
    """Bring the probe into a state, let it settle there, and note what it spends from then on."""
    sys.stderr.write(f"{state}: {seconds:g} s\n")
    during(time.monotonic() + SETTLE_S)
    before, from_ns = cpu_ns(pid), boot_ns()
    during(time.monotonic() + seconds)
    after, to_ns = cpu_ns(pid), boot_ns()
    spent = {thread: after[thread] - before.get(thread, 0) for thread in after}
    return _Window(state, from_ns, to_ns, spent, os.getloadavg()[0])


def _listen(path: Path, end: float) -> None:
    with contextlib.closing(ProbeClient(path)) as client:
        events_until(client, end - time.monotonic(), lambda _: False)


def _press(path: Path, end: float) -> None:
    """Press, again and again, the last one shorter, and listen where there is no time for one more."""
    with contextlib.closing(ProbeClient(path)) as client:
        while (hold_s := min(HOLD_S, end - time.monotonic() - RAMP_S - ENDING_S)) > PAUSE_S:
            made = press_once(client, TARGET_KPA, RAMP_S, hold_s)
            if made.trouble is not None:
                raise RuntimeError(made.trouble)
            events_until(client, PAUSE_S, lambda _: False)
        events_until(client, max(end - time.monotonic(), 0.0), lambda _: False)


def main() -> int:
    """Run all; exit 1 where a limit was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=WATCH_S, help="watched in each state")
    parser.add_argument("--out", type=Path, default=EVIDENCE, help="folder for the table")
    asked = parser.parse_args()
    seen = watch(asked.seconds)
    judged = verdicts(seen)
    sys.stdout.write(text_table(HEAD, [one.row() for one in seen]) + "\n\n")
    sys.stdout.write("\n".join(verdict.line for verdict in judged) + "\n")
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "probe-loop.md").write_text(as_markdown(seen, judged, asked.seconds), encoding="utf-8")
    return 0 if all(verdict.met for verdict in judged) else 1


if __name__ == "__main__":
    sys.exit(main())
