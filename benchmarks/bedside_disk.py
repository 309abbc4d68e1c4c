"""A small real disk for a campaign's journal: one that can be filled, and one that breaks as a worn SD card does.

An ext4 image on a loop device, mounted as a Pi mounts its card (`errors=remount-ro`), or, where there are no loop
devices, a tmpfs, which can only be filled. Mounting takes root; `open_disk` returns None where it cannot be done.
"""

import contextlib
import errno
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

SIZE_MB = 128
CHUNK = bytes(1 << 20)
LET_GO_S = 10.0


class Disk:
    """One mounted disk. `kind` is "ext4" or "tmpfs"."""

    def __init__(self, folder: Path, at: Path, size_mb: int = SIZE_MB) -> None:
        """Mount it at `at`; raises `OSError` or `CalledProcessError` where neither kind can be."""
        self.at = at
        self._image = folder / "disk.img"
        at.mkdir(parents=True, exist_ok=True)
        try:
            with self._image.open("wb") as image:
                image.truncate(size_mb << 20)
            # Blocks of 4 KiB, as a card has: in smaller ones a full disk leaves holes in pages that SQLite has mapped.
            _run("mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", str(self._image))
            self._mount()
            self.kind = "ext4"
        except (OSError, subprocess.CalledProcessError):
            _run("mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(at))
            self.kind = "tmpfs"

    def _mount(self) -> None:
        _run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.at))

    @property
    def _ballast(self) -> Path:
        return self.at / "ballast"

    def fill(self, leave_mb: int = 0) -> None:
        """Fill it, to the last block or but for `leave_mb`."""
        with self._ballast.open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
            while leave_mb == 0 or _free_mb(self.at) > leave_mb:
                ballast.write(CHUNK)
        if leave_mb == 0:
            with self._ballast.open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
                while True:
                    ballast.write(CHUNK[:512])

    def free(self) -> None:
        """Give the space back."""
        self._ballast.unlink(missing_ok=True)

    def fail(self) -> None:
        """Let the kernel find an error on it: the file system goes read-only under whoever has it open."""
        device = next(line.split()[0] for line in _mounts() if line.split()[1] == str(self.at))
        trigger = Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error"
        trigger.write_text("1", encoding="ascii")

    def repair(self) -> None:
        """Check it and mount it again, as a boot does; nobody may have it open."""
        _run("umount", str(self.at))
        self._wait_until_let_go()
        subprocess.run(["e2fsck", "-p", "-f", str(self._image)], capture_output=True, check=False)
        self._mount()

    def _wait_until_let_go(self) -> None:
        """The kernel may hold an unmounted disk a moment longer; mounted then, it is the failed one again."""
        until_s = time.monotonic() + LET_GO_S
        while _printed("losetup", "-j", str(self._image)):
            if time.monotonic() > until_s:
                raise OSError(errno.EBUSY, f"{self._image} is still in use")
            time.sleep(0.01)

    def close(self) -> None:
        """Unmount it, whoever still has it open."""
        unmount_below(self.at)


def open_disk(folder: Path, at: Path, size_mb: int = SIZE_MB) -> Disk | None:
    """Return a mounted disk, or None where this machine does not let us mount one."""
    if os.geteuid() != 0:
        return None
    try:
        return Disk(folder, at, size_mb)
    except (OSError, subprocess.CalledProcessError):
        return None


@contextlib.contextmanager
def nothing_left_mounted(folder: Path) -> Iterator[None]:
    """Unmount at the end what is still mounted below `folder`, whatever ended the campaign."""
    try:
        yield
    finally:
        unmount_below(folder)


def unmount_below(folder: Path) -> None:
    """Unmount `folder` and all below it; what is still open goes as soon as it is let go."""
    for line in reversed(_mounts()):
        at = Path(line.split()[1])
        if at == folder or folder in at.parents:
            subprocess.run(["umount", "-l", str(at)], capture_output=True, check=False)


def _mounts() -> list[str]:
    return Path("/proc/mounts").read_text(encoding="utf-8").splitlines()


def _free_mb(at: Path) -> int:
    found = os.statvfs(at)
    return found.f_bavail * found.f_frsize // 1_000_000


def _printed(*command: str) -> str:
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def _run(*command: str) -> None:
    subprocess.run(command, capture_output=True, check=True)
