"""Flat field: how evenly white is seen over the picture, in level and in colour, and which pixels are dead."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera_frames import (
    Floats,
    TargetError,
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
RIM_WIDEST: Final = 1.0 / 8.0
"""Of the picture's width: nothing that is dark over less than this is the lens's or the light's."""
RIM_BELOW: Final = 0.01
"""Darker than its surroundings by this share: the plate's rim, or what a blur has made of it."""
RIM_TAIL: Final = 1.0 / 64.0
"""Of the width, that the rim's blur reaches beyond where it is so dark."""
LEAST_PIXELS: Final = 30
"""Of a cell, that the rim leaves: else it is left out."""
LEAST_CELLS: Final = COLUMNS * ROWS // 2
DEAD_BELOW: Final = 0.6
MOST_DEAD: Final = 20


def flat_field(bench: Bench) -> StepOutcome:
    """Fit ln of green, and ln(G/R), over a grid of medians: tilt and bowl."""
    _refuse_flicker(bench)
    light = mean_of(take(bench, FRAMES, lock_of(bench))) - black_of(bench)
    check_white(light)
    cells, number = grid(light)
    if len(number) < LEAST_CELLS:
        raise TargetError("The picture is not evenly white: lay the white target flat, and keep shadows off it.")
    x, y = 2.0 * (number % COLUMNS + 0.5) / COLUMNS - 1.0, 2.0 * (number // COLUMNS + 0.5) / ROWS - 1.0
    green, ratio = cells[:, 1], cells[:, 1] / cells[:, 0]
    bowl, bowl_c, _ = surface(green, x, y)
    tilt, tilt_c, sigma = surface(ratio, x, y)
    return outcome(
        StepName.CAMERA_FLAT_FIELD,
        [
            _falloff(bowl, bowl_c),
            *_unevenness(tilt, tilt_c),
            Figure(name="green-red-rough-pct", value=100 * sigma, unit="%", at_most=1.0),
            Figure(name="dead-pixels", value=dead_pixels(light), at_most=MOST_DEAD),
        ],
        [
            curve("green", number, green / green.max(), "cell, row by row of 16", "of largest"),
            curve("ln-green-red", number, np.log(ratio), "cell, row by row of 16", "ln(G/R)"),
        ],
    )


def _falloff(bowl: Floats, covariance: Floats) -> Figure:
    """Return how much less the corner shows than the middle, from the surface through ln of green."""
    falloff = -2.0 * float(bowl[3])
    # 1 %: the response's own bend, within its limit.
    falloff_u = COVERAGE_FACTOR * float(np.hypot(2.0 * np.sqrt(covariance[3, 3]), 0.002 + 0.01 * abs(falloff)))
    kept = float(np.exp(-falloff))
    return Figure(
        name="falloff-pct",
        value=100 * (1.0 - kept),
        unit="%",
        uncertainty=100 * kept * falloff_u,
        at_most=MOST_FALLOFF_PCT,
    )


def _unevenness(tilt: Floats, covariance: Floats) -> list[Figure]:
    """Return how far ln(G/R) goes from border to border, and from the middle to the corners."""
    across = 2.0 * float(np.hypot(tilt[1], tilt[2]))
    spread = 2.0 * np.sqrt(covariance[1, 1] + covariance[2, 2])
    across_u = COVERAGE_FACTOR * float(np.hypot(spread, 0.0005 + 0.01 * across))
    round_about = 2.0 * float(tilt[3])
    round_u = COVERAGE_FACTOR * 2.0 * float(np.sqrt(covariance[3, 3]))
    return [
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
    ]


def _refuse_flicker(bench: Bench) -> None:
    """Raise `TargetError` under a light that flickers: its bands lie over the lens's own falloff, and may hide it."""
    flicker = bench.before.get(StepName.LIGHT_FLICKER)
    # Where it has a correction, the lock that was chosen since does not see the flicker.
    if flicker is not None and not flicker.passed and not flicker.corrections:
        raise TargetError("The light flickers, which hides how even the picture is: mend that first.")


def grid(light: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return medians of cells, shape (n, 3), and which of 12 rows of 16 cells they are, row by row, shape (n,).

    A median is not moved by single pixels, but by a rim that darkens half of a cell: what the rim touches is left out.
    """
    kept = ~_rim(light)
    cells, numbers = [], []
    for number in range(ROWS * COLUMNS):
        rows, columns = _part(light.shape[0], number // COLUMNS, ROWS), _part(light.shape[1], number % COLUMNS, COLUMNS)
        cell = light[rows, columns][kept[rows, columns]]
        if len(cell) >= LEAST_PIXELS:
            cells.append(np.median(cell, axis=0))
            numbers.append(number)
    return np.array(cells), np.array(numbers)


def _part(length: int, place: int, of: int) -> slice:
    return slice(length * place // of, length * (place + 1) // of)


def _rim(light: Floats) -> NDArray[np.bool_]:
    """Return which pixels are darker than all around them, or next to such: the plate's rim, however blurred.

    A closing (dilation, then erosion) fills what is dark and narrow, and leaves what falls off over the whole field.
    """
    green = cv2.blur(np.ascontiguousarray(light[:, :, 1], dtype=np.float32), (5, 5))
    wide, tail = (2 * round(0.5 * share * light.shape[1]) + 1 for share in (RIM_WIDEST, 2.0 * RIM_TAIL))
    # Beyond the border it goes on as it does within: else a falling corner would be filled.
    beyond = np.pad(green, wide, mode="reflect", reflect_type="odd")
    filled = cv2.morphologyEx(beyond, cv2.MORPH_CLOSE, np.ones((wide, wide), np.uint8))[wide:-wide, wide:-wide]
    dark = (green < (1.0 - RIM_BELOW) * filled).astype(np.uint8)
    # Noise makes specks; a rim is longer than they are.
    dark = np.asarray(cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    return np.asarray(cv2.dilate(dark, np.ones((tail, tail), np.uint8)) > 0)


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
