"""The window of 6 to 24 h after norepinephrine: inside, before, after, or not to be told."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from contract_bench import READING, reading
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contract.reading import Measured
from contract.window import NO_HOURS, InWindow, NoHours, WindowAnswer, in_window

AT = datetime.fromisoformat(READING["measured"]["at"])


def window_of(onset: datetime | None, **changes: Any) -> WindowAnswer:
    return in_window(onset, Measured.model_validate(READING["measured"] | changes), 6.0, 24.0)


@pytest.mark.parametrize(
    ("hours", "answer"),
    [
        (5.999, InWindow.BEFORE),
        (6.0, InWindow.INSIDE),
        (24.0, InWindow.INSIDE),
        (24.001, InWindow.AFTER),
        (0.0, InWindow.BEFORE),
        (-0.05, InWindow.BEFORE),
        (-0.2, InWindow.UNDETERMINED),
    ],
)
def test_both_ends_belong_to_the_window(hours: float, answer: InWindow) -> None:
    found = window_of(AT - timedelta(hours=hours))
    assert found.answer is answer
    assert (found.hours is None) == (answer is InWindow.UNDETERMINED)


@pytest.mark.parametrize(
    ("onset", "changes", "why"),
    [
        (None, {}, NoHours.NO_ONSET),
        (AT - timedelta(hours=8), {"clock_synchronised": False}, NoHours.CLOCK_NOT_SET),
        (AT + timedelta(hours=1), {}, NoHours.ONSET_AHEAD),
    ],
)
def test_where_the_hours_cannot_be_told_nothing_is_in_time(
    onset: datetime | None, changes: dict[str, Any], why: NoHours
) -> None:
    assert window_of(onset, **changes) == WindowAnswer(InWindow.UNDETERMINED, None, why)
    assert all(NO_HOURS[why])


def test_time_zones_are_heeded_and_a_time_without_one_is_refused() -> None:
    onset = "2026-11-23T02:00:00"  # 10 h before 13:00 +01:00
    found = window_of(reading(norepinephrine_onset_at=f"{onset}Z").norepinephrine_onset_at)
    assert found.hours == pytest.approx(10.0, abs=0.001)
    with pytest.raises(ValidationError, match="timezone"):
        reading(norepinephrine_onset_at=onset)


@given(st.floats(-100, 1000), st.booleans())
def test_inside_is_said_only_of_hours_that_are_inside(hours: float, synchronised: bool) -> None:
    found = window_of(AT - timedelta(hours=hours), clock_synchronised=synchronised)
    if found.answer is InWindow.INSIDE:
        assert synchronised
        assert found.hours is not None
        assert 6 <= found.hours <= 24
    assert (found.why is None) == (found.hours is not None)
