"""The probe's page and the code say the same, and what the page cites exists."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from device.probe.faults import FAULTS, FaultCode
from refill.probe_cli import app
from refill.probe_docs import parts, written

HERE = Path(__file__).resolve().parents[2]
PAGE = HERE / "docs" / "probe.md"


def test_the_page_is_what_the_code_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "run python -m refill.probe_docs"


def test_a_page_that_lags_behind_would_be_seen() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert written(page.replace("| `leak` | notice |", "| `leak` | danger |")) == page
    with pytest.raises(ValueError, match="faults-fr"):
        written(page.replace("<!-- faults-fr -->", ""))


def test_every_test_that_the_page_cites_exists() -> None:
    cited = re.findall(r"`(tests/\S+?\.py)::(test_\w+)`", PAGE.read_text(encoding="utf-8"))
    assert len(cited) > 8
    for file, name in cited:
        assert f"def {name}(" in (HERE / file).read_text(encoding="utf-8"), f"{file}::{name}"


def test_every_procedure_that_the_page_numbers_exists() -> None:
    page = PAGE.read_text(encoding="utf-8")
    numbered = {int(number) for number in re.findall(r"^\*\*(\d+)\. ", page, re.MULTILINE)}
    table = page.split("## What makes it safe")[1].split("What is weaker")[0]
    rows = [line.split("|")[-2] for line in table.splitlines() if line.startswith("| ")]
    used = {int(number) for cell in rows for number in re.findall(r"\d+", cell)}
    assert used
    assert used <= numbered


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_fault_is_printed_with_its_sentence(language: str) -> None:
    for options in ([], ["--markdown"]):
        told = CliRunner().invoke(app, ["faults", "--language", language, *options]).stdout
        for code in FaultCode:
            assert code in told
            assert (FAULTS[code].english if language == "en" else FAULTS[code].french) in told


def test_the_table_for_a_program_has_every_row() -> None:
    rows = json.loads(CliRunner().invoke(app, ["faults", "--json"]).stdout)
    assert [row["code"] for row in rows] == list(FaultCode)
    assert all(row["latched"] == (row["clear"] != "itself") for row in rows)
    assert set(parts()) == {"faults-en", "faults-fr", "by-hand"}
