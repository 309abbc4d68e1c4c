"""Feeds the journal to the broker: at least once, in order, cleared only by the trial database's receipt.

A process of its own. It reads the journal and adds receipts to it, nothing else; whatever the network does, readings
wait in the journal and the bedside never waits for it. Beside the readings it sends the device's certificates, and
tells its status.
"""

import logging
import random
import signal
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

from contract.status import DeviceStatus
from contract.topics import Topic
from contract.version import __version__
from device.clock import SystemClock
from device.outbox import Outbox
from device.probe.notify import notify
from device.publisher_certificates import CertificateSender
from device.publisher_journal import JournalAccess
from device.publisher_link import MAX_IN_FLIGHT, BrokerAddress, BrokerLink
from device.publisher_outlook import Outlook, Watch
from device.publisher_sender import Sender
from device.publisher_trouble import BrokerError

log = logging.getLogger(__name__)

ALIVE_S: float = 1.0


@dataclass(frozen=True)
class Patience:
    """How long to wait for what, in s."""

    poll_s: float = 0.2
    connect_s: float = 10.0
    reconnect_first_s: float = 1.0
    reconnect_longest_s: float = 60.0
    good_s: float = 10.0
    """A connection that stood for so long was a good one: the next is not waited for longer than the first."""
    receipt_s: float = 10.0
    receipt_longest_s: float = 300.0
    unanswered_alarm_s: float = 600.0
    look_s: float = 1.0
    status_s: float = 5.0
    status_longest_s: float = 60.0
    farewell_s: float = 2.0


class Publisher:
    """One device's feed. `home` is the topic of its status; each reading goes to the topic that its own fields name.

    The certificates in `calibration/` beside the journal go where the status does.

    `run_folder` is where the bedside says how its parts do, and where it reads how the feed does; None: nowhere.
    """

    def __init__(
        self,
        journal: Path,
        home: Topic,
        address: BrokerAddress,
        patience: Patience = Patience(),
        run_folder: Path | None = None,
    ) -> None:
        self._home = home
        self._address = address
        self._patience = patience
        self._journal = JournalAccess(journal)
        waits = patience.receipt_s, patience.receipt_longest_s
        certificates = CertificateSender(journal.parent / "calibration", home, *waits)
        self._sender = Sender(self._journal, Outbox(MAX_IN_FLIGHT, *waits), certificates)
        self._watch = Watch(self._journal, self._sender, run_folder, SystemClock())
        self._session_id: UUID = uuid4()
        self._outlook: Outlook | None = None
        self._looked_s = float("-inf")
        self._told: tuple[object, ...] | None = None
        self._told_at_s = float("-inf")
        self._ready = False
        self._alive_s = float("-inf")

    def run(self, stop: threading.Event) -> None:
        """Feed until `stop`, through every loss of broker or journal; then say "stopped" and return."""
        wait_s = self._patience.reconnect_first_s
        while not stop.is_set():
            link = BrokerLink(self._address, f"refill-{self._home.device}")
            began_s = time.monotonic()
            try:
                self._serve(link, stop)
            except BrokerError as error:
                link.drop()
                self._watch.lost(error.row)
                if link.connected and time.monotonic() - began_s > self._patience.good_s:
                    wait_s = self._patience.reconnect_first_s
                log.warning("%s Trying again in %.0f s.", error, wait_s)
                self._looked_s = float("-inf")
                self._wait(stop, wait_s * random.uniform(0.8, 1.2))  # noqa: S311 # spreads load, no secret
                wait_s = min(2 * wait_s, self._patience.reconnect_longest_s)
        notify("STOPPING=1")
        self._journal.close()

    def _wait(self, stop: threading.Event, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while not stop.is_set() and time.monotonic() < until_s:
            self._turn(connected=False)
            stop.wait(min(self._patience.look_s, max(0.0, until_s - time.monotonic())))

    def _turn(self, *, connected: bool) -> Outlook:
        """Look around where that is due, and tell systemd that this process lives; the first time, that it is ready."""
        now_s = time.monotonic()
        if self._outlook is None or now_s - self._looked_s >= self._patience.look_s:
            self._looked_s = now_s
            self._outlook = self._watch.look(self._patience.unanswered_alarm_s, connected=connected)
        if not self._ready:
            notify("READY=1\nSTATUS=feeding the journal to the broker")
            self._ready = True
        if now_s - self._alive_s >= ALIVE_S:
            notify("WATCHDOG=1")
            self._alive_s = now_s
        return self._outlook

    def _serve(self, link: BrokerLink, stop: threading.Event) -> None:
        """Connect and feed until `stop`; raises `BrokerError` when the connection is lost."""
        self._session_id = uuid4()
        self._told = None
        self._sender.new_connection()
        if not self._connect(link, stop):
            link.drop()
            return
        log.info("connected to the broker %s:%d", self._address.host, self._address.port)
        self._looked_s = float("-inf")
        at_once = False
        while not stop.is_set():
            link.turn(0.0 if at_once else self._patience.poll_s)
            at_once = self._sender.turn(link)
            self._tell_status(link, self._turn(connected=True))
        self._farewell(link)

    def _connect(self, link: BrokerLink, stop: threading.Event) -> bool:
        """Return whether there is a connection; False where `stop` came first."""

        def meanwhile() -> bool:
            self._turn(connected=False)
            return not stop.is_set()

        will = self._status("lost", self._turn(connected=False))
        if not link.open(str(self._home.sibling("status")), will, meanwhile):
            return False
        until_s = time.monotonic() + self._patience.connect_s
        while not link.connected:
            if time.monotonic() > until_s:
                raise BrokerError("The broker does not answer the greeting.", "broker_silent")
            if not meanwhile():
                return False
            link.turn(self._patience.poll_s)
        return True

    def _tell_status(self, link: BrokerLink, outlook: Outlook) -> None:
        """Publish the status where it has changed, not too often, and else now and then: a silent one looks dead."""
        since_s = time.monotonic() - self._told_at_s
        if self._told is not None and since_s < self._patience.status_s:
            return
        if link.room and (outlook.news != self._told or since_s >= self._patience.status_longest_s):
            link.publish(str(self._home.sibling("status")), self._status("ready", outlook), retain=True)
            self._told, self._told_at_s = outlook.news, time.monotonic()

    def _farewell(self, link: BrokerLink) -> None:
        """Say "stopped", wait shortly for the broker to have it, and disconnect so that no last will is sent."""
        self._looked_s = float("-inf")
        outlook = self._turn(connected=True)
        until_s = time.monotonic() + self._patience.farewell_s
        while not link.room and time.monotonic() < until_s:
            link.turn(self._patience.poll_s)
        link.publish(str(self._home.sibling("status")), self._status("stopped", outlook), retain=True)
        while link.unacknowledged and time.monotonic() < until_s:
            link.turn(self._patience.poll_s)
            self._sender.take_in(link)
        link.close()

    def _status(self, state: Literal["ready", "lost", "stopped"], outlook: Outlook) -> str:
        return DeviceStatus(
            session_id=self._session_id,
            state=state,
            at=datetime.now(UTC),
            software_version=__version__,
            unsent_readings=outlook.unsent,
            # Nobody knows how the parts do of a device that is heard no more; what waits in its journal is known.
            problem=outlook.problem if state == "ready" else outlook.feed.problem,
            health=outlook.health if state == "ready" else None,
        ).model_dump_json()


def run_publisher(journal: Path, home: Topic, address: BrokerAddress, run_folder: Path | None = None) -> None:
    """Feed `journal` until SIGTERM or SIGINT; to be run in a process of its own, from its main thread."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Publisher(journal, home, address, run_folder=run_folder).run(stop)
