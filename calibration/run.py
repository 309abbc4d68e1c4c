"""One calibration, step by step, such that it may be killed at any instant and gone on with.

First every step of the plan; then what they correct is proposed and written; then the steps that measured what was
corrected, and the one from end to end, are done again, under the new configuration, and these outcomes count. The
caller talks to the engineer.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from calibration.rig import Rig, RigError
from calibration.state import Begun, Certified, Change, Correcting, Event, Measured, RunError, RunFiles, Skipped, Who
from calibration.step import Ask, Bench, Say, Step
from contract.certificate import StepName, StepOutcome
from firmware_config.device import DeviceConfig

LASTS: Final = timedelta(hours=24)
"""After this the first steps say little about the machine that the last ones see."""
CLOCK_MAY_STEP_BACK: Final = timedelta(hours=1)


class Run:
    """A calibration under way: what was done, and what is left. Make it with `begin` or `resume`; close it."""

    def __init__(self, files: RunFiles, steps: Sequence[Step]) -> None:
        self._files = files
        self._steps = tuple(steps)

    @property
    def who(self) -> Who:
        """What it belongs to."""
        return self._begun.who

    @property
    def began_at(self) -> datetime:
        """When it began."""
        return self._begun.at

    @property
    def _begun(self) -> Begun:
        begun = self._files.events[0]
        if not isinstance(begun, Begun):  # `read` would not have returned
            raise RunError(f"{self._files.folder}: its beginning is missing")
        return begun

    @property
    def outcomes(self) -> dict[StepName, StepOutcome]:
        """The last outcome of every step that was done."""
        return {event.outcome.step: event.outcome for event in self._files.events if isinstance(event, Measured)}

    @property
    def skipped(self) -> dict[StepName, str]:
        """Steps that were left out, and why; one that was done afterwards is not among them."""
        found: dict[StepName, str] = {}
        for event in self._files.events:
            if isinstance(event, Skipped):
                found[event.step] = event.why
            elif isinstance(event, Measured):
                found.pop(event.outcome.step, None)
        return found

    @property
    def correcting(self) -> Correcting | None:
        """What the engineer answered to the corrections, None before that."""
        return next((event for event in reversed(self._files.events) if isinstance(event, Correcting)), None)

    @property
    def certified(self) -> Certified | None:
        """What ended it, None where it is under way."""
        last = self._files.events[-1]
        return last if isinstance(last, Certified) else None

    def in_force(self, configuration_sha256: str) -> bool:
        """Whether the corrections that were agreed to are in the configuration of this hash."""
        return self.correcting is not None and self.correcting.new_sha256 == configuration_sha256

    def left(self) -> list[Step]:
        """Return the steps still to be done, in order: of the plan, or to verify once corrections are answered."""
        if self.correcting is None:
            done = {*self.outcomes, *self.skipped}
            return [step for step in self._steps if step.name not in done]
        place = self._files.events.index(self.correcting)
        since = {event.outcome.step for event in self._files.events[place:] if isinstance(event, Measured)}
        again = _again(self.correcting, self._files.events[:place])
        return [step for step in self._steps if step.name in again - since]

    def measure(self, step: Step, rig: Rig, device: DeviceConfig, ask: Ask, say: Say) -> StepOutcome:
        """Do one step and return its outcome, not yet kept; raises `RigError` where the machine could not."""
        rig.put(step.target)
        # A verification judges what the configuration now says, not what the step found before.
        before = {name: found for name, found in self.outcomes.items() if name is not step.name}
        outcome = step.run(Bench(rig, device, ask, say, before, self.who.operator))
        if outcome.step is not step.name:
            raise RigError(f"{step.name} gave an outcome of {outcome.step}")
        return outcome

    def keep(self, outcome: StepOutcome) -> None:
        """Keep an outcome, on the disk on return: the last one of a step counts."""
        self._files.add(Measured(outcome=outcome))

    def skip(self, step: Step, why: str, now: datetime) -> None:
        """Leave a step out; raises `RunError` for one that a certificate needs."""
        if not step.optional:
            raise RunError(f"{step.name}: a certificate needs this step")
        self._files.add(Skipped(at=now, step=step.name, why=why[:300]))

    def answer(self, changes: Sequence[Change], old_sha256: str, new_sha256: str, now: datetime) -> None:
        """Keep what the engineer agreed to, before the configuration is written; no changes: declined."""
        self._files.add(Correcting(at=now, changes=tuple(changes), old_sha256=old_sha256, new_sha256=new_sha256))

    def end(self, certificate: str, passed: bool, now: datetime) -> None:
        """The certificate is stored: put the run among the earlier ones."""
        self._files.add(Certified(at=now, certificate=certificate, passed=passed))
        self._files.put_aside(self.began_at)

    def close(self) -> None:
        """Let go of the run's files; it may be resumed."""
        self._files.close()


def _again(correcting: Correcting, before: Sequence[Event]) -> set[StepName]:
    """Return the steps to be done again after corrections: all that named a key which was changed.

    A step named it too where another one's value was written in the end: what it found does not hold any more. What is
    measured from end to end depends on all of them.
    """
    keys = {change.key for change in correcting.changes}
    if not keys:
        return set()
    last = {event.outcome.step: event.outcome for event in before if isinstance(event, Measured)}
    return {step for step, outcome in last.items() if keys & outcome.corrections.keys()} | {StepName.END_TO_END}


@contextmanager
def _opened(folder: Path) -> Iterator[RunFiles]:
    """Take a run's files; let go of them where something stands in the way."""
    files = RunFiles(folder / "run").open()
    try:
        yield files
    except BaseException:
        files.close()
        raise


def begin(folder: Path, who: Who, sha256: str, steps: Sequence[Step], now: datetime, fresh: bool = False) -> Run:
    """Begin a calibration in `folder`; raises `RunError` where one is under way there, unless `fresh` puts it aside."""
    with _opened(folder) as files:
        if fresh:
            files.put_aside(now)
        files.read()
        if files.events and isinstance(files.events[-1], Certified):  # killed before it was put aside
            files.put_aside(now)
        if files.events:
            done = len({event.outcome.step for event in files.events if isinstance(event, Measured)})
            raise RunError(
                f"a calibration is under way here, {done} of {len(steps)} steps done: "
                "go on with --resume, or throw it away with --fresh"
            )
        files.add(Begun(at=now, who=who, configuration_sha256=sha256))
        return Run(files, steps)


def resume(folder: Path, who: Mapping[str, object], sha256: str, steps: Sequence[Step], now: datetime) -> Run:
    """Go on with the calibration in `folder`; `who` are the fields of `Who` that must still be so.

    Raises `RunError`: there is none, it is over, altered, too old, or of another device, software or configuration.
    """
    with _opened(folder) as files:
        files.read()
        if not files.events:
            raise RunError("no calibration is under way here: begin one without --resume")
        run = Run(files, steps)
        why = _refused(run, who, sha256, now)
        if why is not None:
            raise RunError(f"this calibration cannot be gone on with: {why}; throw it away with --fresh")
        if run.correcting is not None and not run.in_force(sha256):
            # It was killed before the configuration was written: the engineer is asked again.
            files.forget_last()
        return run


def _refused(run: Run, who: Mapping[str, object], sha256: str, now: datetime) -> str | None:
    if run.certified is not None:
        return f"it is over: {run.certified.certificate}"
    own = run.who.model_dump()
    for field, value in who.items():
        if own[field] != value:
            return f"it began with {field.replace('_', ' ')} {_said(own[field])}, and this is {_said(value)}"
    if now - run.began_at > LASTS:
        return f"it began more than {LASTS.total_seconds() / 3600:g} h ago, at {run.began_at:%Y-%m-%d %H:%M}Z"
    if run.began_at - now > CLOCK_MAY_STEP_BACK:
        return f"it began at {run.began_at:%Y-%m-%d %H:%M}Z, which by this machine's clock is still to come"
    correcting = run.correcting
    if correcting is None:
        expected = {run._begun.configuration_sha256}
    elif run._files.events[-1] is correcting:
        expected = {correcting.old_sha256, correcting.new_sha256}
    else:
        expected = {correcting.new_sha256}
    return None if sha256 in expected else "the device's configuration was changed since"


def _said(value: object) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
