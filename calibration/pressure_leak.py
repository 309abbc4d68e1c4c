"""Leak of the device itself: what the pressure on the plug loses while the pump stands still, the valve closed."""

import math
from typing import Final

import numpy as np

from calibration.camera_frames import TargetError, curve, guarded, outcome
from calibration.pressure_samples import Floats, Presses, rounding_u, steady, step_kpa
from calibration.rig import Pressed, Target
from calibration.step import COVERAGE_FACTOR, Bench, Step, Words
from contract.certificate import Figure, StepName, StepOutcome

PRESSES: Final = 3
HOLD_S: Final = 5.0
RUN_DOWN_S: Final = 0.15
"""A pump gives a little more after it is switched off: five times its inertia's 0.03 s."""
STILL_GIVES: Final = 0.03
"""Of the leak, what a slow pump may still give then, on average over the rest; it is taken for uniform."""
LEAST_S: Final = 0.2
MOST_LEAK_KPA_PER_S: Final = 2.5
"""Where the largest chamber's weakest pump makes up for 7 kPa/s at 60 kPa the probe calls it a leak: the device's own
takes a third of that, and leaves the rest to the skin's seal."""


def leak(bench: Bench) -> StepOutcome:
    """Press to the limit, and follow the pressure while nothing holds it."""
    target_kpa = bench.device.press_limits.pressure_kpa
    step = step_kpa(bench.device.pressure_sensor)
    presses = Presses(bench)
    found = []
    for place in range(1, PRESSES + 1):
        bench.say(f"{place}/{PRESSES}: {target_kpa:g} kPa, the pump standing still at the end.")
        found.append(presses.press(target_kpa, HOLD_S, but=("leak", "slow_release")))
    rates, levels, us = np.array([lost(pressed, step) for pressed in found]).T
    rate = float(np.mean(rates))
    # Rounding leaves the same in every press that falls from the same level, so it does not average out.
    own = float(np.sqrt(np.mean(us**2)))
    scatter = float(np.std(rates, ddof=1)) / math.sqrt(PRESSES)
    u = math.hypot(max(own / math.sqrt(PRESSES), scatter), STILL_GIVES / math.sqrt(3.0) * rate)
    figures = [
        Figure(
            name="leak-kpa-per-s",
            value=rate,
            unit="kPa/s",
            uncertainty=COVERAGE_FACTOR * u,
            at_most=MOST_LEAK_KPA_PER_S,
        ),
        Figure(name="leak-at-kpa", value=float(np.mean(levels)), unit="kPa"),
    ]
    seconds, kpa = _still(found[-1])
    return outcome(StepName.PRESSURE_LEAK, figures, [curve("leak", seconds, kpa, "s with the pump off", "kPa")])


def lost(pressed: Pressed, step_kpa: float) -> tuple[float, float, float]:
    """Return what a press lost, kPa/s, at which mean pressure, kPa, and the standard uncertainty of the first."""
    steady(pressed)  # a press that was never held has no leak to tell
    seconds, kpa = _still(pressed)
    used = seconds >= RUN_DOWN_S
    if np.count_nonzero(used) < 10 or float(np.ptp(seconds[used])) < LEAST_S:
        raise TargetError("The pump did not stand still for long enough to tell a leak.")
    t, y = seconds[used], kpa[used]
    slope, level = np.polyfit(t, y, 1)
    sigma = float(np.std(y - level - slope * t, ddof=2))
    length = float(np.ptp(t))
    noise_u = sigma * math.sqrt(12.0 / len(t)) / length
    # A pressure that stays within one step is rounded alike throughout; one that crosses steps is rounded at random.
    left = rounding_u(sigma, step_kpa) if abs(slope) * length < 2.0 * step_kpa else 0.2 * step_kpa
    return -float(slope), float(np.mean(y)), math.hypot(noise_u, 2.0 * left / length)


def _still(pressed: Pressed) -> tuple[Floats, Floats]:
    """Return the samples between the pump's last turn and the valve's opening: s since then, and kPa."""
    if pressed.still_ns is None:
        raise TargetError("This machine does not let its pump stand still at the end of a hold: no leak can be told.")
    t_ns = pressed.pressure.t_boot_ns
    within = (t_ns >= pressed.still_ns) & (t_ns < pressed.valve_open_ns)
    return (t_ns[within] - pressed.still_ns) / 1e9, pressed.pressure.kpa[within]


LEAK: Final = Step(
    StepName.PRESSURE_LEAK,
    Target.PLUG,
    Words("Pressure: leak", "Pression : fuite"),
    Words(
        "Leave the plug on the nozzle. Close the manometer's branch, or leave it as it is when it is tight.",
        "Laissez le bouchon sur la buse. Fermez la branche du manomètre, ou laissez-la si elle est étanche.",
    ),
    guarded(StepName.PRESSURE_LEAK, leak),
)
