"""The status on real brokers: retained with the health of the parts, renewed, honest about silence at either end."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from broker_bench import KINDS, broker, free_port, or_skip, until
from device_bench import DEVICE, TrialEnd, reading
from health_bench import WELL
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract.record import SCHEMA_VERSION
from contract.status import DeviceStatus, PartName
from contract.topics import Topic
from device import health_file
from device.clock import SystemClock
from device.health import DiskFacts, judge
from device.health_file import read_feed, write
from device.health_table import BEDSIDE_SILENT, FINDINGS
from device.journal import Journal
from device.publisher import Patience, Publisher
from device.publisher_link import BrokerAddress

pytestmark = pytest.mark.slow

HOME = Topic("demo", "00", DEVICE, "status")
QUICK = Patience(poll_s=0.02, reconnect_first_s=0.1, reconnect_longest_s=0.5, receipt_s=0.5, look_s=0.05, status_s=0.1)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return or_skip(str(request.param))


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    with Journal.open(tmp_path / "journal.sqlite", HOME.device) as opened:
        opened.append(reading)
    return tmp_path


@contextmanager
def publishing(folder: Path, port: int, **patience: float) -> Iterator[None]:
    stop = threading.Event()
    publisher = Publisher(
        folder / "journal.sqlite",
        HOME,
        BrokerAddress(port=port),
        replace(QUICK, **patience),
        folder / "run",
    )
    thread = threading.Thread(target=publisher.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def retained(port: int) -> dict[str, Any] | None:
    """What one who comes late is told at once."""
    heard: list[bytes] = []

    def note(_: object, __: object, message: MQTTMessage) -> None:
        if message.retain:
            heard.append(bytes(message.payload))

    client = Client(CallbackAPIVersion.VERSION2, "late", protocol=MQTTProtocolVersion.MQTTv311)
    client.on_connect = lambda c, *_: c.subscribe(str(HOME), qos=1)
    client.on_message = note
    client.connect("127.0.0.1", port)
    client.loop_start()
    end_s = time.monotonic() + 3
    while not heard and time.monotonic() < end_s:
        time.sleep(0.02)
    client.disconnect()
    client.loop_stop()
    return json.loads(heard[0]) if heard else None


def part(status: dict[str, Any], name: PartName) -> dict[str, Any]:
    return next(one for one in status["health"] if one["part"] == name.value)


def test_the_status_is_retained_with_the_health_of_every_part_and_follows_it(
    kind: str,
    port: int,
    folder: Path,
) -> None:
    run = folder / "run"
    write(run, judge(WELL))
    with broker(kind, port, folder):
        trial = TrialEnd(port)
        with publishing(folder, port):
            until(lambda: bool(trial.statuses) and trial.statuses[-1]["unsent_readings"] == 0, "delivered")
            late = retained(port)
            assert late is not None
            status = DeviceStatus.model_validate(late)
            assert (status.state, status.schema_version, status.problem) == ("ready", SCHEMA_VERSION, None)
            assert status.health is not None
            assert [one.part for one in status.health] == list(PartName)
            assert {one.condition.value for one in status.health} == {"ok"}
            write(run, judge(replace(WELL, disk=DiskFacts(100, 200, writable=True))))
            until(lambda: trial.statuses[-1]["problem"] == FINDINGS["disk_full"].english, "the disk is told")
            late = retained(port)
            assert late is not None
            assert part(late, PartName.DISK) == {
                "part": "disk",
                "condition": "fault",
                "sentence": FINDINGS["disk_full"].english,
                "value": 100.0,
                "unit": "MB",
            }
        until(lambda: trial.statuses[-1]["state"] == "stopped", "the farewell")
        last = trial.statuses[-1]
        assert (last["health"], last["problem"]) == (None, None), "of a device that is heard no more nothing is known"
        trial.close()


def test_a_bedside_that_falls_silent_is_told_and_one_that_comes_back_too(
    kind: str,
    port: int,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health_file, "STALE_S", 1.0)

    def lives() -> None:
        assert write(folder / "run", judge(WELL)) is None

    with broker(kind, port, folder):
        trial = TrialEnd(port)

        def problem() -> object:
            return trial.statuses[-1]["problem"] if trial.statuses else "nothing told"

        with publishing(folder, port):
            until(lambda: lives() or problem() is None, "all well")
            until(lambda: problem() == BEDSIDE_SILENT, "the silence is told")
            assert part(trial.statuses[-1], PartName.PROBE)["condition"] == "unknown"
            assert part(trial.statuses[-1], PartName.BROKER)["condition"] == "ok"
            until(lambda: lives() or problem() is None, "the return is told")
        trial.close()


def test_a_broker_that_is_killed_is_told_to_the_bedside_and_so_is_its_return(
    kind: str,
    port: int,
    folder: Path,
) -> None:
    run = folder / "run"
    write(run, judge(WELL))

    def feed() -> Any:
        return read_feed(run, SystemClock())

    with publishing(folder, port):
        with broker(kind, port, folder) as process:
            until(lambda: feed() is not None and feed().broker_connected, "connected")
            assert feed().unsent == 1
            process.kill()
            until(lambda: not feed().broker_connected, "the loss is told")
            until(lambda: (feed().broker_away_s or 0) > 2, "and for how long", 10)
        with broker(kind, port, folder):
            trial = TrialEnd(port)
            until(lambda: feed().broker_connected, "connected again")
            until(lambda: feed().unsent == 0, "delivered")
            assert feed().last_receipt_at is not None
            trial.close()


def test_a_status_that_does_not_change_is_sent_all_the_same_now_and_then(
    kind: str,
    port: int,
    folder: Path,
) -> None:
    write(folder / "run", judge(WELL))
    with broker(kind, port, folder):
        trial = TrialEnd(port)
        with publishing(folder, port, status_longest_s=0.5):
            until(lambda: bool(trial.statuses) and trial.statuses[-1]["unsent_readings"] == 0, "delivered")
            before = len(trial.statuses)
            time.sleep(2.2)
            assert 3 <= len(trial.statuses) - before <= 5
        trial.close()
