"""The release on the plug: how long it takes from 90 to 10 %, and from the valve's command to half."""

import math
from typing import Final

import numpy as np

from calibration.camera_frames import TargetError, curve, guarded, outcome
from calibration.pressure_samples import Floats, Presses, rest_kpa, steady
from calibration.rig import Pressed, Target
from calibration.step import COVERAGE_FACTOR, Bench, Step, Words
from contract.certificate import Figure, StepName, StepOutcome

PRESSES: Final = 5
TARGET_KPA: Final = 40.0
HOLD_S: Final = 3.0
LEVEL_S: Final = 0.15
"""So long before the valve opens the level is taken from which the pressure falls."""
AT_THE_TOP: Final = 0.97
"""Share of the level above which the fall has not begun."""
AT_THE_BOTTOM: Final = 0.02
"""Below, the root of what is left is mostly noise."""
MOST_RELEASE_MS: Final = 150.0
"""Time zero is half of the hold: a release of 150 ms spreads over a tenth of a refill of 1.5 s."""
MOST_HALF_MS: Final = 120.0
SENSOR_LAG_MS: Final = (1.0, 5.0)
"""By which a sensor with its filter follows: it moves half, and hardly what lies between two levels."""
STAMP_MS: Final = 1.0
"""Standard uncertainty of a crossing between two samples 10 ms apart: the root's line is not quite straight."""
CORNER_MS: Final = 1.8
"""The fall's beginning lies between two samples: standard uncertainty of extending it backwards."""


def release(bench: Bench) -> StepOutcome:
    """Press and let go, several times over."""
    target_kpa = min(TARGET_KPA, bench.device.press_limits.pressure_kpa)
    presses = Presses(bench)
    falls = []
    for place in range(1, PRESSES + 1):
        bench.say(f"{place}/{PRESSES}: {target_kpa:g} kPa and release.")
        falls.append(fall(presses.press(target_kpa, HOLD_S, but=("leak", "slow_release"))))
    found = np.array([[crossing(*one, share) for share in (0.9, 0.5, 0.1)] for one in falls])
    period_ms = 1e3 / bench.device.pressure_sensor.rate_hz
    lengths, halves = found[:, 2] - found[:, 0], found[:, 1] - float(np.mean(SENSOR_LAG_MS))
    length_u, half_u = (float(np.std(one, ddof=1)) / math.sqrt(PRESSES) for one in (lengths, halves))
    length_u = math.hypot(length_u, CORNER_MS * period_ms / 10.0)
    lag_u = (SENSOR_LAG_MS[1] - SENSOR_LAG_MS[0]) / math.sqrt(12.0)
    half_u = math.hypot(math.hypot(half_u, lag_u), STAMP_MS * period_ms / 10.0)
    figures = [
        Figure(
            name="release-ms",
            value=float(np.mean(lengths)),
            unit="ms",
            uncertainty=COVERAGE_FACTOR * length_u,
            at_most=MOST_RELEASE_MS,
        ),
        Figure(
            name="valve-to-half-ms",
            value=float(np.mean(halves)),
            unit="ms",
            uncertainty=COVERAGE_FACTOR * half_u,
            at_most=MOST_HALF_MS,
        ),
    ]
    t_ms, share = falls[-1]
    plot = curve("release", t_ms, share, "ms since the valve was told to open", "share of the hold")
    return outcome(StepName.PRESSURE_RELEASE, figures, [plot])


def fall(pressed: Pressed) -> tuple[Floats, Floats]:
    """Return samples of the release: ms since the valve's command, and shares of the level that it began from.

    The sensor's zero is taken off by what it reads before the ramp; its gain cancels.
    """
    steady(pressed)
    t_ms = (pressed.pressure.t_boot_ns - pressed.valve_open_ns) / 1e6
    kpa = pressed.pressure.kpa - rest_kpa(pressed)
    before = (t_ms > -1e3 * LEVEL_S) & (t_ms <= 0.0)
    if np.count_nonzero(before) < 5:
        raise TargetError("There are too few samples before the release.")
    # The line through them, at its end: a leak has let it sink.
    level_kpa = np.polyfit(t_ms[before], kpa[before], 1)[1]
    if level_kpa <= 0.3 * float(kpa.max()):
        raise TargetError("The pressure was gone before the valve was told to open.")
    within = (t_ms > -50.0) & (t_ms < 900.0)
    return t_ms[within], kpa[within] / float(level_kpa)


def crossing(t_ms: Floats, share: Floats, level: float) -> float:
    """Return when the fall last went through `level`, ms since the valve's command.

    Through a hole the pressure's root falls nearly in a straight line, so roots are what is interpolated. Above the
    first sample of the fall, where the valve's seat was still closed for an unknown part of the time, its first stretch
    is extended backwards, at most to the sample before.
    """
    above = np.flatnonzero(share >= level)
    if len(above) == 0 or above[-1] == len(share) - 1:
        raise TargetError("The pressure did not fall as far as it should within a second of the valve's command.")
    last = int(above[-1])
    root = np.sqrt(np.maximum(share, AT_THE_BOTTOM**2))
    wanted = math.sqrt(level)
    if share[last] >= AT_THE_TOP and last + 2 < len(share) and share[last + 2] > AT_THE_BOTTOM:
        per_ms = (root[last + 2] - root[last + 1]) / (t_ms[last + 2] - t_ms[last + 1])
        back = float(t_ms[last + 1] + (wanted - root[last + 1]) / per_ms) if per_ms < 0 else float(t_ms[last])
        return min(max(back, float(t_ms[last])), float(t_ms[last + 1]))
    part = (root[last] - wanted) / (root[last] - root[last + 1])
    return float(t_ms[last] + part * (t_ms[last + 1] - t_ms[last]))


RELEASE: Final = Step(
    StepName.PRESSURE_RELEASE,
    Target.PLUG,
    Words("Pressure: release", "Pression : relâchement"),
    Words("Leave the plug on the nozzle.", "Laissez le bouchon sur la buse."),
    guarded(StepName.PRESSURE_RELEASE, release),
)
