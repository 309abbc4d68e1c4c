"""Writes the table of docs/session.md from the code, between its marks: `python -m refill.session_docs`."""

import re
from pathlib import Path

from device.session_table import as_markdown

PAGE = Path("docs/session.md")
BEGIN, END = "<!-- table -->", "<!-- /table -->"


def written(page: str) -> str:
    """Return the page with the table renewed; raises `ValueError` where a mark is missing."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"{PAGE}: wants one {BEGIN} and one {END}")
    renewed = f"{BEGIN}\n\n{as_markdown().strip()}\n\n{END}"
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: renewed, page, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
