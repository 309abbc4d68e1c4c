"""Several ingesters on one shared subscription and one PostgreSQL: nothing twice, and nothing waits for a dead one."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from trial_bench import Device, Program, broker_command, chain, free_port, listening, refill_trial, wait_for

from trial import queries, tables
from trial.database import open_database
from trial.feed import WINDOW, BrokerAddress, Feed, Message

pytestmark = pytest.mark.slow

SHARED = ("--mqtt", "5", "--group", "trial")


class Site:
    """A broker, a PostgreSQL database, and ingesters on both."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url, self.port = folder, url, free_port()
        self.broker = Program(broker_command("mosquitto", self.port, folder), folder / "broker.log").start()
        listening(self.port)
        self.programs = [self.broker]

    def ingester(self, name: str, *options: str) -> Program:
        where = ["--study", "demo", "--database", self.url, "--port", str(self.port), "--client-id", name]
        program = Program(refill_trial("ingest", *where, *options), self.folder / f"{name}.log")
        self.programs.append(program)
        return program

    def begin(self, program: Program) -> None:
        before = program.text().count("connected to the broker")
        program.start()
        assert wait_for(lambda: program.text().count("connected to the broker") > before), program.text()

    def rows(self) -> tuple[int, int, int]:
        """How many readings, receipts and dead letters there are."""
        engine = open_database(self.url)
        with engine.connect() as connection:
            found = [
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (tables.reading, tables.receipt, tables.dead_letter)
            ]
            assert queries.gaps(connection) == queries.chain_breaks(connection) == []
        engine.dispose()
        return found[0], found[1], found[2]

    def close(self) -> None:
        for program in self.programs:
            if program.process is not None:
                program.kill()


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    server = request.getfixturevalue("postgresql").url
    admin = open_database(server).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE shared"))
    made = Site(tmp_path, server.replace("/postgres?", "/shared?"))
    try:
        yield made
    finally:
        made.close()
        with admin.connect() as connection:
            connection.execute(text("DROP DATABASE shared WITH (FORCE)"))
        admin.dispose()


@pytest.fixture
def device(site: Site) -> Iterator[Device]:
    device = Device(site.port)
    yield device
    device.close()


def test_two_ingesters_share_the_feed(site: Site, device: Device) -> None:
    both = [site.ingester(name, *SHARED) for name in ("first", "second")]
    for each in both:
        site.begin(each)
    records = chain(120)
    for _, sealed in records:
        device.add(sealed)
    assert wait_for(lambda: device.unreceipted() == 0), both[0].text() + both[1].text()
    assert [each.terminate() for each in both] == [0, 0]
    assert site.rows() == (120, 120, 0)
    assert all("stored 0," not in each.text() for each in both)


def test_what_a_killed_ingester_had_is_sent_again_and_stored_once(site: Site, device: Device) -> None:
    """Mosquitto keeps it for the killed one; the device does not wait, and the one that comes back finds it stored."""
    first, second = (site.ingester(name, *SHARED) for name in ("first", "second"))
    site.begin(first)
    site.begin(second)
    records = chain(200)
    for number, (_, sealed) in enumerate(records):
        device.add(sealed)
        time.sleep(0.004)
        if number == 100:
            first.kill()
    assert wait_for(lambda: device.unreceipted() == 0, 20), second.text()
    site.begin(first)
    time.sleep(1.0)
    assert [each.terminate() for each in (first, second)] == [0, 0]
    assert site.rows() == (200, 200, 0)
    assert "session resumed" in first.text()
    again = first.text().rsplit("repeats ", 1)[1].split(",")[0]
    assert int(again) > 0, first.text()


def test_every_ingester_of_a_group_hears_a_status_that_was_sent_before(site: Site, device: Device) -> None:
    status = (
        '{"session_id": "00000000-0000-4000-8000-000000000001", "state": "ready", "at": "2026-11-23T12:00:00Z",'
        ' "software_version": "0.1.0", "unsent_readings": 2}'
    )
    device.publish("refill/v1/demo/00/bedside-1/status", status, retain=True)
    for name in ("first", "second"):
        site.begin(site.ingester(name, *SHARED))
    engine = open_database(site.url)
    with engine.connect() as connection:
        seen = select(tables.device_status.c.unsent_readings)
        assert wait_for(lambda: connection.execute(seen).scalars().all() == [2])
    engine.dispose()


def test_the_window_is_as_large_as_the_ingester_asks_for(site: Site, device: Device) -> None:
    arrived: list[Message] = []
    address = BrokerAddress(port=site.port, version="5")
    feed = Feed(address, "window", ["refill/v1/demo/+/+/reading"], arrived.append)
    feed.start()
    try:
        assert wait_for(lambda: feed.connected)
        time.sleep(0.2)
        for number in range(WINDOW + 50):
            device._client.publish(str(device.topic), str(number), qos=1)
        assert wait_for(lambda: len(arrived) >= 50, 5)
        time.sleep(0.5)
        assert len(arrived) == WINDOW
        assert all(feed.acknowledge(message) for message in arrived[:50])
        assert wait_for(lambda: len(arrived) == WINDOW + 50, 5)
    finally:
        feed.stop()
