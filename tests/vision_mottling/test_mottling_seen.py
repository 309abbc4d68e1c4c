"""How far up the thigh skin is seen, and the highest score that this supports."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vision.mottling.judged import GAP_MM, RIM_MM, seen_to_mm, slabs_of, supported
from vision.mottling.levels import Landmarks
from vision.mottling.place import placed

Mask = NDArray[np.bool_]

PLACE = placed(Landmarks((60.0, 80.0), (85.0, 80.0), (435.0, 80.0)), (160, 480), 1.0)
"""In mm: the thigh is 350 long, and the picture ends 44 beyond the groin."""
LEG = np.asarray(np.abs(PLACE.across_mm) < 60.0)
SKIN = np.asarray(np.abs(PLACE.across_mm) < 56.0)
END_MM = 394.0


def seen_mm(judged: Mask) -> float:
    return seen_to_mm(slabs_of(LEG, judged, PLACE))


def between(low_mm: float, high_mm: float) -> Mask:
    return np.asarray((PLACE.along_mm >= low_mm) & (PLACE.along_mm < high_mm))


def test_bare_skin_is_seen_to_the_end_of_the_picture() -> None:
    assert seen_mm(SKIN) == pytest.approx(END_MM, abs=4.0)


def test_cloth_of_nearly_the_colour_of_skin_is_not_seen_as_skin_for_its_specks() -> None:
    specks = (np.floor(PLACE.across_mm) % 10 < 4) & (np.floor(PLACE.along_mm) % 30 < 26)
    assert seen_mm(SKIN & (between(-200, 150) | specks)) == pytest.approx(150.0 + RIM_MM, abs=6.0)


def test_a_third_of_the_leg_in_one_piece_is_a_fold_of_cloth() -> None:
    fold = np.abs(PLACE.across_mm) < 18.0
    assert seen_mm(SKIN & (between(-200, 150) | fold)) == pytest.approx(150.0 + RIM_MM, abs=6.0)


def test_hair_is_no_end_of_skin() -> None:
    assert seen_mm(SKIN & (np.floor(PLACE.across_mm + PLACE.along_mm) % 6 > 0)) == pytest.approx(END_MM, abs=4.0)


@pytest.mark.parametrize(("gap_mm", "goes_on"), [(GAP_MM - 6, True), (GAP_MM + 10, False)])
def test_a_tube_is_no_end_of_skin_and_a_wide_cover_is(gap_mm: float, goes_on: bool) -> None:
    assert (seen_mm(SKIN & ~between(100, 100 + gap_mm)) > 200.0) == goes_on


def test_a_plaster_beside_which_skin_goes_on_is_no_end_of_it() -> None:
    plaster = between(100, 140) & (PLACE.across_mm > -40.0) & (PLACE.across_mm < 20.0)
    assert seen_mm(SKIN & ~plaster) == pytest.approx(END_MM, abs=4.0)


def test_nor_is_one_that_leaves_little_of_a_narrow_leg() -> None:
    plaster_and_its_rims = between(100, 128) & (PLACE.across_mm < 20.0)
    assert seen_mm(SKIN & ~plaster_and_its_rims) == pytest.approx(END_MM, abs=4.0)


@pytest.mark.parametrize(
    ("reach", "most"), [(0.03, 2), (0.05, 3), (0.53, 3), (0.55, 4), (1.0, 4), (1.03, 4), (1.05, 5), (1.3, 5)]
)
def test_a_level_is_told_where_skin_is_seen_four_per_cent_beyond_it(reach: float, most: int) -> None:
    assert supported(reach * 350.0, PLACE) == most
    without = placed(Landmarks((60.0, 80.0), (85.0, 80.0)), (160, 480), 1.0)
    assert supported(reach * 350.0, without) == min(most, 3)
