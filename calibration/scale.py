"""Scale: pixels per mm from the scale card's dots, how it is turned, and where the plate is in the picture."""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from calibration.camera_frames import Floats, TargetError, black_of, guarded, lock_of, mean_of, outcome, take
from calibration.camera_target import BLOCK_SIDE_MM, DOT_RADIUS_MM, PRINTED_WITHIN, dots
from calibration.rig import Target
from calibration.step import COVERAGE_FACTOR, Bench, Step, Words
from contract.certificate import Figure, StepName, StepOutcome

FRAMES: Final = 8
DARK_OF_WHITE: Final = 0.45
AREA_WITHIN_PCT: Final = 4.0
"""Of the plate's area against `probe.plate_area_mm2`: a per cent of area is a per cent of force."""
LEAST_PX_PER_MM: Final = 8.0
"""A region of 4 x 4 mm then has 1000 pixels."""
MOST_OFF_CENTRE_PCT: Final = 10.0
"""Of the picture's width, plate's middle from the picture's: more of it would leave the picture."""
RIM_WITHIN_MM: Final = 0.45


@dataclass(frozen=True)
class Place:
    """Where the card is: picture px = `middle_px` + `px_per_mm` x mm turned by `turn_deg`; clockwise on the picture."""

    px_per_mm: float
    turn_deg: float
    middle_px: tuple[float, float]
    left_px: float
    """Root mean square of what the fit leaves, per axis."""

    def px(self, mm: Floats) -> Floats:
        """Return points of the card, mm, shape (n, 2), in the picture."""
        turn = math.radians(self.turn_deg)
        turned = mm @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        return np.asarray(self.px_per_mm * turned + np.array(self.middle_px))


def scale(bench: Bench) -> StepOutcome:
    """Measure scale, turn, and the plate's circle."""
    frames = take(bench, FRAMES, lock_of(bench))
    light = mean_of(frames)[:, :, 1] - black_of(bench)
    height, width = light.shape
    place = find_card(light)
    middle, radius_px, rim_u_px = find_rim(light, place, math.sqrt(bench.device.probe.plate_area_mm2 / math.pi))
    arm = float(np.sqrt((dots() ** 2).sum()))
    # The fit's own, what pixels and print leave of each dot in common, and the sheet's length (JCGM 100:2008, 4.3.7).
    fit_u = math.hypot(place.left_px / arm, 0.02 / (arm / math.sqrt(len(dots()))))
    relative = math.hypot(fit_u / place.px_per_mm, PRINTED_WITHIN / math.sqrt(3.0))
    radius_mm = radius_px / place.px_per_mm
    area = math.pi * radius_mm**2
    area_u = COVERAGE_FACTOR * 2.0 * area * math.hypot(relative, rim_u_px / radius_px)
    off = 100.0 * math.hypot(middle[0] - 0.5 * (width - 1), middle[1] - 0.5 * (height - 1)) / width
    wanted = bench.device.probe.plate_area_mm2
    return outcome(
        StepName.SCALE,
        [
            Figure(
                name="px-per-mm",
                value=place.px_per_mm,
                unit="px/mm",
                uncertainty=COVERAGE_FACTOR * relative * place.px_per_mm,
                at_least=LEAST_PX_PER_MM,
            ),
            Figure(
                name="turn-deg",
                value=place.turn_deg,
                unit="deg",
                uncertainty=COVERAGE_FACTOR * math.degrees(fit_u / place.px_per_mm),
            ),
            Figure(name="plate-x-px", value=middle[0], unit="px", uncertainty=COVERAGE_FACTOR * rim_u_px),
            Figure(name="plate-y-px", value=middle[1], unit="px", uncertainty=COVERAGE_FACTOR * rim_u_px),
            Figure(name="plate-radius-px", value=radius_px, unit="px", uncertainty=COVERAGE_FACTOR * rim_u_px),
            Figure(name="off-centre-pct", value=off, unit="%", at_most=MOST_OFF_CENTRE_PCT),
            Figure(
                name="plate-area-mm2",
                value=area,
                unit="mm2",
                uncertainty=area_u,
                at_least=wanted * (1.0 - AREA_WITHIN_PCT / 100.0),
                at_most=wanted * (1.0 + AREA_WITHIN_PCT / 100.0),
            ),
        ],
    )


def find_card(light: Floats) -> Place:
    """Return where the scale card is in linear green, shape (height, width); raises `TargetError` where it is not."""
    white = float(np.percentile(light, 75))
    if white < 0.05:
        raise TargetError("It is too dark for the scale card: lay it under the plate and see that the light is on.")
    darkness = np.clip(1.0 - light / white, 0.0, 1.0)
    count, _, stats, _ = cv2.connectedComponentsWithStats((light < DARK_OF_WHITE * white).astype(np.uint8))
    parts = [number for number in range(1, count) if stats[number, cv2.CC_STAT_AREA] >= 12]
    if len(parts) != len(dots()) + 1:
        raise TargetError(
            f"No scale card is seen ({len(parts)} dark marks, not {len(dots()) + 1}): lay it in the middle."
        )
    middles = np.array([_middle(darkness, stats[number]) for number in parts])
    block = int(np.argmax([stats[number, cv2.CC_STAT_AREA] for number in parts]))
    ratio = stats[parts[block], cv2.CC_STAT_AREA] / np.median([stats[number, cv2.CC_STAT_AREA] for number in parts])
    wanted = BLOCK_SIDE_MM**2 / (math.pi * DOT_RADIUS_MM**2)
    place = _match(np.delete(middles, block, axis=0), middles[block])
    if not 0.6 * wanted < ratio < 1.6 * wanted or place.left_px > 0.05 * place.px_per_mm:
        raise TargetError("The marks under the plate are not those of the scale card: print the target sheet at 100 %.")
    return place


def _middle(darkness: Floats, stats: Floats) -> Floats:
    """Return the middle of a dark mark's darkness, x and y in px, with what surrounds it taken off."""
    left, top = int(stats[cv2.CC_STAT_LEFT]), int(stats[cv2.CC_STAT_TOP])
    right, bottom = left + int(stats[cv2.CC_STAT_WIDTH]), top + int(stats[cv2.CC_STAT_HEIGHT])
    grown = 3
    y, x = np.mgrid[max(top - grown, 0) : bottom + grown, max(left - grown, 0) : right + grown]
    part = darkness[max(top - grown, 0) : bottom + grown, max(left - grown, 0) : right + grown]
    y, x = y[: part.shape[0], : part.shape[1]], x[: part.shape[0], : part.shape[1]]
    edge = np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]])
    weight = np.maximum(part - np.median(edge), 0.0)
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


def _match(found: Floats, middle: Floats) -> Place:
    """Fit the dots to the card's, whichever way it lies: every dot in turn is tried as the first."""
    model = dots()
    spans = np.linalg.norm(found - middle, axis=1).mean() / np.linalg.norm(model, axis=1).mean()
    offsets = (found - middle) / spans
    best: tuple[float, Floats] | None = None
    for turn in np.arctan2(offsets[:, 1], offsets[:, 0]) - math.atan2(model[0, 1], model[0, 0]):
        turned = model @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        distance = np.linalg.norm(turned[:, None] - offsets[None], axis=2)
        nearest = distance.argmin(axis=1)
        if len(set(nearest.tolist())) == len(model):
            worst = float(distance.min(axis=1).max())
            if best is None or worst < best[0]:
                best = (worst, found[nearest])
    if best is None:
        raise TargetError("The marks under the plate are not those of the scale card: print the target sheet at 100 %.")
    return _similarity(model, best[1])


def _similarity(mm: Floats, px: Floats) -> Place:
    """Least squares of px = scale x turned mm + middle (Umeyama 1991, in the plane as complex numbers)."""
    one, other = mm[:, 0] + 1j * mm[:, 1], px[:, 0] + 1j * px[:, 1]
    factor = np.vdot(one - one.mean(), other - other.mean()) / np.vdot(one - one.mean(), one - one.mean()).real
    middle = other.mean() - factor * one.mean()
    left = np.abs(other - factor * one - middle)
    left_px = float(np.sqrt((left**2).sum() / (2 * len(mm) - 4)))
    return Place(abs(factor), math.degrees(np.angle(factor)), (float(middle.real), float(middle.imag)), left_px)


def find_rim(light: Floats, place: Place, radius_mm: float) -> tuple[tuple[float, float], float, float]:
    """Return middle and radius of the plate's dark rim in px, and their standard uncertainty.

    Along rays from the card's middle the darkest place is refined by its neighbours' darkness; a circle goes through
    them by least squares (Kasa 1976), without those that lie far off it.
    """
    angles = np.linspace(0.0, 2.0 * np.pi, 180, endpoint=False)
    across = np.arange(-1.2, 1.2, 0.25 / place.px_per_mm) + radius_mm
    x = place.middle_px[0] + place.px_per_mm * np.outer(np.cos(angles), across)
    y = place.middle_px[1] + place.px_per_mm * np.outer(np.sin(angles), across)
    rays = cv2.remap(light.astype(np.float32), x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
    depth = 1.0 - rays / np.median(rays, axis=1, keepdims=True)
    darkest = depth.argmax(axis=1)
    near = np.abs(np.arange(len(across))[None] - darkest[:, None]) <= RIM_WITHIN_MM / (across[1] - across[0])
    weight = np.where(near, np.maximum(depth - 0.05, 0.0), 0.0)
    kept = (depth.max(axis=1) > 0.15) & (weight.sum(axis=1) > 0.0)
    if np.count_nonzero(kept) < 90:
        raise TargetError(
            "The plate's rim is not seen around the card: see that the plate is in the middle of the picture."
        )
    at = (weight[kept] * across).sum(axis=1) / weight[kept].sum(axis=1) * place.px_per_mm
    points = np.stack([np.cos(angles[kept]) * at, np.sin(angles[kept]) * at], axis=1)
    for _ in range(3):
        middle, radius = _circle(points)
        off = np.linalg.norm(points - middle, axis=1) - radius
        points = points[np.abs(off) <= 3.0 * max(float(np.median(np.abs(off))), 0.05)]
    u_px = math.hypot(float(np.std(off)) * math.sqrt(2.0 / len(points)), 0.1)
    return (place.middle_px[0] + float(middle[0]), place.middle_px[1] + float(middle[1])), radius, u_px


def _circle(points: Floats) -> tuple[Floats, float]:
    terms = np.hstack([2.0 * points, np.ones((len(points), 1))])
    found = np.linalg.lstsq(terms, (points**2).sum(axis=1), rcond=None)[0]
    return found[:2], float(np.sqrt(found[2] + (found[:2] ** 2).sum()))


STEPS: Final[tuple[Step, ...]] = (
    Step(
        StepName.SCALE,
        Target.SCALE_CARD,
        Words("Scale and place of the plate", "Échelle et place de la plaque"),
        Words("Lay the scale card flat under the plate, in its middle.", "Posez la mire d'échelle à plat, au milieu."),
        guarded(StepName.SCALE, scale),
    ),
)
