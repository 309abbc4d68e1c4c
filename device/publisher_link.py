"""One connection to the broker, driven by whoever owns it: no thread of its own, nothing queued across connections.

A fresh paho client for every connection: paho sends what it has queued again after a reconnect, and re-arms nothing.
Here the journal is the queue, and the last will carries the session id of its own connection.
"""

import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

MAX_IN_FLIGHT: int = 20
"""paho ignores a broker's smaller limit, and mosquitto's is 20."""
CONNECT_TIMEOUT_S: float = 3.0
"""For one address of the broker, and again for the greeting of TLS."""
OPEN_S: float = 20.0
"""For all of it, the name's resolution included, which has no time-out of its own."""
LOOK_S: float = 0.1


class BrokerError(Exception):
    """The connection to the broker cannot be made, or is lost; the text is one sentence."""


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
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=True,
            protocol=address.protocol,
            reconnect_on_failure=False,
        )
        self._client.max_inflight_messages_set(MAX_IN_FLIGHT)
        self._client.connect_timeout = CONNECT_TIMEOUT_S
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._refusal: str | None = None
        self._subscribing: dict[int, str] = {}
        self._unacknowledged: set[int] = set()
        self.connected = False
        self.subscribed: set[str] = set()
        self.arrived: deque[tuple[str, bytes]] = deque()

    def open(self, will_topic: str, will_payload: str, meanwhile: Callable[[], bool]) -> bool:
        """Connect, with a retained last will; raises `BrokerError`. `connected` turns true in a later `turn`.

        `meanwhile` is called some ten times a second until then; where it returns False, so does this, at once.
        """
        address = self._address
        self._client.will_set(will_topic, will_payload, qos=1, retain=True)
        try:
            if address.username is not None:
                self._client.username_pw_set(address.username, address.password)
            if address.ca_file is not None:
                self._client.tls_set(
                    ca_certs=str(address.ca_file),
                    certfile=str(address.certificate_file) if address.certificate_file else None,
                    keyfile=str(address.key_file) if address.key_file else None,
                    tls_version=ssl.PROTOCOL_TLS_CLIENT,
                )
        except (OSError, ValueError) as error:
            raise self._no_answer(error) from error
        return self._connect(meanwhile)

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
                raise self._no_answer("no connection in time")
            return False
        if attempt.error is not None:
            raise self._no_answer(attempt.error) from attempt.error
        return goes_on

    def _no_answer(self, why: object) -> BrokerError:
        return BrokerError(f"The broker {self._address.host}:{self._address.port} does not answer: {why}.")

    def turn(self, timeout_s: float) -> None:
        """Send and receive what there is, waiting up to `timeout_s` for it; raises `BrokerError` once it is lost."""
        if self._client.socket() is None:
            raise BrokerError(self._refusal or "The connection to the broker was lost.")
        code = self._client.loop(timeout_s)
        if self._refusal is not None:
            raise BrokerError(self._refusal)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise BrokerError(f"The connection to the broker was lost: {code.name}.")

    def subscribe(self, topic: str) -> None:
        """Ask for a topic at QoS 1; it stands in `subscribed` once the broker has agreed."""
        if topic in self.subscribed or topic in self._subscribing.values():
            return
        code, mid = self._client.subscribe(topic, qos=1)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise BrokerError("The connection to the broker was lost.")
        self._subscribing[mid] = topic

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Publish at QoS 1; raises `BrokerError` rather than let the message wait for a later connection."""
        if not self.connected:
            raise BrokerError("There is no connection to the broker.")
        message = self._client.publish(topic, payload, qos=1, retain=retain)
        if message.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise BrokerError("The connection to the broker was lost.")
        self._unacknowledged.add(message.mid)

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

    def _on_connect(self, _c: Client, _u: Any, _flags: ConnectFlags, reason: ReasonCode, _p: Any) -> None:
        if reason.is_failure:
            self._refusal = f"The broker refuses the connection: {reason}."
        else:
            self.connected = True

    def _on_subscribe(self, _c: Client, _u: Any, mid: int, reasons: list[ReasonCode], _p: Any) -> None:
        topic = self._subscribing.pop(mid, None)
        if any(reason.is_failure for reason in reasons):
            self._refusal = f"The broker refuses to send {topic}."
        elif topic is not None:
            self.subscribed.add(topic)

    def _on_message(self, _c: Client, _u: Any, message: MQTTMessage) -> None:
        self.arrived.append((message.topic, bytes(message.payload)))

    def _on_publish(self, _c: Client, _u: Any, mid: int, _reason: ReasonCode, _p: Any) -> None:
        self._unacknowledged.discard(mid)


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
        except (OSError, ValueError) as error:
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
