"""What the publisher knows of the feed and has heard of the bedside, put together: the content of a status."""

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from contract.status import PartHealth, PartName
from device.clock import Clock
from device.health import MAX_SENTENCE, Facts, judge, problem_of, silent
from device.health_file import Feed, read, write_feed
from device.health_table import BEDSIDE_SILENT, FINDINGS
from device.journal.deliveries import Deliveries
from device.journal.keeping import set_aside_files
from device.outbox import Outbox
from device.publisher_journal import JournalAccess, waited_s

FEED_EVERY_S: float = 2.0
OURS: frozenset[PartName] = frozenset({PartName.BROKER, PartName.FEED})
"""Parts that the publisher knows better than the bedside."""


@dataclass(frozen=True)
class Outlook:
    """What there is to tell. `health` is None where no bedside is told of to this publisher."""

    unsent: int
    problem: str | None
    health: list[PartHealth] | None
    feed: Feed

    @property
    def news(self) -> tuple[object, ...]:
        """What of it is worth a message of its own; numbers that tremble are not."""
        parts = None if self.health is None else [(part.part, part.condition, part.sentence) for part in self.health]
        return self.unsent, self.problem, parts


class Watch:
    """Looks at journal, outbox and the bedside's own word, and leaves `feed.json` for the bedside's screen."""

    def __init__(self, journal: JournalAccess, outbox: Outbox, run_folder: Path | None, clock: Clock) -> None:
        self._journal = journal
        self._outbox = outbox
        self._run_folder = run_folder
        self._clock = clock
        self._connected_s: float | None = None
        self._written: tuple[object, ...] | None = None
        self._written_s = 0.0
        self.unsendable: set[int] = set()
        self.last_receipt_at: datetime | None = None

    def look(self, unanswered_after_s: float, *, connected: bool) -> Outlook:
        """Return how things are; `unanswered_after_s` is for how long a record may go without a receipt."""
        now_s = time.monotonic()
        if connected:
            self._connected_s = now_s
        found = _Found()
        self._journal.do(lambda journal: found.look(journal, self._clock))
        unanswered = self._outbox.longest_unanswered_s(now_s) > unanswered_after_s
        away_s = None if connected or self._connected_s is None else now_s - self._connected_s
        feed = Feed(
            broker_connected=connected,
            broker_away_s=away_s,
            unsent=found.unsent,
            oldest_unsent_s=found.oldest_s,
            unanswered=unanswered,
            last_receipt_at=self.last_receipt_at,
            problem=self._own_problem(found.refusal),
        )
        self._leave(feed, now_s)
        problem, health = self._with_bedside(feed)
        return Outlook(found.unsent or 0, problem, health, feed)

    def _own_problem(self, refusal: str | None) -> str | None:
        """Return in one sentence what of the feed needs a person, or None."""
        if self._journal.problem is not None:
            return self._journal.problem[:MAX_SENTENCE]
        aside = set_aside_files(self._journal.path)
        if aside:
            return f"A broken journal was set aside as {aside[-1].name}. Call the study engineer."[:MAX_SENTENCE]
        if self.unsendable:
            return f"Record {min(self.unsendable)} of the journal cannot be read. Call the study engineer."
        return refusal

    def _with_bedside(self, feed: Feed) -> tuple[str | None, list[PartHealth] | None]:
        if self._run_folder is None:
            return feed.problem or (FINDINGS["feed_unanswered"].english if feed.unanswered else None), None
        ours = {
            part.part: part
            for part in judge(Facts(broker=feed.broker_facts(), feed=feed.feed_facts()))
            if part.part in OURS
        }
        heard = read(self._run_folder, self._clock)
        theirs = {part.part: part for part in heard or []}
        health = [ours.get(part) or theirs.get(part) or silent(part) for part in PartName]
        return BEDSIDE_SILENT if heard is None else problem_of(health), health

    def _leave(self, feed: Feed, now_s: float) -> None:
        if self._run_folder is None:
            return
        news = (feed.broker_connected, feed.unsent, feed.problem, feed.unanswered, feed.last_receipt_at)
        if news != self._written or now_s - self._written_s >= FEED_EVERY_S:
            # A folder that takes nothing is the bedside's to notice: it hears nothing and says so.
            write_feed(self._run_folder, feed, self._clock)
            self._written, self._written_s = news, now_s


@dataclass
class _Found:
    """What one look at the journal gives; None where it does not tell."""

    unsent: int | None = None
    oldest_s: float | None = None
    refusal: str | None = None

    def look(self, journal: Deliveries, clock: Clock) -> None:
        counts = journal.counts()
        oldest = journal.unsent(1)
        self.unsent = counts.unsent
        self.oldest_s = waited_s(oldest[0], clock) if oldest else None
        if counts.refused:
            reason = journal.last_refusal() or "no reason given"
            self.refusal = f"The trial database refused {counts.refused} readings; the last one: {reason}."[
                :MAX_SENTENCE
            ]
