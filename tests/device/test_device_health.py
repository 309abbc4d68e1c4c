"""How the parts do: every limit on both sides, every sentence in both languages, and unknown never reads as ok."""

from dataclasses import fields, replace
from itertools import product

import pytest
from health_bench import CAMERA, WELL
from hypothesis import given
from hypothesis import strategies as st

from contract.status import Condition, PartHealth, PartName
from device.health import (
    BrokerFacts,
    CalibrationFacts,
    CameraFacts,
    DiskFacts,
    Facts,
    FeedFacts,
    JournalFacts,
    ProbeFacts,
    TemperatureFacts,
    judge,
    problem_of,
    silent,
)
from device.health_table import FINDINGS, LIMITS, URGENCY
from device.health_table_feed import BROKER_AND_FEED
from device.session_words import NO_PROBE

PART_OF = {"clock_synchronised": "clock"}

CASES: dict[str, Facts] = {
    "camera_trouble": replace(WELL, camera=CameraFacts(trouble="The camera does not answer.")),
    "camera_moved": replace(WELL, camera=replace(CAMERA, settings_held=False)),
    "camera_slow_fault": replace(WELL, camera=replace(CAMERA, fps=47.9)),
    "camera_drops_fault": replace(WELL, camera=replace(CAMERA, dropped_share=0.051)),
    "camera_slow": replace(WELL, camera=replace(CAMERA, fps=56.9)),
    "camera_drops": replace(WELL, camera=replace(CAMERA, dropped_share=0.011)),
    "camera_unknown": replace(WELL, camera=None),
    "probe_away": replace(WELL, probe=ProbeFacts(reachable=False)),
    "probe_fault": replace(WELL, probe=ProbeFacts(reachable=True, fault="The probe did not release.")),
    "probe_unknown": replace(WELL, probe=None),
    "calibration_over": replace(WELL, calibration=CalibrationFacts(-0.1)),
    "calibration_none": replace(WELL, calibration=CalibrationFacts(None)),
    "calibration_soon": replace(WELL, calibration=CalibrationFacts(13.9)),
    "calibration_ahead": replace(WELL, calibration=CalibrationFacts(200, clock_behind=True)),
    "calibration_unknown": replace(WELL, calibration=None),
    "clock_free": replace(WELL, clock_synchronised=False),
    "clock_unknown": replace(WELL, clock_synchronised=None),
    "disk_read_only": replace(WELL, disk=DiskFacts(20_000, 200, writable=False)),
    "disk_full": replace(WELL, disk=DiskFacts(199, 200, writable=True)),
    "disk_filling": replace(WELL, disk=DiskFacts(499, 200, writable=True)),
    "disk_unknown": replace(WELL, disk=None),
    "journal_problem": replace(WELL, journal=JournalFacts(problem="The journal cannot be written.")),
    "journal_set_aside": replace(WELL, journal=JournalFacts(set_aside=True)),
    "journal_unknown": replace(WELL, journal=None),
    "broker_away_fault": replace(WELL, broker=BrokerFacts(connected=False, away_s=86_401)),
    "broker_away": replace(WELL, broker=BrokerFacts(connected=False, away_s=31)),
    **{
        row: replace(WELL, broker=BrokerFacts(connected=False, away_s=31, trouble=row))
        for row in BROKER_AND_FEED
        if row.startswith("broker_") and row not in ("broker_away_fault", "broker_away", "broker_unknown")
    },
    "broker_unknown": replace(WELL, broker=None),
    "feed_problem": replace(WELL, feed=FeedFacts(2, 5, problem="The trial database refused 2 readings.")),
    **{
        row: replace(WELL, feed=FeedFacts(2, 86_401, unanswered=True, trouble=row))
        for row in ("feed_topic_refused", "feed_record_refused")
    },
    "feed_old_fault": replace(WELL, feed=FeedFacts(2, 86_401, trouble="feed_full")),
    **{
        row: replace(WELL, feed=FeedFacts(2, 3601, unanswered=True, trouble=row))
        for row in ("feed_full", "feed_nobody", "feed_status_refused")
    },
    "feed_unanswered": replace(WELL, feed=FeedFacts(2, 700, unanswered=True)),
    "feed_old": replace(WELL, feed=FeedFacts(2, 3601)),
    "feed_unknown": replace(WELL, feed=None),
    "temperature_power": replace(WELL, temperature=TemperatureFacts(50, slowed=True, under_voltage=True)),
    "temperature_fault": replace(WELL, temperature=TemperatureFacts(80.1)),
    "temperature_hot": replace(WELL, temperature=TemperatureFacts(75.1)),
    "temperature_unknown": replace(WELL, temperature=None),
}
AT_THE_LIMIT: dict[str, Facts] = {
    "fps": replace(WELL, camera=replace(CAMERA, fps=57.0)),
    "dropped": replace(WELL, camera=replace(CAMERA, dropped_share=0.01)),
    "free": replace(WELL, disk=DiskFacts(500, 200, writable=True)),
    "days": replace(WELL, calibration=CalibrationFacts(14)),
    "away": replace(WELL, broker=BrokerFacts(connected=False, away_s=30)),
    "oldest": replace(WELL, feed=FeedFacts(2, 3600)),
    "board": replace(WELL, temperature=TemperatureFacts(75)),
}
AT_ONCE: dict[str, Facts] = {
    "a certificate does not mend itself": replace(WELL, broker=BrokerFacts(False, 0.1, "broker_own_expired")),
    "readings that are refused": replace(WELL, feed=FeedFacts(1, 0.1, trouble="feed_topic_refused")),
    "a status that is refused, with nothing to send": replace(WELL, feed=FeedFacts(0, trouble="feed_status_refused")),
}
HALF_KNOWN: dict[str, Facts] = {
    "camera: only its rate": replace(WELL, camera=CameraFacts(fps=60, expected_fps=60)),
    "camera: not its settings": replace(WELL, camera=replace(CAMERA, settings_held=None)),
    "camera: not its losses": replace(WELL, camera=replace(CAMERA, dropped_share=None)),
    "camera: nothing to compare its rate with": replace(WELL, camera=replace(CAMERA, expected_fps=None)),
    "feed: not for how long": replace(WELL, feed=FeedFacts(unsent=1)),
    "temperature: only that it is not slowed": replace(WELL, temperature=TemperatureFacts(slowed=False)),
}


def by_part(facts: Facts, language: str = "en") -> dict[PartName, PartHealth]:
    return {part.part: part for part in judge(facts, language)}


def test_there_is_a_case_for_every_row() -> None:
    assert list(CASES) == list(FINDINGS)


@pytest.mark.parametrize("row", CASES)
def test_a_row_is_found_and_the_other_parts_stay_well(row: str) -> None:
    finding, told = FINDINGS[row], by_part(CASES[row])
    assert told[finding.part].condition is finding.condition
    assert told[finding.part].sentence == (finding.english or told[finding.part].sentence)
    assert {part for part, health in told.items() if health.condition is not Condition.OK} == {finding.part}
    assert problem_of(judge(CASES[row])) == told[finding.part].sentence
    assert finding.english is None or by_part(CASES[row], "fr")[finding.part].sentence == finding.french


def test_own_words_are_given_on() -> None:
    own = {row: by_part(CASES[row])[FINDINGS[row].part].sentence for row in FINDINGS if FINDINGS[row].english is None}
    assert own == {
        "camera_trouble": "The camera does not answer.",
        "probe_fault": "The probe did not release.",
        "journal_problem": "The journal cannot be written.",
        "feed_problem": "The trial database refused 2 readings.",
    }


def test_when_all_is_well_there_is_nothing_to_say() -> None:
    told = judge(WELL)
    assert [part.part for part in told] == list(PartName)
    assert {part.condition for part in told} == {Condition.OK}
    assert problem_of(told) is None
    assert [part.part for part in told if part.sentence] == []


@pytest.mark.parametrize("case", AT_ONCE)
def test_what_only_a_person_can_mend_is_told_at_once(case: str) -> None:
    facts = AT_ONCE[case]
    assert facts.broker is not None
    assert facts.feed is not None
    trouble = facts.broker.trouble or facts.feed.trouble
    assert trouble is not None
    assert problem_of(judge(facts)) == FINDINGS[trouble].english


def test_a_connection_that_is_away_for_a_moment_is_no_trouble() -> None:
    assert problem_of(judge(replace(WELL, broker=BrokerFacts(False, 5, "broker_nothing")))) is None


def test_a_row_of_another_version_or_part_is_taken_for_the_plain_one() -> None:
    for row in ("broker_of_tomorrow", "disk_full"):
        assert by_part(replace(WELL, broker=BrokerFacts(False, 31, row)))[PartName.BROKER].sentence == (
            FINDINGS["broker_away"].english
        )
        assert by_part(replace(WELL, feed=FeedFacts(1, 5, trouble=row)))[PartName.FEED].condition is Condition.OK


@pytest.mark.parametrize("limit", AT_THE_LIMIT)
def test_at_a_limit_is_not_beyond_it(limit: str) -> None:
    assert {part.condition for part in judge(AT_THE_LIMIT[limit])} == {Condition.OK}


@pytest.mark.parametrize("case", HALF_KNOWN)
def test_what_is_known_by_half_is_not_ok(case: str) -> None:
    part = PartName(case.partition(":")[0])
    assert by_part(HALF_KNOWN[case])[part].condition is Condition.UNKNOWN


def test_of_nothing_known_nothing_is_ok() -> None:
    assert {part.condition for part in judge(Facts())} == {Condition.UNKNOWN}
    assert all(part.sentence for part in judge(Facts()))
    assert [silent(part) for part in PartName] == judge(Facts())


def test_each_fact_that_is_missing_takes_its_part_from_ok() -> None:
    for field in fields(Facts):
        part = PartName(PART_OF.get(field.name, field.name))
        told = by_part(replace(WELL, **{field.name: None}))
        assert {name for name, health in told.items() if health.condition is not Condition.OK} == {part}


def test_both_languages_stand_in_every_row_or_in_none() -> None:
    for row, finding in FINDINGS.items():
        assert (finding.english is None) == (finding.french is None), row
        if finding.english is not None:
            assert finding.english != finding.french
            assert finding.english.endswith(".")
            assert len(finding.english) <= 120, "it has to fit on the screen"
            assert finding.french is not None
            assert finding.french.endswith(".")
            assert not any(character.isdigit() for character in finding.english), "numbers tremble"


def test_the_session_and_the_health_say_the_same_of_a_probe_that_is_away() -> None:
    assert FINDINGS["probe_away"].english == NO_PROBE


def test_limits_are_in_order() -> None:
    for limit in LIMITS:
        assert (limit.fault > limit.warning) == (limit.beyond == "above"), limit
    assert set(URGENCY) == set(PartName)


def test_the_worst_is_read_first_and_the_skin_before_the_data() -> None:
    worse = replace(CASES["broker_away"], probe=None, clock_synchronised=False)
    assert problem_of(judge(worse)) == FINDINGS["broker_away"].english, "what is known to be bad before what is unknown"
    worse = replace(worse, disk=DiskFacts(100, 200, writable=True))
    assert problem_of(judge(worse)) == FINDINGS["disk_full"].english
    worse = replace(worse, probe=ProbeFacts(reachable=False))
    assert problem_of(judge(worse)) == NO_PROBE


def test_a_long_sentence_still_fits_into_a_status() -> None:
    told = by_part(replace(WELL, camera=CameraFacts(trouble="x" * 900)))
    assert len(str(told[PartName.CAMERA].sentence)) == 500
    assert by_part(replace(WELL, camera=CameraFacts(trouble="")))[PartName.CAMERA].sentence


@given(
    fps=st.floats(0, 300),
    free_mb=st.floats(0, 1e6),
    away_s=st.floats(0, 1e7),
    oldest_s=st.floats(0, 1e7),
    board_c=st.floats(-40, 125),
)
def test_worse_numbers_never_do_better(
    fps: float, free_mb: float, away_s: float, oldest_s: float, board_c: float
) -> None:
    def told(step: float) -> list[PartHealth]:
        return judge(
            replace(
                WELL,
                camera=replace(CAMERA, fps=max(0.0, fps - step)),
                disk=DiskFacts(max(0.0, free_mb - step), 200, writable=True),
                broker=BrokerFacts(connected=False, away_s=away_s + step),
                feed=FeedFacts(1, oldest_s + step),
                temperature=TemperatureFacts(board_c + step),
            )
        )

    rank = {Condition.OK: 0, Condition.WARNING: 1, Condition.FAULT: 2}
    for better, worse in zip(told(0), told(7), strict=True):
        assert rank[better.condition] <= rank[worse.condition]


def test_every_pair_of_troubles_is_told_and_has_one_problem() -> None:
    for first, second in product(CASES, CASES):
        if FINDINGS[first].part is FINDINGS[second].part:
            continue
        field = next(f.name for f in fields(Facts) if PART_OF.get(f.name, f.name) == FINDINGS[second].part.value)
        told = by_part(replace(CASES[first], **{field: getattr(CASES[second], field)}))
        sentences = {told[FINDINGS[first].part].sentence, told[FINDINGS[second].part].sentence}
        assert None not in sentences
        assert problem_of(list(told.values())) in sentences
