"""The device itself as what calibration asks for: `calibration.rig.Rig` on its own camera, probe and light."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

from calibration.rig import Film, Look, Pictures, Pressed, Pressure, RigError, Target
from device.calibrating.camera import BenchCamera, Looked
from device.calibrating.light import BenchLight
from device.calibrating.probe import BenchProbe
from device.clock import Clock
from firmware_config.camera import CameraLock

Done = TypeVar("Done")

BEFORE_S = 0.5
"""So much of a film lies before what it is of."""
NO_LIGHT_PIN = "The device cannot switch its own light: pins.light is not set."


@dataclass(frozen=True)
class Parts:
    """What a device is made of. `light` is None where the device cannot switch it."""

    camera: BenchCamera
    probe: BenchProbe
    light: BenchLight | None
    simulated: bool


class DeviceRig:
    """Satisfies `calibration.rig.Rig` in real time, from `with` to its end. One thread.

    Where the device can switch its own light, it is lit but for when a step sets it, as it is at the bedside.
    """

    def __init__(self, parts: Parts, clock: Clock) -> None:
        """Camera and probe are opened when they are needed; what is opened is the rig's to close."""
        self._parts = parts
        self._clock = clock

    def __enter__(self) -> "DeviceRig":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close camera and light, whatever has happened; the probe was let go after every call."""
        try:
            self._parts.camera.close()
        finally:
            if self._parts.light is not None:
                self._parts.light.close()

    def missing(self) -> list[str]:
        """Return in a sentence each why camera and probe cannot be used now; raises `RigError` where neither can."""
        trouble: list[str] = []
        for look in (self._parts.camera.start, self._parts.probe.status):
            try:
                look()
            except RigError as error:
                trouble.append(str(error))
        if len(trouble) == 2:
            raise RigError(f"Neither camera nor probe: {' '.join(trouble)}")
        return trouble

    @property
    def simulated(self) -> bool:
        """Whether its parts are simulated; they are held to what was said of them."""
        return self._parts.simulated

    @property
    def has_light_pin(self) -> bool:
        """Whether `pins.light` is set."""
        return self._parts.light is not None

    def now_ns(self) -> int:
        """Return CLOCK_BOOTTIME."""
        return self._clock.boottime_ns()

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def put(self, target: Target) -> None:
        """Nothing: the engineer has done it."""

    def pressure(self, seconds: float) -> Pressure:
        """Listen to the vented probe for so long."""
        return self._parts.probe.pressure(seconds)

    def press(self, target_kpa: float, hold_s: float, ramp_s: float = 1.0) -> Pressed:
        """Press, when a press is allowed again, and renew the lease until it is over."""
        return self._parts.probe.press(target_kpa, hold_s, ramp_s)

    def ceiling_kpa(self, operator: str | None = None) -> float:
        """Have the probe let go of a press at its limit by a reading that is raised, and clear the fault again."""
        return self._parts.probe.ceiling_kpa(operator)

    def pictures(self, count: int, lock: CameraLock | None = None) -> Pictures:
        """Take frames one after another; another lock opens the camera anew."""
        return self._parts.camera.pictures(count, lock)

    def light(self, level: float) -> int:
        """Set the own light."""
        return self._light().set(level)

    def film(self, seconds: float, look: Look) -> Film:
        """Look at every frame for so long."""
        camera = self._parts.camera
        camera.start()
        looked = Looked(look, camera.layout)
        until_ns = self.now_ns() + round(seconds * 1e9)
        for frame in camera.frames():
            if frame.t_boot_ns >= until_ns:
                break
            looked.add(frame)
        return looked.film()

    def filmed_press(self, target_kpa: float, hold_s: float, look: Look, ramp_s: float = 1.0) -> tuple[Pressed, Film]:
        """Press while every frame is looked at, when a press is allowed again."""
        probe = self._parts.probe
        probe.wait_for_turn()
        film, pressed = self._filmed(look, lambda stop: probe.press(target_kpa, hold_s, ramp_s, stop))
        return pressed, film

    def filmed_light(self, level_at: Callable[[float], float], seconds: float, look: Look) -> tuple[Film, int]:
        """Let the own light follow a curve while every frame is looked at; it stays at the curve's end."""
        light = self._light()
        light.set(level_at(0.0))

        def follow(stop: threading.Event) -> int:
            start_ns = self.now_ns()
            light.follow(level_at, start_ns, seconds, stop)
            return start_ns

        return self._filmed(look, follow)

    def _filmed(self, look: Look, act: Callable[[threading.Event], Done]) -> tuple[Film, Done]:
        """Look at every frame from half a second before `act` to its end, and return what it returns.

        It has a thread of its own: a frame that is late, or looked at for long, must not cost a press its lease. Where
        the film breaks off, `act` is told to stop by the event that it is given, and waited for.
        """
        camera, stop = self._parts.camera, threading.Event()
        camera.start()
        looked = Looked(look, camera.layout)
        acting: Future[Done] | None = None
        begin_ns, ended_ns = self.now_ns() + round(BEFORE_S * 1e9), 2**63
        with ThreadPoolExecutor(1) as aside:
            try:
                for frame in camera.frames():
                    if frame.t_boot_ns >= ended_ns:
                        break
                    looked.add(frame)
                    if acting is None and frame.t_boot_ns >= begin_ns:
                        acting = aside.submit(act, stop)
                    elif acting is not None and acting.done():
                        ended_ns = min(ended_ns, self.now_ns())
            finally:
                stop.set()
        if acting is None:  # frames come until the camera fails
            raise RigError("The camera gave no picture.")
        return looked.film(), acting.result()

    def _light(self) -> BenchLight:
        if self._parts.light is None:
            raise RigError(NO_LIGHT_PIN)
        return self._parts.light
