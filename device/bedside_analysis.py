"""The analysis of a press, in a thread that only computes: what goes in, and the answer that comes back."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from device.records import KeptPress, press_of
from device.session_words import Analysed, AnalysisFailed
from vision.grid import GridRecording
from vision.press import PressAnalysis
from vision.pressure import PressureTrace

log = logging.getLogger(__name__)

AnalyseRecording = Callable[[GridRecording, PressureTrace, float], PressAnalysis]
"""Takes recording, pressure and target, kPa."""


@dataclass(frozen=True)
class Answer:
    """What the analysis of a press of one measurement came to; it may come after that measurement has ended."""

    reading_id: UUID
    event: Analysed | AnalysisFailed
    kept: KeptPress | None


@dataclass(frozen=True)
class Look:
    """One look at a press: whose, which, and what was recorded of it. Times of both series count from `origin_ns`."""

    reading_id: UUID
    number: int
    set_number: int
    target_kpa: float
    recording: GridRecording
    pressure: PressureTrace
    origin_ns: int


class Analyst:
    """Works on one look after the other; hands each `Answer` to `hear`, which must be quick and safe to call."""

    def __init__(self, analyse: AnalyseRecording, hear: Callable[[Answer], None]) -> None:
        self._analyse = analyse
        self._hear = hear
        self._worker = ThreadPoolExecutor(1, "analysis")
        self._last: Future[Answer] | None = None

    @property
    def busy(self) -> bool:
        """Whether a look is being worked on; a thread that never comes back from one is so for ever."""
        return self._last is not None and not self._last.done()

    def look(self, look: Look) -> None:
        """Begin; the answer comes to `hear`."""
        self._last = self._worker.submit(self._work, look)
        self._last.add_done_callback(lambda done: self._done(look, done))

    def close(self) -> None:
        """Begin nothing more. A look under way is not waited for."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _work(self, look: Look) -> Answer:
        analysis = self._analyse(look.recording, look.pressure, look.target_kpa)
        kept = press_of(look.number, look.target_kpa, analysis, look.pressure, look.origin_ns, look.set_number)
        return Answer(look.reading_id, Analysed(look.number, kept.record.result, analysis.established), kept)

    def _done(self, look: Look, done: Future[Answer]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self._hear(done.result())
            return
        log.error("the analysis of press %d failed", look.number, exc_info=error)
        self._hear(Answer(look.reading_id, AnalysisFailed(), None))
