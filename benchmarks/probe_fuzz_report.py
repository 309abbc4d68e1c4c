"""The fuzz campaign as text: what was sent, what came of it, and whether every promise held."""

import os
import platform
from dataclasses import dataclass

from benchmarks.accuracy_report import markdown_table, text_table
from benchmarks.probe_fuzz_process import FLAT_KIB, Real
from benchmarks.probe_fuzz_stepped import Stepped
from contract.version import __version__

HEAD = ["", "stepped clock", "real process"]


@dataclass
class Played:
    """Both halves of a campaign."""

    stepped: Stepped
    real: Real
    took_s: float

    @property
    def held(self) -> bool:
        """Whether every promise held."""
        return not (self.stepped.outside or self.stepped.problems or self.real.problems)


def rows(played: Played) -> list[list[str]]:
    """Return the figures of both halves, a row each."""
    stepped, real = played.stepped, played.real
    survived = sum(ended == "held" for ended in real.presses)
    return [
        ["messages sent", str(stepped.messages), str(real.messages)],
        ["control steps; seconds", f"{stepped.steps}", f"{real.seconds:.0f} s"],
        ["connections", str(stepped.connections), ""],
        ["writes that closed the valve", str(stepped.closed_writes), ""],
        ["of these outside a valid lease", str(len(stepped.outside)), ""],
        ["owner's presses held to their end", f"{stepped.presses_survived} of {stepped.owners_presses}",
         f"{survived} of {len(real.presses)}"],
        ["silent owner, lease named as lost", f"{stepped.silences_vented} of {stepped.silences}", ""],
        ["foreign presses carried out (whole and timely ones)", str(stepped.foreign_presses), ""],
        ["most commands waiting; bytes unsent", f"{stepped.most_waiting}; {stepped.most_unsent}", ""],
        ["resident memory, after a quarter and at the end", "", f"{real.memory_kib[0]}, {real.memory_kib[1]} KiB"],
        ["longest time between two control steps", "", f"{real.worst_gap_ms:.0f} ms"],
        ["highest pressure outside the owner's presses", "", f"{real.stray_kpa:.2f} kPa"],
    ]  # fmt: skip


def summary(played: Played) -> list[str]:
    """Return the promises, met or not, a line each."""
    stepped, real = played.stepped, played.real
    flat = real.memory_kib[1] - real.memory_kib[0] <= FLAT_KIB
    held = stepped.presses_survived == stepped.owners_presses and all(ended == "held" for ended in real.presses)
    count = stepped.messages + real.messages
    return [
        f"{_met(real.alive)}  no crash: {count} messages",
        f"{_met(not stepped.outside)}  no output moved outside a valid lease: {stepped.closed_writes} writes looked at",
        f"{_met(held)}  the owner's presses survive: {stepped.owners_presses + len(real.presses)} presses",
        f"{_met(flat)}  memory is flat: {real.memory_kib[1] - real.memory_kib[0]:+d} KiB",
        *(f"         wrong: {problem}" for problem in (*stepped.outside[:5], *stepped.problems, *real.problems)),
    ]


def _met(good: bool) -> str:
    return "met    " if good else "NOT MET"


def as_text(played: Played) -> str:
    """Return the table and the summary for a terminal."""
    return text_table(HEAD, rows(played)) + "\n\n" + "\n".join(summary(played))


NOTES = """Random bytes; mutated, cut, glued and oversized messages; events sent as commands; whole commands at the
wrong moment (late, from the future, with the owner's lease, which no spy could know); floods of 50 to 400 at once; deaf
peers and broken connections. In some scenes also whole, timely presses and wishes to vent, which are anybody's right.
Stepped clock: the real server on a real Unix socket, engine, gate and drivers, on simulated pins. What the lines sent
allow is worked out apart from the probe, and every write that closes the valve or drives the pump is held against it.
Real process: `refill probe run --simulate`, 10 messages every 20 ms beside floods, on a machine that does the sending
too. Simulation: no Pi was here."""


def as_markdown(played: Played, command: str) -> str:
    """Return the evidence file's text."""
    refused = [[name, str(count)] for name, count in played.stepped.refused.most_common()]
    faults = ", ".join(f"{count} {name}" for name, count in sorted(played.stepped.faults.items())) or "none"
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    blocks = [
        "# Random and mutated messages to the probe",
        f"Written by `{command}` (software {__version__}; {machine}; {played.took_s:.0f} s).",
        "\n".join(f"- {line.strip()}" for line in summary(played)),
        NOTES,
        markdown_table(HEAD, rows(played)),
        f"Refusals by the engine (stepped clock; what is malformed is refused before it). Faults raised: {faults}.",
        markdown_table(["refused", "n"], refused),
    ]
    return "\n\n".join(blocks) + "\n"
