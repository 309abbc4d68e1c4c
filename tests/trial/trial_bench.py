"""What the tests of the trial side share: records, a device that re-sends, brokers and a PostgreSQL of their own."""

import contextlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Engine, text

from benchmarks.servers import MissingError, PostgreSQL, Program, answers, found, free_port, wait_for
from contract.amendment import Amendment
from contract.envelope import Envelope, canonical_json, chain_sha256
from contract.identifiers import GENESIS_SHA256, new_reading_id
from contract.mottling import MottlingReading
from contract.reading import Reading, Receipt
from contract.source import Source
from contract.topics import Topic
from firmware_config.study import Study
from trial.database import open_database, upgrade

__all__ = ["PostgreSQL", "Program", "free_port", "wait_for"]

STUDY = Study(name="demo", title="demo", sites=["00", "01"], accept_simulated=True, events=["inclusion"])
BOOT = UUID("00000000-0000-4000-8000-000000000001")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def result(crt_s: float | None = 2.5, reason: str = "moved") -> dict[str, Any]:
    if crt_s is None:
        return {"status": "not_measurable", "reason": reason}
    return {"status": "measured", "crt_s": crt_s, "crt_ci95_s": [crt_s - 0.2, crt_s + 0.2], "tau_s": crt_s / 2.3}


@cache
def _with_tables() -> bytes:
    """A SQLite trial database before anything came in, as the migrations make it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trial.sqlite3"
        engine = open_database(str(path))
        upgrade(engine)
        engine.dispose()  # the last one out puts the write-ahead log into the file
        return path.read_bytes()


def new_database(path: Path) -> Engine:
    """An engine on a SQLite database with its tables, made anew at `path`: a copy of what the migrations make."""
    path.write_bytes(_with_tables())
    return open_database(str(path))


def make_database(server: str, name: str, template: str = "template1") -> None:
    """Make a PostgreSQL database, copied from another, on the server that has this URL."""
    administered(server, f"CREATE DATABASE {name} TEMPLATE {template}")


def administered(server: str, statement: str) -> None:
    admin = open_database(server).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(statement))
    admin.dispose()


@contextlib.contextmanager
def a_database(server: str, template: str) -> Iterator[str]:
    """The URL of a PostgreSQL database, copied from another, and dropped."""
    name = f"t{os.urandom(6).hex()}"
    make_database(server, name, template)
    yield server.replace("/postgres?", f"/{name}?")
    administered(server, f"DROP DATABASE {name} WITH (FORCE)")


def reading(seq: int = 1, **changes: Any) -> Reading:
    """A valid reading; `changes` are top-level keys, `device` and `site` names."""
    crt = result(changes.pop("crt_s", 2.5))
    content: dict[str, Any] = {
        "body_site": "finger",
        "protocol": {"name": "demo", "version": "1", "sha256": "a" * 64},
        "result": crt,
        "presses": [{"number": 1, "result": crt, "target_kpa": 40.0, "frames": 300, "frames_dropped": 0}],
    }
    return Reading.model_validate(_source(seq, changes) | content | changes)


def mottling_reading(seq: int = 1, score: int | None = 2, **changes: Any) -> MottlingReading:
    """A valid mottling reading; without a score, the photo was blurred."""
    found: dict[str, Any] = {"status": "not_measurable", "reason": "blurred"}
    if score is not None:
        zones = {"knee_centre": 0.4, "knee": 0.25, "lower_thigh": None}
        found = {"status": "measured", "score": score, "max_supported": 5, "confidence": 0.9, "zones": zones}
    content = {"photo_sha256": "c" * 64, "photo_from": "camera", "result": found}
    return MottlingReading.model_validate(_source(seq, changes) | content | changes)


def amendment(seq: int, about: Source, **changes: Any) -> Amendment:
    """What was said of a reading on its device: `confirmed` where nothing else is told."""
    place = {"device": about.device.name, "site": about.subject.site}
    content: dict[str, Any] = {"about": str(about.reading_id), "action": "confirmed", "operator": "n12"}
    return Amendment.model_validate(_source(seq, place | changes) | content | _only(changes))


def corrected(seq: int, about: Source, *changed: tuple[str, str | None, str | None], **changes: Any) -> Amendment:
    """A correction from the bedside: field, old and new value of each."""
    content = [{"field": field, "old": old, "new": new} for field, old, new in changed]
    return amendment(seq, about, action="corrected", changes=content, why="typed_wrong", **changes)


def _only(changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if key not in ("device", "site")}


def _source(seq: int, changes: dict[str, Any]) -> dict[str, Any]:
    """What every record says; takes the device's and the site's name out of `changes`."""
    device, site = changes.pop("device", "bedside-1"), changes.pop("site", "00")
    return {
        "reading_id": str(new_reading_id()),
        "device_seq": seq,
        "study": "demo",
        "subject": {"site": site, "inclusion": "7"},
        "side": "left",
        "simulated": True,
        "device": {
            "name": device,
            "software_version": "0.1.0",
            "algorithm_version": "1",
            "configuration_sha256": "b" * 64,
        },
        "measured": {
            "at": (NOON + timedelta(seconds=seq)).isoformat(),
            "boot_id": str(BOOT),
            "boottime_ns": 1_000_000_000 * seq,
            "clock_synchronised": True,
        },
    }


def envelope(record: Source, previous: str = GENESIS_SHA256, sent_at: datetime | None = None) -> Envelope:
    body = canonical_json(record)
    return Envelope(
        sent_at=sent_at or datetime.now(UTC),
        previous_sha256=previous,
        sha256=chain_sha256(previous, body),
        body=body,
    )


def payload(record: Source, previous: str = GENESIS_SHA256, sent_at: datetime | None = None) -> bytes:
    return envelope(record, previous, sent_at).model_dump_json().encode()


def chain(count: int, **changes: Any) -> list[tuple[Reading, Envelope]]:
    """The journal of a device: `count` records, each carrying the hash of the one before."""
    records, previous = [], GENESIS_SHA256
    for seq in range(1, count + 1):
        record = reading(seq, **changes)
        sealed = envelope(record, previous)
        records.append((record, sealed))
        previous = sealed.sha256
    return records


def journal(*records: Source) -> list[bytes]:
    """What a device sends of these records, each carrying the hash of the one before."""
    sent, previous = [], GENESIS_SHA256
    for record in records:
        sealed = envelope(record, previous)
        sent.append(sealed.model_dump_json().encode())
        previous = sealed.sha256
    return sent


class Device:
    """A publisher as the real one must be: it sends a record again and again until it has a receipt for it."""

    def __init__(self, port: int, name: str = "bedside-1", again_s: float = 0.7) -> None:
        self.topic = Topic("demo", "00", name, "reading")
        self.receipts: list[Receipt] = []
        self.sent = 0
        self._waiting: dict[str, Envelope] = {}
        self._sent_at_s: dict[str, float] = {}
        self._lock = threading.Lock()
        self._again_s = again_s
        self._client = Client(CallbackAPIVersion.VERSION2, f"test-{name}")
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(str(self.topic.sibling("receipt")), 1)
        self._client.on_message = self._on_receipt
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()
        self._run = True
        self._thread = threading.Thread(target=self._send_again, daemon=True)
        self._thread.start()

    def _on_receipt(self, _c: Any, _u: Any, message: Any) -> None:
        with contextlib.suppress(ValueError):
            receipt = Receipt.model_validate_json(message.payload)
            with self._lock:
                self.receipts.append(receipt)
                self._waiting.pop(receipt.sha256, None)

    def add(self, sealed: Envelope) -> None:
        with self._lock:
            self._waiting[sealed.sha256] = sealed

    def _send_again(self) -> None:
        while self._run:
            now_s = time.monotonic()
            with self._lock:
                due = [e for h, e in self._waiting.items() if now_s - self._sent_at_s.get(h, -9e9) > self._again_s]
            for sealed in due[:20]:
                if self._client.is_connected():
                    self._sent_at_s[sealed.sha256] = now_s
                    again = sealed.model_copy(update={"sent_at": datetime.now(UTC)})
                    self._client.publish(str(self.topic), again.model_dump_json(), qos=1)
                    self.sent += 1
            time.sleep(0.01)

    def publish(self, topic: str, content: bytes | str, retain: bool = False) -> None:
        assert wait_for(self._client.is_connected)
        sent = self._client.publish(topic, content, qos=1, retain=retain)
        sent.wait_for_publish(5)
        assert sent.is_published()

    def unreceipted(self) -> int:
        with self._lock:
            return len(self._waiting)

    def close(self) -> None:
        self._run = False
        self._thread.join(2)
        self._client.disconnect()
        self._client.loop_stop()


def refill_trial(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from refill.trial_cli import app; app()", *arguments]


def needed(name: str, *places: str) -> str:
    """The path of a program that these tests need; without it they are skipped here, and fail where CI is set."""
    try:
        return found(name, *places)
    except MissingError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def broker_command(kind: str, port: int, folder: Path) -> list[str]:
    if kind == "amqtt":
        return refill_trial("broker", "--port", str(port))
    program = needed("mosquitto", "/usr/sbin/mosquitto")
    configuration = folder / f"mosquitto-{port}.conf"
    user = "user root\n" if os.geteuid() == 0 else ""
    configuration.write_text(f"{user}listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    return [program, "-c", str(configuration)]


def listening(port: int, timeout_s: float = 60.0) -> None:
    assert wait_for(lambda: answers(port), timeout_s), f"nothing listens on port {port}"
