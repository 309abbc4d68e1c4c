"""A running `refill demo` seen from outside: its lines, its processes, the pressure on its skin; and SIGKILL for it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from phantom.world import PressureWorldReader
from refill.demo_display import STATES

FEED = ("broker", "ingest", "publish")
CHILDREN = ("broker", "ingest", "probe", "publish", "bedside")
VICTIMS = (*CHILDREN, "supervisor", "everything")
"""`supervisor` is the `refill demo` process itself; `everything` is that and all five."""
PRESSED_KPA = 5.0
VENTED_KPA = 2.0
HOME = "its receipt is home"
_WORDS = {("trial", "broker"): "broker", ("trial", "ingest"): "ingest", ("probe", "run"): "probe"}
_PHASES = {sentence: state for state, sentence in STATES.items()}


@dataclass(frozen=True)
class Hit:
    """What one SIGKILL met. Times in s; `vented_s` is None where nothing was pressed."""

    victim: str
    at_s: float
    phase: str
    kpa: float
    vented_s: float | None


class Demo:
    """One `refill demo` in `data`, started at once in a session of its own; its output is read in a thread."""

    def __init__(self, data: Path, seed: int) -> None:
        self.started_s = time.monotonic()
        self.lines: list[tuple[float, str]] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "refill", "demo", "--data", str(data), "--seed", str(seed)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "COLUMNS": "200"},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.known: dict[int, str] = {}
        """Start time in the kernel's ticks of every process of the demo that was seen, by pid."""
        self.run_folder: Path | None = None
        """Where its sockets and the simulated pressure lie; None before that was seen."""

    @property
    def pid(self) -> int:
        """The supervisor's."""
        return self._process.pid

    @property
    def phase(self) -> str:
        """Where the measurement stands, by the demo's own lines."""
        phase = "starting"
        for _, line in list(self.lines):
            words = line.strip()
            if HOME in words:
                phase = "ending"
            elif words.startswith("reading ") and "interrupted" not in words:
                phase = "delivering"
            elif phase not in ("delivering", "ending"):
                phase = _PHASES.get(words, phase)
        return phase

    def over(self) -> bool:
        """Whether the supervisor has ended."""
        return self._process.poll() is not None

    def exit_code(self, limit_s: float) -> int | None:
        """Wait for the end; None where it does not come."""
        try:
            code = self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(2.0)
        return code

    def home_s(self) -> float | None:
        """When the demo said that every receipt is home."""
        return next((at_s for at_s, line in list(self.lines) if HOME in line), None)

    def children(self) -> dict[str, int]:
        """Return the pids of the supervisor's children by their name; only those that run."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            pid = int(entry.name)
            stat = process_stat(pid)
            if stat is None or int(stat[1]) != self.pid or stat[0] == "Z":
                continue
            with contextlib.suppress(OSError):
                arguments = (entry / "cmdline").read_text().split("\0")
                if "refill" not in arguments:
                    continue  # between fork and exec
                after = arguments[arguments.index("refill") + 1 :]
                found[_WORDS.get((after[0], after[1]), after[0])] = pid
                self.known[pid] = stat[19]
                if "--world" in after:
                    self.run_folder = Path(after[after.index("--world") + 1]).parent
        return found

    def survivors(self) -> list[int]:
        """Return the children that still run."""
        return [pid for pid, since in self.known.items() if lives(pid, since)]

    def kill(self, victim: str) -> Hit:
        """SIGKILL one process or all, and watch the skin; raises `ProcessLookupError` where the victim is not there."""
        self._await(victim)
        at_hand = self.children()
        pids = {"supervisor": [self.pid], "everything": [self.pid, *at_hand.values()]}.get(victim)
        pids = [at_hand[victim]] if pids is None else pids
        world = PressureWorldReader(self.run_folder / "world") if self.run_folder else None
        phase, kpa = self.phase, now_kpa(world)
        at_s = time.monotonic()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        vented_s = None
        if kpa > PRESSED_KPA:
            while now_kpa(world) > VENTED_KPA and time.monotonic() - at_s < 5.0:
                time.sleep(0.005)
            vented_s = time.monotonic() - at_s
        while any(lives(pid, self.known.get(pid)) for pid in pids if pid != self.pid):
            time.sleep(0.005)
        if self.pid in pids:
            self._process.wait(5.0)
        return Hit(victim, at_s, phase, kpa, vented_s)

    def signal(self, number: int) -> None:
        """Send the supervisor a signal, as Ctrl-C or a service manager does."""
        self._process.send_signal(number)

    def clear(self) -> None:
        """Remove what a killed supervisor could not: its folder of sockets."""
        if self.run_folder is not None and self.run_folder.name.startswith("refill-demo-"):
            shutil.rmtree(self.run_folder, ignore_errors=True)

    def end(self) -> None:
        """End it in any case, for a harness that gives up."""
        if not self.over():
            self._process.terminate()
            if self.exit_code(40.0) is None:
                self._process.kill()
                self._process.wait(5.0)

    def _await(self, victim: str) -> None:
        """Wait for a victim that is just being started again."""
        until_s = time.monotonic() + 3.0
        while victim in CHILDREN and victim not in self.children():
            if self.over() or time.monotonic() > until_s:
                raise ProcessLookupError(victim)
            time.sleep(0.02)
        if self.over():
            raise ProcessLookupError(victim)

    def _read(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self.lines.append((time.monotonic(), line.rstrip()))


def now_kpa(world: PressureWorldReader | None) -> float:
    """Return the true pressure on the simulated skin, 0 where there is none."""
    return 0.0 if world is None else world.pressure_at(time.clock_gettime_ns(time.CLOCK_BOOTTIME))


def process_stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/<pid>/stat from the state on, or None where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def lives(pid: int, since: str | None) -> bool:
    """Whether the process of that start time still runs; a zombie does not."""
    stat = process_stat(pid)
    return stat is not None and stat[0] != "Z" and (since is None or stat[19] == since)
