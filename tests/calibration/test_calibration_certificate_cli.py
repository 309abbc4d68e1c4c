"""`refill calibrate certificate`, as a site engineer asks it."""

import json
from pathlib import Path

import pytest
from test_calibration_certificate import FOLDER, kept, step
from typer.testing import CliRunner

from refill.cli import app

DEVICE = 'name = "bed-7"\nsite = "12"\n'


def ask(folder: Path, *arguments: str) -> tuple[int, str]:
    config = folder / "device.toml"
    config.write_text(DEVICE, encoding="utf-8")
    asked = ["calibrate", "certificate", *arguments, "--config", str(config), "--data", str(folder)]
    result = CliRunner().invoke(app, asked)
    return result.exit_code, result.output


def test_a_device_without_one_says_so(tmp_path: Path) -> None:
    assert ask(tmp_path) == (1, "There is no calibration.\n")


@pytest.mark.slow
def test_one_that_lacks_steps_names_them(tmp_path: Path) -> None:
    kept(tmp_path / "calibration", step())
    code, output = ask(tmp_path)
    assert code == 1
    assert "not complete" in output
    assert "missing: pressure_span" in output
    assert json.loads(ask(tmp_path, "--json")[1])["state"] == "incomplete"


@pytest.mark.slow
def test_one_in_force_and_one_that_was_altered(tmp_path: Path) -> None:
    path = kept(tmp_path / "calibration")
    code, output = ask(tmp_path)
    assert (code, output.splitlines()[0]) == (0, "The calibration is in force.")
    assert ask(tmp_path, str(path))[0] == 0
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("eng1", "eng2"), encoding="utf-8")
    assert ask(tmp_path)[0] == 1
    code, output = ask(tmp_path, str(path))
    assert (code, "altered after it was signed" in output) == (2, True)
    assert FOLDER in output
