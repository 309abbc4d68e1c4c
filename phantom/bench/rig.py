"""A simulated device on the bench of calibration: its camera, in a time of its own that costs nobody a wait.

Its probe is not simulated here yet: what asks for pressure is told so.
"""

from collections.abc import Callable

import numpy as np

from calibration.rig import Film, Look, Pictures, Pressed, Pressure, RigError, Target
from firmware_config.camera import CameraLock
from firmware_config.device import DeviceConfig
from phantom.bench.errors import Errors
from phantom.bench.pictures import render
from phantom.streams import stream
from vision.frames import BGR

WIDTH_PX, HEIGHT_PX = 320, 240
NO_PROBE: str = "The simulated device has no probe yet."


class SimulatedRig:
    """Satisfies `calibration.rig.Rig`. The same device, errors and seed give the same pictures."""

    def __init__(self, device: DeviceConfig, errors: Errors, seed: int = 0) -> None:
        self._device = device
        self._errors = errors
        self._chance = stream(seed, "bench frames")
        self._target = Target.NOTHING
        self._now_ns = 0

    @property
    def simulated(self) -> bool:
        """It is."""
        return True

    @property
    def has_light_pin(self) -> bool:
        """Its light is on the supply."""
        return False

    def now_ns(self) -> int:
        """Return its own time, which runs only while something is measured."""
        return self._now_ns

    def wait(self, seconds: float) -> None:
        """Let its time pass."""
        self._now_ns += round(seconds * 1e9)

    def put(self, target: Target) -> None:
        """Put a target under the plate."""
        self._target = target

    def pictures(self, count: int, lock: CameraLock | None = None) -> Pictures:
        """Return frames one after another, with the configured lock or another one."""
        used = self._device.camera.lock if lock is None else lock
        period_ns = round(1e9 / self._device.camera.fps)
        times = self._now_ns + period_ns * np.arange(count, dtype=np.int64)
        self._now_ns += period_ns * count
        pictures, size = self._errors.pictures, (WIDTH_PX, HEIGHT_PX)
        frames = tuple(render(self._target, pictures, used, 1.0, self._chance, *size) for _ in range(count))
        return Pictures(times, frames, BGR, *size, used)

    def pressure(self, seconds: float) -> Pressure:  # noqa: ARG002 - the rig's words
        """Refuse: `RigError`."""
        raise RigError(NO_PROBE)

    def press(self, target_kpa: float, hold_s: float, ramp_s: float = 1.0) -> Pressed:  # noqa: ARG002 - the rig's words
        """Refuse: `RigError`."""
        raise RigError(NO_PROBE)

    def ceiling_kpa(self) -> float:
        """Refuse: `RigError`."""
        raise RigError(NO_PROBE)

    def light(self, level: float) -> int:  # noqa: ARG002 - the rig's words
        """Refuse: `RigError`."""
        raise RigError("The simulated device's light is on the supply.")

    def film(self, seconds: float, look: Look) -> Film:  # noqa: ARG002
        """Refuse: `RigError`."""
        raise RigError("The simulated device does not film yet.")

    def filmed_press(self, target_kpa: float, hold_s: float, look: Look, ramp_s: float = 1.0) -> tuple[Pressed, Film]:  # noqa: ARG002
        """Refuse: `RigError`."""
        raise RigError(NO_PROBE)

    def filmed_light(self, level_at: Callable[[float], float], seconds: float, look: Look) -> tuple[Film, int]:  # noqa: ARG002
        """Refuse: `RigError`."""
        raise RigError("The simulated device's light is on the supply.")
