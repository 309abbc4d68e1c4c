"""The steps of a calibration, in their order. Those of pressure, light, timing and end to end are not written yet.

A certificate without one of `calibration.certificate.standing.NEEDED` is incomplete and never in force: no study that
requires a calibration is pressed for on it.
"""

from typing import Final

from calibration.camera_steps import STEPS as CAMERA
from calibration.focus import STEPS as FOCUS
from calibration.scale import STEPS as SCALE
from calibration.step import Step

ALL_STEPS: Final[tuple[Step, ...]] = (*CAMERA, *SCALE, *FOCUS)
