"""What outlives the probe process: the latched fault, who cleared the last ones, and when the last presses were.

A small file, replaced whole and brought to the disk each time. What cannot be read counts as latched: it may have been
grave. Written by a thread of its own: an SD card may take longer over that than a lease lasts, and the main thread
carries the renewals. Nothing waits for it: what is vented is vented before anything is written.
"""

import hashlib
import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from device.clock import Clock
from device.probe.faults import FAULTS, FaultCode

FILE = "latch"
RETRY_S = 5.0
CLOSE_S = 2.0
MOST_CLEARED = 50
MOST_PRESSES = 16
_LONGEST = 65_536

_log = logging.getLogger("refill.probe")


class Cleared(BaseModel):
    """One fault that somebody cleared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: FaultCode
    operator: str | None = Field(description="operator code, never a name")
    utc: str = Field(description="ISO 8601")


class Memory(BaseModel):
    """What is kept. `presses_ns` is CLOCK_BOOTTIME of the boot that `boot_id` names, oldest first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(1, ge=1, le=1)
    boot_id: str = ""
    latched: FaultCode | None = None
    injected: bool = Field(False, description="whether only calibration's raised reading showed it")
    since_utc: str | None = Field(None, description="ISO 8601; when `latched` was first written down")
    presses_ns: tuple[int, ...] = Field((), max_length=MOST_PRESSES)
    cleared: tuple[Cleared, ...] = Field((), max_length=MOST_CLEARED, description="oldest first")


class UnreadableError(ValueError):
    """The file is there and cannot be believed. One line."""


def as_text(memory: Memory) -> str:
    """Return the file's text: the memory as JSON, and a check over it, a line each."""
    # Said only where it is so: a version that does not know the word can read every other file.
    text = memory.model_dump_json(exclude=None if memory.injected else {"injected"})
    return f"{text}\n{hashlib.sha256(text.encode()).hexdigest()}\n"


def from_text(text: str) -> Memory:
    """Return the memory that `as_text` has put into words; raises `UnreadableError` for anything else."""
    json, _, check = text.partition("\n")
    if check != hashlib.sha256(json.encode()).hexdigest() + "\n":
        raise UnreadableError("torn, or not written by the probe")
    try:
        return Memory.model_validate_json(json)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "file"
        raise UnreadableError(f"{where}: {error.errors()[0]['msg']}") from error


@dataclass(frozen=True)
class _Found:
    memory: Memory
    unreadable: str | None = None


def _look(path: Path) -> _Found:
    try:
        with path.open("rb") as file:
            return _Found(from_text(file.read(_LONGEST).decode()))
    except FileNotFoundError:
        return _Found(Memory())
    except OSError as error:
        if not os.access(f"{path.parent}/.", os.X_OK):
            # No folder that is ours, so nothing was ever kept there; that nothing will be is said when writing fails.
            return _Found(Memory())
        why = error.strerror or str(error)
    except ValueError as error:
        why = str(error)
    return _Found(Memory(latched=FaultCode.MEMORY_UNREADABLE), why)


def replace_file(path: Path, text: str) -> None:
    """Put `text` at `path` whole or not at all, and have it on the disk on return; raises `OSError`."""
    fresh = path.with_suffix(".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        os.write(handle, text.encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Keeper:
    """Reads the file on making, and keeps it in step with what it is told by `note` and `cleared`.

    Without a folder, or with one that cannot be written, everything goes on in memory, and `kept` says so.
    """

    def __init__(self, folder: Path | None, clock: Clock) -> None:
        self._path = None if folder is None else folder / FILE
        self._clock = clock
        self._changed = threading.Condition()
        self._ended = False
        self._thread: threading.Thread | None = None
        self._written: Memory | None = None
        self._problem: str | None = None
        found = _Found(Memory()) if self._path is None else _look(self._path)
        self._memory = self._of_this_boot(found.memory)
        if found.unreadable is not None:
            _log.error("%s: %s", self._path, found.unreadable)
            self._set_aside()
        elif self._memory.latched is not None:
            _log.error("%s, since %s: %s", self._memory.latched, self._memory.since_utc, self.sentence)

    @property
    def memory(self) -> Memory:
        """What is remembered now."""
        return self._memory

    @property
    def sentence(self) -> str:
        """What the latched fault says; empty where there is none."""
        latched = self._memory.latched
        return "" if latched is None else FAULTS[latched].english

    @property
    def kept(self) -> bool:
        """Whether what is remembered will be known to the next process. A write under way counts as made."""
        return self._path is not None and self._problem is None

    def note(self, latched: FaultCode | None, presses_ns: tuple[int, ...], *, injected: bool = False) -> None:
        """Remember these, where they are new; returns at once."""
        before = self._memory
        if (latched, presses_ns, injected) == (before.latched, before.presses_ns, before.injected):
            return
        since_utc = before.since_utc
        if latched != before.latched:
            since_utc = None if latched is None else self._utc()
        fresh = {"latched": latched, "injected": injected, "since_utc": since_utc, "presses_ns": presses_ns}
        self._remember(before.model_copy(update=fresh))

    def cleared(self, code: FaultCode, operator: str | None) -> None:
        """Remember that somebody has cleared `code`; returns at once."""
        fresh = Cleared(code=code, operator=operator, utc=self._utc())
        self._remember(self._memory.model_copy(update={"cleared": (*self._memory.cleared, fresh)[-MOST_CLEARED:]}))

    def write(self) -> None:
        """Bring what is remembered to the disk, where that is not done yet. Blocks for as long as the disk takes."""
        memory = self._memory
        if self._path is None or memory == self._written:
            return
        try:
            self._path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            replace_file(self._path, as_text(memory))
        except OSError as error:
            self._say_once(f"{self._path}: {error.strerror}; latched faults are kept in memory only")
            return
        self._written = memory
        self._problem = None

    def start(self) -> None:
        """Write once, so that it is known whether that works, and from now on by a thread."""
        if self._path is None:
            self._say_once("no state folder; latched faults are kept in memory only")
            return
        self.write()
        self._thread = threading.Thread(target=self._run, name="probe-keeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what is not written yet, waiting for that no longer than `CLOSE_S`."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(CLOSE_S)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ended or self._memory != self._written, RETRY_S)
                ended = self._ended
            self.write()
            if ended:
                return
            if self._problem is not None:
                with self._changed:
                    self._changed.wait_for(lambda: self._ended, RETRY_S)

    def _remember(self, memory: Memory) -> None:
        with self._changed:
            self._memory = memory
            self._changed.notify()

    def _of_this_boot(self, memory: Memory) -> Memory:
        """Return the memory without the presses of another boot: nothing tells how long ago they were."""
        boot_id, now_ns = str(self._clock.boot_id()), self._clock.boottime_ns()
        known = memory.presses_ns if memory.boot_id == boot_id else ()
        # One from the future would refuse presses until then.
        return memory.model_copy(update={"boot_id": boot_id, "presses_ns": tuple(min(t, now_ns) for t in known)})

    def _set_aside(self) -> None:
        """Keep the unreadable file beside the next one: somebody may want to know what it was."""
        if self._path is None:
            return
        try:
            self._path.replace(self._path.with_suffix(".unreadable"))
        except OSError as error:
            self._say_once(f"{self._path}: {error.strerror}; latched faults are kept in memory only")

    def _say_once(self, problem: str) -> None:
        if self._problem is None:
            _log.warning("%s", problem)
        self._problem = problem

    def _utc(self) -> str:
        return self._clock.now().isoformat(timespec="seconds")
