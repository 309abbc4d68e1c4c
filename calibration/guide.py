"""What happens in which order when an engineer calibrates a device: the same at a terminal and on the screen."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from calibration.apply import corrected, proposed
from calibration.rig import Rig, RigError
from calibration.run import Run
from calibration.state import Change
from calibration.step import Question, Step
from contract.certificate import StepName, StepOutcome
from firmware_config.device import DeviceConfig


class Next(StrEnum):
    """What the engineer wants after a step."""

    REPEAT = "repeat"
    GO_ON = "go_on"


class Desk(Protocol):
    """The engineer. Every call waits; an exception of the desk's own ends the run, which can be resumed."""

    def ready(self, step: Step, place: int, of: int) -> None:
        """Say what to do, and wait until it is done; `place` counts from 1 among the `of` steps of this phase."""

    def ask(self, step: Step, question: Question) -> float:
        """Return what the engineer reads off, within the question's limits."""

    def say(self, line: str) -> None:
        """Take a line about what is happening."""

    def shown(self, step: Step, outcome: StepOutcome) -> Next:
        """Show what came of a step."""

    def could_not(self, step: Step, why: str) -> Next:
        """Show why the machine could not do a step; going on leaves out an optional one, and fails another."""

    def agree(self, changes: Sequence[Change]) -> bool:
        """Show old and new values, and return whether they are to be written."""

    def written(self, backup: Path) -> None:
        """Tell that they were, and where the file before is."""


@dataclass(frozen=True)
class Machine:
    """The machine under calibration: its own device file, how to reach it, its clock."""

    file: Path
    rig: Callable[[DeviceConfig], AbstractContextManager[Rig]]
    sha256: Callable[[DeviceConfig], str]
    """The hash of what calibration depends on."""
    now: Callable[[], datetime]
    write: Callable[[DeviceConfig, Sequence[Change]], Path]
    """Writes changes into the device's file, which says what the device does; returns where the file before is."""


def carry_out(run: Run, machine: Machine, device: DeviceConfig, desk: Desk) -> DeviceConfig:
    """Do all that is left of a run but for its certificate; returns the device as it is configured in the end.

    Raises `RunError` or `ApplyError`, and `RigError` where the machine cannot be reached at all.
    """
    if run.correcting is None:
        measure(run, machine, device, desk, run.left())
        device = _correct(run, machine, device, desk)
    measure(run, machine, device, desk, run.left())
    return device


def measure(run: Run, machine: Machine, device: DeviceConfig, desk: Desk, steps: Sequence[Step]) -> None:
    """Do these steps one after another, each as often as the engineer wants, and keep what comes of them."""
    if not steps:
        return
    with machine.rig(device) as rig:
        for place, step in enumerate(steps, start=1):
            desk.ready(step, place, len(steps))
            while _once(run, machine, device, desk, rig, step) is Next.REPEAT:
                desk.ready(step, place, len(steps))


def _once(run: Run, machine: Machine, device: DeviceConfig, desk: Desk, rig: Rig, step: Step) -> Next:
    try:
        outcome = run.measure(step, rig, device, lambda question: desk.ask(step, question), desk.say)
    except RigError as trouble:
        wanted = desk.could_not(step, str(trouble))
        if wanted is Next.GO_ON:
            _without(run, step, str(trouble), machine.now())
        return wanted
    run.keep(outcome)
    return desk.shown(step, outcome)


def _without(run: Run, step: Step, why: str, now: datetime) -> None:
    """Go on without an outcome: an optional step is left out, another has not passed."""
    if step.optional:
        run.skip(step, why, now)
    else:
        run.keep(StepOutcome(step=step.name, at=now, trouble=why[:300]))


def corrections(run: Run, device: DeviceConfig) -> tuple[Change, ...]:
    """Return what is to be corrected, each by the last step that names its key; raises `ApplyError`."""
    return proposed(device, run.outcomes)


def _correct(run: Run, machine: Machine, device: DeviceConfig, desk: Desk) -> DeviceConfig:
    """Have the corrections agreed to, and write them: the run says so before the file is changed."""
    changes = corrections(run, device)
    if not changes:
        return device
    old = machine.sha256(device)
    if not desk.agree(changes):
        run.answer((), old, old, machine.now())
        return device
    after = corrected(device, changes)
    run.answer(changes, old, machine.sha256(after), machine.now())
    desk.written(machine.write(device, changes))
    return after


def results(run: Run, steps: Sequence[Step]) -> tuple[StepOutcome, ...]:
    """Return the outcomes that count, in the order of the plan."""
    outcomes: dict[StepName, StepOutcome] = run.outcomes
    return tuple(outcomes[step.name] for step in steps if step.name in outcomes)
