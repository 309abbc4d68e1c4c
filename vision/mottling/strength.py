"""How far skin stands out from the leg's own unmottled skin, and which of it counts as mottled."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.mottling.blood import Blood, masked_blur
from vision.mottling.place import Place

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

LEAST: Final = 0.013
"""Of the blood index above unmottled skin that counts, whatever the noise: a fifteenth of a strong net."""
SPREADS: Final = 3.2
"""Times the spread of the leg's own unmottled skin that count."""
LEAST_DETAIL: Final = 0.004
"""Root mean square of the index within a mesh, in mottled skin at least."""
FADE_MM: Final = 9.0
"""Redness of a knee or tan fades over more than this; mottling is drawn within it."""
STEEP: Final = 0.22
"""How far a drawn border stands out on its inner side, for 1 of its region's index: a step 0.4, a fade a tenth."""
CORE: Final = 0.4
CREST_MM: Final = 3.5
LEAST_LINE: Final = 0.006
"""Of the index, above the surroundings within a mesh."""
BREAK_MM: Final = 5.0
"""Half of what a net's line may be broken by."""
MESH_MM2: Final = 1200.0
"""Of unmottled skin that a net encloses, at most."""
LINE_MM: Final = 5.0
"""Half of the least width of what counts as an area, once meshes are filled."""
PALE: Final = 0.035
PALE_SPREADS: Final = 5.0
"""Below unmottled skin: nothing in skin is that pale."""
GAP: Final = 0.4
"""Below the mean of a mesh, for 1 of root mean square: the unmottled skin that a net encloses."""
FLANK_MM: Final = 5.0
WIDEST_SPREAD: Final = 0.008
"""A wider one comes from a leg that is mottled nearly everywhere."""
SHARE_BELOW: Final = 0.166
STIFFNESS: Final = (0.0, 0.05, 0.3, 0.05, 0.05, 0.02)
"""Of the surface's coefficients, so that it does not follow mottling: most of all of the bend along the leg."""
SMALLEST_MM2: Final = 25.0
NEAR_MM: Final = 24.0
"""A redness is followed over this; what stands out from it is judged on its own."""


@dataclass(frozen=True)
class Excess:
    """Blood index above the leg's own unmottled skin, shape (h, w), and the spread of that skin."""

    index: Floats
    spread: float


def excess_of(blood: Blood, skin: Mask, place: Place) -> Excess:
    """Return the index above a surface through the unmottled skin.

    The surface runs, smoothly along and across, where a sixth of the skin lies below it; what lies below, however much
    is mottled above, tells the spread of unmottled skin (taken as normal) and how far its middle is from the surface.
    """
    depth_mm = np.asarray(cv2.distanceTransform(skin.astype(np.uint8), cv2.DIST_L2, 5) * place.mm, dtype=np.float32)
    rows, columns = np.nonzero(skin)
    step = max(1, len(rows) // 12000)
    rows, columns = rows[::step], columns[::step]
    values = blood.index[rows, columns].astype(np.float64)
    design = _design(place, depth_mm, (rows, columns))
    fitted = _low_surface(design, values)
    low, lowest = np.quantile(values - design @ fitted, [SHARE_BELOW, 0.023])
    spread = float(np.clip((low - lowest) / 1.03, 0.002, WIDEST_SPREAD))
    surface = _design(place, depth_mm, np.nonzero(skin)) @ fitted + low + 0.97 * spread
    index = np.zeros(skin.shape, dtype=np.float32)
    index[skin] = blood.index[skin] - surface
    return Excess(np.asarray(index, dtype=np.float32), spread)


def _low_surface(design: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients of the surface below which `SHARE_BELOW` lies: quantile regression by reweighted least squares."""
    stiff = len(values) * np.diag(STIFFNESS)
    fitted = np.zeros(design.shape[1])
    fitted[0] = np.quantile(values, SHARE_BELOW)
    for _ in range(15):
        residual = values - design @ fitted
        weight = np.where(residual > 0, SHARE_BELOW, 1 - SHARE_BELOW) / np.maximum(np.abs(residual), 0.002)
        weight /= weight.mean()
        left = design.T @ (design * weight[:, None]) + stiff
        fitted = np.linalg.solve(left, design.T @ (weight * values))
    return np.asarray(fitted)


def _design(place: Place, depth_mm: Floats, cells: tuple[NDArray[np.intp], ...]) -> NDArray[np.float64]:
    s, t = place.along_mm[cells].astype(np.float64) / 200.0, place.across_mm[cells].astype(np.float64) / 70.0
    s, t = np.clip(s, -2, 3), np.clip(t, -1.5, 1.5)
    # Seen flat, at its outline, skin shines more and shows less of its colour.
    edge = np.exp(-depth_mm[cells].astype(np.float64) / 8.0)
    return np.stack([np.ones_like(s), s, s * s, t, t * t, edge], axis=-1)


@dataclass(frozen=True)
class Drawing:
    """What of the index changes within a mesh, shape (h, w) each."""

    detail: Floats
    """The index without what fades over more than a mesh."""
    energy: Floats
    """Its root mean square nearby."""
    around: Floats
    """The index within two meshes."""
    usual: float
    """Energy of most of the unmottled skin here."""


def drawing_of(excess: Excess, skin: Mask, place: Place) -> Drawing:
    """Return what is drawn on `skin`."""
    # A pale scar would make what lies beside it look like more.
    index = np.maximum(excess.index, -excess.spread)
    rough = masked_blur(index, skin, FADE_MM / place.mm)
    around = masked_blur(index, skin, 2 * FADE_MM / place.mm)
    fine = masked_blur(index, skin, max(0.5, 1.0 / place.mm))
    detail = np.asarray(np.where(skin, fine - rough, 0), dtype=np.float32)
    energy = np.sqrt(masked_blur(detail * detail, skin, 0.7 * FADE_MM / place.mm))
    usual = float(np.quantile(energy[skin], 0.15)) if skin.any() else 0.0
    return Drawing(detail, energy, around, usual)


def mottled_of(excess: Excess, drawing: Drawing, skin: Mask, place: Place, strict: float = 1.0) -> Mask:
    """Return the skin that counts as mottled, shape (h, w); `strict` times the usual threshold.

    A region that stands out from the whole leg counts as a whole where most of its border is drawn. Elsewhere (redness
    of a knee, a leg that is mottled nearly everywhere) only what stands out from its surroundings and is drawn.
    """
    limit = strict * max(LEAST, SPREADS * excess.spread)
    found = _standing_out(excess.index, limit, skin, place)
    detail, energy, usual = drawing.detail, drawing.energy, drawing.usual
    drawn = skin & (energy > strict * max(LEAST_DETAIL, min(2.2 * usual, 2 * LEAST_DETAIL)))
    lines = drawn & (np.minimum(detail, excess.index - drawing.around) > strict * LEAST_LINE)
    kept = lines & (excess.index > 0.5 * strict * LEAST)
    crest = np.asarray(cv2.dilate(detail, disc_mm(CREST_MM, place)), dtype=np.float32)
    kept |= _drawn_regions(found, excess.index, crest, 1.8 * usual, shrunk(skin, 3.0, place), place)
    grown = _with_flanks(np.asarray(kept & territory(kept, place)), excess, skin, place)
    meshes = drawn & (detail < -GAP * energy)
    return np.asarray(grown & ~meshes)


def _with_flanks(kept: Mask, excess: Excess, skin: Mask, place: Place) -> Mask:
    """Add to the crests of a net what lies beside them and has more than half of their index."""
    if not kept.any():
        return kept
    level = masked_blur(excess.index, kept, FADE_MM / place.mm)
    beside = cv2.dilate(kept.astype(np.uint8), disc_mm(FLANK_MM, place)) > 0
    return np.asarray(kept | (skin & beside & (excess.index > 0.55 * level) & (level > 0)))


def _drawn_regions(found: Mask, index: Floats, crest: Floats, least: float, inner: Mask, place: Place) -> Mask:
    """Return of each region of `found` with a drawn border the cells of at least half of its index.

    Where the skin ends (outside of `inner`) nothing is said about how a redness ends.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    border = found & inner & ~(cv2.erode(found.astype(np.uint8), np.ones((3, 3), dtype=np.uint8)) > 0)
    limits = np.full(count, np.inf, dtype=np.float32)
    for label in np.flatnonzero(stats[:, cv2.CC_STAT_AREA] * place.mm**2 >= SMALLEST_MM2).tolist():
        if label == 0:
            continue
        left, top, width, height = stats[label, :4].tolist()
        box = slice(top, top + height), slice(left, left + width)
        mine = labels[box] == label
        edge = crest[box][mine & border[box]]
        contrast = float(np.quantile(index[box][mine], 0.7))
        if len(edge) and float((edge > max(STEEP * contrast, least)).mean()) > 0.65:
            limits[label] = CORE * contrast
    return np.asarray(found & (index > limits[labels]))


def territory(mask: Mask, place: Place) -> Mask:
    """Return where `mask` covers an area, as a net or a patch does, and no mere line, as a scar or a vein does."""
    close, widen = disc_mm(BREAK_MM, place), disc_mm(LINE_MM, place)
    closed = cv2.morphologyEx(np.pad(mask.astype(np.uint8), 40), cv2.MORPH_CLOSE, close)[40:-40, 40:-40]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - closed, connectivity=4)
    mesh = stats[:, cv2.CC_STAT_AREA] * place.mm**2 < MESH_MM2
    mesh[0] = False
    filled = closed | mesh[labels].astype(np.uint8) if count > 1 else closed
    opened = cv2.morphologyEx(filled, cv2.MORPH_OPEN, widen)
    return np.asarray(cv2.dilate(opened, widen) > 0)


def disc_mm(radius_mm: float, place: Place) -> NDArray[np.uint8]:
    """Return a disc for dilating and eroding, of a radius of at least one cell."""
    size = 2 * max(1, round(radius_mm / place.mm)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), dtype=np.uint8)


def shrunk(mask: Mask, by_mm: float, place: Place) -> Mask:
    """Return the cells of `mask` that lie deeper in it than `by_mm`, shape (h, w)."""
    return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5) * place.mm > by_mm)


def bloodless(excess: Excess, skin: Mask, place: Place) -> Mask:
    """Return patches, with a margin, that show so much less blood than the leg's skin that they are plaster or ink."""
    smooth = masked_blur(excess.index, skin, max(0.5, 1.5 / place.mm))
    low = (skin & (smooth < -max(PALE_SPREADS * excess.spread, PALE))).astype(np.uint8)
    patch = cv2.morphologyEx(low, cv2.MORPH_OPEN, disc_mm(3.0, place))
    return np.asarray(cv2.dilate(patch, disc_mm(6.0, place)) > 0)


def _standing_out(index: Floats, limit: float, skin: Mask, place: Place) -> Mask:
    """Cells over `limit`, and their neighbours over three quarters of it."""
    sigma = max(0.5, 0.8 / place.mm)
    smooth = masked_blur(index, skin, sigma)
    low = skin & (smooth > 0.75 * limit)
    high = skin & (smooth > 1.15 * limit)
    count, labels = cv2.connectedComponents(low.astype(np.uint8))
    wanted = np.zeros(count, dtype=bool)
    wanted[np.unique(labels[high])] = True
    wanted[0] = False
    return np.asarray(wanted[labels])


def regions(mask: Mask, smallest_mm2: float, place: Place) -> list[Mask]:
    """Return the connected regions of `mask` of at least `smallest_mm2`, largest first, forty at most."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA] * place.mm**2
    order = [int(i) for i in np.argsort(-areas) if areas[i] >= smallest_mm2][:40]
    return [np.asarray(labels == i + 1) for i in order] if count > 1 else []
