"""Whether a press can be trusted: the checks, each ending in one reason of the contract's table.

A tidy curve is no proof. Each check looks at one thing that the fit cannot see: how the skin was pressed (`pressing`),
whether frames are whole (`frames`), whether the light and the camera stood still and blood alone moved the colours
(`light`), whether what changed was skin, everywhere at once (`picture`), whether the course is that of one press
(`course`), and what doubt the fit itself leaves (`estimate`). `limits` says what counts as too much. Order matters: the
first complaint is the one that a nurse can act on. Codes are those of the contract's table of reasons.
"""

from vision.quality.course import of_bump, of_course, of_hold, of_leap, trusted_surround
from vision.quality.estimate import of_dip, of_estimate, of_jump, of_level, of_loss, of_step
from vision.quality.frames import of_frames, of_frozen
from vision.quality.light import of_brightening, of_closure, of_colour, of_light, of_light_level
from vision.quality.limits import Limits
from vision.quality.picture import of_coherence, of_field, of_flicker, of_glare, of_motion, of_picture, of_surround
from vision.quality.pressing import (
    is_overfull,
    is_unfinished,
    of_blanching,
    of_clocks,
    of_drift,
    of_early_return,
    of_pressure,
    of_steep_drift,
)

__all__ = [
    "Limits",
    "is_overfull",
    "is_unfinished",
    "of_blanching",
    "of_brightening",
    "of_bump",
    "of_clocks",
    "of_closure",
    "of_coherence",
    "of_colour",
    "of_course",
    "of_dip",
    "of_drift",
    "of_early_return",
    "of_estimate",
    "of_field",
    "of_flicker",
    "of_frames",
    "of_frozen",
    "of_glare",
    "of_hold",
    "of_jump",
    "of_leap",
    "of_level",
    "of_light",
    "of_light_level",
    "of_loss",
    "of_motion",
    "of_picture",
    "of_pressure",
    "of_steep_drift",
    "of_step",
    "of_surround",
    "trusted_surround",
]
