"""What a frame costs: the mean of a region and the whole per-frame path, interleaved, on 640x480 frames, one core.

`python -m benchmarks.frame_path` prints a table; it writes nothing. Every contender takes its turn on every frame, in
an order that rotates; of many batches the one with the lowest median counts, so that another program's turn does not.
Times are of this machine; the ratios carry over. First the answers are held against each other: a fast wrong mean is
not timed.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.bayer_light import MosaicMean
from vision.bgr_light import RegionMean
from vision.frames import BGR, BT601_FULL, Bayer, Layout, Yuv
from vision.grid import GridSampler
from vision.tone import srgb_to_linear

Picture = NDArray[np.uint8]
Work = Callable[[int], object]

WIDTH, HEIGHT = 640, 480
ROI = (240, 160, 160, 160)
FRAMES = 6
BATCH = 25
HEAD = ["per frame", "µs", "x copy", "x cv2.mean"]
AGREES = 1e-5
"""Relative difference to the mean in float64 above which there is nothing to time."""


class PeerMissingError(Exception):
    """pyCRT is not installed."""


def _peer() -> Callable[[Picture], object]:
    """Return what pyCRT does with each frame: `cv2.mean` of the region's view, then a power of the three means."""
    try:
        with warnings.catch_warnings():  # its import turns every warning of the process into an error
            from pyCRT.frameOperations import calcAvgInten
    except ImportError as error:
        raise PeerMissingError(f"pyCRT is not installed ({error}): `make setup` brings the locked version") from error
    return lambda frame: calcAvgInten(frame, ROI, 1.0)


def pictures() -> list[Picture]:
    """Return frames (height, width, 3) that look like skin to a memory: shading, texture, noise of 2 codes."""
    chance = np.random.default_rng(1)
    grain = cv2.GaussianBlur(chance.standard_normal((HEIGHT, WIDTH)).astype(np.float32), (0, 0), 1.7)
    shading = np.linspace(0.85, 1.1, WIDTH)[None, :, None] * np.linspace(1.05, 0.9, HEIGHT)[:, None, None]
    skin = shading * (np.array([110.0, 120.0, 170.0]) + 60.0 * grain[..., None])
    return [np.clip(np.rint(skin + chance.normal(0, 2.0, skin.shape)), 0, 255).astype(np.uint8) for _ in range(FRAMES)]


def _planes(picture: Picture, nv12: bool) -> Picture:
    """Return a picture as I420 or NV12. OpenCV's codes are of limited range: to time them the range is no matter."""
    i420 = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)
    if not nv12:
        return i420
    u, v = i420[HEIGHT:].reshape(2, -1)
    return np.concatenate([i420[:HEIGHT].ravel(), np.stack([u, v], axis=1).ravel()]).reshape(i420.shape)


def _mosaic(picture: Picture, wide: bool) -> NDArray[Any]:
    """Return a picture's green as if it were a sensor's mosaic."""
    green = picture[..., 1].copy()
    return green.astype(np.uint16) * 3 + 64 if wide else green


def _sampled(layout: Layout, frames: Sequence[NDArray[Any]]) -> Work:
    sampler = GridSampler(WIDTH, HEIGHT, layout=layout)
    return lambda index: sampler.add(frames[index], 0.0)


def check_agreement(frames: Sequence[Picture]) -> None:
    """Raise AssertionError where the region's mean, or the grid's, is not that of the linearised pixels."""
    x, y, width, height = ROI
    frame = frames[0]
    light = srgb_to_linear(frame[..., ::-1].astype(np.float64))
    region = light[y : y + height, x : x + width].mean(axis=(0, 1))
    sampler = GridSampler(WIDTH, HEIGHT)
    sampler.add(frame, 0.0)
    cells = sampler.finish().cells[0].mean(axis=(0, 1), dtype=np.float64)
    assert np.abs(np.array(RegionMean(ROI).of(frame)) / region - 1).max() < AGREES
    assert np.abs(cells / light.mean(axis=(0, 1)) - 1).max() < AGREES
    mosaic = _mosaic(frame, True)
    squares = (mosaic[y : y + height, x : x + width].astype(np.float64) - 64) / (1023 - 64)
    greens = (squares[0::2, 1::2].mean() + squares[1::2, 0::2].mean()) / 2
    raw = squares[0::2, 0::2].mean(), greens, squares[1::2, 1::2].mean()
    assert np.abs(np.array(MosaicMean(ROI, Bayer("RGGB", 64, 1023)).of(mosaic)) / raw - 1).max() < AGREES


def contenders(frames: Sequence[Picture]) -> tuple[dict[str, Work], dict[str, Work]]:
    """Return what is timed on the region and on the whole frame; the first two of each are copy and `cv2.mean`."""
    x, y, width, height = ROI
    views = [frame[y : y + height, x : x + width] for frame in frames]
    small, large = np.empty((height, width, 3), np.uint8), np.empty_like(frames[0])
    mean, peer = RegionMean(ROI), _peer()
    raw, raw8 = Bayer("RGGB", 64, 1023), Bayer("RGGB", 16, 255, 1)
    mosaics, mosaics8 = ([_mosaic(frame, wide) for frame in frames] for wide in (True, False))
    means = MosaicMean(ROI, raw), MosaicMean(ROI, raw8)
    region: dict[str, Work] = {
        "160x160: copy of the region (floor)": lambda index: np.copyto(small, views[index]),
        "160x160: cv2.mean, not linear": lambda index: cv2.mean(views[index]),
        "160x160: pyCRT's extractor, not linear": lambda index: peer(frames[index]),
        "160x160: linear mean, BGR (ours)": lambda index: mean.of(frames[index]),
        "160x160: linear mean, Bayer 8 bits": lambda index: means[1].of(mosaics8[index]),
        "160x160: linear mean, Bayer 10 bits": lambda index: means[0].of(mosaics[index]),
    }
    whole: dict[str, Work] = {
        "640x480: copy of the frame (floor)": lambda index: np.copyto(large, frames[index]),
        "640x480: cv2.mean, not linear": lambda index: cv2.mean(frames[index]),
        "640x480: whole path, BGR": _sampled(BGR, frames),
        "640x480: whole path, I420": _sampled(Yuv("i420", BT601_FULL), [_planes(frame, False) for frame in frames]),
        "640x480: whole path, NV12": _sampled(Yuv("nv12", BT601_FULL), [_planes(frame, True) for frame in frames]),
        "640x480: whole path, Bayer 8 bits": _sampled(raw8, mosaics8),
        "640x480: whole path, Bayer 10 bits": _sampled(raw, mosaics),
    }
    return region, whole


def best_median_us(work: dict[str, Work], rounds: int) -> dict[str, float]:
    """Return for each kind of work the lowest of its batches' medians, µs; the kinds take turns."""
    kinds = list(work.items())
    best = dict.fromkeys(work, float("inf"))
    for _ in range(max(1, rounds // BATCH)):
        taken: dict[str, list[float]] = {name: [] for name in work}
        for turn in range(BATCH):
            first = turn % len(kinds)
            for name, run in kinds[first:] + kinds[:first]:
                begun = time.perf_counter()
                run(turn % FRAMES)
                taken[name].append(time.perf_counter() - begun)
        best = {name: min(best[name], 1e6 * float(np.median(taken[name]))) for name in work}
    return best


def rows(rounds: int = 600) -> list[list[str]]:
    """Return one row a contender, as `HEAD` says, from so many rounds; raises `PeerMissingError`."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        frames = pictures()
        check_agreement(frames)
        told = []
        for work in contenders(frames):
            best = best_median_us(work, rounds)
            copy, mean = list(best.values())[:2]
            told += [[name, f"{us:.1f}", f"{us / copy:.2f}", f"{us / mean:.2f}"] for name, us in best.items()]
        return told
    finally:
        cv2.setNumThreads(threads)


def main(argv: list[str] | None = None) -> list[list[str]]:
    """Print the table and return its rows."""
    parser = argparse.ArgumentParser(description="What a frame costs.")
    parser.add_argument("--rounds", type=int, default=600)
    table = rows(parser.parse_args(argv).rounds)
    for name, *figures in [HEAD, *table]:
        sys.stdout.write(f"{name:40s}" + "".join(f"{figure:>12s}" for figure in figures) + "\n")
    return table


if __name__ == "__main__":
    main()
