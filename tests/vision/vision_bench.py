"""Presses and pictures with a known answer, for the tests of `vision`."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from phantom.plan import plan
from phantom.pressure import sensor_series
from phantom.scene import Scene
from phantom.schedule import end_s, schedule
from phantom.spec import PressSpec
from phantom.trace import SimulatedTrace, simulate
from vision.grid import GridRecording, GridSampler
from vision.press import PressAnalysis, Settings, analyse_recording, analyse_trace
from vision.pressure import PressureTrace
from vision.signal import haemoglobin
from vision.trace import Trace, trace_from_light

Array = NDArray[np.float64]

SHORT = PressSpec(pre_s=2.5, hold_s=5.0, post_s=8.0, crt_s=1.6, pulse=0.03, slow_wave=0.002, respiration=0.002, seed=3)
"""A sound press, short enough to be analysed in a fraction of a second."""


FILM = SHORT.with_(width_px=160, height_px=120, pre_s=2.0, hold_s=3.0, post_s=6.0, crt_s=1.4, seed=4, motion_px=0.2)
"""The same as a small film."""


def traces(spec: PressSpec, surround: bool = False) -> tuple[Trace, PressureTrace, SimulatedTrace]:
    played = simulate(spec)
    trace = trace_from_light(played.time_s, played.rgb_linear)
    if surround:
        beside = haemoglobin(played.surround_rgb_linear)
        trace = Trace(trace.time_s, trace.signal, light=trace.light, surround=beside, repeated=trace.repeated)
    return trace, PressureTrace(played.pressure_time_s, played.pressure_kpa), played


@cache
def analysed(spec: PressSpec, surround: bool = False, settings: Settings | None = None) -> PressAnalysis:
    trace, pressure, _ = traces(spec, surround)
    return analyse_trace(trace, pressure, settings or Settings())


def exponential(time_s: Array, crt_s: float, step: float = 0.25, level: float = 0.9) -> Array:
    """A refill from `level` at time zero that has 90 % of `step` back after `crt_s`."""
    return level + step * (1 - np.exp(-np.maximum(time_s, 0.0) * np.log(10.0) / crt_s))


def frame_times(fps: float = 30.0, hold_s: float = 3.0, post_s: float = 8.0) -> Array:
    """Frame times around time zero, none of them exactly on it."""
    return np.arange(-hold_s, post_s, 1 / fps) + 0.3 / fps


def textured(width: int, height: int, seed: int, contrast: float = 40.0) -> NDArray[np.uint8]:
    """A picture (height, width, 3) of blurred noise round a skin-like colour, wrapping at its edges."""
    chance = np.random.default_rng(seed).standard_normal((height, width))
    spectrum = np.fft.rfft2(chance)
    y, x = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    smooth = np.fft.irfft2(spectrum * np.exp(-2 * (np.pi * 1.7) ** 2 * (x * x + y * y)), s=(height, width))
    smooth *= contrast / smooth.std()
    return np.clip(np.array([110.0, 120.0, 170.0]) + 0.4 * smooth[..., None], 1, 250).astype(np.uint8)


def shifted(picture: NDArray[np.uint8], x_px: float, y_px: float) -> NDArray[np.uint8]:
    """The picture moved right by `x_px` and down by `y_px`, mirrored in at the edges."""
    matrix = np.array([[1.0, 0.0, x_px], [0.0, 1.0, y_px]])
    size = (picture.shape[1], picture.shape[0])
    moved = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, dtype=np.uint8)


@cache
def filmed(fault: str | None = None, fault_size: float = 1.0, probe: bool = True) -> PressAnalysis:
    """A small press of the phantom, filmed through the grid and analysed; no file in between."""
    spec = FILM.with_(fault=fault, fault_size=fault_size)
    made = plan(spec)
    times = schedule(made)
    played, scene = made.play(times.times_s), Scene(made)
    sampler = GridSampler(spec.width_px, spec.height_px)
    picture, shown = None, -1
    for index, source in enumerate(times.shows):
        if picture is None or source != shown:
            since_s = float(played.since_release_s[index])
            picture = scene.render(float(times.times_s[index]), float(played.blood[index]), since_s)
            shown = int(source)
        sampler.add(picture.copy(), float(times.times_s[index]))
    pressure = PressureTrace(*sensor_series(spec, end_s(made))) if probe else None
    return analyse_recording(sampler.finish(), pressure, Settings())


def cells_of_a_press(seed: int = 1, crt_s: float = 1.2, depth: float = 0.25) -> GridRecording:
    """A press as a grid of 12 x 16 cells without pictures: a blanched disc that refills from time 5 s on."""
    chance = np.random.default_rng(seed)
    time_s = frame_times(30.0, 5.0, 7.0) + 5.0
    y, x = np.mgrid[:12, :16]
    disc = np.exp(-((((x - 7.5) ** 2 + (y - 5.5) ** 2) / 9.0) ** 2))
    pressed = (time_s > 1.0) * (1 - exponential(time_s - 5.0, crt_s, 1.0, 0.0))
    ln_green = -2.2 + depth * pressed[:, None, None] * disc + 0.002 * chance.standard_normal((len(time_s), 12, 16))
    ln_red = -1.3 + 0.1 * depth * pressed[:, None, None] * disc + 0.002 * chance.standard_normal(ln_green.shape)
    cells = np.exp(np.stack([ln_red, ln_green, ln_green - 0.3], axis=-1)).astype(np.float32)
    nothing = np.zeros(cells.shape[:3], np.float32)
    count = len(time_s)
    still, alike = np.zeros((count, 2)), np.ones(count)
    return GridRecording(time_s, cells, nothing, nothing, still, alike, np.zeros(count, np.bool_), 10)
