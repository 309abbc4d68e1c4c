"""Writes the tables of docs/subject.md from the code, between their marks: `python -m refill.subject_docs`."""

import re
from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement
from pathlib import Path

from contract.hypoperfusion import combined
from contract.hypoperfusion_words import WHY, Answer
from contract.window import NO_HOURS
from device.amending import REFUSALS as OF_AMENDMENTS
from device.bedside_photo import REFUSALS as OF_PHOTOS
from device.choice import REFUSALS

PAGE = Path("docs/subject.md")


def verdicts() -> str:
    """Return what three answers come to, in whichever order."""
    rows = [(*three, combined(three)) for three in combinations_with_replacement(Answer, 3)]
    return _table(("one", "another", "the third", "verdict"), rows)


def reasons() -> str:
    """Return why an input says nothing, and why hours cannot be told."""
    return _table(
        ("why", "English", "French"), [(f"`{why}`", *words) for why, words in (*WHY.items(), *NO_HOURS.items())]
    )


def refusals() -> str:
    """Return the sentences with which a choice is refused."""
    return _table(("English", "French"), list(REFUSALS.values()))


def amendments() -> str:
    """Return the sentences with which an amendment is refused."""
    return _table(("English", "French"), list(OF_AMENDMENTS.values()))


def photos() -> str:
    """Return the sentences with which a photo is refused."""
    return _table(("English", "French"), list(OF_PHOTOS.values()))


TABLES: dict[str, Callable[[], str]] = {
    "verdicts": verdicts,
    "reasons": reasons,
    "refusals": refusals,
    "amendments": amendments,
    "photos": photos,
}
"""Marks of the page, and what stands between them."""


def written(page: str) -> str:
    """Return the page with its tables renewed; raises `ValueError` where a mark is missing."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"{PAGE}: wants one {begin} and one {end}")
        between = f"{re.escape(begin)}.*?{re.escape(end)}"
        page = re.sub(between, f"{begin}\n\n{table()}\n\n{end}".replace("\\", r"\\"), page, flags=re.DOTALL)
    return page


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
