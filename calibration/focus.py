"""Focus: how sharp the scale card's slanted edges are (ISO 12233:2017: edge-based spatial frequency response)."""

import math
from typing import Final

import cv2
import numpy as np

from calibration.camera_frames import Floats, TargetError, black_of, curve, guarded, lock_of, mean_of, outcome, take
from calibration.camera_target import BLOCK_SIDE_MM, BLOCK_TURN_DEG, block
from calibration.rig import Target
from calibration.scale import Place
from calibration.step import COVERAGE_FACTOR, Bench, Step, Words
from contract.certificate import Figure, StepName, StepOutcome

FRAMES: Final = 8
LEAST_MTF50_PER_MM: Final = 1.2
"""Cycles per mm. Half of the contrast at 0.8 mm keeps the blanched area's edge,
a millimetre wide, out of its middle."""
REACH_MM: Final = 1.3
ALONG: Final = 0.5
"""Of an edge's length that is used: corners are round."""
BINS_PER_PX: Final = 4


def focus(bench: Bench) -> StepOutcome:
    """Measure the four edges of the block, each by itself; their spread is the uncertainty."""
    light = mean_of(take(bench, FRAMES, lock_of(bench)))[:, :, 1] - black_of(bench)
    place = find_block(light)
    profiles = [edge_profile(light, place, number) for number in range(4)]
    responses = [response(profile) for profile in profiles]
    mtf50 = np.array([frequency_at_half(*pair) for pair in responses])
    mean, u = float(mtf50.mean()), float(np.std(mtf50, ddof=1) / math.sqrt(len(mtf50)))
    u = COVERAGE_FACTOR * math.hypot(u, 0.03 * mean)
    frequency, contrast = responses[0][0], np.mean([pair[1][: len(responses[0][1])] for pair in responses], axis=0)
    return outcome(
        StepName.FOCUS,
        [
            Figure(
                name="mtf50-per-mm",
                value=mean * place.px_per_mm,
                unit="1/mm",
                uncertainty=u * place.px_per_mm,
                at_least=LEAST_MTF50_PER_MM,
            ),
            Figure(name="mtf50-per-px", value=mean, unit="1/px", uncertainty=u),
            Figure(
                name="blur-px",
                value=GAUSSIAN_MTF50 / mean,
                unit="px",
                uncertainty=GAUSSIAN_MTF50 / mean * u / mean,
            ),
        ],
        [curve("mtf", frequency, contrast, "cycles per px", "contrast")],
    )


GAUSSIAN_MTF50: Final = math.sqrt(math.log(2.0) / 2.0) / math.pi
"""Standard deviation of a Gaussian blur times the frequency at which it leaves half of the contrast."""


def find_block(light: Floats) -> Place:
    """Return where the block is in linear green, shape (height, width); `TargetError` where there is none.

    The dots are not asked for: out of focus they are gone, and that is when this step has to tell how much.
    """
    white = float(np.percentile(light, 75))
    height, width = light.shape
    if white < 0.05:
        raise TargetError("It is too dark for the scale card: lay it under the plate and see that the light is on.")
    mask = (light < 0.5 * white).astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if outlines:
        outline = np.asarray(max(outlines, key=cv2.contourArea), dtype=np.int32)
        (x, y), (one, other), turn = cv2.minAreaRect(outline)
        side = 0.5 * (one + other) + 1.0
        left, top, wide, high = cv2.boundingRect(outline)
        inside = left > 0 and top > 0 and left + wide < width and top + high < height
        square = min(one, other) > 16 and 0.85 < one / other < 1.18 and cv2.contourArea(outline) > 0.8 * one * other
        if inside and square and light[round(y), round(x)] < 0.2 * white:
            return Place(side / BLOCK_SIDE_MM, turn - BLOCK_TURN_DEG, (float(x), float(y)), 0.0)
    raise TargetError("The scale card's black square is not seen: lay the card flat under the plate, in its middle.")


def edge_profile(light: Floats, place: Place, number: int) -> Floats:
    """Return the profile across one edge of the block, dark to light, in bins of 1/4 px; shape (n,).

    The edge's line is fitted to where each row or column crosses half, as the standard does.
    """
    corners = place.px(block())
    start, end = corners[number], corners[(number + 1) % 4]
    along = (end - start) / np.linalg.norm(end - start)
    outwards = np.array([along[1], -along[0]])
    length, reach = float(np.linalg.norm(end - start)), REACH_MM * place.px_per_mm
    y, x = np.mgrid[0 : light.shape[0], 0 : light.shape[1]].astype(float)
    far, beside = (
        (x - start[0]) * outwards[0] + (y - start[1]) * outwards[1],
        (x - start[0]) * along[0] + (y - start[1]) * along[1],
    )
    inside = (np.abs(far) <= reach) & (np.abs(beside - 0.5 * length) <= 0.5 * ALONG * length)
    far, beside, level = far[inside], beside[inside] - 0.5 * length, light[inside]
    for _ in range(2):
        far = far - _line(far, beside, level)
    bins = np.floor((far + reach) * BINS_PER_PX).astype(int)
    good = (bins >= BINS_PER_PX) & (bins < (2 * math.floor(reach) - 1) * BINS_PER_PX)
    count = np.bincount(bins[good])
    total = np.bincount(bins[good], level[good])
    filled = np.flatnonzero(count)
    if len(filled) < 8 * BINS_PER_PX // 2:
        raise TargetError("The scale card's edges are too small in the picture to measure focus.")
    return np.interp(np.arange(filled[0], filled[-1] + 1), filled, total[filled] / count[filled])


def _line(far: Floats, beside: Floats, level: Floats) -> Floats:
    """Return where the edge is, over `beside`: of each strip of 1 px the place up to which it is dark, then a line."""
    low, high = np.percentile(level, (5, 95))
    strips = np.floor(beside).astype(int)
    places = []
    for strip in np.unique(strips):
        own = strips == strip
        order = np.argsort(far[own])
        distance, share = far[own][order], np.clip((level[own][order] - low) / (high - low), 0.0, 1.0)
        if len(distance) > 5:
            # Half of the dark and half of the light beside it: the area under the edge says where it is.
            places.append((strip + 0.5, distance[-1] - float(np.trapezoid(share, distance))))
    if len(places) < 5:
        raise TargetError("The scale card's edges are too small in the picture to measure focus.")
    at, edge = np.array(places).T
    return np.asarray(np.polyval(np.polyfit(at, edge, 1), beside), dtype=float)


def response(profile: Floats) -> tuple[Floats, Floats]:
    """Return frequencies, cycles per px, and contrast, 1 at 0: the transform of the edge's derivative.

    A window, flat but for its ends, lessens the noise far from the edge without sharpening a wide one; what differences
    and bins take away is put back.
    """
    spread = np.diff(profile)
    peak = int(np.argmax(np.convolve(np.abs(spread), np.ones(5), mode="same")))
    half = min(peak, len(spread) - 1 - peak)
    spread = spread[peak - half : peak + half + 1] * _window(2 * half + 1)
    contrast = np.abs(np.fft.rfft(spread, 512))
    frequency = np.fft.rfftfreq(512, 1.0 / BINS_PER_PX)
    kept = frequency <= 1.0
    frequency, contrast = frequency[kept], contrast[kept] / contrast[0]
    lost = np.sinc(frequency / BINS_PER_PX) ** 2
    return np.asarray(frequency, dtype=float), np.asarray(contrast / lost, dtype=float)


def _window(count: int) -> Floats:
    """A cosine over a sixth of the length at either end (Tukey)."""
    ends = np.minimum(np.arange(count), np.arange(count)[::-1]) / max(count / 6.0, 1.0)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip(ends, 0.0, 1.0)))


def frequency_at_half(frequency: Floats, contrast: Floats) -> float:
    """Return the first frequency at which the contrast falls to a half; raises `TargetError` where it does not."""
    below = np.flatnonzero(contrast < 0.5)
    if len(below) == 0 or below[0] == 0:
        raise TargetError("The scale card's edges are too noisy to measure focus.")
    last = below[0] - 1
    share = (contrast[last] - 0.5) / (contrast[last] - contrast[last + 1])
    return float(frequency[last] + share * (frequency[last + 1] - frequency[last]))


STEPS: Final[tuple[Step, ...]] = (
    Step(
        StepName.FOCUS,
        Target.SCALE_CARD,
        Words("Focus", "Netteté"),
        Words("Leave the scale card under the plate.", "Laissez la mire d'échelle sous la plaque."),
        guarded(StepName.FOCUS, focus),
    ),
)
