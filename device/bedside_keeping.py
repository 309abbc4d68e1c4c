"""The journal as the bedside process uses it: what the disk does not take is kept in memory, and given again in order.

A bedside without a journal comes up all the same, says why it cannot measure, and looks again every few seconds.

What is no measurement, an amendment or what a photo came to, is written between measurements only: a commit waits for
the disk, and while the probe presses the loop has a lease to renew.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from contract.amendment import Amendment
from contract.mottling import MottlingReading
from contract.reading import Reading, RefillResult
from device.journal import (
    Journal,
    JournalError,
    JournalFullError,
    JournalInUseError,
    JournalReadOnlyError,
    JournalRecord,
)
from device.records import KeptPress, completed
from device.session_words import Begun, Committed, Event, JournalFailed

log = logging.getLogger(__name__)

OPEN_AGAIN_S: float = 5.0
GIVE_AGAIN_S: float = 1.0
NOT_OPEN = "The journal is not open."

OpenJournal = Callable[[], Journal]


@dataclass
class _Waiting:
    """A measurement that has begun: its draft, the presses that the disk has not taken yet, and how it ended."""

    draft: Reading
    presses: list[KeptPress] = field(default_factory=list)
    ending: tuple[RefillResult, float | None] | None = None
    anew: bool = False
    """Whether the journal was opened anew since: a broken one may have been set aside with the draft in it."""


@dataclass(frozen=True)
class _Added:
    """A record beside the measurements, complete but for its number, that the journal has not taken yet."""

    record: Amendment | MottlingReading
    photo: bytes | None = None
    draft: MottlingReading | None = None


class Keeper:
    """Commits draft, presses and record of one measurement after the other. Never raises `JournalError` but in `close`.

    `told` is called with every record once it is in the journal, and never before; `said` with a sentence for people.
    """

    def __init__(self, opener: OpenJournal, told: Callable[[JournalRecord], None], said: Callable[[str], None]) -> None:
        self._opener = opener
        self._told = told
        self._said = said
        self._journal: Journal | None = None
        self._waiting: _Waiting | None = None
        self._added: deque[_Added] = deque()
        self._looking: dict[UUID, MottlingReading] = {}
        """Drafts of photos that are looked at."""
        self._tried_ns: int | None = None
        self.set_aside = False
        """Whether a broken journal was set aside, which waits for a person."""
        self.problem: str | None = None
        """One sentence since the journal last did not take something, until it takes something again."""

    @property
    def refusal(self) -> str | None:
        """One sentence where nothing can be begun now. A disk that was full may serve again: that a push finds out."""
        return self.problem if self._journal is None or self.owes else None

    @property
    def journal(self) -> Journal | None:
        """The open journal, to read from; None while there is none."""
        return self._journal

    @property
    def draft(self) -> Reading | None:
        """The measurement under way, or the one whose record waits for the disk."""
        return None if self._waiting is None else self._waiting.draft

    @property
    def owes(self) -> bool:
        """Whether something is complete that the disk has not taken yet, and could be given now."""
        return bool(self._added) if self._waiting is None else self._waiting.ending is not None

    def open(self, now_ns: int) -> None:
        """Open the journal and close what was interrupted; where that fails, `problem` says why.

        Raises `JournalInUseError` where another process writes it: that one is the bedside, and this is one too many.
        """
        self._tried_ns = now_ns
        journal: Journal | None = None
        try:
            journal = self._opener()
            if journal.set_aside is not None:
                self.set_aside = True
                self._said(journal.set_aside)
            for record in journal.close_interrupted(but=self._under_way()):
                self._told(record)
        except JournalInUseError:
            raise
        except JournalError as error:
            if journal is not None:
                journal.close()
            self._fails(error)
            return
        self._journal, self.problem = journal, None
        if self._waiting is not None:
            self._waiting.anew = True

    def tick(self, now_ns: int) -> list[Event]:
        """Try again what did not work, every second or, without a journal, every few; returns what came of it."""
        pause_s = OPEN_AGAIN_S if self._journal is None else GIVE_AGAIN_S
        idle = self._journal is not None and not self.owes
        if idle or (self._tried_ns is not None and now_ns - self._tried_ns < pause_s * 1e9):
            return []
        if self._journal is None:
            self.open(now_ns)
        self._tried_ns = now_ns
        if self._waiting is None:
            self._give_added()
            return []
        return self._give() if self.owes else []

    def begin(self, draft: Reading) -> list[Event]:
        """Commit the draft of a measurement: `Begun`, or `JournalFailed` and nothing has begun."""
        journal = self._journal
        if journal is None:
            return [JournalFailed(self.problem or NOT_OPEN)]
        try:
            journal.begin(draft)
        except JournalError as error:
            return [self._fails(error)]
        self._waiting, self.problem = _Waiting(draft), None
        return [Begun()]

    def keep_press(self, kept: KeptPress) -> list[Event]:
        """Commit a press; `JournalFailed` where the disk does not take it, which it will be given again."""
        self._begun().presses.append(kept)
        return self._give()

    def record(self, result: RefillResult, spread: float | None) -> list[Event]:
        """Commit the reading after the presses that still wait: `Committed` once it is told, or `JournalFailed`."""
        self._begun().ending = (result, spread)
        return self._give()

    def begin_look(self, draft: MottlingReading) -> str | None:
        """Commit that a photo is looked at; returns in one sentence why not."""
        journal = self._journal
        if journal is None:
            return self.problem or NOT_OPEN
        try:
            journal.begin(draft)
        except JournalError as error:
            return self._fails(error).sentence
        self._looking[draft.reading_id] = draft
        self.problem = None
        return None

    def end_look(self, record: MottlingReading, photo: bytes | None) -> None:
        """Have what a photo came to written down, with the photo where it is kept: at once, or as soon as may be."""
        self._added.append(_Added(record, photo, self._looking.pop(record.reading_id)))
        self._give_added()

    def add(self, amendment: Amendment) -> str | None:
        """Have an amendment written down; returns the journal's sentence where the disk has to be given it again."""
        self._added.append(_Added(amendment))
        self._give_added()
        return self.problem if self._added else None

    def close(self) -> None:
        """Give what waits a last time, close what is under way as interrupted; raises `JournalError`."""
        if self._journal is None:
            return
        try:
            if self._waiting is not None and self._waiting.ending is not None:
                self._write(self._journal, self._waiting)
            while self._added:
                self._write_added(self._journal)
            for record in self._journal.close_interrupted():
                self._told(record)
        finally:
            self._journal.close()
            self._journal = None

    def _begun(self) -> _Waiting:
        if self._waiting is None:
            raise RuntimeError("a measurement ended that had not begun")
        return self._waiting

    def _under_way(self) -> set[UUID]:
        """Return what was begun and is still worked on, or waits for the disk."""
        waiting = set() if self._waiting is None else {self._waiting.draft.reading_id}
        return waiting | set(self._looking) | {each.record.reading_id for each in self._added}

    def _give_added(self) -> None:
        """Write down what was added, in order; nothing of it while a measurement is under way."""
        if self._journal is None or self._waiting is not None:
            return
        try:
            while self._added:
                self._write_added(self._journal)
        except JournalError as error:
            self._fails(error)
        else:
            self.problem = None

    def _write_added(self, journal: Journal) -> None:
        added = self._added[0]
        if added.draft is not None and not _knows(journal, added.draft.reading_id):
            # It was begun in a journal that was set aside since.
            journal.begin(added.draft)
        record = journal.append(lambda seq: added.record.model_copy(update={"device_seq": seq}), added.photo)
        self._added.popleft()
        self._told(record)

    def _give(self) -> list[Event]:
        if self._journal is None:
            return [JournalFailed(self.problem or NOT_OPEN)]
        waiting = self._begun()
        try:
            self._write(self._journal, waiting)
        except JournalError as error:
            return [self._fails(error)]
        self.problem = None
        return [Committed()] if self._waiting is None else []

    def _write(self, journal: Journal, waiting: _Waiting) -> None:
        """Write what waits, in order; what was written once is not written again. Raises `JournalError`."""
        reading_id = str(waiting.draft.reading_id)
        if waiting.anew and waiting.draft.reading_id not in {draft.reading_id for draft in journal.interrupted()}:
            journal.begin(waiting.draft)
        waiting.anew = False
        there = {press.number for press in journal.presses(reading_id)}
        while waiting.presses:
            kept = waiting.presses[0]
            if kept.record.number not in there:
                journal.keep_press(reading_id, kept.record, kept.trace)
            waiting.presses.pop(0)
        if waiting.ending is None:
            return
        result, spread = waiting.ending
        presses = journal.presses(reading_id)
        record = journal.append(lambda seq: completed(waiting.draft, seq, result, spread, presses))
        self._waiting = None
        self._told(record)

    def _fails(self, error: JournalError) -> JournalFailed:
        sentence = str(error)
        if sentence != self.problem:
            log.warning("%s", sentence)
            self._said(sentence)
        self.problem = sentence
        if self._journal is not None and not isinstance(error, JournalFullError | JournalReadOnlyError):
            # Opened afresh it is looked at from end to end, and set aside where it is broken.
            self._journal.close()
            self._journal = None
        return JournalFailed(sentence)


def _knows(journal: Journal, reading_id: UUID) -> bool:
    begun = {draft.reading_id for draft in journal.interrupted()}
    return reading_id in begun or bool(journal.with_amendments(str(reading_id)))
