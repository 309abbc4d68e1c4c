"""The outbox sends in order, few at a time, and again with growing patience; nothing stops the rest."""

import random
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.outbox import STRIKES, Outbox


@dataclass
class Feeder:
    """A journal of so many records and a way to send them: what the publisher does, without a broker."""

    outbox: Outbox
    unsent: list[int]
    roads: dict[int, str] = field(default_factory=dict)
    log: list[tuple[float, int]] = field(default_factory=list)
    looked_at: int = 0

    def turn(self, now_s: float) -> list[int]:
        """One turn: what is due goes out. Returns what was sent."""
        outbox, sent = self.outbox, []
        room = outbox.room(now_s)
        if room <= 0:
            return []
        for seq in outbox.again(now_s, room):
            if seq in self.unsent:
                sent.append(seq)
            else:
                outbox.dropped(seq)
        for seq in sent:
            outbox.sent(seq, self.road(seq), str(seq), now_s)
        page = [seq for seq in self.unsent if seq > outbox.after][:room]
        self.looked_at += len(page)
        if not page:
            outbox.at_end(now_s)
        for seq in page:
            if outbox.room(now_s) <= 0:
                break
            if outbox.knows(seq):
                outbox.skip(seq)
            elif outbox.struck(seq):
                outbox.set_aside(seq, now_s, self.road(seq), str(seq))
            elif outbox.admits(seq, self.road(seq), now_s):
                outbox.sent(seq, self.road(seq), str(seq), now_s)
                sent.append(seq)
        self.log += [(now_s, seq) for seq in sent]
        return sent

    def road(self, seq: int) -> str:
        return self.roads.get(seq, "road")

    def receipt(self, seq: int, now_s: float) -> None:
        self.unsent.remove(seq)
        self.outbox.answered(seq, str(seq), now_s, stored=True)

    def times(self, seq: int) -> list[float]:
        return [at_s for at_s, sent in self.log if sent == seq]


def feeder(count: int, **settings: float) -> Feeder:
    return Feeder(Outbox(**settings), list(range(1, count + 1)))  # type: ignore[arg-type]  # counts among them


def test_records_go_out_in_order_and_never_more_than_the_window() -> None:
    feed = feeder(50)
    assert feed.turn(0.0) == list(range(1, 21))
    assert feed.turn(0.1) == []
    for seq in range(1, 6):
        feed.receipt(seq, 0.2)
    assert feed.turn(0.2) == [21, 22, 23, 24, 25]


def test_a_late_receipt_is_waited_for_twice_as_long_each_time_up_to_a_limit() -> None:
    feed = feeder(1, receipt_wait_s=10, longest_wait_s=60)
    for now_s in range(400):
        feed.turn(float(now_s))
    assert feed.times(1) == [0, 10, 30, 70, 130, 190, 250, 310, 370]
    assert feed.outbox.longest_unanswered_s(400.0) == 400.0


def test_one_late_receipt_among_many_does_not_hold_the_others_up() -> None:
    feed = feeder(500, receipt_wait_s=10, longest_wait_s=60)
    for now_s in range(200):
        for seq in feed.turn(float(now_s)):
            if seq != 7:
                feed.receipt(seq, float(now_s))
    assert feed.unsent == [7]
    assert feed.times(7) == [0, 10, 30, 70, 130, 190]
    assert feed.log[-1][0] == 190, "nothing else was sent again"


def test_records_that_are_never_answered_do_not_stop_the_others() -> None:
    feed = feeder(60, receipt_wait_s=10, longest_wait_s=60)
    for now_s in range(4000):
        for seq in feed.turn(float(now_s)):
            if seq > 25:
                feed.receipt(seq, float(now_s))
    assert feed.unsent == list(range(1, 26)), "more than a window's worth at the beginning"


@pytest.mark.slow
def test_on_a_road_where_nobody_answers_one_record_at_a_time_tries_it_and_then_all_go_in_order() -> None:
    feed = feeder(1000, receipt_wait_s=10, longest_wait_s=60)
    for now_s in range(3600):
        feed.turn(float(now_s))
    assert len(feed.log) < 20 + 3600 / 60 + 5, "a database that is away for an hour is not flooded"
    tried = {seq for _, seq in feed.log}
    answered: list[int] = []
    for now_s in range(3600, 3800):
        for seq in feed.turn(float(now_s)):
            feed.receipt(seq, float(now_s))
            answered.append(seq)
    assert feed.unsent == []
    untried = [seq for seq in answered if seq not in tried]
    assert untried == sorted(untried), "what goes for the first time goes in order"


def test_a_road_that_is_refused_is_tried_again_with_pauses_and_the_other_goes_on_in_order() -> None:
    feed = feeder(200, receipt_wait_s=10, longest_wait_s=100)
    feed.roads = dict.fromkeys(range(1, 200, 2), "barred")
    barred, arrived = True, []
    for now_s in range(1000):
        for seq in feed.turn(float(now_s)):
            if barred and feed.road(seq) == "barred":
                feed.outbox.refused(seq, "feed_topic_refused", float(now_s))
            else:
                feed.receipt(seq, float(now_s))
                arrived.append(seq)
        if now_s == 700:
            assert arrived == list(range(2, 201, 2))
            assert feed.outbox.troubles == {"feed_topic_refused"}
            tries = sorted({at_s for at_s, seq in feed.log if seq % 2})
            assert [b - a for a, b in pairwise(tries)][-3:] == [100, 100, 100]
            barred = False
    assert feed.unsent == []
    assert feed.outbox.troubles == set()
    assert sorted(arrived[100:]) == list(range(1, 200, 2))


def test_a_refused_first_record_keeps_the_order_of_its_own_road() -> None:
    feed = feeder(40, receipt_wait_s=10)
    first = feed.turn(0.0)
    for seq in first:
        feed.outbox.refused(seq, "feed_full", 0.1)
    assert feed.turn(5.0) == []
    arrived: list[int] = []
    for now_s in range(10, 60):
        for seq in feed.turn(float(now_s)):
            feed.receipt(seq, float(now_s))
            arrived.append(seq)
    assert arrived == list(range(1, 41))


def test_a_subscription_that_is_refused_closes_the_road_before_anything_was_sent_on_it() -> None:
    feed = feeder(3, receipt_wait_s=10)
    feed.outbox.road_refused("road", "feed_topic_refused", 0.0)
    assert feed.turn(1.0) == []
    assert feed.outbox.troubles == {"feed_topic_refused"}
    assert feed.turn(10.0) == [1]
    feed.receipt(1, 10.5)
    assert feed.turn(11.0) == [2, 3]


def test_a_record_that_the_trial_refused_stays_and_does_not_count_as_unanswered() -> None:
    feed = feeder(2, receipt_wait_s=10)
    feed.turn(0.0)
    feed.outbox.answered(1, "1", 1.0, stored=False)
    feed.outbox.answered(2, "other content", 1.0, stored=True)
    assert feed.outbox.longest_unanswered_s(5.0) == 5.0, "a receipt for other content is none"
    feed.receipt(2, 2.0)
    assert feed.outbox.longest_unanswered_s(5.0) == 0.0
    assert feed.turn(9.0) == []
    assert feed.turn(10.0) == [1]


def test_after_a_lost_connection_everything_unanswered_is_due_again_at_once_in_order() -> None:
    feed = feeder(30)
    feed.turn(5.0)
    feed.receipt(3, 5.5)
    feed.outbox.new_connection()
    assert feed.turn(6.0) == [1, 2, *range(4, 22)]
    assert feed.outbox.longest_unanswered_s(6.0) == 1.0


def test_an_answered_record_is_forgotten() -> None:
    feed = feeder(1)
    feed.turn(0.0)
    feed.receipt(1, 1.0)
    assert feed.turn(500.0) == []
    assert feed.outbox.longest_unanswered_s(500.0) == 0.0


def test_a_receipt_noted_by_somebody_else_is_found_out() -> None:
    feed = feeder(1, receipt_wait_s=10)
    feed.turn(0.0)
    feed.unsent.clear()
    feed.turn(10.0)
    assert feed.outbox.longest_unanswered_s(20.0) == 0.0
    feed.unsent.append(2)
    feed.turn(20.0)
    feed.outbox.new_connection()
    feed.unsent.clear()
    feed.turn(30.0)
    assert feed.outbox.longest_unanswered_s(40.0) == 0.0


def test_a_record_that_ends_the_connection_is_found_and_set_aside() -> None:
    feed = feeder(30, receipt_wait_s=10, longest_wait_s=300)
    arrived: list[int] = []
    connections, at_s = 0, 0.0
    while connections < 20 and len(arrived) < 29:
        feed.outbox.new_connection()
        connections += 1
        for _ in range(200):
            at_s += 0.1
            sent = feed.turn(at_s)
            kept = sent[: sent.index(4)] if 4 in sent else sent
            for seq in kept:
                feed.outbox.acknowledged(seq)
            if 4 in sent:
                break  # the broker ends it: no receipt has come yet
            for seq in kept:
                feed.receipt(seq, at_s)
                arrived.append(seq)
    assert feed.unsent == [4]
    assert arrived == [1, 2, 3, *range(5, 31)]
    assert connections <= 5 + STRIKES + 3
    assert feed.outbox.troubles == {"feed_record_refused"}
    assert 4 in feed.turn(at_s + 300)


def test_a_connection_that_comes_and_goes_sets_nothing_aside_that_the_broker_took() -> None:
    feed = feeder(5)
    for connection in range(20):
        feed.outbox.new_connection()
        for seq in feed.turn(float(connection)):
            feed.outbox.acknowledged(seq)
    assert feed.outbox.troubles == set()
    assert not any(feed.outbox.struck(seq) for seq in range(1, 6))


def test_a_turn_costs_the_same_whatever_waits_behind_it() -> None:
    for count in (100, 10_000):
        feed = feeder(count)
        for now_s in range(20):
            for seq in feed.turn(now_s / 10):
                feed.outbox.answered(seq, str(seq), now_s / 10, stored=True)
        assert feed.looked_at == min(count, 20 * 20)


def test_what_is_remembered_does_not_grow_with_what_is_refused_and_all_of_it_is_sent_again() -> None:
    feed = feeder(300, receipt_wait_s=1, longest_wait_s=20, remembered=50)
    for now_s in range(400):
        for seq in feed.turn(float(now_s)):
            feed.outbox.answered(seq, str(seq), float(now_s), stored=False)
        assert len(feed.outbox._sent) <= 50 + 20
    assert {seq for _, seq in feed.log} == set(range(1, 301))
    for now_s in range(400, 1000):
        for seq in feed.turn(float(now_s)):
            feed.receipt(seq, float(now_s))
    assert feed.unsent == []


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_whatever_is_lost_or_refused_in_between_everything_arrives_in_the_end(seed: int) -> None:
    chance = random.Random(seed)
    feed = feeder(40, receipt_wait_s=2, longest_wait_s=16, remembered=10, max_in_flight=5)
    feed.roads = {seq: chance.choice("ab") for seq in feed.unsent}
    fates = chance.choices(["stored", "lost", "refused", "full", "own", "cut"], k=3)
    for now_s in range(60):
        for seq in feed.turn(float(now_s)):
            fate = chance.choice(fates)
            if fate == "stored":
                feed.receipt(seq, float(now_s))
            elif fate == "refused":
                feed.outbox.answered(seq, str(seq), float(now_s), stored=False)
            elif fate == "full":
                feed.outbox.refused(seq, "feed_full", float(now_s))
            elif fate == "own":
                feed.outbox.set_aside(seq, float(now_s))
            elif fate == "cut":
                feed.outbox.new_connection()
                break
        assert sum(sent.under_way for sent in feed.outbox._sent.values()) <= 5
    for now_s in range(60, 400):
        for seq in feed.turn(float(now_s)):
            feed.receipt(seq, float(now_s))
    assert feed.unsent == []
    assert feed.outbox.troubles == set()
    assert feed.outbox.longest_unanswered_s(500) == 0
