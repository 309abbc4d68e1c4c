"""The inbox: a folder beside the console's socket. Photos of legs come by it, and pictures of what was found go.

A socket's line is too short for a photo. The folder is the bedside's user's alone and lies where a restart of the
machine empties it; whatever has lain in it for minutes is removed. What is kept of a photo is in the journal.
"""

import contextlib
import os
import re
import stat
import time
from pathlib import Path

MOST_BYTES: int = 25_000_000
KEPT_S: float = 600.0
"""What nobody has fetched or scored by then is removed."""
NAMES = re.compile(r"[0-9a-f-]{36}(\.map)?\.(jpg|png)")
"""Names that are ours; nothing else in the folder is ever touched."""
UNFINISHED = re.compile(rf"\.{NAMES.pattern}\.new")
"""What a process that was killed has left of one."""


class InboxError(Exception):
    """What was named is not there, or is not to be taken; the text is one sentence."""


class TooLargeError(InboxError):
    """A file is larger than a photo may be."""


def inbox_of(console: Path) -> Path:
    """Return the inbox that goes with a console's socket."""
    return console.with_name("photos")


def make(inbox: Path) -> None:
    """Have the folder, for its owner alone; raises `OSError`."""
    inbox.mkdir(mode=0o700, parents=True, exist_ok=True)


def take(inbox: Path, name: str) -> bytes:
    """Return the content of a file in the inbox; raises `InboxError` for a link, a folder or more than `MOST_BYTES`."""
    if NAMES.fullmatch(name) is None:
        raise InboxError("There is no such photo.")
    try:
        descriptor = os.open(inbox / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InboxError("There is no such photo.")
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InboxError(f"The photo could not be read: {error.strerror or error}.") from error
    if len(content) > MOST_BYTES:
        raise TooLargeError(f"The photo is larger than {MOST_BYTES // 1_000_000} MB.")
    return content


def put(inbox: Path, name: str, content: bytes) -> None:
    """Write a file that appears under its name once it is whole; raises `OSError`."""
    fresh = inbox / f".{name}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        fresh.replace(inbox / name)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise


def remove(inbox: Path, name: str) -> None:
    """Remove a file of ours; none of that name is no error."""
    if NAMES.fullmatch(name):
        with contextlib.suppress(OSError):
            (inbox / name).unlink()


def sweep(inbox: Path, older_than_s: float = KEPT_S) -> None:
    """Remove what has lain in the inbox for longer."""
    with contextlib.suppress(OSError):
        for file in list(inbox.iterdir()):
            with contextlib.suppress(OSError):
                if abs(time.time() - file.stat().st_mtime) > older_than_s:
                    remove(inbox, file.name)
                    if UNFINISHED.fullmatch(file.name):
                        file.unlink()
