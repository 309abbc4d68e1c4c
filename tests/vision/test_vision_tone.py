"""The tone curve: encoded values to linear light and back."""

import numpy as np
import pytest

from vision.tone import CLIPPED_AT, LINEAR_TABLE, linear_to_srgb, srgb_to_linear


def test_encoded_to_linear_and_back_is_the_same_value() -> None:
    encoded = np.linspace(0.0, 255.0, 5001)
    assert linear_to_srgb(srgb_to_linear(encoded)) == pytest.approx(encoded, abs=0.02)
    linear = np.linspace(0.0, 1.0, 5001)
    assert srgb_to_linear(linear_to_srgb(linear)) == pytest.approx(linear, abs=1e-6)


def test_the_curve_rises_everywhere_and_has_no_step_at_its_knee() -> None:
    linear = srgb_to_linear(np.linspace(0.0, 255.0, 100_001))
    assert (np.diff(linear) > 0).all()
    assert np.diff(linear).max() < 3e-5
    assert (np.diff(LINEAR_TABLE) > 0).all()


@pytest.mark.parametrize(("encoded", "linear"), [(0.0, 0.0), (255.0, 1.0), (127.5, 0.2140), (188.0, 0.5029)])
def test_published_points_of_srgb(encoded: float, linear: float) -> None:
    assert float(srgb_to_linear(np.array(encoded))) == pytest.approx(linear, abs=2e-4)


def test_values_outside_the_range_are_clipped() -> None:
    assert srgb_to_linear(np.array([-5.0, 300.0])).tolist() == [0.0, 1.0]
    assert linear_to_srgb(np.array([-0.1, 1.7])) == pytest.approx([0.0, 255.0])


def test_the_table_is_the_curve_at_every_8_bit_value() -> None:
    assert LINEAR_TABLE.shape == (256,)
    assert pytest.approx(srgb_to_linear(np.arange(256.0)), abs=1e-7) == LINEAR_TABLE
    assert 250 <= CLIPPED_AT <= 255


def test_the_input_is_left_alone() -> None:
    encoded = np.array([[-5.0, 10.0], [300.0, 255.0]])
    kept = encoded.copy()
    srgb_to_linear(encoded)
    linear_to_srgb(encoded)
    assert np.array_equal(encoded, kept)
