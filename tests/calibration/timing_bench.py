"""A bench for the steps of timing: the phantom's moving pictures, its frame times, and a press of its own."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from calibration.rig import Film, Look, Pictures, Pressed, Pressure, RigError, Target
from calibration.step import Bench, Question, Step
from calibration.timing_steps import STEPS
from contract.certificate import StepName, StepOutcome
from firmware_config.camera import CameraLock
from firmware_config.device import DeviceConfig
from phantom.bench.moving import PadScene, RecoveryScene
from phantom.bench.picture_errors import PictureErrors, healthy_pictures
from phantom.bench.pictures import render
from phantom.bench.timing import BenchFrames
from phantom.bench.timing_errors import TimingErrors
from phantom.streams import stream
from vision.frames import BGR

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
STILL: Final = 16
"""Pictures of what does not move: their noise is used again and again, never twice in a row."""
LIGHT_FALLS_S: Final = 0.0002


class TimingRig:
    """A machine that films; what is in place may be another thing than the step asked for."""

    simulated = True

    def __init__(
        self,
        timing: TimingErrors,
        device: DeviceConfig | None = None,
        pictures: PictureErrors | None = None,
        *,
        instead: Target | None = None,
        has_light_pin: bool = False,
        seed: int | None = None,
    ) -> None:
        self.device = device or plain_device()
        self.timing = timing
        self.pictures_errors = pictures or healthy_pictures(timing.seed)
        self.has_light_pin = has_light_pin
        self._instead = instead
        self._target = Target.NOTHING
        self._chance = stream(timing.seed if seed is None else seed, "timing bench")
        self._frames = BenchFrames(self.device, timing, self._chance)
        self._now_ns = 0
        exposure_us = self.device.camera.lock.exposure_us
        self._lock = CameraLock(exposure_us=exposure_us, colour_gains=self.pictures_errors.neutral_gains)

    @cached_property
    def _pad(self) -> PadScene:
        return PadScene(self.pictures_errors, self.timing)

    def now_ns(self) -> int:
        return self._now_ns

    def wait(self, seconds: float) -> None:
        self._now_ns += round(seconds * 1e9)

    def put(self, target: Target) -> None:
        self._target = self._instead or target

    def pictures(self, count: int, lock: CameraLock | None = None) -> Pictures:
        del count, lock
        raise RigError("no pictures")

    def pressure(self, seconds: float) -> Pressure:
        del seconds
        raise RigError("no pressure")

    def press(self, target_kpa: float, hold_s: float, ramp_s: float = 1.0) -> Pressed:
        del target_kpa, hold_s, ramp_s
        raise RigError("no press")

    def ceiling_kpa(self, _operator: str | None = None) -> float:
        raise RigError("no ceiling")

    def light(self, level: float) -> int:
        del level
        if not self.has_light_pin:
            raise RigError("no light pin")
        return self._now_ns

    def film(self, seconds: float, look: Look) -> Film:
        reported, true, dropped = self._frames.times(self._now_ns, seconds)
        self._now_ns += round(seconds * 1e9)
        if self._target is Target.RECOVERY:
            scene = RecoveryScene(self.pictures_errors, self.timing)
            lights = scene.lights(true, self._lock.exposure_us)
            return self._filmed(
                reported, true, dropped, look, lambda n: scene.frame(lights[n], self._lock, 1.0, self._chance)
            )
        still = [
            render(self._target, self.pictures_errors, self._lock, 1.0, self._chance, 64, 48) for _ in range(STILL)
        ]
        return self._filmed(reported, true, dropped, look, lambda n: still[n % STILL])

    def filmed_press(self, target_kpa: float, hold_s: float, look: Look, ramp_s: float = 1.0) -> tuple[Pressed, Film]:
        pressed, true_kpa, end_ns = self._pressed(target_kpa, hold_s, ramp_s)
        start_ns = self._now_ns
        reported, true, dropped = self._frames.times(start_ns, (end_ns - start_ns) / 1e9)
        self._now_ns = end_ns
        if self._target is not Target.PAD:
            frame = render(self._target, self.pictures_errors, self._lock, 1.0, self._chance, 160, 120)
            return pressed, self._filmed(reported, true, dropped, look, lambda _: frame)
        scene = self._pad
        spreads = scene.spreads(true_kpa, true, self._lock.exposure_us)
        film = self._filmed(
            reported, true, dropped, look, lambda n: scene.frame(float(spreads[n]), self._lock, 1.0, self._chance)
        )
        return pressed, film

    def filmed_light(self, level_at: Callable[[float], float], seconds: float, look: Look) -> tuple[Film, int]:
        if not self.has_light_pin:
            raise RigError("no light pin")
        start_ns = self._now_ns + 500_000_000
        reported, true, dropped = self._frames.times(self._now_ns, seconds + 0.5)
        self._now_ns += round((seconds + 0.5) * 1e9)
        within = np.linspace(0.0, 1e3 * self._lock.exposure_us, 81)
        instants_s = (true[:, None] + within - start_ns) / 1e9
        levels = np.vectorize(level_at)(np.maximum(instants_s - LIGHT_FALLS_S, 0.0)).mean(axis=1)
        scene = self._pad
        return (
            self._filmed(
                reported, true, dropped, look, lambda n: scene.frame(0.0, self._lock, float(levels[n]), self._chance)
            ),
            start_ns,
        )

    def _filmed(
        self, reported: Times, true: Times, dropped: int, look: Look, frame: Callable[[int], NDArray[np.uint8]]
    ) -> Film:
        seen, picture = [], frame(0)
        for number in range(len(true)):
            if number and true[number] != true[number - 1]:
                picture = frame(number)
            seen.append(look(picture, BGR))
        return Film(reported, np.array(seen), dropped)

    def _pressed(
        self, target_kpa: float, hold_s: float, ramp_s: float
    ) -> tuple[Pressed, Callable[[Times], Floats], int]:
        """A ramp, a hold, and a release that falls at 25 ms; samples at 100 Hz with noise, some off the beat."""
        chance, start_ns = self._chance, self._now_ns
        ramp_ns = start_ns + round(0.5e9)
        hold_ns = ramp_ns + round(ramp_s * 1e9)
        open_ns = hold_ns + round(hold_s * 1e9)
        falls_ns, falls_s = open_ns + 6_000_000, float(chance.uniform(0.02, 0.035))

        def true_kpa(at_ns: Times) -> Floats:
            up = np.clip((at_ns - ramp_ns) / (ramp_s * 1e9), 0.0, 1.0)
            after_s = np.maximum((at_ns - falls_ns) / 1e9, 0.0)
            return np.asarray(target_kpa * up * np.exp(-after_s / falls_s))

        end_ns = open_ns + round(1e9)
        times = np.arange(start_ns, end_ns, 10_000_000, dtype=np.int64) + chance.integers(0, 10_000_000)
        times += chance.integers(0, 400_000, len(times))
        kpa = true_kpa(times) + 0.05 * chance.standard_normal(len(times))
        return Pressed(Pressure(times, kpa), hold_ns, open_ns, (), target_kpa), true_kpa, end_ns


def plain_device(**camera: Any) -> DeviceConfig:
    return DeviceConfig.model_validate({"name": "bench-1", "site": "01", "camera": camera})


def bench(rig: TimingRig, before: dict[StepName, StepOutcome] | None = None) -> Bench:
    def ask(question: Question) -> float:
        raise AssertionError(question)

    return Bench(rig, rig.device, ask, lambda _: None, before or {})


def step_named(name: StepName) -> Step:
    return next(step for step in STEPS if step.name is name)


def run(rig: TimingRig, name: StepName) -> StepOutcome:
    """Put in place what a step asks for, and run it."""
    step = step_named(name)
    rig.put(step.target)
    return step.run(bench(rig))


def value(outcome: StepOutcome, name: str) -> tuple[float, float]:
    """Return a figure's value and its expanded uncertainty."""
    found = next(figure for figure in outcome.figures if figure.name == name)
    return found.value, found.uncertainty or 0.0
