"""What a person adds is held against what stands and against the study: refused in one sentence, or a whole record."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from bedside_stand_ins import HandClock
from device_bench import BOOT, DEVICE, amendment, mottling, not_measurable, not_scored, reading

from contract.amendment import Amendment
from contract.reading import Side, utc
from device.amending import REFUSALS, amendment_of
from device.choice import REFUSALS as CHOICE_REFUSALS
from device.console_words import Amend
from device.records import device_of
from device.standing import Standing, standing
from firmware_config.study import Study

STUDY = Study.model_validate(
    {
        "name": "demo",
        "title": "Demo",
        "sites": ["00"],
        "events": ["inclusion", "day-1"],
        "inclusion": {"least_digits": 4, "most_digits": 4},
    }
)
SIDED = STUDY.model_copy(update={"sides": True})
CLOCK = HandClock()
MACHINE = device_of(DEVICE, "1", "b" * 64)
ENTRY = reading(1).model_copy(update={"norepinephrine_onset_at": CLOCK.now() - timedelta(hours=8), "operator": "n7"})
LEG = mottling(2)


def asked(about=ENTRY, **content: Any) -> Amend:
    return Amend.model_validate({"about": about.reading_id, "operator": "n9", "action": "confirmed"} | content)


def correction(field: str, old: str | None, new: str | None, **content: Any) -> Amend:
    change = {"field": field, "old": old, "new": new}
    return asked(action="corrected", changes=[change], why="typed_wrong", **content)


def made(word: Amend, about: Standing | None = None, study: Study = STUDY, language: str = "en") -> Amendment | str:
    entry = LEG if word.about == LEG.reading_id else ENTRY
    return amendment_of(word, about or Standing(entry), study, MACHINE, CLOCK, language)


def words(which: str, language: str = "en", **parts: object) -> str:
    table = REFUSALS if which in REFUSALS else CHOICE_REFUSALS
    return table[which][("en", "fr").index(language)].format(**parts)


def test_a_confirmation_is_a_record_of_whom_it_is_about_by_whom_and_when() -> None:
    found = made(asked())
    assert isinstance(found, Amendment)
    assert (found.about, found.operator, found.action) == (ENTRY.reading_id, "n9", "confirmed")
    assert (found.study, found.subject, found.event, found.side) == ("demo", ENTRY.subject, None, None)
    assert (found.norepinephrine_onset_at, found.simulated) == (ENTRY.norepinephrine_onset_at, True)
    assert (found.device, found.measured.boot_id, found.measured.at) == (MACHINE, BOOT, CLOCK.now())
    assert found.reading_id != ENTRY.reading_id


def test_a_comment_is_coded_and_says_nothing_else() -> None:
    found = made(asked(action="commented", comment="oedema"))
    assert isinstance(found, Amendment)
    assert (found.comment, found.mottling_score, found.changes) == ("oedema", None, ())


@pytest.mark.parametrize(
    "content",
    [
        {"action": "commented"},
        {"comment": "oedema"},
        {"action": "corrected"},
        {"action": "corrected", "why": "other"},
        {"action": "corrected", "changes": [{"field": "side", "old": None, "new": "left"}]},
        {"why": "other"},
    ],
)
def test_two_things_at_once_or_half_a_thing_are_refused(content: dict[str, Any]) -> None:
    assert made(asked(**content)) == words("one_thing")


def test_the_operator_is_a_code_of_the_study_and_the_refusal_does_not_repeat_it() -> None:
    for operator in ("martin", "toolong99"):
        found = made(asked(operator=operator))
        assert found == words("operator")
        assert operator not in found


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("inclusion", "0001", "0002"),
        ("event", None, "day-1"),
        ("body_site", "finger", "knee"),
        ("side", None, "right"),
        ("operator", "n7", None),
        ("operator", "n7", "n8"),
        ("norepinephrine_onset_at", utc(ENTRY.norepinephrine_onset_at or CLOCK.now()), None),
        ("norepinephrine_onset_at", utc(ENTRY.norepinephrine_onset_at or CLOCK.now()), "2026-11-26T06:00:00+01:00"),
    ],
)
def test_what_a_person_entered_can_be_corrected(field: str, old: str | None, new: str | None) -> None:
    found = made(correction(field, old, new))
    assert isinstance(found, Amendment), found
    (change,) = found.changes
    expected = "2026-11-26T06:00:00.000000+01:00" if new is not None and new.startswith("2026") else new
    assert (change.field, change.old, change.new) == (field, old, expected)


@pytest.mark.parametrize(
    ("field", "old", "new", "refusal"),
    [
        ("inclusion", "0009", "0002", "stands"),
        ("side", "left", "right", "stands"),
        ("event", "day-1", "inclusion", "stands"),
        ("norepinephrine_onset_at", None, "2026-11-26T06:00:00+01:00", "stands"),
        ("norepinephrine_onset_at", "yesterday", None, "stands"),
        ("norepinephrine_onset_at", None, "yesterday", "stands"),
        ("inclusion", "0001", None, "value"),
        ("inclusion", "0001", "martin", "value"),
        ("body_site", "finger", "ear", "value"),
        ("side", None, "middle", "value"),
        ("operator", "n7", "martin", "operator"),
    ],
)
def test_a_wrong_old_value_and_an_impossible_new_one_are_refused(
    field: str, old: str | None, new: str | None, refusal: str
) -> None:
    found = made(correction(field, old, new))
    assert found == words(refusal)
    assert made(correction(field, old, new), language="fr") == words(refusal, "fr")


def test_the_studys_rules_hold_for_a_corrected_value_as_for_a_choice() -> None:
    assert made(correction("inclusion", "0001", "12")) == words("digits", digits="4")
    events = words("event", study="demo", event="day-9", events="inclusion, day-1")
    assert made(correction("event", None, "day-9")) == events
    sided = Standing(ENTRY.model_copy(update={"side": Side.LEFT}))
    assert made(correction("side", "left", None), sided, SIDED) == words("side")
    onset = utc(ENTRY.norepinephrine_onset_at or CLOCK.now())
    ahead, old = CLOCK.now() + timedelta(hours=1), datetime(2025, 11, 26, tzinfo=UTC)
    assert made(correction("norepinephrine_onset_at", onset, utc(ahead))) == words("onset_ahead")
    assert made(correction("norepinephrine_onset_at", onset, utc(old))) == words("onset_old", days=30.0)


def test_the_same_instant_in_another_zone_is_no_change() -> None:
    onset = ENTRY.norepinephrine_onset_at
    assert onset is not None
    other = utc(onset.astimezone(UTC)).replace("+00:00", "Z")
    assert made(correction("norepinephrine_onset_at", utc(onset), other)) == words("same")


def test_the_old_value_is_what_stands_after_earlier_corrections() -> None:
    change = {"field": "inclusion", "old": "0001", "new": "0002"}
    first = amendment(2, ENTRY, action="corrected", why="typed_wrong", changes=[change])
    (stands,) = standing([ENTRY, first])
    assert made(correction("inclusion", "0001", "0003"), stands) == words("stands")
    again = made(correction("inclusion", "0002", "0003"), stands)
    assert isinstance(again, Amendment)
    assert again.subject.inclusion == "0001", "as it was entered"


def test_several_fields_are_corrected_at_once_or_none() -> None:
    good = {"field": "side", "old": None, "new": "left"}
    bad = {"field": "event", "old": None, "new": "day-9"}
    both = made(asked(action="corrected", why="other", changes=[good, bad]))
    assert isinstance(both, str)
    found = made(asked(action="corrected", why="other", changes=[good, bad | {"new": "day-1"}]))
    assert isinstance(found, Amendment)
    assert [change.field for change in found.changes] == ["side", "event"]


def test_a_mottling_score_belongs_to_a_photo_and_is_a_persons() -> None:
    assert made(asked(mottling_score=2)) == words("not_mottling")
    for given, written in ((None, 2), (0, 0), (5, 5)):
        found = made(asked(LEG, mottling_score=given))
        assert isinstance(found, Amendment)
        assert found.mottling_score == written
    with pytest.raises(ValueError, match="less than or equal to 5"):
        asked(LEG, mottling_score=6)


def test_a_photo_without_a_score_is_confirmed_only_with_one() -> None:
    dark = Standing(mottling(2, not_scored()))
    word = Amend(about=dark.entry.reading_id, operator="n9", action="confirmed")
    assert amendment_of(word, dark, STUDY, MACHINE, CLOCK) == words("no_score")
    found = amendment_of(word.model_copy(update={"mottling_score": 4}), dark, STUDY, MACHINE, CLOCK)
    assert isinstance(found, Amendment)
    assert found.mottling_score == 4


def test_a_photo_has_no_body_site_to_correct() -> None:
    word = correction("body_site", None, "knee", about=LEG)
    assert made(word) == words("value")


def test_every_refusal_is_told_in_both_languages_and_names_nobody() -> None:
    for english, french in REFUSALS.values():
        assert english.endswith(".")
        assert french.endswith(".")
        assert english != french
        assert "{" not in english + french


def measured_before(minutes: float, set_by_h: int = 0) -> Standing:
    earlier = ENTRY.measured.model_copy(
        update={
            "at": CLOCK.now() - timedelta(minutes=minutes, hours=set_by_h),
            "boot_id": CLOCK.boot_id(),
            "boottime_ns": round(CLOCK.boottime_ns() - minutes * 6e10),
        }
    )
    return Standing(ENTRY.model_copy(update={"measured": earlier}))


def test_a_stopwatchs_time_is_a_record_with_who_stopped_it_and_whether_the_number_was_known() -> None:
    found = made(asked(action="timed", stopwatch_s=3.25, before_number=True), measured_before(1))
    assert isinstance(found, Amendment)
    assert (found.stopwatch_s, found.before_number, found.operator) == (3.25, True, "n9")
    assert made(asked(action="timed", stopwatch_s=3.25), measured_before(1)) == words("one_thing")
    assert made(asked(stopwatch_s=3.25, before_number=True)) == words("one_thing")
    assert made(asked(LEG, action="timed", stopwatch_s=3.25, before_number=True)) == words("not_refill")
    dark = Standing(measured_before(1).entry.model_copy(update={"result": not_measurable()}))
    assert made(asked(action="timed", stopwatch_s=3.25, before_number=True), dark) == words("not_refill")


def test_a_reading_of_a_time_that_is_still_to_come_is_not_paired() -> None:
    ahead = ENTRY.measured.model_copy(update={"at": CLOCK.now() + timedelta(minutes=3), "boot_id": UUID(int=7)})
    about = Standing(ENTRY.model_copy(update={"measured": ahead}))
    assert made(asked(action="timed", stopwatch_s=3.25, before_number=True), about) == words("too_late")


@pytest.mark.parametrize(("minutes", "paired"), [(29.9, True), (30.1, False)])
@pytest.mark.parametrize("set_by_h", [0, 5], ids=["clock as it was", "wall clock set since"])
def test_a_stopwatchs_time_is_paired_with_what_was_measured_just_before(
    minutes: float, paired: bool, set_by_h: int
) -> None:
    found = made(asked(action="timed", stopwatch_s=3.25, before_number=True), measured_before(minutes, set_by_h))
    assert isinstance(found, Amendment) if paired else found == words("too_late")
