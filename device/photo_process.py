"""A photo of a leg is looked at in a process of its own, which is started for it and ends with it.

It takes seconds and hundreds of MB, and the analysis of presses must wait for neither. Which program does it is given:
what reads photo files and finds the card stands above this room.
"""

import logging
import pickle
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from contract.mottling import LegLandmarks, MottlingResult
from device.child_pipe import receive, send

log = logging.getLogger(__name__)

LIMIT_S: float = 60.0
"""A photo of 12 megapixels takes about two seconds on one core of a fast machine."""


@dataclass(frozen=True)
class PhotoLook:
    """What a photo came to. `picture` is a JPEG of it with what was found drawn on it, where something was."""

    result: MottlingResult
    landmarks: LegLandmarks | None
    picture: bytes | None = None


class PhotoError(Exception):
    """A photo could not be looked at; the text is one sentence."""


AssessPhoto = Callable[[bytes, LegLandmarks | None], PhotoLook]
"""Takes a photo's file and the landmarks, pixels of the upright photo, where they were marked; raises `PhotoError`."""


class PhotoProcess:
    """Runs `command` for each photo: file and landmarks go to it, a `PhotoLook` or a sentence comes back."""

    def __init__(self, command: Sequence[str], limit_s: float = LIMIT_S) -> None:
        self._command = list(command)
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._ended = False
        self._worker: subprocess.Popen[bytes] | None = None

    def __call__(self, photo: bytes, landmarks: LegLandmarks | None) -> PhotoLook:
        """Return what a photo came to; raises `PhotoError` where the program has no answer within the limit."""
        with self._lock:
            if self._ended:
                raise PhotoError("The bedside is ending.")
            worker = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._worker = worker
        timer = threading.Timer(self._limit_s, worker.kill)
        timer.daemon = True
        timer.start()
        try:
            answer = _asked(worker, (photo, landmarks))
        finally:
            timer.cancel()
            worker.kill()
            worker.wait()
        if isinstance(answer, PhotoLook):
            return answer
        raise PhotoError(str(answer))

    def end(self) -> None:
        """End what is under way; nothing begins after it."""
        with self._lock:
            self._ended = True
            if self._worker is not None:
                self._worker.kill()


def _asked(worker: "subprocess.Popen[bytes]", request: object) -> object:
    if worker.stdin is None or worker.stdout is None:
        raise PhotoError("The photo's program has no pipes.")
    try:
        # Closing sends what is left in the pipe's buffer, which fails as well where nobody reads it.
        with worker.stdin as there, worker.stdout as back:
            send(there, request)
            return receive(back)
    except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise PhotoError("The photo's program ended without an answer.") from error
