"""Photos as files, a score as if it had been found, and `refill mottling` called on them."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from refill.cli import app
from vision.mottling.levels import Landmarks, ZoneName
from vision.mottling.result import Assessment, MottlingMap

Photo = NDArray[np.uint8]
Assess = Callable[..., Assessment]

KEYS = {
    *("status", "reason", "sentence", "score", "max_supported", "at_least", "confidence", "zones"),
    *("mottled_area_cm2", "landmarks", "landmarks_from", "mm_per_px", "scale_from", "notes", "photo_sha256"),
    *("software_version", "algorithm_version"),
}
ZONES: dict[ZoneName, float | None] = {"knee_centre": 0.8, "knee": 0.4512, "lower_thigh": 0.1, "upper_thigh": 0.0}
TAPS = ("--knee", "80,200", "--patella", "80,170", "--groin", "80,20")


def picture(width: int = 160, height: int = 240) -> Photo:
    """Red above, green at the lower left, blue at the lower right, BGR: which way it is turned can be seen."""
    seen = np.zeros((height, width, 3), np.uint8)
    seen[: height // 2] = (30, 40, 200)
    seen[height // 2 :, : width // 2] = (40, 180, 40)
    seen[height // 2 :, width // 2 :] = (190, 50, 40)
    return seen


def saved(path: Path, seen: NDArray[Any], *parameters: int) -> Path:
    done, encoded = cv2.imencode(path.suffix, seen, list(parameters))
    assert done
    path.write_bytes(encoded.tobytes())
    return path


def turned(path: Path, orientation: int) -> Path:
    """A photo that says how it is to be turned, as a phone writes it (Exif 2.3, tag 0x0112)."""
    tiff = b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00" + bytes(
        [orientation, 0, 0, 0, 0, 0, 0, 0]
    )
    content = path.read_bytes()
    if path.suffix == ".png":
        after_header = 33
        path.write_bytes(content[:after_header] + chunk(b"eXIf", tiff) + content[after_header:])
        return path
    body = b"Exif\x00\x00" + tiff
    path.write_bytes(content[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + content[2:])
    return path


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def scored(score: int = 3, **more: Any) -> Assess:
    """An assessment that always comes to this, with a map of the lower half."""

    def assess(photo: Photo, landmarks: Landmarks | None, scale: float | None = None, grey: Any = None) -> Assessment:
        cells = (photo.shape[0] // 4, photo.shape[1] // 4)
        skin = np.ones(cells, np.bool_)
        mottled = np.zeros(cells, np.bool_)
        mottled[cells[0] // 2 :] = True
        area = None if scale is None else 12.345
        found = {"score": score, "max_supported": 4, "confidence": 0.8765, "zones": ZONES, "mottled_area_cm2": area}
        return Assessment(
            **(found | more), landmarks=landmarks, map=MottlingMap(4.0, skin, mottled, mottled.astype(np.float32))
        )

    return assess


def called(*arguments: object) -> Any:
    """`refill mottling` with these arguments, in this process."""
    return CliRunner().invoke(app, ["mottling", *(str(argument) for argument in arguments)])


def told(*arguments: object, exit_code: int = 0) -> dict[str, Any]:
    """The JSON of a call that ends in an answer: one object, complete."""
    result = called(*arguments, "--json")
    assert result.exit_code == exit_code, (result.exit_code, result.output, result.exception)
    answer: dict[str, Any] = json.loads(result.stdout)
    assert set(answer) == KEYS
    return answer


def refused(*arguments: object, words: str) -> None:
    """Exit 2, one line on standard error with these words, nothing on standard output."""
    result = called(*arguments)
    assert result.exit_code == 2, (result.exit_code, result.output, result.exception)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("refill: ")
    assert words in lines[0], lines[0]


def taken_as(monkeypatch: pytest.MonkeyPatch, assess: Assess) -> None:
    """Let every photo come to what `assess` says."""
    monkeypatch.setattr("vision.mottling.assess.assess", assess)
