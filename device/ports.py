"""What the bedside asks of the world: a camera, a probe, a panel's pins. Hardware and phantom plug in alike."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from device.probe.messages import Event as ProbeEvent
from vision.frames import Layout, Pixels

Picture = NDArray[np.uint8]
"""Encoded BGR values, shape (height, width, 3)."""


@dataclass(frozen=True)
class FrameSettings:
    """What the camera says it took a frame with; None where it does not say."""

    exposure_us: float | None = None
    analogue_gain: float | None = None
    colour_gains: tuple[float, float] | None = None


@dataclass(frozen=True)
class Frame:
    """One frame: start of its exposure in CLOCK_BOOTTIME ns, its picture, and whether the locked settings held.

    What the picture's numbers mean is said by the camera's `layout`.
    """

    t_boot_ns: int
    picture: Pixels
    settings: FrameSettings = FrameSettings()
    settings_held: bool = True


class CameraError(Exception):
    """The camera cannot be used or delivers no more; the text is one sentence."""


class Camera(Protocol):
    """A camera with locked settings. One thread uses it, from `start` to `close`."""

    @property
    def width(self) -> int:
        """Width of its frames, pixels."""

    @property
    def height(self) -> int:
        """Height of its frames, pixels."""

    @property
    def layout(self) -> Layout:
        """How its frames are laid out in memory; the same from `start` to `close`."""

    @property
    def simulated(self) -> bool:
        """Whether no skin is in front of it."""

    def start(self) -> None:
        """Begin to deliver frames; raises `CameraError`."""

    def next_frame(self) -> Frame:
        """Wait for the next frame, at most about a second; raises `CameraError`."""

    def close(self) -> None:
        """Stop and let go; safe to call twice, and after an error."""


class Scene(Protocol):
    """What a phantom camera looks at. It is asked in order of time."""

    def frame(self, t_boot_ns: int) -> Picture:
        """Return the picture at an instant of CLOCK_BOOTTIME."""


class Probe(Protocol):
    """The probe as its client sees it (`device.probe.link.ProbeClient`); no call blocks."""

    def poll(self) -> list[ProbeEvent]:
        """Return what it has said since the last call; raises `ProbeUnreachableError`."""

    def press(self, target_kpa: float, ramp_s: float, hold_s: float) -> str:
        """Ask for a press, return its lease."""

    def renew(self) -> None:
        """Renew the lease."""

    def release(self) -> None:
        """Vent now."""

    def close(self) -> None:
        """Let go of the probe; a press that it held ends."""


Emit = Callable[[dict[str, object]], None]
"""Takes one progress event, ready for JSON."""
