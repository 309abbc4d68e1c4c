"""The ingester against real brokers: killed, restarted, overloaded, fed rubbish. Nothing lost, nothing stored twice."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ingest_bench import exactly_once, fetch, ready
from sqlalchemy import func, select
from trial_bench import (
    Device,
    Program,
    broker_command,
    chain,
    free_port,
    listening,
    reading,
    refill_trial,
    wait_for,
)
from trial_bench import payload as sealed_payload

from trial import tables
from trial.database import open_database, writing
from trial.feed import BrokerAddress, Feed, Message

pytestmark = pytest.mark.slow

EVERY_WAY = ["amqtt", "mosquitto", ("mosquitto", "--mqtt", "5")]
"""The demo's own broker is tried once; what dies and comes back is tried on the one that a site has."""


@pytest.fixture
def device(running: Any) -> Iterator[Device]:
    device = Device(running.port)
    yield device
    device.close()


@pytest.mark.parametrize("running", EVERY_WAY, indirect=True, ids=str)
def test_readings_are_stored_once_and_answered(running: Any, device: Device) -> None:
    running.start_broker()
    running.ingester.start()
    ready(running)
    records = chain(100)
    for _, sealed in records:
        device.add(sealed)
    assert wait_for(lambda: device.unreceipted() == 0), running.ingester.text()
    exactly_once(running.url, records, device)
    assert running.ingester.terminate() == 0
    assert "stopped: stored 100" in running.ingester.text()


@pytest.mark.parametrize("running", ["mosquitto"], indirect=True)
def test_an_ingester_killed_at_any_moment_loses_nothing(running: Any, device: Device) -> None:
    chance = random.Random(20261123)
    running.start_broker()
    records = chain(240)
    for number, (_, sealed) in enumerate(records):
        if number % 40 == 0:
            running.ingester.start()
            ready(running, 1 + number // 40)
        device.add(sealed)
        time.sleep(0.01)
        if number % 40 == 39 and number < 239:
            time.sleep(chance.uniform(0, 0.3))
            running.ingester.kill()
    assert wait_for(lambda: device.unreceipted() == 0, 30), running.ingester.text()
    exactly_once(running.url, records, device)


@pytest.mark.parametrize("running", ["mosquitto"], indirect=True)
def test_a_broker_killed_with_all_it_holds_loses_nothing(running: Any, device: Device) -> None:
    running.start_broker()
    running.ingester.start()
    ready(running)
    records = chain(90)
    for number, (_, sealed) in enumerate(records):
        device.add(sealed)
        time.sleep(0.01)
        if number in (30, 60):
            running.broker.kill()
            time.sleep(0.3)
            running.start_broker()
    assert wait_for(lambda: device.unreceipted() == 0, 40), running.ingester.text()
    exactly_once(running.url, records, device)
    assert "the broker has lost the session" in running.ingester.text()


@pytest.mark.parametrize("running", ["mosquitto"], indirect=True)
def test_what_the_broker_has_delivered_is_committed_before_it_is_acknowledged(running: Any, device: Device) -> None:
    """Each record is sent once only, and the ingester is killed while it cannot commit: it must not have let go."""
    running.start_broker()
    running.ingester.start()
    ready(running)
    records = chain(15)
    engine = open_database(running.url)
    with writing(engine).begin():
        for _, sealed in records:
            device.publish(str(device.topic), sealed.model_dump_json())
        time.sleep(0.7)
        running.ingester.kill()
    engine.dispose()
    columns = tables.reading.c
    assert fetch(running.url, select(columns.id)) == []
    running.ingester.start()
    in_order = select(columns.sha256).order_by(columns.device_seq)
    expected = [sealed.sha256 for _, sealed in records]
    assert wait_for(lambda: [row[0] for row in fetch(running.url, in_order)] == expected), running.ingester.text()


@pytest.mark.parametrize("running", ["mosquitto"], indirect=True)
def test_records_sent_once_survive_an_ingester_that_is_killed_at_work(running: Any, device: Device) -> None:
    chance = random.Random(7)
    running.start_broker()
    records = chain(300)
    running.ingester.start()
    ready(running)
    for number, (_, sealed) in enumerate(records):
        device.publish(str(device.topic), sealed.model_dump_json())
        if number % 60 == 59:
            time.sleep(chance.uniform(0, 0.06))
            running.ingester.kill()
            running.ingester.start()
    columns = tables.reading.c
    in_order = select(columns.sha256).order_by(columns.device_seq)
    expected = [sealed.sha256 for _, sealed in records]
    assert wait_for(lambda: [row[0] for row in fetch(running.url, in_order)] == expected, 20), running.ingester.text()


@pytest.mark.parametrize("running", ["mosquitto"], indirect=True)
def test_an_acknowledgement_is_never_sent_on_another_connection_than_its_message(running: Any, device: Device) -> None:
    running.start_broker()
    arrived: list[Message] = []
    feed = Feed(BrokerAddress(port=running.port), "test-feed", [str(device.topic)], arrived.append)
    feed.start()
    try:
        assert wait_for(lambda: feed.connected)
        assert wait_for(lambda: device.publish(str(device.topic), "one") or arrived, 5)
        running.broker.kill()
        assert wait_for(lambda: not feed.connected)
        running.start_broker()
        assert wait_for(lambda: feed.connected)
        assert not feed.is_current(arrived[0])
        assert not feed.acknowledge(arrived[0])
        earlier = len(arrived)
        assert wait_for(lambda: device.publish(str(device.topic), "two") or len(arrived) > earlier, 5)
        assert feed.acknowledge(arrived[-1])
    finally:
        feed.stop()


def test_a_broker_that_does_not_promise_delivery_ends_the_ingester_with_one_line(tmp_path: Path) -> None:
    port = free_port()
    command = broker_command("mosquitto", port, tmp_path)
    with Path(command[-1]).open("a") as configuration:
        configuration.write("max_qos 0\n")
    broker = Program(command, tmp_path / "broker.log").start()
    arguments = ["ingest", "--study", "demo", "--database", str(tmp_path / "t.sqlite3"), "--port", str(port)]
    ingester = Program(refill_trial(*arguments), tmp_path / "ingest.log")
    try:
        listening(port)
        ingester.start()
        assert ingester.process is not None
        assert ingester.process.wait(20) == 1
        assert ingester.text().rstrip().splitlines()[-1].startswith("the broker refuses the subscription")
    finally:
        ingester.kill()
        broker.kill()


@pytest.mark.parametrize("running", ["mosquitto"], indirect=True)
def test_readings_sent_while_no_ingester_runs_are_kept_by_the_session(running: Any, device: Device) -> None:
    running.start_broker()
    running.ingester.start()
    ready(running)
    assert running.ingester.terminate() == 0
    content = sealed_payload(reading(1))
    device.publish(str(device.topic), content)
    running.ingester.start()
    assert wait_for(lambda: len(device.receipts) == 1), running.ingester.text()
    assert "session resumed" in running.ingester.text()


@pytest.mark.parametrize("running", ["mosquitto"], indirect=True)
def test_bad_messages_end_as_dead_letters_and_do_not_stop_the_feed(running: Any, device: Device) -> None:
    running.start_broker()
    running.ingester.start()
    ready(running)
    [(first, one), (_, two)] = chain(2)
    good = str(device.topic)
    conflicting = sealed_payload(first.model_copy(update={"operator": "n99"}))
    device.add(one)
    assert wait_for(lambda: device.unreceipted() == 0)
    bad = [b"\xff\x00", b"{}", b"", sealed_payload(reading(2, site="01")), conflicting]
    for content in bad:
        device.publish(good, content)
        device.publish(good, content)
    device.publish("refill/v1/demo/77/bedside-1/reading", sealed_payload(reading(5)))
    device.publish("refill/v1/demo/00/UPPER/reading", b"x")
    device.add(two)
    assert wait_for(lambda: device.unreceipted() == 0), running.ingester.text()
    letters = tables.dead_letter.c
    assert wait_for(lambda: fetch(running.url, select(func.count(letters.id)))[0][0] == len(bad) + 2)
    reasons = sorted(row[0] for row in fetch(running.url, select(letters.reason)))
    assert reasons == sorted(["unreadable"] * 3 + ["wrong_place", "conflict", "site", "topic"])
    refused = [receipt for receipt in device.receipts if receipt.outcome == "refused"]
    assert len(refused) == 4  # two that can be told apart, each sent twice
    assert fetch(running.url, select(func.count(tables.reading.c.id)))[0][0] == 2
    assert running.ingester.terminate() == 0


@pytest.mark.parametrize("running", ["mosquitto"], indirect=True)
def test_a_device_status_is_kept_also_when_it_was_sent_before(running: Any, device: Device) -> None:
    running.start_broker()
    status = {
        "session_id": "00000000-0000-4000-8000-000000000001",
        "state": "ready",
        "at": "2026-11-23T12:00:00Z",
        "software_version": "0.1.0",
        "unsent_readings": 2,
    }
    device.publish("refill/v1/demo/00/bedside-1/status", json.dumps(status), retain=True)
    running.ingester.start()
    ready(running)
    seen = select(tables.device_status.c.state, tables.device_status.c.unsent_readings)
    assert wait_for(lambda: [tuple(row) for row in fetch(running.url, seen)] == [("ready", 2)])
