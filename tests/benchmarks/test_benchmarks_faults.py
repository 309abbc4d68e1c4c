"""The fault campaign's judgement on made-up outcomes, and a short seeded round of it."""

from collections import Counter
from dataclasses import replace

import pytest

from benchmarks.accuracy_ladder import TONES
from benchmarks.faults import FaultCase, FaultOutcome, cases, play, spec_of, truths_s
from benchmarks.faults_report import as_markdown, as_text, rows, summary
from benchmarks.faults_table import ANSWERS, FOUND_WITHOUT_PRESSURE, WITHOUT_PRESSURE
from contract.reasons import Reason
from phantom.fault_table import FAULTS
from phantom.spec import PressSpec

SPEC = PressSpec(fault="light_step")
CASE = FaultCase("light_step", 1.0, 0, 1)
REFUSED = FaultOutcome(CASE, SPEC, (2.0,), "light_changed", None, None, None)


def test_every_fault_of_the_phantom_has_its_answers_and_every_answer_is_a_reason() -> None:
    assert set(ANSWERS) == set(FAULTS)
    named = {reason for answers in ANSWERS.values() for reason in answers.reasons} | set(FOUND_WITHOUT_PRESSURE)
    assert named <= {str(reason) for reason in Reason}
    assert set(WITHOUT_PRESSURE) <= set(FAULTS)


def test_every_fault_meets_every_tone_and_each_size_several() -> None:
    met = Counter((case.fault, case.size) for case in cases(1, quick=False))
    for fault, answers in ANSWERS.items():
        asked = [case for case in cases(1, quick=False) if case.fault == fault and case.pressure_known]
        assert {spec_of(case).tone for case in asked} == set(TONES)
        for size in answers.sizes:
            assert met[fault, size] >= 3
            assert len({spec_of(case).tone for case in asked if case.size == size}) >= 3


def test_specs_are_possible_and_come_back_the_same() -> None:
    for case in cases(2, quick=False):
        assert spec_of(case).check() == spec_of(case)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "right reason"),
        ({"ended": "too_uncertain"}, "other reason"),
        ({"ended": "measured", "crt_s": 2.14}, "harmless"),
        ({"ended": "measured", "crt_s": 2.16}, "wrong number"),
        ({"ended": "measured", "crt_s": 5.2, "truths_s": (5.0,)}, "harmless"),  # 6 %
        ({"ended": "measured", "crt_s": 2.0, "truths_s": ()}, "wrong number"),
        ({"ended": "measured", "crt_s": 1.1, "truths_s": (4.0, 1.0)}, "harmless"),
        ({"ended": "censored", "exceeds_s": 1.9}, "censored"),
        ({"ended": "censored", "exceeds_s": 2.1}, "wrong number"),
        ({"ended": "moved", "case": replace(CASE, pressure_known=False)}, "right reason"),
        ({"ended": "measured", "crt_s": 2.0, "case": replace(CASE, fault="edge_crossing")}, "wrong number"),
        ({"ended": "measured", "crt_s": 2.0, "case": replace(CASE, fault=None)}, "harmless"),
        ({"ended": "glare", "case": replace(CASE, fault=None)}, "other reason"),
    ],
)
def test_verdicts(changes: dict[str, object], verdict: str) -> None:
    assert replace(REFUSED, **changes).verdict == verdict  # type: ignore[arg-type] # the changes differ in type


def test_true_times_count_from_the_first_and_from_the_last_release() -> None:
    assert truths_s({"t0": 10.0, "t90": 2.0, "release_times": [10.0]}) == (2.0,)
    assert truths_s({"t0": 10.0, "t90": 5.0, "release_times": [10.0, 13.0]}) == (5.0, 2.0)
    assert truths_s({"t0": 10.0, "t90": None, "release_times": [10.0]}) == ()


def test_the_report_counts_and_names_wrong_numbers() -> None:
    wrong = replace(REFUSED, ended="measured", crt_s=3.0, interval_s=(2.9, 3.1))
    found = [REFUSED, REFUSED, wrong, replace(REFUSED, ended="glare")]
    assert rows(found) == [["light_step", "1", "4", "2", "1", "", "", "1", "2 light_changed, 1 measured, 1 glare"]]
    assert summary(found)[0].startswith("NOT MET  no wrong number: 1 of 4")
    assert "true 2.00 s, told 3.00 s (2.90 to 3.10)" in as_text(found)
    assert "| light_step | 1 | 4 | 2 | 1 |" in as_markdown(found, "python -m benchmarks.faults")


ROUND = (None, "no_blanch", "light_step", "edge_crossing", "incomplete_refill", "moved", "second_press")


@pytest.mark.slow
@pytest.mark.parametrize("fault", ROUND)
def test_a_short_round_lets_no_wrong_number_through(fault: str | None) -> None:
    outcome = play(FaultCase(fault, 1.0, 0, 1))
    assert outcome.verdict != "wrong number", outcome.line
    if fault == "incomplete_refill":
        assert outcome.ended == "censored"
