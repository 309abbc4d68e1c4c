"""The mottling reading: a score or one reason, never above what the photo can tell, and the photo only by its hash."""

from typing import Any

import pytest
from contract_bench import READING
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contract.mottling import MOTTLING_REASONS, MottlingReading, MottlingReason, MottlingResult, mottling_sentence
from contract.records import read_record
from vision.mottling.levels import ZONES
from vision.mottling.reasons import Reason

COMMON = {name: value for name, value in READING.items() if name not in ("body_site", "protocol", "result", "presses")}
SCORED = {"status": "measured", "score": 2, "max_supported": 4}
REFUSED = {"status": "not_measurable", "reason": "blurred"}
MARKS = {"knee": [10.0, 20.0], "patella": [10.0, 15.0]}


def mottling(**content: Any) -> MottlingReading:
    return MottlingReading.model_validate(COMMON | {"result": SCORED} | content)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"result": REFUSED},
        {"result": SCORED | {"at_least": True, "confidence": 0.5, "zones": {"knee": 0.25}, "mottled_area_cm2": 12.0}},
        {"landmarks": MARKS, "photo_sha256": "d" * 64, "photo_from": "camera"},
    ],
)
def test_the_two_ways_in_which_an_assessment_ends(content: dict[str, Any]) -> None:
    made = mottling(**content)
    assert read_record(made.model_dump_json(), strict=True) == made


@pytest.mark.parametrize(
    "content",
    [
        {"result": SCORED | {"score": 5}},
        {"result": SCORED | {"score": 6, "max_supported": 6}},
        {"result": SCORED | {"max_supported": None}},
        {"result": SCORED | {"reason": "blurred"}},
        {"result": SCORED | {"confidence": 1.01}},
        {"result": SCORED | {"zones": {"knee": -0.1}}},
        {"result": SCORED | {"zones": {"foot": 0.1}}},
        {"result": SCORED | {"mm_per_px": 0.0}},
        {"result": REFUSED | {"reason": None}},
        {"result": REFUSED | {"reason": "ugly"}},
        {"result": REFUSED | {"score": 0, "max_supported": 3}},
        {"landmarks": {"knee": [1.0, 2.0]}},
        {"landmarks": MARKS | {"knee": [float("nan"), 2.0]}},
        {"photo": "a picture"},
        {"photo_sha256": "d" * 63},
    ],
)
def test_never_a_score_that_the_photo_cannot_tell_nor_one_with_a_reason(content: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        mottling(**content)


SCORE = st.none() | st.integers(-1, 6)


@given(st.sampled_from(["measured", "not_measurable"]), SCORE, SCORE, st.none() | st.sampled_from(MottlingReason))
def test_every_result_that_can_be_made_says_a_score_or_a_reason(status, score, most, reason) -> None:
    try:
        made = MottlingResult(status=status, score=score, max_supported=most, reason=reason)
    except ValidationError:
        return
    assert (made.score is None) != (made.reason is None)
    assert made.score is None or (made.max_supported is not None and 0 <= made.score <= made.max_supported <= 5)


def test_every_reason_of_vision_stands_in_the_contract_and_every_zone_is_one_of_it() -> None:
    codes = {str(reason) for reason in MottlingReason}
    assert {str(reason) for reason in Reason} == codes - {"interrupted"}
    assert set(MottlingResult.model_fields["zones"].annotation.__args__[0].model_fields) == set(ZONES)


def test_every_reason_says_in_both_languages_what_to_do() -> None:
    assert set(MOTTLING_REASONS) == set(MottlingReason)
    for reason in MottlingReason:
        english, french = mottling_sentence(reason), mottling_sentence(reason, "fr")
        assert english.count(". ") == french.count(". ") == 1, "what happened, and what to do"
    with pytest.raises(ValueError, match="no such language"):
        mottling_sentence(MottlingReason.DARK, "de")
