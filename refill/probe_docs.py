"""Writes what docs/probe.md takes from the code, between its marks: `python -m refill.probe_docs`.

The table of faults in both languages and the procedures for the bench stand in the code; a test holds page and code
together.
"""

import re
from pathlib import Path

from firmware_config.device import load_device
from refill import probe_faults, probe_selftest_by_hand

PAGE = Path("docs/probe.md")


def parts() -> dict[str, str]:
    """Return what the code says, by the name of its marks on the page."""
    return {
        "faults-en": probe_faults.as_markdown("en"),
        "faults-fr": probe_faults.as_markdown("fr"),
        "by-hand": probe_selftest_by_hand.as_markdown(load_device().pins),
    }


def written(page: str) -> str:
    """Return the page with every part between its marks renewed; raises `ValueError` where a mark is missing."""
    for name, text in parts().items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"{PAGE}: wants one {begin} and one {end}")
        between = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        renewed = f"{begin}\n\n{text.strip()}\n\n{end}"
        page = between.sub(lambda _, renewed=renewed: renewed, page)  # type: ignore[misc]  # the default pins the loop's value
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
