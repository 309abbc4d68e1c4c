"""The client's end of the link: never blocks, reconnects by itself, and says in one line when there is no probe."""

import secrets
import socket
from pathlib import Path

from device.probe.messages import (
    LINK_VERSION,
    AskStatus,
    ClearFault,
    Clock,
    Command,
    Event,
    FaultCleared,
    FaultRaised,
    Inject,
    Injected,
    LineBuffer,
    MalformedMessageError,
    Phase,
    Press,
    Pressure,
    Refusal,
    Refused,
    Release,
    Released,
    Renew,
    State,
    Status,
    boot_ns,
    parse_event,
    spoken_version,
)

__all__ = [
    "Event",
    "FaultCleared",
    "FaultRaised",
    "Injected",
    "Phase",
    "Pressure",
    "ProbeClient",
    "ProbeUnreachableError",
    "Refusal",
    "Refused",
    "Released",
    "State",
    "Status",
    "boot_ns",
]

_MAX_UNSENT = 65536
_READ = 65536
_MAX_UNHEARD = 500
"""So many lines are kept before the probe has said its version: some ten seconds of pressure."""


class ProbeUnreachableError(Exception):
    """There is no probe to speak to, or it stopped speaking. The next call tries again."""


class ProbeClient:
    """One user of the probe. Not thread-safe: the thread that owns it calls everything.

    No call blocks. Every call connects first where there is no connection, and raises `ProbeUnreachableError` where
    that fails or the connection breaks; the call after that starts afresh. A press does not survive a broken
    connection: the probe has vented.
    """

    def __init__(self, socket_path: Path, clock: Clock = boot_ns) -> None:
        self._path = socket_path
        self._clock = clock
        self._socket: socket.socket | None = None
        self._lines = LineBuffer()
        self._unheard: list[bytes] = []
        self._same_version = False
        self._unsent = b""
        self._lease: str | None = None
        self.last_status: Status | None = None
        """The last `Status` that `poll` has seen on this connection; None before the first."""

    @property
    def connected(self) -> bool:
        """Whether the last call left a connection standing."""
        return self._socket is not None

    def fileno(self) -> int:
        """Return the socket's descriptor, for `select`; raises `ProbeUnreachableError` when there is none."""
        return self._connection().fileno()

    def poll(self) -> list[Event]:
        """Return what the probe has said since the last call, oldest first; an empty list where it said nothing.

        Raises `ProbeUnreachableError` where the connection is gone and nothing is left to read on it.
        """
        connection = self._connection()
        self._flush()
        events: list[Event] = []
        while True:
            try:
                data = connection.recv(_READ)
            except BlockingIOError:
                return events
            except OSError as error:
                if events:
                    return events
                raise self._lost(error.strerror or str(error)) from error
            if not data:
                if events:
                    return events
                raise self._lost("it closed the connection")
            events += self._understood(data)

    def press(self, target_kpa: float, ramp_s: float, hold_s: float, still_s: float = 0.0) -> str:
        """Ask for a press, its pump at rest in the hold's last `still_s`, and return its lease, which names it.

        `State` with phase "ramp" arrives by `poll` when it starts, `Refused` when it does not.
        """
        self._lease = secrets.token_hex(16)
        self._send(
            Press(
                lease=self._lease,
                sent_ns=self._clock(),
                target_kpa=target_kpa,
                ramp_s=ramp_s,
                hold_s=hold_s,
                still_s=still_s,
            )
        )
        return self._lease

    def renew(self) -> None:
        """Keep the last press going; call at least four times within `lease_s`. Does nothing before the first press."""
        if self._lease is not None:
            self._send(Renew(lease=self._lease, sent_ns=self._clock()))

    def inject(self, kpa_per_s: float) -> None:
        """Let the reading that the last press is judged by rise by so much, up to 50 kPa/s, until the probe lets go.

        Only in its hold. `Injected` or `Refused` arrives by `poll`. Does nothing before the first press.
        """
        if self._lease is not None:
            self._send(Inject(lease=self._lease, sent_ns=self._clock(), kpa_per_s=kpa_per_s))

    def release(self) -> None:
        """Vent now, whoever pressed."""
        self._send(Release())

    def status(self) -> None:
        """Ask for a `Status`, which arrives by `poll`."""
        self._send(AskStatus())

    def clear_fault(self, operator: str | None = None) -> None:
        """Ask for the latched fault to be cleared; `FaultCleared` or `Refused` arrives by `poll`.

        `operator` is the code of who asks, never a name; needed where only a repair clears the fault. Raises
        `ValidationError` where it is none (lower-case letters, digits, hyphens).
        """
        self._send(ClearFault(operator=operator))

    def close(self) -> None:
        """Let go of the connection; a press that it held ends."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._lines = LineBuffer()
        self._unheard = []
        self._same_version = False
        self._unsent = b""
        self._lease = None
        self.last_status = None

    def _connection(self) -> socket.socket:
        if self._socket is None:
            fresh = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            try:
                fresh.setblocking(False)
                fresh.connect(str(self._path))
            except OSError as error:
                fresh.close()
                why = error.strerror or str(error)
                raise ProbeUnreachableError(f"no probe at {self._path}: {why}") from error
            self._socket = fresh
        return self._socket

    def _send(self, command: Command) -> None:
        self._connection()
        self._unsent += command.line()
        self._flush()
        if len(self._unsent) > _MAX_UNSENT:
            raise self._lost("it does not read")

    def _flush(self) -> None:
        if self._socket is None or not self._unsent:
            return
        try:
            sent = self._socket.send(self._unsent, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from error
        self._unsent = self._unsent[sent:]

    def _understood(self, data: bytes) -> list[Event]:
        """Return the events in `data`; none before the probe has said that it speaks our version, and then all."""
        try:
            self._unheard += self._lines.feed(data)
            if not self._speaks_our_version():
                return []
            events = [parse_event(line) for line in self._unheard]
        except MalformedMessageError as error:
            raise self._lost(f"it said something else: {error}") from error
        self._unheard = []
        for event in events:
            if isinstance(event, Status):
                self.last_status = event
        return events

    def _speaks_our_version(self) -> bool:
        """Return whether a probe of our version has reported; False while none has. Another version is let go."""
        if self._same_version:
            return True
        version = next((found for found in map(spoken_version, self._unheard) if found is not None), None)
        if version is None and len(self._unheard) > _MAX_UNHEARD:
            raise self._lost("it does not say which version of the link it speaks")
        if version is not None and version != LINK_VERSION:
            raise self._lost(f"it speaks version {version} of the link, this is {LINK_VERSION}")
        self._same_version = version is not None
        return self._same_version

    def _lost(self, why: str) -> ProbeUnreachableError:
        self.close()
        return ProbeUnreachableError(f"lost the probe at {self._path}: {why}")
