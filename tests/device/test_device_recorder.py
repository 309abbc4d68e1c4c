"""The camera loop: frames of the camera's layout go into the sampler of the press under way, and nowhere else."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from device.bedside_recorder import CameraEvent, Recorder
from device.clock import SystemClock
from device.ports import CameraError, CameraHungError, Frame
from device.session_words import CameraFailed, FrameSeen, SettingsMoved
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

    def next_frame(self, *, look: bool = True) -> Frame:
        del look  # it has its picture at hand
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
def test_frames_are_read_as_the_camera_lays_them_out(
    layout: Layout, picture: Pixels, light: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("device.bedside_recorder.IDLE_WORD_S", 0.0)
    camera, heard = Handed(layout), Heard()
    recorder = Recorder(camera, camera.clock, heard.hear)
    recorder.start()
    camera.hand(picture)
    heard.wait(1)
    assert recorder.so_far() is None
    recorder.begin()
    for _ in range(3):
        camera.hand(picture)
    heard.wait(4)
    kept = recorder.so_far()
    assert kept is not None
    assert kept.repeated.tolist() == [False, True, True]
    assert kept.cells == pytest.approx(light, rel=1e-4)
    assert set(heard) == {FrameSeen()}
    camera.hand(None)
    heard.wait(5)
    assert recorder.close()


def test_a_frame_that_is_not_of_the_layout_is_a_failed_camera_not_a_dead_thread() -> None:
    camera, heard = Handed(Yuv("i420")), Heard()
    recorder = Recorder(camera, camera.clock, heard.hear)
    recorder.start()
    recorder.begin()
    camera.hand(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    heard.wait(1)
    assert heard == [CameraFailed()]
    assert recorder.trouble is not None
    assert "uint8 (48, 64, 3), not uint8 (72, 64)" in recorder.trouble
    assert not recorder.hung
    assert recorder.close()


def test_a_camera_whose_first_picture_is_not_as_promised_has_failed_before_anything_is_pressed() -> None:
    camera, heard = Handed(Yuv("nv12")), Heard()
    recorder = Recorder(camera, camera.clock, heard.hear)
    recorder.start()
    camera.hand(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    heard.wait(1)
    assert heard == [CameraFailed()]
    assert recorder.close()


class Scripted:
    """A camera that does at every frame what its script says next; at its end it delivers on and on."""

    width, height, simulated, layout = WIDTH, HEIGHT, True, BGR

    def __init__(self, *script: Exception | Frame) -> None:
        self.script = list(script)
        self.clock = SystemClock()
        self.starts, self.closes = 0, 0
        self.looked: list[bool] = []
        self.start_fails = 0

    def start(self) -> None:
        self.starts += 1
        if self.starts <= self.start_fails:
            raise CameraError("There is no camera.")

    def next_frame(self, *, look: bool = True) -> Frame:
        time.sleep(0.005)
        self.looked.append(look)
        entry = self.script.pop(0) if self.script else Frame(self.clock.boottime_ns(), None)
        if isinstance(entry, Exception):
            raise entry
        return entry

    def close(self) -> None:
        self.closes += 1


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.bedside_recorder.TRY_AGAIN_S", 0.2)


def recording(camera: Scripted) -> tuple[Recorder, Heard]:
    heard = Heard()
    recorder = Recorder(camera, camera.clock, heard.hear)
    recorder.start()
    return recorder, heard


@pytest.mark.usefixtures("quickly")
def test_a_camera_that_is_not_there_is_waited_for_and_the_loop_ticks_meanwhile() -> None:
    camera = Scripted()
    camera.start_fails = 2
    recorder, heard = recording(camera)
    heard.wait(1)
    assert (heard[0], recorder.trouble) == (CameraFailed(), "There is no camera.")
    heard.wait(2)
    assert heard[1] == FrameSeen(), "it failed twice and is said once"
    assert (recorder.trouble, camera.starts) == (None, 3)
    ticked = recorder.camera_ticked_ns
    assert ticked is not None
    assert camera.clock.boottime_ns() - ticked < 0.5e9
    assert recorder.close()


@pytest.mark.usefixtures("quickly")
def test_a_camera_that_fails_is_closed_and_started_again() -> None:
    camera = Scripted(CameraError("No more frames."))
    recorder, heard = recording(camera)
    heard.wait(2)
    assert list(heard[:2]) == [CameraFailed(), FrameSeen()]
    assert (camera.starts, camera.closes) == (2, 1)
    assert recorder.close()


@pytest.mark.usefixtures("quickly")
def test_the_first_picture_is_looked_at_after_every_start() -> None:
    camera = Scripted()
    camera.script = [Frame(camera.clock.boottime_ns(), None), CameraError("No more frames.")]
    recorder, heard = recording(camera)
    heard.wait(3)
    assert camera.looked[:3] == [True, False, True]
    assert recorder.close()


def test_a_frame_from_before_the_beginning_is_not_kept() -> None:
    camera = Scripted()
    recorder, heard = recording(camera)
    heard.wait(1)
    origin_ns = recorder.begin()
    picture = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    camera.script += [Frame(origin_ns + offset, picture) for offset in (-1, 0, 10_000_000)]
    heard.wait(len(heard) + 8)
    kept = recorder.so_far()
    assert kept is not None
    assert kept.time_s.tolist() == [0.0, 0.01]
    assert recorder.close()


def test_the_thread_that_used_the_camera_closes_it() -> None:
    class Faithful(Scripted):
        used_by: set[str]

        def start(self) -> None:
            super().start()
            self.used_by = {threading.current_thread().name}

        def close(self) -> None:
            super().close()
            self.used_by.add(threading.current_thread().name)

    camera = Faithful()
    recorder, heard = recording(camera)
    heard.wait(1)
    assert recorder.close()
    assert (camera.closes, camera.used_by) == (1, {"camera"})


def test_a_camera_that_never_comes_back_from_closing_is_told_and_not_waited_for() -> None:
    class Stuck(Scripted):
        free = threading.Event()
        came_back = False

        def close(self) -> None:
            self.free.wait(60)
            self.came_back = True

    camera = Stuck()
    recorder, heard = recording(camera)
    heard.wait(1)
    assert not recorder.close(0.1)
    assert not camera.came_back
    camera.free.set()


def test_a_recorder_that_was_never_started_lets_go_of_its_camera() -> None:
    camera = Scripted()
    assert Recorder(camera, camera.clock, Heard().hear).close()
    assert camera.closes == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_loop_that_ends_by_what_nobody_foresaw_ends_the_bedside() -> None:
    camera = Scripted(AttributeError("picamera2 has changed"))
    recorder, heard = recording(camera)
    heard.wait(1)
    assert heard == [CameraFailed()]
    assert (recorder.hung, recorder.trouble) == (True, "The camera's loop has ended.")
    assert not recorder.close()


def test_a_camera_that_hangs_is_not_started_again() -> None:
    camera = Scripted(CameraHungError("It does not come back."))
    recorder, heard = recording(camera)
    heard.wait(1)
    assert recorder.hung
    assert recorder.problem == "It does not come back."
    time.sleep(0.05)
    assert (camera.starts, list(heard)) == (1, [CameraFailed()])
    assert not recorder.close()


def test_pictures_are_looked_at_only_while_something_is_recorded_and_idle_frames_are_told_of_now_and_then() -> None:
    camera = Scripted()
    recorder, heard = recording(camera)
    heard.wait(3)
    idle, told = len(camera.looked), len(heard)
    assert camera.looked[0], "the first one after a start is looked at"
    assert not any(camera.looked[1:])
    assert told < idle / 2
    recorder.begin()
    heard.wait(told + 20)
    assert camera.looked[-1]
    assert recorder.close()


def test_settings_that_moved_are_told_at_once_and_losses_are_counted() -> None:
    clock = SystemClock()
    now_ns = clock.boottime_ns()
    frames = [Frame(now_ns + number * 10_000_000, None, dropped=number % 2) for number in range(10)]
    camera = Scripted(*frames, Frame(now_ns + 100_000_000, None, settings_held=False))
    recorder, heard = recording(camera)
    heard.wait(2)
    while SettingsMoved() not in heard:
        heard.wait(len(heard) + 1)
    assert recorder.close()
    seen = [each for each in recorder._seen if each[0] <= now_ns + 100_000_000]
    assert sum(each[1] for each in seen) == 5


def test_the_flow_of_frames_is_told_as_rate_and_share_lost() -> None:
    camera = Scripted()
    recorder, heard = recording(camera)
    heard.wait(4)
    flow = recorder.flow()
    assert flow is not None
    assert 50 < flow.fps < 210
    assert (flow.dropped_share, flow.settings_held) == (0.0, True)
    assert recorder.close()
