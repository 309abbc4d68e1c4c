"""docs/health.md says what the code does."""

from pathlib import Path

import pytest

from contract.status import PartName
from device.health_table import FINDINGS, LIMITS
from refill.health_docs import PAGE, parts, written

TEXT = (Path(__file__).resolve().parents[2] / PAGE).read_text(encoding="utf-8")


def test_the_page_holds_the_tables_of_the_code() -> None:
    assert written(TEXT) == TEXT, "renew it: python -m refill.health_docs"


def test_every_part_limit_and_sentence_stands_on_it() -> None:
    for part in PartName:
        assert f"`{part.value}`" in parts()["parts"]
    assert parts()["limits"].count("\n") == len(LIMITS) + 1
    for finding in FINDINGS.values():
        assert (finding.english or "(its own words)") in TEXT
        assert (finding.french or "(ses propres mots)") in TEXT


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="wants one <!-- limits -->"):
        written(TEXT.replace("<!-- limits -->", ""))
