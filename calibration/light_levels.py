"""What the light's steps share: a lock at which white is neither clipped nor dark, and how bright it is seen."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np

from calibration.camera_frames import CENTRE, Floats, Singles, TargetError, check_white, lights, mean_of, take
from calibration.camera_lock import MOST_GAIN, split
from calibration.rig import Rig
from calibration.step import Bench
from firmware_config.camera import CameraLock

AIM: Final = 0.6
"""Linear level of the brightest colour of white: these steps come before the camera's lock is chosen."""
NEAR: Final = 0.1
CLIPPING: Final = 0.97
LONGEST_US: Final = 4000
"""Longer exposures would hide what flickers."""
TRIES: Final = 8


def white_lock(bench: Bench) -> tuple[CameraLock, float]:
    """Return a lock at which white is well exposed, and the level of its brightest colour, linear.

    Raises `TargetError` where it is not white, or not lit.
    """
    camera = bench.device.camera
    lock = camera.lock
    for _ in range(TRIES):
        light = mean_of(take(bench, 2, lock))
        brightest = float(np.percentile(light.max(axis=2), 99.0))
        clipped = brightest > CLIPPING
        # Of clipped colours nothing is known but that there is too much; of the darkest, that there is too little.
        factor = 0.4 if clipped else min(AIM / max(brightest, 1e-4), 8.0)
        if not clipped and abs(factor - 1.0) < NEAR and lock.exposure_us <= LONGEST_US:
            break
        total = lock.exposure_us * lock.analogue_gain * factor
        nearer = split(total, lock.colour_gains, lock, camera, min(LONGEST_US, longest_exposure_us(bench)))
        if nearer is None:
            break
        lock = nearer
    if lock.analogue_gain > MOST_GAIN:
        raise TargetError("It is too dark for the white target: lay it under the plate and see that the light is on.")
    check_white(light)
    return lock, brightest


def longest_exposure_us(bench: Bench) -> int:
    """Return the longest exposure within a frame."""
    return math.ceil(1e6 / bench.device.camera.fps) - 1


def seen_levels(bench: Bench, count: int, lock: CameraLock) -> tuple[int, Floats]:
    """Return the mean level of green, linear, of each of `count` frames, and when the first began, ns."""
    pictures = bench.rig.pictures(count, lock)
    levels = [float(np.mean(middle_columns(light)[:, :, 1])) for light in lights(pictures)]
    return int(pictures.t_boot_ns[0]), np.array(levels)


def middle_columns(light: Singles) -> Singles:
    """Return the middle of a frame's width, at all its height: the rows of a rolling shutter even a flicker out."""
    side = round(0.5 * (1.0 - CENTRE) * light.shape[1])
    return light[:, side : light.shape[1] - side]


@contextmanager
def dark_light(rig: Rig) -> Iterator[None]:
    """Switch the own light off, and on again whatever happens; raises `RigError` where there is no light pin."""
    rig.light(0.0)
    try:
        yield
    finally:
        rig.light(1.0)
