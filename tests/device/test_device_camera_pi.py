"""The Pi's adapter: locked before it starts, checked at every frame, never blocking for good, nothing held back.

picamera2 is a fake here, so that what a camera does wrong can be played; tests/camera runs the adapter on the real one.
"""

import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fake_picamera2 import LOCKED, FakePicamera2, Late, configured, installed, started

from device.camera import pi_open
from device.camera.pi import SETTLED_FRAMES, PiCamera
from device.camera.pi_lock import settings_agree
from device.ports import CameraError, CameraHungError, FrameSettings
from vision.frames import BGR


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePicamera2]:
    camera = installed(monkeypatch)
    yield camera
    assert camera.open_requests == 0, "a request was not given back to the camera"


def test_the_camera_is_locked_before_it_starts_in_the_mode_that_the_table_names(fake: FakePicamera2) -> None:
    fake.script = [LOCKED, *[{**LOCKED, "LensPosition": 8.0}] * SETTLED_FRAMES]
    started(lock={"lens_position": 8.0})
    assert fake.script == [], "the lens takes its time"
    controls = {name: getattr(value, "name", value) for name, value in fake.asked["controls"].items()}
    assert controls == {
        "AeEnable": False,
        "AwbEnable": False,
        "ExposureTime": 4000,
        "AnalogueGain": 1.2,
        "ColourGains": (2.0, 1.6),
        "FrameDurationLimits": (16667, 16667),
        "NoiseReductionMode": "Off",
        "Sharpness": 0.0,
        "AfMode": "Manual",
        "LensPosition": 8.0,
        "HdrMode": "Off",
        "AeFlickerMode": "Off",
    }
    assert fake.asked["sensor"] == {"output_size": (1536, 864), "bit_depth": 10}
    assert fake.calls == ["open", "configure", "start"]


def test_only_controls_that_the_camera_lists_are_given(fake: FakePicamera2) -> None:
    fake.listed = ["ExposureTime", "AnalogueGain", "ColourGains"]
    started()
    assert set(fake.asked["controls"]) == set(fake.listed)


def test_a_lens_that_moves_is_told_to_stay_even_where_nobody_said_where(fake: FakePicamera2) -> None:
    camera = started()
    assert fake.asked["controls"]["AfMode"].name == "Manual"
    assert "LensPosition" not in fake.asked["controls"]
    fake.script = [LOCKED, {**LOCKED, "LensPosition": 3.0}]
    assert [camera.next_frame(look=False).settings_held for _ in range(2)] == [True, False]


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["ExposureTime", "AnalogueGain", "ColourGains"])
def test_a_camera_that_cannot_be_locked_is_refused_or_simulated(fake: FakePicamera2, missing: str) -> None:
    fake.listed.remove(missing)
    with pytest.raises(CameraError, match=f"cannot be locked: it has no {missing}"):
        PiCamera(configured()).start()
    assert fake.calls[-1] == "close"
    assert "start" not in fake.calls
    allowed = PiCamera(configured(), allow_unlocked=True)
    allowed.start()
    assert allowed.simulated


def test_a_camera_that_can_be_locked_is_not_simulated_even_where_it_need_not_be(fake: FakePicamera2) -> None:
    camera = PiCamera(configured(), allow_unlocked=True)
    camera.start()
    assert not camera.simulated


def test_it_waits_until_the_lock_has_taken_hold_and_checks_every_frame(fake: FakePicamera2) -> None:
    fake.script = [{**LOCKED, "AnalogueGain": 4.0}, {**LOCKED, "AnalogueGain": 2.0}, LOCKED]
    camera = started()
    assert fake.script == []
    assert camera.next_frame().settings_held


@pytest.mark.parametrize(
    "moved",
    [
        {"ExposureTime": 4030},
        {"AnalogueGain": 1.21},
        {"DigitalGain": 1.01},
        {"ColourGains": (2.0, 1.7)},
        {"ColourGains": (2.1, 1.6)},
        {"LensPosition": 1.2},
        {"FrameDuration": 20000},
        {"ExposureTime": None},
        {"ColourGains": None},
    ],
)
def test_a_setting_that_moved_or_is_no_longer_told_has_not_held(fake: FakePicamera2, moved: dict[str, Any]) -> None:
    camera = started()
    fake.script = [LOCKED, {**LOCKED, **moved}]
    assert [camera.next_frame(look=False).settings_held for _ in range(3)] == [True, False, True]


def test_rounding_of_a_sensor_is_no_move(fake: FakePicamera2) -> None:
    camera = started()
    fake.script = [{**LOCKED, "ExposureTime": 4000, "DigitalGain": 1.004}]
    assert camera.next_frame(look=False).settings_held


def test_what_was_not_asked_for_is_waited_for_too_until_it_stays(fake: FakePicamera2) -> None:
    gains = [1.3, 1.2, 1.1, 1.0]
    fake.script = [{**LOCKED, "DigitalGain": gain} for gain in gains]
    camera = started()
    assert camera.reference is not None
    assert camera.reference.digital_gain == 1.0
    assert fake.script == []
    assert camera.next_frame(look=False).settings_held


def test_a_lock_that_slips_while_it_settles_is_waited_for_anew(fake: FakePicamera2) -> None:
    fake.script = [*[LOCKED] * (SETTLED_FRAMES - 1), {**LOCKED, "ExposureTime": 9000}, *[LOCKED] * SETTLED_FRAMES]
    started()
    assert fake.script == []


@pytest.mark.slow
def test_exposure_of_a_line_more_or_less_than_asked_is_what_the_sensor_can(fake: FakePicamera2) -> None:
    told = {**LOCKED, "ExposureTime": 83}
    fake.script = [told] * (SETTLED_FRAMES + 1)
    camera = started(lock={"exposure_us": 100})
    assert camera.next_frame(look=False).settings_held
    fake.script = [{**LOCKED, "ExposureTime": 81}] * 200
    with pytest.raises(CameraError, match="does not keep"):
        started(lock={"exposure_us": 100})


def test_the_sensors_temperature_is_passed_on_where_it_is_told(fake: FakePicamera2) -> None:
    camera = started()
    assert camera.sensor_c is None
    fake.script = [{**LOCKED, "SensorTemperature": 41.0}]
    camera.next_frame(look=False)
    assert camera.sensor_c == 41.0


@pytest.mark.slow
def test_a_camera_that_never_takes_the_lock_does_not_start(fake: FakePicamera2) -> None:
    fake.script = [{**LOCKED, "AnalogueGain": 4.0}] * 200
    with pytest.raises(CameraError, match="does not keep the settings"):
        started()
    assert fake.calls[-1] == "close"


def test_one_missing_frame_is_flushed_and_a_second_has_hung(fake: FakePicamera2) -> None:
    camera = started()
    fake.script = [TimeoutError(), LOCKED, TimeoutError(), TimeoutError()]
    camera.next_frame()
    assert fake.calls.count("flush") == 1
    with pytest.raises(CameraHungError, match="no more frames"):
        camera.next_frame()
    camera.close()
    fake.close()
    assert "close" not in fake.calls, "closing a camera that hangs would hang as well"
    with pytest.raises(CameraHungError, match="only a new process"):
        camera.start()


def test_a_frame_that_comes_as_the_queue_is_flushed_is_taken_not_lost(fake: FakePicamera2) -> None:
    camera = started()
    fake.script = [Late({**LOCKED, "SensorTimestamp": 5}), LOCKED]
    assert camera.next_frame(look=False).t_boot_ns == 5
    assert fake.script == [LOCKED]


def test_what_picamera2_raises_in_place_of_a_frame_is_one_sentence(fake: FakePicamera2) -> None:
    camera = started()
    fake.script = [RuntimeError("the loop is gone")]
    with pytest.raises(CameraError, match="gave no frame: RuntimeError"):
        camera.next_frame()


def test_frames_that_never_arrived_are_counted_by_their_times(fake: FakePicamera2) -> None:
    camera = started()
    period_ns = 16_666_667
    begin_ns = fake.t_ns
    fake.script = [{**LOCKED, "SensorTimestamp": begin_ns + each * period_ns} for each in (1, 2, 5, 6.3)]
    assert [camera.next_frame(look=False).dropped for _ in range(4)] == [0, 0, 2, 0]


@pytest.mark.parametrize("delay_ms", [40.0, -2.5])
def test_the_delay_that_calibration_found_is_taken_off_every_stamp(fake: FakePicamera2, delay_ms: float) -> None:
    camera = started(delay_ms=delay_ms)
    begin_ns, period_ns = fake.t_ns, 16_666_667
    fake.script = [{**LOCKED, "SensorTimestamp": begin_ns + each * period_ns} for each in (1, 2, 5)]
    frames = [camera.next_frame(look=False) for _ in range(3)]
    assert [frame.t_boot_ns for frame in frames] == [
        begin_ns + each * period_ns - round(delay_ms * 1e6) for each in (1, 2, 5)
    ]
    assert [frame.dropped for frame in frames] == [0, 0, 2]


def test_a_picture_is_copied_only_where_it_is_looked_at(fake: FakePicamera2, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = started()
    looked = camera.next_frame().picture
    assert looked is not None
    fake.picture[:] = 99
    assert not looked.any(), "it was the camera's own memory"
    monkeypatch.setattr(camera, "_mapped_array", None)
    assert camera.next_frame(look=False).picture is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"given_format": "XBGR8888"}, "delivers XBGR8888"),
        ({"given_size": (320, 240)}, r"at \(320, 240\)"),
        ({"given_mode": {"output_size": (2304, 1296), "bit_depth": 10}}, "not as the mode"),
        ({"model": "imx477"}, "an imx477, and camera.sensor is imx708"),
        ({"given_mode": {"output_size": (2304, 1296), "bit_depth": 10}}, "its own HDR was left on"),
    ],
)
def test_what_was_not_asked_for_is_refused(fake: FakePicamera2, given: dict[str, Any], words: str) -> None:
    vars(fake).update(given)
    with pytest.raises(CameraError, match=words):
        started()
    assert fake.calls[-1] == "close"


def test_a_variant_of_a_module_is_its_sensor(fake: FakePicamera2) -> None:
    fake.model = "imx708_wide"
    assert not started().simulated


def test_a_frame_that_cannot_be_read_gives_its_request_back(fake: FakePicamera2) -> None:
    camera = started()
    fake.script = [{**LOCKED, "raises": "metadata"}]
    with pytest.raises(CameraError, match="metadata"):
        camera.next_frame()
    camera.next_frame()


def test_a_frame_without_a_time_is_none(fake: FakePicamera2) -> None:
    camera = started()
    fake.script = [{**LOCKED, "SensorTimestamp": None}]
    with pytest.raises(CameraError, match="without a sensor time"):
        camera.next_frame()


@pytest.mark.slow
def test_closing_is_safe_in_every_state_and_a_closed_camera_starts_again(fake: FakePicamera2) -> None:
    camera = PiCamera(configured())
    camera.close()
    with pytest.raises(CameraError, match="not started"):
        camera.next_frame()
    camera.start()
    fake.close_raises = True
    camera.close()
    camera.close()
    assert fake.calls[-3:] == ["flush", "stop", "close"]
    with pytest.raises(CameraError, match="not started"):
        camera.next_frame()
    camera.start()
    assert camera.next_frame().settings_held


def test_no_camera_and_no_picamera2_are_one_sentence_each(fake: FakePicamera2, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.present = False
    with pytest.raises(CameraError, match="There is no camera"):
        started()
    assert "open" not in fake.calls
    monkeypatch.setitem(sys.modules, "libcamera", None)
    with pytest.raises(CameraError, match="picamera2 is not installed"):
        started()


def test_a_camera_that_comes_up_after_us_is_found(fake: FakePicamera2) -> None:
    fake.present = False
    camera = PiCamera(configured())
    with pytest.raises(CameraError, match="There is no camera"):
        camera.start()
    fake.comes_up = True
    camera.start()
    assert fake.calls[:3] == ["list", "list", "open"]


def test_cameras_are_not_listed_anew_under_one_that_runs(fake: FakePicamera2) -> None:
    fake.present, fake.cameras = False, {0: fake}
    with pytest.raises(CameraError, match="There is no camera"):
        started()
    assert fake.calls == []


def test_a_camera_that_is_taken_says_so_and_leaves_nothing_open(fake: FakePicamera2) -> None:
    fake.busy = True
    with pytest.raises(CameraError, match=r"The camera does not start: it is taken\.$"):
        started()
    assert fake.notifymeread.closed
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fake.notifyme_w)
    fake.busy = False
    started()


def test_a_camera_that_does_not_come_back_from_closing_is_left_behind(
    fake: FakePicamera2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pi_open, "END_S", 0.05)
    camera = started()
    fake.stop_waits = threading.Event()
    camera.close()
    camera.close()
    with pytest.raises(CameraHungError, match="only a new process"):
        camera.start()
    fake.stop_waits.set()


def test_before_the_first_start_the_layout_is_the_one_to_be_expected() -> None:
    assert PiCamera(configured(form="bgr")).layout == BGR
    with pytest.raises(CameraError, match="not known before"):
        _ = PiCamera(configured(form="bayer", width=1536, height=864)).layout


def test_settings_that_are_not_told_do_not_agree() -> None:
    locked = FrameSettings(4000, 1.0, (2.0, 1.6))
    assert settings_agree(locked, FrameSettings(4020, 1.0, (2.0, 1.6)))
    assert not settings_agree(locked, FrameSettings(4000, 1.0, None))
    assert not settings_agree(locked, FrameSettings(4000, None, (2.0, 1.6)))
    assert settings_agree(FrameSettings(), FrameSettings())
