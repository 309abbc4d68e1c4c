"""What the camera of a simulated device sees of a target through the plate: light, lens, sensor, tone curve, 8 bits.

`View` keeps what does not change from frame to frame, so that a frame costs little more than its noise.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera_target import (
    CHART_INK,
    DOT_RADIUS_MM,
    block,
    chart_patches,
    chart_size_mm,
    dots,
    grey_steps,
    linear,
    pad_dots,
)
from calibration.rig import Target
from firmware_config.camera import CameraLock
from phantom.bench.picture_errors import PictureErrors
from phantom.camera import srgb_encode
from phantom.streams import stream

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Frame = NDArray[np.uint8]

PLATE_RADIUS_MM = 6.18
RIM_MM = 0.3
RIM_PASSES = 0.55
"""Of the light, where the plate's edge is seen."""
WHITE_LEVEL, WHITE_US, WHITE_GAIN = 0.8, 4000.0, 1.2
"""An ideal camera shows white so at such an exposure and gain."""
PAPER, INK, VELVET, ROOM = 0.9, 0.03, 0.002, 0.05
"""Linear reflectance; the last of what is seen with nothing in place."""
_OVERSAMPLED = 4
_STEPS = 65535


@lru_cache(maxsize=1)
def _encoded() -> Frame:
    """8-bit sRGB of linear levels in steps of 1/65535; near black a code has 20 of them."""
    return np.rint(255.0 * srgb_encode(np.arange(_STEPS + 1) / _STEPS)).astype(np.uint8)


@lru_cache(maxsize=32)
def view(target: Target, errors: PictureErrors, width: int, height: int) -> "View":
    """Return the view of a target, made once."""
    return View(target, errors, width, height)


def render(
    target: Target,
    errors: PictureErrors,
    lock: CameraLock,
    light_level: float | Floats,
    rng: np.random.Generator,
    width: int = 320,
    height: int = 240,
) -> Frame:
    """Return one frame, shape (height, width, 3), uint8 BGR, sRGB curve.

    `light_level` 1 is the own light, settled; an array has that of each row, shape (height,): a shutter that rolls.
    """
    return view(target, errors, width, height).frame(lock, light_level, rng)


class View:
    """A target under the plate of one device, as light on the sensor."""

    def __init__(self, target: Target, errors: PictureErrors, width: int, height: int) -> None:
        self._errors = errors
        self._px_per_mm = errors.px_per_mm * width / 320.0
        self._size = (width, height)
        light = self._reflectance(target)
        light += errors.haze * PAPER
        light += errors.glare * PAPER * self._spot()[:, :, None]
        light *= self._lens()
        light = light @ np.array(errors.matrix).T
        fixed = stream(errors.seed, "bench pixels")
        response = 1.0 + errors.prnu * fixed.standard_normal(light.shape)
        # They are so many at 320 x 240; a smaller picture has a part of them.
        part = width * height / (320.0 * 240.0)
        self._hot = self._places(round(part * errors.hot_pixels), fixed)
        dead = self._places(round(part * errors.dead_pixels), fixed)
        response[dead] *= 0.2
        self._light: Singles = (light * response / PAPER).astype(np.float32)

    def frame(self, lock: CameraLock, light_level: float | Floats, rng: np.random.Generator) -> Frame:
        """Return a frame with its own noise, shape (height, width, 3), uint8 BGR; `light_level` as `render` has it."""
        errors = self._errors
        exposed = lock.exposure_us / WHITE_US
        # Red and blue see less light, and are raised by the gains of white balance: so is their noise.
        seen = np.array([1.0 / errors.neutral_gains[0], 1.0, 1.0 / errors.neutral_gains[1]])
        raised = np.array([lock.colour_gains[0], 1.0, lock.colour_gains[1]])
        white_e = WHITE_LEVEL * errors.sensitivity * exposed / WHITE_GAIN * errors.full_well_e
        by_row = white_e * np.atleast_1d(np.asarray(light_level, dtype=float))[:, None, None]
        electrons = self._light * (by_row * seen).astype(np.float32)
        electrons[self._hot] += np.float32(0.15 * errors.full_well_e * min(exposed, 1.0))
        noise = np.sqrt(np.maximum(electrons, 0.0) + np.float32(errors.read_noise_e**2))
        noise *= rng.standard_normal(electrons.shape, dtype=np.float32)
        electrons += noise
        electrons *= (lock.analogue_gain / errors.full_well_e * raised).astype(np.float32)
        if errors.response_power != 1.0:
            electrons = np.sign(electrons) * np.abs(electrons) ** np.float32(errors.response_power)
        electrons += np.float32(errors.black_level)
        steps = (np.clip(electrons, 0.0, 1.0) * np.float32(_STEPS) + np.float32(0.5)).astype(np.uint16)
        return np.asarray(_encoded()[steps][:, :, ::-1])

    def _px(self, mm: Floats, of_plate: bool = False) -> Floats:
        """Return where points, mm from the target's (or plate's) middle, shape (n, 2), are in the picture, px."""
        errors = self._errors
        turn = np.deg2rad(errors.turn_deg)
        turned = mm @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        off = np.array(errors.plate_off_mm) + (0.0 if of_plate else np.array(errors.target_off_mm))
        return np.asarray((turned + off) * self._px_per_mm + 0.5 * (np.array(self._size) - 1.0))

    def _reflectance(self, target: Target) -> Floats:
        """Return what the target sends back, blurred, with the plate's rim; shape (height, width, 3)."""
        width, height = self._size
        blur_px = self._errors.blur_px * width / 320.0
        paper = {Target.DARK_CAP: VELVET, Target.NOTHING: ROOM, Target.PLUG: 0.35}.get(target, PAPER)
        shapes = self._shapes_on(target)
        light = self._printed(shapes, blur_px) if shapes else np.full((height, width, 3), paper)
        if target is Target.NOTHING:
            light *= self._room(height, width)
        rim = self._px(np.zeros((1, 2)), of_plate=True)[0]
        y, x = np.mgrid[0:height, 0:width]
        wide_mm = np.hypot(0.5 * RIM_MM, np.sqrt(2.0) * blur_px / self._px_per_mm)
        across = (np.hypot(x - rim[0], y - rim[1]) / self._px_per_mm - PLATE_RADIUS_MM) / wide_mm
        light *= (1.0 - (1.0 - RIM_PASSES) * 0.5 * RIM_MM / wide_mm * np.exp(-(across**2)))[:, :, None]
        return light

    def _shapes_on(self, target: Target) -> list[tuple[Floats, Floats]]:
        """Return what is to be seen on paper: corners in mm and linear R, G, B."""
        return _shapes(target)

    def _printed(self, shapes: list[tuple[Floats, Floats]], blur_px: float) -> Floats:
        """Draw on paper, and blur before pixels are made of it: a narrow blur is less than a pixel."""
        width, height = self._size
        large = np.full((height * _OVERSAMPLED, width * _OVERSAMPLED, 3), PAPER, np.float32)
        for corners, colour in shapes:
            self._fill(large, corners, colour)
        large = np.asarray(cv2.GaussianBlur(large, (0, 0), blur_px * _OVERSAMPLED), dtype=np.float32)
        return np.asarray(cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA), dtype=float)

    def _fill(self, large: Singles, corners: Floats, colour: Floats) -> None:
        px = (self._px(corners) + 0.5) * _OVERSAMPLED - 0.5
        fixed = np.rint(px * 16.0).astype(np.int32)
        cv2.fillPoly(large, [fixed], colour.tolist(), lineType=cv2.LINE_8, shift=4)

    def _room(self, height: int, width: int) -> Singles:
        coarse = stream(self._errors.seed, "bench room").uniform(0.2, 1.8, (4, 5, 3)).astype(np.float32)
        return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32)

    def _lens(self) -> Floats:
        width, height = self._size
        y, x = np.mgrid[-1.0 : 1.0 : height * 1j, -1.0 : 1.0 : width * 1j]
        ln = -0.5 * self._errors.vignette * (x**2 + y**2)
        shading = 0.5 * self._errors.colour_shading * x
        return np.exp(np.stack([ln - shading, ln + shading, ln], axis=2))

    def _spot(self) -> Floats:
        width, height = self._size
        y, x = np.mgrid[-1.0 : 1.0 : height * 1j, -1.0 : 1.0 : width * 1j]
        return np.asarray(np.exp(-((np.hypot((x - 0.15) * width / height, y + 0.2) / 0.1) ** 4)))

    def _places(self, count: int, chance: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        width, height = self._size
        places = chance.choice(width * height, size=count, replace=False)
        return places // width, places % width


def _shapes(target: Target) -> list[tuple[Floats, Floats]]:
    """Return what is printed on a target: corners in mm and linear R, G, B."""
    if target is Target.CHART:
        width, height = chart_size_mm()
        rim = 0.5 * np.array([(-width, -height), (width, -height), (width, height), (-width, height)])
        return [(rim, np.maximum(linear(CHART_INK), INK) * PAPER)] + [
            (_square(patch.centre_mm, patch.side_mm), linear(patch.srgb) * PAPER) for patch in chart_patches()
        ]
    if target is Target.GREY_STEPS:
        return [(_square(step.centre_mm, step.side_mm), linear(step.srgb) * PAPER) for step in grey_steps()]
    if target is Target.SCALE_CARD:
        return [*inked(dots()), (block(), np.full(3, INK))]
    return inked(pad_dots()) if target is Target.PAD else []


def inked(middles: Floats) -> list[tuple[Floats, Floats]]:
    """Return black dots at middles in mm, shape (n, 2): corners, and linear R, G, B."""
    round_ = np.linspace(0.0, 2.0 * np.pi, 40, endpoint=False)
    rim = DOT_RADIUS_MM * np.stack([np.cos(round_), np.sin(round_)], axis=1)
    return [(middle + rim, np.full(3, INK)) for middle in middles]


def _square(centre: tuple[float, float], side: float) -> Floats:
    corners = 0.5 * side * np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
    return np.asarray(corners + np.array(centre))
