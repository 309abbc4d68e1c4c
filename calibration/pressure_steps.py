"""The pressure steps, in the order in which they are done."""

from typing import Final

from calibration.pressure_ceiling import CEILING
from calibration.pressure_leak import LEAK
from calibration.pressure_release import RELEASE
from calibration.pressure_span import SPAN
from calibration.pressure_zero import ZERO
from calibration.step import Step

STEPS: Final[tuple[Step, ...]] = (ZERO, SPAN, LEAK, RELEASE, CEILING)
