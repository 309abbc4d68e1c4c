"""Whose files a calibration's are: the device's, whoever calibrated it."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NoReturn

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Nobody is waited for at the other end of a pipe."""


class OwnerError(Exception):
    """The calibration's files cannot be kept for the device; the text is one sentence naming the path."""


@contextmanager
def left_to_the_owner(folder: Path) -> Iterator[None]:
    """Have what root makes in `folder` belong to whoever owns the folder above: bedside and publisher read it.

    Root calibrates at the terminal, since it writes the device file too. For anybody else this does nothing. Raises
    `OwnerError`, before anything is made, where the folder or one in it is a link: the owner of the folder above must
    not have root write elsewhere.
    """
    if os.geteuid() != 0:
        yield
        return
    _refuse_links(folder)
    try:
        yield
    finally:
        _hand_over(folder)


def _refuse_links(folder: Path) -> None:
    """Raise where a folder is a link; a link to a file does no harm, since nothing is written through one."""
    with suppress(FileNotFoundError):
        os.close(_opened(folder))
    for place, folders, _ in os.walk(folder):
        for name in folders:
            if (Path(place) / name).is_symlink():
                raise OwnerError(f"{Path(place) / name}: is a link to a folder: put a folder in its place")


def _opened(folder: Path) -> int:
    """Return a descriptor of a folder that is no link."""
    try:
        return os.open(folder, _FOLDER)
    except NotADirectoryError as error:  # what Linux says of a link here
        raise OwnerError(f"{folder}: is a link, or no folder: put a folder in its place") from error
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OwnerError(f"{folder}: {error.strerror or error}") from error


def _hand_over(folder: Path) -> None:
    """Give what is root's to the owner of the folder above, by descriptors: names may lead elsewhere by now."""
    try:
        owner = folder.parent.stat()
        own = _opened(folder)
    except FileNotFoundError:
        return
    try:
        for _, _, files, at in os.fwalk(".", dir_fd=own, follow_symlinks=False, onerror=_stop):
            _give(at, owner)
            for name in files:
                _give_file(name, at, owner)
    except OSError as error:
        raise OwnerError(f"{folder}: cannot be given to its owner: {error.strerror or error}") from error
    finally:
        os.close(own)


def _give_file(name: str, at: int, owner: os.stat_result) -> None:
    """Give a file, but no link and nothing that has a second name: that one may be somebody else's."""
    found = os.stat(name, dir_fd=at, follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode):
        return
    try:
        file = os.open(name, _FILE, dir_fd=at)
    except OSError:
        # Exchanged since for something that cannot be opened: not what was made here.
        return
    try:
        opened = os.fstat(file)
        if stat.S_ISREG(opened.st_mode) and opened.st_nlink == 1:
            _give(file, owner)
    finally:
        os.close(file)


def _give(handle: int, owner: os.stat_result) -> None:
    if os.fstat(handle).st_uid == 0:
        os.fchown(handle, owner.st_uid, owner.st_gid)


def _stop(error: OSError) -> NoReturn:
    raise error
