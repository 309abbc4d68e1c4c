"""What the journal holds of one subject, for history, trend and verdict. Reads beside the writer; changes nothing."""

import json
from pathlib import Path

from contract.reading import Reading, Subject
from device.journal import Deliveries, JournalError


class Records:
    """The readings of one subject at a time; read again when there are more."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._known: tuple[tuple[str, Subject, int], list[Reading]] | None = None

    def of(self, study: str, subject: Subject, ended: int) -> list[Reading]:
        """Return a subject's readings, oldest first; none where the journal cannot be read. `ended`: look anew."""
        key = (study, subject, ended)
        if self._known is None or self._known[0] != key:
            self._known = (key, self._read(study, subject))
        return self._known[1]

    def _read(self, study: str, subject: Subject) -> list[Reading]:
        # A record's text holds its subject as it stands: to parse everybody's records would take seconds.
        text = json.dumps(subject.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        marked = f'"subject":{text}'
        try:
            with Deliveries.open(self._journal, read_only=True) as journal:
                found = [record.reading for record in journal.records() if marked in record.body]
        except JournalError:
            return []
        return [reading for reading in found if reading.study == study]
