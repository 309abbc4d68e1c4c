"""What the two processes tell each other: whole or not at all, and nothing that is old."""

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.health import BrokerFacts, Facts, FeedFacts, judge
from device.health_file import FEED_NAME, HEALTH_NAME, STALE_S, Feed, read, read_feed, write, write_feed

HEALTH = judge(Facts())
FEED = Feed(broker_connected=False, broker_away_s=12.5, unsent=3, oldest_unsent_s=99.0, unanswered=True)


@dataclass
class SteppedClock:
    ns: int = 10**12
    boot: int = 1

    def boottime_ns(self) -> int:
        return self.ns

    def now(self) -> datetime:
        return datetime(1970, 1, 1, tzinfo=UTC)

    def boot_id(self) -> UUID:
        return UUID(int=self.boot)

    def synchronised(self) -> bool:
        return False


def test_what_was_written_is_read_by_the_other(tmp_path: Path) -> None:
    assert write(tmp_path, HEALTH) is None
    assert write_feed(tmp_path, FEED) is None
    assert read(tmp_path) == HEALTH
    assert read_feed(tmp_path) == FEED
    assert sorted(path.name for path in tmp_path.iterdir()) == [FEED_NAME, HEALTH_NAME]
    assert (tmp_path / HEALTH_NAME).stat().st_mode & 0o777 == 0o640


def test_what_is_old_tells_nothing(tmp_path: Path) -> None:
    clock = SteppedClock()
    write(tmp_path, HEALTH, clock)
    write_feed(tmp_path, FEED, clock)
    clock.ns += round(STALE_S * 1e9)
    assert read(tmp_path, clock) == HEALTH
    assert read_feed(tmp_path, clock) == FEED
    clock.ns += 1
    assert read(tmp_path, clock) is None
    assert read_feed(tmp_path, clock) is None


def test_what_is_of_another_boot_or_of_the_future_tells_nothing(tmp_path: Path) -> None:
    clock = SteppedClock()
    write(tmp_path, HEALTH, clock)
    assert read(tmp_path, SteppedClock(boot=2)) is None
    assert read(tmp_path, SteppedClock(ns=clock.ns - 1)) is None


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"health": [', b"x" * 100_000])
def test_what_cannot_be_read_tells_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / HEALTH_NAME).write_bytes(content)
    (tmp_path / FEED_NAME).write_bytes(content)
    assert read(tmp_path) is None
    assert read_feed(tmp_path) is None
    assert read(tmp_path / "none") is None


@settings(deadline=None, max_examples=40)
@given(cut=st.integers(0, 4000))
def test_half_a_file_is_none(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("half")
    write(folder, HEALTH)
    whole = (folder / HEALTH_NAME).read_bytes()
    (folder / HEALTH_NAME).write_bytes(whole[:cut])
    assert read(folder) == (HEALTH if cut >= len(whole) else None)


def test_a_folder_that_takes_nothing_is_said_and_not_raised(tmp_path: Path) -> None:
    said = write(tmp_path / "none", HEALTH)
    assert said == f"{tmp_path / 'none' / HEALTH_NAME} cannot be written: No such file or directory."
    assert write_feed(tmp_path / "none", FEED) is not None
    (tmp_path / HEALTH_NAME).mkdir()
    assert write(tmp_path, HEALTH) is not None
    assert [path.name for path in tmp_path.iterdir()] == [HEALTH_NAME], "nothing is left behind"


def test_the_clock_of_the_wall_has_no_say(tmp_path: Path) -> None:
    clock = SteppedClock()
    write(tmp_path, HEALTH, clock)
    assert "1970" not in (tmp_path / HEALTH_NAME).read_text()
    assert read(tmp_path, clock) == HEALTH


def test_a_reader_never_sees_half(tmp_path: Path) -> None:
    stop = threading.Event()

    def writes() -> None:
        while not stop.is_set():
            write(tmp_path, HEALTH)

    write(tmp_path, HEALTH)
    threads = [threading.Thread(target=writes) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert all(json.loads((tmp_path / HEALTH_NAME).read_text()) for _ in range(300))
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_the_feed_gives_the_facts_that_are_judged() -> None:
    assert FEED.broker_facts() == BrokerFacts(connected=False, away_s=12.5)
    assert FEED.feed_facts() == FeedFacts(3, 99.0, None, unanswered=True)
    assert Feed(broker_connected=True).feed_facts() is None, "a journal that does not tell is not an empty outbox"
    lost = Feed(broker_connected=True, problem="There is no journal yet.")
    assert lost.feed_facts() == FeedFacts(0, None, "There is no journal yet.")
