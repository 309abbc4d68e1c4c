"""The ingester's MQTT connection: what arrives goes to a sink, what is committed is acknowledged.

An acknowledgement belongs to the connection that the message came in on: after a reconnect the broker may have given
its number to another message. Every arrival therefore carries the generation of its connection, and an
acknowledgement of an earlier generation is dropped; the broker sends that message again.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

log = logging.getLogger(__name__)

IN_FLIGHT: int = 20
"""Messages unacknowledged at once. paho ignores a broker's smaller limit, and mosquitto's is 20."""
SESSION_EXPIRY_S: int = 30 * 24 * 3600
KEEPALIVE_S: int = 30

Version = Literal["3.1.1", "5"]


class FeedError(Exception):
    """The broker refuses what the ingester needs; trying again would not help."""


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
    """A persistent MQTT session with manual acknowledgement, QoS 1. `sink` is called from the network thread."""

    def __init__(
        self, client_id: str, filters: Iterable[str], sink: Callable[[Message], None], version: Version
    ) -> None:
        self._filters = list(filters)
        self._sink = sink
        self._lock = threading.Lock()
        self._generation = 0
        self._connected_before = False
        self.connected = False
        self.refusal: str | None = None
        if version == "5":
            self._client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5, manual_ack=True)
        else:
            self._client = Client(
                CallbackAPIVersion.VERSION2, client_id, clean_session=False, protocol=MQTTv311, manual_ack=True
            )
        self._version = version
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.reconnect_delay_set(min_delay=1, max_delay=15)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def start(self, host: str, port: int) -> None:
        """Connect in the background, again and again until it works, and after every loss."""
        if self._version == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho has no types here
            properties.SessionExpiryInterval = SESSION_EXPIRY_S
            properties.ReceiveMaximum = IN_FLIGHT
            self._client.connect_async(host, port, KEEPALIVE_S, clean_start=False, properties=properties)
        else:
            self._client.connect_async(host, port, KEEPALIVE_S)
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect in good order. The broker keeps the session and whatever was not acknowledged."""
        self._client.disconnect()
        self._client.loop_stop()

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

    def _on_connect(self, client: Client, _: Any, flags: ConnectFlags, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            log.error("the broker refuses the connection: %s", reason)
            return
        self._next_generation(connected=True)
        if self._connected_before and not flags.session_present:
            log.warning("the broker has lost the session: devices will send again what has no receipt")
        self._connected_before = True
        log.info("connected to the broker, session %s", "resumed" if flags.session_present else "new")
        client.subscribe([(name, 1) for name in self._filters])

    def _on_connect_fail(self, *_: Any) -> None:
        log.error("the broker does not answer; trying again")

    def _on_disconnect(self, _c: Client, _u: Any, _flags: DisconnectFlags, reason: ReasonCode, _p: Any) -> None:
        self._next_generation(connected=False)
        if reason.is_failure:
            log.error("the connection to the broker is lost: %s", reason)

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
