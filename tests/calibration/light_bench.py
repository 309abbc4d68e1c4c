"""A bench for the light's steps: the phantom's pictures under the phantom's light, and nothing else."""

from typing import Final

import numpy as np
from picture_bench import PictureRig

from calibration.light_steps import STEPS
from calibration.rig import Pictures, RigError
from calibration.step import Bench, Question
from contract.certificate import StepName, StepOutcome
from firmware_config.camera import CameraLock
from firmware_config.device import DeviceConfig
from phantom.bench.light import BenchLight
from phantom.bench.light_errors import LightErrors
from phantom.bench.picture_errors import PictureErrors, healthy_pictures
from phantom.bench.pictures import render
from vision.frames import BGR

READOUT_S: Final = 0.92 / 120.13
HEIGHT: Final = 240


class LightRig(PictureRig):
    """A machine that sees, and may switch its light; its shutter rolls, or not."""

    def __init__(self, light: LightErrors, pictures: PictureErrors, fps: float = 60.0, rolls: bool = True) -> None:
        super().__init__(pictures)
        self.has_light_pin = light.pin
        self._light = BenchLight(light, np.random.default_rng(pictures.seed))
        self._period_ns = round(1e9 / fps)
        self._rows_ns = (READOUT_S * 1e9 * rolls * np.arange(HEIGHT) / HEIGHT).astype(np.int64)

    def light(self, level: float) -> int:
        if not self.has_light_pin:
            raise RigError("no light pin")
        self._light.set(self._now_ns, level)
        return self._now_ns

    def pictures(self, count: int, lock: CameraLock | None = None) -> Pictures:
        lock = lock or self._lock
        times = self._now_ns + self._period_ns * np.arange(count, dtype=np.int64)
        frames = tuple(
            render(
                self._target,
                self.errors,
                lock,
                self._light.level_at(start + self._rows_ns, lock.exposure_us),
                self._chance,
            )
            for start in times
        )
        self._now_ns = int(times[-1]) + self._period_ns
        return Pictures(times, frames, BGR, 320, 240, lock)


def light_run(
    name: StepName, light: LightErrors, seed: int, device: DeviceConfig, pictures: PictureErrors | None = None
) -> StepOutcome:
    """Do one of the light's steps on a device whose camera is a good one, unless told otherwise."""

    def ask(question: Question) -> float:
        raise AssertionError(question)

    step = next(step for step in STEPS if step.name is name)
    rolls = device.camera.sensor != "imx296"
    rig = LightRig(light, pictures or healthy_pictures(seed), device.camera.fps, rolls)
    rig.put(step.target)
    return step.run(Bench(rig, device, ask, lambda _: None, {}))
