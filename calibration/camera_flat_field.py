"""Flat field: how evenly white is seen over the picture, in level and in colour, and which pixels are dead."""

from typing import Final

import cv2
import numpy as np

from calibration.camera_frames import (
    Floats,
    black_of,
    check_white,
    curve,
    guarded,
    lock_of,
    mean_of,
    outcome,
    surface,
    take,
)
from calibration.rig import Target
from calibration.step import COVERAGE_FACTOR, Bench, Step, Words
from contract.certificate import Figure, StepName, StepOutcome

FRAMES: Final = 8
COLUMNS, ROWS = 16, 12
MOST_FALLOFF_PCT: Final = 20.0
"""Corner against middle. A common loss cancels in ln(G/R); what is left in the corner has to stay well above dark."""
MOST_COLOUR_PCT: Final = 3.0
"""Of ln(G/R) from border to border: skin that moves by a tenth of the field then moves the signal by 0.003, a tenth
of a normal step (0.03)."""
RIM_BELOW: Final = 0.9
DEAD_BELOW: Final = 0.6
MOST_DEAD: Final = 20


def flat_field(bench: Bench) -> StepOutcome:
    """Fit ln of green, and ln(G/R), over a grid of medians: tilt and bowl."""
    light = mean_of(take(bench, FRAMES, lock_of(bench))) - black_of(bench)
    check_white(light)
    cells = grid(light)
    y, x = np.mgrid[0:ROWS, 0:COLUMNS].astype(float)
    x, y = ((2 * x + 1) / COLUMNS - 1).ravel(), ((2 * y + 1) / ROWS - 1).ravel()
    green, ratio = cells[:, 1], cells[:, 1] / cells[:, 0]
    bowl, bowl_c, _ = surface(green, x, y)
    tilt, tilt_c, sigma = surface(ratio, x, y)
    falloff = -2.0 * float(bowl[3])
    falloff_u = COVERAGE_FACTOR * float(np.hypot(2.0 * np.sqrt(bowl_c[3, 3]), 0.002 + 0.01 * abs(falloff)))
    # 1 %: the response's own bend, within its limit.
    across = 2.0 * float(np.hypot(tilt[1], tilt[2]))
    across_u = COVERAGE_FACTOR * float(np.hypot(2.0 * np.sqrt(tilt_c[1, 1] + tilt_c[2, 2]), 0.0005 + 0.01 * across))
    round_about = 2.0 * float(tilt[3])
    round_u = COVERAGE_FACTOR * 2.0 * float(np.sqrt(tilt_c[3, 3]))
    kept = float(np.exp(-falloff))
    return outcome(
        StepName.CAMERA_FLAT_FIELD,
        [
            Figure(
                name="falloff-pct",
                value=100 * (1.0 - kept),
                unit="%",
                uncertainty=100 * kept * falloff_u,
                at_most=MOST_FALLOFF_PCT,
            ),
            Figure(
                name="green-red-range-pct",
                value=100 * across,
                unit="%",
                uncertainty=100 * across_u,
                at_most=MOST_COLOUR_PCT,
            ),
            Figure(
                name="green-red-bowl-pct",
                value=100 * round_about,
                unit="%",
                uncertainty=100 * round_u,
                at_least=-MOST_COLOUR_PCT,
                at_most=MOST_COLOUR_PCT,
            ),
            Figure(name="green-red-rough-pct", value=100 * sigma, unit="%", at_most=1.0),
            Figure(name="dead-pixels", value=dead_pixels(light), at_most=MOST_DEAD),
        ],
        [
            curve("green", np.arange(len(green)), green / green.max(), "cell, row by row of 16", "of largest"),
            curve("ln-green-red", np.arange(len(green)), np.log(ratio), "cell, row by row of 16", "ln(G/R)"),
        ],
    )


def grid(light: Floats) -> Floats:
    """Return medians of 12 rows of 16 cells, shape (192, 3): the plate's rim and single pixels do not move a median."""
    return np.array(
        [
            _median(cell.reshape(-1, 3))
            for row in np.array_split(light, ROWS, axis=0)
            for cell in np.array_split(row, COLUMNS, axis=1)
        ]
    )


def _median(cell: Floats) -> Floats:
    """Without what the plate's rim darkens: else a cell that it crosses has its median at the lower end of white."""
    bright = cell[:, 1] > RIM_BELOW * np.percentile(cell[:, 1], 80)
    return np.asarray(np.median(cell[bright], axis=0))


def dead_pixels(light: Floats) -> int:
    """Return how many pixels show less than 0.6 of their neighbours' median, in green."""
    green = np.ascontiguousarray(light[:, :, 1], dtype=np.float32)
    return int(np.count_nonzero(green < DEAD_BELOW * cv2.medianBlur(green, 5)))


FLAT_FIELD: Final = Step(
    StepName.CAMERA_FLAT_FIELD,
    Target.WHITE,
    Words("Camera: flat field", "Caméra : uniformité"),
    Words("Leave the white target under the plate.", "Laissez la mire blanche sous la plaque."),
    guarded(StepName.CAMERA_FLAT_FIELD, flat_field),
)
