"""A camera with something wrong with it, around any other: to see what the bedside makes of it, while it runs.

Wired in only where it is asked for (`refill bedside --simulate --camera-faults FILE`); no reading of it is ever one of
skin, since it calls itself simulated.
"""

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from device.ports import Camera, CameraError, CameraHungError, Frame, FrameSettings
from vision.frames import BGR, Layout, Pixels
from vision.tone import linear_to_srgb, srgb_to_linear

SILENCE_S: float = 1.0
"""How long a camera that delivers nothing is waited for: two time-outs of the Pi's."""
SILENT = "No frame came within a second."
LOOK_S: float = 0.1
"""How often the file of faults is looked at."""
LEAST_GAIN, MOST_GAIN = 0.05, 20.0
LIMITS: dict[str, tuple[float, float]] = {
    "drop_share": (0.0, 1.0),
    "drop_burst": (0, 10_000),
    "drift_per_s": (-10.0, 10.0),
    "hidden_drift_per_s": (-10.0, 10.0),
    "red_gain": (LEAST_GAIN, MOST_GAIN),
}


@dataclass(frozen=True)
class CameraFaults:
    """What is wrong; as it stands, nothing. Gains are on linear light."""

    unplugged: bool = False
    """Every start and frame fails, until it is plugged in again."""
    hung: bool = False
    """It does not come back from a wait: only a new process can use it again."""
    silent: bool = False
    """No frame comes, and then the wait ends."""
    frozen: bool = False
    """The same picture, to the bit, with new times."""
    drop_share: float = 0.0
    """Share of frames that never arrive, at random; of 1 it is silent."""
    drop_burst: int = 0
    """So many frames in a row never arrive, once, when this is put on."""
    drift_per_s: float = 0.0
    """Exposure creeps by this share a second, and the frames say so."""
    hidden_drift_per_s: float = 0.0
    """The same, while every frame claims the locked exposure."""
    red_gain: float = 1.0
    """White balance steps to this gain of red, and the frames say so."""


class FaultFile:
    """Reads `CameraFaults` from a JSON file whenever it changes. Without the file nothing is wrong."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._looked_s = float("-inf")
        self._faults = CameraFaults()

    def __call__(self) -> CameraFaults:
        """Return the faults of now; a file that cannot be read changes nothing."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._faults = self._read()
        return self._faults

    def _read(self) -> CameraFaults:
        try:
            return faults_of(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return CameraFaults()
        except (OSError, ValueError):
            return self._faults


def faults_of(content: object) -> CameraFaults:
    """Return faults from JSON content; raises `ValueError` naming a key that is none, or a value of another type."""
    if not isinstance(content, dict):
        raise ValueError("faults of the camera: not a table")  # noqa: TRY004 - a wrong file, not a wrong call
    kinds: dict[str, Any] = {field.name: field.type for field in fields(CameraFaults)}
    for key, value in content.items():
        if key not in kinds or not _is_one(kinds[key], value, *LIMITS.get(key, (0.0, 0.0))):
            raise ValueError(f"faults of the camera: {key}: {value!r} is none")
    return CameraFaults(**content)


def _is_one(kind: type, value: object, least: float, most: float) -> bool:
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    number = isinstance(value, int) or (kind is float and isinstance(value, float))
    return number and least <= value <= most  # type: ignore[operator] # a number, and one that is none is in no limits


class FaultyCamera:
    """`camera` with the faults that `faults` tells at every frame. Drift needs pictures as BGR."""

    def __init__(self, camera: Camera, faults: Callable[[], CameraFaults], seed: int = 0) -> None:
        self._camera = camera
        self._faults = faults
        self._dice = random.Random(seed)  # noqa: S311 - which frames are lost, no secret
        self._held: Pixels | None = None
        self._drift_since_ns: int | None = None
        self._lost = 0
        self._burst = self._to_lose = 0

    @property
    def width(self) -> int:
        """Width of its frames, pixels."""
        return self._camera.width

    @property
    def height(self) -> int:
        """Height of its frames, pixels."""
        return self._camera.height

    @property
    def layout(self) -> Layout:
        """How its frames are laid out."""
        return self._camera.layout

    @property
    def simulated(self) -> bool:
        """Always: whatever is behind it, it is not to be believed."""
        return True

    def start(self) -> None:
        """Start the camera; raises `CameraError` while it is unplugged."""
        if self._faults().unplugged:
            raise CameraError("There is no camera.")
        self._held = None
        self._camera.start()

    def close(self) -> None:
        """Close the camera."""
        self._camera.close()

    def next_frame(self, *, look: bool = True) -> Frame:
        """Return the next frame that is not lost, as the faults leave it; raises `CameraError`."""
        since_s = time.monotonic()
        while True:
            faults = self._faults()
            self._fail(faults)
            frame = self._camera.next_frame(look=look)
            if not self._loses(faults):
                break
            self._lost += 1
            if time.monotonic() - since_s > SILENCE_S:
                raise CameraError(SILENT)
        frame = replace(frame, dropped=frame.dropped + self._lost)
        self._lost = 0
        return self._frozen(self._changed(frame, faults), faults)

    def _fail(self, faults: CameraFaults) -> None:
        if faults.unplugged:
            raise CameraError("The camera delivers no more frames.")
        if faults.hung:
            time.sleep(SILENCE_S)
            raise CameraHungError("The camera does not come back from a wait.")
        if faults.silent:
            time.sleep(SILENCE_S)
            raise CameraError(SILENT)

    def _loses(self, faults: CameraFaults) -> bool:
        if faults.drop_burst != self._burst:
            self._burst = self._to_lose = faults.drop_burst
        if self._to_lose > 0:
            self._to_lose -= 1
            return True
        return self._dice.random() < faults.drop_share

    def _frozen(self, frame: Frame, faults: CameraFaults) -> Frame:
        if not faults.frozen:
            self._held = None
        elif frame.picture is not None:
            self._held = frame.picture if self._held is None else self._held
            return replace(frame, picture=self._held)
        return frame

    def _changed(self, frame: Frame, faults: CameraFaults) -> Frame:
        drift_per_s = faults.drift_per_s + faults.hidden_drift_per_s
        if drift_per_s == 0.0:
            self._drift_since_ns = None
        elif self._drift_since_ns is None:
            self._drift_since_ns = frame.t_boot_ns
        since_s = (frame.t_boot_ns - (self._drift_since_ns or frame.t_boot_ns)) / 1e9
        gain = min(max(1.0 + drift_per_s * since_s, LEAST_GAIN), MOST_GAIN)
        told = min(max(1.0 + faults.drift_per_s * since_s, LEAST_GAIN), MOST_GAIN)
        if gain == told == faults.red_gain == 1.0:
            return frame
        picture = None if frame.picture is None else _brightened(frame.picture, self.layout, gain, faults.red_gain)
        return replace(
            frame,
            picture=picture,
            settings=_told(frame.settings, told, faults.red_gain),
            settings_held=frame.settings_held and abs(told - 1.0) <= 0.02 and abs(faults.red_gain - 1.0) <= 0.02,
        )


def _told(settings: FrameSettings, gain: float, red_gain: float) -> FrameSettings:
    exposure_us = None if settings.exposure_us is None else settings.exposure_us * gain
    gains = None if settings.colour_gains is None else (settings.colour_gains[0] * red_gain, settings.colour_gains[1])
    return replace(settings, exposure_us=exposure_us, colour_gains=gains)


def _brightened(picture: Pixels, layout: Layout, gain: float, red_gain: float) -> Pixels:
    if layout != BGR:
        raise CameraError("A drift of the camera is simulated on BGR only.")
    linear = srgb_to_linear(np.arange(256.0))
    tables = [
        np.clip(np.round(linear_to_srgb(np.clip(linear * each, 0.0, 1.0))), 0, 255).astype(np.uint8)
        for each in (gain, gain, gain * red_gain)
    ]
    return np.asarray(cv2.LUT(picture, np.stack(tables, axis=-1).reshape(1, 256, 3)), dtype=np.uint8)
