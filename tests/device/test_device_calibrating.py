"""A device's own camera and light under calibration: pictures under any lock, films, and a light that follows."""

import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calibrating_bench import (
    CLOCK,
    FPS,
    HEIGHT,
    SENSOR_STEP_US,
    WIDTH,
    Cameras,
    Grey,
    bench_camera,
    device_rig,
    mean,
    mock_light,
)
from numpy.typing import NDArray

from calibration.camera_response import linearity
from calibration.rig import RigError, Target
from calibration.step import Bench
from device.calibrating.light import pwm_hz
from device.camera.faulty import CameraFaults, FaultyCamera
from device.camera.phantom import PhantomCamera
from device.ports import Camera, CameraError, FrameSettings, Picture
from firmware_config.camera import Camera as Configured
from firmware_config.device import load_device
from phantom.bench.picture_errors import PictureErrors
from phantom.bench.pictures import render
from vision.frames import Layout, Pixels

LOCK = load_device().camera.lock
NO_PROBE = Path("/nowhere/p.sock")


def test_pictures_are_of_the_lock_that_is_asked_for_and_say_what_the_sensor_made_of_it() -> None:
    cameras = Cameras()
    camera = bench_camera(cameras)
    own, half, again = (
        camera.pictures(3, lock) for lock in (None, LOCK.model_copy(update={"exposure_us": 2000}), None)
    )
    camera.close()
    assert cameras.exposures_us == [3990, 1980, 3990], "another lock is another start"
    assert [found.lock.exposure_us for found in (own, half, again)] == [3990, 1980, 3990]
    assert [found.frames[0].mean() for found in (own, half, again)] == [100, 50, 100]
    assert half.lock.colour_gains == LOCK.colour_gains
    assert len(half.frames) == len(half.t_boot_ns) == 3
    assert np.diff(half.t_boot_ns) == pytest.approx([1e9 / FPS] * 2, rel=0.01)


def test_the_same_lock_does_not_open_the_camera_again() -> None:
    cameras = Cameras()
    camera = bench_camera(cameras)
    camera.pictures(1)
    camera.pictures(1, LOCK)
    camera.close()
    assert len(cameras.opened) == 1


def test_what_was_exposed_before_the_call_is_thrown_away() -> None:
    camera = bench_camera(Cameras())
    camera.start()
    time.sleep(0.2)
    asked_ns = CLOCK.boottime_ns()
    taken = camera.pictures(3)
    camera.close()
    assert taken.t_boot_ns[0] >= asked_ns


def broken(faults: CameraFaults, opened: list[Camera]) -> Any:
    def camera(config: Configured) -> Camera:
        opened.append(FaultyCamera(Cameras()(config), lambda: faults))
        return opened[-1]

    return camera


@pytest.mark.parametrize(("lost_before", "dropped"), [(True, 0), (False, 5)])
def test_frames_that_are_lost_between_the_first_and_the_last_are_counted(lost_before: bool, dropped: int) -> None:
    faults = [CameraFaults()]
    camera = bench_camera(lambda config: FaultyCamera(Cameras()(config), lambda: faults[-1]))
    camera.start()
    frames = camera.frames()
    if not lost_before:
        next(frames)
    faults.append(CameraFaults(drop_burst=5))
    found = sum(next(frames).dropped for _ in range(3))
    camera.close()
    assert found == dropped


def test_a_camera_that_lets_go_of_its_lock_gives_no_pictures_and_is_opened_again() -> None:
    opened: list[Camera] = []
    camera = bench_camera(broken(CameraFaults(drift_per_s=0.5), opened))
    for _ in range(2):
        with pytest.raises(RigError, match=r"^The camera does not keep the settings that it was given\.$"):
            camera.pictures(30)
    assert len(opened) == 2


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (CameraFaults(unplugged=True), r"^There is no camera\.$"),
        (CameraFaults(hung=True), r"from a wait: only a new process can use it again, so end, and use --resume\.$"),
    ],
)
def test_no_camera_is_said_in_one_sentence(faults: CameraFaults, said: str) -> None:
    with pytest.raises(RigError, match=said):
        bench_camera(broken(faults, [])).pictures(1)


def test_a_lock_that_the_sensor_cannot_take_is_said() -> None:
    with pytest.raises(RigError, match=r"^The camera cannot be locked so: .*lock\.exposure_us = 50000"):
        bench_camera(Cameras()).pictures(1, LOCK.model_copy(update={"exposure_us": 50_000}))


def test_a_simulated_camera_makes_no_certificate_of_a_device() -> None:
    with pytest.raises(RigError, match="The camera is simulated"):
        bench_camera(Cameras(), simulated=False).start()


def white_under_the_plate(config: Configured) -> Camera:
    """The white target as the simulated device's camera sees it with a lock, its exposure in steps of the sensor."""
    exposure_us = config.lock.exposure_us // SENSOR_STEP_US * SENSOR_STEP_US
    lock = config.lock.model_copy(update={"exposure_us": exposure_us})
    chance = np.random.default_rng(exposure_us)

    class White:
        def frame(self, _: int) -> Picture:
            return render(Target.WHITE, PictureErrors(), lock, 1.0, chance, 160, 120)

    told = FrameSettings(float(exposure_us), lock.analogue_gain, lock.colour_gains)
    return PhantomCamera(White(), config.fps, 160, 120, settings=told)


def test_a_step_of_the_plan_is_measured_on_the_devices_own_camera() -> None:
    with device_rig(white_under_the_plate, NO_PROBE) as rig:
        rig.put(Target.WHITE)
        found = linearity(Bench(rig, load_device(), lambda _: 0.0, lambda _: None, {}))
    assert found.passed, found
    power = next(figure for figure in found.figures if figure.name == "response-power")
    assert power.value == pytest.approx(1.0, abs=0.01)


def test_a_film_looks_at_every_frame_and_keeps_none() -> None:
    kept: list[weakref.ref[Pixels]] = []

    def look(picture: Pixels, layout: Layout) -> NDArray[np.float64]:
        kept.append(weakref.ref(picture))
        return mean(picture, layout)

    with device_rig(Cameras(), NO_PROBE) as rig:
        film = rig.film(0.5, look)
        assert len(film.t_boot_ns) == len(film.seen) == len(kept)
        assert len(film.t_boot_ns) + film.dropped == pytest.approx(0.5 * FPS, abs=2)
        assert sum(each() is not None for each in kept) <= 1
        assert film.seen.shape[1] == 1


def test_the_light_follows_its_curve_while_it_is_filmed_and_is_left_as_it_is_wired() -> None:
    light, pin = mock_light()
    assert pin.state == 1, "lit, as at the bedside"

    def curve(t_s: float) -> float:
        return 1.0 - 0.5 * t_s

    drawn_ns: dict[int, int] = {}

    def shown(t_boot_ns: int) -> float:
        drawn_ns[t_boot_ns] = CLOCK.boottime_ns()
        return 200 * float(pin.state)

    with device_rig(Cameras(shown), NO_PROBE, light) as rig:
        film, start_ns = rig.filmed_light(curve, 1.0, mean)
        assert start_ns - film.t_boot_ns[0] >= 0.5e9
        assert film.t_boot_ns[-1] >= start_ns + 0.95e9
        drawn_s = (np.array([drawn_ns[int(t_ns)] for t_ns in film.t_boot_ns]) - start_ns) / 1e9
        expected = 200 * np.array([curve(min(max(t_s, 0.0), 1.0)) for t_s in drawn_s])
        assert np.median(np.abs(film.seen[:, 0] - expected)) < 1.0
        assert pin.state == pytest.approx(curve(1.0), abs=0.01)
        rig.light(0.25)
        assert pin.state == pytest.approx(0.25)
    assert pin.function == "input", "its pull-up lights it"


def test_a_light_on_the_supply_cannot_be_switched() -> None:
    with device_rig(Cameras(), NO_PROBE) as rig:
        assert not rig.has_light_pin
        with pytest.raises(RigError, match=r"pins\.light is not set"):
            rig.light(1.0)
        with pytest.raises(RigError, match=r"pins\.light is not set"):
            rig.filmed_light(lambda _: 1.0, 1.0, mean)


@pytest.mark.parametrize("exposure_us", [700, 1000, 3990, 4000, 8333, 16_000])
def test_a_dimmed_light_has_whole_periods_in_every_exposure(exposure_us: int) -> None:
    periods = pwm_hz(exposure_us) * exposure_us / 1e6
    assert round(periods) >= 1
    assert periods == pytest.approx(round(periods), abs=0.005)
    assert pwm_hz(exposure_us) <= max(1001, 1e6 / exposure_us + 1)


def test_the_camera_is_closed_however_the_calibration_ends() -> None:
    cameras = Cameras()

    def ctrl_c(_: Pixels, __: Layout) -> NDArray[np.float64]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), device_rig(cameras, NO_PROBE) as rig:
        rig.film(1.0, ctrl_c)
    with pytest.raises(CameraError, match="not started"):
        cameras.opened[0].next_frame()


def test_a_camera_that_ctrl_c_meets_as_it_starts_is_closed() -> None:
    closed: list[str] = []

    class Settling(PhantomCamera):
        def start(self) -> None:
            raise KeyboardInterrupt

        def close(self) -> None:
            closed.append("closed")

    def settling(config: Configured) -> Camera:
        return Settling(Grey(lambda _: 0.0), config.fps, WIDTH, HEIGHT)

    with pytest.raises(KeyboardInterrupt), device_rig(settling, NO_PROBE) as rig:
        rig.pictures(1)
    assert closed == ["closed"]


def test_a_missing_part_is_said_in_a_line_and_without_both_there_is_nothing_to_calibrate() -> None:
    with device_rig(Cameras(lambda _: 0.0), NO_PROBE) as rig:
        assert rig.missing() == ["No probe at /nowhere/p.sock: No such file or directory."]
    said = r"^Neither camera nor probe: There is no camera\. No probe at \S+: No such file or directory\.$"
    with device_rig(broken(CameraFaults(unplugged=True), []), NO_PROBE) as rig, pytest.raises(RigError, match=said):
        rig.missing()
