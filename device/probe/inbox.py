"""The inbox: commands on their way from the link's thread to the control thread, in order, and only so many of each.

Each connection has a quota of its own, so nobody's flood is another's refusal. A wish to vent is always taken in.
"""

import threading
from collections import Counter
from dataclasses import dataclass

from device.probe.messages import Command, Release

QUOTA = 64
"""So many commands of one connection may wait; the control thread takes them a hundred times a second."""


@dataclass(frozen=True)
class Gone:
    """A connection ended; what it owned ends with it."""


class Inbox:
    """Any thread puts, the control thread takes. `peer` is the number of the connection that a command came by."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[int, Command | Gone]] = []
        self._count: Counter[int] = Counter()

    def put(self, peer: int, command: Command | Gone) -> bool:
        """Queue a command; False where too many of this connection wait already.

        A `Release` is taken in whatever waits; one straight after another is the same one. That somebody is gone is
        taken in too, and in place of all else that they had asked for: only their wish to vent outlives them.
        """
        with self._lock:
            if isinstance(command, Gone):
                self._forget(peer)
            elif isinstance(command, Release):
                if self._waiting and isinstance(self._waiting[-1][1], Release):
                    return True
            elif self._count[peer] >= QUOTA:
                return False
            else:
                self._count[peer] += 1
            self._waiting.append((peer, command))
            return True

    def take(self) -> list[tuple[int, Command | Gone]]:
        """Return what waits now, oldest first; what comes in meanwhile waits for the next time."""
        with self._lock:
            taken, self._waiting = self._waiting, []
            self._count.clear()
            return taken

    def _forget(self, peer: int) -> None:
        del self._count[peer]
        self._waiting = [
            (number, waiting) for number, waiting in self._waiting if number != peer or isinstance(waiting, Release)
        ]
