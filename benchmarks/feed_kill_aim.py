"""Aiming: what passes the broker, and when it saves; both are seen from outside, on the real components."""

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.servers import wait_for
from contract.topics import Kind, TopicError, parse

LOOK_S: float = 0.005


@dataclass(frozen=True)
class Repeats:
    """How often records came in again: in all, how many of them, and how often the one that came most often."""

    again: int
    records: int
    most: int


class Spy:
    """Hears all that passes the broker, at once, with nothing kept for it while it is away."""

    def __init__(self, port: int, study: str) -> None:
        self._heard: Counter[tuple[str, str]] = Counter()
        self._answers: Counter[str] = Counter()
        self._news = threading.Condition()
        self._topics = [(f"refill/v1/{study}/+/+/{kind}", 0) for kind in ("reading", "receipt")]
        self._client = Client(CallbackAPIVersion.VERSION2, "campaign-spy")
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(self._topics)
        self._client.on_message = self._on_message
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    def _on_message(self, _c: Client, _u: Any, message: MQTTMessage) -> None:
        try:
            topic = parse(message.topic)
        except TopicError:
            return
        with self._news:
            self._heard[topic.kind, topic.device] += 1
            self._heard[topic.kind, ""] += 1
            self._news.notify_all()
        if topic.kind == "receipt":
            self._answers[json.loads(message.payload)["sha256"]] += 1

    def hears(self, kind: Kind, device: str | None, timeout_s: float) -> bool:
        """Wait for the next message of a kind, of one device or of any; False where none passes in time."""
        key = (kind, device or "")
        with self._news:
            before = self._heard[key]
            return self._news.wait_for(lambda: self._heard[key] > before, timeout_s)

    def repeats(self) -> Repeats:
        """Return what was answered more than once: the ingester answers each arrival. Heard here, so the least."""
        more = [count for count in list(self._answers.values()) if count > 1]
        return Repeats(sum(more) - len(more), len(more), max(more, default=1))

    def close(self) -> None:
        """End it."""
        self._client.disconnect()
        self._client.loop_stop()


class Autosave:
    """When the broker saves: by the file that it writes, at equal steps."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._last_s: float | None = None
        self._step_s: float | None = None

    def look(self) -> None:
        """Look whether it has saved; to be called often."""
        try:
            saved_s = self._file.stat().st_mtime
        except FileNotFoundError:
            return
        if self._last_s is not None and saved_s != self._last_s:
            self._step_s = saved_s - self._last_s
        self._last_s = saved_s

    def saved_since(self, at_s: float) -> bool:
        """Return whether it has saved since a time on the wall clock."""
        self.look()
        return self._last_s is not None and self._last_s > at_s

    def restarted(self) -> None:
        """Forget the step that a kill has cut."""
        self._last_s, self._step_s = None, None

    def just_before(self, early_s: float, timeout_s: float) -> bool:
        """Wait until it is about to save; False where that cannot be told in time."""

        def is_known() -> bool:
            self.look()
            return self._step_s is not None

        if not wait_for(is_known, timeout_s, LOOK_S):
            return False
        assert self._last_s is not None
        assert self._step_s is not None
        next_s = self._last_s + self._step_s - early_s
        while next_s < time.time():
            next_s += self._step_s
        if next_s - time.time() > timeout_s:
            return False
        time.sleep(next_s - time.time())
        return True


def forget_session(port: int, client_id: str) -> bool:
    """Let the broker forget a session that nobody comes back to; False where it does not answer."""
    client = Client(CallbackAPIVersion.VERSION2, client_id, clean_session=True)
    client.connect("127.0.0.1", port)
    client.loop_start()
    done = wait_for(client.is_connected)
    client.disconnect()
    client.loop_stop()
    return done
