"""The camera under calibration: frames from now on, with the configured lock or another one, none of them kept here."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from calibration.rig import Film, Look, Pictures, RigError
from device.clock import Clock
from device.ports import Camera, CameraError, CameraHungError, Frame, FrameSettings
from firmware_config.camera import Camera as Configured
from firmware_config.camera import CameraLock
from vision.frames import Layout

STALE_NS = 2_000_000_000
"""A camera whose frames are all older than the call for so long gives times of another clock."""

OpenCamera = Callable[[Configured], Camera]
"""Returns a camera for a configuration, not started."""


class BenchCamera:
    """Opened at the first picture, and again for every other lock: what a camera is locked to is given as it starts.

    A start throws frames away until the lock has taken hold; each call throws away what was exposed before it.
    """

    def __init__(self, config: Configured, opened: OpenCamera, clock: Clock, *, simulated: bool) -> None:
        """`simulated` is what the camera has to say of itself."""
        self._config = config
        self._opened = opened
        self._clock = clock
        self._simulated = simulated
        self._camera: Camera | None = None
        self._lock = config.lock

    def start(self) -> None:
        """Open it with the configured lock, where that is not done; raises `RigError` where there is none."""
        self._started(self._config.lock)

    def pictures(self, count: int, lock: CameraLock | None = None) -> Pictures:
        """Take `count` frames one after another, and keep them."""
        asked = self._config.lock if lock is None else lock
        frames = self.frames(asked)
        taken = [next(frames) for _ in range(count)]
        camera = self._started(asked)
        return Pictures(
            t_boot_ns=np.array([frame.t_boot_ns for frame in taken], dtype=np.int64),
            frames=tuple(frame.picture for frame in taken if frame.picture is not None),
            layout=camera.layout,
            width=camera.width,
            height=camera.height,
            lock=_taken_with(asked, taken[0].settings) if taken else asked,
            dropped=sum(frame.dropped for frame in taken),
        )

    def frames(self, lock: CameraLock | None = None) -> Iterator[Frame]:
        """Yield every frame whose exposure begins after this call, for as long as they are taken.

        Raises `RigError` where the camera fails, or a frame was not taken with the lock; then it is closed.
        """
        camera = self._started(self._config.lock if lock is None else lock)
        since_ns, first = self._clock.boottime_ns(), True
        while True:
            try:
                frame = camera.next_frame()
            except CameraError as error:
                self.close()
                raise _trouble(error) from error
            if frame.t_boot_ns < since_ns or frame.picture is None:
                self._check_age(since_ns)
                continue
            if not frame.settings_held:
                self.close()
                raise RigError("The camera does not keep the settings that it was given.")
            yield replace(frame, dropped=0) if first else frame
            first = False

    @property
    def layout(self) -> Layout:
        """How frames are laid out; of the camera as it is configured."""
        return self._started(self._config.lock).layout

    def close(self) -> None:
        """Stop and let go; the next picture opens it again."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()

    def _started(self, lock: CameraLock) -> Camera:
        if self._camera is not None and lock == self._lock:
            return self._camera
        self.close()
        camera = self._opened(self._locked(lock))
        # Known before it starts: Ctrl-C may come while it settles.
        self._camera, self._lock = camera, lock
        try:
            camera.start()
        except CameraError as error:
            self.close()
            raise _trouble(error) from error
        if camera.simulated != self._simulated:
            self.close()
            raise RigError(f"The camera is {'' if camera.simulated else 'not '}simulated, and the device is not so.")
        return camera

    def _check_age(self, since_ns: int) -> None:
        if self._clock.boottime_ns() - since_ns > STALE_NS:
            self.close()
            raise RigError("The camera gives no frame of now: its times are another clock's.")

    def _locked(self, lock: CameraLock) -> Configured:
        try:
            return Configured.model_validate({**self._config.model_dump(), "lock": lock.model_dump()})
        except ValidationError as error:
            raise RigError(f"The camera cannot be locked so: {error.errors()[0]['msg']}.") from error


class Looked:
    """Frames looked at as they come; nothing else of them stays."""

    def __init__(self, look: Look, layout: Layout) -> None:
        self._look = look
        self._layout = layout
        self._times_ns: list[int] = []
        self._seen: list[NDArray[np.float64]] = []
        self._dropped = 0

    def add(self, frame: Frame) -> None:
        """Look at a frame."""
        if frame.picture is None:  # `frames` yields none such
            return
        self._times_ns.append(frame.t_boot_ns)
        self._seen.append(self._look(frame.picture, self._layout))
        self._dropped += frame.dropped

    def film(self) -> Film:
        """Return what was seen; raises `RigError` where no frame came."""
        if not self._seen:
            raise RigError("The camera gave no picture.")
        return Film(np.array(self._times_ns, dtype=np.int64), np.stack(self._seen), self._dropped)


def _taken_with(asked: CameraLock, told: FrameSettings) -> CameraLock:
    """Return the lock that a frame says it was taken with: a sensor takes exposure in lines, and gain in steps."""
    found = {
        "exposure_us": None if told.exposure_us is None else max(round(told.exposure_us), 9),
        "analogue_gain": None if told.analogue_gain is None else max(told.analogue_gain, 1.0),
    }
    return asked.model_copy(update={name: value for name, value in found.items() if value is not None})


def _trouble(error: CameraError) -> RigError:
    if isinstance(error, CameraHungError):
        return RigError(f"{str(error).rstrip('.')}: only a new process can use it again, so end, and use --resume.")
    return RigError(str(error))
