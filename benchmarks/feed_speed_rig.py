"""What `benchmarks.feed_speed` measures on: Mosquitto and PostgreSQL of its own, ingesters, and the peer."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import psycopg
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.servers import Mosquitto, PostgreSQL, Program, refill, wait_for
from contract.topics import subscription
from firmware_config.broker import Broker, limits
from trial.database import open_database, upgrade

STUDY = "demo"
TIMEOUT_S = 60.0
LOOK_S = 0.02
Sealed = Sequence[tuple[str, bytes]]
"""Messages, each with its topic."""


class SpeedError(Exception):
    """The machine under test did not do what it is measured at; the figures would be worth nothing."""


class Rig:
    """Both servers in a folder of its own, with the limits of a site's broker; every run gets a database of its own."""

    def __init__(self, folder: Path, batch: int) -> None:
        self.folder, self.batch = folder, batch
        self._made = 0
        kept = folder / "mosquitto"
        kept.mkdir()
        settings = limits(Broker(hosts=["127.0.0.1"], persistence_folder=kept))
        self.broker = Mosquitto(folder, ["allow_anonymous true", "log_type error", "set_tcp_nodelay true", *settings])
        place = folder / "pg"
        place.mkdir()
        self.server = PostgreSQL(place)

    def start(self) -> None:
        """Start both."""
        self.server.start()
        self.broker.start()

    def stop(self) -> None:
        """End both."""
        if self.broker.process is not None:
            self.broker.kill()
        with contextlib.suppress(subprocess.CalledProcessError):
            self.server.stop()

    def database(self) -> str:
        """Make an empty database with the trial's tables; returns its URL."""
        self._made += 1
        name = f"speed{self._made}"
        with psycopg.connect(self.server.url, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}".encode())
        url = self.server.url.replace("/postgres?", f"/{name}?")
        engine = open_database(url)
        upgrade(engine)
        engine.dispose()
        return url

    def ingester(self, url: str, name: str, group: str | None) -> "Consumer":
        """Return an ingester as a site runs it, MQTT 5; with `group`, one of several."""
        shared = ["--group", group] if group else []
        config = self.folder / "config"
        config.mkdir(exist_ok=True)
        text = f'database = "x"\n[broker]\nport = {self.broker.port}\nversion = "5"\n[batch]\nmessages = {self.batch}\n'
        (config / "trial.toml").write_text(text, encoding="utf-8")
        where = ["--config", str(config), "--database", url, "--client-id", name]
        return Consumer(refill("trial", "ingest", *where, *shared), self.folder, name)

    def bare(self, url: str, name: str) -> "Consumer":
        """Return the peer."""
        where = ["--port", str(self.broker.port), "--database", url, "--client-id", name, "--batch", str(self.batch)]
        topic = ["--topic", subscription(STUDY, "reading")]
        return Consumer([sys.executable, "-m", "benchmarks.feed_speed_bare", *where, *topic], self.folder, name)


class Consumer(Program):
    """A process with a session of its own at the broker."""

    def __init__(self, command: Sequence[str], folder: Path, name: str) -> None:
        super().__init__(command, folder / f"{name}.log")
        self.name = name


@contextlib.contextmanager
def rig(batch: int) -> Iterator[Rig]:
    """Set up servers in a temporary folder with a short path, and take all of it away again."""
    folder = Path(tempfile.mkdtemp(prefix="speed-"))
    folder.chmod(0o711)  # PostgreSQL may run as a user of its own
    made: Rig | None = None
    try:
        made = Rig(folder, batch)
        made.start()
        yield made
    finally:
        if made is not None:
            made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _connected_or_ended(program: Consumer) -> bool:
    return "connected to the broker" in program.text() or not program.runs


@contextlib.contextmanager
def connected(made: Rig, programs: Sequence[Consumer]) -> Iterator[None]:
    """Start consumers and wait until each has its subscription; end them, and let the broker forget their sessions."""
    try:
        for program in programs:
            program.start()
        for program in programs:
            if not wait_for(partial(_connected_or_ended, program), TIMEOUT_S):
                raise SpeedError(f"no connection: {program.text()[-300:]}")
            if not program.runs:
                raise SpeedError(f"ended: {program.text()[-300:]}")
        time.sleep(0.2)  # the subscription is on its way
        yield
    finally:
        for program in programs:
            if program.runs:
                program.kill()
            _forget(made.broker.port, program.name)


def _forget(port: int, name: str) -> None:
    client = Client(CallbackAPIVersion.VERSION2, name, clean_session=True)
    client.connect("127.0.0.1", port)
    client.loop_start()
    wait_for(client.is_connected, 5.0)
    client.disconnect()
    client.loop_stop()


def publish(port: int, messages: Sealed) -> None:
    """Hand messages to the broker and wait until it has acknowledged all of them."""
    client = Client(CallbackAPIVersion.VERSION2, "speed-sender")
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        sent = [client.publish(topic, payload, qos=1) for topic, payload in messages]
        for each in sent:
            each.wait_for_publish(TIMEOUT_S)
        if not all(each.is_published() for each in sent):
            raise SpeedError("the broker has not taken all messages")
    finally:
        client.disconnect()
        client.loop_stop()


def drained_per_s(made: Rig, url: str, programs: Sequence[Consumer], messages: Sealed) -> float:
    """Return at what rate consumers bring a full broker's queue into the database.

    They are connected, then stopped (SIGSTOP) while the queue is filled, and go on at the same moment: neither their
    start nor the sender's work is in the figure. Raises `SpeedError` unless every message is stored once.
    """
    with connected(made, programs), psycopg.connect(url, autocommit=True) as database:
        _signal(programs, signal.SIGSTOP)
        publish(made.broker.port, messages)
        began_s = time.perf_counter()
        _signal(programs, signal.SIGCONT)
        if not wait_for(lambda: stored(database) >= len(messages), TIMEOUT_S, LOOK_S):
            raise SpeedError(f"{stored(database)} of {len(messages)} stored: {programs[0].text()[-300:]}")
        took_s = time.perf_counter() - began_s
        time.sleep(0.3)
        receipts = database.execute("SELECT count(*) FROM receipt").fetchone()
        if (stored(database), receipts) != (len(messages), (len(messages),)):
            raise SpeedError(f"{stored(database)} readings and {receipts} receipts stored, not {len(messages)}")
    return len(messages) / took_s


def stored(database: "psycopg.Connection[tuple[int]]") -> int:
    """Return how many readings are committed."""
    row = database.execute("SELECT count(*) FROM reading").fetchone()
    return row[0] if row else 0


def _signal(programs: Sequence[Program], number: signal.Signals) -> None:
    for program in programs:
        assert program.process is not None
        os.kill(program.process.pid, number)
