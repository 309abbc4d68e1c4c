"""The ceiling: at what pressure the probe lets go by itself, whatever it was asked for."""

import math
from typing import Final

import numpy as np

from calibration.camera_frames import guarded, outcome
from calibration.pressure_samples import Presses
from calibration.rig import Target
from calibration.step import COVERAGE_FACTOR, Bench, Step, Words
from contract.certificate import Figure, StepName, StepOutcome
from firmware_config.device import TRIP_FACTOR

TRIES: Final = 3
STEP_KPA: Final = 0.3
"""By which a reading that is raised step by step may lie over the one that would have done; it is taken for uniform."""
ABOVE, BELOW = 1.01, 0.95
"""Of where it must: room above for that step and a sample's noise; below, no full press's overshoot may trip it."""


def ceiling(bench: Bench) -> StepOutcome:
    """Have the reading raised until the probe lets go, several times over."""
    must_kpa = bench.device.press_limits.pressure_kpa * TRIP_FACTOR
    presses = Presses(bench)
    found = []
    for place in range(1, TRIES + 1):
        bench.say(f"{place}/{TRIES}: it has to let go at {must_kpa:.1f} kPa.")
        presses.wait()
        found.append(bench.rig.ceiling_kpa(bench.operator))
    u = math.hypot(float(np.std(found, ddof=1)) / math.sqrt(TRIES), STEP_KPA / math.sqrt(3.0))
    figure = Figure(
        name="ceiling-kpa",
        value=float(np.mean(found)),
        unit="kPa",
        uncertainty=COVERAGE_FACTOR * u,
        at_least=BELOW * must_kpa,
        at_most=ABOVE * must_kpa,
    )
    return outcome(StepName.PRESSURE_CEILING, [figure])


CEILING: Final = Step(
    StepName.PRESSURE_CEILING,
    Target.PLUG,
    Words("Pressure: ceiling", "Pression : plafond"),
    Words("Leave the plug on the nozzle.", "Laissez le bouchon sur la buse."),
    guarded(StepName.PRESSURE_CEILING, ceiling),
)
