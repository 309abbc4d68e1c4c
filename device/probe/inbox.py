"""The inbox: commands on their way from the link's thread to the control thread, in order, and only so many."""

from collections import deque
from dataclasses import dataclass

from device.probe.messages import Command

QUEUE = 256
"""So many commands may wait; the control thread takes them a hundred times a second."""


@dataclass(frozen=True)
class Gone:
    """A connection ended; what it owned ends with it."""


class Inbox:
    """Any thread puts, the control thread takes. `peer` is the number of the connection that a command came by."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Command | Gone]] = deque()

    def put(self, peer: int, command: Command | Gone) -> bool:
        """Queue a command; False where too many wait already. That somebody is gone is always taken in."""
        if len(self._waiting) >= QUEUE and not isinstance(command, Gone):
            return False
        self.insist(peer, command)
        return True

    def insist(self, peer: int, command: Command | Gone) -> None:
        """Queue a command of our own, however many wait."""
        self._waiting.append((peer, command))

    def take(self) -> list[tuple[int, Command | Gone]]:
        """Return what waits now, oldest first; what comes in meanwhile waits for the next time."""
        return [self._waiting.popleft() for _ in range(len(self._waiting))]
