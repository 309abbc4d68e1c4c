"""A whole machine for tests: Debian booted by its own systemd in a container, treated badly from outside."""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from tests.systemd.machine_place import BOUND, base_root, install

BOOT_S = 60.0
ENTER = ("nsenter", "--all", "--root", "--wd=/")
Got = TypeVar("Got")


def until(look: Callable[[], Got | None], limit_s: float, what: str) -> Got:
    """What `look` has to show, as soon as it shows anything; fails after `limit_s` with `what` there was not."""
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {limit_s:.0f} s: {what}")


class Machine:
    """A root that is booted. `end` leaves nothing of it running, however far it has come."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._console = root.with_suffix(".console")
        self._group = _own_group()
        options = ["--quiet", "--boot", f"--directory={root}", "--private-network", "--console=passive"]
        options += [f"--bind-ro={here}:{there}" for here, there in BOUND.items()]
        if self._group is not None:
            # Nobody here could keep a register of containers.
            options += ["--register=no", "--keep-unit"]
        with self._console.open("wb") as console:
            self._nspawn = subprocess.Popen(
                [*_into(self._group), "setpriv", "--pdeathsig", "TERM", "systemd-nspawn", *options],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                # The one hierarchy of today's kernels, also where this machine has the old ones: devices and addresses
                # are withheld by it.
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_SECCOMP": "0"},
            )
        self.leader = 0

    def wait_for_boot(self) -> None:
        """Wait until systemd in there has started all that it was told to start."""
        self.leader = until(self._leader, BOOT_S, "a first process")
        until(self._booted, BOOT_S, "a booted system")

    def run(self, *command: str, check: bool = False, limit_s: float = 60) -> str:
        """What a command of root's in there printed."""
        assert self._nspawn.poll() is None, self.console()
        entered = [*ENTER, "--target", str(self.leader), "--", *command]
        done = subprocess.run(entered, capture_output=True, text=True, timeout=limit_s, check=False)
        assert done.returncode == 0 or not check, (command, done.stdout, done.stderr)
        return done.stdout

    def path(self, name: str) -> Path:
        """A file of the machine as this one sees it, folders in memory included."""
        return Path(f"/proc/{self.leader}/root") / name.removeprefix("/")

    def systemctl(self, *words: str, limit_s: float = 60) -> None:
        """Have systemd do something; fails where it refuses."""
        self.run("systemctl", *words, check=True, limit_s=limit_s)

    def shown(self, unit: str) -> dict[str, str]:
        """What systemd knows of a unit."""
        lines = self.run("systemctl", "show", unit, check=True).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def pid(self, unit: str) -> int:
        """The unit's main process by its number in there; 0: none."""
        return int(self.shown(unit)["MainPID"])

    def outside(self, unit: str) -> int:
        """The unit's main process by its number out here."""
        inside = str(self.pid(unit))
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                numbers = next(line for line in status.read_text(encoding="utf-8").splitlines() if line[:6] == "NSpid:")
                if numbers.split()[2:] == [inside] and self._is_ours(status.parent):
                    return int(status.parent.name)
        raise AssertionError(f"{unit} runs nowhere")

    def _is_ours(self, process: Path) -> bool:
        return (process / "ns/pid").readlink() == Path(f"/proc/{self.leader}/ns/pid").readlink()

    def is_active(self, unit: str) -> bool:
        return self.shown(unit)["ActiveState"] == "active"

    def log(self, unit: str, since: str = "") -> list[str]:
        """What a unit wrote, and systemd about it, oldest first; `since` is a cursor."""
        after = [f"--after-cursor={since}"] if since else []
        return [str(entry["MESSAGE"]) for entry in self._entries("--unit", unit, *after)]

    def now(self) -> str:
        """Where the log ends now."""
        return str(self._entries("--lines=1")[0]["__CURSOR"])

    def _entries(self, *options: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("journalctl", "--output=json", *options).splitlines()]

    def halt(self, limit_s: float = 60) -> int:
        """Switch off as a person does; how the container ended."""
        self.run("systemctl", "poweroff")
        return self._nspawn.wait(limit_s)

    def console(self) -> str:
        """The end of what was on its console."""
        return self._console.read_text(encoding="utf-8", errors="replace")[-3000:]

    def end(self) -> None:
        """End it, whatever it does."""
        for stop in (self._nspawn.terminate, self._nspawn.kill):
            if self._nspawn.poll() is None:
                stop()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._nspawn.wait(30)
        if self._group is not None:
            _remove(self._group)

    def _booted(self) -> bool:
        return self.run("systemctl", "is-system-running").strip() in ("running", "degraded")

    def _leader(self) -> int | None:
        assert self._nspawn.poll() is None, self.console()
        children = (
            Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text(encoding="ascii").split()
        )
        for child in children:
            if Path(f"/proc/{child}/comm").read_text(encoding="ascii").strip() == "systemd":
                return int(child)
        return None


@contextlib.contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """A booted machine with the device in it, made and removed in `folder`. Raises `NoRootError`."""
    root = folder / "machine"
    subprocess.run(["cp", "-a", "--reflink=auto", base_root(), root], check=True, timeout=300)
    try:
        install(root)
        booted = Machine(root)
        try:
            booted.wait_for_boot()
            yield booted
        finally:
            booted.end()
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", root], check=True, timeout=300)


def _own_group() -> Path | None:
    """A control group of its own for the container; None where this machine's systemd sees to that."""
    if Path("/run/systemd/system").is_dir():
        return None
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    place = next(Path(mount[1]) for mount in mounts if mount[2] == "cgroup2")
    own = next(
        line[3:] for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines() if line[:3] == "0::"
    )
    group = place / own.removeprefix("/") / f"refill-test-{os.getpid()}"
    group.mkdir(exist_ok=True)
    return group


def _into(group: Path | None) -> list[str]:
    if group is None:
        return []
    return ["sh", "-c", 'echo $$ > "$0/cgroup.procs"; exec "$@"', str(group)]


def _remove(group: Path) -> None:
    for folder in sorted(group.rglob("*"), key=lambda path: len(path.parts), reverse=True):
        if folder.is_dir():
            folder.rmdir()
    group.rmdir()
