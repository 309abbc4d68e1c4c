"""A calibration of three quick steps, one of which corrects something: for what has to hold however long steps are."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from picture_bench import PictureRig

from calibration.apply import write_corrections
from calibration.guide import Machine, Next
from calibration.rig import Rig, RigError, Target
from calibration.state import Change, Who
from calibration.step import Bench, Question, Step, Words
from contract.certificate import Figure, StepName, StepOutcome
from firmware_config.device import DEFAULT_PATH, DeviceConfig
from firmware_config.loading import content_sha256
from phantom.bench.picture_errors import PictureErrors

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
WHO = Who(device="refill-demo", software_version="1.0", simulated=True, operator="eng-1")
TRUE_ZERO_KPA = 0.8


def _zero(bench: Bench) -> StepOutcome:
    """A sensor that shows 0.8 kPa in air: found, and gone once the configuration says so."""
    left = TRUE_ZERO_KPA - bench.device.pressure_sensor.zero_kpa
    read = bench.ask(Question(Words("What does it show?", "Que montre-t-il ?"), "kPa", -1.0, 1.0))
    return StepOutcome(
        step=StepName.PRESSURE_ZERO,
        at=NOW,
        figures=(Figure(name="offset-kpa", value=left + read, unit="kPa", at_least=-0.1, at_most=0.1),),
        corrections={"pressure_sensor.zero_kpa": bench.device.pressure_sensor.zero_kpa + left},
    )


def _dark(bench: Bench) -> StepOutcome:
    bench.say("looking")
    return StepOutcome(step=StepName.CAMERA_DARK, at=NOW, figures=(Figure(name="level", value=0.5, at_most=1.0),))


def _ambient(bench: Bench) -> StepOutcome:
    raise RigError("There is no light pin.")


def step(name: StepName, run: Callable[[Bench], StepOutcome], optional: bool = False) -> Step:
    return Step(name, Target.NOTHING, Words(name, name), Words("Wait.", "Attendez."), run, optional)


STEPS = (
    step(StepName.PRESSURE_ZERO, _zero),
    step(StepName.LIGHT_AMBIENT, _ambient, optional=True),
    step(StepName.CAMERA_DARK, _dark),
)


@contextmanager
def rig(device: DeviceConfig) -> Iterator[Rig]:
    yield PictureRig(PictureErrors())


def machine(folder: Path) -> Machine:
    file = folder / "device.toml"
    if not file.exists():
        file.write_text(DEFAULT_PATH.read_text(encoding="utf-8"), encoding="utf-8")
    return Machine(file, rig, content_sha256, lambda: NOW, lambda was, new: write_corrections(file, was, new, NOW))


class Engineer:
    """Says yes to everything, and writes down what was shown; may be killed at its n-th call."""

    def __init__(self, agrees: bool = True, killed_at: int | None = None, repeats: int = 0) -> None:
        self.agrees = agrees
        self.heard: list[str] = []
        self._killed_at = killed_at
        self._repeats = repeats

    def _note(self, what: str) -> None:
        if len(self.heard) == self._killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.heard.append(what)

    def ready(self, step: Step, place: int, of: int) -> None:
        self._note(f"ready {step.name} {place}/{of}")

    def ask(self, step: Step, question: Question) -> float:
        self._note(f"ask {step.name} {question.unit}")
        return 0.0

    def say(self, line: str) -> None:
        self._note(f"say {line}")

    def shown(self, step: Step, outcome: StepOutcome) -> Next:
        self._note(f"shown {step.name} {'passed' if outcome.passed else 'failed'}")
        if self._repeats:
            self._repeats -= 1
            return Next.REPEAT
        return Next.GO_ON

    def could_not(self, step: Step, why: str) -> Next:
        self._note(f"could not {step.name}: {why}")
        return Next.GO_ON

    def agree(self, changes: Sequence[Change]) -> bool:
        self._note(f"agree {[(change.key, change.old, change.new) for change in changes]}")
        return self.agrees

    def written(self, backup: Path) -> None:
        self._note(f"written {backup.name}")
