"""Watches a camera for a while, as the bedside would, and holds what it did against what was asked of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from device.camera.pi_lock import HELD_WITHIN, settings_agree
from device.clock import Clock
from device.ports import Camera, Frame, FrameSettings
from vision.grid import GridRecording, GridSampler

RATE_TOLERANCE: float = 0.02
MOST_DROPPED: float = 0.01
MOST_CLIPPED: float = 0.05
"""Share of the region that may be white: more, and exposure or light is too much for any skin."""
LEAST_LIGHT: float = 0.01
"""Mean linear light of green below which the lamp is off, or the lens covered."""
OLDEST_S: float = 0.5
"""Age of a frame, by CLOCK_BOOTTIME, above which its time is of another clock or its queue is long."""


@dataclass(frozen=True)
class Finding:
    """One line of the check; `passed` is None where nothing is judged."""

    what: str
    found: str
    passed: bool | None = None

    def __str__(self) -> str:
        """The line for a terminal."""
        verdict = {True: "PASS", False: "FAIL", None: ""}[self.passed]
        return f"{verdict:5}{self.what:16}{self.found}"


def watch(
    camera: Camera, asked: FrameSettings, fps: float, seconds: float, clock: Clock, exposure_step_us: float = 0.0
) -> Iterator[Finding]:
    """Take frames of a started camera for so long and yield what was found; raises `CameraError`.

    `asked` is what every frame has to say of itself; None where the camera cannot say it. Exposure may be a step off.
    """
    sampler = GridSampler(camera.width, camera.height, layout=camera.layout)
    frames: list[Frame] = []
    ages_s: list[float] = []
    end_ns = clock.boottime_ns() + round(seconds * 1e9)
    while clock.boottime_ns() < end_ns:
        frame = camera.next_frame()
        ages_s.append((clock.boottime_ns() - frame.t_boot_ns) / 1e9)
        if frame.picture is not None:
            sampler.add(frame.picture, (frame.t_boot_ns - (frames[0] if frames else frame).t_boot_ns) / 1e9)
        frames.append(Frame(frame.t_boot_ns, None, frame.settings, frame.settings_held, frame.dropped))
    if len(frames) < 2:
        yield Finding("frames", f"{len(frames)} in {seconds:g} s", passed=False)
        return
    yield from _of_times(frames, ages_s, fps)
    yield from _of_settings(frames, asked, exposure_step_us)
    yield from _of_pictures(sampler.finish())


def _of_times(frames: list[Frame], ages_s: list[float], fps: float) -> Iterator[Finding]:
    span_s = (frames[-1].t_boot_ns - frames[0].t_boot_ns) / 1e9
    dropped = sum(frame.dropped for frame in frames[1:])
    steps_s = np.diff([frame.t_boot_ns for frame in frames]) / 1e9
    if span_s <= 0 or min(steps_s) <= 0:
        yield Finding("times", "they do not increase", passed=False)
        return
    # What the sensor took: a frame that never arrived is judged below.
    rate = (len(frames) - 1 + dropped) / span_s
    yield Finding("frame rate", f"{rate:.2f} of {fps:g} frames/s", abs(rate / fps - 1.0) <= RATE_TOLERANCE)
    share = dropped / (dropped + len(frames))
    yield Finding("dropped", f"{dropped} of {dropped + len(frames)}", share <= MOST_DROPPED)
    oldest_s = max(ages_s)
    yield Finding("age of a frame", f"at most {1e3 * oldest_s:.0f} ms", 0 <= min(ages_s) <= oldest_s <= OLDEST_S)


CONTROLS: tuple[tuple[str, str, str], ...] = (
    ("exposure", "exposure_us", "us"),
    ("analogue gain", "analogue_gain", ""),
    ("digital gain", "digital_gain", ""),
    ("colour gains", "colour_gains", ""),
    ("lens position", "lens_position", "1/m"),
    ("frame period", "frame_period_us", "us"),
)


def _of_settings(frames: list[Frame], asked: FrameSettings, exposure_step_us: float) -> Iterator[Finding]:
    for what, name, unit in CONTROLS:
        wanted = getattr(asked, name)
        told = {getattr(frame.settings, name) for frame in frames}
        asking = "not asked" if wanted is None else f"asked {_text(wanted)}"
        only = FrameSettings(**{name: wanted})
        held = (
            None
            if wanted is None
            else all(settings_agree(only, frame.settings, exposure_step_us=exposure_step_us) for frame in frames)
        )
        yield Finding(what, f"{asking}, {_span(told, unit)}", held)
    locked = sum(frame.settings_held for frame in frames)
    yield Finding("lock", f"held in {locked} of {len(frames)} frames, within {HELD_WITHIN:.1%}", locked == len(frames))


def _span(told: set[Any], unit: str) -> str:
    values = sorted(told - {None})
    if not values:
        return "not told"
    ends = " to ".join(_text(value) for value in dict.fromkeys((values[0], values[-1])))
    return f"found {ends}{' ' if unit else ''}{unit}{', and not always told' if None in told else ''}"


def _text(value: float | tuple[float, float]) -> str:
    return ", ".join(f"{each:.6g}" for each in (value if isinstance(value, tuple) else (value,)))


def _of_pictures(recording: GridRecording) -> Iterator[Finding]:
    red, green, blue = recording.cells.mean(axis=(0, 1, 2)).tolist()
    light = f"linear {red:.3f}, {green:.3f}, {blue:.3f} (red, green, blue)"
    yield Finding("brightness", light, green >= LEAST_LIGHT)
    clipped, dark = float(recording.clipped.mean()), float(recording.dark.mean())
    yield Finding("clipping", f"{clipped:.1%} white, {dark:.1%} black", clipped <= MOST_CLIPPED)
    repeated = int(recording.repeated.sum())
    yield Finding("repeated", f"{repeated} pictures were the same as the one before, to the bit", repeated == 0)
