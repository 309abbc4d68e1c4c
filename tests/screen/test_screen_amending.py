"""What a nurse adds to a reading: asked step by step, written down only when all is known."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from contract.amendment import CommentCode, CorrectionWhy
from contract.mottling import MottlingReading
from contract.reading import Reading
from device.screen.amending import AmendDraft, correctable
from device.standing import Standing

COMMON: dict[str, Any] = {
    "reading_id": "019ab0c4-9000-7000-8000-000000000001",
    "device_seq": 1,
    "study": "demo",
    "subject": {"site": "00", "inclusion": "7"},
    "event": "inclusion",
    "simulated": True,
    "device": {
        "name": "bedside-1",
        "software_version": "0.1.0",
        "algorithm_version": "1",
        "configuration_sha256": "b" * 64,
    },
    "measured": {
        "at": "2026-11-23T13:00:00.250000+01:00",
        "boot_id": "00000000-0000-4000-8000-000000000001",
        "boottime_ns": 1,
        "clock_synchronised": True,
    },
}


def refill() -> Standing:
    more = {
        "body_site": "finger",
        "protocol": {"name": "demo", "version": "1", "sha256": "a" * 64},
        "result": {"status": "measured", "crt_s": 2.1, "crt_ci95_s": [1.9, 2.3]},
        "presses": [],
    }
    return Standing(Reading.model_validate(COMMON | more))


def leg() -> Standing:
    return Standing(
        MottlingReading.model_validate(
            COMMON | {"result": {"status": "measured", "score": 2, "max_supported": 5, "confidence": 0.9}}
        )
    )


def test_a_confirmation_needs_nothing_but_who() -> None:
    draft = AmendDraft(refill(), "confirmed")
    assert draft.step == "operator"
    word = AmendDraft(refill(), "confirmed", "n7").word()
    assert (word.about, word.operator, word.action) == (UUID(COMMON["reading_id"]), "n7", "confirmed")
    assert word.changes == ()


def test_a_comment_is_chosen_before_anybody_is_asked_who() -> None:
    assert AmendDraft(refill(), "commented").step == "comments"
    assert AmendDraft(refill(), "commented", comment=CommentCode.OEDEMA).step == "operator"
    assert AmendDraft(refill(), "commented", "n7", comment=CommentCode.OEDEMA).word().comment is CommentCode.OEDEMA


def test_a_correction_asks_what_to_what_why_who_and_whether_that_is_meant() -> None:
    steps: list[tuple[dict[str, Any], str | None]] = [
        ({}, "fields"),
        ({"field": "side"}, "value"),
        ({"new": None, "asked": True}, "whys"),
        ({"why": CorrectionWhy.TYPED_WRONG}, "operator"),
        ({"operator": "n7"}, "sure"),
        ({"sure": True}, None),
    ]
    known: dict[str, Any] = {}
    for given, step in steps:
        known |= given
        assert AmendDraft(refill(), "corrected", **known).step == step


def test_a_correction_names_what_stood() -> None:
    draft = AmendDraft(
        refill(), "corrected", "n7", field="inclusion", new="8", asked=True, why=CorrectionWhy.TYPED_WRONG, sure=True
    )
    (change,) = draft.word().changes
    assert (change.field, change.old, change.new) == ("inclusion", "7", "8")


def test_nothing_half_known_can_be_asked_for() -> None:
    with pytest.raises(ValueError, match="still to be asked: operator"):
        AmendDraft(refill(), "confirmed").word()


def test_a_photo_of_the_leg_has_no_finger_or_knee_to_correct() -> None:
    assert "body_site" in correctable(refill())
    assert "body_site" not in correctable(leg())


def test_a_changed_score_goes_with_the_confirmation() -> None:
    assert AmendDraft(leg(), "confirmed", "n7", mottling_score=3).word().mottling_score == 3


def test_a_time_by_hand_needs_the_stopwatch_and_who_held_it() -> None:
    draft = AmendDraft(refill(), "timed", before_number=True)
    assert draft.step == "timing"
    timed = replace(draft, stopwatch_s=2.5)
    assert timed.step == "operator"
    word = replace(timed, operator="n7").word()
    assert (word.action, word.stopwatch_s, word.before_number) == ("timed", 2.5, True)
    assert AmendDraft(refill(), "confirmed", "n7", before_number=True).word().before_number is None
