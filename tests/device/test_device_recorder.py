"""The camera loop: frames of the camera's layout go into the sampler of the press under way, and nowhere else."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from device.bedside_recorder import CameraEvent, Recorder
from device.clock import SystemClock
from device.ports import CameraError, Frame
from device.session_words import CameraFailed, FrameSeen
from vision.frames import BGR, BT601_FULL, Bayer, Layout, Pixels, Yuv
from vision.tone import srgb_to_linear

WIDTH, HEIGHT = 64, 48


class Handed:
    """A camera that hands out one frame each time it is let, and fails when there is no more to come."""

    width, height, simulated = WIDTH, HEIGHT, True

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.clock = SystemClock()
        self._next: Pixels | None = None
        self._let, self._taken = threading.Semaphore(0), threading.Semaphore(0)

    def hand(self, picture: Pixels | None) -> None:
        self._next = picture
        self._let.release()
        assert self._taken.acquire(timeout=5)

    def start(self) -> None:
        pass

    def next_frame(self) -> Frame:
        self._let.acquire()
        picture, stamp_ns = self._next, self.clock.boottime_ns()
        self._taken.release()
        if picture is None:
            raise CameraError("No more frames.")
        return Frame(stamp_ns, picture)

    def close(self) -> None:
        pass


class Heard(list[CameraEvent]):
    """What the recorder said; `wait` returns when it has said so much."""

    def __init__(self) -> None:
        super().__init__()
        self._said = threading.Condition()

    def hear(self, event: CameraEvent) -> None:
        with self._said:
            self.append(event)
            self._said.notify_all()

    def wait(self, count: int) -> None:
        with self._said:
            assert self._said.wait_for(lambda: len(self) >= count, timeout=5)


def grey_frames() -> Iterator[tuple[Layout, Pixels, float]]:
    """A plain grey of encoded value 100 in each layout, with the linear light that it stands for."""
    light = float(srgb_to_linear(np.array(100.0)))
    planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    planes[:HEIGHT] = 100
    yield BGR, np.full((HEIGHT, WIDTH, 3), 100, np.uint8), light
    yield Yuv("i420", BT601_FULL), planes, light
    yield Yuv("nv12", BT601_FULL), planes, light
    yield Bayer("RGGB", 64, 1023), np.full((HEIGHT, WIDTH), 264, np.uint16), 200 / 959


@pytest.mark.parametrize(("layout", "picture", "light"), list(grey_frames()))
def test_frames_are_read_as_the_camera_lays_them_out(layout: Layout, picture: Pixels, light: float) -> None:
    camera, heard = Handed(layout), Heard()
    recorder = Recorder(camera, camera.clock, heard.hear)
    recorder.start()
    camera.hand(picture)
    heard.wait(1)
    assert recorder.so_far() is None
    recorder.begin()
    for count in (2, 3):
        camera.hand(picture)
        heard.wait(count)
    kept = recorder.so_far()
    assert kept is not None
    assert kept.repeated.tolist() == [False, True]
    assert kept.cells == pytest.approx(light, rel=1e-4)
    assert heard == [FrameSeen()] * 3
    camera.hand(None)
    heard.wait(4)
    assert recorder.close()


def test_a_frame_that_is_not_of_the_layout_is_a_failed_camera_not_a_dead_thread() -> None:
    camera, heard = Handed(Yuv("i420")), Heard()
    recorder = Recorder(camera, camera.clock, heard.hear)
    recorder.start()
    recorder.begin()
    camera.hand(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    heard.wait(1)
    assert heard == [CameraFailed()]
    assert recorder.problem is not None
    assert "uint8 (48, 64, 3), not uint8 (72, 64)" in recorder.problem
    assert recorder.close()
