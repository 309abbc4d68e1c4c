"""What a calibration is made of: which device file, and what a real device is refused for."""

import socket
from contextlib import closing
from pathlib import Path

import pytest

from firmware_config.device import DEFAULT_PATH, load_device
from refill.calibrate_wiring import WiringError, bench, device_file_of, refuse_a_running_bedside


def site_file(folder: Path) -> Path:
    path = folder / "device.toml"
    text = DEFAULT_PATH.read_text(encoding="utf-8")
    path.write_text(text.replace("/run/refill/bedside.sock", str(folder / "bedside.sock")), encoding="utf-8")
    return path


def test_a_simulated_device_has_a_copy_of_the_packaged_file_and_keeps_it(tmp_path: Path) -> None:
    file = device_file_of(None, tmp_path / "calibration", simulate=True)
    assert file.read_bytes() == DEFAULT_PATH.read_bytes()
    file.write_text(file.read_text(encoding="utf-8").replace("zero_kpa = 0.0", "zero_kpa = 0.5"), encoding="utf-8")
    assert device_file_of(None, tmp_path / "calibration", simulate=True) == file
    assert load_device(file).pressure_sensor.zero_kpa == 0.5


def test_while_the_bedside_runs_a_device_is_not_calibrated(tmp_path: Path) -> None:
    file = site_file(tmp_path)
    refuse_a_running_bedside(load_device(file))
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as bedside:
        bedside.bind(str(tmp_path / "bedside.sock"))
        bedside.listen()
        with pytest.raises(WiringError, match="the bedside is running"):
            bench(file, tmp_path, simulate=False, seed=0, errors=None)
    # A socket that a killed bedside left behind holds nothing.
    refuse_a_running_bedside(load_device(file))


def test_a_device_file_that_is_wrong_is_named(tmp_path: Path) -> None:
    file = site_file(tmp_path)
    file.write_text(file.read_text(encoding="utf-8").replace("fps = 60", "fps = 1"), encoding="utf-8")
    with pytest.raises(WiringError, match=r"device\.toml: camera\.fps"):
        bench(file, tmp_path, simulate=True, seed=0, errors=None)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "calibration").write_text("a file", encoding="utf-8")
    with pytest.raises(WiringError, match="calibration: File exists"):
        bench(None, tmp_path, simulate=True, seed=0, errors=None)
