"""The engineer at a terminal: what each step asks for and shows; and one who is not there, for a simulated device."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.prompt import Confirm, FloatPrompt
from rich.table import Table

from calibration.figures_text import configured, has_limits, limits, measured
from calibration.guide import Next

if TYPE_CHECKING:
    from calibration.state import Change
    from calibration.step import Language, Question, Step
    from contract.certificate import StepOutcome


class DeskError(Exception):
    """The engineer's answers cannot be had; the text is one sentence."""


class Terminal:
    """Asks at the terminal. Ctrl-C ends the run, which can be resumed."""

    def __init__(self, console: Console, language: Language) -> None:
        self._console = console
        self._language: Language = language

    def ready(self, step: Step, place: int, of: int) -> None:
        """Say what to do, and wait for Enter."""
        self._console.rule(f"{place}/{of}  {step.title.in_(self._language)}", align="left")
        self._console.print(step.instruction.in_(self._language))
        self._console.input("Enter when it is done: ")

    def ask(self, step: Step, question: Question) -> float:
        """Ask until the answer is within the limits."""
        del step
        limits = f"{question.at_least:g} to {question.at_most:g} {question.unit}"
        if question.shown is not None:
            self.say(f"the simulated reference shows {question.shown:g} {question.unit}")
        while True:
            answer = FloatPrompt.ask(f"{question.words.in_(self._language)} ({limits})", console=self._console)
            if question.at_least <= answer <= question.at_most:
                return answer
            self._console.print(f"{answer:g} is not within {limits}")

    def say(self, line: str) -> None:
        """Print what is happening."""
        self._console.print(f"  {line}", style="dim", highlight=False)

    def shown(self, step: Step, outcome: StepOutcome) -> Next:
        """Print figures and limits, and ask whether to repeat; what has failed is repeated unless told otherwise."""
        del step
        show(self._console, outcome)
        return _repeat(Confirm.ask("Repeat this step?", default=not outcome.passed, console=self._console))

    def could_not(self, step: Step, why: str) -> Next:
        """Print why, and ask whether to try again."""
        self._console.print(f"  could not: {why}", highlight=False)
        without = "leave it out" if step.optional else "fail"
        return _repeat(Confirm.ask(f"Try again? (no: {without})", default=True, console=self._console))

    def agree(self, changes: Sequence[Change]) -> bool:
        """Print old and new, and ask."""
        show_changes(self._console, changes)
        return Confirm.ask("Write these into the device file?", default=True, console=self._console)

    def written(self, backup: Path) -> None:
        """Print where the file before is."""
        self._console.print(f"written; the file as it was: {backup}", highlight=False, soft_wrap=True)


class Absent:
    """Says yes to everything, never repeats, and answers from a file."""

    def __init__(self, console: Console, language: Language, answers: Mapping[str, Iterable[float]]) -> None:
        self._console = console
        self._language: Language = language
        self._answers = {step: iter(values) for step, values in answers.items()}

    def ready(self, step: Step, place: int, of: int) -> None:
        """Print which step it is."""
        self._console.print(f"{place}/{of}  {step.title.in_(self._language)}", style="bold", highlight=False)

    def ask(self, step: Step, question: Question) -> float:
        """Return the next answer for this step; raises `DeskError` where there is none, or it is beyond the limits."""
        answer = next(self._answers.get(step.name, iter(())), question.shown)
        if answer is None:
            raise DeskError(f"{step.name}: {question.words.en} (there is no answer to this: --answers)")
        if not question.at_least <= answer <= question.at_most:
            limits = f"{question.at_least:g} to {question.at_most:g} {question.unit}"
            raise DeskError(f"{step.name}: {question.words.en} {answer:g} is not within {limits}")
        return answer

    def say(self, line: str) -> None:
        """Nobody is there to read it."""

    def shown(self, step: Step, outcome: StepOutcome) -> Next:
        """Print the figures, and go on."""
        del step
        show(self._console, outcome)
        return Next.GO_ON

    def could_not(self, step: Step, why: str) -> Next:
        """Print why, and go on."""
        self._console.print(f"  {'left out' if step.optional else 'failed'}: {why}", highlight=False)
        return Next.GO_ON

    def agree(self, changes: Sequence[Change]) -> bool:
        """Print old and new, and agree."""
        show_changes(self._console, changes)
        return True

    def written(self, backup: Path) -> None:
        """Print where the file before is."""
        self._console.print(f"written; the file as it was: {backup}", highlight=False, soft_wrap=True)


def _repeat(wanted: bool) -> Next:
    return Next.REPEAT if wanted else Next.GO_ON


PASSED: Final = {True: "✓ pass", False: "✗ FAIL"}


def show(console: Console, outcome: StepOutcome) -> None:
    """Print a step's figures, each with its limits."""
    if outcome.trouble is not None:
        console.print(f"  {PASSED[False]}: {outcome.trouble}", highlight=False)
    if not outcome.figures and outcome.trouble is not None:
        return
    table = Table(box=None, padding=(0, 2), show_header=False)
    for figure in outcome.figures:
        table.add_row(
            figure.name, measured(figure), limits(figure), PASSED[figure.passed] if has_limits(figure) else ""
        )
    console.print(table, highlight=False)


def show_changes(console: Console, changes: Sequence[Change]) -> None:
    """Print what the configuration says and is to say."""
    table = Table(box=None, padding=(0, 2))
    for head in ("key", "old", "new", "by step"):
        table.add_column(head)
    for change in changes:
        table.add_row(change.key, configured(change.old), configured(change.new), change.step)
    console.print(table, highlight=False)


def read_answers(path: Path) -> dict[str, list[float]]:
    """Return answers by step: a TOML file of `step = [numbers]`; raises `DeskError` naming file and key."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DeskError(f"{path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeskError(f"{path}: not TOML: {error}") from error
    for step, values in content.items():
        if not isinstance(values, list) or any(isinstance(each, bool | str | list | dict) for each in values):
            raise DeskError(f"{path}: {step}: is not an array of numbers")
    return {step: [float(each) for each in values] for step, values in content.items()}


def terminal() -> Console:
    """Return the terminal that everything is printed on."""
    return Console(file=sys.stdout, soft_wrap=False)
