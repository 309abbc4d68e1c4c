"""The camera loop, a thread of its own: every frame into the sampler of the press under way, and a word about it.

No picture is kept: a frame goes through the sampler, which leaves a small grid of colour means, and is gone. While
nothing is recorded only the first picture after a start is looked at, whether it is what the camera promised. A camera
that fails is closed and started again until it comes back; one that hangs is beyond that, and the process has to end.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from device.clock import Clock
from device.ports import Camera, CameraError, CameraHungError, Frame
from device.session_words import CameraFailed, FrameSeen, SettingsMoved
from vision.frames import FrameError, check
from vision.grid import GridRecording, GridSampler

log = logging.getLogger(__name__)

CameraEvent = FrameSeen | SettingsMoved | CameraFailed

TRY_AGAIN_S: float = 2.0
IDLE_WORD_S: float = 0.05
"""While nothing is recorded, frames are told of this often: that is fresh enough for every rule of the session."""
LOOKED_BACK_S: float = 5.0
"""Rate and losses are those of the last seconds."""


@dataclass(frozen=True)
class Latest:
    """The latest frame of the press under way: its time since the recording's origin and its haemoglobin signal."""

    time_s: float
    signal: float


@dataclass(frozen=True)
class Flow:
    """How frames came in over the last seconds: rate, share that never arrived, and whether the last one was locked."""

    fps: float
    dropped_share: float
    settings_held: bool


class Recorder:
    """Runs `camera` in a thread; hands `CameraEvent`s to `hear`, which must be quick and safe to call from there."""

    def __init__(self, camera: Camera, clock: Clock, hear: Callable[[CameraEvent], None]) -> None:
        self._camera = camera
        self._clock = clock
        self._hear = hear
        self._lock = threading.Lock()
        self._sampler: GridSampler | None = None
        self._origin_ns = 0
        self._told_ns = 0
        self._fresh = True
        self._seen: deque[tuple[int, int, bool]] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self.camera_ticked_ns: int | None = None
        """CLOCK_BOOTTIME of the camera loop's last turn, waiting for a camera included; None before the first."""
        self.trouble: str | None = None
        """One sentence while there is no camera, or none that delivers."""
        self.hung = False
        """Whether the camera does not come back: only a new process can use it."""

    @property
    def problem(self) -> str | None:
        """One sentence once the camera hangs."""
        return self.trouble if self.hung else None

    def start(self) -> None:
        """Start the thread, which starts the camera; where there is none it waits for one."""
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

    def flow(self) -> Flow | None:
        """Return how frames come in; None where none has come for a while."""
        now_ns = self._clock.boottime_ns()
        with self._lock:
            seen = [each for each in self._seen if now_ns - each[0] <= LOOKED_BACK_S * 1e9]
        if len(seen) < 2 or seen[-1][0] == seen[0][0]:
            return None
        dropped = sum(each[1] for each in seen)
        span_s = (seen[-1][0] - seen[0][0]) / 1e9
        return Flow((len(seen) - 1) / span_s, dropped / (dropped + len(seen)), seen[-1][2])

    def end(self) -> None:
        """Stop to keep frames."""
        with self._lock:
            self._sampler = None

    def close(self, timeout_s: float = 4.0) -> bool:
        """Stop the thread, which closes the camera; returns False where the camera does not come back."""
        self._stop.set()
        if self._thread.ident is None:
            self._camera.close()
            return True
        self._thread.join(timeout_s)
        return not (self._thread.is_alive() or self.hung)

    def _run(self) -> None:
        try:
            self._deliver()
            self._camera.close()
        finally:
            if not self._stop.is_set() and not self.hung:
                # Whatever it was that nobody foresaw: without frames the bedside is to end, not to stand still.
                self.hung = True
                self._fail("The camera's loop has ended.")

    def _deliver(self) -> None:
        while not self._stop.is_set():
            try:
                self.camera_ticked_ns = self._clock.boottime_ns()
                self._camera.start()
                self._fresh = True
                while not self._stop.is_set():
                    self._turn()
            except CameraHungError as error:
                self.hung = True
                self._fail(str(error))
                return
            except (CameraError, FrameError) as error:
                self._fail(str(error))
                self._camera.close()
                self._wait()

    def _turn(self) -> None:
        looking = self._sampler is not None
        frame = self._camera.next_frame(look=looking or self._fresh)
        if self._fresh and frame.picture is not None:
            check(frame.picture, self._camera.layout, self._camera.width, self._camera.height)
        self._fresh = False
        now_ns = self.camera_ticked_ns = self._clock.boottime_ns()
        self._keep(frame)
        if self.trouble is not None:
            log.warning("the camera delivers again")
            self.trouble = None
        moved = not frame.settings_held
        if looking or moved or now_ns - self._told_ns >= IDLE_WORD_S * 1e9:
            self._told_ns = now_ns
            self._hear(SettingsMoved() if moved else FrameSeen())

    def _keep(self, frame: Frame) -> None:
        with self._lock:
            self._seen.append((frame.t_boot_ns, frame.dropped, frame.settings_held))
            while self._seen and frame.t_boot_ns - self._seen[0][0] > LOOKED_BACK_S * 1e9:
                self._seen.popleft()
            # A frame whose exposure began before `begin` belongs to what was before.
            if self._sampler is not None and frame.picture is not None and frame.t_boot_ns >= self._origin_ns:
                self._sampler.add(frame.picture, (frame.t_boot_ns - self._origin_ns) / 1e9)

    def _fail(self, why: str) -> None:
        """Say once that there is no camera; the log has it once for each cause."""
        if why != self.trouble:
            log.warning("%s", why)
        first, self.trouble = self.trouble is None, why
        if first:
            self._hear(CameraFailed())

    def _wait(self) -> None:
        """Wait before the next try, ticking: a loop that waits for a camera is no loop that hangs."""
        for _ in range(round(TRY_AGAIN_S / 0.1)):
            self.camera_ticked_ns = self._clock.boottime_ns()
            if self._stop.wait(0.1):
                return
