"""A camera in front of a simulated scene: real time, real frame pacing, and frames that arrive late like real ones."""

import time

from device.clock import Clock, SystemClock
from device.ports import CameraError, Frame, FrameSettings, Picture, Scene
from vision.frames import BGR

LOCKED = FrameSettings(exposure_us=4000.0, analogue_gain=1.0, colour_gains=(1.0, 1.0))


class PhantomCamera:
    """Delivers `scene` at `fps`. A frame is handed over one period after its instant, when its exposure is over.

    Where drawing takes longer than a period, frames are left out as a camera without free buffers would. A frame that
    nobody looks at is not drawn.
    """

    layout = BGR
    simulated = True

    def __init__(
        self,
        scene: Scene,
        fps: float,
        width: int,
        height: int,
        clock: Clock | None = None,
        settings: FrameSettings = LOCKED,
    ) -> None:
        """`settings` is what every frame says of itself."""
        self._settings = settings
        self.width, self.height = width, height
        self._scene = scene
        self._period_ns = round(1e9 / fps)
        self._clock = clock or SystemClock()
        self._next_ns: int | None = None

    def start(self) -> None:
        """Begin at the present instant."""
        self._next_ns = self._clock.boottime_ns()

    def next_frame(self, *, look: bool = True) -> Frame:
        """Wait until the next frame is complete; raises `CameraError` before `start` or after `close`."""
        if self._next_ns is None:
            raise CameraError("The phantom camera is not started.")
        left_out = max(0, (self._clock.boottime_ns() - self._next_ns) // self._period_ns - 1)
        t_boot_ns = self._next_ns + left_out * self._period_ns
        self._next_ns = t_boot_ns + self._period_ns
        wait_ns = self._next_ns - self._clock.boottime_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / 1e9)
        if not look:
            return Frame(t_boot_ns, None, self._settings, dropped=left_out)
        picture: Picture = self._scene.frame(t_boot_ns)
        if picture.shape != (self.height, self.width, 3):
            raise CameraError(f"The scene is {picture.shape}, not {self.width} x {self.height}.")
        return Frame(t_boot_ns, picture, self._settings, dropped=left_out)

    def close(self) -> None:
        """Deliver no more."""
        self._next_ns = None
