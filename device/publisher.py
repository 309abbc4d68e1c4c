"""Feeds the journal to the broker: at least once, in order, cleared only by the trial database's receipt.

A process of its own. It reads the journal and adds receipts to it, nothing else; whatever the network does, readings
wait in the journal and the bedside never waits for it.
"""

import logging
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

from pydantic import ValidationError

from contract.envelope import Envelope, first_error
from contract.reading import Receipt
from contract.status import DeviceStatus
from contract.topics import Topic, TopicError
from contract.version import __version__
from device.journal.deliveries import Deliveries
from device.journal.keeping import set_aside_files
from device.journal.schema import JournalError, JournalRecord
from device.outbox import Outbox
from device.probe.notify import notify
from device.publisher_link import MAX_IN_FLIGHT, BrokerAddress, BrokerError, BrokerLink

log = logging.getLogger(__name__)

MAX_PROBLEM: int = 500
"""Longest problem sentence that a status may carry."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for what, in s."""

    poll_s: float = 0.2
    connect_s: float = 10.0
    reconnect_first_s: float = 1.0
    reconnect_longest_s: float = 60.0
    receipt_s: float = 10.0
    receipt_longest_s: float = 300.0
    unanswered_alarm_s: float = 600.0
    status_s: float = 5.0
    farewell_s: float = 2.0


class Publisher:
    """One device's feed. `home` is the topic of its status; each reading goes to the topic that its own fields name."""

    def __init__(
        self,
        journal: Path,
        home: Topic,
        address: BrokerAddress,
        patience: Patience = Patience(),
    ) -> None:
        self._journal_path = journal
        self._home = home
        self._address = address
        self._patience = patience
        self._outbox = Outbox(MAX_IN_FLIGHT, patience.receipt_s, patience.receipt_longest_s)
        self._journal: Deliveries | None = None
        self._journal_problem: str | None = None
        self._session_id: UUID = uuid4()
        self._unsendable: set[int] = set()
        self._told: tuple[int, str | None] | None = None
        self._told_at_s = float("-inf")

    def run(self, stop: threading.Event) -> None:
        """Feed until `stop`, through every loss of broker or journal; then say "stopped" and return."""
        notify("READY=1\nSTATUS=feeding the journal to the broker")
        wait_s = self._patience.reconnect_first_s
        while not stop.is_set():
            link = BrokerLink(self._address, f"refill-{self._home.device}")
            began_s = time.monotonic()
            try:
                self._serve(link, stop)
            except BrokerError as error:
                link.drop()
                if time.monotonic() - began_s > self._patience.reconnect_longest_s:
                    wait_s = self._patience.reconnect_first_s
                log.warning("%s Trying again in %.0f s.", error, wait_s)
                self._wait(stop, wait_s * random.uniform(0.8, 1.2))  # noqa: S311 # spreads load, no secret
                wait_s = min(2 * wait_s, self._patience.reconnect_longest_s)
        notify("STOPPING=1")
        if self._journal is not None:
            self._journal.close()

    def _wait(self, stop: threading.Event, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while not stop.is_set() and time.monotonic() < until_s:
            notify("WATCHDOG=1")
            stop.wait(min(1.0, max(0.0, until_s - time.monotonic())))

    def _serve(self, link: BrokerLink, stop: threading.Event) -> None:
        """Connect and feed until `stop`; raises `BrokerError` when the connection is lost."""
        self._session_id = uuid4()
        self._told = None
        self._outbox.new_connection()
        link.open(str(self._home.sibling("status")), self._status("lost"))
        until_s = time.monotonic() + self._patience.connect_s
        while not link.connected:
            if time.monotonic() > until_s:
                raise BrokerError("The broker does not answer the greeting.")
            if stop.is_set():
                return
            link.turn(self._patience.poll_s)
        log.info("connected to the broker %s:%d", self._address.host, self._address.port)
        link.subscribe(str(self._home.sibling("receipt")))
        while not stop.is_set():
            link.turn(self._patience.poll_s)
            self._note_receipts(link)
            self._send_due(link)
            self._tell_status(link)
            notify("WATCHDOG=1")
        self._farewell(link)

    def _with_journal(self, do: Callable[[Deliveries], None]) -> None:
        """Do something with the journal; where that fails, remember why and open it afresh next time."""
        try:
            if self._journal is not None and self._journal.was_replaced():
                self._journal.close()
                self._journal = None
            if self._journal is None:
                self._journal = Deliveries.open(self._journal_path)
            do(self._journal)
            self._journal_problem = None
        except JournalError as error:
            if self._journal is not None:
                self._journal.close()
                self._journal = None
            if str(error) != self._journal_problem:
                log.warning("%s", error)
            self._journal_problem = str(error)

    def _note_receipts(self, link: BrokerLink) -> None:
        while link.arrived and self._journal_problem is None:
            topic, payload = link.arrived.popleft()
            try:
                receipt = Receipt.model_validate_json(payload)
            except ValidationError as error:
                log.warning("ignored an unreadable receipt on %s: %s", topic, first_error(error))
                continue
            self._with_journal(partial(_note, receipt))

    def _send_due(self, link: BrokerLink) -> None:
        due: list[JournalRecord] = []

        def collect(journal: Deliveries) -> None:
            sendable = [seq for seq in journal.unsent_seqs() if seq not in self._unsendable]
            for seq in self._outbox.due(sendable, time.monotonic()):
                record = journal.record(seq)
                if record is not None:
                    due.append(record)

        self._with_journal(collect)
        for record in due:
            try:
                topic, envelope = _topic_of(record), _envelope(record)
            except (ValidationError, TopicError):
                # One record that cannot be sent must not stop the others.
                self._unsendable.add(record.device_seq)
                continue
            link.subscribe(str(topic.sibling("receipt")))
            # Not before the broker has agreed to send the receipts: one that nobody hears costs a whole wait.
            if str(topic.sibling("receipt")) in link.subscribed:
                link.publish(str(topic), envelope)
                self._outbox.mark_sent(record.device_seq, time.monotonic())

    def _tell_status(self, link: BrokerLink) -> None:
        now_s = time.monotonic()
        if self._told is not None and now_s - self._told_at_s < self._patience.status_s:
            return
        news = (self._unsent(), self._problem())
        if news != self._told:
            link.publish(str(self._home.sibling("status")), self._status("ready"), retain=True)
            self._told, self._told_at_s = news, now_s

    def _farewell(self, link: BrokerLink) -> None:
        """Say "stopped", wait shortly for the broker to have it, and disconnect so that no last will is sent."""
        link.publish(str(self._home.sibling("status")), self._status("stopped"), retain=True)
        until_s = time.monotonic() + self._patience.farewell_s
        while link.unacknowledged and time.monotonic() < until_s:
            link.turn(self._patience.poll_s)
            self._note_receipts(link)
        link.close()

    def _status(self, state: str) -> str:
        return DeviceStatus.model_validate(
            {
                "session_id": self._session_id,
                "state": state,
                "at": datetime.now(UTC),
                "software_version": __version__,
                "unsent_readings": self._unsent(),
                "problem": self._problem(),
            }
        ).model_dump_json()

    def _unsent(self) -> int:
        found: list[int] = []
        self._with_journal(lambda journal: found.append(journal.counts().unsent))
        return found[0] if found else 0

    def _problem(self) -> str | None:
        """Return the one sentence that a person should read first, or None."""
        if self._journal_problem is not None:
            return self._journal_problem[:MAX_PROBLEM]
        aside = set_aside_files(self._journal_path)
        if aside:
            return f"A broken journal was set aside as {aside[-1].name}. Call the study engineer."[:MAX_PROBLEM]
        if self._unsendable:
            return f"Record {min(self._unsendable)} of the journal cannot be read. Call the study engineer."
        refusals: list[str] = []
        self._with_journal(lambda journal: refusals.extend(_refusals(journal)))
        if refusals:
            return refusals[0][:MAX_PROBLEM]
        if self._outbox.longest_unanswered_s(time.monotonic()) > self._patience.unanswered_alarm_s:
            return "The trial database does not answer: readings wait in the device."
        return None


def _note(receipt: Receipt, journal: Deliveries) -> None:
    if journal.note(receipt):
        log.info("reading %d: %s", receipt.device_seq, receipt.outcome)


def _refusals(journal: Deliveries) -> list[str]:
    refused = journal.counts().refused
    if not refused:
        return []
    return [
        f"The trial database refused {refused} readings; the last one: {journal.last_refusal() or 'no reason given'}."
    ]


def _topic_of(record: JournalRecord) -> Topic:
    reading = record.reading
    return Topic(reading.study, reading.subject.site, reading.device.name, "reading")


def _envelope(record: JournalRecord) -> str:
    return Envelope(
        sent_at=datetime.now(UTC), previous_sha256=record.previous_sha256, sha256=record.sha256, body=record.body
    ).model_dump_json()


def run_publisher(journal: Path, home: Topic, address: BrokerAddress) -> None:
    """Feed `journal` until SIGTERM or SIGINT; to be run in a process of its own, from its main thread."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Publisher(journal, home, address).run(stop)
