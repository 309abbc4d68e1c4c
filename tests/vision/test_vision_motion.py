"""How far the skin has shifted, and what must not look like a shift."""

import numpy as np
import pytest
from numpy.typing import NDArray
from vision_bench import shifted, textured

from vision.motion import ShiftSensor

Picture = NDArray[np.uint8]
SHIFTS = ((0.0, 0.0), (0.3, -0.2), (1.5, 0.7), (-2.4, 3.1), (6.0, -4.0))


def _seen(first: Picture, later: Picture) -> tuple[float, float, float]:
    sensor = ShiftSensor(first.shape[1], first.shape[0])
    x, y, likeness = sensor.shift_px(first)
    assert (x, y) == pytest.approx((0.0, 0.0), abs=1e-6)
    assert likeness == pytest.approx(1.0, abs=1e-6)
    return sensor.shift_px(later)


def _blanched(picture: Picture, depth: float) -> Picture:
    """The picture with green and blue lifted in a soft disc, as where the skin was pressed."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width]
    disc = np.exp(-((((x - width / 2) ** 2 + (y - height / 2) ** 2) / (0.28 * height) ** 2) ** 2))[..., None]
    lifted = picture * (1 + depth * disc * np.array([0.9, 1.0, 0.15]))
    return np.clip(np.rint(lifted), 0, 255).astype(np.uint8)


def _noisy(picture: Picture, sd: float, seed: int) -> Picture:
    noise = np.random.default_rng(seed).normal(0.0, sd, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize(("width", "height"), [(160, 120), (96, 72), (131, 94), (320, 240)])
def test_a_shift_is_seen_to_a_part_of_a_pixel(shift: tuple[float, float], width: int, height: int) -> None:
    picture = textured(width, height, 1)
    x, y, likeness = _seen(picture, shifted(picture, *shift))
    coarse = max(1.0, width / 96)
    assert (x, y) == pytest.approx(shift, abs=0.25 * coarse)
    assert likeness > 0.5


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_blanch_itself_is_no_motion(shift: tuple[float, float]) -> None:
    picture = textured(160, 120, 2)
    x, y, likeness = _seen(_blanched(picture, 0.3), shifted(picture, *shift))
    assert (x, y) == pytest.approx(shift, abs=0.5)
    assert likeness > 0.5


@pytest.mark.parametrize("gain", [0.6, 0.9, 1.2])
def test_a_change_of_light_is_no_motion(gain: float) -> None:
    picture = textured(160, 120, 3)
    dimmed = np.clip(np.rint(gain * picture.astype(np.float64)), 0, 255).astype(np.uint8)
    x, y, likeness = _seen(picture, dimmed)
    assert (x, y) == pytest.approx((0.0, 0.0), abs=0.2)
    assert likeness > 0.8


@pytest.mark.parametrize("shift", SHIFTS)
def test_noise_moves_the_answer_little(shift: tuple[float, float]) -> None:
    picture = textured(160, 120, 4)
    errors = []
    for seed in range(8):
        x, y, _ = _seen(_noisy(picture, 4.0, seed), _noisy(shifted(picture, *shift), 4.0, 100 + seed))
        errors.append((x - shift[0], y - shift[1]))
    assert float(np.sqrt(np.mean(np.square(errors)))) < 0.5


def test_faint_texture_under_a_blanch_and_noise_still_follows_the_skin() -> None:
    picture = textured(160, 120, 5, contrast=12.0)
    start = _noisy(_blanched(picture, 0.3), 1.5, 1)
    for index, shift in enumerate(SHIFTS[:4]):
        x, y, _ = _seen(start, _noisy(shifted(picture, *shift), 1.5, 10 + index))
        assert (x, y) == pytest.approx(shift, abs=1.0)


def test_another_picture_is_not_alike() -> None:
    _, _, likeness = _seen(textured(160, 120, 6), textured(160, 120, 7))
    assert likeness < 0.5


def test_a_picture_without_texture_gives_finite_numbers() -> None:
    plain = np.full((120, 160, 3), 128, np.uint8)
    sensor = ShiftSensor(160, 120)
    for picture in (plain, np.zeros_like(plain), textured(160, 120, 8)):
        assert np.isfinite(sensor.shift_px(picture)).all()


def test_the_picture_is_left_alone() -> None:
    picture = textured(160, 120, 9)
    kept = picture.copy()
    ShiftSensor(160, 120).shift_px(picture)
    assert np.array_equal(picture, kept)
