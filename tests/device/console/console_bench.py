"""What the tests of the console share: a caller that says anything, and a bedside that answers everything alike."""

import contextlib
import json
import socket
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contract.reading import BodySite, Subject
from device.console import Console
from device.console_socket import Lines
from device.console_words import Choice, Request

CHOICE = Choice(
    study="demo", subject=Subject(site="00", inclusion="0042"), body_site=BodySite.FINGER, protocol="demo", event=None
)


class Raw:
    """A connection that says anything, and hears what the server has written so far."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(path))
        self.socket.setblocking(False)
        self.closed = False
        self._lines = Lines(10**6)

    def say(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.socket.send(data)

    def hear(self) -> list[dict[str, Any]]:
        heard: list[dict[str, Any]] = []
        while not self.closed:
            try:
                data = self.socket.recv(65_536)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            self.closed = not data
            heard += [json.loads(line) for line in self._lines.feed(data)]
        return heard


@contextlib.contextmanager
def serving(
    console: Console, refusal: str | None = None, *, news: deque[dict[str, object]] | None = None
) -> Iterator[list[Request]]:
    """The loop of a bedside that answers everything alike. `news` is told by it too: a console has one thread."""
    stop, asked = threading.Event(), list[Request]()

    def loop() -> None:
        while not stop.wait(0.005):
            while news:
                console.tell(news.popleft())
            for one in console.poll():
                asked.append(one.request)
                console.answer(one, refusal)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield asked
    finally:
        stop.set()
        thread.join()
