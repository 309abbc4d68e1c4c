"""The camera: tone curve, noise and rounding."""

import numpy as np
import pytest

from phantom.camera import Sensor, srgb_decode, srgb_encode


def _expose(sensor: Sensor, level: float, seed: int = 1) -> np.ndarray:
    linear = np.full((200, 300, 3), level, np.float32)
    return sensor.expose(linear, np.random.default_rng(seed), np.empty_like(linear))


def test_the_tone_curve_is_undone_by_its_inverse() -> None:
    linear = np.linspace(0, 1, 1001)
    assert srgb_decode(srgb_encode(linear)) == pytest.approx(linear, abs=1e-12)
    assert srgb_encode(np.array([0.2140])) * 255 == pytest.approx(127.5, abs=0.1)


@pytest.mark.parametrize("level", [0.02, 0.1, 0.45, 0.8])
@pytest.mark.parametrize("gain", [1.0, 5.0])
def test_pixels_have_the_mean_of_the_light_and_the_noise_of_the_sensor(level: float, gain: float) -> None:
    sensor = Sensor(gain, 1.0)
    pixels = srgb_decode(_expose(sensor, level) / 255.0)
    assert pixels.mean() == pytest.approx(level, rel=2e-3)
    step = float(srgb_decode(srgb_encode(np.array(level)) + 1 / 255)) - level
    expected = np.hypot(float(sensor.sigma_linear(np.array(level))), step / np.sqrt(12))
    assert pixels.std() == pytest.approx(expected, rel=0.03)


def test_noise_grows_with_gain_and_falls_with_less_noise() -> None:
    level = np.array(0.4)
    assert Sensor(4.0, 1.0).sigma_linear(level) > 1.8 * Sensor(1.0, 1.0).sigma_linear(level)
    assert Sensor(1.0, 0.5).sigma_linear(level) == pytest.approx(0.5 * Sensor(1.0, 1.0).sigma_linear(level), rel=1e-6)


def test_without_noise_every_pixel_is_the_rounded_level() -> None:
    pixels = _expose(Sensor(1.0, 0.0), 0.3)
    assert np.unique(pixels).tolist() == [round(255 * float(srgb_encode(np.array(0.3))))]


def test_what_is_too_bright_is_white() -> None:
    assert np.all(_expose(Sensor(1.0, 1.0), 3.0) == 255)
