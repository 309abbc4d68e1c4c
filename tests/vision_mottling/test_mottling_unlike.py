"""What is a little odd for a leg in several ways, on outlines drawn for it."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vision.mottling.judged import Slabs, slabs_of
from vision.mottling.levels import Landmarks
from vision.mottling.limb import Looks, looks_of
from vision.mottling.picture import Picture
from vision.mottling.place import placed
from vision.mottling.reasons import Reason
from vision.mottling.unlike import (
    MOST_UNLIKE,
    SIGNS,
    Cut,
    Sign,
    aside,
    of_signs,
    raggedness_mm,
    shin_mm,
    signs_of,
    unlikeness,
)

Mask = NDArray[np.bool_]

PLACE = placed(Landmarks((150.0, 430.0), (150.0, 405.0), (150.0, 55.0)), (560, 300), 1.0)
"""In mm: the thigh is 350 long and goes up the picture, 130 are in it below the knee."""
X = PLACE.across_mm
LEG = np.asarray(np.abs(X) < 55 + 0.06 * np.maximum(PLACE.along_mm, 0))


def cut(outline: Mask, seen_mm: float = 300.0, rough: float = 0.01) -> Cut:
    """What was cut out of a picture in which it is skin, on a sheet, with grain."""
    linear = np.where(outline[..., None], np.array((0.5, 0.28, 0.2)), np.array((0.6, 0.65, 0.7)))
    grain = cv2.GaussianBlur(np.random.default_rng(1).standard_normal((*outline.shape, 3)), (0, 0), 1.5)
    linear = linear * np.exp(rough * grain / grain.std())
    picture = Picture(linear.astype(np.float32), np.zeros(outline.shape, np.float32), 1)
    return Cut(picture, outline, slabs_of(outline, outline, PLACE), seen_mm, PLACE)


def odd(which: Cut) -> float:
    return unlikeness(signs_of(which, looks_of(which.picture, which.outline, which.seen_mm, PLACE)))


def test_a_leg_is_odd_in_nothing() -> None:
    assert odd(cut(LEG)) == 0.0
    assert of_signs(cut(LEG), Looks(0.02, 0.02, (1.0, 1.0))) is None


def test_a_sign_counts_from_what_is_usual_in_its_steps() -> None:
    more, less = Sign(3.0, 4.0), Sign(60.0, -50.0)
    assert [more.beyond(value) for value in (1.0, 3.0, 5.0, None, float("nan"))] == [0.0, 0.0, 0.5, 0.0, 0.0]
    assert [less.beyond(value) for value in (90.0, 60.0, 35.0)] == [0.0, 0.0, 0.5]


@pytest.mark.parametrize("name", [*SIGNS])
def test_no_sign_at_the_end_of_what_is_usual_refuses_by_itself(name: str) -> None:
    sign = SIGNS[name]
    assert unlikeness({name: sign.usual}) == 0.0
    assert unlikeness({name: sign.usual + 1.01 * MOST_UNLIKE * sign.step}) > MOST_UNLIKE


def test_what_is_a_little_odd_in_three_ways_is_no_leg_and_in_one_it_is() -> None:
    short = LEG & (PLACE.along_mm > -75.0)
    one, looks = cut(short), Looks(0.02, 0.02, (1.0, 1.0))
    assert 0.1 < unlikeness(signs_of(one, looks)) < 0.4
    assert of_signs(one, looks) is None
    assert of_signs(cut(short, 20.0), Looks(0.1, 0.02, (1.0, 0.6))) is Reason.NOT_A_LEG


def test_a_shin_goes_on_to_the_end_of_the_picture_or_is_measured() -> None:
    assert shin_mm(LEG, PLACE) is None
    assert shin_mm(LEG & (PLACE.along_mm > -75.0), PLACE) == pytest.approx(50.0, rel=0.1)
    assert shin_mm(LEG & (PLACE.along_mm > 0.0), PLACE) == 0.0


def test_the_smoother_outline_counts() -> None:
    wave = 8.0 * np.sign(np.sin(PLACE.along_mm / 9.0))
    one = np.where(X < 0, np.abs(X - wave) < 55, X < 55)
    both = np.abs(X - wave) < 55

    def ragged(outline: Mask) -> float | None:
        slabs = slabs_of(np.asarray(outline), np.asarray(outline), PLACE)
        return raggedness_mm(slabs, (slabs.at_mm > -16.0) & (slabs.at_mm < 300.0))

    assert (ragged(LEG) or 0.0) < 1.0
    assert (ragged(one) or 0.0) < 1.0
    assert (ragged(both) or 0.0) > 4.0


def test_the_knee_lies_in_the_middle_of_a_leg() -> None:
    at = np.arange(-26.0, 42.0, 4.0)
    left, right, whole = np.full(at.shape, -30.0), np.full(at.shape, 90.0), np.full(at.shape, 120.0)
    shut = np.zeros(at.shape, dtype=bool)
    slabs = Slabs(at, whole, whole, left, right, shut, shut, 300.0)
    assert aside(slabs, ~shut) == pytest.approx(30.0 / 120.0)
    assert aside(slabs, shut) is None


def test_blue_that_changes_from_place_to_place_is_odd() -> None:
    which = cut(LEG)
    spots = cv2.GaussianBlur(np.random.default_rng(2).standard_normal(LEG.shape), (0, 0), 4.0)
    linear = which.picture.linear.copy()
    linear[..., 2] *= np.exp(0.3 * spots / spots.std()).astype(np.float32)
    changed = Cut(Picture(linear, which.picture.clipped, 1), LEG, which.slabs, which.seen_mm, PLACE)
    assert odd(changed) > MOST_UNLIKE
