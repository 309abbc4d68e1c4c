"""The confidence is the share of readings that stay the same where taps and threshold are as far off as usual."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vision.mottling.confidence import BEST, MOVES, confidence, weighed
from vision.mottling.extent import TRIFLE_MM2, extent_of
from vision.mottling.levels import Landmarks
from vision.mottling.place import placed

Mask = NDArray[np.bool_]

PLACE = placed(Landmarks((100.0, 60.0), (125.0, 60.0), (475.0, 60.0)), (120, 560), 1.0)
LEVEL_MM = 175.0 + TRIFLE_MM2 / 80.0
"""The middle of the thigh, beyond the kneecap edge, and what a trifle takes of a front of 80 mm."""


def mottled_to(end_mm: float) -> Mask:
    return np.asarray((PLACE.along_mm > -60.0) & (PLACE.along_mm < end_mm) & (np.abs(PLACE.across_mm) < 40.0))


def told(end_mm: float, noise: float = 0.004) -> float:
    """Confidence in the score of skin that is mottled up to there, whatever the threshold."""
    mask = mottled_to(end_mm)
    extent = extent_of(mask, PLACE)
    return confidence(lambda _strict: mask, noise, extent, extent.score, 5, PLACE)


@pytest.mark.parametrize(("side", "share"), [(0.25, 0.57), (0.75, 0.77), (1.4, 0.91)])
def test_readings_that_agree_on_one_side_of_a_level_weigh_as_a_normal_distribution(side: float, share: float) -> None:
    assert weighed(MOVES, [move < side for move in MOVES]) == pytest.approx(share, abs=0.05)


def test_a_score_in_the_middle_of_a_level_is_as_sure_as_any() -> None:
    assert told(90.0) == pytest.approx(BEST)


@pytest.mark.parametrize("past_mm", [-0.4, 0.6])
def test_a_score_at_a_level_is_hardly_better_than_a_guess(past_mm: float) -> None:
    assert 0.3 < told(LEVEL_MM + past_mm) < 0.75


def test_confidence_falls_towards_a_level() -> None:
    towards = [told(LEVEL_MM - before_mm) for before_mm in (30.0, 2.4, 0.4)]
    assert towards == sorted(towards, reverse=True)
    assert towards[0] > towards[-1] + 0.2


def test_a_score_that_another_threshold_would_change_is_less_sure() -> None:
    extent = extent_of(mottled_to(90.0), PLACE)
    score = extent.score
    less = confidence(lambda strict: mottled_to(90.0 if strict > 0.9 else 260.0), 0.004, extent, score, 5, PLACE)
    assert less < told(90.0) - 0.15


def test_no_mottling_under_noise_that_would_hide_it_is_said_with_less_confidence() -> None:
    nothing = np.zeros(PLACE.along_mm.shape, dtype=bool)
    extent = extent_of(nothing, PLACE)
    sure, unsure = (confidence(lambda _strict: nothing, noise, extent, 0, 5, PLACE) for noise in (0.005, 0.02))
    assert sure == pytest.approx(BEST)
    assert unsure < 0.75
