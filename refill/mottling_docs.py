"""Writes the tables of docs/mottling.md from the code, between its marks: `python -m refill.mottling_docs`."""

from collections.abc import Sequence
from pathlib import Path

from contract.mottling import MOTTLING_REASONS
from refill.mottling_cli import CARD_NOTES, LEVELS

PAGE = Path("docs/mottling.md")


def parts() -> dict[str, str]:
    """Return what the code says, by the name of its marks on the page."""
    return {
        "levels": _table(("score", "mottling"), [(str(score), words) for score, words in enumerate(LEVELS)]),
        "card": _table(("problem", "what is said"), [(f"`{name}`", words) for name, words in CARD_NOTES.items()]),
        "reasons": _table(
            ("reason", "English", "French"),
            [(f"`{reason.value}`", words.english, words.french) for reason, words in MOTTLING_REASONS.items()],
        ),
    }


def written(page: str) -> str:
    """Return the page with every table renewed; raises `ValueError` where a mark is missing."""
    for name, text in parts().items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"{PAGE}: wants one {begin} and one {end}")
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}"
    return page


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
