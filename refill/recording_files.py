"""Recordings and traces as files: what can be read, and one clear line for what cannot.

A recording is any video that OpenCV reads; a trace is a CSV with header `time_s,r,g,b` (region-mean camera values,
encoded, 0 to 255) or `time_s,signal` (a haemoglobin index). Beside them, found by name: `NAME.probe.csv`
(`time_s,pressure_kpa`) and `NAME.frames.csv` (`time_s` of each frame). A `.json` is a trace as a device stored it with
its reading (`device.stored_trace`), complete in itself.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

# FFmpeg and OpenCV write their own lines about a damaged file; ours says it once. Read when cv2 is first imported.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# Containers that hold a film. FFmpeg would also draw a text file as pictures, and follow a playlist to other places.
os.environ.setdefault(
    "OPENCV_FFMPEG_CAPTURE_OPTIONS", "format_whitelist;matroska,mov,avi,mpegts,mpeg,asf,flv,ogg,nut,yuv4mpegpipe"
)

import cv2
import numpy as np
from numpy.typing import NDArray

from device.stored_trace import StoredTrace, StoredTraceError, read_stored_trace
from vision.frames import FrameError
from vision.grid import GridRecording, GridSampler, RegionError, Roi
from vision.pressure import PressureTrace
from vision.tone import srgb_to_linear
from vision.trace import Trace, TraceError, trace_from_light

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

LARGEST: float = 1e15
"""Beyond this no time in s, pressure in kPa or signal is one; keeps every later square finite."""
LARGEST_STORED_BYTES: int = 64_000_000
"""A stored trace takes some 200 kB; what is larger than this is none."""
SHORT_BY_S: float = 0.08
"""A film may end this much before its container does: sound goes on, a last picture has no length."""


class BadInputError(Exception):
    """A file cannot be analysed. One line that names the file and says why."""


def base_name(path: Path) -> Path:
    """Return the path without its ending, and without `.trace` before it: the name that companions share."""
    plain = path.with_suffix("")
    return plain.with_suffix("") if plain.suffix == ".trace" else plain


def companion(path: Path, kind: str) -> Path | None:
    """Return `NAME.<kind>.csv` beside a recording, or None where there is none."""
    found = base_name(path).with_name(f"{base_name(path).name}.{kind}.csv")
    return found if found.is_file() else None


def read_table(path: Path, headers: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], Array]:
    """Return header and values (rows, columns) of a CSV whose header is one of `headers`; raises `BadInputError`."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path}: not a text file") from error
    if not any(line.strip() for line in lines):
        raise BadInputError(f"{path}: the file is empty")
    header = tuple(name.strip() for name in lines[0].split(","))
    if header not in headers:
        wanted = " or ".join(",".join(names) for names in headers)
        raise BadInputError(f"{path}: wrong header {lines[0].strip()[:80]!r}; expected {wanted}")
    rows, numbers = [], []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        fields = line.split(",")
        if len(fields) != len(header):
            raise BadInputError(
                f"{path}: line {number}: {len(fields)} fields, not {len(header)}: is the file truncated?"
            )
        try:
            rows.append([float(field) for field in fields])
        except ValueError as error:
            raise BadInputError(f"{path}: line {number}: not a number: {line.strip()[:80]!r}") from error
        numbers.append(number)
    values = np.array(rows, dtype=np.float64).reshape(-1, len(header))
    _check_values(path, values, numbers)
    return header, values


def _check_values(path: Path, values: Array, numbers: list[int]) -> None:
    """Refuse values (rows, columns) that no instrument gives, and times that do not increase, naming their line."""
    with np.errstate(invalid="ignore"):  # the difference of two infinities, which are refused first
        backwards = np.diff(values[:, 0], prepend=-np.inf) <= 0
    for wrong, why in (
        (~np.isfinite(values).all(axis=1), "NaN or infinity is not a measurement"),
        ((np.abs(values) > LARGEST).any(axis=1), f"a value lies beyond {LARGEST:g}"),
        (backwards, "time does not increase"),
    ):
        if wrong.any():
            raise BadInputError(f"{path}: line {numbers[int(np.argmax(wrong))]}: {why}")


def read_pressure(path: Path) -> PressureTrace:
    """Return the probe's pressure; raises `BadInputError`."""
    _, values = read_table(path, (("time_s", "pressure_kpa"),))
    if len(values) < 8:
        raise BadInputError(f"{path}: {len(values)} sample(s) of pressure: too few for a press")
    return PressureTrace(values[:, 0], values[:, 1])


def read_trace(path: Path) -> Trace:
    """Return the trace in a CSV; raises `BadInputError`."""
    header, values = read_table(path, (("time_s", "r", "g", "b"), ("time_s", "signal")))
    if len(values) < 2:
        raise BadInputError(f"{path}: {len(values)} frame(s): a trace needs at least two")
    try:
        if len(header) == 2:
            return Trace(values[:, 0], values[:, 1])
        if values[:, 1:].min() < 0 or values[:, 1:].max() > 255:
            raise BadInputError(f"{path}: camera values lie outside 0 to 255")
        trace = trace_from_light(values[:, 0], srgb_to_linear(values[:, 1:]))
        # Rounded to a tenth, neighbours are often equal: that is the file's rounding, not a picture handed out twice.
        rounded = bool(np.allclose(values[:, 1:] * 10, np.round(values[:, 1:] * 10), atol=1e-6))
        return replace(trace, repeated=None) if rounded else trace
    except TraceError as error:
        raise BadInputError(f"{path}: {error}") from error


def read_stored(path: Path) -> StoredTrace:
    """Return a trace as a device stored it; raises `BadInputError`."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_STORED_BYTES + 1)
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror or error}") from error
    if len(text) > LARGEST_STORED_BYTES:
        raise BadInputError(f"{path}: too large for a stored trace")
    try:
        return read_stored_trace(text)
    except StoredTraceError as error:
        raise BadInputError(f"{path}: {error}") from error


@contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    if not path.is_file():
        raise BadInputError(f"{path}: no such file" if not path.exists() else f"{path}: not a file")
    if path.stat().st_size == 0:
        raise BadInputError(f"{path}: the file is empty")
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise BadInputError(f"{path}: not a video that can be read")
        yield capture
    finally:
        capture.release()


def read_video(path: Path, roi: Roi | None, progress: Progress) -> GridRecording:
    """Return a video as a grid of cells; `progress(done, expected)` is called now and then. Raises `BadInputError`."""
    given = companion(path, "frames")
    times: Array | None = None
    if given is not None:
        _, values = read_table(given, (("time_s",),))
        times = values[:, 0]
    with _opened(path) as capture:
        expected = len(times) if times is not None else int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        rate_hz = float(capture.get(cv2.CAP_PROP_FPS))
        sampler: GridSampler | None = None
        stamps: list[float] = []
        while True:
            there, frame = capture.read()
            if not there:
                break
            if sampler is None:
                sampler = _sampler(path, frame.shape, roi)
            index = len(stamps)
            if times is not None and index >= len(times):
                raise BadInputError(f"{path}: more pictures than the {len(times)} times in {given}")
            stamps.append(float(times[index]) if times is not None else _stamp(path, capture, stamps, rate_hz))
            try:
                sampler.add(np.asarray(frame, dtype=np.uint8), stamps[-1])
            except FrameError as error:
                raise BadInputError(f"{path}: picture {index + 1}: {error}") from error
            if index % 25 == 0:
                progress(index, expected)
    if sampler is None:
        raise BadInputError(f"{path}: no picture in it")
    if len(stamps) < 2:
        raise BadInputError(f"{path}: one picture is not a recording")
    if times is None:
        _check_whole(path, stamps, expected, rate_hz)
    elif len(stamps) != expected:
        raise BadInputError(
            f"{path}: {len(stamps)} pictures, but {given} has {expected} times: is the video truncated?"
        )
    progress(len(stamps), len(stamps))
    return sampler.finish()


def _sampler(path: Path, shape: tuple[int, ...], roi: Roi | None) -> GridSampler:
    try:
        return GridSampler(shape[1], shape[0], roi)
    except RegionError as error:
        raise BadInputError(f"{path}: {error}") from error


def _stamp(path: Path, capture: cv2.VideoCapture, stamps: list[float], rate_hz: float) -> float:
    """The time of the picture just read: its own stamp where the container has one, else by the frame rate."""
    own_s = float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
    index = len(stamps)
    if own_s > (stamps[-1] if stamps else -1.0):
        return own_s
    if rate_hz <= 0:
        raise BadInputError(f"{path}: neither the pictures nor the file say when they were taken")
    return index / rate_hz


def _check_whole(path: Path, stamps: list[float], expected: int, rate_hz: float) -> None:
    """Refuse a film that ends clearly before its container says, in s and in pictures, which are an estimate."""
    if expected <= 0 or rate_hz <= 0:
        return
    missing_s = expected / rate_hz - (stamps[-1] + 1 / rate_hz)
    if len(stamps) < expected - 2 and missing_s > max(SHORT_BY_S, 2.5 / rate_hz):
        raise BadInputError(f"{path}: the file is truncated: {len(stamps)} of {expected} pictures")
