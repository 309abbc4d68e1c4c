"""What stands out is mottling only where it is drawn, and drawn in blood."""

import numpy as np

from vision.mottling.blood import Blood
from vision.mottling.levels import Landmarks
from vision.mottling.place import placed
from vision.mottling.proof import LEAST_SLOPE, proven
from vision.mottling.strength import Excess

SIZE = (160, 320)
PLACE = placed(Landmarks((60.0, 80.0), (85.0, 80.0), (300.0, 80.0)), SIZE, 1.0)
SKIN = np.ones(SIZE, dtype=bool)


def stripes(left: int, right: int, height: float) -> np.ndarray:
    """Index of lines 12 mm apart between two columns, 0 elsewhere."""
    index = np.zeros(SIZE, dtype=np.float32)
    columns = np.arange(left, right)
    index[:, left:right] = height * (0.5 + 0.5 * np.sin(2 * np.pi * columns / 12))
    return index


def blood(index: np.ndarray, slope: float) -> Blood:
    return Blood(index, np.full(SIZE, slope, dtype=np.float32), index / max(slope, 0.01))


def test_a_net_in_blood_is_kept() -> None:
    index = stripes(60, 160, 0.08)
    mottled = index > 0.04
    assert np.array_equal(proven(mottled, blood(index, 0.33), Excess(index, 0.008), SKIN, PLACE), mottled)


def test_the_same_drawing_in_melanin_or_ink_is_not() -> None:
    index = stripes(60, 160, 0.08)
    mottled = index > 0.04
    assert not proven(mottled, blood(index, 0.5 * LEAST_SLOPE), Excess(index, 0.008), SKIN, PLACE).any()


def test_a_redness_that_fades_is_not() -> None:
    x = np.arange(SIZE[1], dtype=np.float32)[None, :]
    index = np.asarray(0.1 * np.exp(-(((x - 110) / 50) ** 2)) * np.ones(SIZE, np.float32), dtype=np.float32)
    mottled = index > 0.05
    assert mottled.any()
    assert not proven(mottled, blood(index, 0.4), Excess(index, 0.008), SKIN, PLACE).any()


def test_each_region_is_judged_by_itself() -> None:
    index = stripes(40, 100, 0.08)
    x = np.arange(SIZE[1], dtype=np.float32)[None, :]
    index = np.asarray(index + 0.1 * np.exp(-(((x - 240) / 50) ** 2)), dtype=np.float32)
    mottled = index > 0.06
    kept = proven(mottled, blood(index, 0.33), Excess(index, 0.008), SKIN, PLACE)
    assert kept[:, 40:100].any()
    assert not kept[:, 215:265].any()


def test_nothing_mottled_stays_nothing() -> None:
    index = np.zeros(SIZE, dtype=np.float32)
    assert not proven(index > 1, blood(index, 0.3), Excess(index, 0.008), SKIN, PLACE).any()
