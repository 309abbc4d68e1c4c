"""docs/mottling.md says what the code does."""

from pathlib import Path

import pytest
from mottling_photo_bench import KEYS

from refill.mottling_docs import PAGE, written

TEXT = (Path(__file__).resolve().parents[2] / PAGE).read_text(encoding="utf-8")


def test_the_page_holds_the_tables_of_the_code() -> None:
    assert written(TEXT) == TEXT, "renew it: python -m refill.mottling_docs"


def test_every_key_of_the_answer_stands_on_it() -> None:
    assert [key for key in sorted(KEYS) if f"`{key}`" not in TEXT] == []


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="wants one <!-- card -->"):
        written(TEXT.replace("<!-- card -->", ""))
