"""The Pi's frames: rows where they begin, planes in the camera's colour space, a mosaic with its levels."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fake_picamera2 import HEIGHT, LOCKED, WIDTH, FakePicamera2, installed, started

from device.ports import CameraError
from vision.frames import BT601_FULL, BT601_LIMITED, BT709_LIMITED, Bayer, YuvCoding


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePicamera2]:
    camera = installed(monkeypatch)
    yield camera
    assert camera.open_requests == 0, "a request was not given back to the camera"


@pytest.mark.parametrize("form", ["nv12", "yuv420", "bgr"])
@pytest.mark.parametrize("padding", [0, 32])
def test_rows_come_without_the_padding_at_their_end(fake: FakePicamera2, form: str, padding: int) -> None:
    fake.padding = padding
    rows, row_bytes = (HEIGHT, 3 * WIDTH) if form == "bgr" else (HEIGHT * 3 // 2, WIDTH)
    padded = np.full((rows, row_bytes + padding), 255, np.uint8)
    padded[:, :row_bytes] = 7
    if form == "yuv420":  # two planes of half a row each, one after the other
        chroma = padded[HEIGHT:].reshape(HEIGHT, -1)
        chroma[:] = 255
        chroma[: HEIGHT // 2, : WIDTH // 2] = 7
        chroma[HEIGHT // 2 :, : WIDTH // 2] = 9
    fake.picture = padded.reshape(-1)
    picture = started(form=form).next_frame().picture
    assert picture is not None
    assert picture.shape == ((HEIGHT, WIDTH, 3) if form == "bgr" else (HEIGHT * 3 // 2, WIDTH))
    wanted = np.full_like(picture, 7)
    if form == "yuv420":
        wanted[HEIGHT + HEIGHT // 4 :] = 9
    assert np.array_equal(picture, wanted)


def test_a_buffer_that_is_too_short_is_one_sentence(fake: FakePicamera2) -> None:
    camera = started()
    fake.picture = fake.picture[:1000]
    with pytest.raises(CameraError, match="1000 bytes"):
        camera.next_frame()


@pytest.mark.parametrize(
    ("told", "coding"),
    [
        (("Rec601", "Full"), BT601_FULL),
        (("Rec601", "Limited"), BT601_LIMITED),
        (("Rec709", "Limited"), BT709_LIMITED),
    ],
)
def test_planes_are_read_in_the_colour_space_that_the_camera_reports(
    fake: FakePicamera2, told: tuple[str, str], coding: YuvCoding
) -> None:
    fake.colour_space = told
    layout = started().layout
    assert layout.coding == coding  # type: ignore[union-attr] # planes


@pytest.mark.slow
def test_a_colour_space_that_is_not_known_is_refused(fake: FakePicamera2) -> None:
    fake.colour_space = ("Rec2020", "Limited")
    with pytest.raises(CameraError, match="not known here: Rec2020, Limited"):
        started()


RAW = {"form": "bayer", "width": 1536, "height": 864}


@pytest.mark.parametrize(
    ("given", "metadata", "layout"),
    [
        ("SRGGB10", {"SensorBlackLevels": (4096,) * 4}, Bayer("RGGB", 64, 1023)),
        ("SBGGR10", {"SensorBlackLevels": (4096,) * 4}, Bayer("BGGR", 64, 1023)),
        ("SRGGB10", {}, Bayer("RGGB", 64, 1023)),
        # A Pi 5 unpacks ten bits to the upper ones of sixteen: full is 1023 * 64, not 65535.
        ("SRGGB16", {"SensorBlackLevels": (4096,) * 4}, Bayer("RGGB", 4096, 65472)),
    ],
)
def test_a_mosaic_has_the_order_and_levels_that_the_camera_tells(
    fake: FakePicamera2, given: str, metadata: dict[str, Any], layout: Bayer
) -> None:
    fake.given_format, fake.padding = given, 64
    fake.script = [{**LOCKED, **metadata}]
    padded = np.full((864, 1536 + 32), 65535, "<u2")
    padded[:, :1536] = 300
    fake.picture = padded.view(np.uint8).reshape(-1)
    camera = started(**RAW)
    assert camera.layout == layout
    picture = camera.next_frame().picture
    assert picture is not None
    assert (picture.dtype, picture.shape) == (np.uint16, (864, 1536))
    assert (picture == 300).all()


@pytest.mark.slow
@pytest.mark.parametrize("given", ["SRGGB10_CSI2P", "BGGR_PISP_COMP1", "R10"])
def test_a_packed_or_grey_mosaic_is_refused(fake: FakePicamera2, given: str) -> None:
    fake.given_format = given
    with pytest.raises(CameraError, match=f"raw frames as {given}"):
        started(**RAW)
    assert fake.calls[-1] == "close"
