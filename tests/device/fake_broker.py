"""A broker that does what it is told to: refuses, falls silent, cuts off. For what real brokers seldom do.

It speaks just enough of MQTT 3.1.1 and 5, and stands for the trial side too: a reading that it takes gets its receipt.
"""

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from contract.envelope import open_envelope
from contract.reading import Reading, Receipt
from contract.topics import parse

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 4, 8, 12, 14


@dataclass
class Orders:
    """What the broker is to do; a test may change them while it runs."""

    connack: int | None = 0
    """Reason; None: no answer at all."""
    properties: bytes = b""
    """Of CONNACK, with MQTT 5."""
    suback: Callable[[str], int] = lambda _topic: 1
    puback: Callable[[str], int] = lambda _topic: 0
    """Reason for a topic. With MQTT 3.1.1 what has one other than 0 is acknowledged all the same, and dropped."""
    of_reading: Callable[[Reading], int | None] = lambda _reading: 0
    """The same for a reading; None: the connection is cut off."""
    farewell: int | None = None
    """Reason of a DISCONNECT that is sent at the first reading, with MQTT 5."""
    silent: bool = False
    """From now on nothing is answered."""


@dataclass
class FakeBroker:
    orders: Orders = field(default_factory=Orders)
    tls: ssl.SSLContext | None = None
    acknowledges: bool = True
    readings: list[Reading] = field(default_factory=list)
    """In the order in which they were taken, repeats included."""
    statuses: list[bytes] = field(default_factory=list)
    connections: int = 0
    refused: int = 0

    def __enter__(self) -> Self:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut_off()

    def cut_off(self) -> None:
        for link in self._open:
            link.close()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        link = raw
        try:
            if self.tls is not None:
                link = self.tls.wrap_socket(raw, server_side=True)
            self._open.append(link)
            _Talk(self, link).run()
        except (OSError, EOFError, IndexError):  # IndexError: no MQTT, as the greeting of TLS
            pass
        finally:
            link.close()


class _Talk:
    """One connection."""

    def __init__(self, broker: FakeBroker, link: socket.socket) -> None:
        self.broker, self.link = broker, link
        self.orders = broker.orders
        self.is_5 = False
        self.subscribed: set[str] = set()

    def run(self) -> None:
        while True:
            kind, body = self.packet()
            if self.orders.silent or kind == DISCONNECT:
                continue
            if kind == CONNECT:
                self.connect(body)
            elif kind == SUBSCRIBE:
                self.subscribe(body)
            elif kind == PUBLISH:
                self.publish(body)
            elif kind == PINGREQ:
                self.send(0xD0, b"")

    def packet(self) -> tuple[int, bytes]:
        first = self.exactly(1)[0]
        length, shift = 0, 0
        while True:
            byte = self.exactly(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return first >> 4, self.exactly(length)

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.link.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def send(self, first: int, body: bytes) -> None:
        length, head = len(body), bytes([first])
        while length > 127:
            head += bytes([length & 127 | 128])
            length >>= 7
        self.link.sendall(head + bytes([length]) + body)

    def connect(self, body: bytes) -> None:
        self.is_5 = body[6] == 5
        reason = self.orders.connack
        if reason is None:
            return
        properties = bytes([len(self.orders.properties)]) + self.orders.properties if self.is_5 else b""
        self.send(0x20, bytes([0, reason]) + properties)
        if reason:
            raise EOFError
        self.broker.connections += 1

    def subscribe(self, body: bytes) -> None:
        start = 3 if self.is_5 else 2
        (length,) = struct.unpack_from(">H", body, start)
        topic = body[start + 2 : start + 2 + length].decode()
        reason = self.orders.suback(topic)
        if reason < 128:
            self.subscribed.add(topic)
        else:
            self.broker.refused += 1
        self.send(0x90, body[:2] + (b"\0" if self.is_5 else b"") + bytes([reason]))

    def publish(self, body: bytes) -> None:
        (length,) = struct.unpack_from(">H", body)
        topic, at = body[2 : 2 + length].decode(), 2 + length
        mid, at = body[at : at + 2], at + 2 + self.is_5
        payload = body[at:]
        reason: int | None = self.orders.puback(topic)
        reading = open_envelope(payload)[1] if topic.endswith("/reading") else None
        if reading is not None and not reason:
            reason = self.orders.of_reading(reading)
        if reason is None:
            raise EOFError
        if reading is not None and self.orders.farewell is not None:
            self.send(0xE0, bytes([self.orders.farewell, 0]))
            raise EOFError
        if reason:
            self.broker.refused += 1
        if self.broker.acknowledges:
            self.send(0x40, mid + (bytes([reason, 0]) if self.is_5 and reason else b""))
        if not reason:
            self.take(topic, payload, reading)

    def take(self, topic: str, payload: bytes, reading: Reading | None) -> None:
        if reading is None:
            self.broker.statuses.append(payload)
            return
        self.broker.readings.append(reading)
        answers = str(parse(topic).sibling("receipt"))
        if answers in self.subscribed:
            receipt = Receipt(
                reading_id=reading.reading_id,
                device_seq=reading.device_seq,
                sha256=open_envelope(payload)[0].sha256,
                outcome="stored",
                received_at=datetime.now(UTC),
            )
            name = answers.encode()
            head = struct.pack(">H", len(name)) + name + (b"\0" if self.is_5 else b"")
            self.send(0x30, head + receipt.model_dump_json().encode())
