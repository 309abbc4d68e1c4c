"""A file that is written piece by piece and appears whole or not at all, with the hash of what was written."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class Written:
    """A file being written. `sha256` is of everything so far."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def write(self, text: str) -> None:
        """Write a text as UTF-8; raises `OSError`."""
        content = text.encode()
        self._hash.update(content)
        self._file.write(content)

    @property
    def sha256(self) -> str:
        """Return the hash of what was written, in hexadecimal."""
        return self._hash.hexdigest()


@contextmanager
def whole_file(path: Path) -> Iterator[Written]:
    """Open a file beside `path` that takes its name once everything is on the disk; raises `OSError`."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb", buffering=1 << 20) as file:
            yield Written(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
