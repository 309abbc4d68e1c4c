"""The machine that is installed on: this one, or one that stands in a folder (an image, or a test)."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

LOG = Path("/var/log/refill-install.log")
LOG_LINES = 12
"""So many last lines of a command that failed are shown; the log has all of them."""

CLEAN = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "OPENBLAS_NUM_THREADS": "1",
}


class InstallError(Exception):
    """A step did not come off; the sentence says which, and how the command ended."""


class Machine:
    """A root folder, the files below it, and commands that run in it.

    `root` is `/` for this machine. Anything else is entered by chroot, and no service is spoken to: systemd does not
    run there. Paths are given as the machine sees them.
    """

    def __init__(
        self, root: Path = Path("/"), environment: Mapping[str, str] | None = None, *, logs: bool = True
    ) -> None:
        self.root = root.resolve()
        self._logs = logs
        given = os.environ if environment is None else environment
        # A tree in PYTHONPATH would hide what is installed.
        self._environment = {k: v for k, v in given.items() if not k.startswith("PYTHON")} | CLEAN

    @property
    def is_this_one(self) -> bool:
        """Whether the root is the running machine's own."""
        return self.root == Path("/")

    @property
    def has_systemd(self) -> bool:
        """Whether systemd runs there, so that services can be stopped and started."""
        return self.is_this_one and self.at("/run/systemd/system").is_dir()

    def at(self, path: str | Path) -> Path:
        """Return where an absolute path of the machine stands for us."""
        return self.root / str(path).lstrip("/")

    def run(self, command: Sequence[str], *, user: str | None = None) -> str:
        """Run a command there and return its standard output; both outputs go to the log, where there is to be one.

        Raises `InstallError` with the last lines where it ends with anything but 0, or is not there.
        """
        whole = ["runuser", "-u", user, "--", *command] if user else list(command)
        if not self.is_this_one:
            whole = ["chroot", str(self.root), *whole]
        try:
            done = subprocess.run(
                whole, env=self._environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
        except OSError as error:
            raise InstallError(f"{command[0]}: {error.strerror}") from error
        self._log(command, done.returncode, done.stdout + done.stderr)
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-LOG_LINES:]
            raise InstallError("\n  ".join([f"`{' '.join(command)}` ended with {done.returncode}:", *last]))
        return done.stdout

    def runs(self, command: Sequence[str]) -> bool:
        """Whether a command ends with 0."""
        try:
            self.run(command)
        except InstallError:
            return False
        return True

    def free_mb(self, path: str) -> int:
        """Return what is free where `path` is or will be, in MB."""
        there = self.at(path)
        while not there.exists():
            there = there.parent
        return shutil.disk_usage(there).free // 1_000_000

    def _log(self, command: Sequence[str], code: int, text: str) -> None:
        path = self.at(LOG)
        if not self._logs or not path.parent.is_dir():
            return
        with path.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command)}\n{text}[{code}]\n")


@contextmanager
def scratch(machine: Machine, home: str) -> Iterator[tuple[Path, str]]:
    """Give an empty folder for a while: where we see it, and where the machine does. It is below `home`, which is
    root's own.

    What an installer that was killed has left there goes first.
    """
    inside = f"{home}/work"
    folder = machine.at(inside)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder, inside
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file so that whoever looks sees the old one or the new one whole, also after a power cut.

    On a file system without modes, as the boot partition's, the mode is left out.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(PermissionError):
            part.chmod(mode)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def link(path: Path, target: str) -> None:
    """Make `path` a symbolic link to `target` in one step, whatever link stood there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    part.symlink_to(target)
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have a folder's names on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
