"""Which records go now: in order, few under way, again with growing patience until a receipt comes. No I/O.

A road is the topic that a record goes to: one of a study, site and device. A road on which nothing is heard, or that
the broker refuses, is closed: one record at a time tries it, with growing pauses, and the other roads go on.
"""

from dataclasses import dataclass, field

from device.outbox_roads import Road, wait_s

REMEMBERED: int = 500
"""Records without a receipt that are remembered one by one; what is beyond is found in the journal again."""
STRIKES: int = 3
"""So often may the connection end when one record went out alone and was not taken; then that one is set aside."""


@dataclass
class _Sent:
    road: str
    sha256: str
    first_s: float
    last_s: float
    times: int = 1
    under_way: bool = True
    acknowledged: bool = False
    answered: bool = False
    """Whether the trial database has said no: it stays unsent, and is no longer unanswered."""
    aside: bool = False


@dataclass
class Outbox:
    """Remembers what was sent on this connection and has no receipt yet. Times are in s on any steady clock.

    A record without a receipt is sent again after `receipt_wait_s`, then twice that, up to `longest_wait_s`. When it
    has waited `receipt_wait_s` it is no longer under way, so one that is never answered cannot stop the others.
    What it remembers and what a turn costs do not grow with the number of unsent records.
    """

    max_in_flight: int = 20
    receipt_wait_s: float = 10.0
    longest_wait_s: float = 300.0
    remembered: int = REMEMBERED
    after: int = field(default=0, init=False)
    """Records up to this number were sent, or passed over to be come back to; the next new one is beyond it."""
    _sent: dict[int, _Sent] = field(default_factory=dict, init=False)
    _roads: dict[str, Road] = field(default_factory=dict, init=False)
    _first_s: dict[int, float] = field(default_factory=dict, init=False)
    _forgotten: int | None = field(default=None, init=False)
    _looked_again_s: float = field(default=float("-inf"), init=False)
    _careful: bool = field(default=False, init=False)
    _heard: bool = field(default=False, init=False)
    _strikes: dict[int, int] = field(default_factory=dict, init=False)

    def new_connection(self) -> None:
        """Make everything due again, in order: a receipt may have been missed while there was no connection."""
        under_way = {seq: sent for seq, sent in self._sent.items() if sent.under_way}
        if under_way and not self._heard:
            # One of them may be what the broker ended the connection for. One at a time will tell which.
            if self._careful and len(under_way) == 1:
                self._strike(*under_way.popitem())
            self._careful = True
        self._heard = False
        self._first_s |= {seq: sent.first_s for seq, sent in self._sent.items() if not sent.answered}
        self._start_over()

    def _strike(self, seq: int, sent: _Sent) -> None:
        if not sent.acknowledged:
            self._strikes[seq] = self._strikes.get(seq, 0) + 1

    def new_journal(self) -> None:
        """Forget everything: other records have these numbers now."""
        self._first_s.clear()
        self._strikes.clear()
        self._start_over()

    def _start_over(self) -> None:
        self._sent.clear()
        self._roads.clear()
        self._forgotten = None
        self.after = 0

    def room(self, now_s: float) -> int:
        """Return how many records may be sent now."""
        self._expire(now_s)
        window = 1 if self._careful else self.max_in_flight
        return max(0, window - sum(sent.under_way for sent in self._sent.values()))

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, as of the last `room`."""
        return not any(sent.under_way for sent in self._sent.values())

    def _expire(self, now_s: float) -> None:
        for seq, sent in self._sent.items():
            if sent.under_way and now_s - sent.last_s >= self.receipt_wait_s:
                sent.under_way = False
                road = self._roads[sent.road]
                # One that is not answered among others that are says nothing of its road.
                if road.heard_s < sent.last_s and road.fails(seq):
                    road.close(sent.last_s + wait_s(road.failures, self.receipt_wait_s, self.longest_wait_s))
        if len(self._sent) > self.remembered:
            self._forget_some()

    def _forget_some(self) -> None:
        waiting = [seq for seq, sent in self._sent.items() if not sent.under_way]
        for seq in sorted(waiting)[self.remembered :]:
            self._first_s.setdefault(seq, self._sent.pop(seq).first_s)
            self._forgotten = seq if self._forgotten is None else min(self._forgotten, seq)
        while len(self._first_s) > self.remembered:
            self._first_s.pop(max(self._first_s))

    def again(self, now_s: float, limit: int) -> list[int]:
        """Return up to `limit` records that were sent and are due again, in order."""
        due = []
        for seq, sent in sorted(self._sent.items()):
            road = self._roads[sent.road]
            if not sent.under_way and road.is_open and now_s >= self._due_s(sent):
                due.append(seq)
        probes = [self._probe(road, now_s) for road in self._roads.values()]
        return sorted([*due, *(seq for seq in probes if seq is not None)])[:limit]

    def _due_s(self, sent: _Sent) -> float:
        wait = self.longest_wait_s if sent.aside else wait_s(sent.times, self.receipt_wait_s, self.longest_wait_s)
        return sent.last_s + wait

    def _probe(self, road: Road, now_s: float) -> int | None:
        """Return the record that tries a closed road now; where that is a new one, `after` goes back to it."""
        if not road.may_try(now_s):
            return None
        waiting = {
            seq: sent
            for seq, sent in self._sent.items()
            if sent.road == road.topic and not sent.under_way and now_s >= self._due_s(sent)
        }
        seq = min(waiting, key=lambda each: (waiting[each].aside, waiting[each].times, each), default=None)
        if seq is not None and (waiting[seq].times == 1 or road.passed_over is None):
            return seq
        self._back_to(road.come_back())
        return None

    def _back_to(self, seq: int | None) -> None:
        if seq is not None:
            self.after = min(self.after, seq - 1)

    def knows(self, seq: int) -> bool:
        """Return whether a record is under way, or waits for its time to be sent again."""
        return seq in self._sent

    def skip(self, seq: int) -> None:
        """Go on behind a record that is not to be sent."""
        self.after = max(self.after, seq)

    def admits(self, seq: int, road: str, now_s: float) -> bool:
        """Return whether a new record may go; where its road is closed it is passed over, to be come back to."""
        way = self._roads.setdefault(road, Road(road))
        if way.is_open or way.may_try(now_s):
            return True
        way.pass_over(seq)
        self.skip(seq)
        return False

    def at_end(self, now_s: float) -> None:
        """Hear that there is no new record; now and then those that were forgotten are looked for again."""
        if self._forgotten is not None and now_s - self._looked_again_s >= self.longest_wait_s:
            self._looked_again_s = now_s
            self._back_to(self._forgotten)
            self._forgotten = None
        elif self._forgotten is None and all(road.passed_over is None for road in self._roads.values()):
            # Whatever had no receipt has been met on the way here.
            self._first_s.clear()

    def sent(self, seq: int, road: str, sha256: str, now_s: float) -> None:
        """Remember that a record was handed to the broker."""
        way = self._roads.setdefault(road, Road(road))
        if not way.is_open:
            way.probe = seq
        before = self._sent.get(seq)
        if before is None:
            self.skip(seq)
            self._sent[seq] = _Sent(road, sha256, self._first_s.pop(seq, now_s), now_s)
        else:
            before.last_s, before.times, before.under_way, before.acknowledged = now_s, before.times + 1, True, False
        if self.struck(seq):
            # It has been set aside for long, and is tried again: once more is enough.
            self._strikes[seq] = STRIKES - 1

    def dropped(self, seq: int) -> None:
        """Forget a record: it has its receipt."""
        self._sent.pop(seq, None)
        self._first_s.pop(seq, None)
        self._strikes.pop(seq, None)

    def acknowledged(self, seq: int) -> None:
        """Hear that the broker took a record. That proves nothing about storage, but that it lets it through."""
        self._strikes.pop(seq, None)
        if seq in self._sent:
            self._sent[seq].acknowledged = True

    def answered(self, seq: int, sha256: str, now_s: float, *, stored: bool) -> None:
        """Hear the trial database's receipt for a record; one for other content is for no record of ours."""
        sent = self._sent.get(seq)
        if sent is None and stored:
            self._first_s.pop(seq, None)
        if sent is None or sent.sha256 != sha256:
            return
        self._heard, self._careful = True, False
        road = self._roads[sent.road]
        road.heard_s = now_s
        self._back_to(road.open())
        sent.under_way, sent.answered = False, True
        if stored:
            self.dropped(seq)

    def refused(self, seq: int, row: str, now_s: float) -> bool:
        """Hear that the broker refused a record because of where it goes; `row` is the trouble's in the table.

        Returns whether that is news of its road.
        """
        sent = self._sent.get(seq)
        if sent is None:
            return False
        sent.under_way = False
        road = self._roads[sent.road]
        if not road.fails(seq):
            return False
        road.close(now_s + wait_s(road.failures, self.receipt_wait_s, self.longest_wait_s), row)
        return True

    def road_refused(self, road: str, row: str, now_s: float) -> None:
        """Hear that the broker refuses what a whole road needs."""
        way = self._roads.setdefault(road, Road(road))
        way.failures += 1
        way.close(now_s + wait_s(way.failures, self.receipt_wait_s, self.longest_wait_s), row)

    def struck(self, seq: int) -> bool:
        """Return whether the connection ended each time that this record went out alone."""
        return self._strikes.get(seq, 0) >= STRIKES

    def set_aside(self, seq: int, now_s: float, road: str = "", sha256: str = "") -> None:
        """Keep a record back that the broker does not take for its own sake; tried again after `longest_wait_s`.

        `road` and `sha256` are asked for where the record was not sent.
        """
        sent = self._sent.get(seq)
        if sent is None:
            self._roads.setdefault(road, Road(road))
            self.skip(seq)
            sent = self._sent[seq] = _Sent(road, sha256, self._first_s.pop(seq, now_s), now_s)
        sent.last_s, sent.under_way, sent.aside = now_s, False, True
        way = self._roads[sent.road]
        if way.probe == seq:
            way.probe = None

    def longest_unanswered_s(self, now_s: float) -> float:
        """Return for how long the record that waits longest has had no receipt since it was first sent; 0 for none."""
        waits = [now_s - sent.first_s for sent in self._sent.values() if not sent.answered]
        return max([*waits, *(now_s - first_s for first_s in self._first_s.values())], default=0.0)

    @property
    def troubles(self) -> set[str]:
        """The table's rows of what the broker refuses now."""
        rows = {road.trouble for road in self._roads.values() if road.trouble is not None}
        return rows | {"feed_record_refused" for sent in self._sent.values() if sent.aside}
