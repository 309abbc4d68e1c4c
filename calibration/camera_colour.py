"""Colour: the chart found under the plate, and the 3 x 3 matrix with offset that takes the camera's colours to its own.

The matrix is a figure of the certificate; the signal, -ln(G/R), is made of the camera's own colours. What one colour
takes from its neighbour makes that signal flatter, so it has a limit.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera_colour_science import delta_e_1976, delta_e_2000, lab_of
from calibration.camera_frames import (
    Floats,
    TargetError,
    black_of,
    curve,
    guarded,
    lock_of,
    mean_of,
    outcome,
    surface,
    take,
)
from calibration.camera_target import chart_patches, chart_size_mm, linear
from calibration.rig import Target
from calibration.step import COVERAGE_FACTOR, Bench, Step, Words
from contract.certificate import Figure, StepName, StepOutcome

FRAMES: Final = 8
DARK_OF_WHITE: Final = 0.45
SHAPE_WITHIN: Final = 0.08
LEAST_LIKENESS: Final = 0.9
"""Correlation of what is seen with the chart's own values, over patches and colours."""
SAMPLED: Final = 0.5
"""Of a patch's side: its edges are blurred."""
MOST_CROSSTALK_PCT: Final = 10.0
"""Of one colour in its neighbour. At 10, ln(G/R) of a normal step loses about a sixth of its size."""
MOST_DELTA_E: Final = 3.0
"""Mean CIEDE2000 after the matrix, each patch left out of its own fit."""
CUT_OFF: Final = 0.004
"""Of paper; noise reaches so far above black."""
LEAST_PATCHES: Final = 12
RIM_PASSES_LESS: Final = 0.7
"""Of the paper's median light: a first guess of what is rim."""
RIM_BELOW: Final = (0.93, 0.96, 0.97, 0.97)
"""Of the paper's own surface: noise, over eight frames, is a percent at most."""
BENT: Final = 0.0035
"""Standard uncertainty of the matrix's numbers from a response that is bent within its limit."""
LIGHT_FLOOR: Final = 0.05
"""Weights are 1 / (light + this): the eye, and Lab, see relative differences, down to the noise."""


def colour(bench: Bench) -> StepOutcome:
    """Read the patches against the paper beside them, and fit both ways: correction and cross-talk."""
    light = mean_of(take(bench, FRAMES, lock_of(bench))) - black_of(bench)
    seen = read_chart(light)
    printed = np.array([linear(patch.srgb) for patch in chart_patches()])
    correction = fit(seen, printed)
    left_out = np.array([_without(number, seen, printed) for number in range(len(seen))])
    # A colour that the camera shows as none may lie below it: nothing is known of how far.
    whole = seen.min(axis=1) > CUT_OFF
    if np.count_nonzero(whole) < LEAST_PATCHES:
        raise TargetError(
            "The camera shows too many of the chart's colours without any red, green or blue: see its tuning."
        )
    forward = fit(printed[whole], seen[whole])
    matrix, u = forward[:3].T, COVERAGE_FACTOR * uncertainty(printed[whole], seen[whole], forward)[:3].T
    own = lab_of(printed)
    before, alone = delta_e_2000(own, lab_of(seen)), delta_e_2000(own, lab_of(left_out))
    return outcome(
        StepName.CAMERA_COLOUR,
        [
            _crosstalk(matrix, u),
            *_numbers("camera", matrix, u),
            *_numbers("cm", correction[:3].T),
            *_differences(own, lab_of(seen), lab_of(apply(seen, correction))),
            Figure(name="delta-e00-left-out", value=float(alone.mean()), at_most=MOST_DELTA_E),
            Figure(name="delta-e00-left-out-worst", value=float(alone.max())),
        ],
        [
            curve("delta-e-before", np.arange(24), before, "patch", "CIEDE2000"),
            curve("delta-e-left-out", np.arange(24), alone, "patch", "CIEDE2000"),
        ],
    )


def _crosstalk(matrix: Floats, u: Floats) -> Figure:
    """Return the largest share that a colour, a row of the matrix, takes from a neighbour."""
    off = np.abs(matrix / matrix.sum(axis=1, keepdims=True)) * (1.0 - np.eye(3))
    worst = np.unravel_index(int(np.argmax(off)), off.shape)
    return Figure(
        name="crosstalk-pct",
        value=100 * float(off[worst]),
        unit="%",
        uncertainty=100 * float(u[worst]),
        at_most=MOST_CROSSTALK_PCT,
    )


def _numbers(name: str, matrix: Floats, u: Floats | None = None) -> list[Figure]:
    """Return a matrix, shape (3, 3), as nine figures, row by row."""
    return [
        Figure(
            name=f"{name}{row + 1}{column + 1}",
            value=float(matrix[row, column]),
            uncertainty=None if u is None else float(u[row, column]),
        )
        for row in range(3)
        for column in range(3)
    ]


def _differences(own: Floats, before: Floats, after: Floats) -> list[Figure]:
    """Return the patches' mean distance in Lab from their own colours, before and after the matrix."""
    return [
        Figure(name=f"delta-e{year}-{when}", value=float(distance(own, lab).mean()))
        for year, distance in (("76", delta_e_1976), ("00", delta_e_2000))
        for when, lab in (("before", before), ("after", after))
    ]


def fit(given: Floats, wanted: Floats) -> Floats:
    """Return the matrix, shape (4, 3), that takes given R, G, B and 1, shape (n, 4), to wanted, by least squares."""
    weight = 1.0 / (wanted.mean(axis=1, keepdims=True) + LIGHT_FLOOR)
    return np.asarray(np.linalg.lstsq(_with_one(given) * weight, wanted * weight, rcond=None)[0])


def apply(given: Floats, matrix: Floats) -> Floats:
    """Return colours, shape (n, 3), through a matrix of `fit`."""
    return np.asarray(_with_one(given) @ matrix)


def uncertainty(given: Floats, wanted: Floats, matrix: Floats) -> Floats:
    """Return the standard uncertainty of each of the matrix's numbers, shape (4, 3), from what the fit leaves."""
    weight = 1.0 / (wanted.mean(axis=1, keepdims=True) + LIGHT_FLOOR)
    terms = _with_one(given) * weight
    left = (wanted - apply(given, matrix)) * weight
    variance = (left**2).sum(axis=0) / (len(given) - 4)
    return np.sqrt(np.outer(np.diag(np.linalg.inv(terms.T @ terms)), variance) + BENT**2)


def _with_one(colours: Floats) -> Floats:
    return np.hstack([colours, np.ones((len(colours), 1))])


def _without(number: int, seen: Floats, printed: Floats) -> Floats:
    others = np.arange(len(seen)) != number
    return apply(seen[number : number + 1], fit(seen[others], printed[others]))[0]


def read_chart(light: Floats) -> Floats:
    """Return the patches' R, G, B over the paper's beside them, shape (24, 3); `TargetError` without a chart."""
    middle, right, down, outline = _find(light)
    flat = light / _paper(light, outline)
    ways = [_sample(flat, middle, sign * right, sign * down) for sign in (1.0, -1.0)]
    printed = np.array([linear(patch.srgb) for patch in chart_patches()]).ravel()
    likeness = [float(np.corrcoef(way.ravel(), printed)[0, 1]) for way in ways]
    if max(likeness) < LEAST_LIKENESS:
        raise TargetError("The patches under the plate are not those of the chart: print the target sheet in colour.")
    return ways[int(np.argmax(likeness))]


def _find(light: Floats) -> tuple[Floats, Floats, Floats, NDArray[np.int32]]:
    """Return the chart's middle in px, its axes in px per mm, and its outline."""
    green = light[:, :, 1]
    white = float(np.percentile(green, 75))
    if white < LIGHT_FLOOR:
        raise TargetError("It is too dark for the chart: lay it under the plate and see that the light is on.")
    mask = (green < DARK_OF_WHITE * white).astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    long_mm, short_mm = chart_size_mm()
    if outlines:
        outline = np.asarray(max(outlines, key=cv2.contourArea), dtype=np.int32)
        corners = cv2.boxPoints(cv2.minAreaRect(outline)).astype(float)
        along, across = corners[1] - corners[0], corners[2] - corners[1]
        if np.linalg.norm(along) < np.linalg.norm(across):
            along, across = across, along
        # A contour runs through the middle of the outermost pixels.
        long_px, short_px = float(np.linalg.norm(along)) + 1.0, float(np.linalg.norm(across)) + 1.0
        filled = cv2.contourArea(outline) / (long_px * short_px)
        if abs(long_px / short_px / (long_mm / short_mm) - 1.0) < SHAPE_WITHIN and filled > 0.9 and long_px > 48:
            right = along / np.linalg.norm(along) * long_px / long_mm
            down = np.array([-right[1], right[0]])
            return corners.mean(axis=0), right, down, outline
    raise TargetError("No colour chart is seen: lay it flat under the plate, in its middle.")


def _paper(light: Floats, outline: NDArray[np.int32]) -> Floats:
    """Return what the paper would show all over, shape of `light`: a bowl and tilt through what is seen beside it."""
    height, width = light.shape[:2]
    covered = np.zeros((height, width), np.uint8)
    cv2.drawContours(covered, [outline], -1, 1, cv2.FILLED)
    covered = np.asarray(cv2.dilate(covered, np.ones((9, 9), np.uint8)), dtype=np.uint8)
    y, x = np.mgrid[-1.0 : 1.0 : height * 1j, -1.0 : 1.0 : width * 1j]
    # The plate's rim is darker than the paper around it, and is no paper; a vignetted corner is. What falls below the
    # surface through what is left is left out, round by round.
    kept = covered == 0
    kept &= light[:, :, 1] > RIM_PASSES_LESS * np.percentile(light[:, :, 1][kept], 50)
    paper = np.empty_like(light)
    for below in RIM_BELOW:
        rows = np.flatnonzero(kept)[::7]
        for channel in range(3):
            found, _, _ = surface(light[:, :, channel].ravel()[rows], x.ravel()[rows], y.ravel()[rows])
            paper[:, :, channel] = np.exp(found[0] + found[1] * x + found[2] * y + found[3] * (x**2 + y**2))
        kept = (covered == 0) & (light[:, :, 1] > below * paper[:, :, 1])
    return paper


def _sample(light: Floats, middle: Floats, right: Floats, down: Floats) -> Floats:
    half = max(0.5 * SAMPLED * chart_patches()[0].side_mm * float(np.linalg.norm(right)), 1.0)
    found = []
    for patch in chart_patches():
        x, y = middle + patch.centre_mm[0] * right + patch.centre_mm[1] * down
        part = light[round(y - half) : round(y + half) + 1, round(x - half) : round(x + half) + 1]
        found.append(part.reshape(-1, 3).mean(axis=0))
    return np.array(found)


COLOUR: Final = Step(
    StepName.CAMERA_COLOUR,
    Target.CHART,
    Words("Camera: colours", "Caméra : couleurs"),
    Words("Lay the colour chart flat under the plate.", "Posez la charte de couleurs à plat sous la plaque."),
    guarded(StepName.CAMERA_COLOUR, colour),
)
