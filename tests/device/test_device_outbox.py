"""The outbox sends in order, few at a time, and again with growing patience; nothing stops the rest."""

from device.outbox import Outbox


def test_records_go_out_in_order_and_never_more_than_the_window() -> None:
    outbox = Outbox(max_in_flight=20)
    unsent = list(range(1, 51))
    first = outbox.due(unsent, 0.0)
    assert first == list(range(1, 21))
    for seq in first:
        outbox.mark_sent(seq, 0.0)
    assert outbox.due(unsent, 0.1) == []
    assert outbox.due(unsent[5:], 0.2) == [21, 22, 23, 24, 25]


def test_a_late_receipt_is_waited_for_twice_as_long_each_time_up_to_a_limit() -> None:
    outbox = Outbox(receipt_wait_s=10, longest_wait_s=60)
    sent_at_s = []
    for now_s in range(400):
        if outbox.due([1], float(now_s)):
            outbox.mark_sent(1, float(now_s))
            sent_at_s.append(now_s)
    assert sent_at_s == [0, 10, 30, 70, 130, 190, 250, 310, 370]
    assert outbox.longest_unanswered_s(400.0) == 400.0


def test_records_that_are_never_answered_do_not_stop_the_others() -> None:
    outbox = Outbox(max_in_flight=2, receipt_wait_s=10)
    unsent = [1, 2, 3, 4]
    delivered: set[int] = set()
    for now_s in range(100):
        for seq in outbox.due([seq for seq in unsent if seq not in delivered], float(now_s)):
            outbox.mark_sent(seq, float(now_s))
            if seq > 2:
                delivered.add(seq)
    assert delivered == {3, 4}


def test_after_a_lost_connection_everything_unanswered_is_due_again_at_once() -> None:
    outbox = Outbox()
    for seq in (1, 2):
        outbox.mark_sent(seq, 5.0)
    assert outbox.due([1, 2, 3], 6.0) == [3]
    outbox.new_connection()
    assert outbox.due([1, 2, 3], 6.0) == [1, 2, 3]
    assert outbox.longest_unanswered_s(6.0) == 1.0


def test_an_answered_record_is_forgotten() -> None:
    outbox = Outbox()
    outbox.mark_sent(1, 0.0)
    assert outbox.due([], 1.0) == []
    assert outbox.longest_unanswered_s(500.0) == 0.0
