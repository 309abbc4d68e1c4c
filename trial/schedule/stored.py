"""The schedule of what is stored, as it stands after corrections and amendments."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, cast

from sqlalchemy import Connection

from firmware_config.study import Study
from firmware_config.study_schedule import ReadingKind
from trial.crf.canonical import CrfRecord, records
from trial.schedule.rules import Schedule, Slot, Taken, schedule
from trial.schedule.taken import taken

By = Literal["site", "subject", "event"]
STATES = ("done", "refused", "ambiguous", "missing", "due", "waiting")


def counted(connection: Connection, study: Study, site: str | None = None) -> Iterator[CrfRecord]:
    """Yield the records that count: simulated ones only where the study takes them. Raises `AlteredError`."""
    for record in records(connection, study.name, site):
        if study.accept_simulated or not record.values["simulated"]:
            yield record


def schedules(connection: Connection, study: Study, now: datetime, site: str | None = None) -> list[Schedule]:
    """Return the schedule of each subject with a reading, of one site or of all; raises `AlteredError`."""
    return schedule(study.expected, taken(connection, study, site), timedelta(hours=study.late_after_h), now)


def taken_of(record: CrfRecord) -> Taken:
    """Return of a CRF record what the schedule needs."""
    values, where = record.values, record.place
    refused = values["reason"] if values["status"] == "not_measurable" else None
    onset = record.text("norepinephrine_onset_at")
    return Taken(
        where.reading_id,
        (where.site, where.inclusion),
        "mottling" if where.form == "mottling" else cast(ReadingKind, str(values["body_site"])),
        where.event,
        where.measured_at,
        datetime.fromisoformat(str(values["received_at"])),
        None if refused is None else str(refused),
        None if onset is None else datetime.fromisoformat(onset),
    )


def completeness(found: Sequence[Schedule], by: By) -> list[tuple[tuple[str, ...], Counter[str]]]:
    """Return how many expected readings are in each state, by site, by subject, or by event over all subjects."""
    counts: dict[tuple[str, ...], Counter[str]] = {}
    for each in found:
        for slot in each.slots:
            counts.setdefault(_key(slot, by), Counter())[slot.state] += 1
    return list(counts.items()) if by == "event" else sorted(counts.items())


def _key(slot: Slot, by: By) -> tuple[str, ...]:
    if by == "site":
        return (slot.subject[0],)
    return slot.subject if by == "subject" else (slot.event,)
