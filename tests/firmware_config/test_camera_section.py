"""The camera's section: what a sensor cannot do is refused with its key, and every row of the table is one that can."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from firmware_config.camera import Camera
from firmware_config.device import DEFAULT_PATH, load_device
from firmware_config.sensors import SENSORS, SensorMode, SensorName


def made(**changes: Any) -> Camera:
    return Camera.model_validate(changes)


def test_the_packaged_camera_is_read_out_in_the_one_mode_that_covers_it_at_its_rate() -> None:
    camera = load_device(DEFAULT_PATH).camera
    assert camera == Camera(), "what the file says is what is taken where it says nothing"
    assert (camera.sensor, camera.width, camera.height, camera.fps) == ("imx708", 640, 480, 60)
    assert camera.mode == SensorMode(1536, 864, 10, 120.13, 37, 18.42)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 2304, "height": 1296}, "fps = 60 at 2304x1296: imx708 has no such mode"),
        ({"fps": 121}, "imx708 has no such mode; it has 1536x864 to 120.13 fps"),
        ({"sensor": "imx296", "fps": 61}, "fps = 61 at 640x480: imx296"),
        ({"sensor": "imx296", "width": 1600}, "at 1600x480: imx296"),
        ({"form": "bayer"}, "form = bayer has the size of a sensor mode: 1536x864"),
        ({"lock": {"exposure_us": 16667}}, "lock.exposure_us = 16667: imx708 at 60 fps takes 37 to 16666"),
        ({"lock": {"exposure_us": 36}}, "lock.exposure_us = 36: imx708 at 60 fps takes 37"),
        ({"sensor": "imx219", "lock": {"exposure_us": 75}}, "lock.exposure_us = 75: imx219 at 60 fps takes 76"),
        ({"lock": {"analogue_gain": 1.0}}, "lock.analogue_gain = 1: imx708 takes 1.1229 to 16"),
        ({"sensor": "imx219", "lock": {"analogue_gain": 12}}, "lock.analogue_gain = 12: imx219 takes 1 to 10.66"),
        ({"sensor": "imx477", "lock": {"lens_position": 3}}, "lock.lens_position: the lens of imx477 does not move"),
        ({"sensor": "imx500"}, "sensor"),
        ({"width": 641}, "width"),
        ({"delay_ms": 100.5}, "delay_ms"),
        ({"delay_ms": -101}, "delay_ms"),
        ({"lock": {"colour_gains": [0.0, 1.0]}}, "colour_gains"),
        ({"lock": {"iso": 100}}, "iso"),
    ],
)
def test_what_a_sensor_cannot_do_is_refused_with_its_key(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as raised:
        made(**changes)
    assert words in str(raised.value)


def test_an_exposure_that_ends_a_microsecond_before_the_next_frame_is_taken() -> None:
    assert made(lock={"exposure_us": 16666}).lock.exposure_us == 16666


@pytest.mark.parametrize("name", list(SENSORS))
def test_the_modes_of_a_sensor_are_in_order_of_size_and_each_can_be_chosen(name: SensorName) -> None:
    sensor = SENSORS[name]
    areas = [mode.width * mode.height for mode in sensor.modes]
    assert areas == sorted(areas)
    assert 1 <= sensor.smallest_gain < sensor.largest_gain
    for mode in sensor.modes:
        assert sensor.mode_for(mode.width, mode.height, mode.largest_fps) is not None
        assert mode.exposure_step_us <= mode.shortest_exposure_us < 1e6 / mode.largest_fps
        assert sensor.black_level / 2 ** (16 - mode.bit_depth) < 2**mode.bit_depth - 1


@given(
    name=st.sampled_from(list(SENSORS)),
    width=st.integers(80, 2304).map(lambda half: 2 * half),
    height=st.integers(60, 1296).map(lambda half: 2 * half),
    fps=st.integers(15, 240),
)
def test_a_camera_that_is_taken_has_a_mode_that_covers_it_and_no_smaller_one_does(
    name: SensorName, width: int, height: int, fps: int
) -> None:
    fitting = [
        mode
        for mode in SENSORS[name].modes
        if mode.width >= width and mode.height >= height and mode.largest_fps >= fps
    ]
    # 4000 us, the default, is less than a frame at every rate that is allowed.
    if fitting:
        camera = made(sensor=name, width=width, height=height, fps=fps)
        assert camera.mode == min(fitting, key=lambda mode: mode.width * mode.height)
        assert camera.lock.exposure_us < 1e6 / fps
    else:
        with pytest.raises(ValidationError, match="has no such mode"):
            made(sensor=name, width=width, height=height, fps=fps)
