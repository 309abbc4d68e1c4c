"""The camera's steps, in the order in which they are done."""

from typing import Final

from calibration.camera_colour import COLOUR
from calibration.camera_dark import DARK, GLARE
from calibration.camera_flat_field import FLAT_FIELD
from calibration.camera_lock import LOCK
from calibration.camera_response import LINEARITY, NOISE
from calibration.step import Step

STEPS: Final[tuple[Step, ...]] = (DARK, LOCK, LINEARITY, NOISE, FLAT_FIELD, COLOUR, GLARE)
