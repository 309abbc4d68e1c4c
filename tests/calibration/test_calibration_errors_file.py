"""Hidden errors of a simulated device from a file."""

from pathlib import Path

import pytest

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
