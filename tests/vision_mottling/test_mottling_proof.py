"""What stands out is mottling only where it is drawn, and drawn in blood."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vision.mottling.blood import Blood
from vision.mottling.levels import Landmarks
from vision.mottling.place import placed
from vision.mottling.proof import proven, signature, signs_of
from vision.mottling.strength import Excess

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

SIZE = (160, 320)
PLACE = placed(Landmarks((60.0, 80.0), (85.0, 80.0), (300.0, 80.0)), SIZE, 1.0)
SKIN = np.ones(SIZE, dtype=bool)


def stripes(left: int, right: int, height: float) -> Floats:
    """Index of lines 12 mm apart between two columns, 0 elsewhere."""
    index = np.zeros(SIZE, dtype=np.float32)
    columns = np.arange(left, right)
    index[:, left:right] = height * (0.5 + 0.5 * np.sin(2 * np.pi * columns / 12))
    return index


def bump(width_mm: float, height: float) -> Floats:
    """Index that is highest at column 160 and fades over `width_mm`."""
    x = np.arange(SIZE[1], dtype=np.float32)[None, :]
    return np.asarray(np.repeat(height * np.exp(-(((x - 160) / width_mm) ** 2)), SIZE[0], axis=0), dtype=np.float32)


def texture(height: float) -> Floats:
    """Fine dots that are as often above as below 0."""
    return np.asarray(height * np.random.default_rng(3).standard_normal(SIZE), dtype=np.float32)


def kept(mottled: Mask, index: Floats, slope: float, darkness: Floats | None = None) -> Mask:
    """What is proven of `mottled` where the index has this slope on darkness, or where `darkness` is another one."""
    dark = np.asarray(index / slope, dtype=np.float32) if darkness is None else darkness
    blood = Blood(index, np.full(SIZE, slope, dtype=np.float32), dark, index)
    return proven(mottled, signs_of(blood, Excess(index, 0.008), SKIN, PLACE), PLACE)


def test_a_net_in_blood_is_kept() -> None:
    index = stripes(60, 160, 0.08)
    mottled = index > 0.04
    assert np.array_equal(kept(mottled, index, 0.33), mottled)


def test_a_patch_that_is_large_and_even_is_kept_for_its_border() -> None:
    index = np.zeros(SIZE, dtype=np.float32)
    index[30:130, 90:230] = 0.12
    assert np.array_equal(kept(index > 0, index, 0.33), index > 0)


def test_the_same_drawing_in_melanin_or_ink_is_not() -> None:
    index = stripes(60, 160, 0.08)
    assert not kept(index > 0.04, index, 0.03).any()


def test_a_bruise_that_darkens_more_than_blood_does_is_not() -> None:
    index = stripes(60, 160, 0.08)
    assert not kept(index > 0.04, index, 0.2).any()


def test_a_patch_of_colour_that_is_no_darker_is_noise_of_the_file_and_not_kept() -> None:
    dots = texture(0.02)
    index = np.asarray(0.3 * dots, dtype=np.float32)
    index[30:130, 90:230] += 0.06
    mottled = np.zeros(SIZE, dtype=bool)
    mottled[30:130, 90:230] = True
    assert not kept(mottled, index, 0.3, dots).any()
    dots[30:130, 90:230] += 0.12
    assert kept(mottled, index, 0.3, dots).any()


def test_noise_that_is_joined_to_a_net_lends_it_no_reach() -> None:
    index, near, far = stripes(20, 300, 0.08), slice(20, 130), slice(220, 300)
    darkness = np.asarray(index / 0.33, dtype=np.float32)
    darkness[:, 130:] = texture(0.01)[:, 130:]
    found = kept(index > 0.04, index, 0.33, darkness)
    assert np.array_equal(found[:, near], index[:, near] > 0.04)
    assert not found[:, far].any()


def test_a_stretch_without_unmottled_skin_around_it_is_kept() -> None:
    index = np.zeros(SIZE, dtype=np.float32)
    index[:, 40:280] = 0.08
    assert np.array_equal(kept(index > 0, index, 0.33), index > 0)


def test_a_redness_that_fades_is_not() -> None:
    index = bump(55.0, 0.12)
    assert not kept(index > 0.05, index, 0.4).any()


def test_a_redness_that_fades_with_a_vein_across_it_is_not() -> None:
    index = bump(55.0, 0.12)
    index[78:83] += 0.04
    assert not kept(index > 0.05, index, 0.4).any()


def test_skin_that_is_merely_uneven_is_not() -> None:
    index = stripes(60, 160, 0.012)
    assert not kept(index > 0.006, index, 0.33).any()


def test_what_is_weak_beside_what_is_strong_is_not_joined_to_it() -> None:
    index = np.zeros(SIZE, dtype=np.float32)
    index[60:100, 60:100] = 0.16
    index[60:100, 105:160] = 0.03
    found = kept(index > 0, index, 0.33)
    assert found[62:98, 62:98].all()
    assert not found[:, 105:160].any()
    index[:, :105] = 0
    assert kept(index > 0, index, 0.33)[62:98, 107:158].all()


def test_the_less_sure_the_index_the_more_is_asked_of_a_patch() -> None:
    index = np.zeros(SIZE, dtype=np.float32)
    index[60:100, 60:100] = 0.03
    blood = Blood(index, np.zeros(SIZE, dtype=np.float32), index / np.float32(0.8), index)
    sure, unsure = (
        proven(index > 0, signs_of(replace(blood, noise=noise), Excess(index, 0.008), SKIN, PLACE), PLACE)
        for noise in (0.004, 0.02)
    )
    assert sure.any()
    assert not unsure.any()


def test_a_region_says_which_signs_it_has_not() -> None:
    index = bump(55.0, 0.12)
    blood = Blood(index, np.zeros(SIZE, dtype=np.float32), index, index)
    assert "steep" in signature(index > 0.05, signs_of(blood, Excess(index, 0.008), SKIN, PLACE), PLACE).missing


def test_each_region_is_judged_by_itself() -> None:
    x = np.arange(SIZE[1], dtype=np.float32)[None, :]
    index = np.asarray(stripes(20, 80, 0.08) + 0.1 * np.exp(-(((x - 240) / 50) ** 2)), dtype=np.float32)
    found = kept(index > 0.05, index, 0.33)
    assert found[:, 20:80].any()
    assert not found[:, 215:265].any()


def test_nothing_mottled_stays_nothing() -> None:
    index = np.zeros(SIZE, dtype=np.float32)
    assert not kept(index > 1, index, 0.3).any()
