"""Many simulated devices, each with a connection of its own to the broker, in one thread: readings out, receipts in."""

import asyncio
import json
import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.feed_speed_rig import Sealed, SpeedError
from contract.topics import Topic

GRACE_S = 8.0
"""For receipts that are still on their way when the last reading has been sent."""
KEEPALIVE_S = 120


@dataclass
class Load:
    """What one load did: readings a second that were asked for, sent and answered; time from publish to receipt."""

    asked_per_s: float
    seconds: float
    sent: int = 0
    latencies_s: list[float] = field(default_factory=list)
    answered_in_time: int = 0
    """Before the last reading was sent, and a second."""
    late_s: float = 0.0
    """How far behind its plan the sender was at the end: more than a little, and it was the sender that ended."""

    @property
    def answered(self) -> int:
        """How many readings have their receipt."""
        return len(self.latencies_s)

    @property
    def median_s(self) -> float:
        """Half of the receipts came sooner."""
        return statistics.median(self.latencies_s) if self.latencies_s else float("nan")

    @property
    def p99_s(self) -> float:
        """99 of 100 receipts came sooner."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))] if ordered else float("nan")

    @property
    def carried(self) -> bool:
        """Whether the machine kept up: receipts came as fast as readings went out, and none later than 2 s."""
        return self.answered_in_time >= 0.95 * self.sent and self.late_s < 1.0 and self.p99_s < 2.0


class Fleet:
    """Devices on their own connections, driven by one event loop."""

    def __init__(self, port: int, devices: Sequence[Topic]) -> None:
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._sent_at_s: dict[str, float] = {}
        self._load = Load(0, 0)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * len(devices) + 200)), hard))
        self._subscribed = 0
        self._clients = {str(topic): self._device(topic) for topic in devices}

    def _device(self, topic: Topic) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, f"refill-{topic.device}")
        loop = self._loop
        client.on_socket_open = lambda c, _, sock: loop.add_reader(sock, c.loop_read)
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = lambda c, _, sock: loop.add_writer(sock, c.loop_write)
        client.on_socket_unregister_write = self._on_socket_unregister_write
        client.on_connect = lambda c, *_: c.subscribe(str(topic.sibling("receipt")), 1)
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_receipt
        return client

    def _on_socket_close(self, _client: Client, _userdata: Any, sock: Any) -> None:
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)

    def _on_socket_unregister_write(self, _client: Client, _userdata: Any, sock: Any) -> None:
        self._loop.remove_writer(sock)

    def _on_subscribe(self, *_: Any) -> None:
        self._subscribed += 1

    def _on_receipt(self, _c: Client, _u: Any, message: MQTTMessage) -> None:
        receipt = json.loads(message.payload)
        sent_at_s = self._sent_at_s.pop(receipt["sha256"], None)
        if sent_at_s is not None and receipt["outcome"] == "stored":
            self._load.latencies_s.append(time.perf_counter() - sent_at_s)

    def connect(self) -> None:
        """Connect all; raises `SpeedError` where not all of them get their subscription."""
        self._loop.run_until_complete(self._connect())

    async def _connect(self) -> None:
        for client in self._clients.values():
            client.connect("127.0.0.1", self._port, KEEPALIVE_S)
            await asyncio.sleep(0)
        until_s = time.monotonic() + 20
        while self._subscribed < len(self._clients):
            if time.monotonic() > until_s:
                raise SpeedError(f"{self._subscribed} of {len(self._clients)} devices are connected")
            await asyncio.sleep(0.05)

    def play(self, messages: Sealed, per_s: float) -> Load:
        """Send messages at an even rate, in order; returns once their receipts are there, or are too late."""
        return self._loop.run_until_complete(self._play(messages, per_s))

    async def _play(self, messages: Sealed, per_s: float) -> Load:
        load = self._load = Load(per_s, len(messages) / per_s)
        self._sent_at_s.clear()
        marks = [json.loads(payload)["sha256"] for _, payload in messages]
        began_s = time.perf_counter()
        for number, ((topic, payload), mark) in enumerate(zip(messages, marks, strict=True)):
            wait_s = began_s + number / per_s - time.perf_counter()
            await asyncio.sleep(max(0.0, wait_s))
            self._sent_at_s[mark] = time.perf_counter()
            self._clients[topic].publish(topic, payload, qos=1)
            load.sent += 1
        load.late_s = time.perf_counter() - began_s - load.seconds
        await asyncio.sleep(1.0)
        load.answered_in_time = load.answered
        until_s = time.monotonic() + GRACE_S
        while self._sent_at_s and time.monotonic() < until_s:
            await asyncio.sleep(0.05)
        for client in self._clients.values():
            client.loop_misc()
        return load

    def close(self) -> None:
        """Disconnect all."""
        for client in self._clients.values():
            client.disconnect()
        self._loop.close()
