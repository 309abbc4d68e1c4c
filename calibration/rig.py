"""What calibration asks of the machine: pressure, pictures, light. A Pi and the phantom answer alike.

Instants are CLOCK_BOOTTIME in ns. A rig blocks: calibration is slow, and one engineer waits for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from firmware_config.camera import CameraLock
from vision.frames import Layout, Pixels


class RigError(Exception):
    """The machine could not do what was asked; the text is one sentence. The step may be tried again."""


class Target(StrEnum):
    """What the engineer puts under the plate, or onto the nozzle."""

    NOTHING = "nothing"
    PLUG = "plug"
    DARK_CAP = "dark_cap"
    WHITE = "white"
    GREY_STEPS = "grey_steps"
    CHART = "chart"
    SCALE_CARD = "scale_card"
    PAD = "pad"
    """A soft pad with printed dots, which a press moves: seen by camera and pressure sensor alike."""
    RECOVERY = "recovery"
    """The check target whose colour recovers along a known curve."""


@dataclass(frozen=True)
class Pressure:
    """Samples of the probe: instants of reading, shape (n,), int64, rising; gauge pressure in kPa, shape (n,)."""

    t_boot_ns: NDArray[np.int64]
    kpa: NDArray[np.float64]


STILL_S: Final = 0.5
"""So long before its end the hold of a calibration's press is left to itself: pump off, valve closed. What the pressure
loses then is the leak; while the pump makes up for it, nothing in the samples tells how large it is."""


@dataclass(frozen=True)
class Pressed:
    """One press on the plug: all its samples, when the hold began, and when the valve was told to open."""

    pressure: Pressure
    hold_ns: int
    valve_open_ns: int
    faults: tuple[str, ...] = ()
    reference_kpa: float | None = None
    """What the reference manometer showed during the hold; None on a real machine, where only the engineer sees it."""
    still_ns: int | None = None
    """When the pump was left off, about `STILL_S` before the valve opened; None where it worked to the hold's end."""


@dataclass(frozen=True)
class Pictures:
    """Frames in order: start of exposure of each, shape (n,), and the frames as the camera lays them out."""

    t_boot_ns: NDArray[np.int64]
    frames: tuple[Pixels, ...]
    layout: Layout
    width: int
    height: int
    lock: CameraLock
    """What they were taken with."""
    dropped: int = 0


Look = Callable[[Pixels, Layout], NDArray[np.float64]]
"""What is kept of a frame: a few numbers, shape (k,), the same k for every frame."""


@dataclass(frozen=True)
class Film:
    """Frames looked at as they came, none of them kept: start of exposure, shape (n,); what was seen, shape (n, k)."""

    t_boot_ns: NDArray[np.int64]
    seen: NDArray[np.float64]
    dropped: int = 0


class Rig(Protocol):
    """The machine under calibration. Every call may raise `RigError`."""

    @property
    def simulated(self) -> bool:
        """Whether it is a phantom."""

    @property
    def has_light_pin(self) -> bool:
        """Whether the machine can switch its own light (`pins.light`)."""

    def now_ns(self) -> int:
        """Return CLOCK_BOOTTIME; on the phantom its own time, which runs only while something is measured."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""

    def put(self, target: Target) -> None:
        """Take note of what the engineer says is in place; the phantom puts it there."""

    def pressure(self, seconds: float) -> Pressure:
        """Listen to the vented probe for so long."""

    def press(self, target_kpa: float, hold_s: float, ramp_s: float = 1.0) -> Pressed:
        """Press, hold, release, and listen for a second more; a press that does not come off is a `RigError`.

        For the hold's last `STILL_S` the pump is left off, and `still_ns` says since when, where the machine can do so.
        """

    def ceiling_kpa(self, operator: str | None = None) -> float:
        """Inject a rising pressure reading above the limit, and return at what pressure the probe let go.

        The fault that this latches is cleared in the name of `operator`, a code.
        """

    def pictures(self, count: int, lock: CameraLock | None = None) -> Pictures:
        """Take frames one after another, with the configured lock or another one."""

    def light(self, level: float) -> int:
        """Set the own light, 0 to 1; returns when. Raises `RigError` where there is no light pin."""

    def film(self, seconds: float, look: Look) -> Film:
        """Look at every frame for so long, with the configured lock."""

    def filmed_press(self, target_kpa: float, hold_s: float, look: Look, ramp_s: float = 1.0) -> tuple[Pressed, Film]:
        """Press as `press` does, and look at every frame from half a second before it to its end."""

    def filmed_light(self, level_at: Callable[[float], float], seconds: float, look: Look) -> tuple[Film, int]:
        """Let the own light follow `level_at` (s from its start to a level, 0 to 1) while every frame is looked at.

        Returns the film, which begins half a second earlier at the first level, and the instant of the start. Raises
        `RigError` where there is no light pin.
        """
