"""The ingester and a database that is busy, stalls, crashes or does not say who is enrolled: waited for, aloud."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ingest_bench import exactly_once, ready
from sqlalchemy import Engine, event, func, select
from sqlalchemy.exc import OperationalError
from trial_bench import (
    STUDY,
    Device,
    PostgreSQL,
    Program,
    broker_command,
    chain,
    free_port,
    listening,
    refill_trial,
    wait_for,
)

from contract.topics import Topic
from trial import tables
from trial.database import open_database, writing
from trial.feed import BrokerAddress, Message
from trial.ingest import Ingester, IngestOptions

BROKERS = ["amqtt", "mosquitto"]


@pytest.fixture
def device(running: Any) -> Iterator[Device]:
    device = Device(running.port)
    yield device
    device.close()


def messages(count: int) -> list[Message]:
    topic = "refill/v1/demo/00/bedside-1/reading"
    now = datetime.now(UTC)
    return [
        Message(0, mid, 1, topic, sealed.model_dump_json().encode(), now)
        for mid, (_, sealed) in enumerate(chain(count), start=1)
    ]


class Written:
    """An ingester without a broker: what its network thread would hand over, and how it was committed."""

    def __init__(self, engine: Engine, **options: Any) -> None:
        study = STUDY.model_copy(update={"devices": "any"})
        self.commits: list[int] = []
        self.ingester = Ingester(engine, study, IngestOptions(BrokerAddress(), "in-process", **options))
        self._engine = engine
        event.listen(engine, "commit", lambda _: self.commits.append(1))
        self._thread = threading.Thread(target=self.ingester._write, daemon=True)

    def stored(self) -> int:
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(tables.reading)).scalar_one()

    def until(self, done: Callable[[], object]) -> None:
        self._thread.start()
        assert wait_for(done)
        self.ingester._stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_batch_is_as_large_as_asked_and_a_lonely_message_does_not_wait(engine: Engine) -> None:
    written = Written(engine, batch_messages=40, batch_wait_s=600.0)
    for message in messages(101):
        written.ingester._take(message)
    written.until(lambda: written.stored() == 101)
    assert written.ingester.counts["stored"] == 101
    assert len(written.commits) == 3


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_database_that_does_not_say_who_is_enrolled_turns_nobody_away(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [OperationalError("", {}, Exception("the server is away")), True, True, True]

    def admits(_: Any, _topic: Topic) -> bool:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    monkeypatch.setattr("trial.enrolment.Register.admits", admits)
    written = Written(engine)
    for message in messages(3):
        written.ingester._take(message)
    written.until(lambda: written.stored() == 3)
    assert written.ingester.counts == {"stored": 3}
    assert "nothing is acknowledged: the server is away" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("running", BROKERS, indirect=True)
def test_nothing_is_answered_while_the_database_is_locked(running: Any, device: Device) -> None:
    running.start_broker()
    running.ingester.start()
    ready(running)
    engine = open_database(running.url)
    records = chain(30)
    with writing(engine).begin():
        for _, sealed in records:
            device.add(sealed)
        time.sleep(2.0)
        assert device.sent >= 30
        assert device.receipts == []
    engine.dispose()
    assert wait_for(lambda: device.unreceipted() == 0), running.ingester.text()
    exactly_once(running.url, records, device)


@pytest.mark.slow
@pytest.mark.parametrize("running", ["mosquitto"], indirect=True)
def test_a_database_that_stalls_without_an_error_is_said_aloud(
    running: Any, device: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("trial.ingest.STALL_S", 0.4)
    running.start_broker()
    engine, locker = open_database(running.url), open_database(running.url)
    study = STUDY.model_copy(update={"devices": "any"})
    ingester = Ingester(engine, study, IngestOptions(BrokerAddress(port=running.port), "in-process"))
    work = threading.Thread(target=ingester.run)
    with caplog.at_level("INFO", logger="trial"):
        work.start()
        assert wait_for(lambda: "connected to the broker" in caplog.text)
        with writing(locker).begin():
            device.add(chain(1)[0][1])
            assert wait_for(lambda: "the database has not taken a batch for" in caplog.text)
            assert device.receipts == []
        assert wait_for(lambda: device.unreceipted() == 0)
        ingester.stop()
        work.join(10)
    assert not work.is_alive()
    engine.dispose()
    locker.dispose()


@pytest.mark.slow
def test_a_database_that_crashes_is_waited_for_aloud(postgresql: PostgreSQL, tmp_path: Path) -> None:
    port = free_port()
    broker = Program(broker_command("mosquitto", port, tmp_path), tmp_path / "broker.log").start()
    command = ["ingest", "--study", "demo", "--database", postgresql.url, "--port", str(port)]
    ingester = Program(refill_trial(*command), tmp_path / "ingest.log")
    listening(port)
    device = Device(port)
    try:
        ingester.start()
        assert wait_for(lambda: "connected to the broker" in ingester.text()), ingester.text()
        records = chain(40)
        for _, sealed in records[:20]:
            device.add(sealed)
        assert wait_for(lambda: device.unreceipted() == 0), ingester.text()
        postgresql.stop()
        before = len(device.receipts)
        for _, sealed in records[20:]:
            device.add(sealed)
        assert wait_for(lambda: "nothing is acknowledged" in ingester.text()), ingester.text()
        time.sleep(1.0)
        assert len(device.receipts) == before
        postgresql.start()
        assert wait_for(lambda: device.unreceipted() == 0, 40), ingester.text()
        exactly_once(postgresql.url, records, device)
    finally:
        device.close()
        ingester.kill()
        broker.kill()


def test_the_service_manager_is_told_that_it_runs_and_nothing_more_once_the_database_answers_no_more(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is gone without a word leaves the writer waiting for ever: only a new process ends that."""
    monkeypatch.setattr("trial.ingest.HANGS_S", 0.3)
    monkeypatch.setattr("trial.ingest.ALIVE_S", 0.05)
    gone, told = threading.Event(), list[str]()

    def never(*_: Any) -> list[Any]:
        gone.wait(20)
        return []

    ingester = Written(engine, tell=told.append).ingester
    running = threading.Thread(target=ingester.run)
    running.start()
    assert wait_for(lambda: told.count("WATCHDOG=1") > 3)
    assert [state.splitlines()[0] for state in told[:2]] == ["READY=1", "WATCHDOG_USEC=30000000"]
    monkeypatch.setattr("trial.ingest.store", never)
    ingester._take(messages(1)[0])
    assert wait_for(lambda: ingester._hangs(time.monotonic()))
    time.sleep(0.2)
    count = len(told)
    time.sleep(0.5)
    assert len(told) == count, "still told to be alive"
    gone.set()
    assert wait_for(lambda: len(told) > count)
    ingester.stop()
    running.join(15)
