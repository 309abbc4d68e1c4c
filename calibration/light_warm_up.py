"""Warm-up: how long after it is switched on the own light holds still, and whether it then does.

A machine that cannot switch its light shows how still it is as it stands; how long it took is then not known.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from calibration.camera_frames import Floats, curve, guarded, outcome
from calibration.light_levels import dark_light, seen_levels, white_lock
from calibration.rig import Target
from calibration.step import COVERAGE_FACTOR, Bench, Step, Words
from contract.certificate import Figure, StepName, StepOutcome
from firmware_config.camera import CameraLock

COOL_S: Final = 120.0
WATCH_S: Final = 220.0
EVERY_S: Final = 10.0
FRAMES: Final = 3
"""At each look; at 60 frames/s three cancel 100 Hz."""
OBSERVATION_S: Final = 30.0
"""Longest that one press is watched."""
STEADY_PCT_PER_MIN: Final = 1.0
"""A change common to all colours cancels in ln(G/R); of a cooling LED's a tenth may be in its colour. 1 % in a minute
then moves ln(G/R) by 0.0005 in 30 s, a sixtieth of a normal step (0.03)."""
MOST_DRIFT_PCT: Final = STEADY_PCT_PER_MIN * OBSERVATION_S / 60.0
WANDERS: Final = 0.0003
"""Standard uncertainty of a light's level from what it does even when it is settled: a slow wave of 0.0004."""
LONGEST_S: Final = 90.0
"""From switching on: about what it takes to seat a finger and choose a subject."""


def warm_up(bench: Bench) -> StepOutcome:
    """Watch white: from cold where the machine can switch its light, else as it is."""
    lock, _ = white_lock(bench)
    pin = bench.rig.has_light_pin
    if pin:
        with dark_light(bench.rig):
            bench.say(f"The light is off for {COOL_S:g} s.")
            bench.rig.wait(COOL_S)
    seconds, level, noise = _watched(bench, lock)
    steady = seconds >= (LONGEST_S if pin else 0.0)
    drift, drift_u = _drift(seconds[steady], level[steady], noise)
    figures = [Figure(name="drift-30s-pct", value=drift, unit="%", uncertainty=drift_u, at_most=MOST_DRIFT_PCT)]
    if pin:
        figures = _warming(seconds, level) + figures
    return outcome(
        StepName.LIGHT_WARM_UP,
        figures,
        [curve("light", seconds, 100.0 * level / level[-1], "s", "light, % of the last")],
    )


def _watched(bench: Bench, lock: CameraLock) -> tuple[Floats, Floats, float]:
    """Return seconds since the first look, the level at each, and a look's relative standard uncertainty."""
    bench.say(f"Looking at the light for {WATCH_S:g} s.")
    start_ns = bench.rig.now_ns()
    times, levels, spreads = [], [], []
    for due_s in np.arange(0.0, WATCH_S + 1.0, EVERY_S):
        bench.rig.wait(max(0.0, due_s - 1e-9 * (bench.rig.now_ns() - start_ns)))
        t_ns, seen = seen_levels(bench, FRAMES, lock)
        times.append(1e-9 * (t_ns - start_ns))
        levels.append(seen.mean())
        spreads.append(seen.std(ddof=1) / seen.mean())
    return np.array(times), np.array(levels), float(np.sqrt(np.mean(np.square(spreads)) / FRAMES))


def _drift(seconds: Floats, level: Floats, noise: float) -> tuple[float, float]:
    """Return the largest change over an observation, %, and its expanded uncertainty."""
    ends = np.interp(seconds + OBSERVATION_S, seconds, level)
    whole = seconds + OBSERVATION_S <= seconds[-1] + 0.5 * EVERY_S
    change = 100.0 * float(np.abs(np.log(ends[whole] / level[whole])).max())
    # 2 %: what is looked at every 10 s may have been a little further in between, and the response's own bend.
    return change, COVERAGE_FACTOR * float(np.hypot(100.0 * np.sqrt(2.0) * noise + 0.02, 0.02 * change))


@dataclass(frozen=True)
class Warming:
    """`level = settled (1 + excess exp(-t / constant_s))`, with the covariance of excess and constant, (2, 2)."""

    excess: float
    constant_s: float
    covariance: Floats

    def settles_s(self) -> float:
        """Return when it changes by no more than `STEADY_PCT_PER_MIN`, s; 0 where it never changed by more."""
        return settles_s(self.excess, self.constant_s)


def settles_s(excess: float, constant_s: float) -> float:
    """Return when `exp(-t / constant_s)`, sized `excess`, falls by no more than `STEADY_PCT_PER_MIN`, s."""
    steepest = 6000.0 * abs(excess) / constant_s
    return constant_s * float(np.log(max(steepest / STEADY_PCT_PER_MIN, 1.0)))


def fitted(seconds: Floats, level: Floats) -> Warming:
    """Fit warming up to levels over time since switching on: the time constant by search, the rest by least squares."""
    constants = np.geomspace(4.0, 600.0, 400)
    misfits, found = [], []
    for constant in constants:
        terms = np.stack([np.ones_like(seconds), np.exp(-seconds / constant)], axis=1)
        solved = np.linalg.lstsq(terms, level, rcond=None)[0]
        found.append(solved)
        misfits.append(float(np.sum(np.square(level - terms @ solved))))
    best = int(np.argmin(misfits))
    constant, (settled, size) = float(constants[best]), found[best]
    falls = np.exp(-seconds / constant)
    slopes = np.stack([np.ones_like(falls), falls, size * falls * seconds / constant**2], axis=1) / settled
    sigma2 = max(misfits[best] / settled**2 / (len(seconds) - 3), 1e-8)
    covariance = sigma2 * np.linalg.pinv(slopes.T @ slopes)[1:, 1:] / np.outer([settled, 1.0], [settled, 1.0])
    return Warming(float(size / settled), constant, np.asarray(covariance))


def _warming(seconds: Floats, level: Floats) -> list[Figure]:
    found = fitted(seconds, level)
    excess, constant = found.excess, found.constant_s
    excess_u = float(np.sqrt(found.covariance[0, 0]))
    step = 0.01
    by_excess = (settles_s(excess * (1 + step), constant) - settles_s(excess * (1 - step), constant)) / (2 * step)
    by_constant = (settles_s(excess, constant * (1 + step)) - settles_s(excess, constant * (1 - step))) / (2 * step)
    slopes = np.array([by_excess / excess, by_constant / constant])
    # 1.5 %: no light warms up quite as one exponential does.
    own = np.sqrt(max(float(slopes @ found.covariance @ slopes), 0.0))
    settles_u = float(np.sqrt(own**2 + 1.0 + (0.015 * found.settles_s()) ** 2))
    return [
        Figure(
            name="settles-s",
            value=found.settles_s(),
            unit="s",
            uncertainty=COVERAGE_FACTOR * settles_u,
            at_most=LONGEST_S,
        ),
        Figure(
            name="cold-excess-pct",
            value=100.0 * excess,
            unit="%",
            uncertainty=100.0 * COVERAGE_FACTOR * float(np.hypot(np.hypot(excess_u, WANDERS), 0.01 * excess)),
        ),
    ]


WARM_UP: Final = Step(
    StepName.LIGHT_WARM_UP,
    Target.WHITE,
    Words("Light: warm-up", "Lumière : mise en température"),
    Words(
        "Lay the white target flat under the plate. This takes up to six minutes.",
        "Posez la mire blanche à plat sous la plaque. Cela dure jusqu'à six minutes.",
    ),
    guarded(StepName.LIGHT_WARM_UP, warm_up),
    optional=True,
)
