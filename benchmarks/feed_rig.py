"""The whole feed as real processes: bedsides that write their journals, publishers, Mosquitto, ingesters, PostgreSQL.

Each is started again as systemd would. One that ends by itself, or no longer tells systemd that it lives, is a problem
with its last words. Only what was started here is ended here.
"""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.feed_kill_aim import Autosave, Spy, forget_session
from benchmarks.feed_kill_database import Database
from benchmarks.feed_kill_writer import JOURNAL
from benchmarks.servers import Mosquitto, Program, refill, wait_for
from firmware_config import device as device_file
from firmware_config.broker import Broker, limits

STUDY, SITE = "demo", "00"
DEVICES: tuple[str, ...] = ("bedside-1", "bedside-2", "bedside-3")
ALONE: tuple[str, ...] = ("ingester",)
SHARED: tuple[str, ...] = ("ingester-1", "ingester-2")
GROUP: str = "trial"
WATCHDOG_S: float = 30.0
"""As in refill-publish.service."""
CONNECTED_S: float = 60.0
SAVED_S: float = 10.0
LOOK_S: float = 0.02
WORDS: int = 400
"""Of a log are shown."""


class RigError(Exception):
    """The feed cannot be set up, or a part of it does not come back."""


def _is_connected(part: Program) -> bool:
    return "connected to the broker" in part.text()


class Watchdog:
    """systemd's ear for one process: a socket on which it says that it lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(path))
        self._heard_s: float | None = None

    def silent_s(self) -> float:
        """Return for how long it has said nothing; 0 for one that has not begun to."""
        with contextlib.suppress(BlockingIOError):
            while True:
                if b"WATCHDOG=1" in self._socket.recv(4096):
                    self._heard_s = time.monotonic()
        return 0.0 if self._heard_s is None else time.monotonic() - self._heard_s

    def restarted(self) -> None:
        """Wait for the first word again."""
        self.silent_s()
        self._heard_s = None

    def close(self) -> None:
        """Close it."""
        self._socket.close()


class Feed:
    """The feed, in a folder of its own with a short path. `problems` are what should not have happened."""

    def __init__(
        self, folder: Path, seed: int = 1, devices: Sequence[str] = DEVICES, say: Callable[[str], None] = lambda _: None
    ) -> None:
        folder.chmod(0o711)  # PostgreSQL may run as a user of its own
        self.folder = folder
        self.devices = list(devices)
        self.problems: list[str] = []
        self._say = say
        self.journals = {device: folder / device / JOURNAL for device in devices}
        for device in devices:
            (folder / device).mkdir()
        store = folder / "broker"
        store.mkdir()
        settings = limits(Broker(hosts=["localhost"], persistence_folder=store))
        self.broker = Mosquitto(folder, [*settings, "allow_anonymous true"])
        self.autosave = Autosave(store / "mosquitto.db")
        self.database = Database(folder / "pg")
        self._up: set[str] = set()
        self._watchdogs: dict[str, Watchdog] = {}
        self._parts: dict[str, Program] = {"broker": self.broker}
        writer = [sys.executable, "-m", "benchmarks.feed_kill_writer", str(folder), str(seed), *devices]
        self._add("writer", writer)
        for device in devices:
            self._add(device, self._publish(device))
        for name in (*ALONE, *SHARED):
            self._add(name, self._ingest(name))
        self.ingesters: tuple[str, ...] = ALONE
        self.spy: Spy | None = None

    def _add(self, name: str, command: list[str]) -> None:
        self._watchdogs[name] = Watchdog(self.folder / f"notify-{name}")
        env = {"NOTIFY_SOCKET": str(self._watchdogs[name].path), "PGAPPNAME": name}
        self._parts[name] = Program(command, self.folder / f"{name}.log", env)

    def _publish(self, device: str) -> list[str]:
        text = device_file.DEFAULT_PATH.read_text(encoding="utf-8")
        settings = self.folder / device / "device.toml"
        settings.write_text(text.replace('name = "refill-demo"', f'name = "{device}"', 1), encoding="utf-8")
        folder = str(settings.parent)
        where = ["--config", str(settings), "--data", folder, "--run-folder", folder, "--site", SITE, "--study", STUDY]
        return refill("publish", *where, "--host", "127.0.0.1", "--port", str(self.broker.port))

    def _ingest(self, name: str) -> list[str]:
        way = ["--mqtt", "5", "--group", GROUP] if name in SHARED else ["--mqtt", "3.1.1"]
        broker = ["--host", "127.0.0.1", "--port", str(self.broker.port), "--client-id", f"refill-{name}"]
        return refill("trial", "ingest", "--study", STUDY, "--database", self.database.url, *broker, *way)

    def begin(self) -> None:
        """Start all of it; raises `RigError` where the ingester does not get to the broker."""
        self.start("database")
        self.start("broker")
        self.spy = Spy(self.broker.port, STUDY)
        for name in (*self.ingesters, "writer", *self.devices):
            self.start(name)
        self._connected(self.ingesters)

    def start(self, name: str) -> None:
        """Start a part, and wait for the servers; does nothing where it runs."""
        if name == "database":
            self.database.start()
        elif not self.runs(name):
            if name in self._watchdogs:
                self._watchdogs[name].restarted()
            self._parts[name].start()
        if name == "broker":
            self.autosave.restarted()
        self._up.add(name)

    def kill(self, name: str) -> None:
        """SIGKILL a part."""
        self._up.discard(name)
        if name == "database":
            self.database.kill()
        else:
            self._parts[name].kill()

    def end(self, name: str) -> None:
        """Ask a part to end; one that does not, or not in good order, is a problem."""
        if not self.runs(name):
            if name in self._up:
                self._problem(f"{name} ended by itself: {self._last_words(name)}")
            return
        self._up.discard(name)
        try:
            code = self._parts[name].terminate()
        except subprocess.TimeoutExpired:
            self._problem(f"{name} did not end when it was asked to: {self._last_words(name)}")
            return
        if code != 0:
            self._problem(f"{name} ended with {code} when it was asked to: {self._last_words(name)}")

    def part(self, name: str) -> Program:
        """Return a part, for a look at it; not the database, which is no such program."""
        return self._parts[name]

    def runs(self, name: str) -> bool:
        """Whether a part is there."""
        return self.database.runs if name == "database" else self._parts[name].runs

    def look(self) -> None:
        """Note what has ended by itself or hangs, and start it again; note the broker's saving."""
        self.autosave.look()
        for name in sorted(self._up):
            if not self.runs(name):
                self._problem(f"{name} ended by itself: {self._last_words(name)}")
                self.start(name)
            elif name in self._watchdogs and self._watchdogs[name].silent_s() > WATCHDOG_S:
                self._problem(f"{name} hung for {WATCHDOG_S:g} s: {self._last_words(name)}")
                self.kill(name)
                self.start(name)

    def _problem(self, sentence: str) -> None:
        self.problems.append(sentence)
        self._say(f"PROBLEM: {sentence}")

    def _last_words(self, name: str) -> str:
        text = self.database.last_words() if name == "database" else self._parts[name].text()
        code = "" if name == "database" else f"[exit {getattr(self._parts[name].process, 'returncode', None)}] "
        return code + " / ".join(text[-WORDS:].split("\n")).strip(" /")

    def until(self, condition: Callable[[], object], timeout_s: float, every_s: float = LOOK_S) -> bool:
        """Wait for a condition, looking after the parts; False where it does not come in time."""

        def seen() -> object:
            self.look()
            return condition()

        return wait_for(seen, timeout_s, every_s)

    def wait(self, seconds: float) -> None:
        """Let time pass, looking after the parts."""
        self.until(lambda: False, seconds)

    def share(self) -> None:
        """From one ingester to two that share the subscription, without a moment in which nobody listens."""
        for name in SHARED:
            self.start(name)
        self._connected(SHARED)
        self.end(*ALONE)
        at_s = time.time()
        if not forget_session(self.broker.port, f"refill-{ALONE[0]}"):
            raise RigError("the broker does not answer")
        # A broker killed before it has saved that would know the session again, and keep readings for nobody.
        if not self.until(lambda: self.autosave.saved_since(at_s), SAVED_S):
            raise RigError("the broker does not save")
        self.ingesters = SHARED

    def _connected(self, names: Sequence[str]) -> None:
        for name in names:
            if not self.until(partial(_is_connected, self._parts[name]), CONNECTED_S):
                raise RigError(f"{name} does not get to the broker: {self._last_words(name)}")

    def finish(self) -> None:
        """End all that sends and stores, in good order."""
        for name in ("writer", *self.devices, *self.ingesters):
            self.end(name)

    def close(self) -> None:
        """End whatever runs, by its id."""
        self._up.clear()
        if self.spy is not None:
            self.spy.close()
        for part in self._parts.values():
            if part.runs:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    part.kill()
        self.database.stop()
        for watchdog in self._watchdogs.values():
            watchdog.close()
