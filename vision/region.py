"""Where the skin blanched, found from the data, and the trace of that place.

A cell belongs to the region when its haemoglobin signal rose after release nearly as much as the strongest did; the
region is one connected patch of such cells. Skin well outside it is the surround.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision import release
from vision.grid import GridRecording
from vision.signal import SMALLEST, haemoglobin
from vision.trace import Trace

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]

SHARE_OF_STRONGEST: float = 0.6
LEAST_CELLS: int = 3
SLIVER_CELLS: int = 20
UNFINISHED_SHARE: float = 0.25
"""Where less than this of what blanched came back, the place is told by the blanching."""
SETTLED_AFTER: float = 0.6
"""The refilled picture is the mean from this share of the window on."""


@dataclass(frozen=True)
class Region:
    """The blanched patch and the unblanched surround, as masks (rows, columns), and the step of every cell."""

    blanched: NDArray[np.bool_]
    surround: NDArray[np.bool_]
    step: Array


def cell_signal(recording: GridRecording) -> Float32:
    """Return the haemoglobin signal of every cell, shape (n, rows, columns); single precision will do for a map."""
    light = np.maximum(recording.cells, np.float32(SMALLEST))
    return np.asarray(np.log(light[..., 0] / light[..., 1]), dtype=np.float32)


def _mean_between(recording: GridRecording, signal: Float32, from_s: float, to_s: float) -> Array | None:
    inside = (recording.time_s >= from_s) & (recording.time_s <= to_s)
    return signal[inside].mean(axis=0, dtype=np.float64) if inside.sum() >= 2 else None


def find(
    recording: GridRecording, signal: Float32, time_zero_s: float, end_s: float, free_until_s: float | None = None
) -> Region | None:
    """Return the region that refilled between `time_zero_s` and `end_s`, or None where too few frames tell.

    Where next to nothing refilled but the press had blanched the skin, which was free until `free_until_s`, it is the
    region that blanched.
    """
    window_s = end_s - time_zero_s
    blanched = _mean_between(recording, signal, time_zero_s - 1.0, time_zero_s - 0.02)
    refilled = _mean_between(recording, signal, time_zero_s + SETTLED_AFTER * window_s, end_s)
    if blanched is None or refilled is None:
        return None
    step: Array = np.asarray(cv2.GaussianBlur(refilled - blanched, (3, 3), 0.6), dtype=np.float64)
    free = None if free_until_s is None else _mean_between(recording, signal, -np.inf, free_until_s - 0.05)
    if free is not None:
        fall: Array = np.asarray(cv2.GaussianBlur(free - blanched, (3, 3), 0.6), dtype=np.float64)
        if _strongest(step) < UNFINISHED_SHARE * _strongest(fall):
            step = fall
    light = (recording.clipped.mean(axis=0) < 0.02) & (recording.dark.mean(axis=0) < 0.5)
    step = np.where(light, step, 0.0)
    strongest = _strongest(step)
    mask = _largest_patch(step > SHARE_OF_STRONGEST * strongest, step)
    away = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    surround = away & (np.abs(step) < 0.25 * strongest) & light
    return Region(mask, surround, step)


def _strongest(step: Array) -> float:
    """The step of the few cells that changed most."""
    return float(np.sort(step.ravel())[-max(LEAST_CELLS, step.size // 50) :].mean())


def is_cut_off(place: Region) -> bool:
    """Return whether the picture's border cuts the region down to a sliver: the probe pressed beside the field."""
    edge = np.ones_like(place.blanched)
    edge[1:-1, 1:-1] = False
    count = int(place.blanched.sum())
    return count < SLIVER_CELLS and int((place.blanched & edge).sum()) > 0.25 * count


def find_unaided(recording: GridRecording, signal: Float32) -> float | None:
    """Return the time of the release in s, from the picture alone: where most of the moving cells rise together."""
    spread = np.quantile(signal, 0.95, axis=0) - np.quantile(signal, 0.05, axis=0)
    strong = spread >= np.quantile(spread, 0.85)
    found = release.find(recording.time_s, signal[:, strong].mean(axis=1, dtype=np.float64))
    return None if found is None else found.time_s


def _largest_patch(mask: NDArray[np.bool_], step: Array) -> NDArray[np.bool_]:
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    if count < 2:
        return np.zeros_like(mask)
    weight = [float(step[labels == label].sum()) for label in range(1, count)]
    return np.asarray(labels == 1 + int(np.argmax(weight)), dtype=np.bool_)


def trace_of(recording: GridRecording, region: Region) -> Trace:
    """Return the trace of the region's mean light, with the surround's signal where enough of it is in view."""
    light = recording.cells[:, region.blanched].mean(axis=1, dtype=np.float64)
    surround = None
    if region.surround.sum() >= max(LEAST_CELLS, region.blanched.sum() // 3):
        surround = haemoglobin(recording.cells[:, region.surround].mean(axis=1, dtype=np.float64))
    return Trace(recording.time_s, haemoglobin(light), light=light, surround=surround, repeated=recording.repeated)
