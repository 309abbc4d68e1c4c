"""How quick the bedside is: last frame to reading, start to ready, push to first reaction, and what it takes at rest.

`python -m benchmarks.bedside_speed` runs the real bedside and probe processes on the phantom, writes
`docs/evidence/bedside-speed.md` and ends with 1 where a target was missed. Beside each figure stands what no bedside on
this machine could do better (a floor), measured in the same minutes.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.bedside_bench import Bedside, Pace
from benchmarks.bedside_choice import choose
from benchmarks.bedside_place import CampaignError, Place, a_place
from benchmarks.bedside_probes import SimulatedProbe
from benchmarks.bedside_report import spread
from benchmarks.bedside_watch import Watched, told_by, watch
from benchmarks.verdict import Verdict
from device.bedside import TURN_S
from device.journal import Deliveries
from device.probe.messages import boot_ns
from device.stored_trace import read_stored_trace

EVIDENCE = Path("docs/evidence")
READING_S, READY_S, IDLE_PERCENT, REACTION_S = 0.5, 4.0, 5.0, 0.1
DEBOUNCED_S = 0.03
VOUCHED_S = 0.15
"""So long behind the window samples have to be seen (`docs/decisions/0016`)."""
STARTS, READINGS, IDLE_S = 10, 6, 60.0
PICTURE: dict[str, Any] = {"width_px": 320, "height_px": 240, "fps": 60.0}
PROTOCOL = "demo"
SKIN = ("--crt", "1.6", "--tone", "IV")
LIBRARIES = "import cv2, gpiozero, numpy, pydantic, sqlite3, typer"
FLOOR_LOOP = f"""
import queue, threading, time
def camera():
    while True:
        time.sleep(1 / {PICTURE["fps"]:g})
        seen.put(None)
seen = queue.SimpleQueue()
threading.Thread(target=camera, daemon=True).start()
while True:
    try:
        seen.get(timeout={TURN_S})
    except queue.Empty:
        pass
"""
"""A loop that wakes as often as the bedside's has to, and does nothing."""


@dataclass(frozen=True)
class Delays:
    """Of one measurement, s: from the last frame that its number comes from, and from the push."""

    to_reading_s: float
    """Until the reading was committed to the journal and told."""
    to_panel_s: float
    """Until the panel showed that it is done."""
    push_to_state_s: float
    """From the contact closing to the state that the panel shows."""
    said: str
    alone_s: float = 0.0
    """What the analysis of its stored trace alone takes, by itself, in a process that does nothing else."""


@dataclass
class Speed:
    """All that was measured."""

    ready_s: list[float] = field(default_factory=list)
    bare_s: list[float] = field(default_factory=list)
    """Start and end of an interpreter that does nothing."""
    libraries_s: list[float] = field(default_factory=list)
    """The same with the libraries that the bedside cannot be without."""
    delays: list[Delays] = field(default_factory=list)
    idle: Watched | None = None
    floor_percent: float = 0.0


def starts(place: Place, count: int, seen: Speed) -> None:
    """Start the bedside so many times; each start beside the floors."""
    for _ in range(count):
        seen.bare_s.append(_run_s("pass"))
        seen.libraries_s.append(_run_s(LIBRARIES))
        bedside = Bedside(place)
        try:
            bedside.until_ready()
            seen.ready_s.append(((bedside.ready_ns or boot_ns()) - bedside.started_ns) / 1e9)
        finally:
            bedside.stop()


def _run_s(program: str) -> float:
    begun_s = time.monotonic()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.monotonic() - begun_s


def readings(place: Place, count: int, seen: Speed) -> None:
    """Measure so many times with one bedside."""
    pace = Pace()
    with _running(place) as bedside:
        choose(place, PROTOCOL)
        for number in range(1, count + 1):
            pace.wait_for(1)
            begun = bedside.begin()
            told = bedside.reading(begun)
            shown = bedside.until(lambda event: event["event"] == "state" and event["state"] == "done", 5.0, begun)
            pace.note(bedside.events)
            if told is None or shown is None:
                raise CampaignError(f"measurement {number} came to no end: {bedside.last_words()}")
            pushed_ns = told_by(bedside)["pushed_ns"][-1]
            frame_ns, alone_s = of_last_press(place, told["device_seq"])
            seen.delays.append(
                Delays(
                    (told["t_boot_ns"] - frame_ns) / 1e9,
                    (shown["t_boot_ns"] - frame_ns) / 1e9,
                    (bedside.events[begun]["t_boot_ns"] - pushed_ns) / 1e9,
                    str(told["result"]["reason"] or told["result"]["status"]),
                    alone_s,
                )
            )
            sys.stderr.write(f"measurement {number}: {seen.delays[-1]}\n")


def of_last_press(place: Place, device_seq: int) -> tuple[int, float]:
    """Return the instant of the last frame that a record's last press was read from, and how long its analysis takes.

    Both by its stored trace; analysed as it is stored, without the pictures that it came from.
    """
    with Deliveries.open(place.journal, read_only=True) as journal:
        record = journal.record(device_seq)
        press = record.reading.presses[-1].number if record is not None and record.reading.presses else 0
        kept = journal.trace(record.reading_id, press) if record is not None else None
    if kept is None:
        raise CampaignError(f"record {device_seq} has no trace")
    stored = read_stored_trace(kept)
    stored.analysis()
    begun_s = time.monotonic()
    stored.analysis()
    alone_s = time.monotonic() - begun_s
    return stored.origin_boottime_ns + round(float(stored.trace.time_s[-1]) * 1e9), alone_s


def at_rest(place: Place, seconds: float, seen: Speed) -> None:
    """Let a bedside wait for a push that does not come; then a loop that does nothing as often."""
    with _running(place) as bedside:
        time.sleep(2.0)
        seen.idle = watch(bedside, seconds)
    loop = subprocess.Popen([sys.executable, "-c", FLOOR_LOOP])
    try:
        time.sleep(1.0)
        before_s, begun_s = _cpu_s(loop.pid), time.monotonic()
        time.sleep(min(seconds, 20.0))
        seen.floor_percent = 100 * (_cpu_s(loop.pid) - before_s) / (time.monotonic() - begun_s)
    finally:
        loop.kill()
        loop.wait()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _running(place: Place) -> Iterator[Bedside]:
    bedside = Bedside(place)
    try:
        bedside.until_ready()
        yield bedside
    finally:
        bedside.stop()


def verdicts(seen: Speed) -> list[Verdict]:
    """Hold the figures against the targets."""
    reading_s = max((one.to_reading_s for one in seen.delays), default=float("inf"))
    panel_s = max((one.to_panel_s for one in seen.delays), default=float("inf"))
    push_s = max((one.push_to_state_s for one in seen.delays), default=float("inf"))
    ready_s = max(seen.ready_s, default=float("inf"))
    idle = seen.idle
    own = float("inf") if idle is None else idle.own
    return [
        Verdict(
            f"last frame to reading in the journal <= {READING_S:g} s",
            reading_s <= READING_S,
            f"longest {reading_s:.3f} s of {len(seen.delays)}",
        ),
        Verdict(f"last frame to the panel <= {READING_S:g} s", panel_s <= READING_S, f"longest {panel_s:.3f} s"),
        Verdict(
            f"start to ready <= {READY_S:g} s", ready_s <= READY_S, f"longest {ready_s:.2f} s of {len(seen.ready_s)}"
        ),
        Verdict(
            f"at rest <= {IDLE_PERCENT:g} % of a core",
            own <= IDLE_PERCENT,
            "not watched" if idle is None else f"{own:.2f} %, and with drawing the phantom {idle.total:.2f} %",
        ),
        Verdict(f"push to first reaction <= {REACTION_S:g} s", push_s <= REACTION_S, f"longest {push_s:.3f} s"),
    ]


def rows(seen: Speed) -> list[list[str]]:
    """Return the table: figure, floor, ratio."""
    ready_s = statistics.median(seen.ready_s)
    libraries_s, bare_s = statistics.median(seen.libraries_s), statistics.median(seen.bare_s)
    delays = seen.delays
    own = 0.0 if seen.idle is None else seen.idle.own
    frame_s, alone_s = 1 / PICTURE["fps"], statistics.median(one.alone_s for one in delays)
    floor_s = frame_s + VOUCHED_S + alone_s
    return [
        [
            "start to ready, s",
            spread(seen.ready_s),
            f"{libraries_s:.2f} an interpreter that only imports the libraries ({bare_s:.3f} one that does nothing)",
            f"{ready_s / libraries_s:.1f}",
        ],
        [
            "last frame to reading in the journal, s",
            spread([one.to_reading_s for one in delays]),
            f"{floor_s:.3f} a frame's time, {VOUCHED_S:g} for samples to vouch, {alone_s:.3f} for its trace alone",
            f"{statistics.median(one.to_reading_s for one in delays) / floor_s:.1f}",
        ],
        ["last frame to panel, s", spread([one.to_panel_s for one in delays]), "", ""],
        [
            "push to first reaction, s",
            spread([one.push_to_state_s for one in delays]),
            f"{DEBOUNCED_S:.3f} a level has to stay so long to be a push, then a turn of {TURN_S:g}",
            f"{statistics.median(one.push_to_state_s for one in delays) / DEBOUNCED_S:.1f}",
        ],
        [
            f"CPU at rest, {PICTURE['fps']:g} frames/s, % of a core",
            f"{own:.2f}",
            f"{seen.floor_percent:.2f} a loop that wakes as often and does nothing",
            f"{own / seen.floor_percent:.1f}" if seen.floor_percent else "",
        ],
    ]


def measure(place: Place, asked: argparse.Namespace) -> Speed:
    """Measure all in one place."""
    seen = Speed()
    probe = SimulatedProbe(place)
    probe.start()
    try:
        starts(place, asked.starts, seen)
        readings(place, asked.readings, seen)
        at_rest(place, asked.idle, seen)
    finally:
        probe.stop()
    return seen


def main() -> int:
    """Measure; exit 1 where a target was missed."""
    from benchmarks.bedside_speed_report import as_markdown

    parser = argparse.ArgumentParser(prog="python -m benchmarks.bedside_speed", description=__doc__)
    parser.add_argument("--starts", type=int, default=STARTS)
    parser.add_argument("--readings", type=int, default=READINGS)
    parser.add_argument("--idle", type=float, default=IDLE_S, help="seconds watched at rest")
    parser.add_argument("--out", type=Path, default=EVIDENCE, help="folder for the table")
    asked = parser.parse_args()
    with a_place("bs-", *SKIN, picture=PICTURE) as place:
        seen = measure(place, asked)
    text = as_markdown(seen)
    sys.stdout.write(text)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "bedside-speed.md").write_text(text, encoding="utf-8")
    return 0 if all(verdict.met for verdict in verdicts(seen)) else 1


if __name__ == "__main__":
    sys.exit(main())
