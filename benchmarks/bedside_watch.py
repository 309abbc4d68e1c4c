"""What a bedside process takes: CPU by thread, with what drawing the phantom costs taken out, memory, descriptors."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.bedside_bench import Bedside
from benchmarks.bedside_place import CampaignError
from benchmarks.probe_loop import cpu_ns
from device.probe.messages import boot_ns

TELL_S = 5.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Size:
    """Resident memory in MiB, open descriptors, threads."""

    resident_mib: float
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Spent:
    """What a process has spent until an instant, ns: by thread, and for drawing; and the frames that it drew."""

    at_ns: int
    threads: dict[str, int]
    drawn: int
    drawn_ns: int


@dataclass(frozen=True)
class Watched:
    """CPU in % of one core over some time, by thread; `drawing` is the simulated skin's part of the camera's."""

    seconds: float
    threads: dict[str, float]
    drawing: float
    frames_per_s: float

    @property
    def total(self) -> float:
        """The whole process."""
        return sum(self.threads.values())

    @property
    def own(self) -> float:
        """The process without drawing: what a real camera leaves to do."""
        return self.total - self.drawing


def told_by(bedside: Bedside) -> dict[str, Any]:
    """Ask the child for its notes; raises `CampaignError` where none come."""
    path = bedside.place.folder / f"told-{boot_ns()}"
    bedside.tell(tell=str(path))
    end_s = time.monotonic() + TELL_S
    while time.monotonic() < end_s:
        if path.exists():
            told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            path.unlink()
            return told
        time.sleep(0.01)
    raise CampaignError("the bedside child does not answer")


def spent(bedside: Bedside) -> Spent:
    """Return what the process has spent so far."""
    told = told_by(bedside)
    by_thread: dict[str, int] = {}
    for thread, thread_ns in cpu_ns(bedside.process.pid).items():
        name = told["threads"].get(thread, "other")
        by_thread[name] = by_thread.get(name, 0) + thread_ns
    return Spent(boot_ns(), by_thread, told["drawn"], told["drawn_ns"])


def between(before: Spent, after: Spent) -> Watched:
    """Return the shares between two instants. A thread that ended meanwhile is missing, one that began counts whole."""
    length_ns = after.at_ns - before.at_ns
    threads = {
        name: 100 * max(thread_ns - before.threads.get(name, 0), 0) / length_ns
        for name, thread_ns in after.threads.items()
    }
    return Watched(
        seconds=length_ns / 1e9,
        threads=threads,
        drawing=100 * (after.drawn_ns - before.drawn_ns) / length_ns,
        frames_per_s=(after.drawn - before.drawn) * 1e9 / length_ns,
    )


def watch(bedside: Bedside, seconds: float) -> Watched:
    """Return the shares over the next `seconds`."""
    before = spent(bedside)
    time.sleep(seconds)
    return between(before, spent(bedside))


def size(pid: int) -> Size:
    """Return how much of the machine a process holds now."""
    resident = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    descriptors, threads = (len(list(Path(f"/proc/{pid}/{what}").iterdir())) for what in ("fd", "task"))
    return Size(resident / 2**20, descriptors, threads)
