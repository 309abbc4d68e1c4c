"""The fault campaign as a table: by fault and size, what came of it."""

from collections import Counter
from collections.abc import Sequence

from benchmarks.accuracy_report import markdown_table, text_table
from benchmarks.faults import FaultOutcome
from benchmarks.faults_table import ANSWERS
from contract.version import __version__
from vision import ALGORITHM_VERSION

VERDICTS = ("right reason", "other reason", "harmless", "censored", "wrong number")
HEAD = ["fault", "size", "n", *VERDICTS, "answers"]


def rows(outcomes: Sequence[FaultOutcome]) -> list[list[str]]:
    """Return one row a fault and size."""
    groups: dict[tuple[str, float], list[FaultOutcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.case.title, outcome.case.size), []).append(outcome)
    order = {title: index for index, title in enumerate(dict.fromkeys(title for title, _ in groups))}
    told = []
    for title, size in sorted(groups, key=lambda key: (order[key[0]], key[1])):
        found = groups[title, size]
        counts = Counter(outcome.verdict for outcome in found)
        answers = Counter(outcome.ended for outcome in found)
        cells = [str(counts[name]) if counts[name] else "" for name in VERDICTS]
        listed = ", ".join(f"{count} {name}" for name, count in answers.most_common())
        told.append([title, f"{size:g}", str(len(found)), *cells, listed])
    return told


def summary(outcomes: Sequence[FaultOutcome]) -> list[str]:
    """Return the verdict and every wrong number, one line each."""
    faulty = [outcome for outcome in outcomes if outcome.case.fault]
    controls = [outcome for outcome in outcomes if not outcome.case.fault]
    wrong = [outcome for outcome in outcomes if outcome.verdict == "wrong number"]
    other = sum(outcome.verdict == "other reason" for outcome in faulty)
    refused = sum(outcome.verdict == "other reason" for outcome in controls)
    escaped = [o for o in faulty if o.case.fault == "incomplete_refill" and o.case.size >= 1 and o.ended != "censored"]
    return [
        f"{'met    ' if not wrong else 'NOT MET'}  no wrong number: {len(wrong)} of {len(outcomes)} presses",
        f"{'met    ' if not other else 'NOT MET'}  the right reason: {other} of {len(faulty)} refused for another",
        f"{'met    ' if not escaped else 'NOT MET'}  an incomplete refill is censored: {len(escaped)} are not",
        f"        fault-free controls refused: {refused} of {len(controls)}",
        *(f"        wrong: {outcome.line}" for outcome in wrong),
        *(f"        refused as {o.ended}: {o.line}" for o in outcomes if o.verdict == "other reason"),
    ]


def as_text(outcomes: Sequence[FaultOutcome]) -> str:
    """Return the table and the summary for a terminal."""
    return text_table(HEAD, rows(outcomes)) + "\n\n" + "\n".join(summary(outcomes))


NOTES = """Pictures of 320x240 at 24 to 30 frames/s, tones I to VI, refill 0.8 to 4 s, steps 0.05 to 0.3 ln G. Size: of
the phantom's default (`phantom/fault_table.py`). Right reason: one that the table below accepts. Harmless: a number at
most 0.15 s or 6 % off (after a second press: counted from either release). Below size 1 a fault may also
leave no more than doubt: too_uncertain and not_settled are right there. Censored: "longer than", and it was. Wrong
number: any other number, any number where there is no refill to measure, and a "longer than" that is false. Controls
have no fault; their hand moves by 0.4 to 2 px (RMS)."""


def as_markdown(outcomes: Sequence[FaultOutcome], command: str) -> str:
    """Return the evidence file's text."""
    accepted = [[name, ", ".join((*a.reasons, *(("censored",) if a.censored else ())))] for name, a in ANSWERS.items()]
    blocks = [
        "# Fault campaign",
        f"Written by `{command}` (software {__version__}, algorithm {ALGORITHM_VERSION}). Simulation.",
        "\n".join(f"- {line.strip()}" for line in summary(outcomes)),
        NOTES,
        markdown_table(HEAD, rows(outcomes)),
        "## Reasons accepted",
        markdown_table(["fault", "reasons"], accepted),
    ]
    return "\n\n".join(blocks) + "\n"
