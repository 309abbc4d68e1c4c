"""What a real mosquitto refuses, and how: with MQTT 5 it says so, with 3.1.1 only the missing receipt tells."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from broker_bench import broker, free_port, or_skip, until
from device_bench import DEVICE, TrialEnd, press, reading
from paho.mqtt.enums import MQTTProtocolVersion

from contract.topics import Topic
from device.health_file import Feed, read_feed
from device.journal import Deliveries, Journal
from device.publisher import Patience, Publisher
from device.publisher_link import BrokerAddress

pytestmark = pytest.mark.slow

HOME = Topic("demo", "00", DEVICE, "status")
QUICK = Patience(
    poll_s=0.02,
    reconnect_first_s=0.05,
    reconnect_longest_s=0.1,
    receipt_s=0.3,
    receipt_longest_s=0.8,
    unanswered_alarm_s=0.8,
    look_s=0.02,
    status_s=0.05,
)
VERSIONS = {"3.1.1": MQTTProtocolVersion.MQTTv311, "5": MQTTProtocolVersion.MQTTv5}
MIXED = ["other", "demo", "demo", "other"] * 10


@pytest.fixture(autouse=True)
def mosquitto() -> str:
    return or_skip("mosquitto")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path


def fill(folder: Path, studies: list[str], presses: Callable[[int], int] = lambda _seq: 0) -> None:
    with Journal.open(folder / "journal.sqlite", DEVICE) as journal:
        for study in studies:
            journal.append(
                lambda seq, study=study: reading(
                    seq, presses=[press(number + 1) for number in range(presses(seq))]
                ).model_copy(update={"study": study})
            )


@contextlib.contextmanager
def publishing(folder: Path, port: int, version: str) -> Iterator[Callable[[], Feed]]:
    stop = threading.Event()
    address = BrokerAddress(port=port, protocol=VERSIONS[version])
    publisher = Publisher(folder / "journal.sqlite", HOME, address, QUICK, folder / "run")
    thread = threading.Thread(target=publisher.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield lambda: read_feed(folder / "run") or Feed(broker_connected=False)
        assert thread.is_alive(), "the publisher has ended by itself"
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive(), "the publisher did not stop"


def unsent(folder: Path) -> int:
    with Deliveries.open(folder / "journal.sqlite") as seen:
        return seen.counts().unsent


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_access_list_forbids_is_told_and_the_rest_goes_on(folder: Path, version: str) -> None:
    fill(folder, MIXED)
    access = folder / "acl"
    access.write_text("topic readwrite refill/v1/demo/#\n")
    access.chmod(0o644)
    port = free_port()
    with broker("mosquitto", port, folder, f"acl_file {access}\n"):
        trial = TrialEnd(port)
        with publishing(folder, port, version) as feed:
            until(lambda: unsent(folder) == 20, "the others have arrived")
            if version == "5":
                until(lambda: feed().trouble == "feed_topic_refused", "the broker says why")
            else:
                until(lambda: feed().unanswered, "the missing receipt tells")
                assert feed().trouble is None
        trial.close()
    first = list(dict.fromkeys(trial.seqs))
    assert first == [seq + 1 for seq, study in enumerate(MIXED) if study == "demo"]


def test_where_nobody_listens_it_waits_and_then_goes_on_in_order(folder: Path) -> None:
    fill(folder, ["demo"] * 40)
    port = free_port()
    with broker("mosquitto", port, folder), publishing(folder, port, "5") as feed:
        until(lambda: feed().trouble == "feed_nobody", "the broker says that nobody listens")
        assert unsent(folder) == 40
        trial = TrialEnd(port)
        until(lambda: unsent(folder) == 0, "all have arrived")
        until(lambda: feed().trouble is None, "and that is told")
        trial.close()
    assert list(dict.fromkeys(trial.seqs)) == list(range(1, 41))


@pytest.mark.parametrize("limit", ["message_size_limit 2500", "max_packet_size 2500"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_record_that_is_too_large_for_the_broker_stops_no_other(folder: Path, version: str, limit: str) -> None:
    fill(folder, ["demo"] * 12, lambda seq: 12 if seq == 5 else 0)
    port = free_port()
    with broker("mosquitto", port, folder, f"{limit}\n"):
        trial = TrialEnd(port)
        with publishing(folder, port, version) as feed:
            until(lambda: unsent(folder) == 1, "the others have arrived")
            if version == "3.1.1" and limit.startswith("message"):
                until(lambda: feed().unanswered, "it is acknowledged and dropped: the missing receipt tells")
            else:
                until(lambda: feed().trouble == "feed_record_refused", "it is set aside")
        trial.close()
    assert list(dict.fromkeys(trial.seqs)) == [*range(1, 5), *range(6, 13)]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_last_will_of_every_connection_carries_its_own_session(folder: Path, version: str) -> None:
    fill(folder, ["demo"])
    script = (
        "import sys; from pathlib import Path; from contract.topics import Topic;"
        "from paho.mqtt.enums import MQTTProtocolVersion as V; from device.publisher_link import BrokerAddress;"
        "from device.publisher import run_publisher;"
        f"run_publisher(Path(sys.argv[1]), Topic('demo', '00', {DEVICE!r}, 'status'),"
        " BrokerAddress(port=int(sys.argv[2]), protocol=V(int(sys.argv[3]))))"
    )
    port = free_port()
    command = [sys.executable, "-c", script, str(folder / "journal.sqlite"), str(port), str(VERSIONS[version].value)]
    with broker("mosquitto", port, folder):
        trial = TrialEnd(port)
        for _ in range(2):
            before = len(trial.statuses)
            process = subprocess.Popen(command)
            until(lambda before=before: any(s["state"] == "ready" for s in trial.statuses[before:]), "it is ready")
            process.kill()
            process.wait(10)
            until(lambda: trial.statuses[-1]["state"] == "lost", "the end is told")
        trial.close()
    sessions: dict[object, list[object]] = {}
    for status in trial.statuses:
        sessions.setdefault(status["session_id"], []).append(status["state"])
    assert [states[-1] for states in sessions.values()] == ["lost", "lost"]
