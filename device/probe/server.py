"""The probe's end of the link: a Unix stream socket, a few connections, nothing that could hold up the control loop.

Whatever comes in, however it is cut, changes nothing unless it is one whole command. A connection that sends too much,
or does not read, is closed.
"""

import contextlib
import math
import os
import pwd
import selectors
import socket
import stat
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from device.probe.engine import Engine
from device.probe.inbox import Gone
from device.probe.messages import (
    MAX_BATCH,
    AskStatus,
    CommandKind,
    Event,
    LineBuffer,
    MalformedMessageError,
    Pressure,
    Refusal,
    Refused,
    parse_command,
)

MAX_CONNECTIONS = 8
MAX_UNSENT = 262_144
_READ = 4096
"""Bytes taken from one connection in one round: a flood takes its turn with everybody else's renewals."""
_LONGEST_PATH = 107


class LinkError(Exception):
    """The socket cannot be opened. One line."""


@dataclass
class _Peer:
    connection: socket.socket
    number: int
    lines: LineBuffer = field(default_factory=LineBuffer)
    unsent: bytes = b""


class LinkServer:
    """`serve_once` takes in commands and hands out events. One thread."""

    def __init__(self, listener: socket.socket, engine: Engine, allowed_uids: frozenset[int] | None = None) -> None:
        """Serve at `listener` (see `open_listener`): users of `allowed_uids`; None: all whom the socket admits."""
        self._engine = engine
        self._allowed_uids = allowed_uids
        self._peers: dict[int, _Peer] = {}
        self._next = 1
        self._selector = selectors.DefaultSelector()
        self._listener = listener
        self._selector.register(self._listener, selectors.EVENT_READ, None)

    def serve_once(self, timeout_s: float) -> list[Event]:
        """Wait up to `timeout_s` for commands, pass them on, tell what there is; return what was told to all."""
        for key, _ in self._selector.select(timeout_s):
            if key.data is None:
                self._accept()
            elif isinstance(key.data, _Peer):
                self._read(key.data)
        return self._send_all()

    def close(self) -> None:
        """Tell what is left, close every connection and take the socket's name away."""
        self._send_all()
        for peer in list(self._peers.values()):
            self._drop(peer)
        self._selector.close()
        name = self._listener.getsockname()
        self._listener.close()
        with contextlib.suppress(OSError):
            Path(name).unlink()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        if len(self._peers) >= MAX_CONNECTIONS or not self._welcome(connection):
            connection.close()
            return
        peer = _Peer(connection, self._next)
        self._next += 1
        self._peers[peer.number] = peer
        self._selector.register(connection, selectors.EVENT_READ, peer)
        self._engine.submit(peer.number, AskStatus())

    def _welcome(self, connection: socket.socket) -> bool:
        if self._allowed_uids is None:
            return True
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return struct.unpack("3i", raw)[1] in self._allowed_uids

    def _read(self, peer: _Peer) -> None:
        try:
            data = peer.connection.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(peer)
            return
        try:
            lines = peer.lines.feed(data)
        except MalformedMessageError as error:
            self._refuse(peer, "unknown", Refusal.MALFORMED, str(error))
            self._flush(peer)
            self._drop(peer)
            return
        for line in lines:
            try:
                command = parse_command(line)
            except MalformedMessageError as error:
                self._refuse(peer, "unknown", Refusal.MALFORMED, str(error))
                continue
            if not self._engine.submit(peer.number, command):
                self._refuse(peer, command.kind, Refusal.NOT_READY, "too many commands are waiting")

    def _refuse(
        self,
        peer: _Peer,
        command: CommandKind | Literal["unknown"],
        why: Refusal,
        sentence: str,
    ) -> None:
        peer.unsent += Refused(command=command, why=why, sentence=sentence[:200]).line()

    def _send_all(self) -> list[Event]:
        told: list[Event] = []
        samples = [self._engine.samples.popleft() for _ in range(len(self._engine.samples))]
        # What no number can say is not on the wire; the fault that it raises is.
        sayable = [sample for sample in samples if math.isfinite(sample.kpa)]
        for first in range(0, len(sayable), MAX_BATCH):
            batch = sayable[first : first + MAX_BATCH]
            times_ns, kpa = tuple(s.t_ns for s in batch), tuple(round(s.kpa, 3) for s in batch)
            self._tell_everybody(Pressure(t_boot_ns=times_ns, kpa=kpa))
        for _ in range(len(self._engine.outbox)):
            number, event = self._engine.outbox.popleft()
            if number is None:
                self._tell_everybody(event)
                told.append(event)
            elif number in self._peers:
                self._peers[number].unsent += event.line()
        for peer in list(self._peers.values()):
            self._flush(peer)
        return told

    def _tell_everybody(self, event: Event) -> None:
        line = event.line()
        for peer in self._peers.values():
            peer.unsent += line

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
        peer.unsent = peer.unsent[sent:]
        if len(peer.unsent) > MAX_UNSENT:
            self._drop(peer)

    def _drop(self, peer: _Peer) -> None:
        if self._peers.pop(peer.number, None) is None:
            return
        self._engine.submit(peer.number, Gone())
        self._selector.unregister(peer.connection)
        peer.connection.close()


def uids_of(users: list[str]) -> frozenset[int] | None:
    """Return the ids of `users` and our own, or None where none are named; raises `LinkError` on an unknown one."""
    if not users:
        return None
    try:
        return frozenset({os.getuid(), *(pwd.getpwnam(user).pw_uid for user in users)})
    except KeyError as error:
        raise LinkError(f"probe.peer_users: {error.args[0]}") from error


def open_listener(path: Path) -> socket.socket:
    """Return the listening socket at `path`, mode 0660, in a folder that is made 0750 where there is none.

    Raises `LinkError` where another probe answers there, so it comes before any pin is touched.
    """
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise LinkError(f"{path}: longer than the {_LONGEST_PATH} bytes that a socket's path may have")
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        folder = path.parent.stat()
    except OSError as error:
        raise LinkError(f"{path.parent}: {error.strerror}") from error
    if folder.st_uid not in (0, os.getuid()):
        raise LinkError(f"{path.parent}: belongs to somebody else")
    if folder.st_mode & stat.S_IWOTH:
        raise LinkError(f"{path.parent}: anybody may write there; the probe's socket needs a folder of its own")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        _take_stale_name_away(path)
        before = os.umask(0o117)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(MAX_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise LinkError(f"{path}: {error.strerror}") from error
    except LinkError:
        listener.close()
        raise
    return listener


def _take_stale_name_away(path: Path) -> None:
    """Remove what a killed probe left behind; a probe that answers there is left alone."""
    if not path.exists():
        return
    if not path.is_socket():
        raise LinkError(f"{path}: is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as caller:
        caller.setblocking(False)
        try:
            caller.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise LinkError(f"{path}: another probe process is running")
