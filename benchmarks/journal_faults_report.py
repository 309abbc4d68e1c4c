"""The journal campaign as a page: what was done, what came of it, and what a press costs on disk."""

import json
import lzma
import time
import zlib
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.accuracy_ladder import trace_of
from benchmarks.bedside_report import machine
from benchmarks.verdict import Verdict
from device.records import press_of
from phantom.spec import PressSpec
from phantom.trace import simulate
from vision.press import Settings, analyse_trace
from vision.pressure import PressureTrace

Row = tuple[str, str, int, list[str]]


def report(rows: Sequence[Row], seed: int, took_s: float) -> tuple[str, bool]:
    """Return the page and whether every promise held."""
    broken = [problem for _, _, _, problems in rows for problem in problems]
    verdict = Verdict("no promise broken", not broken, f"{len(broken)} in {len(rows)} rounds")
    outcomes = Counter((kind, outcome) for kind, outcome, _, _ in rows)
    told = sum(count for _, _, count, _ in rows)
    lines = [
        "# The journal on a bad disk",
        "",
        f"`python -m benchmarks.journal_faults --rounds {len(rows)} --seed {seed}`. {machine(took_s)}",
        "",
        "Real ext4 images on loop devices, filled to the last block or failed by the kernel; SIGKILL of the writer;",
        "bytes flipped and files cut short. The power cut is a copy of the disk's image as it was, without what the",
        "kernel still had in its memory (`benchmarks/journal_power.py` says what that leaves out); its control is a",
        "writer that syncs nothing. With `synchronous = NORMAL` in place of FULL the power cut loses records here.",
        "",
        "```",
        verdict.line,
        "```",
        "",
        f"{told} records were told by writers that were then disturbed.",
        "",
        "| what was done | what came of it | rounds |",
        "| --- | --- | --- |",
        *(f"| {kind} | {outcome} | {count} |" for (kind, outcome), count in sorted(outcomes.items())),
        "",
        *(f"- {problem}" for problem in broken),
        *sizes(),
    ]
    return "\n".join(lines) + "\n", not broken


def sizes() -> list[str]:
    """Return what one press's trace takes, packed in the ways that were compared, and how long packing takes."""
    made = simulate(PressSpec(seed=3, fps=60.0))
    trace = trace_of(made, with_surround=True)
    pressure = PressureTrace(made.pressure_time_s, made.pressure_kpa)
    analysis = analyse_trace(trace, pressure, Settings(target_kpa=40.0))
    text = press_of(1, 40.0, analysis, pressure, 0).trace
    return [
        "## What a press takes",
        "",
        f"One press of {len(trace.time_s)} frames at 60 frames/s and {len(pressure.time_s)} pressures; a year is",
        f"{PRESSES_A_DAY} presses a day.",
        "",
        "| form | kB | GB a year | ms to pack |",
        "| --- | --- | --- | --- |",
        *(_size(name, pack, text) for name, pack in PACKINGS.items()),
    ]


def _size(name: str, pack: Callable[[bytes], bytes], text: bytes) -> str:
    began_s = time.perf_counter()
    size = len(pack(text))
    took_ms = (time.perf_counter() - began_s) * 1000
    return f"| {name} | {size / 1000:.1f} | {size * PRESSES_A_DAY * 365 / 1e9:.2f} | {took_ms:.0f} |"


def _by_bytes(text: bytes) -> bytes:
    """Pack every series as its doubles, all first bytes first: what a format of our own would come to, at best."""
    content = json.loads(text)
    frames, pressure = content["frames"], content["pressure"]
    series = [frames["time_s"], frames["signal"], frames["surround"], *zip(*frames["light"], strict=True)]
    doubles = [np.array(values, dtype="<f8") for values in [*series, pressure["time_s"], pressure["kpa"]]]
    return b"".join(values.view(np.uint8).reshape(-1, 8).T.tobytes() for values in doubles)


PRESSES_A_DAY = 30
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "text (JSON, what is hashed)": bytes,
    "zlib 6 (kept so)": lambda text: zlib.compress(text, 6),
    "zlib 9": lambda text: zlib.compress(text, 9),
    "lzma": lzma.compress,
    "doubles by byte, zlib 6": lambda text: zlib.compress(_by_bytes(text), 6),
}
