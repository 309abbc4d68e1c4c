"""The site engineer's page: its table of steps is the plan's."""

from pathlib import Path

import pytest
from run_bench import STEPS

from calibration.rig import Target
from refill.calibrate_docs import BEGIN, END, PLACES, as_markdown, written


def test_the_page_has_the_table_of_the_plan() -> None:
    from calibration.plan import ALL_STEPS

    page = Path("docs/calibration.md").read_text(encoding="utf-8")
    assert page == written(page, ALL_STEPS), "run python -m refill.calibrate_docs"


def test_every_step_is_a_row_and_an_optional_one_says_so() -> None:
    head, _, *rows = as_markdown(STEPS).splitlines()
    assert "| needed |" in head
    assert [row.split("|")[2].strip() for row in rows] == ["`pressure_zero`", "`light_ambient`", "`camera_dark`"]
    assert [row.split("|")[6].strip() for row in rows] == ["yes", "where the device can", "yes"]


def test_every_target_has_a_word() -> None:
    assert set(PLACES) == set(Target)


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="wants one"):
        written("a page", STEPS)
    assert written(f"a\n{BEGIN}\nold\n{END}\nb", STEPS).startswith(f"a\n{BEGIN}\n\n| |")
