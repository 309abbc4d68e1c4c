"""The broker's troubles as the publisher tells them: which is told, since when, and in which words."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from device_bench import DEVICE, reading
from health_bench import WELL

from contract.reading import Receipt
from contract.status import Condition, PartHealth, PartName
from device.health import judge
from device.health_file import read_feed, write
from device.health_table import FINDINGS
from device.journal import Deliveries, Journal
from device.journal.schema import JournalFullError
from device.outbox import Outbox
from device.publisher_journal import JournalAccess
from device.publisher_link import BrokerAddress, BrokerLink
from device.publisher_outlook import Outlook, Watch
from device.publisher_sender import Sender
from device.publisher_trouble import BrokerError


class Now:
    """The clock that the watch looks at."""

    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    now = Now()
    monkeypatch.setattr(time, "monotonic", now)
    return now


@pytest.fixture
def sender(tmp_path: Path) -> Iterator[Sender]:
    with Journal.open(tmp_path / "journal.sqlite", DEVICE) as journal:
        journal.append(reading)
    access = JournalAccess(tmp_path / "journal.sqlite")
    yield Sender(access, Outbox())
    access.close()


@pytest.fixture
def watch(tmp_path: Path, sender: Sender, now: Now) -> Watch:
    from device.clock import SystemClock

    write(tmp_path, judge(WELL))
    return Watch(sender.journal, sender, tmp_path, SystemClock())


def part(outlook: Outlook, name: PartName) -> PartHealth:
    assert outlook.health is not None
    return next(one for one in outlook.health if one.part is name)


def test_a_broker_that_was_never_there_is_away_since_the_start(watch: Watch, now: Now) -> None:
    watch.lost("broker_nothing")
    seen = watch.look(600, connected=False)
    assert seen.feed.broker_away_s is None
    assert part(seen, PartName.BROKER).condition is Condition.WARNING, "not yet known to be away is not well"
    now.s += 3600
    seen = watch.look(600, connected=False)
    assert seen.feed.broker_away_s == 3600
    assert part(seen, PartName.BROKER).sentence == FINDINGS["broker_nothing"].english
    now.s += 86_400
    assert part(watch.look(600, connected=False), PartName.BROKER).sentence == FINDINGS["broker_away_fault"].english


def test_the_screen_has_the_row_and_says_it_in_its_own_language(watch: Watch, tmp_path: Path) -> None:
    watch.lost("broker_own_expired")
    watch.look(600, connected=False)
    feed = read_feed(tmp_path)
    assert feed is not None
    french = {one.part: one for one in judge(WELL.__class__(broker=feed.broker_facts()), "fr")}[PartName.BROKER]
    assert (french.sentence, french.condition) == (FINDINGS["broker_own_expired"].french, Condition.FAULT)


def test_the_latest_reason_is_told_until_there_is_a_connection(watch: Watch) -> None:
    for row in ("broker_name", "broker_silent", "broker_shuts", "broker_nothing"):
        watch.lost(row)
        assert watch.look(600, connected=False).feed.broker_trouble == row
    assert watch.look(600, connected=True).feed.broker_trouble is None
    assert watch.look(600, connected=False).feed.broker_trouble is None


def test_what_a_broker_said_of_our_certificate_outlives_a_connection_that_it_just_ends(watch: Watch) -> None:
    watch.lost("broker_own_refused")
    watch.lost("broker_shuts")
    assert watch.look(600, connected=False).feed.broker_trouble == "broker_own_refused"
    watch.lost("broker_nothing")
    assert watch.look(600, connected=False).feed.broker_trouble == "broker_nothing"


def test_of_several_refusals_the_one_that_needs_a_person_is_told(watch: Watch, sender: Sender, now: Now) -> None:
    sender.status_refused = True
    assert watch.look(600, connected=True).feed.trouble == "feed_status_refused"
    for seq, row in enumerate(("feed_nobody", "feed_full", "feed_topic_refused"), 1):
        sender.outbox.sent(seq, f"road {seq}", "a" * 64, now.s)
        sender.outbox.refused(seq, row, now.s)
        seen = watch.look(600, connected=True)
        assert seen.feed.trouble == row
        assert part(seen, PartName.FEED).sentence == FINDINGS[row].english == seen.problem
    seen = watch.look(600, connected=False)
    assert seen.feed.trouble is None, "without a connection nobody knows"


def test_a_trouble_is_news(watch: Watch, sender: Sender, now: Now) -> None:
    before = watch.look(600, connected=True).news
    sender.outbox.sent(1, "road", "a" * 64, now.s)
    assert watch.look(600, connected=True).news == before
    sender.outbox.refused(1, "feed_full", now.s)
    assert watch.look(600, connected=True).news != before


def test_nothing_is_handed_to_the_library_while_there_is_no_connection() -> None:
    # paho would keep it and send it on a later connection: a second time.
    link = BrokerLink(BrokerAddress(port=9), "test")
    with pytest.raises(BrokerError, match="no connection"):
        link.publish("refill/v1/demo/00/refill-test/reading", "{}")
    with pytest.raises(BrokerError):
        link.turn(0.0)
    link.close()
    link.drop()


def test_receipts_that_cannot_be_written_down_now_are_kept_for_the_next_turn(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Deliveries.open(sender.journal.path) as seen:
        (record,) = seen.unsent(1)
    good = Receipt(
        reading_id=UUID(record.reading_id),
        device_seq=1,
        sha256=record.sha256,
        outcome="stored",
        received_at=datetime.now(UTC),
    )
    strange = good.model_copy(update={"sha256": "f" * 64})
    link = BrokerLink(BrokerAddress(), "test")
    link.arrived += [("t", strange.model_dump_json().encode()), ("t", b"{"), ("t", good.model_dump_json().encode())]

    def full(*_: object) -> list[bool]:
        raise JournalFullError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(Deliveries, "note_all", full)
        sender.take_in(link)
        assert sender.journal.problem == "The disk is full."
        sender.take_in(link)
    assert [Receipt.model_validate_json(payload) for _, payload in link.arrived] == [strange, good]
    sender.take_in(link)
    assert (sender.journal.problem, list(link.arrived)) == (None, [])
    assert sender.last_receipt_at == good.received_at
    with Deliveries.open(sender.journal.path) as seen:
        assert seen.counts().unsent == 0
