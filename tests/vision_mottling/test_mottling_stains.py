"""What lies on skin is not mottling: iodine, dirt, dried blood and dressings on the thigh or over the knee."""

import numpy as np
import pytest
from leg_bench import Leg, draw, frame_of, smooth_noise
from numpy.typing import NDArray

from vision.mottling.assess import assess
from vision.mottling.levels import Landmarks
from vision.mottling.reasons import Reason
from vision.tone import linear_to_srgb, srgb_to_linear

pytestmark = pytest.mark.slow

Photo = NDArray[np.uint8]
Colour = tuple[float, float, float]

LEG = Leg(height_px=1000, width_px=460, knee_at=(0.5, 0.62), noise=0.005, seed=3)
STAINS: dict[str, Colour] = {"iodine": (0.12, 0.5, 1.25), "dirt": (0.35, 0.42, 0.5), "dried blood": (0.35, 1.1, 0.9)}
"""Optical density in R, G, B that they add."""
DRESSINGS: dict[str, Colour] = {"white": (0.5, 0.5, 0.49), "beige": (0.5, 0.42, 0.32)}
"""Linear R, G, B."""


def _away(leg: Leg, at_mm: float) -> NDArray[np.float64]:
    """How far each pixel is from a place on the leg, in units of some 4 cm, with an uneven border; (h, w)."""
    frame = frame_of(leg)
    away = np.hypot((frame.along_mm - at_mm) / 45.0, 60.0 * frame.across / 40.0)
    return np.where(frame.leg, away + 0.25 * smooth_noise(away.shape, 8.0, 5), np.inf)


def _encoded(linear: NDArray[np.float64]) -> Photo:
    return np.ascontiguousarray(np.round(linear_to_srgb(linear)).astype(np.uint8)[..., ::-1])


def smeared(leg: Leg, density: Colour, at_mm: float) -> tuple[Photo, Landmarks]:
    """The leg with a streaky smear."""
    photo, marks = draw(leg)
    linear = srgb_to_linear(photo[..., ::-1].astype(np.float64))
    cover = 1.0 / (1.0 + np.exp(np.minimum((_away(leg, at_mm) - 1.0) / 0.05, 50.0)))
    streaks = 0.7 + 0.3 * (smooth_noise(cover.shape, 3.0, 6) > -0.3)
    return _encoded(linear * np.exp(-(cover * streaks)[..., None] * np.array(density))), marks


def dressed(leg: Leg, colour: Colour, at_mm: float) -> tuple[Photo, Landmarks]:
    """The leg with a square dressing."""
    photo, marks = draw(leg)
    frame = frame_of(leg)
    linear = srgb_to_linear(photo[..., ::-1].astype(np.float64))
    square = frame.leg & (np.abs(frame.along_mm - at_mm) < 45.0) & (np.abs(60.0 * frame.across) < 40.0)
    weave = 1.0 + 0.05 * smooth_noise(square.shape, 4.0, 7)[..., None]
    return _encoded(np.where(square[..., None], np.array(colour) * weave, linear)), marks


@pytest.mark.parametrize("tone", ["II", "V"])
@pytest.mark.parametrize("stain", STAINS)
def test_a_smear_on_the_thigh_is_not_scored(stain: str, tone: str) -> None:
    assert assess(*smeared(LEG.with_(tone=tone), STAINS[stain], 150.0), 1.0).score == 0


@pytest.mark.parametrize("stain", STAINS)
def test_a_smear_over_the_knee_is_not_scored_above_nought(stain: str) -> None:
    assert assess(*smeared(LEG, STAINS[stain], 5.0), 1.0).score in (None, 0)


@pytest.mark.parametrize("colour", DRESSINGS)
def test_a_dressing_on_the_thigh_is_not_scored_and_over_the_knee_covers_the_leg(colour: str) -> None:
    assert assess(*dressed(LEG, DRESSINGS[colour], 150.0), 1.0).score == 0
    assert assess(*dressed(LEG, DRESSINGS[colour], 5.0), 1.0).reason == Reason.LEG_COVERED
