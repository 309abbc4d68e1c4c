"""The renderer "other cameras": each step does what it says, and the same number is the same photo."""

from dataclasses import replace

import numpy as np
import pytest

from phantom.leg.drawn_at_random import spec_of
from phantom.leg.other_cameras import camera_of, draw
from phantom.leg.other_pigments import Bands, Pigments, colour_table
from phantom.leg.processing import LUMA, Processing, colour_matrix, colours_of, developed, raw_of
from phantom.leg.skin import BLOOD_NODES, SATURATIONS
from vision.tone import srgb_to_linear

BANDS = Bands()
PLAIN = Processing(matrix=0.0, jpeg=100)


def test_the_same_number_is_the_same_photo_and_another_is_another() -> None:
    first, again, other = (draw(spec_of(number, "other_cameras"), (240, 180))[0] for number in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == (180, 240, 3)


def test_the_leg_is_that_of_the_optics_renderer() -> None:
    optics, other = (spec_of(11, name) for name in ("optics", "other_cameras"))
    assert replace(optics, renderer="other_cameras") == other


def test_cameras_differ_from_leg_to_leg_and_stay_in_their_ranges() -> None:
    drawn = [camera_of(spec_of(number, "other_cameras")) for number in range(40)]
    assert len({camera.bands for camera in drawn}) == 40
    assert all(0.2 <= camera.mottled_saturation <= 0.6 for camera in drawn)
    assert all(60 <= camera.processing.jpeg <= 95 for camera in drawn)


@pytest.mark.parametrize("peaks_nm", [(592.0, 524.0, 452.0), (610.0, 540.0, 468.0)])
def test_the_colour_matrix_leaves_grey_alone_and_saturates_the_rest(peaks_nm: tuple[float, float, float]) -> None:
    matrix = colour_matrix(replace(BANDS, peaks_nm=peaks_nm, cross_talk=0.1))
    assert matrix.sum(axis=1) == pytest.approx(1.0)
    assert (np.diag(matrix) > 1.2).all()
    srgb = np.full((2, 2, 3), 0.3, np.float32) * np.array([1.2, 1.0, 0.8], np.float32)
    back = colours_of(raw_of(srgb, BANDS), BANDS, Processing(matrix=1.0))
    assert back == pytest.approx(srgb, abs=1e-5)


def test_less_saturation_draws_colours_towards_their_brightness() -> None:
    colour = np.array([[[0.4, 0.2, 0.1]]], np.float32)
    grey = colours_of(colour, BANDS, replace(PLAIN, saturation=0.0))
    assert grey == pytest.approx(np.full((1, 1, 3), float(colour[0, 0] @ LUMA)), abs=1e-6)


@pytest.mark.parametrize(("slope", "steeper"), [(3.1, False), (4.0, True)])
def test_steeper_melanin_takes_more_blue_for_as_much_green(slope: float, steeper: bool) -> None:
    def added(of_slope: float) -> np.ndarray:
        skin = Pigments(0.2, of_slope, 0.0)
        less, more = (colour_table(skin, share, BANDS, 4500.0)[20, 5] for share in (1.0, 1.1))
        step = less - more
        return np.asarray(step / step[1])

    assert bool(added(slope)[2] > added(3.48)[2]) is steeper


def test_yellow_skin_returns_less_blue_and_as_much_red() -> None:
    plain, yellow = (colour_table(Pigments(0.05, 3.48, per_cm), 1.0, BANDS, 4500.0) for per_cm in (0.0, 2.5))
    assert plain.shape == (len(BLOOD_NODES), len(SATURATIONS), 3)
    leg = plain[20, 6] - yellow[20, 6]
    assert leg[2] > 0.1
    assert 0.0 <= leg[0] < 0.01


def test_a_photo_that_nothing_is_done_to_is_the_light() -> None:
    light = np.full((64, 96, 3), 0.2, np.float32)
    photo = developed(light, PLAIN, 96)
    assert srgb_to_linear(photo.astype(np.float64)) == pytest.approx(0.2, abs=0.004)


@pytest.mark.parametrize("change", [{"lift": 0.2}, {"contrast": 0.4}])
def test_the_tone_curve_rises_and_keeps_black_and_white(change: dict[str, float]) -> None:
    ramp = np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[None, :, None] ** 2, 32, axis=0).repeat(3, axis=2)
    row = developed(ramp, replace(PLAIN, **change), 256)[16, :, 1].astype(int)  # type: ignore[arg-type] # the changes differ in type
    assert (np.diff(row) >= -1).all()
    assert row[0] <= 2
    assert row[-1] >= 253


def test_denoising_leaves_less_grain_and_in_wider_blotches() -> None:
    rng = np.random.default_rng(1)
    noisy = np.asarray(0.05 + 0.004 * rng.standard_normal((120, 120, 3)), np.float32)
    rough, smooth = (
        developed(noisy, replace(PLAIN, denoise_px=size, denoise_luma=size / 50), 120).astype(float)
        for size in (0.0, 2.5)
    )
    blue, softer = rough[..., 0] - rough[..., 1], smooth[..., 0] - smooth[..., 1]
    assert softer.std() < 0.7 * blue.std()
    beside, before = (np.corrcoef(part[:, :-2].ravel(), part[:, 2:].ravel())[0, 1] for part in (softer, blue))
    assert beside > before + 0.04
