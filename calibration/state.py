"""A calibration under way, as files: one for each thing that happened, written whole, each holding the one before it.

The chain of hashes finds a file that was damaged, edited or left out in the middle. It is no signature: who can write
here can make another chain. What counts in the end is the certificate, and that is signed.
"""

import fcntl
import hashlib
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from calibration.whole_file import sync_folder, write_whole
from contract.certificate import Key, StepName, StepOutcome
from contract.identifiers import Sha256, Slug, VersionText
from contract.record import Record
from contract.times import Time

Value = float | int | tuple[float, ...]


class RunError(Exception):
    """A calibration cannot go on from what is in its folder; the text is one sentence that says what to do."""


class KeepingError(RunError):
    """What happened could not be kept: a folder or disk does not let it."""


class Who(Record):
    """What a run belongs to. A run is gone on with only where all of this is still so."""

    device: Slug
    software_version: VersionText
    simulated: bool
    operator: Slug = Field(description="operator code, never a name")


class Change(Record):
    """One value of the configuration that a step corrects; `old` is null where the file said nothing."""

    key: Key
    step: StepName
    old: Value | None
    new: Value


class Begun(Record):
    """The run began."""

    kind: Literal["begun"] = "begun"
    at: Time
    who: Who
    configuration_sha256: Sha256


class Measured(Record):
    """A step was done; repeated, the last one counts."""

    kind: Literal["measured"] = "measured"
    outcome: StepOutcome


class Skipped(Record):
    """A step that a certificate may do without was left out, because the machine could not."""

    kind: Literal["skipped"] = "skipped"
    at: Time
    step: StepName
    why: str = Field(max_length=300)


class Correcting(Record):
    """The engineer answered what was proposed. It is written before the configuration: only that file's own hash says
    whether the correction is in force. No changes: they were declined."""

    kind: Literal["correcting"] = "correcting"
    at: Time
    changes: tuple[Change, ...]
    old_sha256: Sha256
    new_sha256: Sha256


class Certified(Record):
    """The certificate was signed and stored: the run is over."""

    kind: Literal["certified"] = "certified"
    at: Time
    certificate: str = Field(max_length=200, description="name of its file")
    passed: bool


Event = Annotated[Begun | Measured | Skipped | Correcting | Certified, Field(discriminator="kind")]
_EVENTS: Final[TypeAdapter[Event]] = TypeAdapter(Event)
_START: Final = "0" * 64


class RunFiles:
    """The files of one run. Only one process has them at a time; a killed one lets go by itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self._last = _START
        self._lock: int | None = None

    def open(self) -> "RunFiles":
        """Take the folder and read what is there; raises `RunError` where it is taken, altered or not readable."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            lock = self.folder.parent / f".{self.folder.name}.lock"
            self._lock = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o640)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise RunError(f"{self.folder}: another calibration of this device is open: end that one first") from error
        except OSError as error:
            self.close()
            raise KeepingError(f"{error.filename or self.folder}: {error.strerror or error}") from error
        return self

    def read(self) -> None:
        """Read every event; raises `RunError` where a file is altered, missing in the middle or not readable."""
        self.events, self._last = [], _START
        for number, path in enumerate(sorted(self.folder.glob("[0-9]*.json"))):
            try:
                body, self._last = _unchained(path, number, self._last)
                self.events.append(_EVENTS.validate_json(body))
            except OSError as error:
                raise KeepingError(f"{path}: {error.strerror or error}") from error
            except (ValueError, KeyError, TypeError) as error:  # what is no JSON, or none of ours
                raise RunError(f"{path}: altered or damaged: throw this calibration away with --fresh") from error
        if self.events and not isinstance(self.events[0], Begun):
            raise RunError(f"{self.folder}: its beginning is missing: throw this calibration away with --fresh")

    def add(self, event: Event) -> None:
        """Write one event, on the disk on return; raises `RunError` where it cannot be written."""
        body = event.model_dump_json()
        sha256 = _chained(self._last, body)
        path = self.folder / f"{len(self.events):04d}-{event.kind}.json"
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            write_whole(path, json.dumps({"body": body, "sha256": sha256}))
        except OSError as error:
            raise KeepingError(f"{path}: {error.strerror or error}") from error
        self.events.append(event)
        self._last = sha256

    def forget_last(self) -> None:
        """Take the last event away, as if it had not been written; raises `RunError` where that cannot be."""
        path = self.folder / f"{len(self.events) - 1:04d}-{self.events[-1].kind}.json"
        try:
            path.unlink()
            sync_folder(self.folder)
        except OSError as error:
            raise KeepingError(f"{path}: {error.strerror or error}") from error
        self.read()

    def put_aside(self, now: datetime) -> Path | None:
        """Move the run among the earlier ones, and be empty; returns where it went, None where there was nothing."""
        self.events, self._last = [], _START
        if not any(self.folder.glob("[0-9]*.json")):
            return None
        aside = self.folder.parent / "runs" / f"{now:%Y%m%dT%H%M%S%f}"
        try:
            aside.parent.mkdir(exist_ok=True, mode=0o750)
            self.folder.rename(aside)
            sync_folder(self.folder.parent)
        except OSError as error:
            raise KeepingError(f"{error.filename or aside}: {error.strerror or error}") from error
        return aside

    def close(self) -> None:
        """Let go of the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _unchained(path: Path, number: int, previous: str) -> tuple[str, str]:
    """Return the body of an event's file, and its hash; raises `ValueError` where it is not what was written."""
    held = json.loads(path.read_text(encoding="utf-8"))
    body, sha256 = str(held["body"]), str(held["sha256"])
    if not path.name.startswith(f"{number:04d}-") or sha256 != _chained(previous, body):
        raise ValueError("is not what was written")
    return body, sha256


def _chained(previous: str, body: str) -> str:
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()
