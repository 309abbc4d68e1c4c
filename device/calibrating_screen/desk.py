"""The engineer at the page, as `calibration.guide` asks them: each call waits until a page has answered.

The calls come from the calibration's thread, the answers from the server's loop.
"""

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from calibration.guide import Next
from calibration.state import Change
from calibration.step import Question, Step
from contract.certificate import StepOutcome

Answer = TypeVar("Answer")
MOST_LINES: int = 8


class StoppedError(Exception):
    """The engineer, or the end of the program, stopped here; what was kept can be gone on with."""


class Prompt(Generic[Answer]):
    """Something that waits for the engineer."""

    def read(self, given: object) -> Answer | None:
        """Return the answer that was given, or None where it is none."""
        raise NotImplementedError


@dataclass(frozen=True)
class Ready(Prompt[bool]):
    """Something is to be put in place."""

    step: Step

    def read(self, given: object) -> bool | None:
        """Return True: it is in place."""
        return True if given is True else None


@dataclass(frozen=True)
class Asking(Prompt[float]):
    """A number is to be read off."""

    step: Step
    question: Question

    def read(self, given: object) -> float | None:
        """Return the number of a text as it is typed, with a point or a comma, or None: no number, or beyond limits."""
        try:
            value = float(str(given).replace(",", "."))
        except ValueError:
            return None
        within = math.isfinite(value) and self.question.at_least <= value <= self.question.at_most
        return value if within else None


@dataclass(frozen=True)
class Shown(Prompt[Next]):
    """A step was measured."""

    step: Step
    outcome: StepOutcome

    def read(self, given: object) -> Next | None:
        """Return whether it is to be repeated."""
        return given if isinstance(given, Next) else None


@dataclass(frozen=True)
class CouldNot(Prompt[Next]):
    """The machine could not do a step."""

    step: Step
    why: str

    def read(self, given: object) -> Next | None:
        """Return whether it is to be repeated."""
        return given if isinstance(given, Next) else None


@dataclass(frozen=True)
class Agreeing(Prompt[bool]):
    """Corrections are proposed."""

    changes: tuple[Change, ...]

    def read(self, given: object) -> bool | None:
        """Return whether they are to be written."""
        return given if isinstance(given, bool) else None


@dataclass(frozen=True)
class Moment:
    """What the desk shows at one moment. `asked` is None while something is measured; `number` tells prompts apart."""

    asked: Prompt[Any] | None = None
    number: int = 0
    step: Step | None = None
    """The step that is measured or asked about."""
    said: tuple[str, ...] = ()
    since_s: float = 0.0
    """When measuring began, s on the desk's clock."""
    backup: Path | None = None
    """Where the device file is as it was before the corrections."""


class PageDesk:
    """Satisfies `calibration.guide.Desk`. Safe in any thread."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._turn = threading.Condition()
        self._moment = Moment()
        self._given: Any = None
        self._stopped = False

    @property
    def moment(self) -> Moment:
        """What is shown now."""
        with self._turn:
            return self._moment

    def answer(self, number: int, given: object) -> bool:
        """Answer the prompt of this number; False: it stands no more, as for a second tap, or that is no answer."""
        with self._turn:
            now = self._moment
            read = now.asked.read(given) if now.asked is not None and now.number == number else None
            if read is None:
                return False
            self._given = read
            self._change(asked=None, since_s=self._now_s())
            self._turn.notify_all()
            return True

    def stop(self) -> None:
        """End the calibration at its next word: every wait raises `StoppedError` from now on."""
        with self._turn:
            self._stopped = True
            self._turn.notify_all()

    def ready(self, step: Step, place: int, of: int) -> None:
        """Wait until it is in place; the page counts within the whole plan, not within what is left."""
        del place, of
        self._wait(Ready(step), step)
        with self._turn:
            self._change(said=())

    def ask(self, step: Step, question: Question) -> float:
        """Wait for a number within the question's limits."""
        return self._wait(Asking(step, question), step)

    def say(self, line: str) -> None:
        """Show a line, the last few of them."""
        with self._turn:
            self._refuse_stopped()
            self._change(said=(*self._moment.said, line)[-MOST_LINES:])

    def shown(self, step: Step, outcome: StepOutcome) -> Next:
        """Wait for what is wanted after a step."""
        return self._wait(Shown(step, outcome), step)

    def could_not(self, step: Step, why: str) -> Next:
        """Wait for what is wanted where the machine could not."""
        return self._wait(CouldNot(step, why), step)

    def agree(self, changes: Sequence[Change]) -> bool:
        """Wait for a yes or a no."""
        return self._wait(Agreeing(tuple(changes)), None)

    def written(self, backup: Path) -> None:
        """Show from now on where the file before is."""
        with self._turn:
            self._change(backup=backup)

    def _wait(self, prompt: Prompt[Answer], step: Step | None) -> Answer:
        with self._turn:
            self._refuse_stopped()
            number = self._moment.number + 1
            self._change(asked=prompt, number=number, step=step)
            self._turn.wait_for(lambda: self._stopped or self._moment.asked is None)
            self._refuse_stopped()
            given: Answer = self._given
            return given

    def _refuse_stopped(self) -> None:
        if self._stopped:
            raise StoppedError

    def _change(self, **values: Any) -> None:
        self._moment = replace(self._moment, **values)
