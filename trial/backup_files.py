"""Files that appear whole or not at all, one backup at a time in a folder, and which of a series may go."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from trial.backup_manifest import BackupError, Manifest, manifest_path, read_manifest

PRIVATE: int = 0o600
"""A backup is the trial's data: nobody else reads it."""
_PART = ".refill-part"
_SUFFIX = {"sqlite": "sqlite3", "postgresql": "pgdump"}
_IN_SERIES = re.compile(r"trial-\d{8}T\d{6}Z\.(sqlite3|pgdump)")


def name_in_series(at: datetime, kind: str) -> str:
    """Return the name of a backup in a folder of them, for example `trial-20261126T023000Z.pgdump`."""
    return f"trial-{at:%Y%m%dT%H%M%SZ}.{_SUFFIX[kind]}"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder against other backups and restores; raises `BackupError` where one is at work in it.

    What an earlier one that was killed has left half written is removed.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise BackupError(f"{folder}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BackupError(f"{folder}: another backup or restore is at work there") from error
        for left in folder.glob(f".*{_PART}"):
            left.unlink(missing_ok=True)
        yield
    finally:
        os.close(handle)


def part_of(path: Path) -> Path:
    """Return the name under which a file is written until it is whole."""
    return path.with_name(f".{path.name}{_PART}")


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that only its owner may read, down to the disk."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def to_the_disk(path: Path) -> None:
    """Bring a file, or a folder's names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def appear(part: Path, path: Path) -> None:
    """Give a whole file its name; raises `BackupError` where there is one already, and leaves that alone."""
    try:
        os.link(part, path)
    except FileExistsError as error:
        raise BackupError(f"{path}: is there already; nothing was written over it") from error
    except OSError as error:  # a file system without hard links
        if path.exists():
            raise BackupError(f"{path}: is there already; nothing was written over it") from error
        part.rename(path)
    else:
        part.unlink()


def prune(folder: Path, new: Manifest, keep: int) -> list[str]:
    """Remove the oldest backups of the new one's series until `keep` are left; returns the names that went.

    Only what is named as `name_in_series` names it and has a whole manifest of the same database is looked at. The
    manifest goes last: one without its file is a removal that was cut off, and is ended by the next.
    """
    series = []
    for beside in sorted(folder.glob("trial-*.manifest.json")):
        backup = beside.with_name(beside.name.removesuffix(".manifest.json"))
        try:
            manifest = read_manifest(backup)
        except BackupError:
            continue
        if _IN_SERIES.fullmatch(backup.name) and manifest.file == backup.name and manifest.database == new.database:
            series.append(backup)
    whole = [backup for backup in series if backup.exists()]
    surplus = [backup for backup in whole if backup.name != new.file][: max(0, len(whole) - keep)]
    for backup in [*surplus, *(backup for backup in series if not backup.exists())]:
        backup.unlink(missing_ok=True)
        manifest_path(backup).unlink(missing_ok=True)
    if surplus:
        to_the_disk(folder)
    return [backup.name for backup in surplus]
