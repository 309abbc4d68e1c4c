"""A device under calibration without hardware: the phantom's camera, a probe process, mock pins; in real time."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from gpiozero.pins.mock import MockFactory, MockPWMPin
from numpy.typing import NDArray

from device.calibrating.camera import BenchCamera
from device.calibrating.light import BenchLight
from device.calibrating.probe import BenchProbe
from device.calibrating.rig import DeviceRig, Parts
from device.camera.phantom import PhantomCamera
from device.clock import SystemClock
from device.ports import Camera, FrameSettings, Picture
from firmware_config.camera import Camera as Configured
from firmware_config.device import DeviceConfig, load_device
from vision.frames import Layout, Pixels

FPS = 60
WIDTH, HEIGHT = 32, 24
LIGHT = 25
SENSOR_STEP_US = 30
CLOCK = SystemClock()


class Grey:
    """A scene of one grey: what `level_at` gives, 0 to 255."""

    def __init__(self, level_at: Callable[[int], float]) -> None:
        self._level_at = level_at

    def frame(self, t_boot_ns: int) -> Picture:
        return np.full((HEIGHT, WIDTH, 3), round(self._level_at(t_boot_ns)), np.uint8)


class Cameras:
    """Opens the phantom's camera as it is configured, and remembers with which exposures."""

    def __init__(self, level_at: Callable[[int], float] | None = None) -> None:
        self.opened: list[Camera] = []
        self.exposures_us: list[int] = []
        self._level_at = level_at

    def __call__(self, config: Configured) -> Camera:
        exposure_us = config.lock.exposure_us // SENSOR_STEP_US * SENSOR_STEP_US
        self.exposures_us.append(exposure_us)
        told = FrameSettings(float(exposure_us), config.lock.analogue_gain, config.lock.colour_gains)
        scene = Grey(self._level_at or (lambda _: exposure_us / 40))
        self.opened.append(PhantomCamera(scene, config.fps, WIDTH, HEIGHT, settings=told))
        return self.opened[-1]


def bench_camera(cameras: Callable[[Configured], Camera], *, simulated: bool = True) -> BenchCamera:
    return BenchCamera(load_device().camera, cameras, CLOCK, simulated=simulated)


def device_rig(
    cameras: Callable[[Configured], Camera],
    socket: Path,
    light: BenchLight | None = None,
    device: DeviceConfig | None = None,
) -> AbstractContextManager[DeviceRig]:
    device = device or load_device()
    parts = Parts(
        camera=BenchCamera(device.camera, cameras, CLOCK, simulated=True),
        probe=BenchProbe(socket, device, simulated=True),
        light=light,
        simulated=True,
    )
    return DeviceRig(parts, CLOCK)


def mock_light() -> tuple[BenchLight, Any]:
    """Return a light, and its pin."""
    factory = MockFactory(pin_class=MockPWMPin)
    return BenchLight(LIGHT, 4000, factory), factory.pin(LIGHT)


def mean(picture: Pixels, layout: Layout) -> NDArray[np.float64]:
    """A look: the mean of a frame."""
    assert layout is not None
    return np.array([picture.mean()])
