"""One connection to the broker, driven by whoever owns it: no thread of its own, nothing queued across connections.

A fresh paho client for every connection: paho sends what it has queued again after a reconnect, and re-arms nothing.
Here the journal is the queue, and the last will carries the session id of its own connection.
"""

import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt.client import MQTT_LOG_ERR, Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from device.publisher_trouble import CONNECT_ROWS, TLS_WORDS, BrokerError, plain, row_of

MAX_IN_FLIGHT: int = 20
"""mosquitto's limit; where a broker names a smaller one with MQTT 5, that holds. paho looks at neither."""
CONNECT_TIMEOUT_S: float = 3.0
"""For one address of the broker, and again for the greeting of TLS."""
OPEN_S: float = 20.0
"""For all of it, the name's resolution included, which has no time-out of its own."""
LOOK_S: float = 0.1
HEAD_BYTES: int = 16
"""At most this much of a PUBLISH is neither topic nor payload."""
KEEP_ALIVE_TIMEOUT = 0x8D
ANSWER_S: float = 20.0
"""A broker that has not answered a subscription for this long is taken for hanging."""


@dataclass(frozen=True)
class BrokerAddress:
    """Where the broker is and how to speak to it; the defaults serve amqtt and mosquitto on this machine."""

    host: str = "127.0.0.1"
    port: int = 1883
    keepalive_s: int = 30
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311


class BrokerLink:
    """One connection, from `open` to `close`. Everything happens in the thread that calls `turn`."""

    def __init__(self, address: BrokerAddress, client_id: str) -> None:
        self._address = address
        self._client = _client(address, client_id)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._client.on_log = self._on_log
        self._lost: BrokerError | None = None
        self._subscribing: dict[int, tuple[str, float]] = {}
        self._unacknowledged: set[int] = set()
        self._window = MAX_IN_FLIGHT
        self._limit_bytes: int | None = None
        self.connected = False
        self.subscribed: set[str] = set()
        self.refused: deque[str] = deque()
        """Topics that the broker does not send us, each once for every time that it said so."""
        self.acknowledged: deque[tuple[int, int]] = deque()
        """Number and reason of every message that the broker acknowledged: 0 is well, with MQTT 3.1.1 always."""
        self.arrived: deque[tuple[str, bytes]] = deque()

    def open(self, will_topic: str, will_payload: str, meanwhile: Callable[[], bool]) -> bool:
        """Connect, with a retained last will; raises `BrokerError`. `connected` turns true in a later `turn`.

        `meanwhile` is called some ten times a second until then; where it returns False, so does this, at once.
        """
        self._client.will_set(will_topic, will_payload, qos=1, retain=True)
        if self._address.username is not None:
            self._client.username_pw_set(self._address.username, self._address.password)
        self._use_tls()
        return self._connect(meanwhile)

    def _use_tls(self) -> None:
        ca, certificate, key = self._address.ca_file, self._address.certificate_file, self._address.key_file
        if ca is None:
            return
        try:
            self._client.tls_set(
                ca_certs=str(ca),
                certfile=str(certificate) if certificate else None,
                keyfile=str(key) if key else None,
                tls_version=ssl.PROTOCOL_TLS_CLIENT,
            )
        except (OSError, ValueError) as error:
            which = ", ".join(str(path) for path in (ca, certificate, key) if path)
            sentence = f"The files of the encryption cannot be used ({which}): {plain(error)}."
            raise BrokerError(sentence, "broker_files") from error

    def _connect(self, meanwhile: Callable[[], bool]) -> bool:
        """Connect in a thread of its own: a name server that is silent must not look like a publisher that hangs."""
        attempt = _Attempt(self._client, self._address)
        attempt.start()
        until_s = time.monotonic() + OPEN_S
        goes_on = True
        while attempt.is_alive() and goes_on and time.monotonic() < until_s:
            attempt.join(LOOK_S)
            goes_on = meanwhile()
        if not attempt.taken():
            if goes_on:
                raise self._no_answer("no connection in time", "broker_silent")
            return False
        if attempt.error is not None:
            raise self._no_answer(attempt.error, row_of(attempt.error)) from attempt.error
        return goes_on

    def _no_answer(self, why: object, row: str) -> BrokerError:
        return BrokerError(f"The broker {self._address.host}:{self._address.port} does not answer: {plain(why)}.", row)

    def turn(self, timeout_s: float) -> None:
        """Send and receive what there is, waiting up to `timeout_s` for it; raises `BrokerError` once it is lost."""
        self._step(timeout_s)
        # paho takes in a few messages at a time; what has come meanwhile goes into the same commit.
        for _ in range(MAX_IN_FLIGHT):
            before = len(self.arrived) + len(self.acknowledged)
            self._step(0.0)
            if len(self.arrived) + len(self.acknowledged) == before:
                break
        if any(time.monotonic() - asked_s > ANSWER_S for _, asked_s in self._subscribing.values()):
            raise BrokerError("The broker does not answer a subscription.", "broker_silent")

    def _step(self, timeout_s: float) -> None:
        if self._client.socket() is None:
            raise self._end(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        code = self._client.loop(timeout_s)
        if self._lost is not None or code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._end(code)

    def _end(self, code: MQTTErrorCode) -> BrokerError:
        if self._lost is not None:
            return self._lost
        if self.connected:
            return BrokerError(f"The connection to the broker was lost: {code.name}.")
        if code == MQTTErrorCode.MQTT_ERR_PROTOCOL:
            # paho's only word for a CONNACK that says so, with MQTT 3.1.1.
            return BrokerError("The broker does not speak this version of MQTT.", "broker_version")
        return BrokerError("The broker ends the connection before it has begun.", "broker_shuts")

    def subscribe(self, topic: str) -> None:
        """Ask for a topic at QoS 1; it stands in `subscribed` once the broker has agreed, in `refused` if not."""
        if topic in self.subscribed or any(topic == asked for asked, _ in self._subscribing.values()):
            return
        code, mid = self._client.subscribe(topic, qos=1)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise BrokerError("The connection to the broker was lost.")
        self._subscribing[mid] = (topic, time.monotonic())

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> int:
        """Publish at QoS 1 and return the message's number; raises `BrokerError` rather than let it wait for later."""
        if not self.connected:
            raise BrokerError("There is no connection to the broker.")
        message = self._client.publish(topic, payload, qos=1, retain=retain)
        if message.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise BrokerError("The connection to the broker was lost.")
        self._unacknowledged.add(message.mid)
        return message.mid

    @property
    def room(self) -> int:
        """How many messages the broker takes before it has acknowledged one."""
        return max(0, self._window - len(self._unacknowledged))

    def takes(self, topic: str, payload: str) -> bool:
        """Return whether the broker takes a message of this size, as far as it has said."""
        return self._limit_bytes is None or len(topic) + len(payload.encode()) + HEAD_BYTES <= self._limit_bytes

    @property
    def unacknowledged(self) -> int:
        """How many messages the broker has not acknowledged; its acknowledgement proves nothing about storage."""
        return len(self._unacknowledged)

    def close(self) -> None:
        """Say good-bye where there is a connection, so that the last will is not sent."""
        if self._client.socket() is not None:
            self._client.disconnect()
            self._client.loop(0.1)

    def drop(self) -> None:
        """End the connection without good-bye."""
        link = self._client.socket()
        if link is not None:
            link.close()

    def _on_connect(self, _c: Client, _u: Any, _flags: ConnectFlags, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            row = CONNECT_ROWS.get(reason.value, "broker_denies")
            self._lost = BrokerError(f"The broker refuses the connection: {reason}.", row)
            return
        self.connected = True
        self._window = min(MAX_IN_FLIGHT, getattr(properties, "ReceiveMaximum", MAX_IN_FLIGHT))
        self._limit_bytes = getattr(properties, "MaximumPacketSize", None)

    def _on_disconnect(self, _c: Client, _u: Any, flags: DisconnectFlags, reason: ReasonCode, _p: Any) -> None:
        if self._lost is not None:
            return
        if reason.value == KEEP_ALIVE_TIMEOUT:
            self._lost = BrokerError("The broker has fallen silent.", "broker_silent")
        elif flags.is_disconnect_packet_from_server:
            row = CONNECT_ROWS.get(reason.value, "broker_lost")
            self._lost = BrokerError(f"The broker ends the connection: {reason}.", row)

    def _on_log(self, _c: Client, _u: Any, level: int, words: str) -> None:
        """Hear from paho's log why a connection ended: its callback gets only a code.

        With TLS 1.3 a broker that does not want our certificate says so only after the greeting.
        """
        if level == MQTT_LOG_ERR and self._lost is None and TLS_WORDS.search(words):
            self._lost = BrokerError(f"The connection to the broker was lost: {plain(words)}.", row_of(words))

    def _on_subscribe(self, _c: Client, _u: Any, mid: int, reasons: list[ReasonCode], _p: Any) -> None:
        topic, _ = self._subscribing.pop(mid, (None, 0.0))
        if topic is None:
            return
        if any(reason.is_failure for reason in reasons):
            self.refused.append(topic)
        else:
            self.subscribed.add(topic)

    def _on_message(self, _c: Client, _u: Any, message: MQTTMessage) -> None:
        self.arrived.append((message.topic, bytes(message.payload)))

    def _on_publish(self, _c: Client, _u: Any, mid: int, reason: ReasonCode, _p: Any) -> None:
        self._unacknowledged.discard(mid)
        self.acknowledged.append((mid, reason.value))


def _client(address: BrokerAddress, client_id: str) -> Client:
    # The session is clean: what it would hold stands in the journal. With MQTT 5 that is said in `connect`.
    clean = None if address.protocol is MQTTProtocolVersion.MQTTv5 else True
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id,
        clean_session=clean,
        protocol=address.protocol,
        reconnect_on_failure=False,
    )
    client.max_inflight_messages_set(MAX_IN_FLIGHT)
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.on_socket_open = _no_delay
    return client


def _no_delay(_c: Client, _u: Any, link: Any) -> None:
    # A window of records is some small packets: the last must not wait until the broker has confirmed the others.
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class _Attempt(threading.Thread):
    """One attempt to connect; nobody else touches the client before `taken`, nor after it said that it was too late."""

    def __init__(self, client: Client, address: BrokerAddress) -> None:
        super().__init__(name="broker-connect", daemon=True)
        self._client = client
        self._address = address
        self._lock = threading.Lock()
        self._done = False
        self._given_up = False
        self.error: OSError | ValueError | None = None

    def run(self) -> None:
        """Connect; where that took too long for whoever waited, let go again."""
        try:
            self._client.connect(self._address.host, self._address.port, self._address.keepalive_s)
        except (OSError, ValueError) as error:  # ValueError: a name that is none
            self.error = error
        with self._lock:
            self._done = True
            late = self._given_up
        link = self._client.socket()
        if late and link is not None:
            link.close()

    def taken(self) -> bool:
        """Return whether the attempt has ended, one way or the other; if not, it is given up."""
        with self._lock:
            self._given_up = not self._done
            return self._done
