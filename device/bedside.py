"""The bedside process: owns camera, session, journal and panel, and carries out what the session says.

One loop in one thread decides. The camera has a thread that only takes frames, the analysis one that only computes;
both put what they have to say into a queue. Everything that counts is in the journal before anybody sees it.
"""

import logging
import queue
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from uuid import UUID

from contract.reading import PressRecord, Reading, RefillResult, Status
from contract.reasons import Reason, sentence
from device.bedside_probe import ProbeEar
from device.bedside_recorder import Recorder
from device.clock import Clock
from device.journal import Journal, JournalRecord
from device.panel import Panel
from device.ports import Camera, Emit, Probe
from device.probe.notify import notify
from device.records import About, KeptPress, completed, draft, press_of
from device.session import Session
from device.session_words import (
    ACTIVE,
    Action,
    Analyse,
    Analysed,
    AnalysisFailed,
    Begin,
    Committed,
    Event,
    Held,
    KeepPress,
    Press,
    ProbeFailed,
    Pushed,
    Record,
    Refuse,
    Release,
    Renew,
    StartRecording,
    State,
    Tick,
)
from vision.grid import GridRecording
from vision.press import PressAnalysis
from vision.pressure import PressureTrace

log = logging.getLogger(__name__)

TURN_S: float = 0.02
PROGRESS_S: float = 0.1
ALIVE_S: float = 1.0
MEGABYTE: int = 1_000_000

AnalyseRecording = Callable[[GridRecording, PressureTrace], PressAnalysis]


class BedsideError(Exception):
    """The bedside process cannot go on and has to be started again; the text is one sentence."""


@dataclass(frozen=True)
class _Answer:
    """What the analysis of a press of one measurement came to; it may come after that measurement has ended."""

    reading_id: UUID
    event: Analysed | AnalysisFailed
    kept: KeptPress | None


@dataclass(frozen=True)
class Parts:
    """What the bedside is made of."""

    camera: Camera
    probe: Probe
    panel: Panel
    journal: Journal
    clock: Clock
    analyse: AnalyseRecording
    emit: Emit


@dataclass(frozen=True)
class Habits:
    """How it behaves: language of the sentences, free space needed to start, and when to end by itself."""

    language: str = "en"
    minimum_free_mb: int = 200
    measurements: int | None = None


class Bedside:
    """One bedside machine from start to stop. Use it in one thread."""

    def __init__(self, parts: Parts, about: About, habits: Habits = Habits()) -> None:
        self._parts = parts
        self._about = about
        self._habits = habits
        self._session = Session(about.protocol, about.target_kpa)
        self._queue: queue.SimpleQueue[Event | _Answer] = queue.SimpleQueue()
        self._recorder = Recorder(parts.camera, parts.clock, self._queue.put)
        self._probe = ProbeEar(parts.probe)
        self._worker = ThreadPoolExecutor(1, "analysis")
        self._origin_ns = 0
        self._draft: Reading | None = None
        self._analysed: KeptPress | None = None
        self._shown_state: State | None = None
        self._progress_ns = 0
        self._alive_ns = 0
        self._completed = sum(counts(record) for record in parts.journal.records())

    def run(self, stop: threading.Event) -> None:
        """Measure until `stop`, or until the asked number of completed readings is in the journal.

        Raises `CameraError` where the camera does not start, `JournalError` where the disk refuses, and `BedsideError`
        where a part failed in a way that only a fresh start mends. In every case the probe is released first.
        """
        self._announce()
        try:
            self._recorder.start()
            notify("READY=1\nSTATUS=ready to measure")
            while not stop.is_set() and not self._enough():
                self._turn()
        finally:
            self._probe.release()
            notify("STOPPING=1")
            self._worker.shutdown(wait=False, cancel_futures=True)
            came_back = self._recorder.close()
            self._parts.probe.close()
        # Not in the clause above: what ended by an error is recorded at the next start, from a journal opened afresh.
        for record in self._parts.journal.close_interrupted():
            self._tell_reading(record)
        if not came_back:
            raise BedsideError("The camera does not come back: the process has to end.")

    def _announce(self) -> None:
        if self._parts.journal.set_aside is not None:
            self._tell("problem", sentence=self._parts.journal.set_aside)
        for record in self._parts.journal.close_interrupted():
            self._tell_reading(record)

    def _enough(self) -> bool:
        wanted = self._habits.measurements
        busy = self._session.state in ACTIVE
        return wanted is not None and self._completed >= wanted and not busy

    def _turn(self) -> None:
        for heard in self._probe.poll():
            self._give(heard)
        for pushed in self._parts.panel.poll():
            self._push(pushed)
        self._drain()
        self._give(Tick())
        self._show()
        self._keep_alive()
        if self._session.state in ACTIVE:
            return
        if self._recorder.problem is not None:
            raise BedsideError(self._recorder.problem)
        if self._session.state is State.ANALYSIS_FAULT:
            raise BedsideError("The analysis ended without an answer.")

    def _drain(self) -> None:
        """Hear camera and analysis; waits up to one turn where they are silent."""
        try:
            self._hear(self._queue.get(timeout=TURN_S))
            while True:
                self._hear(self._queue.get_nowait())
        except queue.Empty:
            return

    def _hear(self, heard: "Event | _Answer") -> None:
        """Give an event to the session; an answer only where it is about the measurement under way."""
        if not isinstance(heard, _Answer):
            self._give(heard)
        elif self._draft is not None and heard.reading_id == self._draft.reading_id:
            self._analysed = heard.kept
            self._give(heard.event)
        else:
            log.warning("an analysis of an earlier measurement came too late and was dropped")

    def _push(self, pushed: Pushed | Held) -> None:
        if isinstance(pushed, Pushed) and self._session.state not in ACTIVE:
            free_mb = shutil.disk_usage(self._parts.journal.path.parent).free // MEGABYTE
            if free_mb < self._habits.minimum_free_mb:
                self._tell("refused", sentence=f"Only {free_mb} MB are free. Call the study engineer.")
                return
        self._give(pushed)

    def _give(self, event: Event) -> None:
        """Let the session hear an event, and do what it says; what that brings about is heard at once."""
        if isinstance(event, ProbeFailed):
            self._tell("problem", sentence=event.sentence)
        for action in self._session.handle(event, self._parts.clock.boottime_ns()):
            for brought_about in self._do(action):
                self._give(brought_about)

    def _do(self, action: Action) -> list[Event]:
        if isinstance(action, Renew):
            return self._probe.renew()
        if isinstance(action, Release):
            self._recorder.end()
            return self._probe.release()
        if isinstance(action, Press):
            return self._probe.press(action.target_kpa, action.ramp_s, action.hold_s)
        if isinstance(action, StartRecording):
            self._analysed = None
            self._probe.forget_pressure()
            self._origin_ns = self._recorder.begin()
            return []
        if isinstance(action, Refuse):
            self._tell("refused", sentence=action.sentence)
            return []
        return self._do_with_journal(action)

    def _do_with_journal(self, action: Begin | Analyse | KeepPress | Record) -> list[Event]:
        if isinstance(action, Begin):
            simulated = self._about.simulated or self._parts.camera.simulated or self._probe.simulated
            self._draft = draft(replace(self._about, simulated=simulated), self._parts.clock)
            self._parts.journal.begin(self._draft)
            return []
        if isinstance(action, Analyse):
            self._analyse(action.number)
            return []
        begun = self._draft
        if begun is None:
            raise BedsideError("A measurement ended that had not begun.")
        if isinstance(action, KeepPress):
            return self._keep_press(begun)
        return self._record(begun, action.result, action.crt_spread)

    def _analyse(self, number: int) -> None:
        recording, pressure = self._recorder.so_far(), self._probe.pressure(self._origin_ns)
        if recording is None:
            raise BedsideError("There is no recording to analyse.")
        origin_ns, begun = self._origin_ns, self._draft
        if begun is None:
            raise BedsideError("A press was to be analysed outside a measurement.")

        def work() -> _Answer:
            analysis = self._parts.analyse(recording, pressure)
            kept = press_of(number, self._about.target_kpa, analysis, pressure, origin_ns)
            return _Answer(begun.reading_id, Analysed(number, kept.record.result, analysis.established), kept)

        def done(future: Future[_Answer]) -> None:
            if future.cancelled():
                return
            error = future.exception()
            if error is not None:
                log.error("the analysis of press %d failed", number, exc_info=error)
                self._queue.put(_Answer(begun.reading_id, AnalysisFailed(), None))
                return
            self._queue.put(future.result())

        self._worker.submit(work).add_done_callback(done)

    def _keep_press(self, begun: Reading) -> list[Event]:
        kept = self._analysed
        if kept is None:
            raise BedsideError("A press ended that was not analysed.")
        self._parts.journal.keep_press(str(begun.reading_id), kept.record, kept.trace)
        self._recorder.end()
        self._tell("press", number=kept.record.number, result=kept.record.result.model_dump(mode="json"))
        return []

    def _record(self, begun: Reading, result: RefillResult, spread: float | None) -> list[Event]:
        presses: list[PressRecord] = self._parts.journal.presses(str(begun.reading_id))
        record = self._parts.journal.append(lambda seq: completed(begun, seq, result, spread, presses))
        self._draft = None
        self._tell_reading(record)
        return [Committed()]

    def _tell_reading(self, record: JournalRecord) -> None:
        """Say that a reading is in the journal; never called before it is."""
        self._completed += counts(record)
        result = record.reading.result
        words = None if result.reason is None else sentence(result.reason, self._habits.language)
        self._tell(
            "reading",
            device_seq=record.device_seq,
            reading_id=record.reading_id,
            sha256=record.sha256,
            result=result.model_dump(mode="json"),
            sentence=words,
            completed=self._completed,
        )

    def _show(self) -> None:
        """Tell a change of state at once, and how far it is some ten times a second."""
        session, now_ns = self._session, self._parts.clock.boottime_ns()
        changed = session.state is not self._shown_state
        due = session.state in ACTIVE and now_ns - self._progress_ns >= PROGRESS_S * 1e9
        if not changed and not due:
            return
        self._shown_state, self._progress_ns = session.state, now_ns
        self._parts.panel.show(session.state)
        latest = self._recorder.latest()
        remaining_s = session.remaining_s(now_ns)
        self._tell(
            "state" if changed else "progress",
            state=session.state.value,
            press=session.press,
            presses=session.protocol.presses,
            remaining_s=None if remaining_s is None else round(remaining_s, 2),
            kpa=None if self._probe.latest_kpa is None else round(self._probe.latest_kpa, 2),
            time_s=None if latest is None else round(latest.time_s, 3),
            signal=None if latest is None else round(latest.signal, 5),
            completed=self._completed,
        )

    def _keep_alive(self) -> None:
        """Feed the watchdog where the camera ticks too; this loop ticks, or it would not be here."""
        now_ns = self._parts.clock.boottime_ns()
        if now_ns - self._alive_ns >= ALIVE_S * 1e9 and self._session.camera_ticks(now_ns):
            self._alive_ns = now_ns
            notify("WATCHDOG=1")

    def _tell(self, event: str, **content: object) -> None:
        self._parts.emit({"event": event, "t_boot_ns": self._parts.clock.boottime_ns(), **content})


def counts(record: JournalRecord) -> bool:
    """Return whether a record is of a measurement that came to its end: anything but an interrupted one."""
    result = record.reading.result
    return not (result.status is Status.NOT_MEASURABLE and result.reason is Reason.INTERRUPTED)
