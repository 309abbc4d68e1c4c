"""The outsider campaign as a table for the terminal and as a page for docs/evidence."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from benchmarks.outsider import KINDS, Outcome
from contract.version import __version__
from vision import ALGORITHM_VERSION

VERDICTS: Final = ("harmless", "right reason", "other reason", "censored", "censored wrongly", "wrong number")
HEAD: Final = ("kind", "size", "n", *VERDICTS, "of these held", "answers")
FALSE: Final = ("wrong number", "censored wrongly")
NOTE: Final = (
    "Presses of benchmarks/outsider*.py, a generator that shares no model with the phantom: other refill curves, "
    "optics by a spread of path lengths, other faults. Cells with pressure, cells without, traces and pictures. "
    "Harmless: at most 0.15 s or 6 % off; where core and whole disc, or asymptote and end of window, differ in their "
    "time, any time between. Without pressure the time counts from any moment between release and 5 % of the return. "
    "Right reason: one that the kind names; but for the largest of several sizes also too_uncertain and not_settled, "
    "for healthy presses nothing else. Held: wrong numbers whose 95 % interval holds the truth. Simulation: it says "
    "nothing about people."
)


def rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """Return the table's rows, one for each kind and size."""
    table = []
    for kind in KINDS.values():
        for size in kind.sizes:
            here = [one for one in outcomes if (one.case.kind, one.case.size) == (kind.name, size)]
            if not here:
                continue
            told = Counter(one.verdict for one in here)
            ends = Counter(one.ended for one in here)
            wrong = [one for one in here if one.verdict == "wrong number"]
            table.append(
                (
                    kind.name,
                    f"{size:g}",
                    str(len(here)),
                    *(str(told[verdict] or "") for verdict in VERDICTS),
                    str(sum(one.honest for one in wrong) or ""),
                    ", ".join(f"{number} {end}" for end, number in ends.most_common()),
                )
            )
    return table


def summary(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the counts by healthy and fault, and by form, as lines."""
    lines = []
    for title, healthy in (("healthy", True), ("faults", False)):
        group = [one for one in outcomes if KINDS[one.case.kind].healthy is healthy]
        for form in dict.fromkeys(one.case.form for one in group):
            told = Counter(one.verdict for one in group if one.case.form == form)
            held = sum(one.honest for one in group if one.case.form == form and one.verdict == "wrong number")
            counts = ", ".join(f"{told[verdict]} {verdict}" for verdict in VERDICTS if told[verdict])
            lines.append(f"{title}, {form}: {counts} ({held} of the wrong ones held by their interval)")
    return lines


def _wrong(outcomes: Sequence[Outcome]) -> list[str]:
    return [f"{one.verdict}: {one.line}" for one in outcomes if one.verdict in FALSE]


def as_text(outcomes: Sequence[Outcome]) -> str:
    """Return the campaign for the terminal."""
    table = [HEAD, *rows(outcomes)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    return "\n".join([*lines, "", *_wrong(outcomes), "", *summary(outcomes)])


def as_markdown(outcomes: Sequence[Outcome], command: str) -> str:
    """Return the evidence file's text."""
    table = ["| " + " | ".join(row) + " |" for row in (HEAD, tuple("---" for _ in HEAD), *rows(outcomes))]
    meanings = [f"- {kind.name} ({kind.what})" for kind in KINDS.values()]
    parts = [
        "# The outsider's presses",
        f"Written by `{command}` (software {__version__}, algorithm {ALGORITHM_VERSION}). Simulation.",
        "\n".join(f"- {line}" for line in summary(outcomes)),
        NOTE,
        "\n".join(table),
        "## What the sizes are of",
        "\n".join(meanings),
        "## Every number that was wrong",
        "\n".join(f"- {line}" for line in _wrong(outcomes)) or "None.",
    ]
    return "\n\n".join(parts) + "\n"
