"""The inbox: nobody's flood is another's refusal, and nobody's wish to vent is lost."""

import random

import pytest

from device.probe.inbox import QUOTA, Gone, Inbox
from device.probe.messages import AskStatus, Press, Release, Renew

RENEW = Renew(lease="0" * 32, sent_ns=1)
PRESS = Press(lease="0" * 32, sent_ns=1, target_kpa=40, ramp_s=1, hold_s=5)


def test_each_connection_has_a_quota_of_its_own() -> None:
    inbox = Inbox()
    assert [inbox.put(1, AskStatus()) for _ in range(QUOTA + 30)].count(True) == QUOTA
    assert inbox.put(2, RENEW)
    assert inbox.put(2, Release())
    assert not inbox.put(1, RENEW)
    taken = inbox.take()
    assert taken[-2:] == [(2, RENEW), (2, Release())]
    assert inbox.put(1, RENEW)


def test_a_wish_to_vent_is_taken_in_whatever_waits_also_the_flooders_own() -> None:
    inbox = Inbox()
    for _ in range(QUOTA + 5):
        inbox.put(1, AskStatus())
    assert inbox.put(1, Release())
    assert inbox.take()[-1] == (1, Release())


def test_a_flood_of_wishes_to_vent_is_one_and_stands_after_the_press_that_it_follows() -> None:
    inbox = Inbox()
    for _ in range(10_000):
        assert inbox.put(1, Release())
    assert inbox.put(2, PRESS)
    for _ in range(10_000):
        assert inbox.put(3, Release())
    assert [command for _, command in inbox.take()] == [Release(), PRESS, Release()]


def test_who_is_gone_leaves_nothing_but_that_and_a_wish_to_vent() -> None:
    inbox = Inbox()
    inbox.put(1, PRESS)
    inbox.put(2, RENEW)
    inbox.put(1, Release())
    inbox.put(1, AskStatus())
    assert inbox.put(1, Gone())
    assert inbox.take() == [(2, RENEW), (1, Release()), (1, Gone())]


@pytest.mark.parametrize("seed", range(20))
def test_what_waits_is_bounded_and_in_order_whatever_comes(seed: int) -> None:
    dice = random.Random(seed)
    inbox = Inbox()
    put: list[tuple[int, int]] = []
    for number in range(5000):
        peer = dice.randrange(8)
        command = dice.choice([Release(), AskStatus(), Renew(lease="0" * 32, sent_ns=number)])
        if inbox.put(peer, command) and isinstance(command, Renew):
            put.append((peer, number))
    taken = inbox.take()
    assert len(taken) <= 2 * 8 * QUOTA + 1
    assert [(peer, command.sent_ns) for peer, command in taken if isinstance(command, Renew)] == put
    assert inbox.take() == []
