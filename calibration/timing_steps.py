"""The steps of timing, and the one that measures a known refill from end to end."""

from typing import Final

from calibration.camera_frames import guarded
from calibration.end_to_end import end_to_end
from calibration.rig import Target
from calibration.step import Step, Words
from calibration.timing_frames import timing_frames
from calibration.timing_offset import timing_offset
from contract.certificate import StepName

STEPS: Final[tuple[Step, ...]] = (
    Step(
        StepName.TIMING_FRAMES,
        Target.SCALE_CARD,
        Words("Timing: frames", "Chronométrie : images"),
        Words("Leave the scale card under the plate.", "Laissez la mire d'échelle sous la plaque."),
        guarded(StepName.TIMING_FRAMES, timing_frames),
    ),
    Step(
        StepName.TIMING_OFFSET,
        Target.PAD,
        Words("Timing: camera and pressure", "Chronométrie : caméra et pression"),
        Words(
            "Lay the soft pad under the plate, its dots towards the camera.",
            "Posez le coussin souple sous la plaque, points vers la caméra.",
        ),
        guarded(StepName.TIMING_OFFSET, timing_offset),
    ),
    Step(
        StepName.END_TO_END,
        Target.RECOVERY,
        Words("End to end: a known refill", "De bout en bout : une recoloration connue"),
        Words(
            "Open the recovery page on a phone or tablet, full brightness, tap it, and lay the plate on its screen.",
            "Ouvrez la page de recoloration sur un téléphone, luminosité maximale, touchez-la, posez-y la plaque.",
        ),
        guarded(StepName.END_TO_END, end_to_end),
    ),
)
