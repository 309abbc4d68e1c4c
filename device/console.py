"""The bedside's end of the console: a Unix stream socket, JSON lines, nothing that could hold up the loop.

No thread: the bedside's loop asks at every turn what has come in, and that never waits. Whoever connects is told first
how things stand. Whatever comes in, however it is cut, does nothing unless it is one whole request. A connection that
sends too much, or does not read, is closed. Whoever may open the socket may ask; a press nobody can ask for.
"""

import contextlib
import json
import logging
import selectors
import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from contract.version import __version__
from device.console_socket import MAX_LINE, ConsoleError, Lines, LineTooLongError, open_listener
from device.console_words import CONSOLE_VERSION, Asked, NotARequestError, parse_request

__all__ = ["Console", "ConsoleError"]

log = logging.getLogger(__name__)

MAX_CONNECTIONS: int = 8
MAX_UNSENT: int = 262_144
"""Bytes that may wait for one reader: minutes of progress."""
ACCEPTED_A_TURN: int = 16
REMEMBERED: tuple[str, ...] = ("machine", "state", "health", "choice", "reading", "mottling", "verdict")
"""Events of which a screen that comes late is told the last one, in this order."""
OVER_WITH: dict[str, tuple[str, ...]] = {
    "choice": ("reading", "mottling", "verdict"),
    "reading": ("verdict",),
    "mottling": ("verdict",),
}
"""What is told so no more once there is news of another kind: a reading names nobody, and must not be read as the next
patient's; nor a verdict as that of a newer reading."""
FULL = "Too many screens are connected."
TOO_LONG = "Not understood: the request is too long."


@dataclass
class _Peer:
    connection: socket.socket
    number: int
    lines: Lines = field(default_factory=Lines)
    waiting: deque[bytes] = field(default_factory=deque)
    """Lines that were read and not taken up yet. While there are any, nothing more is read."""
    unsent: bytearray = field(default_factory=bytearray)
    asked: int = 0


class Console:
    """Satisfies `device.ports.Console`. One thread."""

    def __init__(self, path: Path) -> None:
        """Listen at `path`; raises `ConsoleError` where that cannot be, or another bedside answers there."""
        self._path = path
        self._listener = open_listener(path, MAX_CONNECTIONS)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._peers: dict[int, _Peer] = {}
        self._next = 1
        self._last: dict[str, bytes] = {}

    def poll(self) -> list[Asked]:
        """Return what was asked since the last call: one request of each connection at most; none fills a turn."""
        for key, _ in self._selector.select(0):
            if key.data is None:
                self._accept()
            elif isinstance(key.data, _Peer) and not key.data.waiting:
                self._read(key.data)
        asked = [request for peer in list(self._peers.values()) if (request := self._take(peer)) is not None]
        for peer in list(self._peers.values()):
            self._flush(peer)
        return asked

    def tell(self, event: dict[str, object]) -> None:
        """Tell everybody who is connected; one who does not read is dropped, never waited for."""
        name = event.get("event")
        remembered = isinstance(name, str) and name in REMEMBERED
        if not self._peers and not remembered:
            return
        line = _line(event)
        if remembered:
            self._last[str(name)] = line
            for past in OVER_WITH.get(str(name), ()):
                self._last.pop(past, None)
        for peer in list(self._peers.values()):
            self._send(peer, line)

    def answer(self, asked: Asked, refusal: str | None) -> None:
        """Tell the one who asked that it was done, or in one sentence why not; one who has left is not told."""
        peer = self._peers.get(asked.connection)
        if peer is not None:
            self._answer(peer, asked.number, refusal)

    def close(self) -> None:
        """Let everybody go and take the socket's name away; safe to call twice."""
        for peer in list(self._peers.values()):
            self._flush(peer)
            self._drop(peer)
        if self._listener.fileno() < 0:
            return
        self._selector.close()
        self._listener.close()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _accept(self) -> None:
        for _ in range(ACCEPTED_A_TURN):
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setblocking(False)
            self._welcome(connection)

    def _welcome(self, connection: socket.socket) -> None:
        hello: dict[str, object] = {"console": CONSOLE_VERSION, "software_version": __version__}
        if len(self._peers) >= MAX_CONNECTIONS:
            with contextlib.suppress(OSError):
                connection.send(_line({**hello, "refusal": FULL}), socket.MSG_NOSIGNAL)
            connection.close()
            return
        peer = _Peer(connection, self._next)
        self._next += 1
        self._peers[peer.number] = peer
        self._selector.register(connection, selectors.EVENT_READ, peer)
        log.info("console %d: connected by user %d", peer.number, _uid(connection))
        self._send(peer, b"".join([_line(hello), *(self._last[name] for name in REMEMBERED if name in self._last)]))

    def _read(self, peer: _Peer) -> None:
        try:
            data = peer.connection.recv(MAX_LINE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(peer)
            return
        try:
            peer.waiting.extend(peer.lines.feed(data))
        except LineTooLongError:
            self._answer(peer, peer.asked + 1, TOO_LONG)
            self._drop(peer)

    def _take(self, peer: _Peer) -> Asked | None:
        """Return the next request of a connection; a line that is none is answered here."""
        if not peer.waiting:
            return None
        line = peer.waiting.popleft()
        peer.asked += 1
        try:
            return Asked(parse_request(line), peer.number, peer.asked)
        except NotARequestError as error:
            self._answer(peer, peer.asked, str(error))
            return None

    def _answer(self, peer: _Peer, number: int, refusal: str | None) -> None:
        self._send(peer, _line({"event": "answer", "number": number, "refusal": refusal}))

    def _send(self, peer: _Peer, line: bytes) -> None:
        peer.unsent += line
        self._flush(peer)

    def _flush(self, peer: _Peer) -> None:
        if not peer.unsent or peer.number not in self._peers:
            return
        try:
            sent = peer.connection.send(peer.unsent, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(peer)
            return
        del peer.unsent[:sent]
        if len(peer.unsent) > MAX_UNSENT:
            log.warning("console %d: does not read and is let go", peer.number)
            self._drop(peer)

    def _drop(self, peer: _Peer) -> None:
        if self._peers.pop(peer.number, None) is None:
            return
        self._selector.unregister(peer.connection)
        peer.connection.close()


def _line(content: dict[str, object]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode() + b"\n"


def _uid(connection: socket.socket) -> int:
    """Return who connected. The number only: a name would be a person's."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", raw)[1])
