"""A recording played as a camera: its pictures at its own frame times, to see old data through today's device."""

import csv
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from device.clock import Clock, SystemClock
from device.ports import CameraError, Frame
from vision.frames import BGR


class RecordingCamera:
    """Plays `video` by the times in `times` (CSV with a column `time_s`), which must increase and match in number."""

    layout = BGR
    simulated = True

    def __init__(self, video: Path, times: Path, clock: Clock | None = None) -> None:
        self._video = video
        self._times_s = _frame_times_s(times)
        self._clock = clock or SystemClock()
        self._capture: Any = cv2.VideoCapture(str(video))
        if not self._capture.isOpened():
            raise CameraError(f"The recording {video.name} cannot be read as a video.")
        self.width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        self._index = 0
        self._start_ns: int | None = None

    def start(self) -> None:
        """Let the first frame be now."""
        self._start_ns = self._clock.boottime_ns()

    def next_frame(self, *, look: bool = True) -> Frame:
        """Wait for the next frame's time; raises `CameraError` at the end, or where video and times do not match."""
        if self._start_ns is None:
            raise CameraError("The recording is not started.")
        there = self._capture.grab()
        # Decoded where it is looked at.
        there, picture = self._capture.retrieve() if there and look else (there, None)
        if there != (self._index < len(self._times_s)):
            raise CameraError(
                f"The recording {self._video.name} has {'more' if there else 'fewer'} pictures than frame times."
            )
        if not there:
            raise CameraError("The recording has ended.")
        since_start_s = self._times_s[self._index] - self._times_s[0]
        self._index += 1
        t_boot_ns = self._start_ns + round(since_start_s * 1e9)
        wait_ns = t_boot_ns - self._clock.boottime_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / 1e9)
        return Frame(t_boot_ns, None if picture is None else np.asarray(picture, dtype=np.uint8))

    def close(self) -> None:
        """Let go of the file."""
        self._start_ns = None
        self._capture.release()


def _frame_times_s(path: Path) -> list[float]:
    try:
        with path.open(newline="", encoding="ascii") as file:
            times_s = [float(row["time_s"]) for row in csv.DictReader(file)]
    except OSError as error:
        raise CameraError(f"The frame times {path.name} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CameraError(f"The frame times {path.name} are not a CSV file with a column time_s.") from error
    if not times_s or any(late <= early for early, late in pairwise(times_s)):
        raise CameraError(f"The frame times {path.name} do not increase.")
    return times_s
