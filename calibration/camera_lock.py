"""Exposure, gain and white balance, chosen on white: nothing clipped, and enough left on the darkest skin."""

import math
from typing import Final

import numpy as np

from calibration.camera_frames import (
    Floats,
    TargetError,
    black_of,
    centre,
    check_white,
    guarded,
    mean_of,
    outcome,
    take,
)
from calibration.rig import Target
from calibration.step import COVERAGE_FACTOR, Bench, Step, Words
from contract.certificate import Figure, StepName, StepOutcome
from firmware_config.camera import Camera, CameraLock
from firmware_config.sensors import SENSORS
from vision.tone import CLIPPED_AT, DARK_AT, linear_to_srgb, srgb_to_linear

AIM: Final = 0.85
"""Linear level of the brightest colour of white, of full: noise and the pulse have room above it."""
CLOSE: Final = 0.02
NEUTRAL: Final = 0.01
"""|ln| of red over green and of blue over green, on white."""
DARKEST_SKIN: Final = 0.02
"""Linear green of skin type VI, of white: less than any printed skin patch."""
MOST_GAIN: Final = 8.0
"""Above this a full sensor holds too few electrons (camera_noise), and what is seen may well be the dark cap."""
TRIES: Final = 12
FRAMES: Final = 4
CLIPPED: Final = float(srgb_to_linear(np.array(float(CLIPPED_AT)))) - 1e-6
MOST_CLIPPED_PCT: Final = 0.1


def choose(bench: Bench) -> StepOutcome:
    """Choose the lock by trying, then measure with it; what is chosen is within the sensor's limits."""
    camera = bench.device.camera
    lock = camera.lock
    preferred_us = _without_flicker(bench, camera)
    for attempt in range(TRIES):
        light = mean_of(take(bench, FRAMES, lock)) - black_of(bench)
        nearer = _nearer(light, lock, camera, preferred_us)
        if nearer is None:
            break
        bench.say(f"{attempt + 1}: {nearer.exposure_us} us, gain {nearer.analogue_gain:g}")
        lock = nearer
    return _judge(bench, lock)


def _without_flicker(bench: Bench, camera: Camera) -> int:
    """Return the longest exposure to use: what the flicker step asks for, else just under a frame."""
    flicker = bench.before.get(StepName.LIGHT_FLICKER)
    asked = flicker.corrections.get("camera.lock.exposure_us") if flicker else None
    longest = math.ceil(1e6 / camera.fps) - 1
    return min(int(asked), longest) if isinstance(asked, int | float) else longest


def _nearer(light: Floats, lock: CameraLock, camera: Camera, longest_us: int) -> CameraLock | None:
    """Return a better lock for what this one shows, None where it is close enough."""
    middle = centre(light).reshape(-1, 3)
    brightest = float(np.percentile(light.max(axis=2), 99.0))
    red, green, blue = np.maximum(np.median(middle, axis=0), 1e-4)
    clipped = brightest > 0.97
    # Of clipped colours nothing is known but that there is too much; of the darkest, that there is too little.
    factor = 0.4 if clipped else min(AIM / max(brightest, 1e-4), 8.0)
    gains = lock.colour_gains
    if not clipped and green > DARKEST_SKIN:
        raised = (gains[0] * green / red, gains[1] * green / blue)
        gains = (float(np.clip(round(raised[0], 4), 0.1, 32.0)), float(np.clip(round(raised[1], 4), 0.1, 32.0)))
    neutral = abs(math.log(green / red)) < 0.3 * NEUTRAL and abs(math.log(green / blue)) < 0.3 * NEUTRAL
    if not clipped and abs(factor - 1.0) < CLOSE and neutral:
        return None
    return split(lock.exposure_us * lock.analogue_gain * factor, gains, lock, camera, longest_us)


def split(
    total: float, gains: tuple[float, float], lock: CameraLock, camera: Camera, longest_us: int
) -> CameraLock | None:
    """Divide exposure x gain: light before gain, since gain raises noise; exposure in the sensor's steps."""
    sensor, mode = SENSORS[camera.sensor], camera.mode
    lines = math.floor(min(total / sensor.smallest_gain, longest_us) / mode.exposure_step_us)
    exposure_us = int(np.clip(round(lines * mode.exposure_step_us), mode.shortest_exposure_us, longest_us))
    gain = float(np.clip(round(total / exposure_us, 4), sensor.smallest_gain, sensor.largest_gain))
    found = CameraLock(
        exposure_us=exposure_us, analogue_gain=gain, colour_gains=gains, lens_position=lock.lens_position
    )
    return None if found == lock else found


def _judge(bench: Bench, lock: CameraLock) -> StepOutcome:
    if lock.analogue_gain > MOST_GAIN:
        raise TargetError("It is too dark for the white target: lay it under the plate and see that the light is on.")
    frames = take(bench, 2 * FRAMES, lock)
    light = mean_of(frames)
    check_white(light)
    black = black_of(bench)
    rows = np.array([np.mean(centre(frame).reshape(-1, 3), axis=0) for frame in frames]) - black
    mean, spread = rows.mean(axis=0), rows.std(axis=0, ddof=1) / math.sqrt(len(rows))
    level = float(np.percentile(light.max(axis=2), 99.0)) - black
    ratios = np.log(mean[[0, 2]] / mean[1])
    ratio_u = COVERAGE_FACTOR * np.hypot(np.hypot(spread[[0, 2]] / mean[[0, 2]], spread[1] / mean[1]), 0.0005)
    code = float(linear_to_srgb(np.array(DARKEST_SKIN * mean[1])))
    clipped = 100.0 * float(np.mean([np.mean(frame.max(axis=2) >= CLIPPED) for frame in frames]))
    level_u = COVERAGE_FACTOR * float(np.hypot(spread[1], 0.002))
    found = outcome(
        StepName.CAMERA_LOCK,
        [
            Figure(name="brightest-pct", value=100 * level, unit="%", at_least=75.0, at_most=93.0),
            Figure(name="white-level-pct", value=100 * float(mean[1]), unit="%", uncertainty=100 * level_u),
            Figure(name="clipped-pct", value=clipped, unit="%", at_most=MOST_CLIPPED_PCT),
            *(
                Figure(name=name, value=float(value), uncertainty=float(u), at_least=-NEUTRAL, at_most=NEUTRAL)
                for name, value, u in zip(("ln-red-green", "ln-blue-green"), ratios, ratio_u, strict=True)
            ),
            Figure(name="exposure-us", value=lock.exposure_us, unit="us"),
            Figure(name="analogue-gain", value=lock.analogue_gain),
            Figure(name="darkest-skin-code", value=code, at_least=2.0 * DARK_AT),
        ],
    )
    # A lock that does not do is no correction.
    return found.model_copy(update={"corrections": _corrections(lock)}) if found.passed else found


def _corrections(lock: CameraLock) -> dict[str, float | int | tuple[float, ...]]:
    return {
        "camera.lock.exposure_us": lock.exposure_us,
        "camera.lock.analogue_gain": lock.analogue_gain,
        "camera.lock.colour_gains": lock.colour_gains,
    }


def _run(bench: Bench) -> StepOutcome:
    try:
        return choose(bench)
    except ValueError as error:  # a lock that the sensor's model refuses
        raise TargetError(f"No exposure and gain within the sensor's limits shows white well: {error}"[:300]) from error


LOCK: Final = Step(
    StepName.CAMERA_LOCK,
    Target.WHITE,
    Words("Camera: exposure, gain, white balance", "Caméra : exposition, gain, balance des blancs"),
    Words("Lay the white target flat under the plate.", "Posez la mire blanche à plat sous la plaque."),
    guarded(StepName.CAMERA_LOCK, _run),
)
