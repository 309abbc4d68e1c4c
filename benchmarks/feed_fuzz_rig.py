"""The trial side as real processes for the fuzz campaign: Mosquitto, an ingester, and who publishes and listens."""

import json
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import func, select

from benchmarks.feed_fuzz_messages import HOMES, SITES, STUDY, Message
from benchmarks.servers import Mosquitto, Program, refill, wait_for
from firmware_config.broker import Broker, limits
from trial.database import open_database, upgrade
from trial.enrolment import enrol
from trial.tables import metadata

BOUND_S = 10.0
"""A valid reading has its receipt within this, whatever else is sent."""
_FILES = {
    "studies/fuzz.toml": f"""name = "{STUDY}"
title = "Fuzz: a study that takes no simulated reading, and none of a device that it does not know"
sites = {json.dumps(SITES)}
""",
    "trial.toml": """study = "{study}"
database = "{url}"

[broker]
port = {port}
""",
}


class RigError(Exception):
    """The trial side cannot be set up; the text says which part."""


@dataclass(frozen=True)
class Heard:
    """Receipts that came for one record: when the first came, and what they said."""

    at_s: float
    outcomes: set[str] = field(default_factory=set)
    versions: set[str] = field(default_factory=set)


class Rig:
    """Everything between a publication and the database at `url`. Ends what it started."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        store = folder / "broker"
        store.mkdir()
        lines = limits(Broker(hosts=["127.0.0.1"], persistence_folder=store))
        self.broker = Mosquitto(folder, [*lines, "allow_anonymous true"])
        for name, text in _FILES.items():
            path = folder / "site" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            filled = text if name.startswith("studies") else text.format(study=STUDY, url=url, port=self.broker.port)
            path.write_text(filled, encoding="utf-8")
        self.ingester = Program(refill("trial", "ingest", "--config", str(folder / "site")), folder / "ingest.log")
        self.engine = open_database(url)
        self.heard: dict[str, Heard] = {}
        self.unread = 0
        self._lock = threading.Lock()
        self._publisher = Client(CallbackAPIVersion.VERSION2, "fuzz")
        self._listener = Client(CallbackAPIVersion.VERSION2, "fuzz-listener")
        self.before: dict[str, int] = {}

    def __enter__(self) -> Self:
        """Start all of it; raises `RigError`."""
        upgrade(self.engine)
        for device, site in HOMES.items():
            enrol(
                self.engine,
                study=STUDY,
                site=site,
                device=device,
                certificate_sha256=None,
                actor="fuzz",
                why="one of the campaign's own",
            )
        self.before = self.rows()
        self.broker.start()
        self.ingester.start()
        if not wait_for(lambda: "connected to the broker" in self.ingester.text() or not self.ingester.runs):
            raise RigError("the ingester does not get to the broker")
        self._publisher.max_inflight_messages_set(20)
        self._listener.on_message = self._on_receipt
        listens = threading.Event()
        self._listener.on_subscribe = lambda *_: listens.set()
        for client in (self._publisher, self._listener):
            client.connect("127.0.0.1", self.broker.port)
            client.loop_start()
        self._listener.subscribe(f"refill/v1/{STUDY}/+/+/receipt", 1)
        if not listens.wait(10) or not wait_for(self._publisher.is_connected):
            raise RigError("the broker does not answer")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End what runs."""
        for client in (self._publisher, self._listener):
            client.disconnect()
            client.loop_stop()
        for program in (self.ingester, self.broker):
            if program.runs:
                program.kill()
        self.engine.dispose()

    def publish(self, message: Message) -> None:
        """Hand a message to the broker, in order."""
        self._publisher.publish(message.topic, message.payload, qos=1, retain=message.retain)

    def _on_receipt(self, _c: Any, _u: Any, message: Any) -> None:
        try:
            receipt = json.loads(message.payload)
            sha256, outcome, version = receipt["sha256"], receipt["outcome"], receipt["schema_version"]
        except (ValueError, KeyError, TypeError):
            self.unread += 1
            return
        with self._lock:
            heard = self.heard.setdefault(sha256, Heard(time.monotonic()))
            heard.outcomes.add(outcome)
            heard.versions.add(version)

    def stored_at_s(self, sha256: str) -> float | None:
        """Return when the first receipt for a record came that calls it stored; None where none has."""
        with self._lock:
            heard = self.heard.get(sha256)
        return heard.at_s if heard is not None and "stored" in heard.outcomes else None

    def memory_kib(self) -> int:
        """Return the ingester's resident memory; 0 where it has ended."""
        process = self.ingester.process
        if process is None or not self.ingester.runs:
            return 0
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))

    def rows(self) -> dict[str, int]:
        """Return how many rows each table has."""
        counted: dict[str, int] = defaultdict(int)
        with self.engine.connect() as connection:
            for table in metadata.sorted_tables:
                counted[table.name] = connection.execute(select(func.count()).select_from(table)).scalar_one()
        return counted
