"""Faults of a camera, put on while it runs: what the frames then show, and what they say of themselves."""

import json
import math
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.camera import faulty
from device.camera.faulty import CameraFaults, FaultFile, FaultyCamera, faults_of
from device.camera.phantom import LOCKED
from device.ports import CameraError, CameraHungError, Frame
from vision.frames import BGR, Layout, Yuv
from vision.tone import srgb_to_linear

GREY = 120
PERIOD_NS = 20_000_000


class Steady:
    """Grey frames, a period apart, with a mark that no two of them share."""

    width, height, simulated = 40, 24, False

    def __init__(self, layout: Layout = BGR) -> None:
        self.layout = layout
        self.taken = 0
        self.started = False

    def start(self) -> None:
        self.started = True

    def next_frame(self, *, look: bool = True) -> Frame:
        self.taken += 1
        picture = np.full((24, 40, 3), GREY, np.uint8)
        picture[0, 0] = self.taken % 256
        return Frame(self.taken * PERIOD_NS, picture if look else None, LOCKED)

    def close(self) -> None:
        self.started = False


class Switch:
    """Faults to be changed while the camera runs."""

    def __init__(self) -> None:
        self.now = CameraFaults()

    def __call__(self) -> CameraFaults:
        return self.now


@pytest.fixture
def switch() -> Switch:
    return Switch()


@pytest.fixture
def camera(switch: Switch) -> FaultyCamera:
    camera = FaultyCamera(Steady(), switch, seed=3)
    camera.start()
    return camera


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faulty, "SILENCE_S", 0.01)


def light(frame: Frame) -> np.ndarray[Any, Any]:
    assert frame.picture is not None
    return srgb_to_linear(frame.picture[12, 20].astype(float))


def test_without_faults_a_frame_is_the_cameras_own_and_nobody_is_to_believe_it(camera: FaultyCamera) -> None:
    frame = camera.next_frame()
    assert (frame.t_boot_ns, frame.settings, frame.settings_held, frame.dropped) == (PERIOD_NS, LOCKED, True, 0)
    assert frame.picture is not None
    assert frame.picture[0, 0, 0] == 1
    assert camera.simulated
    assert (camera.width, camera.height, camera.layout) == (40, 24, BGR)


def test_a_frozen_camera_gives_one_picture_to_the_bit_while_times_go_on(camera: FaultyCamera, switch: Switch) -> None:
    camera.next_frame()
    switch.now = CameraFaults(frozen=True)
    frames = [camera.next_frame() for _ in range(4)]
    assert len({frame.picture.tobytes() for frame in frames if frame.picture is not None}) == 1
    assert np.diff([frame.t_boot_ns for frame in frames]).tolist() == [PERIOD_NS] * 3
    switch.now = CameraFaults()
    assert not np.array_equal(camera.next_frame().picture, frames[0].picture)


def test_dropped_frames_are_counted_and_none_is_invented(camera: FaultyCamera, switch: Switch) -> None:
    switch.now = CameraFaults(drop_share=0.3)
    frames = [camera.next_frame() for _ in range(400)]
    dropped = sum(frame.dropped for frame in frames)
    assert 0.2 < dropped / (dropped + len(frames)) < 0.4
    assert frames[-1].t_boot_ns == (dropped + len(frames)) * PERIOD_NS


def test_a_burst_of_frames_is_lost_once(camera: FaultyCamera, switch: Switch) -> None:
    camera.next_frame()
    switch.now = CameraFaults(drop_burst=7)
    assert [camera.next_frame().dropped for _ in range(5)] == [7, 0, 0, 0, 0]
    switch.now = CameraFaults()
    camera.next_frame()
    switch.now = CameraFaults(drop_burst=7)
    assert camera.next_frame().dropped == 7


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("faults", "kind", "words"),
    [
        (CameraFaults(drop_share=1.0), CameraError, "No frame came"),
        (CameraFaults(unplugged=True), CameraError, "no more frames"),
        (CameraFaults(silent=True), CameraError, "No frame came"),
        (CameraFaults(hung=True), CameraHungError, "does not come back"),
    ],
)
def test_a_camera_that_delivers_nothing_says_why_and_delivers_again(
    camera: FaultyCamera, switch: Switch, faults: CameraFaults, kind: type[CameraError], words: str
) -> None:
    switch.now = faults
    with pytest.raises(CameraError, match=words) as raised:
        camera.next_frame()
    assert raised.type is kind
    switch.now = CameraFaults()
    assert camera.next_frame().settings_held


def test_an_unplugged_camera_cannot_be_started_until_it_is_plugged_in(camera: FaultyCamera, switch: Switch) -> None:
    camera.close()
    switch.now = CameraFaults(unplugged=True)
    with pytest.raises(CameraError, match="There is no camera"):
        camera.start()
    switch.now = CameraFaults()
    camera.start()


@pytest.mark.parametrize("hidden", [False, True])
def test_exposure_that_drifts_changes_the_light_and_hidden_drift_says_nothing_of_it(
    camera: FaultyCamera, switch: Switch, hidden: bool
) -> None:
    steady = light(camera.next_frame())
    switch.now = CameraFaults(hidden_drift_per_s=0.5) if hidden else CameraFaults(drift_per_s=0.5)
    frames = [camera.next_frame() for _ in range(51)]  # a second
    assert light(frames[-1]) / steady == pytest.approx(1.5, rel=0.02)
    assert frames[0].settings_held
    if hidden:
        assert all(frame.settings == LOCKED and frame.settings_held for frame in frames)
    else:
        assert frames[-1].settings.exposure_us == pytest.approx(6000.0)
        assert not frames[-1].settings_held


def test_a_white_balance_step_moves_red_alone_and_says_so(camera: FaultyCamera, switch: Switch) -> None:
    steady = light(camera.next_frame())
    switch.now = CameraFaults(red_gain=1.3)
    frame = camera.next_frame()
    assert light(frame) / steady == pytest.approx([1.0, 1.0, 1.3], rel=0.02)
    assert (frame.settings.colour_gains, frame.settings_held) == ((1.3, 1.0), False)


def test_drift_of_a_frame_that_nobody_looks_at_is_told_all_the_same(camera: FaultyCamera, switch: Switch) -> None:
    switch.now = CameraFaults(red_gain=1.3)
    frame = camera.next_frame(look=False)
    assert (frame.picture, frame.settings_held) == (None, False)


def test_drift_of_planes_is_not_simulated_and_says_so(switch: Switch) -> None:
    switch.now = CameraFaults(red_gain=1.3)
    with pytest.raises(CameraError, match="BGR only"):
        FaultyCamera(Steady(Yuv("nv12")), switch).next_frame()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faulty, "LOOK_S", 0.0)


@pytest.mark.usefixtures("at_once")
def test_the_file_of_faults_is_read_whenever_it_changes_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    file = FaultFile(path)
    assert file() == CameraFaults()
    path.write_text(json.dumps({"frozen": True, "red_gain": 1.2}))
    asked = CameraFaults(frozen=True, red_gain=1.2)
    assert file() == asked
    for broken in ("", "{", "[]", '{"frozen": 1}', '{"drop_share": true}', '{"gremlins": 1}', "\x00"):
        path.write_text(broken)
        assert file() == asked, broken
    path.unlink()
    assert file() == CameraFaults()


def test_the_file_of_faults_is_not_looked_at_for_every_frame(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    file = FaultFile(path)
    file()
    path.write_text('{"frozen": true}')
    assert file() == CameraFaults()


def test_every_fault_can_be_said_in_the_file() -> None:
    for field in fields(CameraFaults):
        value: Any = {bool: True, int: 3, float: 0.5}[field.type]
        assert faults_of({field.name: value}) == replace(CameraFaults(), **{field.name: value})


def forms() -> Iterator[Any]:
    yield from ([], None, {"frozen": "yes"}, {"drop_share": "0.1"}, {"drop_share": True}, {"unknown": True})
    yield from (
        {"drop_share": math.nan},
        {"drop_share": 1.1},
        {"red_gain": 0.0},
        {"drop_burst": 1.5},
        {"drop_burst": -1},
    )
    yield from ({"drift_per_s": math.inf}, {"hidden_drift_per_s": 10**400})


@pytest.mark.parametrize("content", list(forms()))
def test_what_is_no_fault_is_named(content: Any) -> None:
    with pytest.raises(ValueError, match="faults of the camera"):
        faults_of(content)
