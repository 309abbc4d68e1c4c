"""What the bedside asks of the world: a camera, a probe, a panel's pins. Hardware and phantom plug in alike."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from device.console_words import Asked
from device.probe.messages import Event as ProbeEvent
from device.session_words import Held, Pushed, State
from vision.frames import Layout, Pixels

Picture = NDArray[np.uint8]
"""Encoded BGR values, shape (height, width, 3)."""


@dataclass(frozen=True)
class FrameSettings:
    """What the camera says it took a frame with; None where it does not say."""

    exposure_us: float | None = None
    analogue_gain: float | None = None
    colour_gains: tuple[float, float] | None = None
    digital_gain: float | None = None
    lens_position: float | None = None
    frame_period_us: float | None = None


@dataclass(frozen=True)
class Frame:
    """One frame: start of its exposure in CLOCK_BOOTTIME ns, its picture, and whether the locked settings held.

    What the picture's numbers mean is said by the camera's `layout`.
    """

    t_boot_ns: int
    picture: Pixels | None
    """None where nobody wanted to look at it."""
    settings: FrameSettings = FrameSettings()
    settings_held: bool = True
    dropped: int = 0
    """How many frames the sensor took since the one before that never arrived, by their times."""


class CameraError(Exception):
    """The camera cannot be used or delivers no more, and may be started again later; the text is one sentence."""


class CameraHungError(CameraError):
    """The camera does not come back from a wait. Only a new process can use it again: this one has to end."""


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

    def next_frame(self, *, look: bool = True) -> Frame:
        """Wait for the next frame, at most about a second; raises `CameraError`.

        With `look` false its picture is left where it is: time and settings are told, which is what idling needs.
        """

    def close(self) -> None:
        """Stop and let go; safe to call twice, and after an error. A closed camera may be started again."""


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


class Panel(Protocol):
    """Button, light and buzzer (`device.panel.Panel`); no call blocks."""

    def poll(self) -> list[Pushed | Held]:
        """Return what the button has meant since the last call."""

    def show(self, state: State, *, problem: bool = False) -> None:
        """Show a state; `problem`: no measurement could be started now."""

    def close(self) -> None:
        """Switch off and let go of the pins."""


class Console(Protocol):
    """Screens and commands that speak to the bedside (`device.console.Console`); no call blocks."""

    def poll(self) -> list[Asked]:
        """Return what was asked since the last call."""

    def tell(self, event: dict[str, object]) -> None:
        """Tell everybody who is connected; one who does not read is dropped, never waited for."""

    def answer(self, asked: Asked, refusal: str | None) -> None:
        """Tell the one who asked that it was done, or in one sentence why not."""

    def close(self) -> None:
        """Let everybody go."""
