"""Agreement of device and stopwatch: published worked examples, and intervals that hold what they promise."""

import numpy as np
import pytest

from calibration.agreement.limits import limits_of_agreement
from calibration.agreement.pairs import AgreementError, Pair, Pairs, paired
from calibration.agreement.raters import (
    by_rater,
    device_and_stopwatch,
    icc_agreement,
    icc_consistency,
    least_significant_change,
)
from calibration.agreement.regression import deming
from calibration.agreement.threshold import at_threshold, cohens_kappa

# Peak flow by two meters, first of two readings each: J. M. Bland and D. G. Altman, Lancet 1986;1:307, table 1.
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
# P. E. Shrout and J. L. Fleiss, Psychol Bull 1979;86:420, table 2: six targets, four judges.
JUDGES = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=np.float64
)
# J. L. Fleiss, Statistical methods for rates and proportions, 1981, chapter 13: 100 diagnoses by two raters.
DIAGNOSES = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]], dtype=np.float64)


def peak_flow() -> Pairs:
    return paired(Pair(f"{i}", "a", w, m) for i, (w, m) in enumerate(zip(WRIGHT, MINI, strict=True)))


def simulated(
    rng: np.random.Generator, subjects: int, repeats: int, within: float, between: float, bias: float = 0.2
) -> Pairs:
    true = rng.uniform(3.0, 6.0, subjects)
    own = rng.normal(bias, between, subjects)
    return paired(
        Pair(f"{s}", f"r{i % 2}", true[s] + own[s] + rng.normal(0, within), true[s])
        for s in range(subjects)
        for i in range(repeats)
    )


def test_the_limits_are_those_of_the_published_example() -> None:
    found = limits_of_agreement(peak_flow())
    assert found.bias_s == pytest.approx(-2.1, abs=0.05)
    assert found.bias_ci95_s == pytest.approx((-22.0, 17.8), abs=0.1)
    # They took two standard deviations of 38.8 for the limits; 1.96 of them is what is meant.
    assert (found.high_s - found.low_s) / (2 * 1.96) == pytest.approx(38.8, abs=0.05)
    assert (found.pairs, found.subjects) == (17, 17)
    assert found.within_sd_s == 0


def test_the_correlations_are_those_of_the_published_example() -> None:
    assert icc_agreement(JUDGES).value == pytest.approx(0.29, abs=0.005)
    assert icc_consistency(JUDGES).value == pytest.approx(0.71, abs=0.005)
    # McGraw and Wong 1996 give these intervals for the same table.
    assert icc_agreement(JUDGES).ci95 == pytest.approx((0.02, 0.76), abs=0.005)
    assert icc_consistency(JUDGES).ci95 == pytest.approx((0.34, 0.95), abs=0.01)


def test_kappa_and_its_error_are_those_of_the_published_example() -> None:
    kappa, interval = cohens_kappa(DIAGNOSES)
    assert kappa == pytest.approx(0.68, abs=0.005)
    assert interval is not None
    assert (interval[1] - interval[0]) / (2 * 1.96) == pytest.approx(0.087, abs=0.001)


@pytest.mark.slow
@pytest.mark.parametrize(("subjects", "repeats", "within", "between"), [(12, 1, 0.5, 0.0), (20, 3, 0.4, 0.3)])
def test_the_limits_confidence_holds_what_it_promises(
    subjects: int, repeats: int, within: float, between: float
) -> None:
    rng = np.random.default_rng(1)
    half = 1.96 * np.hypot(within, between)
    true = (0.2, 0.2 - half, 0.2 + half)
    held = np.zeros(3)
    for _ in range(600):
        found = limits_of_agreement(simulated(rng, subjects, repeats, within, between))
        intervals = (found.bias_ci95_s, found.low_ci95_s, found.high_ci95_s)
        held += [low <= value <= high for value, (low, high) in zip(true, intervals, strict=True)]
    assert ((held / 600 > 0.925) & (held / 600 < 0.985)).all(), held / 600


def test_a_subject_that_was_measured_often_counts_once() -> None:
    often = [Pair("x", "a", 5.0, 3.0)] * 40
    others = [Pair(f"{i}", "a", 2.0 + 0.1 * i, 2.0 + 0.1 * i) for i in range(11)]
    assert limits_of_agreement(paired([*often, *others])).bias_s == pytest.approx(2.0 / 12)


def test_disagreement_that_grows_with_refill_is_told() -> None:
    rng = np.random.default_rng(2)
    true = rng.uniform(1, 6, 40)
    grown = limits_of_agreement(paired(Pair(f"{i}", "a", 1.3 * t, t) for i, t in enumerate(true)))
    assert grown.grows_ci95[0] > 0
    assert limits_of_agreement(simulated(rng, 40, 2, 0.3, 0.1)).grows == pytest.approx(0.0, abs=0.1)


@pytest.mark.slow
def test_the_line_allows_errors_in_both_where_least_squares_would_flatten_it() -> None:
    rng = np.random.default_rng(3)
    held = 0
    slopes = []
    for _ in range(300):
        true = rng.uniform(1, 6, 30)
        noisy = [(t + rng.normal(0, 0.5), 0.4 + 1.2 * t + rng.normal(0, 0.5)) for t in true]
        line = deming(paired(Pair(f"{i}", "a", max(d, 0.1), max(s, 0.1)) for i, (d, s) in enumerate(noisy)))
        slopes.append(line.slope)
        held += line.slope_ci95[0] <= 1.2 <= line.slope_ci95[1]
    assert np.median(slopes) == pytest.approx(1.2, abs=0.02)
    assert 0.9 < held / 300 < 0.99


def test_the_devices_seconds_become_a_stopwatchs_with_their_error() -> None:
    pairs = paired(Pair(f"{i}", "a", d, 0.5 + 0.8 * d) for i, d in enumerate(np.linspace(1, 6, 20)))
    seconds, error = deming(pairs).stopwatch_s(3.0)
    assert seconds == pytest.approx(2.9)
    assert error == pytest.approx(0.0, abs=1e-6)


def test_pairs_through_which_no_line_goes_are_refused() -> None:
    falling = paired(Pair(f"{i}", "a", 1.0 + i, 20.0 - i) for i in range(12))
    with pytest.raises(AgreementError, match="do not rise together"):
        deming(falling)


def test_yes_and_no_are_counted_on_either_side_of_the_threshold() -> None:
    values = [(2.0, 2.5), (3.5, 3.6), (3.5, 2.9), (2.9, 3.1), (3.0, 3.0)] + [(1.0, 1.0)] * 6
    found = at_threshold(paired(Pair(f"{i}", "a", d, s) for i, (d, s) in enumerate(values)), 3.0)
    assert (found.both_above, found.device_only, found.stopwatch_only, found.both_below) == (1, 1, 1, 8)
    assert found.agree == pytest.approx(9 / 11)


def test_where_nobody_is_above_the_threshold_kappa_says_nothing() -> None:
    found = at_threshold(paired(Pair(f"{i}", "a", 1.0, 1.0) for i in range(12)), 3.0)
    assert (found.kappa, found.kappa_ci95) == (None, None)


def test_the_least_change_that_is_more_than_chance() -> None:
    rng = np.random.default_rng(4)
    subject = np.repeat(np.arange(400), 3)
    values = rng.uniform(1, 6, 400)[subject] * (1 + rng.normal(0, 0.09, 1200))
    assert least_significant_change(values, subject) == pytest.approx(1.96 * 2**0.5 * 0.09, rel=0.05)
    assert least_significant_change(values, np.arange(1200)) is None


def test_tables_hold_the_subjects_that_every_rater_measured() -> None:
    pairs = [Pair(f"{i}", rater, 2.0, 2.0 + i) for i in range(12) for rater in ("a", "b") if (i, rater) != (3, "b")]
    assert by_rater(paired(pairs)).shape == (11, 2)
    assert device_and_stopwatch(paired(pairs)).shape == (12, 2)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_refill_time_is_refused(seconds: float) -> None:
    with pytest.raises(AgreementError, match="not a positive number"):
        paired([Pair(f"{i}", "a", seconds, 2.0) for i in range(12)])


def test_too_few_subjects_are_refused_by_name() -> None:
    with pytest.raises(AgreementError, match="9 subjects are too few"):
        paired([Pair(f"{i}", "a", 2.0, 2.0) for i in range(9)])
