"""A wide blur of part of a picture, done on a smaller copy, is nearly what it is on the picture itself."""

import cv2
import numpy as np
import pytest

from vision.mottling.blood import masked_blur


@pytest.mark.parametrize("sigma_px", [1.0, 9.0, 20.0])
def test_a_blur_is_the_mean_of_the_mask_alone_by_a_gaussian(sigma_px: float) -> None:
    rng = np.random.default_rng(1)
    values = cv2.GaussianBlur(rng.standard_normal((150, 210)).astype(np.float32), (0, 0), 4.0)
    mask = np.ones(values.shape, dtype=bool)
    mask[:, 120:] = False
    weight = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), sigma_px)
    total = cv2.GaussianBlur(np.where(mask, values, 0).astype(np.float32), (0, 0), sigma_px)
    slow = total / np.maximum(weight, 1e-9)
    found = masked_blur(np.asarray(values), mask, sigma_px)
    assert np.abs(found - slow)[mask].mean() < 0.02 * np.std(values)
