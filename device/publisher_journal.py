"""The journal as the publisher has it: opened afresh after every trouble, which is remembered and never raised."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from device.clock import Clock
from device.journal.deliveries import Deliveries
from device.journal.schema import JournalError, JournalRecord

log = logging.getLogger(__name__)


class JournalAccess:
    """One journal, whatever becomes of its file. Use it in one thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._journal: Deliveries | None = None
        self._about: dict[str, str | int | None] = {}
        self.opened = 0
        """How many journals stood under the name so far: the numbers of one say nothing of the next."""
        self.problem: str | None = None
        """One sentence since the journal could not be used, until it can be."""

    def do(self, what: Callable[[Deliveries], None]) -> None:
        """Do something with the journal; where that fails, remember why and open it afresh next time."""
        try:
            if self._journal is not None and self._journal.was_replaced():
                self.close()
            what(self._journal or self._open())
            self.problem = None
        except JournalError as error:
            self.close()
            if str(error) != self.problem:
                log.warning("%s", error)
            self.problem = str(error)

    def _open(self) -> Deliveries:
        self._journal = Deliveries.open(self.path)
        about = self._journal.about
        if about != self._about:
            self._about = about
            self.opened += 1
        return self._journal

    def close(self) -> None:
        """Close the file."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None


def waited_s(record: JournalRecord, clock: Clock) -> float | None:
    """Return for how long a record has existed: by the clock that never steps, or that of the wall for another boot.

    None where a damaged record does not say.
    """
    try:
        measured = record.content.measured
    except ValidationError:
        measured = None
    if measured is not None and measured.boot_id == clock.boot_id():
        return max(0.0, (clock.boottime_ns() - measured.boottime_ns) / 1e9)
    try:
        committed_at = datetime.fromisoformat(record.committed_at)
        return max(0.0, (datetime.now(UTC) - committed_at).total_seconds())
    except (ValueError, TypeError):  # TypeError: a time without its offset
        return None
