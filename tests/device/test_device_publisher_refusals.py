"""A broker that refuses: it is said which trouble that is, and what it does not refuse goes on."""

import contextlib
import json
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from broker_bench import until
from device_bench import DEVICE, reading
from fake_broker import FakeBroker, Orders
from paho.mqtt.enums import MQTTProtocolVersion

from contract.topics import Topic
from device.health_file import Feed, read_feed
from device.health_table import FINDINGS
from device.journal import Deliveries, Journal
from device.publisher import Patience, Publisher
from device.publisher_link import BrokerAddress

pytestmark = pytest.mark.slow

HOME = Topic("demo", "00", DEVICE, "status")
QUICK = Patience(
    poll_s=0.02,
    connect_s=1.0,
    reconnect_first_s=0.05,
    reconnect_longest_s=0.1,
    receipt_s=0.2,
    receipt_longest_s=0.8,
    unanswered_alarm_s=0.5,
    look_s=0.02,
    status_s=0.05,
)
VERSIONS = {"3.1.1": MQTTProtocolVersion.MQTTv311, "5": MQTTProtocolVersion.MQTTv5}


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path


def fill(folder: Path, studies: list[str]) -> None:
    with Journal.open(folder / "journal.sqlite", DEVICE) as journal:
        for study in studies:
            journal.append(lambda seq, study=study: reading(seq).model_copy(update={"study": study}))


@contextlib.contextmanager
def publishing(folder: Path, broker: FakeBroker, version: str, keepalive_s: int = 30) -> Iterator[Callable[[], Feed]]:
    stop = threading.Event()
    address = BrokerAddress(port=broker.port, protocol=VERSIONS[version], keepalive_s=keepalive_s)
    publisher = Publisher(folder / "journal.sqlite", HOME, address, QUICK, folder / "run")
    thread = threading.Thread(target=publisher.run, args=(stop,), daemon=True)
    thread.start()

    def feed() -> Feed:
        return read_feed(folder / "run") or Feed(broker_connected=False)

    try:
        yield feed
        assert thread.is_alive(), "the publisher has ended by itself"
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive(), "the publisher did not stop"


def unsent(folder: Path) -> int:
    with Deliveries.open(folder / "journal.sqlite") as seen:
        return seen.counts().unsent


def seqs(broker: FakeBroker, study: str) -> list[int]:
    """In the order of first arrival."""
    return list(dict.fromkeys(each.device_seq for each in broker.readings if each.study == study))


def last_status(broker: FakeBroker) -> dict[str, Any]:
    return dict(json.loads(broker.statuses[-1])) if broker.statuses else {}


def allows_demo_only(reason: int) -> Callable[[str], int]:
    return lambda topic: 0 if topic.startswith("refill/v1/demo/") else reason


MIXED = ["other", "demo", "demo", "other"] * 15


def test_a_refused_subscription_holds_its_study_back_and_no_other(folder: Path, version: str) -> None:
    fill(folder, MIXED)
    refusal = 0x87 if version == "5" else 0x80
    with (
        FakeBroker(Orders(suback=lambda topic: allows_demo_only(refusal)(topic) or 1)) as broker,
        publishing(folder, broker, version) as feed,
    ):
        until(lambda: unsent(folder) == 30, "the others have arrived")
        until(lambda: feed().trouble == "feed_topic_refused", "the screen is told")
        until(
            lambda: FINDINGS["feed_topic_refused"].english in str(last_status(broker).get("health")),
            "the trial is told",
        )
        assert broker.refused >= 1
        asked = broker.refused
        time.sleep(1.7)
        assert 1 <= broker.refused - asked <= 4, "it is tried again, with pauses"
        assert broker.connections == 1
        broker.orders.suback = lambda _topic: 1
        until(lambda: unsent(folder) == 0, "the rest has arrived")
        until(lambda: feed().trouble is None, "and that is told")
    assert seqs(broker, "demo") == [seq + 1 for seq, study in enumerate(MIXED) if study == "demo"]
    assert seqs(broker, "other") == [seq + 1 for seq, study in enumerate(MIXED) if study == "other"]
    assert len(broker.readings) == 60, "nothing was sent twice"


def test_a_refused_topic_holds_its_study_back_and_no_other(folder: Path) -> None:
    fill(folder, MIXED)
    with (
        FakeBroker(Orders(puback=allows_demo_only(0x87))) as broker,
        publishing(folder, broker, "5") as feed,
    ):
        until(lambda: unsent(folder) == 30, "the others have arrived")
        until(lambda: feed().trouble == "feed_topic_refused", "the screen is told")
        assert broker.connections == 1
        broker.orders.puback = lambda _topic: 0
        until(lambda: unsent(folder) == 0, "the rest has arrived")
        until(lambda: feed().trouble is None, "and that is told")
    numbered = {study: [seq + 1 for seq, each in enumerate(MIXED) if each == study] for study in ("demo", "other")}
    assert seqs(broker, "demo") == numbered["demo"]
    # The broker's mind may change between the two of a try that is under way: the first comes after the second then.
    assert sorted(seqs(broker, "other")) == numbered["other"]


def test_a_broker_of_311_says_nothing_of_what_it_drops_and_the_missing_receipt_tells(folder: Path) -> None:
    fill(folder, MIXED)
    with (
        FakeBroker(Orders(puback=allows_demo_only(0x87))) as broker,
        publishing(folder, broker, "3.1.1") as feed,
    ):
        until(lambda: unsent(folder) == 30, "the others have arrived")
        until(lambda: feed().unanswered, "the silence is told")
        assert feed().trouble is None
        assert last_status(broker)["state"] == "ready"
        assert broker.connections == 1
        broker.orders.puback = lambda _topic: 0
        until(lambda: unsent(folder) == 0, "the rest has arrived")
        until(lambda: not feed().unanswered, "and that is told")
    assert seqs(broker, "demo") == [seq + 1 for seq, study in enumerate(MIXED) if study == "demo"]


@pytest.mark.parametrize(("reason", "row"), [(0x97, "feed_full"), (0x10, "feed_nobody")])
def test_a_full_broker_and_one_where_nobody_listens_are_told_apart(folder: Path, reason: int, row: str) -> None:
    fill(folder, ["demo"] * 50)
    with (
        FakeBroker(Orders(puback=lambda topic: reason if topic.endswith("/reading") else 0)) as broker,
        publishing(folder, broker, "5") as feed,
    ):
        until(lambda: feed().trouble == row, "the screen is told")
        until(lambda: FINDINGS[row].english in str(last_status(broker).get("health")), "the trial is told")
        assert broker.refused <= 24, "it is not flooded"
        broker.orders.puback = lambda _topic: 0
        until(lambda: unsent(folder) == 0, "all have arrived")
        until(lambda: feed().trouble is None, "and that is told")
    assert seqs(broker, "demo") == list(range(1, 51))


def test_a_status_that_is_refused_is_told_on_the_screen_and_readings_go_on(folder: Path) -> None:
    fill(folder, ["demo"] * 5)
    with (
        FakeBroker(Orders(puback=lambda topic: 0x87 if topic.endswith("/status") else 0)) as broker,
        publishing(folder, broker, "5") as feed,
    ):
        until(lambda: unsent(folder) == 0, "all have arrived")
        until(lambda: feed().trouble == "feed_status_refused", "the screen is told")
        assert broker.connections == 1


def test_one_record_that_is_refused_for_its_own_sake_is_set_aside(folder: Path) -> None:
    fill(folder, ["demo"] * 30)
    with (
        FakeBroker(Orders(of_reading=lambda each: 0x99 if each.device_seq == 1 else 0)) as broker,
        publishing(folder, broker, "5") as feed,
    ):
        until(lambda: unsent(folder) == 1, "the others have arrived")
        until(lambda: feed().trouble == "feed_record_refused", "the screen is told")
        assert seqs(broker, "demo") == list(range(2, 31))
        assert broker.connections == 1


# There are no reasons in MQTT 3.1.1.
@pytest.mark.parametrize(("version", "how"), [("3.1.1", "cut"), ("5", "cut"), ("5", "unknown reason")])
def test_one_record_that_ends_the_connection_is_found_and_set_aside(folder: Path, version: str, how: str) -> None:
    # mosquitto answers a message above its `message_size_limit` with 0x95, which is none for a PUBACK: paho gives up.
    answer = None if how == "cut" else 0x95
    fill(folder, ["demo"] * 30)
    with (
        FakeBroker(Orders(of_reading=lambda each: answer if each.device_seq == 7 else 0)) as broker,
        publishing(folder, broker, version) as feed,
    ):
        until(lambda: unsent(folder) == 1, "the others have arrived")
        until(lambda: feed().trouble == "feed_record_refused", "the screen is told")
        assert seqs(broker, "demo") == [*range(1, 7), *range(8, 31)]


def test_records_that_cannot_be_read_are_left_out_and_named(folder: Path) -> None:
    fill(folder, ["demo"] * 2)
    for damaged in ("{", reading(9).model_dump_json().replace('"demo"', '"no/topic"')):
        connection = sqlite3.connect(folder / "journal.sqlite")
        (last,) = connection.execute("SELECT MAX(device_seq) FROM record").fetchone()
        name = f"damaged {last}"
        connection.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", (last + 1, name, damaged, name, name, name))
        connection.commit()
        connection.close()
    Path(folder / "journal.high-water").unlink()
    with FakeBroker() as broker, publishing(folder, broker, "5") as feed:
        until(lambda: unsent(folder) == 2, "the others have arrived")
        until(
            lambda: feed().problem == "Record 3 of the journal cannot be sent. Call the study engineer.", "it is told"
        )
        assert (seqs(broker, "demo"), broker.connections) == ([1, 2], 1)


def test_a_message_larger_than_the_broker_says_is_not_even_sent(folder: Path) -> None:
    with Journal.open(folder / "journal.sqlite", DEVICE) as journal:
        for presses in (0, 12, 0):
            journal.append(lambda seq, presses=presses: longer(seq, presses))
    limit = bytes([0x27]) + (2500).to_bytes(4, "big")
    with (
        FakeBroker(Orders(properties=limit, of_reading=lambda each: None if each.device_seq == 2 else 0)) as broker,
        publishing(folder, broker, "5") as feed,
    ):
        until(lambda: unsent(folder) == 1, "the others have arrived")
        until(lambda: feed().trouble == "feed_record_refused", "the screen is told")
        assert (seqs(broker, "demo"), broker.connections) == ([1, 3], 1)


def longer(seq: int, presses: int) -> Any:
    from device_bench import press

    return reading(seq, presses=[press(number) for number in range(1, presses + 1)])


def test_no_more_is_under_way_than_the_broker_says(folder: Path) -> None:
    fill(folder, ["demo"] * 10)
    with (
        FakeBroker(Orders(properties=bytes([0x21, 0, 4])), acknowledges=False) as broker,
        publishing(folder, broker, "5"),
    ):
        until(lambda: len(broker.readings) + len(broker.statuses) >= 4, "what it takes is sent")
        time.sleep(0.15)
        assert len(broker.readings) + len(broker.statuses) == 4


CONNACKS: list[tuple[str, int, str]] = [
    ("5", 0x84, "broker_version"),
    ("5", 0x85, "broker_denies"),
    ("5", 0x86, "broker_denies"),
    ("5", 0x87, "broker_denies"),
    ("5", 0x88, "broker_full"),
    ("5", 0x89, "broker_full"),
    ("5", 0x8A, "broker_denies"),
    ("5", 0x97, "broker_full"),
    ("5", 0x9F, "broker_full"),
    ("3.1.1", 1, "broker_version"),
    ("3.1.1", 2, "broker_denies"),
    ("3.1.1", 3, "broker_full"),
    ("3.1.1", 4, "broker_denies"),
    ("3.1.1", 5, "broker_denies"),
]


@pytest.mark.parametrize(("version", "reason", "row"), CONNACKS)
def test_a_refused_connection_says_why(folder: Path, version: str, reason: int, row: str) -> None:
    fill(folder, ["demo"])
    with FakeBroker(Orders(connack=reason)) as broker, publishing(folder, broker, version) as feed:
        until(lambda: feed().broker_trouble == row, "the screen is told")
        broker.orders.connack = 0
        until(lambda: unsent(folder) == 0, "it goes on by itself")
        until(lambda: feed().broker_trouble is None, "and that is told")


def test_another_device_with_our_name_is_told(folder: Path) -> None:
    fill(folder, ["demo"])
    with FakeBroker(Orders(farewell=0x8E)) as broker, publishing(folder, broker, "5") as feed:
        until(lambda: feed().broker_trouble == "broker_twin", "the screen is told")


def test_a_broker_that_takes_the_connection_and_says_nothing_is_told(folder: Path, version: str) -> None:
    fill(folder, ["demo"])
    with FakeBroker(Orders(connack=None)) as broker, publishing(folder, broker, version) as feed:
        until(lambda: feed().broker_trouble == "broker_silent", "the screen is told")


def test_a_broker_that_falls_silent_is_given_up(folder: Path) -> None:
    fill(folder, ["demo"])
    with FakeBroker() as broker, publishing(folder, broker, "5", keepalive_s=1) as feed:
        until(lambda: unsent(folder) == 0, "it works")
        broker.orders.silent = True
        until(lambda: feed().broker_trouble == "broker_silent", "the screen is told")
        broker.orders.silent = False
        fill(folder, ["demo"])
        until(lambda: unsent(folder) == 0, "it goes on")


def test_a_broker_that_hangs_up_at_once_is_told(folder: Path, version: str) -> None:
    fill(folder, ["demo"])
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            with contextlib.suppress(OSError):
                while True:
                    listener.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        broker = FakeBroker()
        broker.port = listener.getsockname()[1]
        with publishing(folder, broker, version) as feed:
            until(lambda: feed().broker_trouble == "broker_shuts", "the screen is told")
        listener.shutdown(socket.SHUT_RDWR)


def test_where_nobody_is_at_the_address_or_the_name_is_none_that_is_told(folder: Path) -> None:
    fill(folder, ["demo"])
    with FakeBroker() as broker:
        gone = broker
    with publishing(folder, gone, "5") as feed:
        until(lambda: feed().broker_trouble == "broker_nothing", "the screen is told")
        assert feed().broker_away_s is None
