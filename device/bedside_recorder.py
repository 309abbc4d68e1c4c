"""The camera loop, a thread of its own: every frame into the sampler of the press under way, and a word about it.

No picture is kept: a frame goes through the sampler, which leaves a small grid of colour means, and is gone.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from device.clock import Clock
from device.ports import Camera, CameraError, Frame
from device.session_words import CameraFailed, FrameSeen, SettingsMoved
from vision.frames import FrameError
from vision.grid import GridRecording, GridSampler

CameraEvent = FrameSeen | SettingsMoved | CameraFailed


@dataclass(frozen=True)
class Latest:
    """The latest frame of the press under way: its time since the recording's origin and its haemoglobin signal."""

    time_s: float
    signal: float


class Recorder:
    """Runs `camera` in a thread; hands `CameraEvent`s to `hear`, which must be quick and safe to call from there."""

    def __init__(self, camera: Camera, clock: Clock, hear: Callable[[CameraEvent], None]) -> None:
        self._camera = camera
        self._clock = clock
        self._hear = hear
        self._lock = threading.Lock()
        self._sampler: GridSampler | None = None
        self._origin_ns = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self.problem: str | None = None
        """One sentence once the camera has failed."""

    def start(self) -> None:
        """Start the camera, then its thread; raises `CameraError`."""
        self._camera.start()
        self._thread.start()

    def begin(self) -> int:
        """Start to keep frames, dropping what was kept; returns the CLOCK_BOOTTIME that their times count from."""
        with self._lock:
            self._sampler = GridSampler(self._camera.width, self._camera.height, layout=self._camera.layout)
            self._origin_ns = self._clock.boottime_ns()
            return self._origin_ns

    def so_far(self) -> GridRecording | None:
        """Return what has been kept since `begin`, or None where nothing is; recording goes on."""
        with self._lock:
            return None if self._sampler is None else self._sampler.finish()

    def latest(self) -> Latest | None:
        """Return the latest value for the live display, or None while nothing is kept."""
        with self._lock:
            if self._sampler is None:
                return None
            try:
                return Latest(*self._sampler.progress())
            except IndexError:
                return None

    def end(self) -> None:
        """Stop to keep frames."""
        with self._lock:
            self._sampler = None

    def close(self, timeout_s: float = 2.0) -> bool:
        """Stop the thread and close the camera; returns False where the camera does not come back from its wait."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        self._camera.close()
        return True

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                frame = self._camera.next_frame()
                self._keep(frame)
            except (CameraError, FrameError) as error:
                self.problem = str(error)
                self._hear(CameraFailed())
                return
            self._hear(FrameSeen() if frame.settings_held else SettingsMoved())

    def _keep(self, frame: Frame) -> None:
        with self._lock:
            # A frame whose exposure began before `begin` belongs to what was before.
            if self._sampler is not None and frame.picture is not None and frame.t_boot_ns >= self._origin_ns:
                self._sampler.add(frame.picture, (frame.t_boot_ns - self._origin_ns) / 1e9)
