"""What the disk says: errors of SQLite and of files as the journal's own, and a reserve for the day when it is full."""

import errno
import logging
import os
import sqlite3
import tempfile
from pathlib import Path

from device.journal.schema import JournalError, JournalFullError, JournalReadOnlyError

log = logging.getLogger(__name__)

FULL = "The device's disk is full: the journal takes no record. Call the study engineer."
READ_ONLY = "The device's disk takes no writing: the journal takes no record. Call the study engineer."

PRIMARY_CODE: int = 0xFF
READ_ONLY_ERRNOS: frozenset[int] = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
FULL_ERRNOS: frozenset[int] = frozenset({errno.ENOSPC, errno.EDQUOT})
LEAST_FREE_BYTES: int = 64 * 1024
"""A disk with less than this is full: a record with its WAL frames would not fit."""

BLOCK_BYTES: int = 512
"""What `st_blocks` counts in."""
RESERVE_BYTES: int = 4 * 1024 * 1024
"""A measurement's record with its traces and their frames in the WAL takes well under 1 MB."""


def journal_error(error: sqlite3.Error | OSError, journal: Path, doing: str) -> JournalError:
    """Return what went wrong as the journal's own error; `doing` is "written", "opened" or "read".

    SQLite says "disk I/O error" for much: what the disk itself says then decides.
    """
    if doing == "read" and _is_closed_to_us(error, journal):
        return JournalError(f"The journal {journal.name} could not be read: {os.strerror(errno.EACCES)}.")
    if isinstance(error, OSError):
        if error.errno in FULL_ERRNOS:
            return JournalFullError(FULL)
        if error.errno in READ_ONLY_ERRNOS:
            return JournalReadOnlyError(READ_ONLY)
        return JournalError(f"The journal {journal.name} could not be {doing}: {error.strerror or error}.")
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & PRIMARY_CODE
    if primary == sqlite3.SQLITE_FULL:
        return JournalFullError(FULL)
    if primary == sqlite3.SQLITE_READONLY:
        return JournalReadOnlyError(READ_ONLY)
    if primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        known = _by_the_disk(journal) or (None if doing == "read" else _by_trying(journal.parent))
        return known or JournalError(f"The journal {journal.name} could not be {doing}: {error}.")
    return JournalError(f"The journal {journal.name} could not be {doing}: {error}.")


def _is_closed_to_us(error: sqlite3.Error | OSError, journal: Path) -> bool:
    """Return whether somebody only has to look with other rights: nothing is wrong with the disk then."""
    return isinstance(error, PermissionError) or (
        getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CANTOPEN
        and os.access(journal, os.F_OK)
        and not os.access(journal, os.R_OK)
    )


def _by_the_disk(journal: Path) -> JournalError | None:
    try:
        disk = os.statvfs(journal.parent)
    except OSError:
        return None
    locked = os.access(journal, os.F_OK) and not os.access(journal, os.W_OK)
    if disk.f_flag & os.ST_RDONLY or locked or not os.access(journal.parent, os.W_OK):
        return JournalReadOnlyError(READ_ONLY)
    no_names_left = disk.f_files > 0 and disk.f_favail == 0
    full = disk.f_bavail * disk.f_frsize < LEAST_FREE_BYTES or no_names_left
    return JournalFullError(FULL) if full else None


def _by_trying(folder: Path) -> JournalError | None:
    """Ask the disk by making a file without a name: where ext4 failed, Linux from 6.15 on calls it writable still."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        if error.errno in READ_ONLY_ERRNOS:
            return JournalReadOnlyError(READ_ONLY)
        return JournalFullError(FULL) if error.errno in FULL_ERRNOS else None


def settle(connection: sqlite3.Connection, journal: Path) -> None:
    """Have on the disk what a connection reads, or raise `sqlite3.Error` or `OSError`.

    After a commit that the disk refused its pages may still be in the kernel's memory, from where they are read as if
    they had been written. Bringing the WAL into the file writes them anew.
    """
    busy = connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()[0]
    if busy:
        waits = sqlite3.OperationalError("another process reads it")
        waits.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise waits
    refuse_read_only(journal)


def refuse_read_only(journal: Path) -> None:
    """Raise `OSError` where the disk of the journal is mounted read-only.

    Where ext4 turned read-only on an error, Linux before 6.15 says of every sync that it was done.
    """
    if os.statvfs(journal.parent).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))


class Reserve:
    """Space beside the journal that is given up when the disk is full, so that what has begun can still be recorded.

    A reserve that is missing or torn, as after a crash, is made again when there is room for it twice.
    """

    def __init__(self, journal: Path, size: int = RESERVE_BYTES) -> None:
        self._path = journal.with_suffix(".reserve")
        self._size = size

    def make(self) -> bool:
        """Have the reserve; returns False where the disk is too full for it.

        Where the disk refuses it for another reason it is gone without, and what is written next will say why.
        """
        if self._whole():
            return True
        try:
            disk = os.statvfs(self._path.parent)
            if disk.f_bavail * disk.f_frsize < 2 * self._size:
                return False
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            log.warning("no reserve could be made beside the journal: %s", error.strerror)
            self.give_up()
            return error.errno not in FULL_ERRNOS
        return True

    def _whole(self) -> bool:
        try:
            found = self._path.stat()
        except OSError:
            return False
        return found.st_size == self._size and found.st_blocks * BLOCK_BYTES >= self._size

    def give_up(self) -> bool:
        """Give its space to the journal; returns False where there was none to give."""
        try:
            had = self._path.stat().st_size > 0
            self._path.unlink()
            # Some file systems give freed blocks out again only once that they are free is on the disk.
            sync_folder(self._path.parent)
        except OSError:
            return False
        return had


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
