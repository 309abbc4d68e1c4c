"""The page of `benchmarks.bedside_speed`."""

from benchmarks.accuracy_report import markdown_table
from benchmarks.bedside_report import machine
from benchmarks.bedside_speed import PICTURE, Speed, rows, verdicts

HEAD = """# Speed of the bedside

Written by `python -m benchmarks.bedside_speed`, not by hand: the real bedside and probe processes on the phantom, one
measurement after the other with the demo's protocol. "Last frame" is the instant of the last frame in the trace that
the number comes from, as the journal keeps it; "reading" is the event that is told once the record is committed;
"panel" is the state that the panel shows after it. "Start" is the start of the process, "ready" its READY=1. Median
(range; number).
CPU by the kernel's account of each thread; drawing the simulated skin is done in the camera's thread, timed there by
its thread clock, and taken out: a Pi does not have it. A Pi has slower cores: there the figures have to be taken anew.
"""


def as_markdown(seen: Speed) -> str:
    """Return the evidence file's text."""
    size = f"{PICTURE['width_px']} x {PICTURE['height_px']} at {PICTURE['fps']:g} frames/s"
    parts = [
        HEAD.strip(),
        f"{machine()} Picture {size}.",
        "\n".join(f"- {verdict.line}" for verdict in verdicts(seen)),
        markdown_table(["figure", "bedside", "floor on this machine", "times the floor"], rows(seen)),
    ]
    if seen.idle is not None:
        idle = seen.idle
        threads = sorted(idle.threads.items(), key=lambda one: -one[1])
        parts += [
            f"At rest for {idle.seconds:.0f} s: {idle.frames_per_s:.1f} frames/s drawn, {idle.drawing:.2f} %.",
            markdown_table(["thread", "CPU, % of a core"], [[name, f"{share:.2f}"] for name, share in threads]),
        ]
    return "\n\n".join(parts) + "\n"
