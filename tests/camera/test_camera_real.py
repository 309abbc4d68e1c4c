"""The Pi's camera adapter on real picamera2 and real libcamera, whose virtual pipeline plays pictures that we make.

Runs in a Debian root of its own (`.ci/camera-root`). Real: picamera2, libcamera, its buffers, requests and threads.
Injected, since no cable can be pulled here: held buffers, an exception in picamera2's thread.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vision.tone import srgb_to_linear

pytestmark = pytest.mark.slow
TREE = Path(__file__).resolve().parents[2]
TOOL = str(TREE / ".ci" / "camera-root")
NO_ROOT = 3


@pytest.fixture(scope="module", autouse=True)
def root() -> None:
    built = subprocess.run([TOOL, "build"], capture_output=True, text=True, timeout=900, check=False)
    if built.returncode == NO_ROOT and not os.environ.get("CI"):
        pytest.skip(built.stderr.strip())
    assert built.returncode == 0, built.stderr[-2000:]


def inside(check: str) -> dict[str, Any]:
    """What a check saw. Its process has to end by itself, also after a camera that hangs."""
    done = subprocess.run(
        [TOOL, "run", "tests/camera/inside.py", check], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_frames_are_the_pictures_that_were_played_with_times_of_the_boot_clock() -> None:
    # Full-range BT.601, as the pipeline's converter makes them whatever colour space it names.
    expected = {"(60, 40, 40)": (46.0, 124.6, 138.0), "(200, 120, 100)": (141.6, 104.5, 169.6)}
    for colour, found in inside("frames").items():
        assert found["shape"] == [720, 640]
        assert (found["luma"], found["u"], found["v"]) == pytest.approx(expected[colour], abs=1.5)
        played = srgb_to_linear(np.array(json.loads(colour.translate({40: 91, 41: 93})), float))
        # Two codes of the picture: planes are rounded, and so is the picture's own JPEG.
        assert found["as_made"] == pytest.approx(played, rel=0.06)
        assert found["linear"][0] > max(found["linear"][1:]), (
            "what it names is not how it was made, and red all the same"
        )
        assert found["increasing"]
        assert 0 <= found["age_s"] < 1
        assert found["own_memory"], "a frame must not change under whoever holds it"
        assert found["simulated"], "a camera that cannot be locked makes no reading of skin"


def test_rows_are_taken_where_the_stride_says_they_begin() -> None:
    found = inside("sizes")
    assert found["640 of 652"]["stride"] == 652
    for size, seen in found.items():
        width = int(size.split(" ")[0].split("x")[0])
        height = 240 if width == 320 else 480
        assert seen["stride"] >= width
        assert seen["shape"] == [height * 3 // 2, width]
        assert seen["upright"], "an edge that slants is rows laid wrong"
        assert seen["left_right"] == pytest.approx([46, 142], abs=2)


def test_what_cannot_be_trusted_is_refused_in_one_sentence() -> None:
    found = inside("refusals")
    assert found["bgr"].startswith("CameraError: The camera delivers NV12")
    assert found["unlocked"].startswith("CameraError: The camera cannot be locked")
    assert found["second_owner"].startswith("CameraError: The camera does not start")
    assert found["closed"] == found["never_started"] == "CameraError: The camera is not started."
    assert (found["still_delivers"], found["started_again"]) == ("none", "none")


def test_a_camera_that_delivers_no_more_is_waited_for_twice_and_then_has_hung() -> None:
    found = inside("time_out")
    assert found["said"] == "CameraHungError: The camera delivers no more frames."
    assert 0.9 <= found["waited_s"] < 2.0
    assert found["held"] >= 2
    assert found["closed_s"] < 0.5, "picamera2 is left behind, not waited for"
    assert found["after"] == "CameraError: The camera is not started."
    assert found["again"].startswith("CameraHungError: The camera has hung")


def test_a_camera_that_was_late_once_goes_on() -> None:
    assert inside("one_late") == {"said": "none", "then": "none"}


def test_an_exception_in_picamera2s_own_thread_ends_no_wait_never() -> None:
    found = inside("listener_dies")
    assert found["said"].startswith("Camera"), found
    assert found["waited_s"] < 5
    assert found["closed_s"] < 0.5


def test_a_close_that_picamera2_would_wait_in_for_good_has_an_end() -> None:
    found = inside("closed_blind")
    assert 1.5 < found["closed_s"] < 4, "two seconds, and then it is left behind"
    assert found["again"].startswith("CameraHungError: The camera has hung")


def test_a_camera_that_is_taken_is_tried_again_without_leaving_anything_open() -> None:
    found = inside("taken")
    assert [said.split(":")[0] for said in found["said"]] == ["CameraError"]
    assert found["then"] == "none"
    first, *_, last = found["seen"]
    # Its owner's frames are being filled meanwhile, so that their maps come and go.
    assert {**last, "frame_maps": 0} == {**first, "frame_maps": 0}


def test_a_camera_that_is_not_there_is_looked_for_without_leaving_anything_open() -> None:
    found = inside("absent")
    assert found["said"] == ["CameraError: There is no camera."]
    first, *_, last = found["seen"]
    assert last == first


def test_a_camera_that_comes_up_after_us_is_found() -> None:
    assert inside("comes_up") == {"said": "none", "then": "none"}


def test_the_bedsides_loop_idles_records_and_tells_a_camera_that_is_gone() -> None:
    found = inside("bedside")
    assert 5 <= found["idle"] <= 25, "a word every 50 ms, however many frames come"
    assert found["kept"] >= 10
    assert found["recording"] >= found["kept"]
    assert (found["last"], found["hung"], found["closed"]) == ("CameraFailed", True, False)
    assert found["trouble"] == "The camera delivers no more frames."


def test_a_calibration_takes_pictures_under_another_lock_by_opening_the_camera_anew() -> None:
    found = inside("calibrating")
    assert found["opened"] == [4000, 2000, 4000]
    for taken in found["taken"]:
        assert taken["after_the_call"], "what was exposed before is thrown away"
        assert taken["increasing"]
        # What its pipeline says of exposure is nothing: what was asked stands.
        assert taken["luma"] == pytest.approx([46.0] * 4, abs=1.5)
        assert taken["layout"].startswith("Yuv(planes='nv12'")
    assert [taken["exposure_us"] for taken in found["taken"]] == found["opened"]
    assert found["film"] == pytest.approx([46.0] * 10, abs=1.5)
    first, _, last = ({**seen, "frame_maps": 0} for seen in found["seen"])
    assert last == first, "nothing is left open by another lock"


def test_fifty_openings_leave_no_descriptor_buffer_or_thread_behind() -> None:
    first, *_, last = inside("reopen")["seen"]
    assert last == first
    assert last["allocators"] == last["frame_maps"] == 0
