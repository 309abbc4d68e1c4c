"""The map of a mottling assessment, drawn over its photo: what was judged, what is mottled, where the levels lie."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from refill.mottling_files import BadFileError, Picture
from vision.mottling.levels import COIN_RADIUS_MM, MIDDLE, Landmarks, Point
from vision.mottling.result import Assessment, MottlingMap

Mask = NDArray[np.bool_]
Colour = tuple[int, int, int]

# BGR; bright enough to stand out on light and dark skin alike.
JUDGED: Final[Colour] = (255, 255, 255)
MOTTLED: Final[Colour] = (255, 40, 230)
LEVEL: Final[Colour] = (255, 225, 130)
EDGE: Final[Colour] = (0, 0, 0)
FILLED: Final = 0.3
"""Share of the mottled colour over the skin."""
STROKE: Final = 1 / 500
"""Of the photo's longest side."""
QUICK: Final = (
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_SUB),
)
"""Packs 12 megapixels in two thirds of the usual time, no larger: a photo's noise repeats nothing."""


def draw_map(photo: Picture, found: Assessment, mm_per_px: float | None) -> Picture:
    """Return the photo, BGR (h, w, 3), with the map over it; in the photo's pixels, which is left alone.

    `mm_per_px` sizes the coin at the knee; without it the landmarks do. Without a map or landmarks nothing of them is
    drawn.
    """
    drawn = photo.copy()
    stroke = max(1, round(STROKE * max(photo.shape[:2])))
    if found.map is not None:
        mottled = _outlines(found.map.mottled, found.map)
        _fill(drawn, mottled)
        cv2.polylines(drawn, _outlines(found.map.skin, found.map), True, JUDGED, stroke, cv2.LINE_AA)
        cv2.polylines(drawn, mottled, True, MOTTLED, stroke, cv2.LINE_AA)
    if found.landmarks is not None:
        _draw_levels(drawn, found.landmarks, mm_per_px, stroke)
    if found.score is not None:
        _draw_score(drawn, found, stroke)
    return drawn


def _outlines(mask: Mask, grid: MottlingMap) -> list[NDArray[np.int32]]:
    """Return the outlines of a mask's parts, holes too, in pixels of the photo."""
    # Four times as fine, or the outline would run through the middle of the pixels at the rim.
    finer = cv2.resize(mask.astype(np.uint8), None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(finer, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return [np.rint((line + 0.5) * (grid.px / 4) - 0.5).astype(np.int32) for line in contours]


def _fill(drawn: Picture, outlines: list[NDArray[np.int32]]) -> None:
    """Tint what lies within the outlines, but not within their holes."""
    if not outlines:
        return
    points = np.concatenate(outlines).reshape(-1, 2)
    left, top = np.maximum(points.min(axis=0), 0)
    part = drawn[top : points[:, 1].max() + 1, left : points[:, 0].max() + 1]
    tinted = part.copy()
    cv2.fillPoly(tinted, outlines, MOTTLED, offset=(-int(left), -int(top)))
    cv2.addWeighted(tinted, FILLED, part, 1 - FILLED, 0, dst=part)


def _draw_levels(drawn: Picture, landmarks: Landmarks, mm_per_px: float | None, stroke: int) -> None:
    """Draw the landmarks, the coin at the knee, and a line across the leg at each level."""
    points = [point for point in (landmarks.knee, landmarks.patella, landmarks.groin) if point is not None]
    distinct = landmarks.knee != landmarks.patella and landmarks.patella != landmarks.groin
    if not np.isfinite(points).all() or np.abs(points).max() > 10 * max(drawn.shape[:2]) or not distinct:
        return
    levels: list[Point] = [landmarks.patella]
    if landmarks.groin is not None:
        middle = np.asarray(landmarks.patella) + MIDDLE * np.subtract(landmarks.groin, landmarks.patella)
        levels += [(float(middle[0]), float(middle[1])), landmarks.groin]
    axis = landmarks.thigh_axis
    across = np.array([-axis[1], axis[0]])
    radius_px = COIN_RADIUS_MM / (mm_per_px or landmarks.mm_per_px())
    reach = 5 * radius_px
    for colour, width in ((EDGE, 3 * stroke), (LEVEL, stroke)):
        for level in levels:
            cv2.line(drawn, _pixel(level - reach * across), _pixel(level + reach * across), colour, width, cv2.LINE_AA)
        cv2.circle(drawn, _pixel(landmarks.knee), max(1, round(radius_px)), colour, width, cv2.LINE_AA)
        for point in points:
            cv2.circle(drawn, _pixel(point), 3 * stroke, colour, width, cv2.LINE_AA)


def _pixel(point: Point | NDArray[np.float64]) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))


def _draw_score(drawn: Picture, found: Assessment, stroke: int) -> None:
    """Write the score into the upper left corner, on a dark ground."""
    words = f"score {found.score}{'+' if found.at_least else ''} (max {found.max_supported})"
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.6 * stroke
    (width, height), below = cv2.getTextSize(words, font, size, stroke)
    cv2.rectangle(drawn, (0, 0), (width + 2 * height, 2 * height + below), EDGE, -1)
    cv2.putText(drawn, words, (height, height + height // 2), font, size, LEVEL, stroke, cv2.LINE_AA)


def write_map(picture: Picture, path: Path) -> None:
    """Write a picture as PNG, via a temporary name; raises `BadFileError` where it cannot be written."""
    if not path.name or path.is_dir():
        raise BadFileError(f"{path}: a folder, not the name of a picture")
    done, encoded = cv2.imencode(".png", picture, QUICK)
    if not done:
        raise BadFileError(f"{path}: the map cannot be encoded")
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(encoded.tobytes())
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise BadFileError(f"{path}: {error.strerror or error}") from error
