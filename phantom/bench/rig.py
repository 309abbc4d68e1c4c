"""A simulated device on the bench of calibration: its probe, light and camera, in a time of its own that costs nobody
a wait.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from calibration.rig import Film, Look, Pictures, Pressed, Pressure, RigError, Target
from firmware_config.camera import CameraLock
from firmware_config.device import DeviceConfig
from firmware_config.sensors import SENSORS
from phantom.bench.errors import Errors
from phantom.bench.light import BenchLight
from phantom.bench.moving import PadScene, RecoveryScene
from phantom.bench.pictures import Frame, render
from phantom.bench.probe import BenchProbe
from phantom.bench.timing import BenchFrames
from phantom.streams import stream
from vision.frames import BGR

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Scene = Callable[[int], Frame]
"""Gives the picture of a film's frame by its number, in order."""

WIDTH_PX, HEIGHT_PX = 320, 240
STILL_PX: Final = (64, 48)
STILL: Final = 16
"""Pictures in a film of what does not move: their noise is used again and again, never twice in a row."""
UP_NS: Final = 3_600_000_000_000
"""It was switched on an hour ago: it is warm."""
BEFORE_NS: Final = 500_000_000
"""A film of a press or of the light begins so long before it."""
CEILING_S: Final = 3.0
LIGHT_STEP_S: Final = 0.00025
READOUT: Final = 0.92
"""Of the shortest frame of the sensor's mode: from its first row to its last."""


class SimulatedRig:
    """Satisfies `calibration.rig.Rig`. The same device, errors and seed give the same calibration."""

    def __init__(self, device: DeviceConfig, errors: Errors, seed: int = 0) -> None:
        self._device = device
        self._errors = errors
        self._chance = stream(seed, "bench frames")
        self._probe = BenchProbe(device, errors.probe, stream(seed, "bench probe samples"))
        self._light = BenchLight(errors.light, stream(seed, "bench light phases"))
        self._times = BenchFrames(device, errors.timing, stream(seed, "bench frame times"))
        self._target = Target.NOTHING
        self._now_ns = UP_NS

    @property
    def simulated(self) -> bool:
        """It is."""
        return True

    @property
    def has_light_pin(self) -> bool:
        """Whether this one can switch its light: some can."""
        return self._errors.light.pin

    def now_ns(self) -> int:
        """Return its own time, which runs only while something is measured."""
        return self._now_ns

    def wait(self, seconds: float) -> None:
        """Let its time pass."""
        self._now_ns += round(seconds * 1e9)

    def put(self, target: Target) -> None:
        """Put a target under the plate, or onto the nozzle."""
        self._target = target

    def pressure(self, seconds: float) -> Pressure:
        """Listen to the vented probe."""
        found = self._probe.listen(self._now_ns, seconds)
        self.wait(seconds)
        return found

    def press(self, target_kpa: float, hold_s: float, ramp_s: float = 1.0) -> Pressed:
        """Press, hold, release; raises `RigError` where nothing seals, or more is asked than the device allows."""
        pressed, _ = self._probe.press(self._now_ns, self._target, target_kpa, hold_s, ramp_s)
        self._now_ns = _end_ns(pressed)
        return pressed

    def ceiling_kpa(self, operator: str | None = None) -> float:
        """Inject a rising reading, and return at what pressure the probe let go."""
        del operator  # it has nothing that latches
        found = self._probe.ceiling_kpa(self._now_ns)
        self.wait(CEILING_S)
        return found

    def pictures(self, count: int, lock: CameraLock | None = None) -> Pictures:
        """Return frames one after another, with the configured lock or another one; the shutter rolls over them."""
        used = self._lock if lock is None else lock
        # More than asked, since some may be dropped.
        reported, true, _ = self._times.times(self._now_ns, (1.3 * count + 4.0) / self._device.camera.fps)
        reported, true = reported[:count], true[:count]
        frames: list[Frame] = []
        for number, start_ns in enumerate(true):
            again = number > 0 and start_ns == true[number - 1]
            frames.append(frames[-1] if again else self._picture(int(start_ns), used))
        self._now_ns = int(true[-1] + 1e9 / self._device.camera.fps)
        gaps = np.diff(reported)
        dropped = int(np.rint(gaps / np.median(gaps)).sum()) - len(gaps) if count > 1 else 0
        return Pictures(reported, tuple(frames), BGR, WIDTH_PX, HEIGHT_PX, used, dropped)

    def light(self, level: float) -> int:
        """Set the own light; raises `RigError` where there is no light pin."""
        self._need_light_pin()
        self._light.set(self._now_ns, level)
        return self._now_ns

    def film(self, seconds: float, look: Look) -> Film:
        """Look at every frame for so long."""
        start_ns = self._now_ns
        self.wait(seconds)
        reported, true, dropped = self._times.times(start_ns, seconds)
        scene = self._recovery(true) if self._target is Target.RECOVERY else self._still(start_ns)
        return _filmed(reported, true, dropped, look, scene)

    def filmed_press(self, target_kpa: float, hold_s: float, look: Look, ramp_s: float = 1.0) -> tuple[Pressed, Film]:
        """Press and look at every frame; of all targets only the pad shows it."""
        start_ns = self._now_ns
        pressed, true_kpa = self._probe.press(start_ns + BEFORE_NS, self._target, target_kpa, hold_s, ramp_s)
        self._now_ns = _end_ns(pressed)
        reported, true, dropped = self._times.times(start_ns, (self._now_ns - start_ns) / 1e9)
        scene = self._still(start_ns)
        if self._target is Target.PAD:
            scene = self._pad(true, self._pads.spreads(true_kpa, true + self.middle_ns, self._lock.exposure_us))
        return pressed, _filmed(reported, true, dropped, look, scene)

    def filmed_light(self, level_at: Callable[[float], float], seconds: float, look: Look) -> tuple[Film, int]:
        """Let the own light follow a course, and look at every frame of the pad or of what else lies there."""
        self._need_light_pin()
        before_ns = self._now_ns
        start_ns = before_ns + BEFORE_NS
        level = level_at(0.0)
        self._light.set(before_ns, level)
        for step in range(round(seconds / LIGHT_STEP_S)):
            if (new := level_at(step * LIGHT_STEP_S)) != level:
                level = new
                self._light.set(start_ns + round(step * LIGHT_STEP_S * 1e9), level)
        reported, true, dropped = self._times.times(before_ns, seconds + BEFORE_NS / 1e9)
        self._now_ns = start_ns + round(seconds * 1e9)
        film = _filmed(reported, true, dropped, look, self._lit(true))
        self._light.set(self._now_ns, 1.0)
        return film, start_ns

    @property
    def _lock(self) -> CameraLock:
        return self._device.camera.lock

    def _need_light_pin(self) -> None:
        if not self.has_light_pin:
            raise RigError("The simulated device's light is on the supply.")

    @cached_property
    def _pads(self) -> PadScene:
        return PadScene(self._errors.pictures, self._errors.timing)

    @cached_property
    def _screen(self) -> RecoveryScene:
        return RecoveryScene(self._errors.pictures, self._errors.timing)

    @cached_property
    def _rows_ns(self) -> Times:
        """When each row begins to be exposed, after the first; shape (height,)."""
        camera = self._device.camera
        readout_s = 0.0 if SENSORS[camera.sensor].global_shutter else READOUT / camera.mode.largest_fps
        return np.rint(1e9 * readout_s * np.arange(HEIGHT_PX) / HEIGHT_PX).astype(np.int64)

    @property
    def middle_ns(self) -> int:
        """How long after a frame's first row its middle one begins to be exposed: whole frames are seen as of that."""
        return int(self._rows_ns[HEIGHT_PX // 2])

    def _levels(self, true: Times) -> Floats:
        """Return the light of whole frames, shape (n,)."""
        return self._light.level_at(true + self.middle_ns, self._lock.exposure_us)

    def _picture(self, start_ns: int, lock: CameraLock) -> Frame:
        levels = self._light.level_at(start_ns + self._rows_ns, lock.exposure_us)
        return render(self._target, self._errors.pictures, lock, levels, self._chance, WIDTH_PX, HEIGHT_PX)

    def _still(self, start_ns: int) -> Scene:
        """Small pictures of what is in place, in the light that there was at the film's beginning."""
        level = float(self._levels(np.array([start_ns]))[0])
        pictures, lock = self._errors.pictures, self._lock
        frames = [render(self._target, pictures, lock, level, self._chance, *STILL_PX) for _ in range(STILL)]
        return lambda number: frames[number % STILL]

    def _pad(self, true: Times, spreads: Floats) -> Scene:
        levels = self._levels(true)
        return lambda n: self._pads.frame(float(spreads[n]), self._lock, float(levels[n]), self._chance)

    def _lit(self, true: Times) -> Scene:
        if self._target is Target.PAD:
            return self._pad(true, np.zeros(len(true)))
        levels, pictures, lock = self._levels(true), self._errors.pictures, self._lock
        return lambda n: render(self._target, pictures, lock, float(levels[n]), self._chance, *STILL_PX)

    def _recovery(self, true: Times) -> Scene:
        lights = self._screen.lights(true + self.middle_ns, self._lock.exposure_us)
        levels = self._levels(true)
        return lambda n: self._screen.frame(lights[n], self._lock, float(levels[n]), self._chance)


def _end_ns(pressed: Pressed) -> int:
    return int(pressed.pressure.t_boot_ns[-1])


def _filmed(reported: Times, true: Times, dropped: int, look: Look, scene: Scene) -> Film:
    """Look at every frame as it comes; one taken when the one before was is the same picture again."""
    seen: list[Floats] = []
    picture = scene(0)
    for number in range(len(true)):
        if number and true[number] != true[number - 1]:
            picture = scene(number)
        seen.append(look(picture, BGR))
    return Film(reported, np.array(seen), dropped)
