"""`refill calibrate run` on a device: its own camera by picamera2 (a fake here), and what is said where parts miss."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from fake_picamera2 import LOCKED, FakePicamera2, installed
from typer.testing import CliRunner

from calibration.rig import RigError
from firmware_config.device import DEFAULT_PATH, DeviceConfig, load_device
from refill.calibrate_hardware import own_hardware
from refill.cli import app

EXPOSURES = {**LOCKED, "ExposureTime": 1995}


@pytest.fixture
def file(folder: Path) -> Path:
    """A device's file, whose sockets are in a folder of the test."""
    path = folder / "device.toml"
    path.write_text(DEFAULT_PATH.read_text(encoding="utf-8").replace("/run/refill", str(folder)), encoding="utf-8")
    return path


@pytest.fixture
def device(file: Path) -> DeviceConfig:
    return load_device(file)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakePicamera2:
    camera = installed(monkeypatch)
    configured = load_device().camera
    camera.picture = np.full(configured.width * configured.height * 3 // 2, 128, np.uint8)
    camera.t_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + 10_000_000_000
    return camera


@pytest.mark.slow
def test_a_pi_without_a_probe_says_so_and_its_camera_can_be_calibrated(
    device: DeviceConfig, fake: FakePicamera2, capsys: pytest.CaptureFixture[str]
) -> None:
    with own_hardware(device) as rig:
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 1
        assert said[0].endswith(f"No probe at {device.probe.socket}: No such file or directory. "
                                "Steps that need it cannot be done.")  # fmt: skip
        own = rig.pictures(2)
        fake.script = [EXPOSURES] * 20
        other = rig.pictures(2, device.camera.lock.model_copy(update={"exposure_us": 2000}))
        assert (own.lock.exposure_us, other.lock.exposure_us) == (3990, 1995)
        assert fake.asked["controls"]["ExposureTime"] == 2000
        assert fake.calls.count("open") == 2
        assert not rig.simulated
        assert not rig.has_light_pin
        with pytest.raises(RigError, match=r"^No probe at \S+: No such file or directory\.$"):
            rig.press(40.0, 1.0)
    assert fake.calls[-1] == "close"


@pytest.mark.slow
def test_a_camera_whose_times_are_another_clocks_gives_no_pictures(device: DeviceConfig, fake: FakePicamera2) -> None:
    fake.t_ns = 1_000_000_000
    with own_hardware(device) as rig, pytest.raises(RigError, match="its times are another clock's"):
        rig.pictures(1)


def test_a_machine_that_is_no_device_is_told_so_in_one_line(file: Path, folder: Path) -> None:
    words = ["calibrate", "run", "--config", str(file), "--data", str(folder / "data"), "--operator", "eng-1"]
    ended = CliRunner().invoke(app, words)
    assert ended.exit_code == 1
    assert len(ended.output.splitlines()) == 1
    assert ended.output.startswith("refill: Neither camera nor probe: picamera2 is not installed on this machine")
    assert f"No probe at {folder}" in ended.output


def test_a_light_that_cannot_be_reached_is_said(device: DeviceConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    lit = device.model_copy(update={"pins": device.pins.model_copy(update={"light": 25})})
    with pytest.raises(RigError, match=r"^The light cannot be switched: GPIOZERO_PIN_FACTORY"), own_hardware(lit):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_leaves_belongs_to_whoever_owns_the_journal(file: Path, folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    os.chown(data, 4321, 4321)
    (data / "calibration").mkdir()
    (data / "calibration" / "link").symlink_to(file)
    words = ["calibrate", "run", "--config", str(file), "--data", str(data), "--operator", "eng-1"]
    assert CliRunner().invoke(app, words).exit_code == 1
    made = [path for path in (data / "calibration").rglob("*") if path.name != "link"]
    assert any(path.suffix == ".json" for path in made), "a run was begun"
    assert {path.stat().st_uid for path in made} == {4321}
    assert file.stat().st_uid == 0, "what a link leads to is not given away"
