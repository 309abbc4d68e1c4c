"""The ingester: messages from the broker into the trial database, then acknowledgement and receipt.

Order is everything: commit, acknowledge to the broker, send the receipt. A kill between any two of them makes the
broker or the device send again, and sending again is harmless. A database that fails or stalls is tried again with
growing pauses and said in the log; nothing is acknowledged meanwhile.
"""

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from contract.topics import subscription
from firmware_config.study import Study
from trial.database import note, upgrade, writing
from trial.feed import IN_FLIGHT, Feed, FeedError, Message, Version
from trial.judge import judge
from trial.store import Arrival, Outcome, store

log = logging.getLogger(__name__)

FLUSH_S: float = 0.05
"""A batch waits this long for company, no longer."""
PAUSE_S: tuple[float, float] = (0.2, 15.0)
"""First and longest pause before a failed commit is tried again."""
STALL_S: float = 10.0
QUEUE_LIMIT: int = 2000
PROGRESS_S: float = 30.0


@dataclass(frozen=True)
class IngestOptions:
    """Where the ingester listens, and as whom. `group` shares the feed between ingesters (MQTT 5 brokers)."""

    host: str
    port: int
    client_id: str
    version: Version = "3.1.1"
    group: str | None = None


class Ingester:
    """Batches, commits, acknowledges, answers. `feed` is None until `run`; the writer is a thread of its own."""

    def __init__(self, engine: Engine, study: Study, options: IngestOptions) -> None:
        self._engine = engine
        self._study = study
        self._options = options
        self._waiting: queue.Queue[Message] = queue.Queue(QUEUE_LIMIT)
        self._asked_to_stop = False
        self._stop = threading.Event()
        self._busy_since_s: float | None = None
        self._turned_away = 0
        self.counts: Counter[str] = Counter()
        filters = [
            subscription(study.name, "reading", options.group),
            subscription(study.name, "status", options.group),
        ]
        self._feed = Feed(options.client_id, filters, self._take, options.version)

    def stop(self) -> None:
        """Ask for the end: the batch at hand is finished, the rest stays with the broker. Safe in a signal handler."""
        self._asked_to_stop = True

    def run(self) -> None:
        """Work until `stop`. Raises `FeedError` where the broker refuses for good, `SchemaError` on a newer schema."""
        if not self._open_database():
            return
        writer = threading.Thread(target=self._write, name="trial-writer", daemon=True)
        writer.start()
        self._feed.start(self._options.host, self._options.port)
        try:
            self._watch(writer)
        finally:
            self._stop.set()
            writer.join(timeout=STALL_S)
            summary = self._progress()
            self._feed.stop()
            log.info("stopped: %s", summary)

    def _open_database(self) -> bool:
        started = f"study {self._study.name}, broker {self._options.host}:{self._options.port}"

        def prepare() -> None:
            upgrade(self._engine)
            with writing(self._engine).begin() as connection:
                note(connection, self._options.client_id, "ingest started", started)

        return self._until_well(prepare, lambda: not self._asked_to_stop)

    def _watch(self, writer: threading.Thread) -> None:
        """Say what happens, and above all when nothing does."""
        said_at_s, said, warned_at_s = time.monotonic(), "", 0.0
        while not self._asked_to_stop:
            time.sleep(0.1)
            if self._feed.refusal is not None:
                raise FeedError(self._feed.refusal)
            if not writer.is_alive():
                raise FeedError("the writer has ended: see the log above")
            now_s, busy_since_s = time.monotonic(), self._busy_since_s
            if busy_since_s is not None and now_s - busy_since_s > STALL_S and now_s - warned_at_s > STALL_S:
                warned_at_s = now_s
                log.error("the database has not taken a batch for %.0f s; %s", now_s - busy_since_s, self._progress())
            if now_s - said_at_s >= PROGRESS_S:
                said_at_s = now_s
                if (line := self._progress()) != said:
                    said = line
                    log.info("%s", line)

    def _progress(self) -> str:
        c = self.counts
        text = f"stored {c['stored']}, repeats {c['again']}, refused {c['refused']}, status {c['status']}"
        state = "connected" if self._feed.connected else "NOT CONNECTED"
        return f"{text}, receipts {c['receipts']}, waiting {self._waiting.qsize()}, {state}"

    def _take(self, message: Message) -> None:
        """Network thread: queue a message. A full queue (a stalled database) leaves it unacknowledged."""
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            self._turned_away += 1
            if self._turned_away % 100 == 1:
                log.warning("the database is too slow: %d messages left to be sent again", self._turned_away)

    def _write(self) -> None:
        """Writer thread."""
        while not self._stop.is_set():
            batch = self._collect()
            if batch:
                self._commit(batch)

    def _collect(self) -> list[Message]:
        """Return the next messages: at most `IN_FLIGHT`, waiting at most `FLUSH_S` after the first."""
        try:
            batch = [self._waiting.get(timeout=0.2)]
        except queue.Empty:
            return []
        until_s = time.monotonic() + FLUSH_S
        while len(batch) < IN_FLIGHT and not self._stop.is_set():
            try:
                batch.append(self._waiting.get(timeout=max(0.0, until_s - time.monotonic())))
            except queue.Empty:
                break
        return batch

    def _commit(self, batch: Sequence[Message]) -> None:
        """Store a batch until it is stored, or its connection is gone (then the broker or the device sends again)."""
        arrivals = [Arrival(m.topic, m.payload, m.received_at, judge(m.topic, m.payload, self._study)) for m in batch]
        outcomes: list[Outcome] = []

        def attempt() -> None:
            outcomes[:] = store(self._engine, arrivals, datetime.now(UTC))

        self._busy_since_s = time.monotonic()
        done = self._until_well(attempt, lambda: not self._stop.is_set() and any(map(self._feed.is_current, batch)))
        self._busy_since_s = None
        if not done:
            return
        for message in batch:
            self._feed.acknowledge(message)
        for outcome in outcomes:
            self._answer(outcome)

    def _answer(self, outcome: Outcome) -> None:
        self.counts[outcome.kind] += 1
        if outcome.kind == "refused":
            whom = outcome.device.device if outcome.device else "an unknown sender"
            log.warning("refused from %s: %s", whom, outcome.receipt.reason if outcome.receipt else "see dead letters")
        if outcome.device is not None and outcome.receipt is not None:
            topic = str(outcome.device.sibling("receipt"))
            if self._feed.publish(topic, outcome.receipt.model_dump_json()):
                self.counts["receipts"] += 1

    def _until_well(self, attempt: Callable[[], None], wanted: Callable[[], bool]) -> bool:
        """Attempt until the database takes it, with growing pauses; returns False once it is no longer wanted."""
        pause_s = PAUSE_S[0]
        while True:
            try:
                attempt()
            except SQLAlchemyError as error:
                log.error("the database does not take what arrives, nothing is acknowledged: %s", _one_line(error))  # noqa: TRY400 - one line per fault
            else:
                return True
            self._stop.wait(pause_s)
            pause_s = min(2 * pause_s, PAUSE_S[1])
            if not wanted():
                return False


def _one_line(error: SQLAlchemyError) -> str:
    """Return the database's own words, without the statement and its values: they could hold trial data."""
    cause = getattr(error, "orig", None) or type(error).__name__
    return " ".join(str(cause).split())[:300]
