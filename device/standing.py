"""What stands now of a reading: the entry, and what people added to it since. Pure; the entry stays as it came."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from contract.amendment import Amendment, Change, Correctable
from contract.mottling import MottlingReading
from contract.reading import Reading, utc
from contract.records import AnyRecord, read_record

Entry = Reading | MottlingReading

FIELDS: dict[Correctable, tuple[str, ...]] = {
    "inclusion": ("subject", "inclusion"),
    "event": ("event",),
    "body_site": ("body_site",),
    "side": ("side",),
    "operator": ("operator",),
    "norepinephrine_onset_at": ("norepinephrine_onset_at",),
}
"""What may be corrected, and where it stands in a record."""


@dataclass(frozen=True)
class Standing:
    """One reading with its amendments, in the order of the journal."""

    entry: Entry
    amendments: tuple[Amendment, ...] = ()

    @cached_property
    def now(self) -> Entry:
        """The entry with what was corrected since. A change of what did not stand changes nothing."""
        stands = self.entry
        for amendment in self.amendments:
            for change in amendment.changes:
                stands = changed(stands, change) or stands
        return stands

    @property
    def confirmation(self) -> Amendment | None:
        """The last confirmation, or None."""
        return next((each for each in reversed(self.amendments) if each.action == "confirmed"), None)

    @property
    def mottling_score(self) -> int | None:
        """The score that a person gave last; never the device's own. None for a reading that is none of mottling."""
        if not isinstance(self.entry, MottlingReading):
            return None
        given = (each.mottling_score for each in reversed(self.amendments))
        return next((score for score in given if score is not None), None)

    @property
    def corrected(self) -> frozenset[str]:
        """Names of the fields that stand otherwise than they were entered."""
        now, entry = self.now, self.entry
        return frozenset(field for field in FIELDS if text_of(now, field) != text_of(entry, field))


def standing(records: Iterable[AnyRecord]) -> list[Standing]:
    """Return every reading among `records`, which are in the order of the journal, with its amendments.

    Amendments of a reading that is not among them are left out.
    """
    entries: dict[object, Entry] = {}
    added: dict[object, list[Amendment]] = {}
    for record in records:
        if isinstance(record, Amendment):
            added.setdefault(record.about, []).append(record)
        else:
            entries[record.reading_id] = record
    return [Standing(entry, tuple(added.get(reading_id, ()))) for reading_id, entry in entries.items()]


def text_of(entry: Entry, field: Correctable) -> str | None:
    """Return what stands in a field, as a change writes it: times as `contract.reading.utc` does; None: nothing."""
    found: Any = entry
    for step in FIELDS[field]:
        found = getattr(found, step, None)
    return utc(found) if isinstance(found, datetime) else None if found is None else str(found)


def stands_as(entry: Entry, field: Correctable, text: str | None) -> bool:
    """Return whether `text` says what stands in a field; a time in another zone is the same time."""
    found = text_of(entry, field)
    if found is None or text is None or field != "norepinephrine_onset_at":
        return found == text
    try:
        return datetime.fromisoformat(found) == datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return False


def changed(entry: Entry, change: Change) -> Entry | None:
    """Return an entry after a change; None where something else stood, or the contract does not take the new value."""
    *way, last = FIELDS[change.field]
    content: dict[str, Any] = entry.model_dump(mode="json")
    place = content
    for step in way:
        place = place[step]
    if last not in place or not stands_as(entry, change.field, change.old):
        return None
    place[last] = change.new
    try:
        made = read_record(json.dumps(content), strict=True)
    except ValidationError:
        return None
    return made if isinstance(made, Reading | MottlingReading) else None
