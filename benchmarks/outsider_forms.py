"""The forms in which the product gets a press of the outsider generator: cells, a trace, or pictures to be sampled."""

from typing import Final

import numpy as np

from benchmarks.outsider_play import CELL_PX, COLUMNS, ROWS, Play, recording
from vision.grid import GridRecording, GridSampler
from vision.press import PressAnalysis, Settings, analyse_recording, analyse_trace
from vision.pressure import PressureTrace
from vision.signal import haemoglobin
from vision.trace import Trace

CELLS: Final = "cells"
CELLS_ALONE: Final = "cells, no pressure"
TRACE: Final = "trace"
PICTURES: Final = "pictures"
FORMS: Final = (CELLS, CELLS_ALONE, TRACE, PICTURES)


def trace(play: Play) -> tuple[Trace, PressureTrace]:
    """Return the means of the blanched cells and, where skin is in view that is not pressed, its index."""
    film, pressure = recording(play)
    light = film.cells[:, play.middle].mean(axis=1, dtype=np.float64)
    beside = play.depth < 0.05
    surround = haemoglobin(film.cells[:, beside].mean(axis=1, dtype=np.float64)) if beside.sum() >= 6 else None
    return Trace(film.time_s, haemoglobin(light), light=light, surround=surround, repeated=film.repeated), pressure


def _enlarging(cells: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return the matrix (pixels, cells) that draws straight lines between the middles of cells."""
    places = (np.arange(cells * CELL_PX) + 0.5) / CELL_PX - 0.5
    return np.array([np.interp(places, np.arange(cells), unit) for unit in np.eye(cells)], dtype=np.float32).T


def pictures(play: Play) -> tuple[GridRecording, PressureTrace]:
    """Return what the product's sampler keeps of 8-bit pictures of 320x240 with pores that move with the hand."""
    down, across = _enlarging(ROWS), _enlarging(COLUMNS)
    height, width = ROWS * CELL_PX, COLUMNS * CELL_PX
    coarse = play.rng.standard_normal((height + 40, width + 40)).astype(np.float32)
    pores = (coarse + np.roll(coarse, 1, 0) + np.roll(coarse, 1, 1) + np.roll(coarse, (1, 1), (0, 1))) / 2.0
    pores = np.exp(0.04 * (pores + np.roll(pores, 2, 0) + np.roll(pores, 2, 1)) / 1.7).astype(np.float32)
    sampler = GridSampler(width, height)
    picture, shown = np.zeros((height, width, 3), np.uint8), -1
    for stamp_s, index in zip(play.stamp_s, play.kept, strict=True):
        if index != shown:
            skin = pores_at(pores, play.shift_px[index], height, width)
            cells = play.light[index].astype(np.float32)
            light = np.stack([down @ cells[..., colour] @ across.T for colour in (2, 1, 0)], axis=-1) * skin[..., None]
            sigma = (0.008 * play.noise) * np.sqrt(np.maximum(light, 0.0))
            light = np.clip(light + sigma * play.rng.standard_normal(light.shape, dtype=np.float32), 0.0, 1.0)
            code = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
            picture, shown = np.rint(255.0 * code).astype(np.uint8), int(index)
        sampler.add(picture, float(stamp_s))
    return sampler.finish(), PressureTrace(play.probe_s, play.probe_kpa)


def pores_at(
    pores: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    shift_px: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    height: int,
    width: int,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return the pores (height, width) once the hand lies `shift_px` (x, y) away, between pixels by straight lines."""
    x, y = 20.0 - np.clip(shift_px, -19.0, 18.0)
    left, top = int(x), int(y)
    part_x, part_y = np.float32(x - left), np.float32(y - top)
    block = pores[top : top + height + 1, left : left + width + 1]
    rows = (1 - part_y) * block[:-1] + part_y * block[1:]
    return np.asarray((1 - part_x) * rows[:, :-1] + part_x * rows[:, 1:])


def analyse(play: Play, form: str) -> PressAnalysis:
    """Return what the product makes of a press in this form."""
    if form == TRACE:
        series, told = trace(play)
        return analyse_trace(series, told, Settings())
    film, told = pictures(play) if form == PICTURES else recording(play)
    return analyse_recording(film, None if form == CELLS_ALONE else told, Settings())
