"""The verdict: yes, no or undetermined; what is missing, rejected, stale or outside never reads as no."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from contract_bench import READING, reading
from hypothesis import given
from hypothesis import strategies as st

from contract.hypoperfusion import Criteria, Input, MottlingScore, combined, verdict
from contract.hypoperfusion_words import ANSWERS, PLACES, SENTENCES, WHATS, WHY, Answer, Why, spoken
from contract.identifiers import new_reading_id
from contract.mottling import MottlingReading
from contract.reading import BodySite, Measured, Reading
from contract.reasons import Reason
from contract.window import InWindow

ALL = Criteria({BodySite.FINGER: 3.0, BodySite.KNEE: 4.0}, mottling_from_score=1, accept_simulated=True)
FINGER_ONLY = Criteria({BodySite.FINGER: 3.0}, accept_simulated=True)
WINDOWED = replace(FINGER_ONLY, window_h=(6.0, 24.0))
AT = datetime.fromisoformat(READING["measured"]["at"])
OTHER_BOOT = "00000000-0000-4000-8000-000000000002"


def measured(hours: float = 0.0, **changes: Any) -> dict[str, Any]:
    return (
        READING["measured"]
        | {"at": AT + timedelta(hours=hours), "boottime_ns": round((100 + hours) * 3.6e12)}
        | changes
    )


def number(crt_s: float, site: str = "finger", hours: float = 0.0, **changes: Any) -> Reading:
    """A reading; its place in the device's count follows from its hours."""
    result = {"status": "measured", "crt_s": crt_s, "crt_ci95_s": [max(0.0, crt_s - 0.2), crt_s + 0.2]}
    made = {
        "reading_id": new_reading_id(),
        "device_seq": round((100 + hours) * 3.6e6) + (site == "knee"),
        "body_site": site,
        "measured": measured(hours),
        "result": result,
    }
    return reading(**(made | changes))


def bound(exceeds_s: float, site: str = "finger", hours: float = 0.0, **changes: Any) -> Reading:
    return number(0, site, hours, **({"result": {"status": "censored", "crt_exceeds_s": exceeds_s}} | changes))


def refused(site: str = "finger", hours: float = 0.0, **changes: Any) -> Reading:
    return number(0, site, hours, **({"result": {"status": "not_measurable", "reason": Reason.MOVED}} | changes))


def mottled(score: int | None, hours: float = 0.0) -> MottlingScore:
    return MottlingScore(score, Measured.model_validate(measured(hours)), simulated=True)


def only(readings: list[Reading], criteria: Criteria = FINGER_ONLY, language: str = "en") -> Input:
    (given_,) = verdict(readings, criteria, language=language).inputs
    return given_


@pytest.mark.parametrize(
    ("readings", "scores", "answer"),
    [
        ([number(2.0), number(3.0, "knee")], [mottled(0)], Answer.NO),
        ([number(3.1), number(3.0, "knee")], [mottled(0)], Answer.YES),
        ([number(2.0), number(4.1, "knee")], [mottled(0)], Answer.YES),
        ([number(2.0), number(3.0, "knee")], [mottled(1)], Answer.YES),
        ([number(2.0), number(3.0, "knee")], [], Answer.UNDETERMINED),
        ([number(2.0), number(3.0, "knee")], [mottled(None)], Answer.UNDETERMINED),
        ([number(2.0)], [mottled(0)], Answer.UNDETERMINED),
        ([number(3.1)], [], Answer.YES),
        ([], [], Answer.UNDETERMINED),
        ([number(2.0), refused("knee")], [mottled(0)], Answer.UNDETERMINED),
        ([number(3.0), number(4.0, "knee")], [mottled(0)], Answer.NO),  # above means above
    ],
)
def test_any_yes_is_yes_and_no_needs_every_input(
    readings: list[Reading], scores: list[MottlingScore], answer: Answer
) -> None:
    assert verdict(readings, ALL, scores).answer is answer


def test_a_study_without_criteria_has_no_answer() -> None:
    assert combined([]) is Answer.UNDETERMINED
    assert verdict([number(2.0)], Criteria({})).answer is Answer.UNDETERMINED


@pytest.mark.parametrize(
    ("exceeds_s", "answer", "why", "shown"),
    [
        (12.0, Answer.YES, None, "> 12.0 s"),
        (3.0, Answer.YES, None, "> 3.0 s"),
        (2.99, Answer.UNDETERMINED, Why.BOUND_TOO_LOW, "> 2.99 s"),
    ],
)
def test_a_bound_above_the_threshold_is_a_finding_and_one_below_says_nothing(
    exceeds_s: float, answer: Answer, why: Why | None, shown: str
) -> None:
    found = only([bound(exceeds_s)])
    assert (found.answer, found.why, found.shown) == (answer, why, shown)


@pytest.mark.parametrize(
    ("crt_s", "shown"), [(3.004, "3.004 s"), (3.0, "3.00 s"), (2.9999, "2.9999 s"), (3.01, "3.01 s"), (2.4, "2.40 s")]
)
def test_a_number_is_shown_on_its_own_side_of_the_threshold(crt_s: float, shown: str) -> None:
    assert only([number(crt_s)]).shown.startswith(f"{shown} (")


def test_the_newest_number_counts_and_a_failed_attempt_after_it_is_told() -> None:
    found = only([number(3.6), number(2.4, hours=0.5), refused(hours=0.6)])
    assert found.answer is Answer.NO
    assert found.later_attempt_failed
    assert found.shown == "2.40 s (2.20 to 2.60)"
    assert found.remarks == ("a later attempt gave no number", "older than the newest by 0.1 h")
    assert not only([refused(hours=-0.1), number(2.4)]).later_attempt_failed


def test_what_says_nothing_is_shown_with_its_reason() -> None:
    assert only([]).shown == "not measured"
    failed = refused()
    found = only([failed])
    assert found.shown == "not measurable: The hand moved. Rest it on the pillow and repeat."
    assert found.reading_id == str(failed.reading_id)
    assert only([failed], language="fr").shown.startswith("non mesurable : La main a bougé")


def test_an_input_that_is_too_old_against_the_newest_is_no_input() -> None:
    found = verdict([number(5.0, hours=-2.5), number(2.0, "knee")], ALL)
    finger, knee, _ = found.inputs
    assert (finger.answer, finger.why) == (Answer.UNDETERMINED, Why.STALE)
    assert finger.shown.startswith("5.00 s")
    assert finger.remarks == ("too old, or its age is not known",)
    assert knee.answer is Answer.NO
    assert found.newest == number(2.0, "knee").measured


def test_the_boot_clock_tells_the_age_whatever_the_wall_clock_did() -> None:
    jumped = number(2.0, "knee", 0.1, measured=measured(0.1, at=AT + timedelta(days=1)))
    assert verdict([number(2.0), jumped], ALL, [mottled(0)]).answer is Answer.NO


def test_across_boots_only_clocks_that_are_set_tell_an_age() -> None:
    later = measured(0.5, boot_id=OTHER_BOOT, boottime_ns=7)
    readings = [number(2.0), number(2.0, "knee", 0.5, measured=later)]
    assert verdict(readings, ALL, [mottled(0)]).answer is Answer.NO
    readings[1] = number(2.0, "knee", 0.5, measured=later | {"clock_synchronised": False})
    assert verdict(readings, ALL, [mottled(0)]).answer is Answer.UNDETERMINED


def test_after_a_boot_whose_clock_was_never_set_nothing_older_is_believed() -> None:
    """The count says that the 5 s are the newest; how old the rest is, nobody knows."""
    unset = measured(boot_id=OTHER_BOOT, boottime_ns=7, clock_synchronised=False, at=AT - timedelta(days=300))
    new = number(5.0, hours=1.0, measured=unset)
    finger, knee, _ = verdict([number(2.0), number(2.0, "knee"), new], ALL).inputs
    assert (finger.answer, finger.reading_id) == (Answer.YES, str(new.reading_id))
    assert knee.why is Why.STALE


def test_clocks_that_contradict_the_count_tell_no_age() -> None:
    """A clock set a day ahead before a boot: what it stamped is not newer than what was counted after it."""
    ahead = number(2.0, hours=-1.0, measured=measured(24.0))
    behind = number(2.0, "knee", measured=measured(boot_id=OTHER_BOOT, boottime_ns=7))
    finger, knee, _ = verdict([ahead, behind], ALL).inputs
    assert (finger.why, knee.answer) == (Why.STALE, Answer.NO)


def test_where_neither_count_nor_clock_tells_the_order_neither_is_an_input() -> None:
    other = READING["device"] | {"name": "bedside-2"}
    unset = measured(boot_id=OTHER_BOOT, boottime_ns=7, clock_synchronised=False)
    found = verdict([number(2.0), number(5.0, "knee", device=other, measured=unset)], ALL)
    assert [each.why for each in found.inputs] == [Why.STALE, Why.STALE, Why.MISSING]
    assert (found.answer, found.newest) == (Answer.UNDETERMINED, None)


def test_an_interval_about_the_threshold_is_borderline() -> None:
    assert only([number(2.9)]).borderline
    assert only([number(2.9)]).answer is Answer.NO
    assert only([number(3.1)]).borderline
    assert not only([number(2.7)]).borderline


def test_a_simulated_reading_is_none_in_a_study_on_people() -> None:
    found = only([number(5.0)], replace(FINGER_ONLY, accept_simulated=False))
    assert (found.answer, found.why) == (Answer.UNDETERMINED, Why.SIMULATED)
    people = number(2.0, hours=-1.0, simulated=False)
    assert only([people, number(5.0)], replace(FINGER_ONLY, accept_simulated=False)).answer is Answer.NO


@pytest.mark.parametrize(
    ("hours", "answer", "why"),
    [
        (5.9, Answer.UNDETERMINED, Why.OUTSIDE_WINDOW),
        (6.0, Answer.NO, None),
        (24.0, Answer.NO, None),
        (24.1, Answer.UNDETERMINED, Why.OUTSIDE_WINDOW),
        (None, Answer.UNDETERMINED, Why.WINDOW_UNKNOWN),
    ],
)
def test_only_what_lies_in_the_window_is_an_input(hours: float | None, answer: Answer, why: Why | None) -> None:
    onset = None if hours is None else AT - timedelta(hours=hours)
    found = only([number(2.0, norepinephrine_onset_at=onset)], WINDOWED)
    assert (found.answer, found.why) == (answer, why)
    assert only([number(5.0, norepinephrine_onset_at=onset)], WINDOWED).answer is (
        Answer.YES if why is None else answer
    )


def test_what_lies_outside_the_window_takes_nothing_from_what_lies_in_it() -> None:
    onset = AT - timedelta(hours=23.9)
    inside = number(3.5, norepinephrine_onset_at=onset)
    outside = number(2.0, hours=3.0, norepinephrine_onset_at=onset)
    found = verdict([inside, outside], WINDOWED)
    assert found.answer is Answer.YES
    assert found.window is not None
    assert found.window.answer is InWindow.AFTER


def test_a_newest_number_that_may_be_outside_is_not_replaced_by_an_older_one() -> None:
    inside = number(2.0, norepinephrine_onset_at=AT - timedelta(hours=8))
    found = only([inside, number(5.0, hours=0.5)], WINDOWED)
    assert (found.answer, found.why) == (Answer.UNDETERMINED, Why.WINDOW_UNKNOWN)
    assert found.remarks[0].endswith("the start of norepinephrine was not entered")


def test_two_subjects_are_never_mixed() -> None:
    other = number(2.0, "knee", subject={"site": "00", "inclusion": "8"})
    with pytest.raises(ValueError, match="one subject"):
        verdict([number(2.0), other], ALL)


@pytest.mark.parametrize("score", [-1, 6])
def test_there_are_six_mottling_scores(score: int) -> None:
    with pytest.raises(ValueError, match="no mottling score"):
        mottled(score)


def test_every_word_has_both_languages() -> None:
    tables: list[tuple[dict[Any, tuple[str, str]], set[Any]]] = [
        (SENTENCES, set(Answer)),
        (ANSWERS, set(Answer)),
        (WHATS, {"finger", "knee", "mottling"}),
        (WHY, set(Why)),
        (PLACES, set(InWindow)),
    ]
    for table, keys in tables:
        assert set(table) == keys
        assert all(all(words) for words in table.values())
    with pytest.raises(ValueError, match="de"):
        spoken(("yes", "oui"), "de")


any_reading = st.builds(
    lambda kind, value, site, hours, onset: (
        (refused(site, hours, norepinephrine_onset_at=onset))
        if kind == 0
        else (number if kind == 1 else bound)(value, site, hours, norepinephrine_onset_at=onset)
    ),
    st.integers(0, 2),
    st.floats(0.5, 12).map(lambda value: round(value, 2)),
    st.sampled_from(["finger", "knee"]),
    st.floats(-4, 0).map(lambda value: round(value, 3)),
    st.sampled_from([None, AT - timedelta(hours=8), AT - timedelta(hours=25)]),
)
any_readings = st.lists(any_reading, max_size=6)
any_scores = st.lists(st.sampled_from([None, 0, 1, 5]).map(mottled), max_size=2)
any_criteria = st.sampled_from([ALL, replace(ALL, window_h=(6.0, 24.0))])


@pytest.mark.slow
@given(any_readings, any_scores, any_criteria, st.randoms())
def test_order_does_not_matter(
    readings: list[Reading], scores: Sequence[MottlingScore], criteria: Criteria, dice: Any
) -> None:
    before = verdict(readings, criteria, scores)
    dice.shuffle(readings)
    assert verdict(readings, criteria, scores) == before


@pytest.mark.slow
@given(any_readings, any_scores, any_criteria, st.sampled_from(["finger", "knee"]))
def test_an_attempt_without_a_number_never_makes_a_no(
    readings: list[Reading], scores: Sequence[MottlingScore], criteria: Criteria, site: str
) -> None:
    before = verdict(readings, criteria, scores).answer
    after = verdict([*readings, refused(site, hours=0.0)], criteria, scores).answer
    assert after is not Answer.NO or before is Answer.NO


@pytest.mark.slow
@given(any_readings, any_scores, any_criteria)
def test_no_stands_only_on_three_answers_of_no(
    readings: list[Reading], scores: Sequence[MottlingScore], criteria: Criteria
) -> None:
    found = verdict(readings, criteria, scores)
    assert len(found.inputs) == 3
    assert (found.answer is Answer.NO) == all(each.answer is Answer.NO for each in found.inputs)
    assert (found.answer is Answer.YES) == any(each.answer is Answer.YES for each in found.inputs)
    for each in found.inputs:
        assert (each.answer is Answer.UNDETERMINED) == (each.why is not None)
        if each.answer is Answer.NO and each.what != "mottling":
            (source,) = [reading for reading in readings if str(reading.reading_id) == each.reading_id]
            assert source.result.crt_s is not None
            assert source.result.crt_s <= criteria.refill_above_s[source.body_site]


@pytest.mark.slow
@given(any_readings, any_scores, any_criteria)
def test_without_one_of_its_inputs_no_is_no_longer_told(
    readings: list[Reading], scores: Sequence[MottlingScore], criteria: Criteria
) -> None:
    if verdict(readings, criteria, scores).answer is Answer.NO:
        for site in ("finger", "knee"):
            others = [reading for reading in readings if reading.body_site.value != site]
            assert verdict(others, criteria, scores).answer is Answer.UNDETERMINED
        assert verdict(readings, criteria).answer is Answer.UNDETERMINED


def test_a_score_that_nobody_confirmed_says_nothing_and_says_so() -> None:
    refill = [number(2.0), number(3.0, "knee")]
    waits = replace(mottled(None), waits=True)
    found = verdict(refill, ALL, [waits])
    assert (found.answer, found.inputs[2].why) == (Answer.UNDETERMINED, Why.UNCONFIRMED)
    assert verdict(refill, ALL, [waits, mottled(0)]).answer is Answer.NO
    assert verdict(refill, ALL, [mottled(0), waits]).inputs[2].remarks == ()
    assert verdict(refill, ALL, [waits, mottled(0, hours=-5)]).inputs[2].why is Why.UNCONFIRMED
    assert verdict(refill, replace(ALL, mottling_from_score=None), [waits]).answer is Answer.NO
    real = replace(ALL, accept_simulated=False)
    assert verdict([], real, [waits]).inputs[2].why is Why.MISSING


def test_a_photo_that_gave_no_score_is_an_attempt_with_its_reason() -> None:
    common = {name: value for name, value in READING.items() if name not in ("body_site", "protocol", "presses")}
    refused_result = {"status": "not_measurable", "reason": "blurred"}
    photo = MottlingReading.model_validate(common | {"result": refused_result, "measured": measured()})
    found = verdict([], ALL, [MottlingScore(None, photo.measured, simulated=True, reading=photo)], "fr").inputs[2]
    assert (found.answer, found.why, found.reading_id) == (Answer.UNDETERMINED, Why.REJECTED, str(photo.reading_id))
    assert "La photo est floue" in found.shown
