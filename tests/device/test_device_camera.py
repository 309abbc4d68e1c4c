"""Frames carry their own time; a camera that fails says so in one sentence and never blocks for good."""

import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from device.camera.phantom import PhantomCamera
from device.camera.pi import FORMAT, Lock, PiCamera, settings_agree
from device.camera.recording import RecordingCamera
from device.clock import SystemClock
from device.ports import CameraError, FrameSettings, Picture


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


LOCKED = {"ExposureTime": 3990, "AnalogueGain": 1.0, "ColourGains": (2.0, 1.6)}


class FakePicamera2:
    """What the adapter needs of picamera2, with its faults: the order of calls is what these tests look at."""

    def __init__(self) -> None:
        self.script: list[Any] = []
        self.calls: list[str] = []
        self.open_requests = 0
        self.given_format = FORMAT

    def create_video_configuration(self, **asked: Any) -> dict[str, Any]:
        self.asked = asked
        return asked

    def configure(self, _: Any) -> None:
        self.calls.append("configure")

    def camera_configuration(self) -> dict[str, Any]:
        return {"main": {"format": self.given_format, "size": self.asked["main"]["size"]}}

    def start(self) -> None:
        self.calls.append("start")

    def capture_request(self, *, wait: float) -> "FakeRequest":
        assert wait == 0.5
        entry = self.script.pop(0) if self.script else LOCKED
        if isinstance(entry, Exception):
            raise entry
        self.open_requests += 1
        return FakeRequest(self, entry)

    def cancel_all_and_flush(self) -> None:
        self.calls.append("flush")

    def stop(self) -> None:
        self.calls.append("stop")

    def close(self) -> None:
        self.calls.append("close")


class FakeRequest:
    def __init__(self, camera: FakePicamera2, metadata: dict[str, Any]) -> None:
        self.camera, self.metadata = camera, metadata
        self.picture = np.zeros((24, 40, 3), dtype=np.uint8)

    def get_metadata(self) -> dict[str, Any]:
        return {"SensorTimestamp": 123_000_000_000, **self.metadata}

    def release(self) -> None:
        self.camera.open_requests -= 1


class FakeMappedArray:
    def __init__(self, request: FakeRequest, stream: str, write: bool) -> None:
        assert (stream, write) == ("main", False)
        self.array = request.picture

    def __enter__(self) -> "FakeMappedArray":
        return self

    def __exit__(self, *_: object) -> None:
        return None


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePicamera2]:
    camera = FakePicamera2()
    picamera2 = types.ModuleType("picamera2")
    vars(picamera2).update(Picamera2=lambda: camera, MappedArray=FakeMappedArray)
    libcamera = types.ModuleType("libcamera")
    modes = types.SimpleNamespace(NoiseReductionModeEnum=types.SimpleNamespace(Off=0))
    vars(libcamera).update(controls=types.SimpleNamespace(draft=modes, AfModeEnum=types.SimpleNamespace(Manual=0)))
    monkeypatch.setitem(sys.modules, "picamera2", picamera2)
    monkeypatch.setitem(sys.modules, "libcamera", libcamera)
    yield camera
    assert camera.open_requests == 0, "a request was not given back to the camera"


def test_the_pi_camera_is_locked_before_it_starts(fake: FakePicamera2) -> None:
    PiCamera(40, 24, 60, Lock(lens_position=8.0)).start()
    controls = fake.asked["controls"]
    assert (controls["AeEnable"], controls["AwbEnable"]) == (False, False)
    assert {"ExposureTime", "AnalogueGain", "ColourGains", "LensPosition"} <= set(controls)
    assert controls["FrameDurationLimits"] == (16667, 16667)
    assert fake.calls == ["configure", "start"]


def test_the_pi_camera_waits_until_the_lock_has_taken_hold_and_checks_every_frame(fake: FakePicamera2) -> None:
    fake.script = [{**LOCKED, "AnalogueGain": 4.0}, {**LOCKED, "AnalogueGain": 2.0}, LOCKED]
    camera = PiCamera(40, 24, 60)
    camera.start()
    assert fake.script == []
    fake.script = [LOCKED, {**LOCKED, "ExposureTime": 4300}, {**LOCKED, "ColourGains": (2.0, 1.7)}, {}]
    assert [camera.next_frame().settings_held for _ in range(4)] == [True, False, False, False]
    assert camera.next_frame().t_boot_ns == 123_000_000_000


def test_a_pi_camera_that_never_takes_the_lock_does_not_start(fake: FakePicamera2) -> None:
    fake.script = [{**LOCKED, "AnalogueGain": 4.0}] * 200
    with pytest.raises(CameraError, match="does not keep the settings"):
        PiCamera(40, 24, 60).start()
    assert fake.calls[-1] == "close"


def test_one_missing_frame_is_flushed_and_a_second_is_the_end(fake: FakePicamera2) -> None:
    camera = PiCamera(40, 24, 60)
    camera.start()
    fake.script = [TimeoutError(), LOCKED, TimeoutError(), TimeoutError()]
    camera.next_frame()
    assert fake.calls.count("flush") == 1
    with pytest.raises(CameraError, match="no more frames"):
        camera.next_frame()
    camera.close()
    camera.close()
    assert fake.calls[-3:] == ["flush", "stop", "close"]


def test_another_pixel_format_than_asked_is_refused(fake: FakePicamera2) -> None:
    fake.given_format = "NV12"
    with pytest.raises(CameraError, match="NV12"):
        PiCamera(40, 24, 60).start()


def test_a_camera_that_raises_gives_its_request_back(fake: FakePicamera2, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = PiCamera(40, 24, 60)
    camera.start()

    def broken(_: object) -> dict[str, Any]:
        raise RuntimeError("metadata")

    monkeypatch.setattr(FakeRequest, "get_metadata", broken)
    with pytest.raises(CameraError, match="metadata"):
        camera.next_frame()


def test_a_machine_without_picamera2_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libcamera", None)
    with pytest.raises(CameraError, match="picamera2 is not installed"):
        PiCamera(40, 24, 60).start()


def test_settings_that_are_not_told_do_not_agree() -> None:
    locked = FrameSettings(4000, 1.0, (2.0, 1.6))
    assert settings_agree(locked, FrameSettings(4020, 1.0, (2.0, 1.6)))
    assert not settings_agree(locked, FrameSettings(4000, 1.0, None))
    assert not settings_agree(locked, FrameSettings(4000, None, (2.0, 1.6)))
    assert settings_agree(FrameSettings(), FrameSettings())
