"""The leg told from what it lies on: seeded on the landmarks, cut where colour and edges say so, held to a leg's width.

Colours are compared as ratios of channels, which shade does not change; brightness counts little. The cut is the graph
cut of Rother, Kolmogorov & Blake (GrabCut, ACM Trans Graph 2004;23:309) on those three values.
"""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.mottling.place import Place, placed

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Bytes = NDArray[np.uint8]

WIDEST_MM: Final = 115.0
"""From the axis to the outline of a thigh, at most."""
COARSE_MM: Final = 3.5
"""Cells in which the outline is looked for."""
SEED_MM: Final = 22.0
LEAST_RED: Final = 0.06
"""Skin of any tone returns more red than green (ln R/G from 0.3 up): less than this is no skin, or no white light."""
MOST_RED: Final = 1.7
BLUE: Final = (-0.30, 2.3)
"""ln G/B of skin, 0.1 to 1.3, with a camera's mistaken white."""
ALIKE: Final = (0.2, 0.42)
"""Least distance of colours of one leg, and for 1 of ln R/G or ln G/B."""
BESIDE_MM: Final = (3.0, 16.0)
"""From an outline, inwards and outwards: what is compared."""
LEAST_BESIDE: Final = 12
"""Cells on each side to compare."""
LEAST_STEP: Final = 0.2
"""Of ln R/G, ln G/B and density together across an outline: 0.35 and more on 62 legs, 0.13 and less where a leg was cut
through."""
_CHROMA_STEP: Final = 0.006
_LIGHT_STEP: Final = 0.03


@dataclass(frozen=True)
class Skin:
    """The colour of this leg: ln R/G and ln G/B, as optical densities G - R and B - G."""

    centre: Floats
    spread: float
    at_knee: Floats | None = None
    """The colour of the knee where it is another one: redder, mottled, tanned."""

    def like(self, colour: Floats) -> Mask:
        """Return which of `colour` (..., 2) may be skin of this leg."""
        near = np.abs(colour - self.centre).max(axis=-1) < 4 * self.spread
        if self.at_knee is not None:
            near |= np.abs(colour - self.at_knee).max(axis=-1) < 4 * self.spread
        return np.asarray(near)


def chroma(density: Floats) -> Floats:
    """Return what shade leaves alone, G - R and B - G of an optical density (..., 3)."""
    return np.asarray(np.stack([density[..., 1] - density[..., 0], density[..., 2] - density[..., 1]], axis=-1))


def skin_of(colour: Floats, at_knee: Mask, along: Mask) -> Skin:
    """Return the colour of the leg: the most usual at the knee where that can be skin, else of what can be along it.

    `at_knee` and `along` (shape (h, w)) are the cells to look at. Colours that no skin has are returned only where
    there is nothing else.
    """
    first = _mode(colour[at_knee]) if at_knee.sum() >= 12 else None
    values = colour[along]
    if first is not None and can_be_skin(first.centre):
        # A red, mottled or tanned knee is not the colour of the leg.
        alike = values[(np.abs(values - first.centre) < _alike(first.centre)).all(axis=1)]
        return replace(_mode(alike), at_knee=first.centre) if len(alike) >= 12 else first
    likely = values[(values[:, 0] > LEAST_RED) & (values[:, 0] < MOST_RED)]
    likely = likely[(likely[:, 1] > BLUE[0]) & (likely[:, 1] < BLUE[1])]
    if len(likely) > 0.12 * len(values):
        return _mode(likely)
    return first if first is not None else _mode(values)


def _alike(centre: Floats) -> Floats:
    """How far the colours of one leg's skin may lie apart: the more pigment, the further."""
    return np.asarray(np.maximum(ALIKE[0], ALIKE[1] * np.abs(centre)), dtype=np.float32)


def can_be_skin(centre: Floats) -> bool:
    """Return whether skin of any tone may have this colour, under light that a camera balanced roughly."""
    return bool(LEAST_RED < centre[0] < MOST_RED and BLUE[0] < centre[1] < BLUE[1])


def _mode(values: Floats) -> Skin:
    """The most usual colour: a mean shift of three steps from the median."""
    centre = np.median(values, axis=0)
    for _ in range(3):
        near = values[np.abs(values - centre).max(axis=1) < 0.15]
        if len(near) < 8:
            break
        centre = np.median(near, axis=0)
    away = np.abs(values - centre).max(axis=1)
    return Skin(np.asarray(centre, dtype=np.float32), float(np.clip(1.48 * np.median(away), 0.02, 0.08)))


def coarse(density: Floats, place: Place) -> tuple[Floats, Place]:
    """Return the picture in cells of about `COARSE_MM`, averaged, with its coordinates."""
    factor = max(1.0, COARSE_MM / place.mm, max(density.shape[:2]) / 320)
    rows, columns = (max(8, round(size / factor)) for size in density.shape[:2])
    small = cv2.resize(density, (columns, rows), interpolation=cv2.INTER_AREA)
    x, y = columns / density.shape[1], rows / density.shape[0]
    marks = place.landmarks

    def to(point: tuple[float, float]) -> tuple[float, float]:
        return (point[0] + 0.5) * x - 0.5, (point[1] + 0.5) * y - 0.5

    groin = None if marks.groin is None else to(marks.groin)
    moved = type(marks)(to(marks.knee), to(marks.patella), groin)
    return np.asarray(small, dtype=np.float32), placed(moved, (rows, columns), place.mm / x)


def corridor(place: Place, half_mm: float) -> Mask:
    """Cells within `half_mm` of the line from the centre of the knee to the groin (or 120 mm up, without a groin)."""
    end = place.thigh_mm if place.thigh_mm is not None else 120.0
    start = place.knee_along_mm
    beyond = np.maximum(np.maximum(start - place.along_mm, place.along_mm - end), 0.0)
    return np.asarray(np.hypot(beyond, place.across_mm) < half_mm)


def outline(density: Floats, place: Place, skin: Skin, *, widely: bool = False) -> Mask:
    """Return the cells of the leg, shape (h, w): one connected region through the knee, holes (glare, tubes) filled.

    It is begun with what is like skin near the thigh's axis, or `widely` with all that is.
    """
    small, where = coarse(density, place)
    colour = chroma(small)
    features = np.concatenate([colour / _CHROMA_STEP, small[..., 1:2] / _LIGHT_STEP], axis=-1)
    centre = np.append(skin.centre / _CHROMA_STEP, np.median(small[..., 1][corridor(where, SEED_MM)]) / _LIGHT_STEP)
    encoded = np.clip(features - centre + 128, 0, 255).astype(np.uint8)
    likely = skin.like(colour)
    marks = np.full(small.shape[:2], cv2.GC_PR_BGD, dtype=np.uint8)
    marks[likely & (corridor(where, 50.0) | widely)] = cv2.GC_PR_FGD
    marks[(where.knee_mm < 60.0) & likely] = cv2.GC_PR_FGD
    marks[beside_any_leg(where)] = cv2.GC_BGD
    sure = (corridor(where, 12.0) | (where.knee_mm < 20.0)) & likely
    marks[sure & (marks != cv2.GC_BGD)] = cv2.GC_FGD
    region = _through(_cut(encoded, marks), where)
    return np.asarray(cv2.resize(region.astype(np.float32), density.shape[1::-1]) > 0.5)


def cut_through(region: Mask, density: Floats, place: Place) -> bool:
    """Return whether on some side of `region`, shape (h, w), the same lies beside it: it was cut through the leg.

    Looked at along the lower thigh. A side at the end of the picture is none.
    """
    small, where = coarse(density, place)
    within = cv2.resize(region.astype(np.float32), small.shape[1::-1]) > 0.5
    if within.all() or not within.any():
        return False
    looks = np.concatenate([chroma(small), small[..., 1:2]], axis=-1)
    inner, outer = (
        (where.along_mm > -40.0) & (where.along_mm < 120.0) & (away > BESIDE_MM[0]) & (away < BESIDE_MM[1])
        for away in (
            cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, 5) * where.mm for side in (within, ~within)
        )
    )
    for side in (where.across_mm < 0, where.across_mm > 0):
        own, beside = looks[inner & side], looks[outer & side]
        if min(len(own), len(beside)) < LEAST_BESIDE:
            continue
        if float(np.linalg.norm(np.median(own, axis=0) - np.median(beside, axis=0))) < LEAST_STEP:
            return True
    return False


def beside_any_leg(where: Place) -> Mask:
    """Cells that no leg with these landmarks reaches: too far beside the thigh, or from the knee."""
    end = where.thigh_mm if where.thigh_mm is not None else 400.0
    thigh = (where.along_mm > -20.0) & (np.abs(where.across_mm) > WIDEST_MM)
    thigh &= where.along_mm < end
    far = (where.along_mm > end + 150.0) | (where.knee_mm > end + 300.0)
    lower = (where.along_mm <= -20.0) & (where.knee_mm > 550.0)
    return np.asarray(thigh | far | lower)


def _cut(encoded: Bytes, marks: Bytes) -> Mask:
    """GrabCut; what was likely before it where it has nothing to tell apart."""
    inside = (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)
    if inside.sum() < 20 or (~inside).sum() < 20:
        return np.asarray(inside)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(1)
    cv2.grabCut(encoded, marks, (0, 0, 1, 1), background, foreground, 3, cv2.GC_INIT_WITH_MASK)
    return np.asarray((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD))


def _through(cut: Mask, where: Place) -> Mask:
    """The regions of `cut` that the corridor runs through, closed over tubes and glare, holes filled."""
    size = max(3, round(14.0 / where.mm) | 1)
    closed = cv2.morphologyEx(cut.astype(np.uint8), cv2.MORPH_CLOSE, cv2.getStructuringElement(2, (size, size)))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, cv2.getStructuringElement(2, (size, size)))
    count, labels = cv2.connectedComponents(opened)
    wanted = np.unique(labels[corridor(where, 20.0) & (opened > 0)])
    region = np.isin(labels, wanted[wanted > 0]) if count > 1 else np.zeros(cut.shape, dtype=bool)
    contours, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros(cut.shape, dtype=np.uint8), contours, -1, 1, cv2.FILLED)
    return np.asarray(filled > 0)
