"""The steps of a calibration, in the order of `contract.certificate.StepName`.

Pressure comes first, since nothing else presses; then the light, which the camera's steps see by; then camera, scale
and focus, which the steps of timing and the last one, end to end, look through.
"""

from typing import Final

from calibration.camera_steps import STEPS as CAMERA
from calibration.focus import STEPS as FOCUS
from calibration.light_steps import STEPS as LIGHT
from calibration.pressure_steps import STEPS as PRESSURE
from calibration.scale import STEPS as SCALE
from calibration.step import Step
from calibration.timing_steps import STEPS as TIMING

ALL_STEPS: Final[tuple[Step, ...]] = (*PRESSURE, *LIGHT, *CAMERA, *SCALE, *FOCUS, *TIMING)
