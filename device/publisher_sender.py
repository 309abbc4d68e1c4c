"""Records from the journal to the broker, receipts from there into the journal: one turn of each at a time.

Certificates go before the records that name them (`device.publisher_certificates`).
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import ValidationError

from contract.calibration import ANY_RECEIPT, CertificateReceipt
from contract.envelope import MAX_PAYLOAD_BYTES, Envelope, first_error
from contract.reading import Receipt
from contract.topics import Topic, TopicError, parse
from device.journal.deliveries import Deliveries
from device.journal.schema import JournalRecord
from device.outbox import Outbox
from device.publisher_certificates import CertificateSender
from device.publisher_journal import JournalAccess
from device.publisher_link import BrokerLink
from device.publisher_trouble import ROAD_ROWS

log = logging.getLogger(__name__)

FAILED = 0x80
NOBODY = 0x10
"""MQTT 5: the broker took the message, and nobody is there whom it could give it to."""


@dataclass
class Sender:
    """The records of one journal, over one connection after the other; and the device's certificates, where told."""

    journal: JournalAccess
    outbox: Outbox
    certificates: CertificateSender | None = None
    unsendable: set[int] = field(default_factory=set)
    """Records that cannot be read, or are larger than any message may be."""
    last_receipt_at: datetime | None = None
    status_refused: bool = False
    _opened: int = 0
    _under_way: dict[int, int] = field(default_factory=dict)
    """The record in each message that the broker has not acknowledged."""

    def new_connection(self) -> None:
        """Send everything again that has no receipt."""
        self.outbox.new_connection()
        if self.certificates is not None:
            self.certificates.new_connection()
        self._under_way.clear()
        self.status_refused = False

    def turn(self, link: BrokerLink) -> bool:
        """Take in what the broker said and send what is due; returns whether there is more to do at once."""
        self.take_in(link)
        more = not self._certificates_first(link) and self._send_due(link)
        return more or (bool(link.arrived) and self.journal.problem is None)

    def _certificates_first(self, link: BrokerLink) -> bool:
        """Send a certificate that is due; returns whether the records wait for it."""
        now_s = time.monotonic()
        self.outbox.room(now_s)
        return self.certificates is not None and self.certificates.turn(link, now_s, alone=self.outbox.idle)

    def take_in(self, link: BrokerLink) -> None:
        """Take in what the broker said, and send nothing."""
        self._note_receipts(link)
        self._hear(link)

    def _note_receipts(self, link: BrokerLink) -> None:
        """Commit all receipts that have come, at once; what cannot be committed now is kept for the next turn."""
        receipts: list[Receipt] = []
        while link.arrived and len(receipts) < self.outbox.max_in_flight:
            topic, payload = link.arrived.popleft()
            try:
                receipt = ANY_RECEIPT.validate_json(payload)
            except ValidationError as error:
                log.warning("ignored an unreadable receipt on %s: %s", topic, first_error(error))
                continue
            if isinstance(receipt, CertificateReceipt):
                if self.certificates is not None:
                    self.certificates.answered(receipt)
            else:
                receipts.append(receipt)
        if not receipts:
            return
        noted: list[bool] = []
        self.journal.do(lambda journal: noted.extend(journal.note_all(receipts)))
        if self.journal.problem is not None:
            link.arrived.extendleft((topic, receipt.model_dump_json().encode()) for receipt in reversed(receipts))
            return
        now_s = time.monotonic()
        for receipt, is_new in zip(receipts, noted, strict=True):
            if is_new:
                self.last_receipt_at = receipt.received_at
                log.info("record %d: %s", receipt.device_seq, receipt.outcome)
            self.outbox.answered(receipt.device_seq, receipt.sha256, now_s, stored=receipt.outcome == "stored")

    def _hear(self, link: BrokerLink) -> None:
        """Take in what the broker said of the messages and subscriptions themselves."""
        now_s = time.monotonic()
        while link.acknowledged:
            mid, reason = link.acknowledged.popleft()
            if self.certificates is not None and self.certificates.acknowledged(mid, reason):
                continue
            seq = self._under_way.pop(mid, None)
            if seq is None:
                self.status_refused = reason >= FAILED
            elif reason < FAILED and reason != NOBODY:
                self.outbox.acknowledged(seq)
            else:
                self._refused(seq, reason, now_s)
        while link.refused:
            topic = parse(link.refused.popleft()).sibling("reading")
            self.outbox.road_refused(str(topic), "feed_topic_refused", now_s)
            if self.certificates is not None:
                self.certificates.topic_refused(now_s)
            log.warning("the broker refuses to send the receipts of %s", topic)

    def _refused(self, seq: int, reason: int, now_s: float) -> None:
        row = ROAD_ROWS.get(reason)
        if row is None:
            self.outbox.set_aside(seq, now_s)
        elif not self.outbox.refused(seq, row, now_s):
            # Sent together with one that was refused: said already.
            return
        log.warning("the broker refuses reading %d, reason 0x%02x: %s", seq, reason, row or "the reading itself")

    def _send_due(self, link: BrokerLink) -> bool:
        now_s = time.monotonic()
        room = min(self.outbox.room(now_s), link.room)
        if room <= 0:
            return False
        due: list[JournalRecord] = []
        fresh: list[JournalRecord] = []
        self.journal.do(lambda journal: self._collect(journal, room, due, fresh))
        for record in due:
            self._send(link, record, now_s)
        for record in fresh:
            if link.room <= 0 or self.outbox.room(now_s) <= 0 or not self._go_on(link, record, now_s):
                return False
        return len(fresh) == room

    def _collect(self, journal: Deliveries, room: int, due: list[JournalRecord], fresh: list[JournalRecord]) -> None:
        if self._opened != self.journal.opened:
            self._opened = self.journal.opened
            self.outbox.new_journal()
            self.unsendable.clear()
        now_s = time.monotonic()
        for seq in self.outbox.again(now_s, room):
            record = journal.unsent_record(seq)
            if record is None:
                self.outbox.dropped(seq)
            else:
                due.append(record)
        fresh += journal.unsent(room, after=self.outbox.after)
        if not fresh:
            self.outbox.at_end(now_s)

    def _go_on(self, link: BrokerLink, record: JournalRecord, now_s: float) -> bool:
        """Send the next new record, or go on behind it for a reason; False where it has to be waited for."""
        seq = record.device_seq
        if self.outbox.knows(seq) or seq in self.unsendable:
            self.outbox.skip(seq)
            return True
        return self._send(link, record, now_s, is_new=True)

    def _send(self, link: BrokerLink, record: JournalRecord, now_s: float, *, is_new: bool = False) -> bool:
        seq = record.device_seq
        try:
            topic, envelope = _topic_of(record), _envelope(record)
        except (ValidationError, TopicError):
            return self._leave_out(seq, "it cannot be read")
        if len(envelope.encode()) > MAX_PAYLOAD_BYTES:
            return self._leave_out(seq, "it is larger than a message may be")
        road = str(topic)
        if is_new and not self.outbox.admits(seq, road, now_s):
            return True
        if is_new and (self.outbox.struck(seq) or not link.takes(road, envelope)):
            log.warning("record %d is set aside: the broker does not take it", seq)
            self.outbox.set_aside(seq, now_s, road, record.sha256)
            return True
        receipts = str(topic.sibling("receipt"))
        if receipts not in link.subscribed:
            # Not before the broker has agreed to send the receipts: one that nobody hears costs a whole wait.
            link.subscribe(receipts)
            return False
        self._under_way[link.publish(road, envelope)] = seq
        self.outbox.sent(seq, road, record.sha256, now_s)
        return True

    def _leave_out(self, seq: int, why: str) -> bool:
        """One record that cannot be sent must not stop the others."""
        log.error("record %d of the journal cannot be sent: %s", seq, why)
        self.unsendable.add(seq)
        self.outbox.skip(seq)
        return True


def _topic_of(record: JournalRecord) -> Topic:
    content = record.content
    return Topic(content.study, content.subject.site, content.device.name, "reading")


def _envelope(record: JournalRecord) -> str:
    return Envelope(
        sent_at=datetime.now(UTC), previous_sha256=record.previous_sha256, sha256=record.sha256, body=record.body
    ).model_dump_json()
