"""Corrections asked of root by a page that may not write the device file: a file with what was agreed, and an answer.

The page lays its request into the calibration's folder. `refill calibrate apply`, which systemd starts as root, holds
it against the device file and answers in a folder of root's. Nothing in the request is believed: only what steps
correct may be asked for, and it must fit the file as it is now.
"""

import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from pydantic import Field, ValidationError

from calibration.apply import CORRECTABLE, ApplyError, corrected, value_in, write_corrections
from calibration.run import LASTS
from calibration.state import Change
from calibration.whole_file import write_whole
from contract.identifiers import Sha256
from contract.record import Record
from contract.times import Time
from firmware_config.device import DeviceConfig, load_device
from firmware_config.loading import ConfigurationError

REQUEST: Final = "corrections.json"
ANSWER: Final = "answer.json"
ANSWERS: Final = Path("/run/refill-calibrate-apply")
"""The folder of root's answers (`refill-calibrate-apply.service`)."""
LARGEST_BYTES: Final = 16_384
WAITS_S: Final = 30.0
"""Python and its modules, from a slow SD card, take up to 8 s."""
LOOKS_EVERY_S: Final = 0.2
GAIN_FROM, GAIN_TO = 0.95, 1.05
"""The gain moves the limit at which the probe lets go: what is beyond these, root writes at the terminal or nobody."""

Hash = Callable[[DeviceConfig], str]


class Request(Record):
    """What the engineer agreed to at the page."""

    request_id: UUID
    at: Time
    changes: tuple[Change, ...] = Field(min_length=1, max_length=20)
    old_sha256: Sha256 = Field(description="of what calibration depends on, before")
    new_sha256: Sha256 = Field(description="the same, after")


class Answer(Record):
    """What came of a request: the copy of the file as it was, or in one sentence why nothing was written."""

    request_id: UUID
    backup: str | None = None
    trouble: str | None = None


@dataclass(frozen=True)
class AskedOfRoot:
    """Writes corrections into `file` by a request in `folder`; in the form of `calibration.guide.Machine.write`."""

    file: Path
    folder: Path
    sha256: Hash
    now: Callable[[], datetime]
    answers: Path = ANSWERS
    waits_s: float = WAITS_S

    def __call__(self, device: DeviceConfig, changes: Sequence[Change]) -> Path:
        """Ask, and wait for the answer; returns where the file before is. Raises `ApplyError`.

        The answer is not believed either: the file has to say what was agreed to.
        """
        wanted = corrected(device, changes)
        if _loaded(self.file) != device:
            raise ApplyError(f"{self.file}: was changed while the device was calibrated")
        request = Request(
            request_id=uuid4(),
            at=self.now(),
            changes=tuple(changes),
            old_sha256=self.sha256(device),
            new_sha256=self.sha256(wanted),
        )
        path = self.folder / REQUEST
        try:
            write_whole(path, request.model_dump_json() + "\n")
        except OSError as error:
            raise ApplyError(f"{path}: {error.strerror or error}") from error
        answer = self._answer(request.request_id)
        with suppress(OSError):
            path.unlink()
        if answer.trouble is not None or answer.backup is None:
            raise ApplyError(answer.trouble or f"{self.file}: was not written")
        if _loaded(self.file) != wanted:
            raise ApplyError(f"{self.file}: does not say what was agreed to")
        return self.file.with_name(answer.backup)

    def _answer(self, request_id: UUID) -> Answer:
        """Wait for the answer; raises `ApplyError` where there is none in time, and leaves the request where it is."""
        end_s = time.monotonic() + self.waits_s
        while time.monotonic() < end_s:
            answer = last_answer(self.answers)
            if answer is not None and answer.request_id == request_id:
                return answer
            time.sleep(LOOKS_EVERY_S)
        raise ApplyError(
            f"{self.file}: nobody has written the corrections within {self.waits_s:g} s: "
            "sudo refill calibrate apply at a terminal writes them, then go on here"
        )


def last_answer(answers: Path) -> Answer | None:
    """Return the last answer that was given, None where there is none that can be read."""
    try:
        return Answer.model_validate_json((answers / ANSWER).read_bytes())
    except (OSError, ValidationError):
        return None


def answer_request(file: Path, folder: Path, sha256: Hash, now: datetime, answers: Path) -> Answer | None:
    """Write what the request in `folder` asks for into the device file, and answer it; None: nothing is asked.

    A request is answered once. Raises `ApplyError` where it cannot be read, and `OSError` where the answer cannot be
    written.
    """
    request = read_request(folder)
    if request is None:
        return None
    given = last_answer(answers)
    if given is not None and given.request_id == request.request_id:
        return given
    try:
        answer = Answer(request_id=request.request_id, backup=_carried_out(request, file, sha256, now).name)
    except ApplyError as error:
        answer = Answer(request_id=request.request_id, trouble=str(error))
    answers.mkdir(mode=0o755, parents=True, exist_ok=True)
    write_whole(answers / ANSWER, answer.model_dump_json() + "\n", 0o644)
    return answer


def read_request(folder: Path) -> Request | None:
    """Return the request, None where there is none; raises `ApplyError` for anything that is no small file of ours.

    Through no link, and what it holds is never repeated: it may be somebody else's.
    """
    path = folder / REQUEST
    try:
        content = _content(folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ApplyError(f"{path}: {error.strerror or error}") from error
    if content is None or len(content) > LARGEST_BYTES:
        raise ApplyError(f"{path}: is no file, or larger than {LARGEST_BYTES} bytes")
    try:
        return Request.model_validate_json(content)
    except ValidationError:
        raise ApplyError(f"{path}: is no request for corrections") from None


def _content(folder: Path) -> bytes | None:
    """Return at most one byte more than may be; None for what is no file. Nobody is waited for at a pipe."""
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        handle = os.open(REQUEST, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    finally:
        os.close(at)
    with os.fdopen(handle, "rb") as file:
        return file.read(LARGEST_BYTES + 1) if stat.S_ISREG(os.fstat(handle).st_mode) else None


def _carried_out(request: Request, file: Path, sha256: Hash, now: datetime) -> Path:
    """Write the corrections; returns where the file before is. Raises `ApplyError` where it does not fit the file."""
    if abs(now - request.at) > LASTS:
        raise ApplyError(f"the corrections were agreed to at {request.at:%Y-%m-%d %H:%M}Z, which is not of today")
    device = _loaded(file)
    content = device.model_dump()
    for change in request.changes:
        if change.key not in CORRECTABLE:
            raise ApplyError(f"{change.key}: is nothing that a calibration corrects")
        if change.key == "pressure_sensor.gain" and not _within(change.new):
            raise ApplyError(f"{change.key}: is not within {GAIN_FROM:g} to {GAIN_TO:g}")
        if value_in(content, change.key) != change.old:
            raise ApplyError(f"{file}: {change.key}: is not what it was when the corrections were agreed to")
    if sha256(device) != request.old_sha256:
        raise ApplyError(f"{file}: was changed while the device was calibrated")
    if sha256(corrected(device, request.changes)) != request.new_sha256:
        raise ApplyError(f"{file}: would not say what was agreed to")
    return write_corrections(file, device, request.changes, now)


def _within(gain: object) -> bool:
    return isinstance(gain, int | float) and GAIN_FROM <= gain <= GAIN_TO


def _loaded(file: Path) -> DeviceConfig:
    try:
        return load_device(file)
    except ConfigurationError as error:
        raise ApplyError(str(error).splitlines()[0]) from error
