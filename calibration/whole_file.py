"""Files written whole or not at all, in folders that others may write too.

Root calibrates in a folder of the device's own user. A name that can be foreseen may be a link by then: whatever is
written goes into a file that was made here, and never through one that somebody laid there.
"""

import os
from contextlib import suppress
from pathlib import Path


def opened_anew(path: Path, mode: int = 0o640) -> int:
    """Return a descriptor to write at `path` to a file that was not there before, at most of `mode`; raises `OSError`.

    What is there, as of a process that was killed, is taken away; of a link the link, not what it leads to.
    """
    with suppress(FileNotFoundError):
        path.unlink()
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)


def write_whole(path: Path, text: str, mode: int = 0o640) -> None:
    """Put `text` at `path` whole or not at all, on the disk on return; raises `OSError`."""
    part = path.with_name(f".{path.name}.part")
    try:
        with os.fdopen(opened_anew(part, mode), "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have a folder's entries on the disk; raises `OSError`."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
