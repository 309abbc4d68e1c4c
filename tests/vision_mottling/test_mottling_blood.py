"""The blood index follows blood where melanin draws more than blood does, and keeps noise out."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vision.mottling.blood import blood_of, noise_of
from vision.mottling.levels import Landmarks
from vision.mottling.place import placed

Floats = NDArray[np.float32]

SIZE = (160, 320)
PLACE = placed(Landmarks((60.0, 80.0), (85.0, 80.0), (300.0, 80.0)), SIZE, 1.0)
SKIN = np.ones(SIZE, dtype=bool)
DARK_SKIN = np.array([1.6, 2.8, 3.9], dtype=np.float32)
"""Optical density in R, G, B."""
MELANIN = np.array([0.67, 1.0, 1.55], dtype=np.float32)
VEIN = np.array([0.60, 1.0, 0.92], dtype=np.float32)
INDEX_OF_VEIN = -0.60 + 1.6 - 0.6 * 0.92


def dots(scale_mm: float, seed: int) -> Floats:
    """Noise of spread 1 that changes over `scale_mm`."""
    noise = np.random.default_rng(seed).standard_normal(SIZE).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), scale_mm) if scale_mm else noise
    return np.asarray((smooth - smooth.mean()) / smooth.std(), dtype=np.float32)


def patches() -> NDArray[np.bool_]:
    """Where there is more blood: half of the skin."""
    return np.asarray(dots(9.0, 4) > 0.0)


def light(blood: Floats, melanin: float, noise: float) -> Floats:
    """Linear light of dark skin with melanin in dots of 6 mm, and a camera's noise as a share of the light."""
    density = DARK_SKIN + melanin * dots(6.0, 1)[..., None] * MELANIN + blood[..., None] * VEIN
    grain = np.random.default_rng(2).standard_normal(density.shape)
    return np.asarray(np.exp(-density) * (1 + noise * grain), dtype=np.float32)


@pytest.mark.parametrize("melanin", [0.0, 0.1, 0.2])
@pytest.mark.parametrize("noise", [0.0, 0.04])
def test_the_index_of_faint_mottling_is_found_under_melanin_s_own_texture(melanin: float, noise: float) -> None:
    where = patches()
    found = blood_of(light(np.asarray(0.15 * where, dtype=np.float32), melanin, noise), SKIN, PLACE).index
    inside, outside = (cv2.erode(part.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0 for part in (where, ~where))
    step = float(np.median(found[inside]) - np.median(found[outside]))
    assert step == pytest.approx(0.15 * INDEX_OF_VEIN, rel=0.25)
    middle = 0.5 * float(np.median(found[inside]) + np.median(found[outside]))
    assert float((found[inside] > middle).mean()) > 0.95
    assert float((found[outside] < middle).mean()) > 0.95


@pytest.mark.parametrize("noise", [0.03, 0.06])
def test_noise_stays_below_what_counts_as_mottled(noise: float) -> None:
    found = blood_of(light(np.zeros(SIZE, dtype=np.float32), 0.1, noise), SKIN, PLACE)
    assert float(found.index.std()) < 0.01
    assert found.noise < 0.01


def test_skin_gets_darker_with_blood_where_a_camera_s_matrix_makes_its_blue_lighter() -> None:
    where = patches()
    density = DARK_SKIN + 0.15 * where[..., None] * np.array([0.5, 1.0, -1.6], dtype=np.float32)
    found = blood_of(np.asarray(np.exp(-density), dtype=np.float32), SKIN, PLACE)
    assert float(np.mean(found.darkness[where]) - np.mean(found.darkness[~where])) > 0.05


@pytest.mark.parametrize("spread", [0.01, 0.05])
def test_white_noise_is_told_as_what_a_blur_of_a_mm_leaves_of_it(spread: float) -> None:
    raw = np.asarray(spread * dots(1.0, 5), dtype=np.float32)
    assert noise_of(raw, SKIN, PLACE) == pytest.approx(spread, rel=0.2)


def test_blocks_of_colour_are_told_as_more_noise_than_fine_noise_of_the_same_spread() -> None:
    small = np.random.default_rng(6).standard_normal((20, 40)).astype(np.float32)
    blocks = np.asarray(0.01 * np.kron(small, np.ones((8, 8), dtype=np.float32)), dtype=np.float32)
    smooth = np.asarray(cv2.GaussianBlur(blocks, (0, 0), 1.0), dtype=np.float32)
    assert noise_of(smooth, SKIN, PLACE) > 1.25 * noise_of(np.asarray(0.01 * dots(1.0, 5)), SKIN, PLACE)


def test_nothing_is_said_of_the_noise_where_there_is_no_skin() -> None:
    assert noise_of(dots(1.0, 5), ~SKIN, PLACE) == 0.0
