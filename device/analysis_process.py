"""The analysis in a process of its own: it computes on another core than the camera's, and may be ended when it hangs.

The bedside's thread that waits for it sleeps meanwhile. One request at a time; a worker that dies is an error of its
request, and the next one has a new worker.
"""

import logging
import pickle
import subprocess
import sys
import threading

from device.child_pipe import receive, send
from vision.grid import GridRecording
from vision.press import PressAnalysis
from vision.pressure import PressureTrace

log = logging.getLogger(__name__)


class AnalysisError(Exception):
    """The analysis ended without an answer; the text is one sentence."""


class AnalysisProcess:
    """Analyses recordings in a child process, which is started at once so that it is warm when the first press ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None
        self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._worker = subprocess.Popen(
            [sys.executable, "-m", "device.analysis_worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self._worker

    def __call__(self, recording: GridRecording, pressure: PressureTrace, target_kpa: float) -> PressAnalysis:
        """Return what a press came to; raises `AnalysisError` where the worker has no answer."""
        with self._lock:
            worker = self._worker
        if worker is None or worker.poll() is not None:
            worker = self._start()
        if worker.stdin is None or worker.stdout is None:
            raise AnalysisError("The analysis has no pipes.")
        try:
            send(worker.stdin, (recording, pressure, target_kpa))
            answer: PressAnalysis = receive(worker.stdout)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
            # It may be dying still, and would take the next request with it.
            self.end()
            raise AnalysisError("The analysis ended without an answer.") from error
        return answer

    def end(self) -> None:
        """End the worker, whatever it is doing; a request that waits for it gets its error, the next a new worker."""
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            worker.wait()
