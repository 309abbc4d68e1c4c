"""Which records to send now: in order, few at a time, again with growing patience until a receipt comes. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class _Sent:
    first_s: float
    last_s: float
    times: int


class Outbox:
    """Remembers what was sent on this connection and has no receipt yet. Times are in s on any steady clock.

    A record without a receipt is sent again after `receipt_wait_s`, then twice that, up to `longest_wait_s`. While it
    waits longer than `receipt_wait_s` it no longer counts as in flight, so one record that is never answered cannot
    stop the others.
    """

    def __init__(self, max_in_flight: int = 20, receipt_wait_s: float = 10.0, longest_wait_s: float = 300.0) -> None:
        self._max_in_flight = max_in_flight
        self._receipt_wait_s = receipt_wait_s
        self._longest_wait_s = longest_wait_s
        self._sent: dict[int, _Sent] = {}

    def due(self, unsent: Sequence[int], now_s: float) -> list[int]:
        """Return the device_seq of the records to send now; `unsent` are all without a receipt, in order."""
        waiting = set(unsent)
        self._sent = {seq: sent for seq, sent in self._sent.items() if seq in waiting}
        in_flight = sum(now_s - sent.last_s < self._receipt_wait_s for sent in self._sent.values())
        ready = [seq for seq in unsent if self._is_due(seq, now_s)]
        return ready[: max(0, self._max_in_flight - in_flight)]

    def mark_sent(self, device_seq: int, now_s: float) -> None:
        """Remember that a record was handed to the broker."""
        before = self._sent.get(device_seq)
        self._sent[device_seq] = _Sent(before.first_s if before else now_s, now_s, before.times + 1 if before else 1)

    def longest_unanswered_s(self, now_s: float) -> float:
        """Return for how long the record that waits longest has had no receipt since it was first sent; 0 for none."""
        return max((now_s - sent.first_s for sent in self._sent.values()), default=0.0)

    def new_connection(self) -> None:
        """Make everything due again: a receipt may have been missed while there was no connection."""
        self._sent = {seq: _Sent(sent.first_s, float("-inf"), 0) for seq, sent in self._sent.items()}

    def _is_due(self, device_seq: int, now_s: float) -> bool:
        sent = self._sent.get(device_seq)
        if sent is None or sent.times == 0:
            return True
        wait_s = min(self._receipt_wait_s * 2.0 ** min(sent.times - 1, 30), self._longest_wait_s)
        return now_s - sent.last_s >= wait_s
