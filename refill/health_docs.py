"""Writes the tables of docs/health.md from the code, between its marks: `python -m refill.health_docs`."""

import re
from collections.abc import Sequence
from pathlib import Path

from contract.status import PartName
from device.health import UNITS
from device.health_table import FINDINGS, LIMITS, URGENCY

PAGE = Path("docs/health.md")
UNIT_WORDS: dict[str, str] = {"degC": "°C", "fps": "frames a second"}


def parts() -> dict[str, str]:
    """Return what the code says, by the name of its marks on the page."""
    return {"parts": _parts(), "limits": _limits(), "sentences": _sentences()}


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
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(re.sub(r'[|]', '/', cell) for cell in line)} |" for line in lines)


def _parts() -> str:
    rows = []
    for part in PartName:
        unit = UNITS.get(part)
        number = "-" if unit is None else UNIT_WORDS.get(unit, unit)
        rows.append((f"`{part.value}`", number, str(URGENCY.index(part) + 1)))
    return _table(("part", "its number", "read first among equals"), rows)


def _limits() -> str:
    rows = [
        (f"`{limit.part.value}`", limit.what, f"{limit.beyond} {limit.warning:g}", f"{limit.beyond} {limit.fault:g}")
        for limit in LIMITS
    ]
    return _table(("part", "what is looked at", "warning", "fault"), rows)


def _sentences() -> str:
    rows = [
        (
            f"`{finding.part.value}`",
            finding.condition.value,
            finding.when,
            finding.english or "(its own words)",
            finding.french or "(ses propres mots)",
        )
        for finding in FINDINGS.values()
    ]
    return _table(("part", "condition", "when", "English", "French"), rows)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
