"""What makes an outline that of a limb, on outlines drawn for it."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from phantom.leg.drawn_at_random import spec_of
from phantom.leg.photo import take
from vision.mottling.assess import assess
from vision.mottling.leg import chroma
from vision.mottling.levels import Landmarks
from vision.mottling.limb import colours, constancy, elongation, looks_of, of_limb, roughness
from vision.mottling.picture import Picture
from vision.mottling.place import placed
from vision.mottling.reasons import Reason

Mask = NDArray[np.bool_]

PLACE = placed(Landmarks((150.0, 330.0), (150.0, 305.0), None), (400, 300), 1.0)
SHEET, SKIN, TABLE = (0.6, 0.65, 0.7), (0.5, 0.28, 0.2), (0.1, 0.2, 0.3)
LEG = (np.abs(PLACE.across_mm) < 55) & (PLACE.along_mm > -95)


def picture(beside: np.ndarray, rough: float = 0.01) -> Picture:
    """A leg of one colour, straight through the picture, with noise; `beside` is what it lies on, linear RGB."""
    rng = np.random.default_rng(1)
    linear = np.where(LEG[..., None], np.array(SKIN), beside)
    grain = cv2.GaussianBlur(rng.standard_normal((400, 300, 3)), (0, 0), 1.5)
    linear = linear * np.exp(rough * grain / grain.std())
    return Picture(linear.astype(np.float32), np.zeros((400, 300), np.float32), 1)


def limb(seen: Picture, outline: Mask, seen_mm: float = 200.0) -> Reason | None:
    return of_limb(outline, looks_of(seen, outline, seen_mm, PLACE))


def test_a_leg_on_a_sheet_is_a_limb() -> None:
    assert limb(picture(np.array(SHEET)), LEG) is None


def test_half_of_the_leg_beside_something_else_is_still_a_limb() -> None:
    beside = np.where((PLACE.along_mm > 60)[..., None] & (PLACE.across_mm > 0)[..., None], TABLE, SHEET)
    assert limb(picture(beside), LEG) is None


def test_an_outline_with_something_else_beside_it_everywhere_is_none() -> None:
    darker = (np.floor(PLACE.along_mm / 12).astype(int) % 2 == 0)[..., None]
    beside = np.array(SKIN) * np.where(darker, 0.6, 1.6)
    assert limb(picture(beside), LEG) is Reason.NOT_A_LEG


@pytest.mark.parametrize(("rough", "reason"), [(0.03, None), (0.6, Reason.NOT_A_LEG)])
def test_fur_is_no_skin(rough: float, reason: Reason | None) -> None:
    assert limb(picture(np.array(SHEET), rough), LEG) is reason


def test_a_box_is_too_short_and_a_leg_that_leaves_the_picture_is_not() -> None:
    box = (np.abs(PLACE.across_mm) < 55) & (np.abs(PLACE.along_mm) < 80)
    assert elongation(box) == pytest.approx(160 / 110, abs=0.1)
    assert limb(picture(np.array(SHEET)), box, 78.0) is Reason.NOT_A_LEG
    assert elongation(LEG) == float("inf")
    assert elongation(np.zeros_like(LEG)) == 0.0


def test_what_is_measured_is_what_was_drawn() -> None:
    density = picture(np.array(SHEET), 0.05).density
    assert 0.03 < roughness(density[..., 1], LEG, 1.0) < 0.06
    inner = LEG & (np.abs(PLACE.across_mm) < 40)
    assert colours(density, inner, 1.0) < 0.03
    density[..., 2] += np.where(np.floor(PLACE.along_mm / 24) % 2 == 0, 0.1, -0.1)
    assert colours(density, inner, 1.0) == pytest.approx(0.148, abs=0.03)
    density = picture(np.array(SHEET), 0.05).density
    looks = np.concatenate([chroma(density), density[..., 1:2]], axis=-1)
    assert constancy(looks, LEG, ~LEG, PLACE) == pytest.approx(1.0, abs=0.01)
    assert constancy(looks, LEG, np.zeros_like(LEG), PLACE) is None
    nothing = np.zeros_like(LEG)
    assert roughness(density[..., 1], nothing, 1.0) == colours(density, nothing, 1.0) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("number", [21005, 21010, 21022, 25008, 70024])
def test_hairy_legs_dark_mottled_ones_and_those_that_fill_the_picture_are_legs(number: int) -> None:
    leg = take(spec_of(number, "optics"))
    assert assess(leg.photo, leg.truth.landmarks_tapped).reason is None
