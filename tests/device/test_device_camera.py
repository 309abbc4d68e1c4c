"""Phantom and recording: frames carry their own time, and what nobody looks at is not drawn."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from device.camera.phantom import PhantomCamera
from device.camera.recording import RecordingCamera
from device.clock import SystemClock
from device.ports import CameraError, Picture


class Numbered:
    """A scene whose frames tell when they were asked for."""

    def __init__(self, slow_s: float = 0.0) -> None:
        self.asked_ns: list[int] = []
        self.slow_s = slow_s

    def frame(self, t_boot_ns: int) -> Picture:
        self.asked_ns.append(t_boot_ns)
        time.sleep(self.slow_s)
        return np.full((24, 40, 3), len(self.asked_ns) % 256, dtype=np.uint8)


def test_phantom_frames_are_a_period_apart_and_come_when_their_exposure_is_over() -> None:
    scene, clock = Numbered(), SystemClock()
    camera = PhantomCamera(scene, 50, 40, 24)
    camera.start()
    frames, late_ns = [], []
    for _ in range(20):
        frames.append(camera.next_frame())
        late_ns.append(clock.boottime_ns() - frames[-1].t_boot_ns)
    steps = np.diff([frame.t_boot_ns for frame in frames])
    assert (steps % 20_000_000 == 0).all()
    assert np.median(steps) == 20_000_000
    assert min(late_ns) >= 20_000_000
    assert scene.asked_ns == [frame.t_boot_ns for frame in frames]


def test_a_phantom_that_draws_too_slowly_leaves_frames_out_and_keeps_to_the_clock() -> None:
    camera = PhantomCamera(Numbered(slow_s=0.05), 50, 40, 24)
    camera.start()
    frames = [camera.next_frame() for _ in range(8)]
    steps = np.diff([frame.t_boot_ns for frame in frames])
    assert (steps % 20_000_000 == 0).all()
    assert steps.mean() > 35_000_000
    assert SystemClock().boottime_ns() - frames[-1].t_boot_ns < 300_000_000


def test_a_phantom_camera_that_is_not_started_or_is_closed_says_so() -> None:
    camera = PhantomCamera(Numbered(), 50, 40, 24)
    with pytest.raises(CameraError, match="not started"):
        camera.next_frame()
    camera.start()
    camera.close()
    with pytest.raises(CameraError, match="not started"):
        camera.next_frame()


def test_a_phantom_frame_that_nobody_looks_at_is_not_drawn_and_comes_at_its_time_all_the_same() -> None:
    scene = Numbered()
    camera = PhantomCamera(scene, 100, 40, 24)
    camera.start()
    idle = [camera.next_frame(look=False) for _ in range(5)]
    assert scene.asked_ns == []
    assert all(frame.picture is None for frame in idle)
    drawn = camera.next_frame()
    assert scene.asked_ns == [drawn.t_boot_ns]
    assert (np.diff([frame.t_boot_ns for frame in [*idle, drawn]]) % 10_000_000 == 0).all()


TIMES_S = [0.5, 0.53, 0.57, 0.6, 0.7]


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "short.mkv"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 30, (48, 32))
    for index in range(len(TIMES_S)):
        writer.write(np.full((32, 48, 3), 40 * index, dtype=np.uint8))
    writer.release()
    (tmp_path / "short.frames.csv").write_text("time_s\n" + "".join(f"{t}\n" for t in TIMES_S))
    return path


def test_a_recording_plays_its_own_pictures_at_its_own_times(video: Path) -> None:
    camera = RecordingCamera(video, video.with_suffix(".frames.csv"))
    assert (camera.width, camera.height) == (48, 32)
    began_s = time.monotonic()
    camera.start()
    frames = [camera.next_frame() for _ in TIMES_S]
    assert time.monotonic() - began_s >= 0.199
    since_first_s = [(frame.t_boot_ns - frames[0].t_boot_ns) / 1e9 for frame in frames]
    assert since_first_s == pytest.approx([t - TIMES_S[0] for t in TIMES_S])
    assert [int(frame.picture[0, 0, 0]) for frame in frames] == [0, 40, 80, 120, 160]
    with pytest.raises(CameraError, match="has ended"):
        camera.next_frame()
    camera.close()


def test_a_recording_that_nobody_looks_at_goes_on_and_hands_out_no_picture(video: Path) -> None:
    camera = RecordingCamera(video, video.with_suffix(".frames.csv"))
    camera.start()
    frames = [camera.next_frame(look=look) for look in (False, False, True)]
    assert [frame.picture is None for frame in frames] == [True, True, False]
    assert frames[2].picture is not None
    assert int(frames[2].picture[0, 0, 0]) == 80
    camera.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time_s\n0\n0.1\n0.2\n", "more pictures than frame times"),
        ("time_s\n" + "".join(f"{t}\n" for t in range(9)), "fewer pictures than frame times"),
        ("time_s\n0\n0.2\n0.1\n", "do not increase"),
        ("seconds\n0\n1\n", "not a CSV file with a column time_s"),
        ("time_s\nnow\n", "not a CSV file with a column time_s"),
    ],
)
def test_a_recording_whose_times_do_not_fit_is_refused(video: Path, text: str, words: str) -> None:
    times = video.with_suffix(".frames.csv")
    times.write_text(text)

    def play() -> None:
        camera = RecordingCamera(video, times, Hurried())
        camera.start()
        for _ in range(20):
            camera.next_frame()

    with pytest.raises(CameraError, match=words):
        play()


class Hurried(SystemClock):
    """A clock far ahead, so that nothing is waited for."""

    def __init__(self) -> None:
        self._first = True

    def boottime_ns(self) -> int:
        if self._first:
            self._first = False
            return super().boottime_ns()
        return super().boottime_ns() + 10**12


def test_files_that_are_not_there_are_one_sentence(tmp_path: Path, video: Path) -> None:
    with pytest.raises(CameraError, match=r"none\.csv cannot be read"):
        RecordingCamera(video, tmp_path / "none.csv")
    with pytest.raises(CameraError, match="cannot be read as a video"):
        RecordingCamera(tmp_path / "none.mkv", video.with_suffix(".frames.csv"))
