"""The tuning file of a site: libcamera has it before it lists cameras, and one that would not hold still is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from fake_picamera2 import installed, started

from device.camera.pi_open import TUNING_VARIABLE
from device.ports import CameraError
from firmware_config.camera_tuning import tuned

BASE: dict[str, Any] = {
    "version": 2.0,
    "algorithms": [{"rpi.black_level": {"black_level": 4096}}, {"rpi.contrast": {"ce_enable": 1}}, {"rpi.alsc": {}}],
}


@pytest.fixture(autouse=True)
def _variable_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TUNING_VARIABLE, "as it was")


def written(folder: Path, content: str) -> Path:
    path = folder / "camera-tuning.json"
    path.write_text(content, encoding="utf-8")
    return path


def test_libcamera_has_the_file_before_its_first_look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = installed(monkeypatch)
    path = written(tmp_path, json.dumps(tuned(BASE)))
    started(tuning_file=path)
    assert (fake.tuning_at_first_look, fake.tuning) == (str(path), str(path))


def test_without_a_file_the_sensor_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = installed(monkeypatch)
    started()
    assert fake.tuning is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (json.dumps(BASE), "is not what `refill config boot --tuning` writes"),
        ("{", "Expecting property name"),
        ("[]", "not a tuning file of version 2"),
        (None, "No such file"),
    ],
)
def test_a_file_that_would_not_hold_still_opens_no_camera(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, why: str
) -> None:
    fake = installed(monkeypatch)
    path = tmp_path / "camera-tuning.json" if content is None else written(tmp_path, content)
    with pytest.raises(CameraError, match=f"camera.tuning_file: .*{why}"):
        started(tuning_file=path)
    assert fake.calls == []
