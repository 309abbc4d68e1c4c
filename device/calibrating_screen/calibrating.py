"""The one calibration of this process: where it is, and the thread in which it measures. Every page shows the same.

The server's loop asks `seen`, and never waits: what measures waits in its own thread for a page, or for no page at all.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum

from calibration.apply import ApplyError
from calibration.guide import carry_out
from calibration.rig import RigError
from calibration.run import Run
from calibration.state import RunError
from calibration.step import Words
from contract.certificate import StepName
from device.calibrating_screen.desk import Moment, PageDesk, StoppedError
from device.calibrating_screen.start import How, Made, Site, SiteError, Start, look
from firmware_config.loading import ConfigurationError

END_S: float = 10.0
"""How long the end of the program waits for the machine to be let go of."""
UNEXPECTED: Words = Words(
    "The program has a fault: it is in the log. What was measured is kept.",
    "Le programme a un défaut : il est dans le journal système. Ce qui a été mesuré est conservé.",
)
MOST_TYPED: int = 24


class Phase(StrEnum):
    """Which part of the page is shown."""

    START = "start"
    SURE = "sure"
    OPERATOR = "operator"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True)
class Ended:
    """What a calibration came to."""

    made: Made
    left_out: Mapping[StepName, str]


@dataclass(frozen=True)
class Seen:
    """Everything that a page shows of it. `key` changes where the page has to be drawn anew."""

    key: object
    phase: Phase
    start: Start | None
    moment: Moment
    again: bool
    """Whether steps are done again, under a corrected configuration."""
    marks: tuple[bool | None, ...]
    """Of each step of the plan: passed, failed, or None: not done or left out."""
    trouble: Words | None
    ended: Ended | None


class Calibrating:
    """Safe in any thread. `now_s` is a steady clock."""

    def __init__(self, site: Site, now_s: Callable[[], float]) -> None:
        self.site = site
        self.now_s = now_s
        self.typed = ""
        """What is being typed, on whichever page: kept here, a reload does not lose it."""
        self._lock = threading.Lock()
        self._files = threading.Lock()
        """Of the run's files, which are taken for a look too: that must not stand in the way of a beginning."""
        self._phase = Phase.START
        self._how = How.BEGIN
        self._start: Start | None = None
        self._desk = PageDesk(now_s)
        self._run: Run | None = None
        self._trouble: Words | None = None
        self._ended: Ended | None = None
        self._turns = 0
        self._thread: threading.Thread | None = None

    def seen(self) -> Seen:
        """Return what there is to see."""
        with self._lock:
            moment, run = self._desk.moment, self._run
            marks = self._marks(run)
            again = run is not None and run.correcting is not None
            key = (self._turns, moment.number, moment.asked is None, moment.step and moment.step.name)
            return Seen(key, self._phase, self._start, moment, again, marks, self._trouble, self._ended)

    def _marks(self, run: Run | None) -> tuple[bool | None, ...]:
        # The run belongs to the other thread, which only ever adds to its events.
        done = run.outcomes if run is not None else {}
        return tuple(done[step.name].passed if step.name in done else None for step in self.site.steps)

    def look(self) -> None:
        """See how things stand before a beginning; reads files, so not in the server's loop. Nothing while one runs."""
        with self._lock:
            if self._phase is Phase.RUNNING:
                return
        with self._files:
            start = look(self.site)
        with self._lock:
            if start != self._start:
                self._start = start
                self._turns += 1

    # what the page asks

    def choose(self, how: How) -> None:
        """Say how to begin. None is put aside before it was asked once more; one that goes on has its operator."""
        with self._lock:
            if self._phase is not Phase.START:
                return
            self._how, self.typed = how, ""
            following = {How.BEGIN: Phase.OPERATOR, How.FRESH: Phase.SURE, How.RESUME: Phase.START}
            self._go(following[how])
        if how is How.RESUME:
            self._begin(None)

    def sure(self) -> None:
        """Throw the interrupted one away; who begins is asked next."""
        with self._lock:
            if self._phase is Phase.SURE:
                self._go(Phase.OPERATOR)

    def back(self) -> None:
        """Go to the start: from a question before a beginning, or from an end."""
        with self._lock:
            if self._phase is not Phase.RUNNING:
                self.typed = ""
                self._go(Phase.START)

    def begin(self, operator: str) -> None:
        """Begin, as it was chosen; one that stands already is not begun twice."""
        if self._phase is Phase.OPERATOR:
            self._begin(operator)

    def answer(self, number: int, given: object) -> bool:
        """Answer the prompt of this number; False where it stands no more, or that is no answer."""
        taken = self._desk.answer(number, given)
        if taken:
            self.typed = ""
        return taken

    def stop(self) -> None:
        """Stop where it is; it can be gone on with."""
        self._desk.stop()

    def close(self) -> None:
        """The program ends: stop, and wait until the machine is let go of."""
        self.stop()
        if self._thread is not None:
            self._thread.join(END_S)

    # the thread

    def _begin(self, operator: str | None) -> None:
        with self._lock:
            if self._phase is Phase.RUNNING:
                return
            self._desk, self._run, self._ended = PageDesk(self.now_s), None, None
            self._go(Phase.RUNNING)
            words = (self._how, operator, self._desk)
            self._thread = threading.Thread(target=self._carry_out, args=words, name="calibration", daemon=True)
            self._thread.start()

    def _carry_out(self, how: How, operator: str | None, desk: PageDesk) -> None:
        trouble: Words | None = UNEXPECTED
        ended: Ended | None = None
        try:
            device = self.site.device()
            with self._files:
                opened = self.site.opened(device, how, operator)
            with closing(opened) as run:
                with self._lock:
                    self._run = run
                device = carry_out(run, self.site.machine, device, desk)
                left_out = run.skipped
                ended = Ended(self.site.certified(run, device), left_out)
            trouble = None
        except StoppedError:
            trouble = None
        except (ApplyError, ConfigurationError, RigError, RunError, SiteError) as error:
            trouble = Words(str(error), str(error))
        finally:
            with self._files:
                start = look(self.site)
            with self._lock:
                self._start, self._ended, self._run = start, ended, None
                self._go(Phase.START if ended is None else Phase.ENDED)
                self._trouble = trouble

    def _go(self, phase: Phase) -> None:
        """Show another part; a trouble is shown until somebody goes on."""
        self._phase, self._trouble = phase, None
        self._turns += 1
