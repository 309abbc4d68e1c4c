"""Check digits against the examples that others publish for them, and against slips of the pen.

All four agree with python-stdnum 2.2 on every text of 2 to 5 digits: tried once, it is not installed here.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.check_digits import CHECKS


@pytest.mark.parametrize(
    ("way", "good"),
    [
        ("luhn", "79927398713"),  # quoted everywhere; the origin is not known
        ("luhn", "78949"),  # python-stdnum 2.2, stdnum.luhn
        ("damm", "5724"),  # python-stdnum 2.2, stdnum.damm
        ("verhoeff", "2363"),  # quoted everywhere; the origin is not known
        ("verhoeff", "12340"),  # python-stdnum 2.2, stdnum.verhoeff
        ("iso7064-mod11-10", "794623"),  # python-stdnum 2.2, stdnum.iso7064.mod_11_10
        ("iso7064-mod11-10", "002006673085"),  # the same
    ],
)
def test_the_published_example_is_good_and_no_other_last_digit_is(way: str, good: str) -> None:
    assert [digit for digit in "0123456789" if CHECKS[way](good[:-1] + digit)] == [good[-1]]


@pytest.mark.slow
@pytest.mark.parametrize("way", CHECKS)
@given(stem=st.text("0123456789", min_size=1, max_size=5), at=st.integers(0, 5), by=st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(way: str, stem: str, at: int, by: int) -> None:
    check = CHECKS[way]
    (number,) = [stem + digit for digit in "0123456789" if check(stem + digit)]
    at %= len(number)
    wrong = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]
    assert not check(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["damm", "verhoeff"])
@given(stem=st.text("0123456789", min_size=1, max_size=5), at=st.integers(0, 4))
def test_neighbours_changed_over_are_always_seen(way: str, stem: str, at: int) -> None:
    check = CHECKS[way]
    (number,) = [stem + digit for digit in "0123456789" if check(stem + digit)]
    at %= len(number) - 1
    swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    assert swapped == number or not check(swapped)
