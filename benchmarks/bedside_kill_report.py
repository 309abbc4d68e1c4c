"""The report of the kill campaign: by phase, what was met and what the records say; and the sums."""

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.accuracy_report import markdown_table
from benchmarks.bedside_report import machine
from benchmarks.verdict import Verdict

if TYPE_CHECKING:
    from benchmarks.bedside_kill import Killed

PHASES = ("baseline", "pressing", "holding", "refilling", "resting", "committing", "over")
PRESSED_KPA = 5.0
VENT_S = 0.7
READY_S = 4.0
HEAD = """# Killing the bedside

Written by the command below, not by hand. Each bed is a simulated probe process and a bedside process; the bedside (in
some rounds the probe, or both) gets SIGKILL at a random moment of a measurement of two presses and is started again by
the campaign, as systemd does on the Pi. Half of the moments are spread over the measurement, half aimed at a phase of
either press; "committing" is the time between the last press kept and the reading told. After each kill: the true
pressure on the skin is watched until it is gone; after the restart `refill journal verify` runs as a user runs it; the
records are held against what was there before (none changed, none gone, none double, no gap); the measurement that was
cut short has its record, with every press that had been kept and its trace; and the next push starts a measurement.

Processes die here, the machine does not: a power cut is not shown. Where the probe is killed, "vented" is the phantom's
model of a normally-open valve that loses its power.
"""


def failures(done: Sequence["Killed"], kills: int) -> list[str]:
    """Return every broken promise in one line each."""
    broken = [
        f"kill {killed.kill.number} ({killed.kill.victim}, {killed.state}): {'; '.join(killed.problems)}"
        for killed in done
        if killed.problems
    ]
    return [*broken, *([] if len(done) == kills else [f"only {len(done)} of {kills} kills were made"])]


def verdicts(done: Sequence["Killed"], kills: int) -> list[Verdict]:
    """Hold the figures against the targets."""
    pressed = [killed for killed in done if killed.kpa > PRESSED_KPA]
    vents = [killed.vented_s if killed.vented_s is not None else float("inf") for killed in pressed]
    ready = [killed.ready_s for killed in done if killed.ready_s is not None]
    whole = [killed for killed in done if killed.next_said]
    broken = failures(done, kills)
    vent_s, ready_s = max(vents, default=0.0), max(ready, default=0.0)
    median_s = statistics.median(ready) if ready else 0.0
    said = ", ".join(f"{count} {word}" for word, count in Counter(killed.next_said for killed in whole).most_common())
    return [
        Verdict(f"{kills} kills, every promise held", not broken, f"{len(done)} kills, {len(broken)} broken"),
        Verdict(
            f"a pressed skin is vented within {VENT_S:g} s of the kill",
            vent_s <= VENT_S,
            f"{len(pressed)} met a pressed skin; longest {vent_s:.2f} s",
        ),
        Verdict(
            f"ready within {READY_S:g} s of the restart",
            ready_s <= READY_S,
            f"median {median_s:.2f} s, longest {ready_s:.2f} s",
        ),
        Verdict(
            "the next measurement goes to its end",
            all("next measurement" not in problem for killed in done for problem in killed.problems),
            f"{len(whole)} made after a kill: {said}",
        ),
    ]


def rows(done: Sequence["Killed"]) -> list[list[str]]:
    """Return the table: by where the kill met the measurement."""
    found = []
    for phase in PHASES:
        here = [killed for killed in done if killed.state == phase]
        if not here:
            continue
        victims = Counter(killed.kill.victim for killed in here)
        pressed = [killed for killed in here if killed.kpa > PRESSED_KPA]
        vents = [killed.vented_s for killed in pressed if killed.vented_s is not None]
        kept = Counter(killed.presses_kept for killed in here if killed.record == "interrupted")
        said = Counter(killed.record for killed in here)
        found.append(
            [
                phase,
                str(len(here)),
                ", ".join(f"{count} {victim}" for victim, count in sorted(victims.items())),
                str(len(pressed)),
                f"{max(vents):.2f}" if vents else "-",
                ", ".join(f"{count} {word}" for word, count in said.most_common()),
                ", ".join(f"{count} with {presses}" for presses, count in sorted(kept.items())) or "-",
                str(sum(bool(killed.problems) for killed in here)),
            ]
        )
    return found


COLUMNS = [
    *("the kill came in", "kills", "of", "skin pressed", "longest to vent, s"),
    *("the record says", "interrupted with presses kept", "broken"),
]


def report(command: str, done: Sequence["Killed"], kills: int, took_s: float) -> str:
    """Return the whole report."""
    cleared = sum(bool(killed.cleared) for killed in done)
    again = sum(killed.kill.again_s is not None for killed in done)
    broken = failures(done, kills)
    parts = [
        HEAD,
        f"```\n{command}\n```",
        f"{machine(took_s)} {again} of the restarts were killed too, 0.2 to 1.5 s after their start.",
        f"{cleared} times the machine did not let the probe run; what it latched then was cleared by hand.",
        "\n".join(f"- {verdict.line}" for verdict in verdicts(done, kills)),
        markdown_table(COLUMNS, rows(done)),
        "\n".join(["Broken promises:", "", *(f"- {line}" for line in broken)]) if broken else "No promise was broken.",
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"
