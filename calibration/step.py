"""One step of a calibration: what the engineer does, what is then measured, and what comes of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from calibration.rig import Rig, Target
from contract.certificate import StepName, StepOutcome
from firmware_config.device import DeviceConfig

Language = Literal["en", "fr"]
Say = Callable[[str], None]
"""Takes one line about what is happening, for the engineer."""


@dataclass(frozen=True)
class Words:
    """The same in English and French."""

    en: str
    fr: str

    def in_(self, language: Language) -> str:
        """Return the words of a language."""
        return self.fr if language == "fr" else self.en


@dataclass(frozen=True)
class Question:
    """A number that only the engineer can tell, as what the manometer shows; within limits, inclusive."""

    words: Words
    unit: str
    at_least: float
    at_most: float
    shown: float | None = None
    """What the reference of a simulated machine shows; None on a real one."""


class Ask(Protocol):
    """Asks the engineer and waits for the answer."""

    def __call__(self, question: Question) -> float:
        """Return the answer, which is within the question's limits."""


@dataclass(frozen=True)
class Bench:
    """What a step works with. `before` are the outcomes of the steps already done in this calibration."""

    rig: Rig
    device: DeviceConfig
    ask: Ask
    say: Say
    before: Mapping[StepName, StepOutcome]
    operator: str | None = None
    """Whose calibration it is, a code."""


@dataclass(frozen=True)
class Step:
    """One step. `run` measures and judges; it raises `RigError` where the machine could not, which may be repeated."""

    name: StepName
    target: Target
    title: Words
    instruction: Words
    run: Callable[[Bench], StepOutcome]
    optional: bool = False
    """Whether a certificate may do without it, because not every machine has what it needs."""


COVERAGE_FACTOR: Final = 2.0
"""k of every expanded uncertainty (JCGM 100:2008, 6.3.3: about 95 %)."""
