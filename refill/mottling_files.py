"""Photos and landmarks as files: what can be read, and one clear line for what cannot.

A photo is a PNG or JPEG in colour. It is seen upright, as its Exif orientation says and as a viewer shows it: landmarks
are pixels of that upright picture, x to the right, y down. Landmarks are JSON: `{"knee": [x, y], "patella": [x, y],
"groin": [x, y]}`, the last may be left out.
"""

import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

# Decoders write their own lines about a damaged file; ours says it once. Read when cv2 is first imported.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contract.envelope import first_error
from vision.mottling.levels import Landmarks, Point

Picture = NDArray[np.uint8]

LARGEST_BYTES: Final = 100_000_000
LARGEST_PIXELS: Final = 64_000_000
"""Phones give 12 to 50 million. Beyond this a photo would not fit into a bedside's memory beside its work."""
LEAST_WORKING_PX: Final = 1500
"""A photo is looked at smaller as long as its longest side keeps this: the score needs no more of it."""
LARGEST_LANDMARKS_BYTES: Final = 64_000

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_REDUCED: Final = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_PNG_COLOURED: Final = {2, 3, 6}
"""Colour types of PNG that hold colour: plain, palette, with transparency."""


class BadFileError(Exception):
    """A file cannot be used. One line that names the file and says why."""


@dataclass(frozen=True)
class Photo:
    """A photo, upright, decoded at one `factor`-th of its size."""

    picture: Picture
    """BGR as encoded, shape (h, w, 3)."""
    factor: int
    content: bytes
    """Of the file."""

    @property
    def sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.content).hexdigest()

    def whole(self) -> Picture:
        """Return the picture at its full size."""
        return self.picture if self.factor == 1 else _decoded(self.content, 1)

    def to_whole(self, point: Point) -> Point:
        """Return where a point of `picture` is in the whole photo."""
        return (point[0] + 0.5) * self.factor - 0.5, (point[1] + 0.5) * self.factor - 0.5

    def from_whole(self, point: Point) -> Point:
        """Return where a point of the whole photo is in `picture`."""
        return (point[0] + 0.5) / self.factor - 0.5, (point[1] + 0.5) / self.factor - 0.5


def read_photo(path: Path) -> Photo:
    """Return the photo in a file; raises `BadFileError`."""
    content = _content(path, LARGEST_BYTES)
    try:
        return photo_of(content)
    except ValueError as error:
        raise BadFileError(f"{path}: {error}") from error


def photo_of(content: bytes) -> Photo:
    """Return the photo that the bytes of a file hold; raises `ValueError` with the reason in one line."""
    if content.startswith(_PNG):
        width, height = _png_size(content)
    elif content.startswith(_JPEG):
        width, height = _jpeg_size(content)
    elif content[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif"):
        raise ValueError("a HEIC or AVIF photo: save it as JPEG")
    else:
        raise ValueError("not a PNG or JPEG picture")
    if width * height > LARGEST_PIXELS:
        raise ValueError(f"{width} x {height} pixels are more than the {LARGEST_PIXELS // 1_000_000} million allowed")
    factor = 1
    while factor < 8 and max(width, height) >= 2 * factor * LEAST_WORKING_PX:
        factor *= 2
    if content.startswith(_JPEG):
        return Photo(_decoded(content, factor), factor, content)
    return Photo(_smaller(_decoded(content, 1), factor), factor, content)


def _smaller(picture: Picture, factor: int) -> Picture:
    """Return the mean of each square of `factor` pixels; what is left over at the right and below is cut off."""
    if factor == 1:
        return picture
    height, width = picture.shape[0] // factor, picture.shape[1] // factor
    if not height or not width:
        raise ValueError("the picture is a line")
    whole = picture[: height * factor, : width * factor]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _decoded(content: bytes, factor: int) -> Picture:
    try:
        with _overheard() as said:
            picture = cv2.imdecode(np.frombuffer(content, np.uint8), _REDUCED[factor])
    except cv2.error as error:
        raise ValueError("the picture cannot be decoded") from error
    if picture is None:
        raise ValueError("the picture cannot be decoded")
    # libjpeg goes on with grey or shifted blocks where data are missing, and says so only here. Bytes too many are
    # what some cameras write, and harm nothing.
    complaints = [line for line in said if line.strip() and b"extraneous bytes" not in line]
    if complaints:
        raise ValueError("the picture is damaged")
    return np.asarray(picture, dtype=np.uint8)


@contextmanager
def _overheard() -> Iterator[list[bytes]]:
    """Keep what decoders write to standard error by themselves, as lines, there when this ends. One at a time."""
    lines: list[bytes] = []
    with tempfile.TemporaryFile() as kept:
        usual = os.dup(2)
        try:
            os.dup2(kept.fileno(), 2)
            yield lines
        finally:
            os.dup2(usual, 2)
            os.close(usual)
            kept.seek(0)
            lines += kept.read().splitlines()


def _png_size(content: bytes) -> tuple[int, int]:
    """Return width and height after every chunk was held against its check sum (PNG specification, section 5)."""
    at, header = len(_PNG), b""
    while True:
        length, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(content) or len(kind) < 4:
            raise ValueError("the picture is truncated")
        if zlib.crc32(memoryview(content)[at + 4 : end - 4]) != int.from_bytes(content[end - 4 : end], "big"):
            raise ValueError("the picture is damaged")
        if not header:
            header = content[at + 8 : end - 4]
            if kind != b"IHDR" or len(header) != 13:
                raise ValueError("the picture is damaged")
        if kind == b"IEND":
            break
        at = end
    if header[9] not in _PNG_COLOURED:
        raise ValueError("a grey picture: colour is what is judged")
    return int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """Return width and height as stored, before it is turned upright (ITU T.81, annex B)."""
    at, size = 2, None
    while True:
        while content[at : at + 2] == b"\xff\xff":  # any number of fill bytes may stand before a marker
            at += 1
        if at + 4 > len(content):
            raise ValueError("the picture is truncated")
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if content[at] != 0xFF or length < 2:
            raise ValueError("the picture is damaged")
        if marker == 0xDA:
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            size = _jpeg_frame(content[at + 4 : at + 2 + length])
        at += 2 + length
    if size is None:
        raise ValueError("the picture is damaged")
    # Within the picture's own data this pair stands only where it ends.
    if content.find(b"\xff\xd9", at) < 0:
        raise ValueError("the picture is truncated")
    return size


def _jpeg_frame(frame: bytes) -> tuple[int, int]:
    if len(frame) < 6:
        raise ValueError("the picture is damaged")
    bits, colours = frame[0], frame[5]
    if bits != 8:
        raise ValueError(f"a JPEG of {bits} bits a colour: save it with 8")
    if colours == 1:
        raise ValueError("a grey picture: colour is what is judged")
    if colours != 3:
        raise ValueError("a picture for print (CMYK): save it as RGB")
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    if not width or not height:
        raise ValueError("the picture does not say its size")
    return width, height


Coordinates = Annotated[tuple[float, float], Field(description="x and y, pixels of the upright photo")]


class LandmarksFile(BaseModel):
    """A landmarks file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    knee: Coordinates
    patella: Coordinates
    groin: Coordinates | None = None


def read_landmarks(path: Path) -> Landmarks:
    """Return the landmarks in a file; raises `BadFileError`, which names file and key."""
    try:
        given = LandmarksFile.model_validate_json(_content(path, LARGEST_LANDMARKS_BYTES), strict=True)
    except ValidationError as error:
        raise BadFileError(f"{path}: {first_error(error)}") from error
    return Landmarks(given.knee, given.patella, given.groin)


def _content(path: Path, largest: int) -> bytes:
    if not path.is_file():
        raise BadFileError(f"{path}: not a file" if path.exists() else f"{path}: no such file")
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise BadFileError(f"{path}: {error.strerror or error}") from error
    if len(content) > largest:
        raise BadFileError(f"{path}: larger than {largest // 1000:,} kB".replace(",", " "))
    if not content:
        raise BadFileError(f"{path}: the file is empty")
    return content
