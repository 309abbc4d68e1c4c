"""The other end of the console: what screens and commands use to ask and to listen."""

import json
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from device.console_socket import ConsoleError, Lines
from device.console_words import CONSOLE_VERSION, Request

__all__ = ["ConsoleClient", "ConsoleError"]

MAX_EVENT: int = 1_048_576
ANSWER_S: float = 5.0
_READ = 65_536

ConsoleEvent = dict[str, Any]


class ConsoleClient:
    """One user of the console. Use it in one thread. Every call raises `ConsoleError` once the bedside is gone."""

    def __init__(self, path: Path, timeout_s: float = ANSWER_S) -> None:
        """Connect and hear the greeting; raises `ConsoleError` where nobody answers, or in another version."""
        self._path = path
        self._timeout_s = timeout_s
        self._lines = Lines(MAX_EVENT)
        self._heard: deque[ConsoleEvent] = deque()
        self._asked = 0
        self._gone = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.setblocking(False)
            self._socket.connect(str(path))
            self._greet(self._next(time.monotonic() + timeout_s))
        except BlockingIOError as error:
            # So many callers wait that there is no room for one more; nobody takes them.
            self.close()
            raise ConsoleError(f"The bedside program at {path} does not answer.") from error
        except OSError as error:
            self.close()
            raise ConsoleError(f"There is no bedside program at {path}: {error.strerror or error}.") from error
        except ConsoleError:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Return the open connection."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go."""
        self._socket.close()

    def fileno(self) -> int:
        """Return the socket's descriptor, for `select`."""
        return self._socket.fileno()

    def ask(self, request: Request) -> str | None:
        """Ask, wait for the answer, return the refusal in one sentence or None; what is heard meanwhile is kept."""
        self._asked += 1
        try:
            self._socket.setblocking(True)
            self._socket.settimeout(self._timeout_s)
            self._socket.sendall(request.model_dump_json().encode() + b"\n")
        except OSError as error:
            raise self._lost() from error
        finally:
            self._socket.setblocking(False)
        kept: list[ConsoleEvent] = []
        until_s = time.monotonic() + self._timeout_s
        while True:
            event = self._next(until_s)
            if event.get("event") == "answer" and event.get("number") == self._asked:
                self._heard.extendleft(reversed(kept))
                refusal = event.get("refusal")
                return None if refusal is None else str(refusal)
            kept.append(event)

    def poll(self) -> list[ConsoleEvent]:
        """Return what was told since the last call, without waiting."""
        self._receive()
        events = list(self._heard)
        self._heard.clear()
        if self._gone and not events:
            raise self._lost()
        return events

    def events(self, within_s: float | None = None) -> Iterator[ConsoleEvent]:
        """Yield what is told, waiting for it; raises `ConsoleError` when the bedside ends, or after `within_s`."""
        until_s = None if within_s is None else time.monotonic() + within_s
        while True:
            yield self._next(until_s)

    def _greet(self, hello: ConsoleEvent) -> None:
        version = hello.get("console")
        if version != CONSOLE_VERSION:
            raise ConsoleError(f"{self._path} speaks version {version} of the console, this is {CONSOLE_VERSION}.")
        if hello.get("refusal") is not None:
            raise ConsoleError(str(hello["refusal"]))

    def _next(self, until_s: float | None) -> ConsoleEvent:
        while not self._heard:
            if self._gone:
                raise self._lost()
            left_s = None if until_s is None else until_s - time.monotonic()
            if left_s is not None and left_s <= 0:
                raise ConsoleError(f"The bedside program at {self._path} does not answer.")
            select.select([self._socket], [], [], left_s)
            self._receive()
        return self._heard.popleft()

    def _receive(self) -> None:
        """Take in what has arrived, and notice the end."""
        while not self._gone:
            try:
                data = self._socket.recv(_READ)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            self._gone = not data
            try:
                self._heard.extend(_events(self._lines.feed(data)))
            except ValueError as error:
                self._gone = True
                raise ConsoleError(f"{self._path} does not speak as a bedside does.") from error

    def _lost(self) -> ConsoleError:
        return ConsoleError(f"The bedside program at {self._path} has ended the connection.")


def _events(lines: list[bytes]) -> list[ConsoleEvent]:
    events = [json.loads(line) for line in lines]
    if not all(isinstance(event, dict) for event in events):
        raise ValueError("not an event")
    return events
