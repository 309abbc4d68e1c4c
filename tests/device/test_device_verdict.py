"""The measurement's result from its presses: the median, honestly."""

import pytest
from device_bench import measured, not_measurable
from hypothesis import given
from hypothesis import strategies as st

from contract.reading import RefillResult, Status
from contract.reasons import Reason
from device.session_verdict import verdict


def censored(limit_s: float) -> RefillResult:
    return RefillResult(status=Status.CENSORED, crt_exceeds_s=limit_s)


def test_one_press_is_its_own_median() -> None:
    result, spread = verdict([measured(2.4)], 1, 0.25)
    assert result == measured(2.4)
    assert spread is None


def test_the_median_of_two_is_between_them_and_so_is_its_interval() -> None:
    result, spread = verdict([measured(2.0), measured(2.2)], 3, 0.25)
    assert result.crt_s == pytest.approx(2.1)
    assert result.crt_ci95_s == (pytest.approx(2.0), pytest.approx(2.2))
    assert spread == pytest.approx(0.2 / 2.1)


def test_presses_that_disagree_give_no_number_but_their_spread() -> None:
    result, spread = verdict([measured(2.0), measured(2.1), measured(2.7)], 3, 0.25)
    assert (result.status, result.reason) == (Status.NOT_MEASURABLE, Reason.PRESSES_DISAGREE)
    assert spread == pytest.approx(0.7 / 2.1)


def test_the_limit_of_agreement_itself_still_agrees() -> None:
    assert verdict([measured(2.0), measured(2.5)], 2, 0.5 / 2.25)[0].status is Status.MEASURED


def test_all_censored_is_censored_at_the_median_limit() -> None:
    result, spread = verdict([censored(30.0), censored(28.0), censored(30.0)], 3, 0.25)
    assert result == censored(30.0)
    assert spread is None


def test_a_censored_median_is_censored() -> None:
    assert verdict([measured(28.0), censored(30.0), censored(30.0)], 3, 0.25)[0] == censored(30.0)


def test_a_censored_press_counts_as_larger_than_its_limit() -> None:
    result, spread = verdict([measured(28.0), measured(29.0), censored(30.0)], 3, 0.25)
    assert result.crt_s == 29.0
    assert spread is None


def test_a_median_that_a_censored_press_leaves_open_is_censored_at_its_lower_bound() -> None:
    assert verdict([censored(12.0), measured(13.0), measured(14.0)], 3, 0.25)[0] == censored(13.0)


def test_a_censored_press_far_above_the_others_disagrees_with_them() -> None:
    assert verdict([measured(3.0), measured(3.1), censored(30.0)], 3, 0.25)[0].reason is Reason.PRESSES_DISAGREE


def test_too_few_good_presses_give_the_commonest_reason_and_the_first_among_equals() -> None:
    moved, dark = not_measurable(Reason.MOVED), not_measurable(Reason.TOO_DARK)
    assert verdict([dark, moved, moved], 3, 0.25)[0].reason is Reason.MOVED
    assert verdict([dark, measured(2.0), moved], 3, 0.25)[0].reason is Reason.TOO_DARK
    assert verdict([dark, measured(2.0), measured(2.1)], 3, 0.25)[0].crt_s == pytest.approx(2.05)


def test_the_other_end_points_are_medians_of_what_is_there() -> None:
    presses = [measured(2.0).model_copy(update={"t50_s": t50_s}) for t50_s in (0.5, None, 0.7)]
    result, _ = verdict(presses, 3, 0.25)
    assert result.t50_s == pytest.approx(0.6)
    assert result.tau_s is None


PRESSES = st.one_of(
    st.floats(0.2, 30).map(measured),
    st.floats(3, 30).map(censored),
    st.sampled_from([Reason.MOVED, Reason.NO_BLANCH]).map(not_measurable),
)


@pytest.mark.slow
@given(st.lists(PRESSES, min_size=1, max_size=5))
def test_a_number_never_lies_outside_the_presses_and_order_does_not_matter(presses: list[RefillResult]) -> None:
    result, _ = verdict(presses, len(presses), 0.25)
    again, _ = verdict(sorted(presses, key=str), len(presses), 0.25)
    if result.status is not Status.NOT_MEASURABLE:
        assert again == result
    if result.crt_s is not None and result.crt_ci95_s is not None:
        known = [press.crt_s for press in presses if press.crt_s is not None]
        assert min(known) <= result.crt_s <= max(known)
        assert result.crt_ci95_s[0] <= result.crt_s <= result.crt_ci95_s[1]
