"""Hidden errors of a simulated device from a file."""

from dataclasses import replace
from pathlib import Path

import pytest

from phantom.bench.errors import Errors, healthy
from phantom.bench.picture_errors import PictureErrors
from refill.calibrate_errors import ErrorsFileError, with_errors


def of(tmp_path: Path, text: str) -> PictureErrors:
    path = tmp_path / "errors.toml"
    path.write_text(text, encoding="utf-8")
    return with_errors(PictureErrors(), path)


def test_what_the_file_names_is_wrong_and_the_rest_is_as_it_was(tmp_path: Path) -> None:
    found = of(tmp_path, "blur_px = 3\nhot_pixels = 50\nplate_off_mm = [0.5, -1]\n")
    assert found == PictureErrors(blur_px=3.0, hot_pixels=50, plate_off_mm=(0.5, -1.0))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("blurr = 3", "blurr: there is no such error; there are black_level, blur_px"),
        ('blur_px = "3"', "blur_px: is a number"),
        ("blur_px = true", "blur_px: is a number"),
        ("hot_pixels = 1.5", "hot_pixels: is a whole number"),
        ("plate_off_mm = [1.0]", "plate_off_mm: is an array of 2"),
        ("= 1", "not TOML"),
    ],
)
def test_what_is_no_error_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ErrorsFileError, match=f"errors.toml: {said}"):
        of(tmp_path, text)


def test_every_part_of_a_device_has_a_section(tmp_path: Path) -> None:
    path = tmp_path / "errors.toml"
    path.write_text(
        "[pictures]\nblur_px = 3.5\n[probe]\ngain = 1.06\n[light]\npin = true\nmains_hz = 60\n"
        "[timing]\ndelay_ms = 40\n",
        encoding="utf-8",
    )
    good = healthy(4)
    found = with_errors(good, path)
    assert found.pictures == replace(good.pictures, blur_px=3.5)
    assert found.probe == replace(good.probe, gain=1.06)
    assert found.light == replace(good.light, pin=True, mains_hz=60.0)
    assert found.timing == replace(good.timing, delay_ms=40.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[lamp]\npin = true", "lamp: there is no such error; there are light, pictures, probe, timing"),
        ("[light]\npin = 1", "light: pin: is true or false"),
        ("light = 3", "light: is a table"),
    ],
)
def test_what_is_no_section_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "errors.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ErrorsFileError, match=f"errors.toml: {said}"):
        with_errors(Errors(), path)
