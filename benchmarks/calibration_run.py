"""One calibration of one simulated device, as the product carries it out, but for the disk.

The same plan, run and guide: every step, then what they correct is applied, and the steps concerned are done again
under the new configuration. The end-to-end step would be done twice where anything was corrected, and the first time
not count: here it is done once, where it counts.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from calibration.apply import ApplyError, corrected
from calibration.guide import Machine, Next, corrections, measure
from calibration.plan import ALL_STEPS
from calibration.rig import Rig
from calibration.run import Run
from calibration.state import Begun, Change, Event, RunFiles, Who
from calibration.step import Question, Step
from contract.certificate import StepName, StepOutcome
from contract.version import __version__
from firmware_config.device import DeviceConfig
from phantom.bench.errors import Errors
from phantom.bench.rig import SimulatedRig

Outcomes = dict[StepName, StepOutcome]
NO_HASH: Final = "0" * 64
WHO: Final = Who(device="refill-demo", software_version=__version__, simulated=True, operator="eng-1")


@dataclass(frozen=True)
class Calibrated:
    """What came of a calibration: each step's first outcome and the one that counts, and the configuration in the end.

    `refused` says why corrections were not applied, None where they were or nothing was to be corrected.
    """

    first: Outcomes
    last: Outcomes
    before: DeviceConfig
    after: DeviceConfig
    changes: tuple[Change, ...]
    refused: str | None = None

    @property
    def passed(self) -> bool:
        """Whether every step that was done has passed in the end."""
        return all(outcome.passed for outcome in self.last.values())

    @property
    def failed(self) -> list[str]:
        """What did not pass in the end: step and figure, or step and why it could not be measured."""
        return [
            f"{step} {outcome.trouble or ', '.join(each.name for each in outcome.figures if not each.passed)}"
            for step, outcome in self.last.items()
            if not outcome.passed
        ]


class _InMemory(RunFiles):
    """A run's events, kept nowhere."""

    def __init__(self) -> None:
        super().__init__(Path("run"))

    def add(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)


class _Agrees:
    """An engineer who does all that is asked, reads what the simulated reference shows, and agrees."""

    def ready(self, step: Step, place: int, of: int) -> None:
        """Go on."""

    def ask(self, step: Step, question: Question) -> float:
        """Return what is shown."""
        if question.shown is None:
            raise ValueError(f"{step.name}: nobody is there to answer: {question.words.en}")
        return question.shown

    def say(self, line: str) -> None:
        """Take no note."""

    def shown(self, step: Step, outcome: StepOutcome) -> Next:  # noqa: ARG002 - the desk's words
        """Go on."""
        return Next.GO_ON

    def could_not(self, step: Step, why: str) -> Next:  # noqa: ARG002 - the desk's words
        """Go on without it."""
        return Next.GO_ON

    def agree(self, changes: Sequence[Change]) -> bool:  # noqa: ARG002 - the desk's words
        """Agree."""
        return True

    def written(self, backup: Path) -> None:
        """Go on."""


def calibrate(
    device: DeviceConfig, errors: Errors, seed: int, end_to_end: bool = True, steps: Sequence[Step] = ALL_STEPS
) -> Calibrated:
    """Calibrate one device; each phase has a rig with chances of its own, sized by `seed`."""
    phase = 0

    @contextmanager
    def rig(configured: DeviceConfig) -> Iterator[Rig]:
        nonlocal phase
        phase += 1
        yield SimulatedRig(configured, errors, 10 * seed + phase)

    files, now = _InMemory(), datetime.now(UTC)
    files.add(Begun(at=now, who=WHO, configuration_sha256=NO_HASH))
    run, desk = Run(files, steps), _Agrees()
    machine = Machine(Path("device.toml"), rig, lambda _: NO_HASH, lambda: datetime.now(UTC), _not_written)
    last_step = [step for step in steps if step.name is StepName.END_TO_END and end_to_end]
    measure(run, machine, device, desk, [step for step in steps if step.name is not StepName.END_TO_END])
    first = _bare(run.outcomes)
    after, changes, refused = device, tuple[Change, ...](), None
    try:
        changes = corrections(run, device)
        after = corrected(device, changes)
    except ApplyError as error:
        changes, refused = (), str(error)
    if changes:
        run.answer(changes, NO_HASH, NO_HASH, machine.now())
        again = [step for step in run.left() if step.name is not StepName.END_TO_END]
        measure(run, machine, after, desk, again + last_step)
    else:
        measure(run, machine, device, desk, last_step)
    last = _bare(run.outcomes)
    return Calibrated({**last, **first}, last, device, after, changes, refused)


def _not_written(device: DeviceConfig, changes: Sequence[Change]) -> Path:
    """Stand where a device file is written: here the corrected device goes on in memory."""
    raise ApplyError(f"{device.name}: {len(changes)} corrections have no file here")


def _bare(outcomes: Outcomes) -> Outcomes:
    """Leave the curves out: a campaign keeps many outcomes."""
    return {step: outcome.model_copy(update={"curves": ()}) for step, outcome in outcomes.items()}
