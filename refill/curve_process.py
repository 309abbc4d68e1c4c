"""Curves of stored traces, drawn in a process of its own: each takes an analysis, and others wait for pages.

The trial's page gets it as the port `Draw`: what a stored trace is, only the room of the device knows.
"""

import pickle
import subprocess
import sys
import threading

from contract.reading import PressRecord
from device.child_pipe import receive, send
from trial.page.curve_sheet import CurveError

LONGEST_S: float = 30.0
"""An analysis takes a second; one that takes this long is ended."""


class CurveProcess:
    """Draws in a child process, which is started with the first curve; one curve at a time. Any thread may ask."""

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        self._longest_s = longest_s
        self._lock = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None

    def __call__(self, text: bytes, press: PressRecord) -> str:
        """Return the SVG of a stored trace; raises `CurveError` where it cannot be drawn."""
        with self._lock:
            worker = self._working()
            clock = threading.Timer(self._longest_s, worker.kill)
            clock.start()
            try:
                answer: str | CurveError = self._asked(worker, text, press)
            except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
                self._end()
                raise CurveError("The drawing ended without an answer: look at the page again.") from error
            finally:
                clock.cancel()
        if isinstance(answer, CurveError):
            raise answer
        return answer

    def end(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    def _working(self) -> "subprocess.Popen[bytes]":
        if self._worker is None or self._worker.poll() is not None:
            # -P: nothing that lies in the working folder is taken for a module.
            command = [sys.executable, "-P", "-m", "refill.curve_worker"]
            self._worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._worker

    @staticmethod
    def _asked(worker: "subprocess.Popen[bytes]", text: bytes, press: PressRecord) -> str | CurveError:
        if worker.stdin is None or worker.stdout is None:
            raise OSError("the drawing has no pipes")
        send(worker.stdin, (text, press.model_dump_json()))
        answer: str | CurveError = receive(worker.stdout)
        return answer

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            worker.wait()
