"""What the publisher knows of the feed and has heard of the bedside, put together: the content of a status."""

import time
from dataclasses import dataclass
from pathlib import Path

from contract.status import PartHealth, PartName
from device.clock import Clock
from device.health import MAX_SENTENCE, Facts, judge, problem_of, silent
from device.health_file import Feed, read, write_feed
from device.health_table import AWAY_S, BEDSIDE_SILENT, FINDINGS
from device.journal.deliveries import Deliveries
from device.journal.keeping import set_aside_files
from device.publisher_journal import JournalAccess, waited_s
from device.publisher_sender import Sender

FEED_EVERY_S: float = 2.0
WORST_FIRST: tuple[str, ...] = ("feed_topic_refused", "feed_record_refused", "feed_full", "feed_nobody")
"""Which of the broker's refusals is told where there are several."""
SAID_ONCE: tuple[str, ...] = ("broker_own_expired", "broker_own_refused")
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

    def __init__(self, journal: JournalAccess, sender: Sender, run_folder: Path | None, clock: Clock) -> None:
        self._journal = journal
        self._sender = sender
        self._run_folder = run_folder
        self._clock = clock
        self._began_s = time.monotonic()
        self._connected_s: float | None = None
        self._trouble: str | None = None
        self._written: tuple[object, ...] | None = None
        self._written_s = 0.0

    def lost(self, row: str) -> None:
        """Hear why there is no connection: a row of the table, told until there is one."""
        # A broker that refuses a certificate may end the connection before that is heard: its earlier word stands.
        if not (row == "broker_shuts" and self._trouble in SAID_ONCE):
            self._trouble = row

    def look(self, unanswered_after_s: float, *, connected: bool) -> Outlook:
        """Return how things are; `unanswered_after_s` is for how long a record may go without a receipt."""
        now_s = time.monotonic()
        if connected:
            self._connected_s, self._trouble = now_s, None
        found = _Found()
        self._journal.do(lambda journal: found.look(journal, self._clock))
        unanswered = self._sender.outbox.longest_unanswered_s(now_s) > unanswered_after_s
        feed = Feed(
            broker_connected=connected,
            broker_away_s=None if connected else self._away_s(now_s),
            broker_trouble=self._trouble,
            unsent=found.unsent,
            oldest_unsent_s=found.oldest_s,
            unanswered=unanswered,
            trouble=self._feed_trouble() if connected else None,
            last_receipt_at=self._sender.last_receipt_at,
            problem=self._own_problem(found.refusal),
        )
        self._leave(feed, now_s)
        problem, health = self._with_bedside(feed)
        return Outlook(found.unsent or 0, problem, health, feed)

    def _away_s(self, now_s: float) -> float | None:
        """Return since when the broker is away. In the first moments of a publisher that is not known."""
        if self._connected_s is not None:
            return now_s - self._connected_s
        since_s = now_s - self._began_s
        return since_s if since_s > AWAY_S.warning else None

    def _feed_trouble(self) -> str | None:
        rows = self._sender.outbox.troubles
        first = next((row for row in WORST_FIRST if row in rows), None)
        return first or ("feed_status_refused" if self._sender.status_refused else None)

    def _own_problem(self, refusal: str | None) -> str | None:
        """Return in one sentence what of the feed needs a person, or None."""
        if self._journal.problem is not None:
            return self._journal.problem[:MAX_SENTENCE]
        aside = set_aside_files(self._journal.path)
        if aside:
            return f"A broken journal was set aside as {aside[-1].name}. Call the study engineer."[:MAX_SENTENCE]
        if self._sender.unsendable:
            return f"Record {min(self._sender.unsendable)} of the journal cannot be sent. Call the study engineer."
        return refusal

    def _with_bedside(self, feed: Feed) -> tuple[str | None, list[PartHealth] | None]:
        if self._run_folder is None:
            row = feed.trouble or ("feed_unanswered" if feed.unanswered else None)
            return feed.problem or (FINDINGS[row].english if row else None), None
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
        news = (
            (feed.broker_connected, feed.broker_trouble),
            (feed.unsent, feed.problem, feed.trouble, feed.unanswered, feed.last_receipt_at),
        )
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
