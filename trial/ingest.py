"""The ingester: messages from the broker into the trial database, then acknowledgement and receipt.

Order is everything: commit, acknowledge to the broker, send the receipt. A kill between any two of them makes the
broker or the device send again, and sending again is harmless. A database that fails or stalls is tried again with
growing pauses and said in the log; nothing is acknowledged meanwhile.
"""

import gc
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from contract.topics import subscription
from firmware_config.study import Study
from trial.database import note, upgrade, writing
from trial.enrolment import Register
from trial.feed import BrokerAddress, Feed, FeedError, Message
from trial.judge import judge
from trial.store import Arrival, Outcome, store

log = logging.getLogger(__name__)

COMPANY_S: float = 0.003
"""A batch is closed when no message has come for this long: the broker's window may be smaller than the batch."""
PAUSE_S: tuple[float, float] = (0.2, 15.0)
"""First and longest pause before a failed commit is tried again."""
STALL_S: float = 10.0
DEAF_S: float = 180.0
"""Without a connection, and without even a failed attempt at one, for this long, something is wrong in here."""
QUEUE_LIMIT: int = 2000
PROGRESS_S: float = 30.0
HANGS_S: float = 90.0
"""An attempt at the database that lasts longer than this hangs: statements end after 30 s, connecting after 10."""
WATCHED_US: int = 30_000_000
"""How long the service manager waits for the next sign of life. The unit's own limit is longer: it holds while the
schema is brought up to date, which nothing may cut."""
ALIVE_S: float = 5.0

Shared = Literal["reading", "calibration"]
"""Kinds of message that each need one ingester only."""
Tell = Callable[[str], None]
"""Takes what the service manager is told, in its words (sd_notify(3))."""


def _nobody(_state: str) -> None:
    """Nobody started us who wants to know."""


@dataclass(frozen=True)
class IngestOptions:
    """Where the ingester listens, and as whom; how much it commits at once, and how long the first may wait for it.

    `group` shares readings and certificates between ingesters (MQTT 5 brokers). Statuses are not shared: a shared
    subscription gets no retained message, and every ingester keeps the latest.
    """

    broker: BrokerAddress
    client_id: str
    group: str | None = None
    batch_messages: int = 100
    batch_wait_s: float = 0.05
    tell: Tell = _nobody


class Ingester:
    """Batches, commits, acknowledges, answers; the writer is a thread of its own. Raises what `Feed` does."""

    def __init__(self, engine: Engine, study: Study, options: IngestOptions) -> None:
        self._engine = engine
        self._study = study
        self._options = options
        self._waiting: queue.Queue[Message] = queue.Queue(QUEUE_LIMIT)
        self._asked_to_stop = False
        self._stop = threading.Event()
        self._busy_since_s: float | None = None
        self._attempt_since_s: float | None = None
        self.counts: Counter[str] = Counter()
        self._register = Register(engine, study)
        shared = [subscription(study.name, kind, options.group) for kind in get_args(Shared)]
        filters = [*shared, subscription(study.name, "status")]
        self._feed = Feed(options.broker, options.client_id, filters, self._take)

    def stop(self) -> None:
        """Ask for the end: the batch at hand is finished, the rest stays with the broker. Safe in a signal handler."""
        self._asked_to_stop = True

    def run(self) -> None:
        """Work until `stop`. Raises `FeedError` where the broker refuses for good, `SchemaError` on a newer schema."""
        # At once, database or not: whoever starts the system does not wait for a database that is away for hours.
        self._options.tell("READY=1\nSTATUS=waiting for the database")
        if not self._open_database():
            return
        self._options.tell(f"WATCHDOG_USEC={WATCHED_US}\nWATCHDOG=1\nSTATUS=taking in")
        # What the start has made stays, and nothing of a batch is in a circle: seldom look through all of it.
        gc.freeze()
        gc.set_threshold(20_000)
        writer = threading.Thread(target=self._write, name="trial-writer", daemon=True)
        writer.start()
        self._feed.start()
        try:
            self._watch(writer)
        finally:
            self._stop.set()
            writer.join(timeout=STALL_S)
            summary = self._progress()
            self._feed.stop()
            log.info("stopped: %s", summary)

    def _open_database(self) -> bool:
        started = f"study {self._study.name}, broker {self._options.broker}"

        def prepare() -> None:
            upgrade(self._engine)
            with writing(self._engine).begin() as connection:
                note(connection, self._options.client_id, "ingest started", started)

        return self._until_well(prepare, lambda: not self._asked_to_stop)

    def _watch(self, writer: threading.Thread) -> None:
        """Say what happens, and above all when nothing does."""
        said_at_s, said, warned_at_s, alive_at_s = time.monotonic(), "", 0.0, 0.0
        while not self._asked_to_stop:
            time.sleep(0.1)
            if self._feed.refusal is not None:
                raise FeedError(self._feed.refusal)
            if not writer.is_alive():
                raise FeedError("the writer has ended: see the log above")
            if self._feed.silent_s > DEAF_S:
                raise FeedError("the connection to the broker is not tried any more: see the log above")
            now_s, busy_since_s = time.monotonic(), self._busy_since_s
            if now_s - alive_at_s >= ALIVE_S and not self._hangs(now_s):
                alive_at_s = now_s
                self._options.tell("WATCHDOG=1")
            if busy_since_s is not None and now_s - busy_since_s > STALL_S and now_s - warned_at_s > STALL_S:
                warned_at_s = now_s
                log.error("the database has not taken a batch for %.0f s; %s", now_s - busy_since_s, self._progress())
            if now_s - said_at_s >= PROGRESS_S:
                said_at_s = now_s
                if (line := self._progress()) != said:
                    said = line
                    log.info("%s", line)

    def _hangs(self, now_s: float) -> bool:
        """Whether the writer waits for an answer that will not come, as from a server that is gone without a word."""
        since_s = self._attempt_since_s
        return since_s is not None and now_s - since_s > HANGS_S

    def _progress(self) -> str:
        c = self.counts
        text = f"stored {c['stored']}, repeats {c['again']}, refused {c['refused']}, status {c['status']}"
        state = "connected" if self._feed.connected else "NOT CONNECTED"
        return f"{text}, receipts {c['receipts']}, waiting {self._waiting.qsize()}, {state}"

    def _take(self, message: Message) -> None:
        """Network thread: queue a message. A full queue holds up the connection, and so the broker.

        Leaving a message unacknowledged would not do: a broker sends it again only on another connection. The window
        does not rule it out: mosquitto 2.0.11 sent more than 2000 to one that had been stopped, with a window of 200.
        """
        held_up = False
        while not self._stop.is_set():
            try:
                self._waiting.put(message, timeout=0.5)
            except queue.Full:
                if not held_up:
                    held_up = True
                    log.warning("the database is slower than what arrives: the broker is held up")
            else:
                return

    def _write(self) -> None:
        """Writer thread."""
        while not self._stop.is_set():
            batch = self._collect()
            if batch:
                self._commit(batch)

    def _collect(self) -> list[Message]:
        """Return the next messages: as many as one batch may have, and soon where no more come."""
        try:
            batch = [self._waiting.get(timeout=0.2)]
        except queue.Empty:
            return []
        until_s = time.monotonic() + self._options.batch_wait_s
        while len(batch) < self._options.batch_messages and not self._stop.is_set():
            try:
                batch.append(self._waiting.get_nowait())
            except queue.Empty:
                try:
                    batch.append(self._waiting.get(timeout=max(0.0, min(COMPANY_S, until_s - time.monotonic()))))
                except queue.Empty:
                    break
        return batch

    def _commit(self, batch: Sequence[Message]) -> None:
        """Store a batch until it is stored, or its connection is gone (then the broker or the device sends again)."""
        outcomes: list[Outcome] = []

        def attempt() -> None:
            # Judged here, not before: a database that does not say who is enrolled is waited for, too.
            outcomes[:] = store(self._engine, [self._judged(message) for message in batch], datetime.now(UTC))

        self._busy_since_s = time.monotonic()
        done = self._until_well(attempt, lambda: not self._stop.is_set() and any(map(self._feed.is_current, batch)))
        self._busy_since_s = None
        if not done:
            return
        for message in batch:
            self._feed.acknowledge(message)
        for outcome in outcomes:
            self._answer(outcome)
        for (whom, why), times in Counter(_refusal(each) for each in outcomes if each.kind == "refused").items():
            log.warning("refused from %s: %s%s", whom, why, f" ({times} times)" if times > 1 else "")

    def _judged(self, message: Message) -> Arrival:
        verdict = judge(message.topic, message.payload, self._study, self._register.admits)
        return Arrival(message.topic, message.payload, message.received_at, verdict)

    def _answer(self, outcome: Outcome) -> None:
        self.counts[outcome.kind] += 1
        if outcome.device is not None and outcome.receipt is not None:
            topic = str(outcome.device.sibling("receipt"))
            if self._feed.publish(topic, outcome.receipt.model_dump_json()):
                self.counts["receipts"] += 1

    def _until_well(self, attempt: Callable[[], None], wanted: Callable[[], bool]) -> bool:
        """Attempt until the database takes it, with growing pauses; returns False once it is no longer wanted."""
        pause_s = PAUSE_S[0]
        while True:
            self._attempt_since_s = time.monotonic()
            try:
                attempt()
            except SQLAlchemyError as error:
                log.error("the database does not take what arrives, nothing is acknowledged: %s", _one_line(error))  # noqa: TRY400 - one line per fault
                self._options.tell("WATCHDOG=1")
            else:
                return True
            finally:
                self._attempt_since_s = None
            self._stop.wait(pause_s)
            pause_s = min(2 * pause_s, PAUSE_S[1])
            if not wanted():
                return False


def _one_line(error: SQLAlchemyError) -> str:
    """Return the database's own words, without the statement and its values: they could hold trial data."""
    cause = getattr(error, "orig", None) or type(error).__name__
    return " ".join(str(cause).split())[:300]


def _refusal(outcome: Outcome) -> tuple[str, str]:
    """Return whom a refusal is about, and why."""
    whom = outcome.device.device if outcome.device else "an unknown sender"
    return whom, (outcome.receipt.reason if outcome.receipt else None) or "see dead letters"
