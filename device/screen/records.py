"""What the journal holds of one subject, for history, trend and verdict. Reads beside the writer; changes nothing."""

from pathlib import Path

from contract.reading import Subject
from device.journal import Deliveries, JournalError
from device.standing import Standing, standing


class Records:
    """The readings of one subject at a time, as they stand with their amendments; read again when there are more."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._known: tuple[tuple[str, Subject, int], list[Standing]] | None = None

    def of(self, study: str, subject: Subject, ended: int) -> list[Standing]:
        """Return what stands of a subject, oldest first; nothing where the journal cannot be read. `ended`: look anew.

        A reading that was corrected to another subject is that one's.
        """
        key = (study, subject, ended)
        if self._known is None or self._known[0] != key:
            self._known = (key, self._read(study, subject))
        return self._known[1]

    def _read(self, study: str, subject: Subject) -> list[Standing]:
        try:
            with Deliveries.open(self._journal, read_only=True) as journal:
                found = journal.of_subject(subject)
        except JournalError:
            return []
        kept = standing(record.content for record in found)
        return [each for each in kept if (each.now.study, each.now.subject) == (study, subject)]
