"""Legs of the darkest tones on which mottling was missed, or more was seen than there is: by their optics."""

from dataclasses import replace

import numpy as np
import pytest
from leg_bench import Leg, draw

from phantom.leg.drawn_at_random import spec_of
from phantom.leg.photo import take
from vision.mottling.assess import assess

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("number", "tone", "score"),
    [(20023, "VI", 5), (20069, "VI", 1), (20004, "V", 1)],
    ids=["faint patches up to the groin", "a coin beside a scar", "a faint coin on a red knee"],
)
def test_the_score_of_a_dark_leg(number: int, tone: str, score: int) -> None:
    leg = take(replace(spec_of(number, "optics"), tone=tone))
    assert leg.truth.score == score
    assert assess(leg.photo, leg.truth.landmarks_tapped).score == score


def test_grain_in_dark_skin_is_not_taken_for_hair() -> None:
    photo, marks = draw(Leg(tone="VI", height_px=1000, width_px=460, knee_at=(0.5, 0.62), noise=0.03, light=0.3))
    found = assess(photo, marks, 1.0)
    assert found.map is not None
    knee = found.map.skin[570:670, 190:270]
    assert float(np.mean(knee)) > 0.97
