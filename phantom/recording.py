"""Writes a simulated press as files: a lossless video with its frame times, the probe's pressure, and the truth.

`OUT.mkv` (FFV1), `OUT.frames.csv`, `OUT.probe.csv`, `OUT.truth.json`; or, without pixels, `OUT.trace.csv` in place of
the first two. Everything is written under temporary names and renamed at the end.
"""

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phantom.plan import plan
from phantom.pressure import sensor_series
from phantom.schedule import end_s, schedule
from phantom.spec import PressSpec
from phantom.trace import simulate
from phantom.truth import truth

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]


class RecordingError(Exception):
    """A recording could not be written: no such folder, disk full, no FFV1 encoder, or another press has the name."""


@dataclass(frozen=True)
class WrittenRecording:
    """What was written, and what is true of it."""

    paths: tuple[Path, ...]
    truth: dict[str, Any]


class _Draft:
    """Files under temporary names beside their final ones; all are renamed together, or none remains."""

    def __init__(self, out: Path) -> None:
        self._base = out.with_suffix("") if out.suffix == ".mkv" else out
        self._pairs: list[tuple[Path, Path]] = []

    def refuse_to_mix(self, other_ending: str, told: dict[str, Any]) -> None:
        """Video and trace of one name share probe and truth, so the other form may only stand there with this truth."""
        other, truth_file = self._final(other_ending), self._final(".truth.json")
        if other.exists() and not (truth_file.is_file() and truth_file.read_text("ascii") == _truth_text(told)):
            raise RecordingError(f"{other} is of another press, with the same name: choose another name")

    def _final(self, ending: str) -> Path:
        return self._base.with_name(self._base.name + ending)

    def path(self, ending: str) -> Path:
        """Temporary path of `OUT` + `ending`; the ending stays last, since encoders go by it."""
        final = self._final(ending)
        draft = final.with_name(f".{os.getpid()}-draft-{final.name}")
        self._pairs.append((draft, final))
        return draft

    def publish(self) -> tuple[Path, ...]:
        """Rename every file to its final name."""
        for draft, final in self._pairs:
            draft.replace(final)
        return tuple(final for _, final in self._pairs)

    def discard(self) -> None:
        """Remove what is left of the drafts."""
        for draft, _ in self._pairs:
            draft.unlink(missing_ok=True)


def _no_progress(_done: int, _all: int) -> None:
    return None


def write_recording(spec: PressSpec, out: Path, progress: Progress = _no_progress) -> WrittenRecording:
    """Record one press at `out` (with or without `.mkv`); raises `ImpossibleSpecError` and `RecordingError`."""
    made = plan(spec)
    told = truth(made)
    draft = _Draft(out)
    try:
        _check_folder(out)
        draft.refuse_to_mix(".trace.csv", told)
        times = schedule(made)
        _write_video(draft.path(".mkv"), spec, progress)
        _write_rows(draft.path(".frames.csv"), "time_s", (f"{t:.6f}" for t in times.times_s))
        _write_probe(draft.path(".probe.csv"), *sensor_series(spec, end_s(made)))
        draft.path(".truth.json").write_text(_truth_text(told), encoding="ascii")
        return WrittenRecording(draft.publish(), told)
    except OSError as error:
        raise RecordingError(f"{out}: {error.strerror or error}") from error
    finally:
        draft.discard()


def write_trace(spec: PressSpec, out: Path) -> WrittenRecording:
    """Write region means instead of a video: `OUT.trace.csv` (time_s,r,g,b; encoded means 0 to 255), probe, truth."""
    traced = simulate(spec)
    draft = _Draft(out)
    try:
        _check_folder(out)
        draft.refuse_to_mix(".mkv", traced.truth)
        rows = zip(traced.time_s, traced.rgb_encoded, strict=True)
        lines = (f"{t:.6f},{r:.4f},{g:.4f},{b:.4f}" for t, (r, g, b) in rows)
        _write_rows(draft.path(".trace.csv"), "time_s,r,g,b", lines)
        _write_probe(draft.path(".probe.csv"), traced.pressure_time_s, traced.pressure_kpa)
        draft.path(".truth.json").write_text(_truth_text(traced.truth), encoding="ascii")
        return WrittenRecording(draft.publish(), traced.truth)
    except OSError as error:
        raise RecordingError(f"{out}: {error.strerror or error}") from error
    finally:
        draft.discard()


def _check_folder(out: Path) -> None:
    if not out.parent.is_dir():
        raise RecordingError(f"{out}: the folder {out.parent} does not exist")


def _write_video(path: Path, spec: PressSpec, progress: Progress) -> None:
    import cv2

    from phantom.scene import Scene

    made = plan(spec)
    times = schedule(made)
    played = made.play(times.times_s)
    scene = Scene(made)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), spec.fps, (spec.width_px, spec.height_px))
    if not writer.isOpened():
        raise RecordingError(f"{path}: no FFV1 encoder, or the file cannot be made")
    try:
        picture, shown = None, -1
        for index, source in enumerate(times.shows):
            if picture is None or source != shown:
                since_s = float(played.since_release_s[index])
                picture = scene.render(float(times.times_s[index]), float(played.blood[index]), since_s)
                shown = int(source)
            writer.write(picture)
            progress(index + 1, len(times.shows))
    finally:
        writer.release()
    _check_video(path, len(times.shows))


def _check_video(path: Path, frames: int) -> None:
    """The writer keeps quiet about a full disk; a video cut short has lost the count in its trailer."""
    import cv2

    reader = cv2.VideoCapture(str(path))
    try:
        counted = int(reader.get(cv2.CAP_PROP_FRAME_COUNT)) if reader.isOpened() else 0
    finally:
        reader.release()
    if abs(counted - frames) > 1:
        raise RecordingError(f"{path}: the video is not whole ({counted} of {frames} frames); is the disk full?")


def _write_rows(path: Path, header: str, lines: Iterable[str]) -> None:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="ascii")


def _write_probe(path: Path, times_s: Floats, pressure_kpa: Floats) -> None:
    lines = (f"{t:.4f},{kpa:.4f}" for t, kpa in zip(times_s, pressure_kpa, strict=True))
    _write_rows(path, "time_s,pressure_kpa", lines)


def _truth_text(told: dict[str, Any]) -> str:
    return json.dumps(told, indent=1) + "\n"
