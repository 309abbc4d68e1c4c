"""The device's certificates to the broker: every one that it has signed, until the trial has said that it has it.

They are files, not records of the journal (docs/decisions/0027): what was sent is told by the receipts beside them. One
goes at a time, and alone: it is large, and where the broker ends the connection for it no reading is to blame.
"""

import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from calibration.certificate.keys import DeviceKey, KeyFileError
from calibration.certificate.receipts import Receipts
from calibration.certificate.standing import FOLDER
from calibration.certificate.store import Store, StoreError
from contract.calibration import CertificateMessage, CertificateReceipt, certificate_sha256
from contract.certificate import SignedCertificate
from contract.envelope import MAX_PAYLOAD_BYTES
from contract.topics import Topic
from device.outbox import STRIKES
from device.outbox_roads import wait_s
from device.publisher_link import BrokerLink

log = logging.getLogger(__name__)

LOOK_S: float = 2.0
FAILED: int = 0x80


@dataclass
class _Waiting:
    """A certificate without a receipt, in the study that this device sends to."""

    content: SignedCertificate
    sha256: str
    times: int = 0
    due_s: float = float("-inf")
    strikes: int = 0
    """So often the connection ended before the broker had taken it."""


class CertificateSender:
    """The certificates of one device, over one connection after the other. `home` names the study and the site.

    Times are in s on any steady clock. `receipt_wait_s`, `longest_wait_s`: pauses before one is sent again.
    """

    def __init__(self, folder: Path, home: Topic, receipt_wait_s: float = 10.0, longest_wait_s: float = 300.0) -> None:
        self._folder = folder
        self._topic = home.sibling("calibration")
        self._receipts = Receipts(folder)
        self._receipt_wait_s = receipt_wait_s
        self._longest_wait_s = longest_wait_s
        self._waiting: dict[str, _Waiting] = {}
        """By the certificate's id, in the order in which they were made."""
        self._seen: tuple[str, ...] | None = None
        self._looked_s = float("-inf")
        self._trouble: str | None = None
        self._mid: int | None = None
        self._sent: _Waiting | None = None
        self._sent_s = float("-inf")
        self._refused_until_s = float("-inf")

    def new_connection(self) -> None:
        """Make everything due again, but for what the broker ended the connection for time and again."""
        if self._sent is not None:
            self._sent.strikes += 1
            self._sent.due_s = self._sent_s + self._longest_wait_s
        self._mid = self._sent = None
        self._refused_until_s = float("-inf")
        for waiting in self._waiting.values():
            if waiting.strikes < STRIKES:
                waiting.times, waiting.due_s = 0, float("-inf")

    def turn(self, link: BrokerLink, now_s: float, *, alone: bool) -> bool:
        """Send what is due, where nothing else is under way (`alone`); returns whether everything else has to wait."""
        if self._sent is not None:
            # Only until the broker has taken it: the trial may be away for days.
            return now_s - self._sent_s < self._receipt_wait_s
        self._look(now_s)
        due = next((each for each in self._waiting.values() if now_s >= each.due_s), None)
        if due is None or now_s < self._refused_until_s:
            return False
        receipts = str(self._topic.sibling("receipt"))
        if receipts not in link.subscribed:
            link.subscribe(receipts)
            return False
        if alone and link.room > 0:
            self._send(link, due, now_s)
        return True

    def _send(self, link: BrokerLink, due: _Waiting, now_s: float) -> None:
        message = CertificateMessage(sent_at=datetime.now(UTC), certificate=due.content).model_dump_json()
        due.times += 1
        due.due_s = now_s + wait_s(due.times, self._receipt_wait_s, self._longest_wait_s)
        if len(message.encode()) > MAX_PAYLOAD_BYTES or not link.takes(str(self._topic), message):
            due.due_s = now_s + self._longest_wait_s
            log.error("certificate %s is larger than the broker takes", due.sha256[:16])
            return
        self._mid = link.publish(str(self._topic), message)
        self._sent, self._sent_s = due, now_s

    def acknowledged(self, mid: int, reason: int) -> bool:
        """Hear what the broker said of a message; returns whether it was a certificate."""
        if mid != self._mid or self._sent is None:
            return False
        if reason >= FAILED:
            log.warning("the broker refuses a certificate, reason 0x%02x", reason)
            self._sent.due_s = self._sent_s + self._longest_wait_s
        self._sent.strikes = 0
        self._mid = self._sent = None
        return True

    def topic_refused(self, now_s: float) -> None:
        """Hear that the broker does not send receipts: nothing goes for a while."""
        self._refused_until_s = now_s + self._longest_wait_s

    def answered(self, receipt: CertificateReceipt) -> None:
        """Hear the trial's receipt; one for another text, or for none of ours, changes nothing."""
        waiting = self._waiting.get(str(receipt.certificate_id))
        if waiting is None or waiting.sha256 != receipt.sha256:
            return
        if receipt.outcome != "stored":
            log.warning("the trial refuses certificate %s: %s", receipt.certificate_id, receipt.reason)
            return
        try:
            self._receipts.keep(self._topic.study, receipt)
        except OSError as error:
            # It is sent again, answered again, and perhaps there is room by then.
            self._say(f"the receipt of a certificate cannot be kept: {error.strerror or error}")
            return
        log.info("certificate %s: stored", receipt.certificate_id)
        del self._waiting[str(receipt.certificate_id)]

    def _look(self, now_s: float) -> None:
        """Look for certificates without a receipt. Files are only added: the same names are the same certificates."""
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        try:
            names = tuple(sorted(os.listdir(self._folder / FOLDER)))  # noqa: PTH208 - glob hides what may not be listed
        except FileNotFoundError:
            return
        except OSError as error:
            self._say(f"the certificates cannot be sent: {self._folder / FOLDER}: {error.strerror or error}")
            return
        if names == self._seen:
            return
        try:
            whole = self._read()
        except (KeyFileError, StoreError) as error:
            self._say(f"the certificates cannot be sent: {error}")
            return
        if whole:
            self._seen = names
        else:
            # Perhaps somebody mends it; to look takes reading all of them.
            self._looked_s = now_s + self._longest_wait_s

    def _read(self) -> bool:
        """Take in what has no receipt; returns whether every file could be read."""
        whole = True
        # What another key signed is not this device's to send: the trial would take the first key for its own.
        for kept in Store(self._folder / FOLDER).all(DeviceKey.read(self._folder).public):
            if kept.certificate is None or kept.content is None:
                self._say(f"not sent: {kept.trouble}")
                whole = False
                continue
            name, sha256 = str(kept.certificate.certificate_id), certificate_sha256(kept.content)
            receipt = self._receipts.of(self._topic.study, kept.certificate.certificate_id)
            if name not in self._waiting and (receipt is None or receipt.sha256 != sha256):
                self._waiting[name] = _Waiting(kept.content, sha256)
        return whole

    def _say(self, trouble: str) -> None:
        """Say a trouble once, not every two seconds."""
        if trouble != self._trouble:
            log.warning("%s", trouble)
        self._trouble = trouble
