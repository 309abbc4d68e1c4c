"""What the publisher tells of the device: its own parts, the bedside's by its word, and silence named as such."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from device_bench import BOOT, DEVICE, reading
from health_bench import WELL

from contract.status import Condition, PartHealth, PartName
from contract.topics import Topic
from device import publisher, publisher_link
from device.health import ProbeFacts, judge
from device.health_file import Feed, read_feed, write
from device.health_table import BEDSIDE_SILENT, FINDINGS
from device.journal import Deliveries, Journal
from device.outbox import Outbox
from device.publisher import Patience, Publisher
from device.publisher_journal import JournalAccess, waited_s
from device.publisher_link import BrokerAddress, BrokerLink
from device.publisher_outlook import FEED_EVERY_S, Outlook, Watch
from device.publisher_sender import Sender
from device.publisher_trouble import BrokerError
from device.session_words import NO_PROBE

HOME = Topic("demo", "00", DEVICE, "status")
PATIENCE = Patience(poll_s=0.02, reconnect_first_s=0.05, reconnect_longest_s=0.2, look_s=0.05, status_s=0.1)


class SteppedClock:
    def __init__(self, boot: UUID = BOOT, ns: int = 10**12) -> None:
        self.boot, self.ns = boot, ns

    def boottime_ns(self) -> int:
        return self.ns

    def now(self) -> datetime:
        return datetime.now(UTC)

    def boot_id(self) -> UUID:
        return self.boot

    def synchronised(self) -> bool:
        return True


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def watch(journal: Path, run_folder: Path, clock: SteppedClock) -> Iterator[Watch]:
    access = JournalAccess(journal)
    yield Watch(access, Sender(access, Outbox()), run_folder, clock)
    access.close()


def record(journal: Path, count: int) -> None:
    with Journal.open(journal, DEVICE) as opened:
        for _ in range(count):
            opened.append(reading)


def parts(outlook: Outlook) -> dict[PartName, PartHealth]:
    assert outlook.health is not None
    assert [part.part for part in outlook.health] == list(PartName)
    return {part.part: part for part in outlook.health}


def test_the_bedsides_parts_are_its_own_word_and_the_feed_is_ours(
    watch: Watch, journal: Path, run_folder: Path, clock: SteppedClock
) -> None:
    record(journal, 2)
    ill = judge(replace(WELL, probe=ProbeFacts(reachable=False), broker=None, feed=None))
    write(run_folder, ill, clock)
    seen = watch.look(600, connected=True)
    told = parts(seen)
    assert told[PartName.PROBE].sentence == seen.problem == NO_PROBE
    assert told[PartName.TEMPERATURE].value == 50
    assert told[PartName.BROKER].condition is Condition.OK, "we know better than the bedside"
    assert (told[PartName.FEED].condition, told[PartName.FEED].value) == (Condition.OK, 2)


def test_a_bedside_that_is_silent_for_15_s_is_named_and_its_parts_are_unknown(
    watch: Watch, journal: Path, run_folder: Path, clock: SteppedClock
) -> None:
    record(journal, 0)
    write(run_folder, judge(WELL), clock)
    assert watch.look(600, connected=True).problem is None
    clock.ns += 15_000_000_001
    seen = watch.look(600, connected=True)
    assert seen.problem == BEDSIDE_SILENT
    unknown = {part for part, health in parts(seen).items() if health.condition is Condition.UNKNOWN}
    assert unknown == set(PartName) - {PartName.BROKER, PartName.FEED}
    write(run_folder, judge(WELL), clock)
    assert watch.look(600, connected=True).problem is None


def test_without_a_journal_the_feed_has_a_fault_and_is_not_taken_for_empty(
    watch: Watch, run_folder: Path, clock: SteppedClock
) -> None:
    write(run_folder, judge(WELL), clock)
    seen = watch.look(600, connected=True)
    assert parts(seen)[PartName.FEED].condition is Condition.FAULT
    assert seen.problem == "There is no journal journal.sqlite yet."
    assert seen.feed.unsent is None


def test_feed_json_says_what_the_bedsides_screen_needs(
    watch: Watch, journal: Path, run_folder: Path, clock: SteppedClock
) -> None:
    record(journal, 3)
    watch.look(600, connected=False)
    first = read_feed(run_folder, clock)
    assert first == Feed(broker_connected=False, unsent=3, oldest_unsent_s=(clock.ns - 1) / 1e9)
    watch.look(600, connected=True)
    now = read_feed(run_folder, clock)
    assert now is not None
    assert now.broker_connected
    time.sleep(0.02)
    watch.look(600, connected=False)
    lost = read_feed(run_folder, clock)
    assert lost is not None
    assert lost.broker_away_s is not None
    assert 0.02 <= lost.broker_away_s < 5


def test_feed_json_is_written_on_news_and_else_every_two_seconds(
    watch: Watch, journal: Path, run_folder: Path, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(journal, 1)
    now_s = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    file = run_folder / "feed.json"

    def written() -> bool:
        before = file.stat().st_ino if file.exists() else None
        watch.look(600, connected=True)
        return file.stat().st_ino != before

    assert written()
    now_s += FEED_EVERY_S / 2
    assert not written()
    record(journal, 1)
    assert written()
    now_s += FEED_EVERY_S
    assert written()


def test_numbers_that_tremble_are_no_news(watch: Watch, journal: Path, run_folder: Path, clock: SteppedClock) -> None:
    record(journal, 1)
    write(run_folder, judge(WELL), clock)
    before = watch.look(600, connected=True)
    warmer = judge(replace(WELL, temperature=replace(WELL.temperature, board_c=51)))  # type: ignore[type-var]  # it stands
    write(run_folder, warmer, clock)
    assert watch.look(600, connected=True).news == before.news
    write(run_folder, judge(replace(WELL, clock_synchronised=False)), clock)
    assert watch.look(600, connected=True).news != before.news


def test_a_record_waits_by_the_boots_clock_or_the_walls(journal: Path) -> None:
    record(journal, 1)
    with Deliveries.open(journal) as opened:
        (waiting,) = opened.unsent(1)
    assert waited_s(waiting, SteppedClock(ns=1 + 5 * 10**9)) == pytest.approx(5.0)
    assert waited_s(waiting, SteppedClock(ns=0)) == 0.0
    assert waited_s(waiting, SteppedClock(boot=UUID(int=9))) < 60
    old = replace(waiting, committed_at=(datetime.now(UTC) - timedelta(hours=2)).isoformat())
    assert waited_s(old, SteppedClock(boot=UUID(int=9))) == pytest.approx(7200, abs=60)
    ahead = replace(waiting, body="{", committed_at=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    assert waited_s(ahead, SteppedClock()) == 0.0
    for damaged in ("yesterday", "2026-11-26T12:00:00"):
        assert waited_s(replace(ahead, committed_at=damaged), SteppedClock()) is None


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(5)

    def hears(self) -> str:
        return self.socket.recv(4096).decode()


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    path = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    systemd = Systemd(path)
    yield systemd
    systemd.socket.close()


@contextlib.contextmanager
def publishing(journal: Path, run_folder: Path, host: str = "127.0.0.1", port: int = 9) -> Iterator[None]:
    stop = threading.Event()
    publisher = Publisher(journal, HOME, BrokerAddress(host=host, port=port), PATIENCE, run_folder)
    thread = threading.Thread(target=publisher.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive(), "the publisher did not stop"


@pytest.mark.slow
def test_it_is_ready_after_its_first_turn_with_or_without_a_broker(
    journal: Path, run_folder: Path, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "ALIVE_S", 0.1)
    with publishing(journal, run_folder):
        assert systemd.hears().startswith("READY=1")
        assert read_feed(run_folder) is not None, "by then it has looked"
        assert systemd.hears() == "WATCHDOG=1"
        assert systemd.hears() == "WATCHDOG=1"
    heard = systemd.hears()
    while heard == "WATCHDOG=1":
        heard = systemd.hears()
    assert heard == "STOPPING=1"


@pytest.mark.slow
def test_it_does_not_tell_systemd_at_every_turn_that_it_lives(
    journal: Path, run_folder: Path, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "ALIVE_S", 600.0)
    with publishing(journal, run_folder):
        assert systemd.hears().startswith("READY=1")
        assert systemd.hears() == "WATCHDOG=1"
        time.sleep(0.3)  # several turns
    assert systemd.hears() == "STOPPING=1"


@pytest.mark.slow
def test_a_name_server_that_is_silent_does_not_look_like_a_publisher_that_hangs(
    journal: Path, run_folder: Path, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()

    def silent(*_: object, **__: object) -> list[object]:
        answered.wait(20)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    with publishing(journal, run_folder, host="broker.invalid"):
        heard = [systemd.hears() for _ in range(3)]
    answered.set()
    assert heard[0].startswith("READY=1")
    assert heard[1:] == ["WATCHDOG=1", "WATCHDOG=1"]


@pytest.mark.slow
def test_an_address_that_takes_too_long_is_given_up_and_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_link, "OPEN_S", 0.2)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        asked = socket.getaddrinfo

        def slow(*arguments: object, **more: object) -> list[object]:
            time.sleep(0.6)
            return asked(*arguments, **more)  # type: ignore[arg-type, return-value]  # passed through

        monkeypatch.setattr(socket, "getaddrinfo", slow)
        link = BrokerLink(BrokerAddress(port=port), "test")
        with pytest.raises(BrokerError, match="does not answer: no connection in time"):
            link.open("t", "lost", lambda: True)
        listener.settimeout(5)
        connection, _ = listener.accept()
        connection.settimeout(5)
        # The greeting may have been sent; then the end comes.
        while connection.recv(4096):
            pass
        connection.close()


def test_an_address_that_refuses_is_told_at_once(journal: Path) -> None:
    link = BrokerLink(BrokerAddress(port=9), "test")
    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:9 does not answer: .*refused"):
        link.open("t", "lost", lambda: True)


@pytest.mark.slow
def test_an_end_that_is_asked_for_is_not_kept_waiting_by_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    answers: list[bool] = []

    def slow(*_: object, **__: object) -> list[object]:
        answers.append(let_go.wait(30))
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    assert BrokerLink(BrokerAddress(), "test").open("t", "lost", lambda: False) is False
    assert answers == [], "the address still has no answer"
    let_go.set()


def test_a_publisher_that_knows_of_no_bedside_says_nothing_of_its_parts(journal: Path, clock: SteppedClock) -> None:
    access = JournalAccess(journal)
    sender = Sender(access, Outbox())
    watch = Watch(access, sender, None, clock)
    seen = watch.look(600, connected=True)
    assert (seen.health, seen.problem) == (None, "There is no journal journal.sqlite yet.")
    record(journal, 1)
    sender.outbox.sent(1, "road", "a" * 64, 0.0)
    assert watch.look(600, connected=True).problem == FINDINGS["feed_unanswered"].english
    sender.outbox.refused(1, "feed_full", 1.0)
    assert watch.look(600, connected=True).problem == FINDINGS["feed_full"].english
