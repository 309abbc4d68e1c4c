"""Readings reach the trial database through real brokers, whatever the network and the other end do."""

import hashlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from broker_bench import KINDS, broker, free_port, or_skip, until
from device_bench import DEVICE, TrialEnd, amendment, mottling, not_scored, reading, scored

from contract.reading import Receipt
from contract.topics import Topic
from device import publisher_link
from device.journal import Deliveries, Journal
from device.publisher import Patience, Publisher
from device.publisher_link import BrokerAddress

pytestmark = pytest.mark.slow

HOME = Topic("demo", "00", DEVICE, "status")
QUICK = Patience(
    poll_s=0.02,
    reconnect_first_s=0.1,
    reconnect_longest_s=0.5,
    receipt_s=0.5,
    receipt_longest_s=2.0,
    unanswered_alarm_s=1.0,
    look_s=0.05,
    status_s=0.1,
)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return or_skip(str(request.param))


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def record(journal: Path, count: int) -> None:
    with Journal.open(journal, DEVICE) as opened:
        for _ in range(count):
            opened.append(reading)


@contextmanager
def publishing(journal: Path, port: int) -> Iterator[None]:
    stop = threading.Event()
    publisher = Publisher(journal, HOME, BrokerAddress(port=port), QUICK)
    thread = threading.Thread(target=publisher.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive(), "the publisher did not stop"


def unsent(journal: Path) -> int:
    with Deliveries.open(journal) as seen:
        return seen.counts().unsent


def test_readings_arrive_once_each_in_order_and_the_receipts_clear_them(kind: str, port: int, journal: Path) -> None:
    record(journal, 45)
    with broker(kind, port, journal.parent):
        trial = TrialEnd(port)
        with publishing(journal, port):
            until(lambda: unsent(journal) == 0, "all receipted")
            until(lambda: bool(trial.statuses) and trial.statuses[-1]["unsent_readings"] == 0, "status says so")
        until(lambda: trial.statuses[-1]["state"] == "stopped", "the farewell")
        trial.close()
    assert trial.seqs == list(range(1, 46))
    assert trial.statuses[0]["state"] == "ready"
    assert len({status["session_id"] for status in trial.statuses}) == 1


def test_all_kinds_of_records_arrive_in_order_and_no_photo_with_them(kind: str, port: int, journal: Path) -> None:
    photo = b"\xff\xd8\xff" + bytes(range(256)) * 8
    digest = hashlib.sha256(photo).hexdigest()
    with Journal.open(journal, DEVICE) as opened:
        first = opened.append(reading).content
        draft = mottling(1, not_scored())
        opened.begin(draft)
        leg = draft.model_copy(update={"result": scored(), "photo_sha256": digest})
        opened.append(lambda seq: leg.model_copy(update={"device_seq": seq}), photo)
        opened.append(lambda seq: amendment(seq, leg, mottling_score=1))
        opened.append(reading)
        opened.append(lambda seq: amendment(seq, first, action="commented", comment="oedema"))
    with broker(kind, port, journal.parent):
        trial = TrialEnd(port)
        with publishing(journal, port):
            until(lambda: unsent(journal) == 0, "all receipted")
        trial.close()
    assert trial.seqs == [1, 2, 3, 4, 5]
    assert [each.kind for each in trial.readings] == ["refill", "mottling", "amendment", "refill", "amendment"]
    assert trial.readings[1] == leg.model_copy(update={"device_seq": 2}), "its hash, and nothing of the photo"


def test_readings_wait_while_the_broker_is_down_and_go_out_when_it_is_up(kind: str, port: int, journal: Path) -> None:
    record(journal, 3)
    with publishing(journal, port):
        time.sleep(0.5)
        assert unsent(journal) == 3
        with broker(kind, port, journal.parent):
            trial = TrialEnd(port)
            until(lambda: unsent(journal) == 0, "the first three")
            trial.close()
        record(journal, 2)
        time.sleep(0.3)
        assert unsent(journal) == 2
        with broker(kind, port, journal.parent):
            again = TrialEnd(port)
            until(lambda: unsent(journal) == 0, "the last two")
            again.close()
    assert sorted(set(trial.seqs)) == [1, 2, 3]
    assert sorted(set(again.seqs)) == [4, 5]


def test_a_reading_whose_receipt_is_late_is_sent_again_and_a_second_receipt_harms_nothing(
    kind: str, port: int, journal: Path
) -> None:
    asked: dict[int, int] = {}

    def third_time(receipt: Receipt) -> Receipt | None:
        asked[receipt.device_seq] = asked.get(receipt.device_seq, 0) + 1
        return receipt if asked[receipt.device_seq] >= 3 else None

    record(journal, 2)
    with broker(kind, port, journal.parent):
        trial = TrialEnd(port, third_time)
        with publishing(journal, port):
            until(lambda: any(status["problem"] for status in trial.statuses), "the status names the silence")
            until(lambda: unsent(journal) == 0, "receipted at the third time")
        trial.close()
    assert any("does not answer" in str(status["problem"]) for status in trial.statuses)
    assert set(asked.values()) == {3}
    with Deliveries.open(journal) as seen:
        assert len(seen.receipts(1)) == 1


def test_a_refused_reading_stays_in_the_outbox_until_it_is_stored_and_the_status_says_why(
    kind: str, port: int, journal: Path
) -> None:
    closed = threading.Event()
    closed.set()

    def refuse_second(receipt: Receipt) -> Receipt:
        if receipt.device_seq != 2 or not closed.is_set():
            return receipt
        return receipt.model_copy(update={"outcome": "refused", "reason": "site 00 is closed"})

    record(journal, 3)
    with broker(kind, port, journal.parent):
        trial = TrialEnd(port, refuse_second)
        with publishing(journal, port):
            until(lambda: "site 00 is closed" in str(trial.statuses[-1:]), "the problem is told")
            until(lambda: unsent(journal) == 1, "the others are stored")
            closed.clear()
            until(lambda: unsent(journal) == 0, "stored in the end")
        trial.close()
    assert set(trial.seqs) == {1, 2, 3}


def test_receipts_for_something_else_clear_nothing(kind: str, port: int, journal: Path) -> None:
    record(journal, 1)
    with broker(kind, port, journal.parent):
        trial = TrialEnd(port, lambda receipt: receipt.model_copy(update={"sha256": "f" * 64}))
        with publishing(journal, port):
            until(lambda: len(trial.readings) >= 2, "sent again")
            trial.client.publish("refill/v1/demo/00/refill-test/receipt", b"\xff{", qos=1).wait_for_publish(5)
            until(lambda: len(trial.readings) >= 3, "and again")
            assert unsent(journal) == 1
        trial.close()


def test_a_publisher_that_is_killed_is_reported_lost_by_the_broker(kind: str, port: int, journal: Path) -> None:
    record(journal, 1)
    script = (
        "import sys; from pathlib import Path; from contract.topics import Topic;"
        "from device.publisher_link import BrokerAddress; from device.publisher import run_publisher;"
        f"run_publisher(Path(sys.argv[1]), Topic('demo', '00', {DEVICE!r}, 'status'),"
        " BrokerAddress(port=int(sys.argv[2])))"
    )
    with broker(kind, port, journal.parent):
        trial = TrialEnd(port)
        ended = []
        for number in (signal.SIGKILL, signal.SIGTERM):
            process = subprocess.Popen([sys.executable, "-c", script, str(journal), str(port)])
            before = len(trial.statuses)
            until(lambda before=before: any(s["state"] == "ready" for s in trial.statuses[before:]), "it is ready")
            process.send_signal(number)
            ended.append(process.wait(10))
            until(lambda: trial.statuses[-1]["state"] != "ready", "the end is told")
        trial.close()
    assert ended == [-signal.SIGKILL, 0]
    sessions: dict[object, list[object]] = {}
    for status in trial.statuses:
        sessions.setdefault(status["session_id"], []).append(status["state"])
    assert [states[-1] for states in sessions.values()] == ["lost", "stopped"]


def test_a_journal_that_is_not_there_yet_is_waited_for(kind: str, port: int, journal: Path) -> None:
    with broker(kind, port, journal.parent):
        trial = TrialEnd(port)
        with publishing(journal, port):
            until(lambda: any("no journal" in str(s["problem"]) for s in trial.statuses), "the problem is told")
            record(journal, 1)
            until(lambda: unsent(journal) == 0, "delivered")
            journal.rename(journal.with_name("journal-broken-20261123T000000.sqlite"))
            journal.with_suffix(".high-water").unlink()
            record(journal, 1)
            until(lambda: unsent(journal) == 0, "delivered from the new file")
            until(lambda: "set aside" in str(trial.statuses[-1]["problem"]), "the broken one is told")
        trial.close()


def test_a_broker_that_accepts_and_says_nothing_does_not_hold_the_publisher(
    port: int, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher_link, "OPEN_S", 600.0)  # so that it cannot end by giving up
    record(journal, 1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", port))
        silent.listen()
        silent.settimeout(10)
        with publishing(journal, port):
            connection, _ = silent.accept()
        connection.close()
    assert unsent(journal) == 1
