"""The amendment: a confirmation, a comment or a correction, one at a time, coded, and about one record."""

import re
from typing import Any

import pytest
from contract_bench import READING
from pydantic import ValidationError

from contract.amendment import COMMENTS, CORRECTION_WHYS, Amendment, Change, CommentCode, CorrectionWhy
from contract.records import read_record

COMMON = {name: value for name, value in READING.items() if name not in ("body_site", "protocol", "result", "presses")}
ABOUT = "019ab0c4-9000-7000-8000-000000000001"
SIDE = {"field": "side", "old": "left", "new": "right"}


def amendment(**content: Any) -> Amendment:
    return Amendment.model_validate(COMMON | {"about": ABOUT, "operator": "n7", "action": "confirmed"} | content)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"mottling_score": 0},
        {"mottling_score": 5},
        {"action": "commented", "comment": "cold_skin"},
        {"action": "corrected", "changes": [SIDE], "why": "chosen_wrong"},
        {"action": "corrected", "changes": [SIDE | {"new": None}], "why": "other"},
    ],
)
def test_one_thing_is_said_of_a_record(content: dict[str, Any]) -> None:
    made = amendment(**content)
    assert read_record(made.model_dump_json(), strict=True) == made


@pytest.mark.parametrize(
    "content",
    [
        {"action": "commented"},
        {"comment": "cold_skin"},
        {"action": "commented", "comment": "cold_skin", "changes": [SIDE], "why": "other"},
        {"action": "commented", "comment": "cold_skin", "mottling_score": 1},
        {"action": "commented", "comment": "Mrs Martin was cold"},
        {"action": "corrected"},
        {"action": "corrected", "changes": [SIDE]},
        {"action": "corrected", "why": "other"},
        {"action": "corrected", "changes": [SIDE, SIDE], "why": "other"},
        {"action": "corrected", "changes": [SIDE | {"new": "left"}], "why": "other"},
        {"action": "corrected", "changes": [SIDE | {"field": "crt_s"}], "why": "other"},
        {"action": "corrected", "changes": [SIDE | {"field": "simulated"}], "why": "other"},
        {"action": "corrected", "changes": [SIDE | {"new": "x" * 64}], "why": "other"},
        {"action": "corrected", "changes": [SIDE | {"new": ""}], "why": "other"},
        {"action": "corrected", "changes": [SIDE | {"new": "Mrs Martin"}], "why": "other"},
        {"action": "corrected", "changes": [SIDE | {"old": "jane doe"}], "why": "other"},
        {"action": "corrected", "changes": [SIDE | {"new": "left\n"}], "why": "other"},
        {"action": "deleted"},
        {"mottling_score": 6},
        {"mottling_score": -1},
        {"operator": None},
        {"about": None},
        {"about": "00000000-0000-4000-8000-000000000001"},
        {"free_text": "the patient was cold"},
    ],
)
def test_no_two_things_at_once_no_free_text_and_no_measured_number(content: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        amendment(**content)


def test_an_amendment_that_says_nobody_is_none() -> None:
    with pytest.raises(ValidationError, match="operator"):
        Amendment.model_validate(COMMON | {"about": ABOUT, "action": "confirmed"})


def test_a_change_keeps_what_stood_before_it() -> None:
    change = Change(field="inclusion", old="0007", new="0011")
    assert (change.old, change.new) == ("0007", "0011")
    with pytest.raises(ValidationError):
        Change.model_validate({"field": "inclusion", "new": "0011"})


def test_every_code_is_told_in_both_languages_and_asks_nothing_that_could_name_anybody() -> None:
    for codes, table in ((CommentCode, COMMENTS), (CorrectionWhy, CORRECTION_WHYS)):
        assert set(table) == set(codes)
        for code, sentence in table.items():
            assert re.fullmatch(r"[a-z_]+", code)
            assert sentence.english.endswith(".")
            assert sentence.french.endswith(".")
            assert sentence.english != sentence.french
