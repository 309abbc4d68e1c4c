"""Logging of every process: one line an event, for the journal of the system, and nobody can be told from it.

No line is meant to hold who was measured; that is for whoever writes it to see to. This is the second wall: what looks
like a subject, a record or a value that a check refused is masked in the finished line, an exception's text included.
"""

import logging
import os
import re
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import IO

MASK: str = "[masked]"
MAX_LINE: int = 2000
"""Characters: a line in the system's journal, not a dump."""
FRAMES: int = 4
"""Innermost places of an exception that are named."""
PRIORITIES: tuple[tuple[int, int], ...] = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)
"""Levels and their priorities for systemd: sd-daemon(3)."""
DEBUG_PRIORITY: int = 7

_KEYS = "inclusion|subject|norepinephrine_onset_at|input_value"
RECORD_KEY: re.Pattern[str] = re.compile(
    r"""["'](?:subject|inclusion|reading_id|schema_version|choice|body|crt_s)["']"""
)
"""A key of ours in quotes: what stands in braces around it is a record, or a part of one."""
MASKED: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "what pydantic says that it was given",
        re.compile(r"(?<=input_value=)(?:.*(?=, input_type=)|.*)"),
    ),
    (
        "a key of a person's with its value",
        re.compile(rf"""\b(?:{_KEYS})(?:[ _]number)?["']?\s*[:=]?\s*["']?(?=[\w+-]*\d)[\w:.+-]+""", re.IGNORECASE),
    ),
    ("site and inclusion number", re.compile(r"(?<![\w.:+-])\d{2,4}-\d{1,6}(?![\w-]|[.:]\d)")),
    ("a number with leading zeros, which no measure has", re.compile(r"(?<![\w.:+/-])0\d{2,5}(?![\w.:/-])")),
    ("six digits together, as an inclusion number may have", re.compile(r"(?<![\w.:+/-])\d{6}(?![\w.:/-])")),
)
"""What else is masked, and why; in this order."""


def configure(level: int = logging.INFO, stream: IO[str] | None = None) -> None:
    """Log to `stream` (standard error), what nobody caught included. Call it before any thread starts."""
    target = stream or sys.stderr
    handler = _ToStandardError() if stream is None else logging.StreamHandler(stream)
    handler.setFormatter(OneLine(priorities=_is_journal(target)))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(
        args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback, args.thread
    )


class _ToStandardError(logging.StreamHandler[IO[str]]):
    """Writes to what standard error is at that moment: a test that ran a command may have put it back since."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        self.stream = sys.stderr
        super().emit(record)


class OneLine(logging.Formatter):
    """Formats a record as one masked line, in front of it the priority where systemd's journal reads."""

    def __init__(self, *, priorities: bool = False) -> None:
        super().__init__("%(message)s")
        self._priorities = priorities

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. The record itself stays as it is, for other handlers."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text} [{in_words(record.exc_info[1])}]"
        line = masked(text)
        return f"<{priority(record.levelno)}>{line}" if self._priorities else line


def masked(text: str) -> str:
    """Return `text` on one line, of bounded length, without what looks like a person's data."""
    text = _without_records(text)
    for _, pattern in MASKED:
        text = pattern.sub(MASK, text)
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "?" for c in text).split())
    return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]} ..."


def _without_records(text: str) -> str:
    """Mask from the first brace before a key of ours to the last one after it, or to the end where a record was cut."""
    first = text.find("{")
    key = RECORD_KEY.search(text, first + 1) if first >= 0 else None
    if key is None:
        return text
    last = text.rfind("}")
    return text[:first] + MASK + (text[last + 1 :] if last > key.start() else "")


def in_words(error: BaseException) -> str:
    """Return an exception as its type, its text and where it came from, innermost place first; no source lines."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__}: {error}" + (f"; at {places}" if places else "")


def priority(level: int) -> int:
    """Return systemd's priority of a level."""
    return next((priority for least, priority in PRIORITIES if level >= least), DEBUG_PRIORITY)


def _is_journal(stream: IO[str]) -> bool:
    """Return whether what is written to `stream` goes to systemd's journal: it names device and inode of that pipe."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))


def _uncaught(
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    thread: threading.Thread | None = None,
) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    where = "the process" if thread is None else f"the thread {thread.name}"
    logging.getLogger(__name__).critical("%s ended by an error", where, exc_info=(kind, error, trace))
