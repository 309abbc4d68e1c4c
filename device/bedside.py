"""The bedside process: owns camera, session, journal and panel, and carries out what the session says.

One loop in one thread decides. The camera has a thread that only takes frames, the analysis one that only computes;
both put what they have to say into a queue. Everything that counts is in the journal before anybody sees it.
"""

import contextlib
import logging
import queue
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contract.records import AnyRecord
from device.bedside_amending import Amender
from device.bedside_analysis import AnalyseRecording, Answer
from device.bedside_choice import Desk
from device.bedside_doing import Hands, Heard, Instruments
from device.bedside_keeping import Keeper
from device.bedside_life import Life
from device.bedside_photo import Photos
from device.bedside_telling import SoundingPanel, Teller, completed_in, counts
from device.bedside_verdict import verdict_after
from device.bedside_vitals import Vitals
from device.clock import Clock
from device.console_words import Abort, Amend, Asked, Choice, Choose, Measure, Mottling
from device.journal import Journal, JournalRecord
from device.photo_process import AssessPhoto
from device.ports import Camera, Console, Emit, Probe
from device.session import Session
from device.session_memory import Plan
from device.session_words import (
    ACTIVE,
    NO_CAMERA,
    STARTABLE,
    AbortAsked,
    Event,
    Held,
    ProbeFailed,
    Pushed,
    State,
    Tick,
)

__all__ = ["TURN_S", "Bedside", "BedsideError", "Habits", "Parts", "counts"]

log = logging.getLogger(__name__)

TURN_S: float = 0.015
"""With the debouncing of 0.03 s a push is heard within 50 ms."""
IDLE_TURNS: int = 3
"""While nothing is measured only the button is asked at every turn, and everything else at every third."""
LOOK_AROUND_S: float = 0.5
MEGABYTE: int = 1_000_000
MEASURES = "A measurement is under way. Wait for its end, or stop it."
CHOSEN_ANEW = "Somebody else is chosen by now. Look again before you measure."


class BedsideError(Exception):
    """The bedside process cannot go on and has to be started again; the text is one sentence."""


@dataclass(frozen=True)
class Parts:
    """What the bedside is made of."""

    camera: Camera
    probe: Probe
    panel: SoundingPanel
    console: Console
    open_journal: Callable[[], Journal]
    clock: Clock
    analyse: AnalyseRecording
    desk: Desk
    emit: Emit
    assess: AssessPhoto | None = None
    """What looks at photos of legs; None: none are taken."""


@dataclass(frozen=True)
class Habits:
    """How it behaves: where it looks for free space and how much it needs, its language, when it ends by itself."""

    journal_folder: Path
    run_folder: Path
    fps: float
    """Frames a second that the camera is expected to deliver."""
    language: str = "en"
    minimum_free_mb: int = 200
    measurements: int | None = None
    inbox: Path | None = None
    """Where photos lie that are to be looked at."""


class Bedside:
    """One bedside machine from start to stop. Use it in one thread."""

    def __init__(self, parts: Parts, habits: Habits) -> None:
        self._parts = parts
        self._habits = habits
        self._session = Session()
        self._teller = Teller(parts.emit, parts.console, parts.panel, parts.clock, habits.language)
        self._keeper = Keeper(parts.open_journal, self._committed, self._teller.problem)
        instruments = Instruments(parts.camera, parts.probe, parts.clock, parts.analyse)
        self._hands = Hands(instruments, self._keeper, self._teller)
        self._life = Life(parts.clock, self._teller, habits.run_folder, habits.language)
        self._vitals = Vitals(
            self._session,
            self._hands,
            self._keeper,
            parts.clock,
            habits.journal_folder,
            habits.run_folder,
            habits.minimum_free_mb,
            habits.fps,
            parts.desk.machine.calibrated,
        )
        self._looked_ns: int | None = None
        self._choice: Choice | None = None
        self._refusal: str | None = None
        self._trouble: tuple[str | None, ...] = ()
        self._counted = False
        self._turns = 0
        self._screen_pushes = 0
        """Numbers of pushes that came from a screen, below zero: no long push of the button is taken for theirs."""
        self._unjudged: list[AnyRecord] = []
        self._amender = Amender(self._keeper, parts.desk.machine, parts.clock)
        self._photos = Photos(
            habits.inbox, parts.assess, self._keeper, parts.clock, self._teller.problem, habits.language
        )

    def run(self, stop: threading.Event) -> None:
        """Measure until `stop`, or until the asked number of completed readings is in the journal.

        A camera, a probe or a journal that cannot be used is said and tried again. Raises `JournalInUseError` where
        another bedside runs, `JournalError` where the disk refuses the last record, and `BedsideError` where a part
        failed in a way that only a fresh start mends. In every case the probe is released first.
        """
        hands = self._hands
        try:
            self._keeper.open(self._parts.clock.boottime_ns())
            hands.recorder.start()
            self._teller.machine(self._parts.desk.machine.device)
            while not stop.is_set() and not self._enough():
                self._turn()
                self._pause(stop)
            # The last reading may have come in the pause.
            self._tell_verdicts()
        finally:
            hands.ear.release()
            self._life.ends()
            hands.analyst.close()
            self._photos.close()
            came_back = hands.recorder.close()
            self._parts.probe.close()
        # Not in the clause above: what ended by an error is recorded at the next start, from a journal opened afresh.
        self._keeper.close()
        if not came_back:
            raise BedsideError("The camera does not come back: the process has to end.")

    def _enough(self) -> bool:
        wanted = self._habits.measurements
        return wanted is not None and self._teller.completed >= wanted and self._session.state in STARTABLE

    def _pause(self, stop: threading.Event) -> None:
        """Wait until the next turn; an answer that is being worked on is heard as soon as it comes."""
        if not self._hands.analyst.busy:
            stop.wait(TURN_S)
            return
        with contextlib.suppress(queue.Empty):
            self._hear(self._hands.said.get(timeout=TURN_S))

    def _turn(self) -> None:
        for pushed in self._parts.panel.poll():
            self._push(pushed)
        self._turns += 1
        if self._session.state in STARTABLE and self._turns % IDLE_TURNS:
            return
        now_ns = self._parts.clock.boottime_ns()
        for heard in self._hands.ear.poll():
            self._give(heard)
        for asked in self._parts.console.poll():
            self._parts.console.answer(asked, self._answer_to(asked))
        self._drain()
        if self._session.state in STARTABLE:
            self._photos.poll()
        for event in self._keeper.tick(now_ns):
            self._give(event)
        self._give(Tick())
        if self._looked_ns is None or now_ns - self._looked_ns >= LOOK_AROUND_S * 1e9:
            self._look_around(now_ns)
        self._teller.show(self._session, self._hands.seen(), problem=self._refusal is not None)
        self._tell_verdicts()
        self._life.ticks(self._hands.recorder.camera_ticked_ns, self._refusal or "ready to measure", self._vitals.facts)
        self._check()

    def _check(self) -> None:
        """End the process, once nothing is pressed and nothing owed, where only a fresh one can go on."""
        if self._session.state not in STARTABLE:
            return
        if self._hands.recorder.hung:
            raise BedsideError(self._hands.recorder.trouble or "The camera does not come back.")
        if self._session.state is State.ANALYSIS_FAULT and self._hands.analyst.busy:
            raise BedsideError("The analysis does not come back.")

    def _drain(self) -> None:
        """Hear what camera and analysis have said."""
        try:
            while True:
                self._hear(self._hands.said.get_nowait())
        except queue.Empty:
            return

    def _hear(self, heard: Heard) -> None:
        """Give an event to the session; an answer only where it is about the measurement under way."""
        event = self._hands.take(heard) if isinstance(heard, Answer) else heard
        if event is None:
            log.warning("an analysis of an earlier measurement came too late and was dropped")
            return
        self._give(event)

    def _push(self, pushed: Pushed | Held) -> None:
        if isinstance(pushed, Pushed) and self._session.state in STARTABLE:
            refusal = self._obstacle() or self._parts.desk.uncalibrated()
            if refusal is not None:
                self._teller.refused(refusal)
                return
        self._give(pushed)

    def _answer_to(self, asked: Asked) -> str | None:
        """Do what a screen asks for; returns why not, in one sentence."""
        request = asked.request
        if isinstance(request, Abort):
            self._give(AbortAsked())
            return None
        if isinstance(request, Measure):
            return self._measure(request.choice)
        if isinstance(request, Amend):
            # A commit waits for the disk; while the probe presses the loop has a lease to renew.
            return self._amender.amend(request) if self._session.state in STARTABLE else MEASURES
        if isinstance(request, Mottling):
            return self._score(request)
        if isinstance(request, Choose) and self._session.state in ACTIVE:
            return MEASURES
        refusal = None
        if isinstance(request, Choose):
            refusal = self._parts.desk.choose(request.choice)
        else:
            self._parts.desk.forget()
        self._look_around(self._parts.clock.boottime_ns())
        return refusal

    def _measure(self, choice: Choice) -> str | None:
        """Start a measurement of `choice`, as the button would; returns in one sentence why none was started."""
        refusal = self._not_now(choice) or self._parts.desk.uncalibrated()
        refusal = refusal or self._session.refusal(self._parts.clock.boottime_ns())
        if refusal is None:
            self._screen_pushes -= 1
            self._give(Pushed(self._screen_pushes))
        return refusal

    def _score(self, asked: Mottling) -> str | None:
        """Begin to look at a photo; returns in one sentence why not."""
        refusal = self._not_now(asked.choice)
        about = self._hands.about
        return refusal or (CHOSEN_ANEW if about is None else self._photos.begin(asked, about))

    def _not_now(self, choice: Choice) -> str | None:
        """Return in one sentence what keeps anything from being begun for `choice`."""
        if self._session.state not in STARTABLE:
            return MEASURES
        return CHOSEN_ANEW if self._parts.desk.current() != choice else self._obstacle()

    def _give(self, event: Event) -> None:
        """Let the session hear an event, and do what it says; what that brings about is heard at once."""
        actions = self._session.handle(event, self._parts.clock.boottime_ns())
        if isinstance(event, ProbeFailed):
            # A lease that ran out since no frames came is the camera's fault, and the record says so too.
            camera = event.lease_lost and self._session.state is State.CAMERA_FAULT
            self._teller.problem(NO_CAMERA if camera else event.sentence)
        for action in actions:
            for brought_about in self._hands.do(action):
                self._give(brought_about)

    def _obstacle(self) -> str | None:
        """Look who is chosen and whether the journal serves; return what of it keeps a push from starting anything."""
        found = self._parts.desk.about()
        about, unfit = (None, found) if isinstance(found, str) else (found, None)
        self._hands.about = about
        self._session.follow(None if about is None else Plan(about.protocol, about.target_kpa))
        return self._keeper.refusal or self._full() or unfit

    def _full(self) -> str | None:
        try:
            free_mb = shutil.disk_usage(self._habits.journal_folder).free // MEGABYTE
        except OSError:
            return None  # a folder that is not there is the journal's to say
        enough = free_mb >= self._habits.minimum_free_mb
        return None if enough else f"Only {free_mb} MB are free. Call the study engineer."

    def _look_around(self, now_ns: int) -> None:
        """Find out whether a push could start a measurement, and for whom."""
        self._looked_ns = now_ns
        self._photos.tidy()
        if self._keeper.journal is not None and not self._counted:
            self._counted = True
            self._teller.completed = completed_in(self._keeper.journal)
        choice = self._parts.desk.current()
        if choice != self._choice:
            self._choice = choice
            self._teller.choice(choice)
        self._refusal = self._obstacle() or self._parts.desk.uncalibrated() or self._session.refusal(now_ns)
        trouble = (self._hands.recorder.trouble, self._parts.panel.trouble)
        for words in trouble:
            if words is not None and words not in self._trouble:
                self._teller.problem(words)
        self._trouble = trouble

    def _committed(self, record: JournalRecord) -> None:
        self._teller.committed(record, self._photos.committed(record))
        self._unjudged.append(record.content)

    def _tell_verdicts(self) -> None:
        """Tell what a subject's readings come to, after the reading itself, which waits for nothing."""
        while self._unjudged and self._keeper.journal is not None:
            record = self._unjudged.pop(0)
            found = verdict_after(record, self._keeper.journal, self._parts.desk.machine, self._choice)
            if found is not None:
                self._teller.tell("verdict", **found)
