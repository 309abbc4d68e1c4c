"""How far the skin has shifted, and what must not look like a shift."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from vision_bench import shifted, textured
from vision_frames_bench import grey, linear_of_bgr, to_bayer

from vision.frames import Bayer
from vision.grid import GridSampler
from vision.motion import ShiftSensor

Picture = NDArray[np.uint8]
SHIFTS = ((0.0, 0.0), (0.3, -0.2), (1.5, 0.7), (-2.4, 3.1), (6.0, -4.0))


def _seen(first: Picture, later: Picture) -> tuple[float, float, float]:
    sensor = ShiftSensor(first.shape[1], first.shape[0])
    x, y, likeness = sensor.shift_px(grey(first))
    assert (x, y) == pytest.approx((0.0, 0.0), abs=1e-6)
    assert likeness == pytest.approx(1.0, abs=1e-6)
    return sensor.shift_px(grey(later))


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
    assert (x, y) == pytest.approx(shift, abs=0.25)
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
    """What chance alone gives: far below the likeness of the same skin, so that a limit between them has room."""
    for width, height in ((160, 120), (320, 240)):
        for seed in range(4):
            assert _seen(textured(width, height, 6), textured(width, height, 50 + seed))[2] < 0.2


def test_a_picture_without_texture_gives_finite_numbers() -> None:
    plain = np.full((120, 160, 3), 128, np.uint8)
    sensor = ShiftSensor(160, 120)
    for picture in (plain, np.zeros_like(plain), textured(160, 120, 8)):
        assert np.isfinite(sensor.shift_px(grey(picture))).all()


def test_the_picture_is_left_alone() -> None:
    picture = grey(textured(160, 120, 9))
    kept = picture.copy()
    ShiftSensor(160, 120).shift_px(picture)
    assert np.array_equal(picture, kept)


def _window(field: Picture, width: int, height: int, x_px: float, y_px: float) -> NDArray[np.float64]:
    """A camera's view of a larger field that has moved: what comes in at an edge is new, as it is on skin."""
    matrix = np.array([[1.0, 0.0, x_px - 20.0], [0.0, 1.0, y_px - 20.0]])
    return np.asarray(cv2.warpAffine(field, matrix, (width, height), flags=cv2.INTER_CUBIC), dtype=np.float64)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(160, 160), (320, 240)])
@pytest.mark.parametrize(
    ("contrast", "depth", "gain"),
    [(40.0, 0.0, 1.0), (40.0, 0.3, 1.0), (40.0, 0.0, 0.9), (12.0, 0.3, 0.9)],
    ids=["at rest", "blanching", "light x 0.9", "faint, blanching, light x 0.9"],
)
def test_shifts_of_three_pixels_are_right_to_a_seventh(
    width: int, height: int, contrast: float, depth: float, gain: float
) -> None:
    errors, likenesses = [], []
    for seed in range(3):
        chance = np.random.default_rng(seed)
        field = textured(width + 40, height + 40, 20 + seed, contrast)
        sensor = ShiftSensor(width, height)
        start = _window(field, width, height, 0, 0).astype(np.uint8)
        sensor.shift_px(grey(_noisy(_blanched(start, depth), 2.0, seed)))
        for index in range(8):
            shift = chance.uniform(-3, 3, 2)
            later = gain * _window(field, width, height, *shift)
            x, y, likeness = sensor.shift_px(grey(_noisy(later.astype(np.uint8), 2.0, 100 * seed + index)))
            errors.append((x - shift[0], y - shift[1]))
            likenesses.append(likeness)
    assert float(np.sqrt(np.mean(np.square(errors)))) < 0.15
    assert min(likenesses) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(160, 120), (320, 240), (640, 480)])
def test_what_has_lost_its_likeness_says_so(width: int, height: int) -> None:
    picture = textured(width, height, 10)
    covered = _noisy(np.full_like(picture, 90), 3.0, 1)
    blurred = _noisy(cv2.GaussianBlur(picture, (0, 0), 12.0 * width / 160).astype(np.uint8), 3.0, 2)
    for later in (covered, blurred, np.zeros_like(picture), np.full_like(picture, 255), textured(width, height, 11)):
        assert _seen(picture, later)[2] < 0.5
    plain = np.full_like(picture, 128)
    sensor = ShiftSensor(width, height)
    assert [sensor.shift_px(grey(later))[2] < 0.5 for later in (plain, plain, picture)] == [True, True, True]


def test_a_sensor_mosaic_is_followed_as_well() -> None:
    layout = Bayer("GRBG", 64, 1023)
    field = textured(360, 280, 12)
    sampler = GridSampler(320, 240, layout=layout)
    shifts = [(0.0, 0.0), *np.random.default_rng(1).uniform(-3, 3, (6, 2)).tolist()]
    for index, (x, y) in enumerate(shifts):
        view = _noisy(_window(field, 320, 240, x, y).astype(np.uint8), 2.0, index)
        sampler.add(to_bayer(linear_of_bgr(view), layout), 0.04 * index)
    recording = sampler.finish()
    assert float(np.sqrt(np.mean(np.square(recording.shift_px - np.array(shifts))))) < 0.15
    assert recording.sharpness.min() > 0.5
