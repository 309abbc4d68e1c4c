"""Which skin can be judged, how far up the thigh it can be followed, and whether what was cut out is a leg at all."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.mottling.blood import masked_blur
from vision.mottling.leg import WIDEST_MM, Skin, chroma
from vision.mottling.levels import MIDDLE
from vision.mottling.picture import Picture
from vision.mottling.place import Place
from vision.mottling.reasons import Reason
from vision.mottling.strength import disc_mm, shrunk

Mask = NDArray[np.bool_]
Array = NDArray[np.float64]

RIM_MM: Final = 4.0
"""Left off along the outline: seen flat, mixed with what lies behind."""
SLAB_MM: Final = 4.0
PROBE_MM: Final = 10.0
BELOW_MM: Final = 28.0
"""Slabs begin this far below the kneecap edge: at the centre of the knee."""
GAP_MM: Final = 30.0
"""Skin is followed over gaps of at most this: a tube, an electrode, a strip of plaster of 22 mm with the rims that are
left off beside it."""
LEAST_WIDTH: Final = 0.25
"""Of the leg's width that has to be judged skin in a slab that counts as seen."""
LEAST_SHARE: Final = 0.35
"""Of what was cut out as leg in such a slab: beside a plaster 0.4 is skin, of cloth taken for skin in specks less."""
MARGIN: Final = 0.04
"""Of the thigh: skin seen beyond a level by less than this says nothing about mottling beyond it. It covers taps that
are 3 mm off and an end of the skin that is found to 4 mm: what is told is never above what is in view."""
WIDTH_MM: Final = (55.0, 240.0)
WIDTH_TO_THIGH: Final = (0.22, 0.75)
"""Middling width for 1 of the thigh's length: 0.26 and more on a thin leg, 0.2 on an arm that is marked like a leg."""
KNEE_SIDE_MM: Final = 105.0
"""From the thigh's axis to the side of a knee, at most: what goes on beyond is a face, a wall, a trunk."""
HAIR_MM: Final = 2.4
"""Dark lines and dots narrower than this are hair and freckles; lines of a net are wider."""
HAIR_DENSITY: Final = 0.07
HAIR_TIMES: Final = 4.5
HAIR_SHARE: Final = 0.75
"""Fine dots are hair where they are so many times as dark as those that this share of the skin stays below. A camera's
grain in dark skin is as dark as hair in pale skin, and only the cells that it happened to darken would be left off."""
LEAST_CONTRAST: Final = 0.05
"""Of ln R/G or ln G/B between the leg and what lies beside it, on the side where there is more of it."""
HARDLY_RED: Final = 0.25
"""ln R/G: pale skin has 0.3, under a lamp that a camera balanced wrongly 0.2; a beige or pinkish sheet 0.1 to 0.35."""
REDDER: Final = 0.12
LEAST_EDGE: Final = 0.012
"""Optical density for a mm across an outline, in some channel."""
LEAST_RIM: Final = 0.6
"""Of the outline that follows an edge."""
LEAST_SIDE: Final = 0.55
"""Of each side of it: 0.84 and more on 100 legs by the optics renderer, 0.34 and 0.48 on a cheek above a strap."""
KNEE_MM: Final = 24.0
HOLE_MM: Final = 2.5
"""Half of what may be missing between pieces of skin that is seen: a hair, a freckle, grain."""
SOLID_MM: Final = 6.0
"""Half of what skin that is seen spans at least: cloth of nearly its colour is taken for skin in specks."""


@dataclass(frozen=True)
class Slabs:
    """The leg in slabs across the thigh's axis from the kneecap edge upwards; lengths in mm, shape (n,)."""

    at_mm: Array
    width_mm: Array
    """Of the outline."""
    judged_mm: Array
    """Of the skin that can be judged."""
    left_mm: Array
    """From the axis to the outline, negative to the left."""
    right_mm: Array
    left_open: Mask
    """The outline's side is the end of the picture, or of what can be a leg."""
    right_open: Mask
    end_mm: float
    """Where the picture ends along the axis."""

    @property
    def side_mm(self) -> Array:
        """From the axis to the outline's further side, shape (n,)."""
        return np.maximum(-self.left_mm, self.right_mm)


def judged_skin(picture: Picture, outline: Mask, skin: Skin, place: Place) -> Mask:
    """Return the cells of the leg whose colour can be judged, shape (h, w): no glare, hair, tube, cloth or ink."""
    inner = shrunk(np.pad(outline, 1, mode="edge"), RIM_MM, place)[1:-1, 1:-1]
    inner &= (picture.clipped < 0.2) & (picture.linear.max(axis=2) > 0.004)
    colour = chroma(picture.density)
    sigma = max(0.5, 1.0 / place.mm)
    red, blue = (masked_blur(colour[..., i], inner, sigma) - skin.centre[i] for i in range(2))
    paler = -max(0.13, 0.30 * float(skin.centre[0]))
    bluer = -max(0.22, 0.45 * float(skin.centre[1]))
    odd = (red < paler) | (blue < bluer) | (red > 0.9) | (blue > 1.1) | (blue - 1.9 * np.maximum(red, 0) > 0.35)
    size = 2 * max(1, round(1.5 / place.mm)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    odd &= inner
    dark = cv2.GaussianBlur(picture.density.mean(axis=2), (0, 0), 0.7)
    width = 2 * max(1, round(0.5 * HAIR_MM / place.mm)) + 1
    hair = cv2.morphologyEx(dark, cv2.MORPH_TOPHAT, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
    grain = float(np.quantile(hair[inner], HAIR_SHARE)) if inner.any() else 0.0
    real = cv2.morphologyEx(odd.astype(np.uint8), cv2.MORPH_OPEN, disc)
    wide = cv2.dilate(real, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * size + 1, 2 * size + 1))) > 0
    return np.asarray(inner & ~wide & ~odd & (hair < max(HAIR_DENSITY, HAIR_TIMES * grain)))


def solid(judged: Mask, place: Place) -> Mask:
    """Return the judged skin that lies in one piece, hairs and freckles filled, without specks, shape (h, w)."""
    closed = cv2.morphologyEx(judged.astype(np.uint8), cv2.MORPH_CLOSE, disc_mm(HOLE_MM, place))
    return np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, disc_mm(SOLID_MM, place)) > 0)


def slabs_of(outline: Mask, judged: Mask, place: Place) -> Slabs:
    """Return the leg's slabs from 30 mm below the kneecap edge to the end of the picture."""
    last = float(place.along_mm[outline].max()) if outline.any() else 0.0
    edges = np.arange(-BELOW_MM, max(last, 0.0) + SLAB_MM, SLAB_MM)
    columns: list[tuple[float, float, float, float, float, bool, bool]] = []
    border = np.zeros(outline.shape, dtype=bool)
    border[:2] = border[-2:] = True
    border[:, :2] = border[:, -2:] = True
    which = np.floor((place.along_mm - edges[0]) / SLAB_MM).astype(np.int32)
    cells = [np.flatnonzero((outline & (which == i)).ravel()) for i in range(len(edges))]
    # Slabs of 4 mm hold two or three rows of coarse cells, and part of one where the picture ends.
    probe = which[(np.abs(place.across_mm) < PROBE_MM) & (which >= 0)]
    rows = np.bincount(probe, minlength=len(edges))
    across, ends, seen = place.across_mm.ravel(), border.ravel(), solid(judged, place).ravel()
    for i, some in enumerate(cells):
        if len(some) == 0:
            columns.append((float(edges[i]) + SLAB_MM / 2, 0.0, 0.0, 0.0, 0.0, False, False))
            continue
        left, right = float(across[some].min()), float(across[some].max())
        is_open = [
            bool(ends[some[np.abs(across[some] - side) < 3.0]].any() or abs(side) > WIDEST_MM - 8)
            for side in (left, right)
        ]
        deep_mm = max(float(rows[i]) * place.mm**2 / (2 * PROBE_MM), 0.5 * SLAB_MM)
        width, judged_mm = (float(count) * place.mm**2 / deep_mm for count in (len(some), seen[some].sum()))
        columns.append((float(edges[i]) + SLAB_MM / 2, width, judged_mm, left, right, is_open[0], is_open[1]))
    at, width_mm, judged_width, lefts, rights, left_open, right_open = (
        np.array(part) for part in zip(*columns, strict=True)
    )
    end_mm = float(place.along_mm[np.abs(place.across_mm) < PROBE_MM].max()) if (rows > 0).any() else 0.0
    return Slabs(at, width_mm, judged_width, lefts, rights, left_open, right_open, end_mm)


def seen_to_mm(slabs: Slabs) -> float:
    """Return how far beyond the kneecap edge judged skin can be followed without a gap, mm; below 0 not even to it."""
    usual = float(np.median(slabs.width_mm[slabs.width_mm > 0])) if (slabs.width_mm > 0).any() else 0.0
    enough = (slabs.judged_mm > max(LEAST_WIDTH * usual, 25.0)) & (slabs.judged_mm > LEAST_SHARE * slabs.width_mm)
    reached, gap = -BELOW_MM, 0.0
    for at, fine in zip(slabs.at_mm.tolist(), enough.tolist(), strict=True):
        gap = 0.0 if fine else gap + SLAB_MM
        if gap > GAP_MM:
            break
        if fine:
            reached = at + SLAB_MM / 2
    # What covers skin takes a rim of it that can be seen and is not judged; the end of the picture takes none.
    covered = reached < slabs.end_mm - 2 * SLAB_MM
    return float(reached + RIM_MM if covered else reached)


def supported(seen_mm: float, place: Place) -> int:
    """Return the highest score that skin seen up to `seen_mm` can tell, 2 to 5.

    A score is told where skin beyond its lower level is seen: 3 beyond the kneecap edge, 4 beyond the middle of the
    thigh, 5 beyond the groin, each by 4 % of the thigh. Without a groin nobody knows where the middle is: 3 at most.
    """
    thigh = place.thigh_mm
    margin = MARGIN * (350.0 if thigh is None else thigh)
    if thigh is not None and seen_mm >= thigh + margin:
        return 5
    if thigh is not None and seen_mm >= MIDDLE * thigh + margin:
        return 4
    return 3 if seen_mm >= margin else 2


def of_knee(judged: Mask, outline: Mask, place: Place) -> Reason | None:
    """Return whether the knee itself is covered."""
    disc = place.knee_mm < KNEE_MM
    if not disc.any():
        return Reason.KNEE_NOT_IN_VIEW
    if float(judged[disc].mean()) >= 0.5:
        return None
    return Reason.LEG_COVERED if outline.any() else Reason.NOT_A_LEG


def of_edges(picture: Picture, outline: Mask, seen_mm: float, place: Place) -> Reason | None:
    """Return whether the outline follows no edge: it was cut through something larger of one colour."""
    sigma = max(0.6, 1.2 / place.mm)
    smooth = cv2.GaussianBlur(picture.density, (0, 0), sigma)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    steep = np.sqrt((across**2 + down**2).max(axis=2)) / (8 * place.mm)
    steep = cv2.dilate(steep, np.ones((2 * max(1, round(3.0 / place.mm)) + 1,) * 2, dtype=np.uint8))
    rim = outline & ~shrunk(np.pad(outline, 1, mode="edge"), 1.5 * place.mm, place)[1:-1, 1:-1]
    rim &= (place.along_mm > -40.0) & (place.along_mm < max(seen_mm - 10.0, 30.0))
    if rim.sum() < 20:
        return Reason.NOT_A_LEG
    if float((steep[rim] > LEAST_EDGE).mean()) < LEAST_RIM:
        return Reason.NOT_A_LEG
    for side in (rim & (place.across_mm < 0), rim & (place.across_mm > 0)):
        if side.sum() >= 20 and float((steep[side] > LEAST_EDGE).mean()) < LEAST_SIDE:
            return Reason.NOT_A_LEG
    return None if _stands_out(picture, outline, seen_mm, place) else Reason.NOT_A_LEG


def _stands_out(picture: Picture, outline: Mask, seen_mm: float, place: Place) -> bool:
    """Whether skin has another colour than what lies beside it, on one side at least; grain of wood has the same.

    What is hardly red and has something redder beside it is the sheet beside a leg.
    """
    colour = chroma(picture.density)
    part = (place.along_mm > -40.0) & (place.along_mm < max(seen_mm, 30.0))
    within, without = (
        cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, 5) * place.mm for side in (outline, ~outline)
    )
    most = 0.0
    for side in (place.across_mm < 0, place.across_mm > 0):
        inner = part & side & (within > RIM_MM) & (within < 14.0)
        outer = part & side & (without > RIM_MM) & (without < 14.0)
        if inner.sum() > 30 and outer.sum() > 30:
            own, beside = np.median(colour[inner], axis=0), np.median(colour[outer], axis=0)
            if own[0] < HARDLY_RED and beside[0] - own[0] > REDDER:
                return False
            most = max(most, float(np.abs(own - beside).max()))
    return most > LEAST_CONTRAST


def of_shape(slabs: Slabs, seen_mm: float, place: Place) -> Reason | None:
    """Return whether the outline is no leg: too wide, too thin, ragged, or without sides."""
    used = (slabs.at_mm > -16.0) & (slabs.at_mm < max(seen_mm, 16.0)) & (slabs.width_mm > 0)
    if place.thigh_mm is not None:
        used &= slabs.at_mm < place.thigh_mm
    if used.sum() < 4:
        return Reason.NOT_A_LEG
    width = slabs.width_mm[used]
    usual = float(np.median(width))
    if not WIDTH_MM[0] <= usual <= WIDTH_MM[1]:
        return Reason.NOT_A_LEG
    if place.thigh_mm is not None and not WIDTH_TO_THIGH[0] <= usual / place.thigh_mm <= WIDTH_TO_THIGH[1]:
        return Reason.NOT_A_LEG
    if float((slabs.left_open[used] & slabs.right_open[used]).mean()) > 0.5:
        return Reason.NOT_A_LEG
    knee = used & (slabs.at_mm < KNEE_MM)
    if knee.any() and float(np.median(slabs.side_mm[knee])) > KNEE_SIDE_MM:
        return Reason.NOT_A_LEG
    smooth = np.polyval(np.polyfit(slabs.at_mm[used], width, 2), slabs.at_mm[used])
    return Reason.NOT_A_LEG if float(np.median(np.abs(width - smooth))) > 0.12 * usual else None
