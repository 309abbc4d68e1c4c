"""Real servers for campaigns and tests, each on loopback in a folder of its own: Mosquitto, PostgreSQL, our programs.

Only processes that were started here are ended here, each by its own id.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

END_S = 15.0


class MissingError(Exception):
    """A program that is needed here is not installed."""


def found(name: str, *places: str) -> str:
    """Return the path of a program, on PATH or at one of `places`; raises `MissingError`."""
    for place in (shutil.which(name), *places):
        if place is not None and Path(place).is_file():
            return place
    raise MissingError(f"{name} is not installed")


def free_port() -> int:
    """Return a TCP port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], object], timeout_s: float = 60.0, every_s: float = 0.05) -> bool:
    """Return whether a condition came true in time."""
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        if condition():
            return True
        time.sleep(every_s)
    return bool(condition())


def answers(port: int) -> bool:
    """Return whether something listens on a port of this machine."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def refill(*arguments: str) -> list[str]:
    """Return the command line of `refill` in this Python."""
    return [sys.executable, "-m", "refill", *arguments]


class Program:
    """A process that was started here, and is ended here; it may be started again after its end."""

    def __init__(self, command: Sequence[str], log: Path, env: dict[str, str] | None = None) -> None:
        self._command, self.log, self._env = list(command), log, env
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Program":
        """Start it; what it prints goes to the end of `log`."""
        with self.log.open("ab") as log:
            env = None if self._env is None else os.environ | self._env
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, env=env)
        return self

    @property
    def runs(self) -> bool:
        """Whether it is there."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """Ask it to end; returns its exit code. Raises `TimeoutExpired` where it does not, having killed it."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
            raise

    def text(self) -> str:
        """Return what it has printed so far."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""


class Mosquitto(Program):
    """A Mosquitto of its own. `settings` are lines of its configuration beside the listener."""

    def __init__(self, folder: Path, settings: Sequence[str] = ("allow_anonymous true",), port: int = 0) -> None:
        self.port = port or free_port()
        configuration = folder / f"mosquitto-{self.port}.conf"
        # As root it would become user mosquitto, who may not read a test's folder.
        user = ["user root"] if os.geteuid() == 0 else []
        lines = [*user, f"listener {self.port} 127.0.0.1", *settings]
        configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
        program = found("mosquitto", "/usr/sbin/mosquitto")
        super().__init__([program, "-c", str(configuration)], folder / f"mosquitto-{self.port}.log")

    def start(self) -> "Mosquitto":
        """Start it and wait until it answers."""
        super().start()
        if not wait_for(lambda: answers(self.port) or not self.runs) or not self.runs:
            raise RuntimeError(f"mosquitto does not answer: {self.text()[-500:]}")
        return self


class PostgreSQL:
    """A PostgreSQL server of its own, on a Unix socket only. As root, it runs as user postgres.

    `folder` must have a short path: a socket's has at most 107 characters. `settings` are more of its configuration.
    """

    def __init__(self, folder: Path, settings: Sequence[str] = ()) -> None:
        versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        initdb = Path(found("initdb", *map(str, versions[-1:])))
        other: list[str | Path] = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if other:
            shutil.chown(folder, "postgres")
        self._data = folder / "data"
        self.url = f"postgresql://postgres@/postgres?host={folder}"
        self._control = [*other, initdb.with_name("pg_ctl"), "-D", self._data, "-w", "-t", "60", "-l", folder / "log"]
        set_here = ("listen_addresses=''", f"unix_socket_directories='{folder}'", "shared_buffers=16MB", *settings)
        self._options = " ".join(f"-c {setting}" for setting in set_here)
        self._quiet: dict[str, Any] = {"timeout": 90, "stdout": subprocess.DEVNULL, "cwd": folder}
        make = [*other, initdb, "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(make, check=True, **self._quiet)

    def start(self) -> None:
        """Start it and wait until it answers; after a crash it recovers first."""
        subprocess.run([*self._control, "-o", self._options, "start"], check=True, **self._quiet)

    def stop(self) -> None:
        """End it at once, without a checkpoint, as a crash would."""
        subprocess.run([*self._control, "-m", "immediate", "stop"], check=True, **self._quiet)

    def kill(self) -> None:
        """SIGKILL its first process; the others see that and end by themselves."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{pid}").exists(), END_S, 0.01)
