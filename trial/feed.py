"""The ingester's MQTT connection: what arrives goes to a sink, what is committed is acknowledged.

An acknowledgement belongs to the connection that the message came in on: after a reconnect the broker may have given
its number to another message. Every arrival therefore carries the generation of its connection, and an
acknowledgement of an earlier generation is dropped; the broker sends that message again.
"""

import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

log = logging.getLogger(__name__)

WINDOW: int = 200
"""Messages unacknowledged at once, from the broker to us: asked for with MQTT 5. With 3.1.1 the broker alone decides
(mosquitto: max_inflight_messages, 20)."""
RECEIPTS_IN_FLIGHT: int = 20
"""The same in the other direction: paho ignores a broker's smaller limit, and mosquitto's is 20."""
SESSION_EXPIRY_S: int = 30 * 24 * 3600
SAME_AGAIN_S: float = 300.0
"""A connection that goes on failing in the same way is said again after this long."""

Version = Literal["3.1.1", "5"]


class FeedError(Exception):
    """The broker refuses what the ingester needs, or a file for it is missing; trying again would not help."""


@dataclass(frozen=True)
class BrokerAddress:
    """Where the broker is, how it is spoken to, and how the ingester proves who it is."""

    host: str = "127.0.0.1"
    port: int = 1883
    version: Version = "3.1.1"
    keepalive_s: int = 30
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    def __str__(self) -> str:
        """Return host and port."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Message:
    """One message, the connection it came in on and its number there."""

    generation: int
    mid: int
    qos: int
    topic: str
    payload: bytes
    received_at: datetime


class Feed:
    """A persistent MQTT session with manual acknowledgement, QoS 1. `sink` is called from the network thread.

    Raises `FeedError` where a file of the transport encryption cannot be used.
    """

    def __init__(
        self, broker: BrokerAddress, client_id: str, filters: Iterable[str], sink: Callable[[Message], None]
    ) -> None:
        self._broker = broker
        self._filters = list(filters)
        self._sink = sink
        self._lock = threading.Lock()
        self._generation = 0
        self._connected_before = False
        self._said_at_s: dict[str, float] = {}
        self._cause, self._refused = "", False
        self._heard_s = time.monotonic()
        self.connected = False
        self.refusal: str | None = None
        self._client = _client(broker, client_id)
        words = logging.Logger("paho", logging.ERROR)
        words.addHandler(_Ear(self._hear))
        self._client.enable_logger(words)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def start(self) -> None:
        """Connect in the background, again and again until it works, and after every loss."""
        broker = self._broker
        if broker.version == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho has no types here
            properties.SessionExpiryInterval = SESSION_EXPIRY_S
            properties.ReceiveMaximum = WINDOW
            self._client.connect_async(
                broker.host, broker.port, broker.keepalive_s, clean_start=False, properties=properties
            )
        else:
            self._client.connect_async(broker.host, broker.port, broker.keepalive_s)
        self._heard_s = time.monotonic()
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect in good order. The broker keeps the session and whatever was not acknowledged."""
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def silent_s(self) -> float:
        """For how long there has been neither a connection nor a failed attempt at one."""
        return 0.0 if self.connected else time.monotonic() - self._heard_s

    def is_current(self, message: Message) -> bool:
        """Return whether the connection that the message came in on still stands."""
        return message.generation == self._generation

    def acknowledge(self, message: Message) -> bool:
        """Acknowledge a committed message; returns False where its connection is gone (the broker sends it again)."""
        with self._lock:
            if not self.is_current(message):
                return False
            return self._client.ack(message.mid, message.qos) == MQTTErrorCode.MQTT_ERR_SUCCESS

    def publish(self, topic: str, payload: str) -> bool:
        """Publish at QoS 1; returns False, and keeps nothing for later, while there is no connection."""
        if not self.connected:
            return False
        return self._client.publish(topic, payload, qos=1).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _next_generation(self, connected: bool) -> None:
        with self._lock:
            self._generation += 1
            self.connected = connected
            self._heard_s = time.monotonic()

    def _on_connect(self, client: Client, _: Any, flags: ConnectFlags, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            self._refused = True
            self._complain(f"the broker {self._broker} refuses the connection: {reason}")
            return
        self._next_generation(connected=True)
        self._said_at_s.clear()
        if self._connected_before and not flags.session_present:
            log.warning("the broker has lost the session: devices will send again what has no receipt")
        self._connected_before = True
        log.info("connected to the broker, session %s", "resumed" if flags.session_present else "new")
        client.subscribe([(name, 1) for name in self._filters])

    def _on_connect_fail(self, *_: Any) -> None:
        # paho calls this while it handles the error, and does not hand it over.
        self._complain(f"the broker {self._broker} does not answer: {_plain(sys.exc_info()[1])}")

    def _on_disconnect(self, _c: Client, _u: Any, _flags: DisconnectFlags, reason: ReasonCode, _p: Any) -> None:
        was_connected = self.connected
        self._next_generation(connected=False)
        cause = self._cause or reason
        if was_connected and reason.is_failure:
            log.error("the connection to the broker is lost: %s", cause)
        elif reason.is_failure and not self._refused:
            # With TLS 1.3 a broker that does not want our certificate says so only after the greeting.
            self._complain(f"the broker {self._broker} ends the connection before it has begun: {cause}")
        self._cause, self._refused = "", False

    def _on_subscribe(self, _c: Client, _u: Any, _mid: int, reasons: list[ReasonCode], _p: Any) -> None:
        if any(reason.value != 1 for reason in reasons):  # refused, or granted at QoS 0, where messages may be lost
            self.refusal = "the broker refuses the subscription: " + ", ".join(str(reason) for reason in reasons)

    def _on_message(self, _c: Client, _u: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "(not UTF-8)"
        arrived = Message(self._generation, message.mid, message.qos, topic, bytes(message.payload), datetime.now(UTC))
        self._sink(arrived)

    def _hear(self, words: str) -> None:
        self._cause = words

    def _complain(self, sentence: str) -> None:
        """Say why there is no connection: once, and then every few minutes; it is tried again all the time."""
        now_s = self._heard_s = time.monotonic()
        # Several sentences are remembered: a broker that refuses our certificate is heard at one attempt as its alert
        # and at the next as a reset connection, whichever comes first.
        self._said_at_s = {said: at_s for said, at_s in self._said_at_s.items() if now_s - at_s <= SAME_AGAIN_S}
        if sentence not in self._said_at_s:
            self._said_at_s[sentence] = now_s
            log.error("%s; trying again", sentence)


def _client(broker: BrokerAddress, client_id: str) -> Client:
    if broker.version == "5":
        client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5, manual_ack=True)
    else:
        client = Client(CallbackAPIVersion.VERSION2, client_id, clean_session=False, protocol=MQTTv311, manual_ack=True)
    client.max_inflight_messages_set(RECEIPTS_IN_FLIGHT)
    client.reconnect_delay_set(min_delay=1, max_delay=15)
    client.on_socket_open = _send_at_once
    if broker.username is not None:
        client.username_pw_set(broker.username, broker.password)
    if broker.ca_file is not None:
        certificate, key = broker.certificate_file, broker.key_file
        try:
            client.tls_set(
                ca_certs=str(broker.ca_file),
                certfile=str(certificate) if certificate else None,
                keyfile=str(key) if key else None,
                tls_version=ssl.PROTOCOL_TLS_CLIENT,
            )
        except (OSError, ValueError) as error:
            which = ", ".join(str(path) for path in (broker.ca_file, certificate, key) if path)
            raise FeedError(f"the files of the encryption cannot be used ({which}): {_plain(error)}") from error
    return client


def _send_at_once(_client: Client, _userdata: Any, link: Any) -> None:
    """Acknowledgements and receipts are small: the kernel would keep the next until the broker has the one before.

    A receipt came 40 ms later for that (measured, loopback).
    """
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _plain(error: object) -> str:
    """Return what is wrong in one line, without the place in the library's source."""
    return " ".join(str(error).split("(_ssl.c")[0].split()) or type(error).__name__


class _Ear(logging.Handler):
    """Where paho says why a connection was lost: its callback gets only a code."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        """Pass the cause on."""
        self._hear(_plain(record.getMessage()))
