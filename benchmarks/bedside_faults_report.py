"""The page of `benchmarks.bedside_faults`."""

from collections import Counter
from collections.abc import Iterable, Sequence

from benchmarks.accuracy_report import markdown_table
from benchmarks.bedside_faults import Outcome
from benchmarks.bedside_faults_table import FAULTS_OF_THE_BEDSIDE
from benchmarks.bedside_report import machine
from benchmarks.verdict import Verdict

PRESSED_KPA = 1.0
HEAD = """# The bedside's faults

Written by the command below, not by hand. Probe, bedside, broker, ingest and publisher are processes of their own; the
journal lies on a small real disk (an ext4 image on a loop device where the machine lets us mount one). Each fault comes
at a random moment of a measurement of one short press. Named: the measurement ends in the state and with the record
that stand in `benchmarks/bedside_faults_table.py`, and a sentence says what is wrong. Vented: the true pressure on the
skin is below 1 kPa again. Nothing lost: `refill journal verify`, no record changed, no gap, none double, one record for
every push, at the end each once in the trial database with its receipt. Mended: the part is put right, a fault that the
probe has latched is cleared as the engineer does, and the next push has to give a number (what the picture's own
checks refuse, such as a finger that moved, is repeated once, as the nurse is told). A number has to be right: within
0.2 s of the simulated skin's.

The camera, the probe and the wall clock are simulated; their faults are injected in the simulation, below the product's
own drivers (the wall clock where the product's modules ask for the time). Killed processes, the full disk, the file
system that goes read-only and the broker are the real thing.
"""


def failures(done: Sequence[Outcome], problems: Sequence[str]) -> list[str]:
    """Return every broken promise in one line each."""
    broken = [
        f"{outcome.case.name}, {outcome.case.phase} (case {outcome.case.number}): {'; '.join(outcome.problems)}"
        for outcome in done
        if outcome.problems
    ]
    return [*broken, *(f"at the end: {problem}" for problem in problems)]


def verdicts(done: Sequence[Outcome], problems: Sequence[str]) -> list[Verdict]:
    """Hold all outcomes against the targets."""
    broken = failures(done, problems)
    pressed = [outcome for outcome in done if _limit(outcome) is not None and outcome.kpa > PRESSED_KPA]
    vents = [outcome.vented_s if outcome.vented_s is not None else float("inf") for outcome in pressed]
    again = Counter(outcome.next_said or "nothing" for outcome in done)
    return [
        Verdict(
            "every fault ends by its name, nothing is lost",
            not broken,
            f"{len(done)} faults of {len({one.case.name for one in done})} kinds, {len(broken)} broken promises",
        ),
        Verdict(
            "a pressed skin is vented in time",
            not any("vented" in problem for outcome in done for problem in outcome.problems),
            f"{len(pressed)} met a pressed skin; longest {max(vents, default=0.0):.2f} s",
        ),
        Verdict(
            "the next press works",
            set(again) <= {"a number"},
            ", ".join(f"{count} {word}" for word, count in again.most_common()),
        ),
    ]


def _limit(outcome: Outcome) -> float | None:
    return FAULTS_OF_THE_BEDSIDE[outcome.case.name].vent_s


COLUMNS = [
    *("fault", "what breaks", "times", "in", "ends as", "the record says", "first sentence", "to the end, s"),
    *("vented within, s", "cleared", "then", "broken"),
]


def rows(done: Sequence[Outcome]) -> list[list[str]]:
    """Return one row for each fault."""
    found = []
    for name, fault in FAULTS_OF_THE_BEDSIDE.items():
        here = [outcome for outcome in done if outcome.case.name == name]
        if not here:
            continue
        pressed = [outcome for outcome in here if outcome.kpa > PRESSED_KPA and fault.vent_s is not None]
        vents = [outcome.vented_s for outcome in pressed if outcome.vented_s is not None]
        ends = [outcome.ended_s for outcome in here if outcome.ended_s is not None]
        found.append(
            [
                f"`{name}`",
                fault.what,
                str(len(here)),
                _words(outcome.case.phase for outcome in here),
                _words(outcome.state for outcome in here),
                _words(outcome.record for outcome in here),
                " / ".join(sorted({outcome.sentence for outcome in here if outcome.sentence})) or "-",
                f"{max(ends):.1f}" if ends else "-",
                f"{max(vents):.2f} ({len(pressed)})" if vents else "-",
                _words(outcome.cleared for outcome in here if outcome.cleared),
                _words(f"{outcome.next_said}{' (2nd push)' * (outcome.pushes > 1)}" for outcome in here),
                str(sum(bool(outcome.problems) for outcome in here)),
            ]
        )
    return found


def _words(words: Iterable[str]) -> str:
    counted = Counter(words)
    return ", ".join(word if len(counted) == 1 else f"{count} {word}" for word, count in counted.most_common()) or "-"


def report(command: str, done: Sequence[Outcome], problems: Sequence[str], disk: str, took_s: float) -> str:
    """Return the whole report."""
    broken = failures(done, problems)
    left_out = sorted(set(FAULTS_OF_THE_BEDSIDE) - {outcome.case.name for outcome in done})
    restarts = sum(outcome.restarts for outcome in done)
    parts = [
        HEAD.strip(),
        f"```\n{command}\n```",
        f"{machine(took_s)} The journal's disk: {disk}. The bedside ended by itself {restarts} times.",
        "\n".join(f"- {verdict.line}" for verdict in verdicts(done, problems)),
        markdown_table(COLUMNS, rows(done)),
        *([f"Left out: {', '.join(left_out)}."] if left_out else []),
        "\n".join(["Broken promises:", "", *(f"- {line}" for line in broken)]) if broken else "No promise was broken.",
    ]
    return "\n\n".join(parts) + "\n"
