"""What every camera step shares: frames as linear light, the lock in force, whether white is in place, and outcomes."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.rig import Pictures
from calibration.step import Bench
from contract.certificate import Curve, Figure, StepName, StepOutcome
from firmware_config.camera import CameraLock
from vision.frames import Bayer, Bgr, FrameError, Layout, Pixels, Yuv, check
from vision.tone import LINEAR_TABLE, srgb_to_linear

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

CENTRE: Final = 0.30
"""Share of width and height, in the middle, that lies within the plate however it was mounted."""
UNEVEN_WHITE: Final = 0.12
"""Spread (10th to 90th percentile over the median) in the middle of a white target; vignetting there makes a third."""
DIMMEST_WHITE: Final = 0.15


class TargetError(Exception):
    """A step could not be measured with what is in place; the text is one sentence for the engineer."""


def guarded(step: StepName, measure: Callable[[Bench], StepOutcome]) -> Callable[[Bench], StepOutcome]:
    """Return `measure` as a step's `run`: trouble becomes an outcome, which has not passed."""

    def run(bench: Bench) -> StepOutcome:
        try:
            return measure(bench)
        except TargetError as trouble:
            return StepOutcome(step=step, at=datetime.now(UTC), trouble=str(trouble))

    return run


def outcome(
    step: StepName,
    figures: list[Figure],
    curves: list[Curve] | None = None,
    corrections: dict[str, float | int | tuple[float, ...]] | None = None,
) -> StepOutcome:
    """Return what a step came to, now."""
    return StepOutcome(
        step=step,
        at=datetime.now(UTC),
        figures=tuple(figures),
        curves=tuple(curves or ()),
        corrections=corrections or {},
    )


def curve(name: str, x: NDArray[Any], y: Floats, x_label: str, y_label: str) -> Curve:
    """Return points for a plot, rounded to six digits: a certificate is read by people too."""
    points = [tuple(float(f"{value:.6g}") for value in values) for values in (x, y)]
    return Curve(name=name, x_label=x_label, y_label=y_label, x=points[0], y=points[1])


def light_of(frame: Pixels, layout: Layout) -> Singles:
    """Return linear light, shape (height, width, 3), R, G, B from 0 to 1; of a mosaic half its width and height."""
    if isinstance(layout, Bgr):
        return np.asarray(cv2.LUT(frame, LINEAR_TABLE), dtype=np.float32)[:, :, ::-1]
    if isinstance(layout, Yuv):
        return _light_of_yuv(frame, layout)
    return _light_of_bayer(frame, layout)


def _light_of_yuv(frame: Pixels, layout: Yuv) -> Singles:
    """Chroma is enlarged, luma keeps its size; the inverse of the coding's own weights (ITU-R BT.601, BT.709)."""
    height, width = frame.shape[0] * 2 // 3, frame.shape[1]
    luma = frame[:height].astype(np.float32)
    halves = frame[height:].reshape(2, height // 2, width // 2)
    if layout.planes == "nv12":
        halves = frame[height:].reshape(height // 2, width // 2, 2).transpose(2, 0, 1)
    blue_less, red_less = (cv2.resize(half.astype(np.float32) - 128.0, (width, height)) for half in halves)
    coding = layout.coding
    if not coding.full_range:
        luma = (luma - 16.0) * (255.0 / 219.0)
    span = 255.0 if coding.full_range else 224.0
    red = luma + red_less * (510.0 / span * (1.0 - coding.red_weight))
    blue = luma + blue_less * (510.0 / span * (1.0 - coding.blue_weight))
    green_weight = 1.0 - coding.red_weight - coding.blue_weight
    green = (luma - coding.red_weight * red - coding.blue_weight * blue) / green_weight
    return srgb_to_linear(np.stack([red, green, blue], axis=2)).astype(np.float32)


def _light_of_bayer(frame: Pixels, layout: Bayer) -> Singles:
    """One pixel of every block of 2 x 2, its two greens averaged; nothing is interpolated, so noise stays as it is."""
    level = (frame.astype(np.float32) - layout.black) / float(layout.white - layout.black)
    planes: dict[str, list[Singles]] = {"R": [], "G": [], "B": []}
    for number, colour in enumerate(layout.pattern):
        planes[colour].append(level[number // 2 :: 2, number % 2 :: 2])
    return np.stack([np.mean(planes[colour], axis=0) for colour in "RGB"], axis=2).astype(np.float32)


def lights(pictures: Pictures) -> list[Singles]:
    """Return every frame as linear light; raises `TargetError` where one is not what its layout says, or none came."""
    if not pictures.frames:
        raise TargetError("The camera gave no picture.")
    try:
        for frame in pictures.frames:
            check(frame, pictures.layout, pictures.width, pictures.height)
    except FrameError as error:
        raise TargetError(str(error)) from error
    found = [light_of(frame, pictures.layout) for frame in pictures.frames]
    if isinstance(pictures.layout, Bayer):
        # White balance is not in a mosaic: it is what its colours would be raised by.
        red, blue = pictures.lock.colour_gains
        found = [frame * np.array([red, 1.0, blue], np.float32) for frame in found]
    return found


def take(bench: Bench, count: int, lock: CameraLock) -> list[Singles]:
    """Take pictures with a lock and return them as linear light."""
    return lights(bench.rig.pictures(count, lock))


def mean_of(frames: list[Singles]) -> Floats:
    """Return the mean frame, shape (height, width, 3)."""
    total = np.zeros(frames[0].shape)
    for frame in frames:
        total += frame
    return total / len(frames)


def centre(light: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the middle of a frame, which lies within the plate."""
    height, width = light.shape[:2]
    top, left = round(0.5 * (1.0 - CENTRE) * height), round(0.5 * (1.0 - CENTRE) * width)
    return light[top : height - top, left : width - left]


def figure_before(bench: Bench, step: StepName, name: str) -> float | None:
    """Return a figure of a step already done, None where it was not."""
    done = bench.before.get(step)
    return next((figure.value for figure in done.figures if figure.name == name), None) if done else None


def black_of(bench: Bench) -> float:
    """Return the black level that the dark step found, linear; 0 where it has not been done."""
    return (figure_before(bench, StepName.CAMERA_DARK, "black-level-pct") or 0.0) / 100.0


def lock_of(bench: Bench) -> CameraLock:
    """Return the lock that this calibration chose, else the configured one."""
    chosen = bench.before.get(StepName.CAMERA_LOCK)
    lock = bench.device.camera.lock
    if chosen is None or not chosen.corrections:
        return lock
    named = {key.removeprefix("camera.lock."): value for key, value in chosen.corrections.items()}
    return CameraLock.model_validate({**lock.model_dump(), **named})


def check_white(light: Floats) -> None:
    """Raise `TargetError` where the middle of a mean frame is not an even, bright surface."""
    middle = cv2.blur(np.ascontiguousarray(centre(light)[:, :, 1]), (3, 3))
    low, median, high = np.percentile(middle, (10, 50, 90))
    if median < DIMMEST_WHITE:
        raise TargetError("It is too dark for the white target: lay it under the plate and see that the light is on.")
    if (high - low) / median > UNEVEN_WHITE:
        raise TargetError(
            "The picture is not evenly white: lay the white target flat under the plate, without reflections."
        )


def surface(light: Floats, x: Floats, y: Floats) -> tuple[Floats, Floats, float]:
    """Fit `ln light` by 1, x, y, x² + y²; all shape (n,).

    Returns the four coefficients, their covariance shape (4, 4), and the residuals' standard deviation.
    """
    terms = np.stack([np.ones_like(x), x, y, x**2 + y**2], axis=1)
    values = np.log(np.maximum(light, 1e-6))
    found = np.linalg.lstsq(terms, values, rcond=None)[0]
    sigma = float(np.std(values - terms @ found, ddof=4))
    return found, sigma**2 * np.linalg.inv(terms.T @ terms), sigma
