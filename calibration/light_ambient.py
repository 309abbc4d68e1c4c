"""Ambient: the share of the room's light in the picture, by switching the own light off."""

from typing import Final

import numpy as np

from calibration.camera_dark import black_and_noise
from calibration.camera_frames import Floats, TargetError, guarded, lights, outcome
from calibration.light_levels import dark_light, longest_exposure_us, middle_columns, seen_levels, white_lock
from calibration.rig import RigError, Target
from calibration.step import COVERAGE_FACTOR, Bench, Step, Words
from contract.certificate import Figure, StepName, StepOutcome
from firmware_config.camera import CameraLock

FRAMES: Final = 8
SETTLES_S: Final = 0.5
"""After the light went off, whose phosphor may glow for some ms."""
MOST_AMBIENT_PCT: Final = 1.0
"""A lamp that is switched, or a body that passes, changes the room's light by as much as there is of it. Against the
own light its ln(G/R) differs by 0.3 or less, so 1 % moves the signal by 0.003, a tenth of a normal step (0.03)."""
MOST_LEVEL: Final = 0.9
BEND: Final = 0.0017
"""Relative standard uncertainty for each unit of ln between two levels: a response whose power is within 0.003 of 1."""

FLICKERS: Final = 0.005
"""Relative standard uncertainty from a room light's flicker, whose phase a few frames happen to see."""


def ambient(bench: Bench) -> StepOutcome:
    """Compare white without the own light, at the longest exposure, with white under it."""
    if not bench.rig.has_light_pin:
        raise RigError("This machine cannot switch its own light (pins.light): the room's share in it is not known.")
    lock, _ = white_lock(bench)
    _, lit = seen_levels(bench, FRAMES, lock)
    shortest = lock.model_copy(update={"exposure_us": bench.device.camera.mode.shortest_exposure_us})
    with dark_light(bench.rig):
        bench.rig.wait(SETTLES_S)
        black = _dark_levels(bench, shortest)
        long = lock.model_copy(update={"exposure_us": longest_exposure_us(bench)})
        room = _dark_levels(bench, long)
        while room.mean() > MOST_LEVEL and long.exposure_us > lock.exposure_us:
            long = long.model_copy(update={"exposure_us": max(long.exposure_us // 4, lock.exposure_us)})
            room = _dark_levels(bench, long)
    if room.mean() > MOST_LEVEL:
        raise TargetError("The room is as bright as the device's own light: cover the plate, and see that it lights.")
    room_rate = (room.mean() - black.mean()) / (long.exposure_us - shortest.exposure_us)
    lit_rate = (lit.mean() - black.mean()) / lock.exposure_us
    share = float(room_rate / lit_rate)
    spread = np.hypot(room.std(ddof=1), black.std(ddof=1)) / np.sqrt(FRAMES) / (long.exposure_us * lit_rate)
    bend = BEND * abs(float(np.log(max(float(room.mean() - black.mean()), 1e-4) / lit.mean()))) * share
    seen = share * float(lit.std(ddof=1) / lit.mean()) / np.sqrt(FRAMES)
    u = COVERAGE_FACTOR * float(np.sqrt(spread**2 + bend**2 + seen**2 + (FLICKERS * share) ** 2 + 0.0001**2))
    return outcome(
        StepName.LIGHT_AMBIENT,
        [
            Figure(name="ambient-pct", value=100 * share, unit="%", uncertainty=100 * u, at_most=MOST_AMBIENT_PCT),
        ],
    )


def _dark_levels(bench: Bench, lock: CameraLock) -> Floats:
    """Return green of each frame, linear, though what lies below zero was cut off; shape (n,)."""
    frames = lights(bench.rig.pictures(FRAMES, lock))
    return np.array([black_and_noise(middle_columns(frame))[0] for frame in frames])


AMBIENT: Final = Step(
    StepName.LIGHT_AMBIENT,
    Target.WHITE,
    Words("Light: share of the room's light", "Lumière : part de la lumière ambiante"),
    Words(
        "Leave the white target under the plate, and have the room as bright as it will be.",
        "Laissez la mire blanche sous la plaque, la pièce éclairée comme elle le sera.",
    ),
    guarded(StepName.LIGHT_AMBIENT, ambient),
    optional=True,
)
