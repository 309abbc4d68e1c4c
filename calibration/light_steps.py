"""The light's steps, in the order in which they are done: on a warm light the others judge."""

from typing import Final

from calibration.light_ambient import AMBIENT
from calibration.light_flicker import FLICKER
from calibration.light_warm_up import WARM_UP
from calibration.step import Step

STEPS: Final[tuple[Step, ...]] = (WARM_UP, AMBIENT, FLICKER)
