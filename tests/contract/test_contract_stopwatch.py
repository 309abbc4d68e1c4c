"""A study's thresholds are stopwatch seconds: where it holds a line to them, a verdict compares those."""

from dataclasses import replace

import pytest
from test_contract_hypoperfusion import bound, mottled, number, only

from contract.hypoperfusion import Answer, Criteria, verdict
from contract.hypoperfusion_words import Why
from contract.reading import BodySite
from contract.stopwatch import StopwatchMapping

LINE = StopwatchMapping("site-01-2026", 0.4, 1.1, (0.01, -0.002, 0.0005), 1.0, 6.0)
FINGER = Criteria({BodySite.FINGER: 3.0}, accept_simulated=True, stopwatch={BodySite.FINGER: LINE})


def test_what_a_stopwatch_would_have_told_is_held_against_the_threshold() -> None:
    found = only([number(2.6)], FINGER)  # 3.26 s on the stopwatch
    assert found.answer is Answer.YES
    assert only([number(2.6)], replace(FINGER, stopwatch={})).answer is Answer.NO
    assert found.shown == "2.60 s (2.40 to 2.80)"  # the device's number stays
    assert found.remarks[0].startswith("3.26 s (3.02 to 3.50) on the stopwatch")
    assert only([number(2.6)], FINGER, "fr").remarks[0].startswith("3.26 s (3.02 à 3.50) au chronomètre")


def test_the_interval_is_the_devices_carried_over_and_the_lines_together() -> None:
    low, high = LINE.interval_s(2.6, (2.4, 2.9))
    line = 1.959964 * (0.01 - 0.004 * 2.6 + 0.0005 * 2.6**2) ** 0.5
    assert low == pytest.approx(3.26 - (0.22**2 + line**2) ** 0.5)
    assert high == pytest.approx(3.26 + (0.33**2 + line**2) ** 0.5)
    assert only([number(2.5)], FINGER).borderline  # 3.15 s, and its interval holds 3
    sure = replace(FINGER, stopwatch={BodySite.FINGER: replace(LINE, covariance=(0.0, 0.0, 0.0))})
    assert not only([number(2.6)], sure).borderline


def test_a_number_beside_the_threshold_is_shown_on_its_side_of_it() -> None:
    plain = replace(FINGER, stopwatch={BodySite.FINGER: replace(LINE, intercept_s=0.002, slope=1.0)})
    assert only([number(3.0)], plain).remarks[0].startswith("3.002 s (")


@pytest.mark.parametrize(
    ("exceeds_s", "answer"),
    [(2.4, Answer.YES), (2.3, Answer.UNDETERMINED), (12.0, Answer.YES), (0.5, Answer.UNDETERMINED)],
)
def test_a_bound_is_mapped_too_and_outside_the_lines_range_stays_as_it_is(exceeds_s: float, answer: Answer) -> None:
    found = only([bound(exceeds_s)], FINGER)
    assert found.answer is answer
    assert (found.why is Why.BOUND_TOO_LOW) is (answer is Answer.UNDETERMINED)
    assert (found.mapped_by is None) is (not 1.0 <= exceeds_s <= 6.0)
    assert ("outside the stopwatch calibration" in found.remarks[0]) is (found.mapped_by is None)


def test_a_verdict_says_whether_and_by_what_it_was_calibrated() -> None:
    both = Criteria(
        {BodySite.FINGER: 3.0, BodySite.KNEE: 4.0}, 1, accept_simulated=True, stopwatch={BodySite.FINGER: LINE}
    )
    readings = [number(2.0), number(3.0, "knee")]
    assert verdict(readings[:1], both).calibration_note() == "calibrated to the stopwatch by site-01-2026"
    assert verdict(readings, both).calibration_note() == "partly calibrated to the stopwatch, by site-01-2026"
    assert verdict([number(9.0)], both).calibration_note() == "not calibrated to the stopwatch"
    assert verdict([], both, [mottled(1)]).calibration_note("fr") == "non étalonné sur le chronomètre"
