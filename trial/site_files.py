"""Files of a site's folder, whole or not at all: written beside their place, brought to the disk, renamed."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

SECRET: int = 0o600
OPEN: int = 0o644
UNFINISHED: str = ".unfinished-"
"""What a kill leaves behind begins with this; the next command removes it."""


def write_whole(path: Path, content: bytes, mode: int = OPEN) -> None:
    """Write a file, or put another in its place: after a kill or a power cut it is the old one or the new one."""
    handle, name = tempfile.mkstemp(prefix=UNFINISHED, dir=path.parent)
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    sync(path.parent)


def folder_beside(place: Path, files: Mapping[str, tuple[bytes, int]]) -> Path:
    """Return a new folder (mode 0700) beside `place`, with these files and their modes; `place_whole` puts it there."""
    beside = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=place.parent))
    try:
        for name, (content, mode) in files.items():
            (beside / name).parent.mkdir(mode=0o700, exist_ok=True)
            write_whole(beside / name, content, mode)
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return beside


def place_whole(beside: Path, place: Path) -> None:
    """Give a finished folder its name; what stood there goes."""
    if place.is_dir():
        aside = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=place.parent))
        place.rename(aside / place.name)
        beside.rename(place)
        shutil.rmtree(aside)
    else:
        beside.rename(place)
    sync(place.parent)


def sweep(folder: Path) -> None:
    """Remove what a kill left unfinished in a folder that nobody else works in now."""
    for left in folder.glob(f"{UNFINISHED}*"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


def sync(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
