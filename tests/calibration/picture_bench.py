"""A bench for the camera's steps: the phantom's pictures alone, and a device as a site has it."""

from collections.abc import Callable
from typing import Final

import numpy as np

from calibration.camera_steps import STEPS as CAMERA_STEPS
from calibration.focus import STEPS as FOCUS_STEPS
from calibration.rig import Film, Look, Pictures, Pressed, Pressure, RigError, Target
from calibration.scale import STEPS as SCALE_STEPS
from calibration.step import Bench, Question, Step
from contract.certificate import StepName, StepOutcome
from firmware_config.camera import CameraLock
from firmware_config.device import DeviceConfig
from phantom.bench.picture_errors import PictureErrors
from phantom.bench.pictures import render
from vision.frames import BGR

STEPS: Final[tuple[Step, ...]] = (*CAMERA_STEPS, *SCALE_STEPS, *FOCUS_STEPS)


class PictureRig:
    """A machine that only sees; what is in place may be another thing than the step asked for."""

    simulated = True
    has_light_pin = False

    def __init__(self, errors: PictureErrors, instead: Target | None = None) -> None:
        self.errors = errors
        self.instead = instead
        self._target = Target.NOTHING
        self._chance = np.random.default_rng(errors.seed)
        self._lock = CameraLock()
        self._now_ns = 0

    def now_ns(self) -> int:
        return self._now_ns

    def wait(self, seconds: float) -> None:
        self._now_ns += round(seconds * 1e9)

    def put(self, target: Target) -> None:
        self._target = self.instead or target

    def pressure(self, seconds: float) -> Pressure:
        del seconds
        raise RigError("no probe")

    def press(self, target_kpa: float, hold_s: float, ramp_s: float = 1.0) -> Pressed:
        del target_kpa, hold_s, ramp_s
        raise RigError("no probe")

    def ceiling_kpa(self, _operator: str | None = None) -> float:
        raise RigError("no probe")

    def light(self, level: float) -> int:
        del level
        raise RigError("no light pin")

    def film(self, seconds: float, look: Look) -> Film:
        del seconds, look
        raise RigError("no film")

    def filmed_press(self, target_kpa: float, hold_s: float, look: Look, ramp_s: float = 1.0) -> tuple[Pressed, Film]:
        del target_kpa, hold_s, look, ramp_s
        raise RigError("no probe")

    def filmed_light(self, level_at: Callable[[float], float], seconds: float, look: Look) -> tuple[Film, int]:
        del level_at, seconds, look
        raise RigError("no light pin")

    def pictures(self, count: int, lock: CameraLock | None = None) -> Pictures:
        lock = lock or self._lock
        frames = tuple(render(self._target, self.errors, lock, 1.0, self._chance) for _ in range(count))
        times = self._now_ns + np.arange(count, dtype=np.int64) * 16_666_667
        self._now_ns = int(times[-1]) + 16_666_667
        return Pictures(times, frames, BGR, 320, 240, lock)


def device() -> DeviceConfig:
    return DeviceConfig(name="bench-1", site="01")


def bench(rig: PictureRig, before: dict[StepName, StepOutcome]) -> Bench:
    def ask(question: Question) -> float:
        raise AssertionError(question)

    return Bench(rig, device(), ask, lambda _: None, before)


def run(errors: PictureErrors, names: set[StepName] | None = None) -> dict[StepName, StepOutcome]:
    """Run the camera's steps, or those named, one after another as a calibration does."""
    rig, done = PictureRig(errors), dict[StepName, StepOutcome]()
    for step in STEPS:
        if names is None or step.name in names:
            rig.put(step.target)
            done[step.name] = step.run(bench(rig, done))
    return done


def value(done: dict[StepName, StepOutcome], step: StepName, name: str) -> tuple[float, float]:
    """Return a figure's value and its expanded uncertainty."""
    found = next(figure for figure in done[step].figures if figure.name == name)
    return found.value, found.uncertainty or 0.0
