"""The map over the photo: tinted where mottled, a line at each level, and the photo itself left alone."""

import numpy as np
import pytest

from refill.mottling_map import draw_map
from vision.mottling.levels import Landmarks
from vision.mottling.result import Assessment, MottlingMap

LEG = Landmarks((150.0, 350.0), (150.0, 300.0), (150.0, 100.0))


def _map(rows: slice, columns: slice, hole: bool = False) -> MottlingMap:
    mottled = np.zeros((50, 40), np.bool_)
    mottled[rows, columns] = True
    if hole:
        mottled[24:28, 18:22] = False
    return MottlingMap(8.0, np.ones_like(mottled), mottled, mottled.astype(np.float32))


def _photo() -> np.ndarray:
    return np.full((400, 320, 3), 90, np.uint8)


def _level(pixels: np.ndarray) -> np.ndarray:
    """Which BGR pixels are those of a level's line, whose rim is mixed with what is under it."""
    return (pixels[..., 0] > 190) & (pixels[..., 1] > 170) & (pixels[..., 2] < 160)


def test_what_is_mottled_is_tinted_and_holes_in_it_are_not() -> None:
    found = Assessment(map=_map(slice(20, 32), slice(14, 26), hole=True))
    drawn = draw_map(_photo(), found, None)
    tinted = (drawn != 90).any(axis=-1)
    # The grid's cell 22 covers the photo from 175.5 to 183.5; its cell 26 lies in the hole.
    assert tinted[176:183, 130:180].all()
    assert not tinted[204:214, 152:166].any()
    assert not tinted[300:390, 10:310].any()


@pytest.mark.parametrize("px", [1.7, 4.0, 9.3])
def test_the_tint_lies_where_the_grid_says(px: float) -> None:
    mottled = np.zeros((40, 30), np.bool_)
    mottled[10:20, 5:15] = True
    found = Assessment(map=MottlingMap(px, np.zeros_like(mottled), mottled, mottled.astype(np.float32)))
    drawn = draw_map(_photo(), found, None)
    y, x = np.nonzero((drawn != 90).any(axis=-1))
    # Cells 10 to 19 and 5 to 14: from the near edge of the first to the far edge of the last, and half a stroke.
    assert (y.min(), y.max()) == pytest.approx((10 * px, 20 * px - 1), abs=px / 4 + 2)
    assert (x.min(), x.max()) == pytest.approx((5 * px, 15 * px - 1), abs=px / 4 + 2)


@pytest.mark.parametrize(("groin", "levels"), [((150.0, 100.0), (300, 200, 100)), (None, (300,))])
def test_each_level_that_is_known_has_its_line_across_the_leg(
    groin: tuple[float, float] | None, levels: tuple[int, ...]
) -> None:
    drawn = draw_map(_photo(), Assessment(landmarks=Landmarks(LEG.knee, LEG.patella, groin)), 1.0)
    column = _level(drawn[:, 190]).nonzero()[0]
    assert {round(float(row), -1) for row in column} == set(levels)


def test_the_coin_is_as_large_as_the_scale_says() -> None:
    drawn = draw_map(_photo(), Assessment(landmarks=LEG), 0.5)
    row = _level(drawn[350]).nonzero()[0]
    assert (row.min(), row.max()) == pytest.approx((120, 180), abs=1)


def test_mottled_at_the_edge_of_the_photo_is_drawn_to_the_edge() -> None:
    drawn = draw_map(_photo(), Assessment(map=_map(slice(0, 50), slice(30, 40))), None)
    assert (drawn[5:395, 300] != 90).any(axis=-1).all()


@pytest.mark.parametrize(
    "marks",
    [
        Landmarks((1e9, 1.0), (1.0, 1.0)),
        Landmarks((float("nan"), 1.0), (1.0, 1.0)),
        Landmarks((5.0, 5.0), (5.0, 5.0)),
        Landmarks((5.0, 5.0), (9.0, 9.0), (9.0, 9.0)),
    ],
)
def test_landmarks_that_are_none_are_not_drawn(marks: Landmarks) -> None:
    assert (draw_map(_photo(), Assessment(landmarks=marks), None) == 90).all()


def test_the_photo_is_left_alone() -> None:
    photo = _photo()
    photo.flags.writeable = False
    found = Assessment(score=2, max_supported=4, map=_map(slice(20, 30), slice(5, 9)), landmarks=LEG)
    assert (draw_map(photo, found, None) != 90).any()
    assert (photo == 90).all()
