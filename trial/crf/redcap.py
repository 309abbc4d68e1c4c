"""The feed to a REDCap project: what is missing there is sent, read back and held against what was sent.

REDCap itself says what it has: each round reads it first, sends only what is missing or differs, and reads again. So a
round can be repeated, and one that broke off after REDCap had stored is no loss and no double. Nothing is blanked
("normal"), and no repeat that holds another reading is touched.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

from sqlalchemy import Engine

from firmware_config.study import Study
from trial.crf.canonical import CrfRecord, Place, records, snapshot
from trial.crf.instances import Route, allocate, kept, left
from trial.crf.redcap_rows import (
    RECORD_ID,
    Key,
    RedcapRow,
    differing,
    event_name,
    fields_of,
    identity_field,
    key_of,
    key_read,
    record_id,
    row_of,
)
from trial.database import note, writing

AT_ONCE: int = 100
"""Rows in one request: a large one meets REDCap's time-out."""
ROUTE: Route = "redcap"


Former = dict[str, list[tuple[str, str, str, int]]]
"""Places that readings were moved away from: (site, inclusion, event, repeat), by reading."""


class FeedError(Exception):
    """REDCap could not be fed; what it has stored is asked again in the next round. One sentence."""


class Redcap(Protocol):
    """The project at the other end. Both raise `FeedError`."""

    def subjects(self) -> set[str]:
        """Return the names of the records that there are."""
        ...

    def stored(self, subjects: Sequence[str], fields: Sequence[str]) -> list[dict[str, Any]]:
        """Return the stored rows of some records."""
        ...

    def send(self, rows: Sequence[RedcapRow]) -> int:
        """Store rows, blanking nothing; returns the number of records that REDCap says it took."""
        ...


@dataclass(frozen=True)
class Skipped:
    """A reading that was not sent, or is not in REDCap as it should be, and why."""

    reading_id: str
    why: str


@dataclass
class Round:
    """What one round did. `wrong` needs a person; `skipped` is as the study wants it, or waits."""

    sent: list[str] = field(default_factory=list)
    there: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    wrong: list[Skipped] = field(default_factory=list)


def feed_once(engine: Engine, study: Study, redcap: Redcap, now: datetime, *, dry_run: bool = False) -> Round:
    """Bring REDCap up to what stands in the trial database; with `dry_run` nothing is sent and no number given.

    Raises `FeedError`, `AlteredError` and SQLAlchemy's errors: what was stored before stays; the next round goes on.
    """
    done = Round()
    known = redcap.subjects()
    try:
        with snapshot(engine) as connection:
            due = _due(records(connection, study.name), study, known, done)
            while some := list(islice(due, AT_ONCE)):
                _feed_some(engine, redcap, some, now, dry_run, done)
    finally:
        if done.sent and not dry_run:
            with writing(engine).begin() as connection:
                said = f"study {study.name}, {len(done.sent)} sent, {done.there} there, {len(done.wrong)} wrong"
                note(connection, "feed", "redcap fed", said)
    return done


def _due(found: Iterator[CrfRecord], study: Study, known: set[str], done: Round) -> Iterator[CrfRecord]:
    for record in found:
        why = _not_sent(record, study, known)
        if why is None:
            yield record
        else:
            done.skipped.append(Skipped(record.place.reading_id, why))


def _not_sent(record: CrfRecord, study: Study, known: set[str]) -> str | None:
    place = record.place
    if record.values["simulated"] and not study.accept_simulated:
        return "simulated: the study counts none"
    if place.event == "":
        return "no event was chosen: REDCap has no place for it"
    if place.event not in study.events:
        return f"event {place.event} is none of the study's"
    if record_id(place) not in known:
        return f"subject {record_id(place)} is not in REDCap"
    return None


def _feed_some(
    engine: Engine, redcap: Redcap, some: list[CrfRecord], now: datetime, dry_run: bool, done: Round
) -> None:
    places = [record.place for record in some]
    numbers = _numbers_dry(engine, places) if dry_run else allocate(engine, ROUTE, places, now)
    former = _former(engine, places)
    before = _Stored(redcap, places, former)
    rows: dict[str, tuple[CrfRecord, RedcapRow]] = {}
    for record in some:
        number = numbers.get(record.place.reading_id)
        row = row_of(record, number or 0)
        why = before.in_the_way(record.place, number)
        if why is not None:
            done.wrong.append(Skipped(record.place.reading_id, why))
        elif number is not None and not before.differs(record.place, number, row):
            done.there += 1
            _left_over(done, record.place, before.blanks(record.place, number, row))
        else:
            rows[record.place.reading_id] = record, row
    if rows and not dry_run:
        _send(redcap, [row for _, row in rows.values()])
        _read_back(redcap, rows, numbers, done)
    done.sent += list(rows)
    _moved(places, former, before, done)


def _send(redcap: Redcap, rows: list[RedcapRow]) -> None:
    took, subjects = redcap.send(rows), {row[RECORD_ID] for row in rows}
    # REDCap counts records, which are subjects; some versions count rows.
    if took not in (len(subjects), len(rows)):
        raise FeedError(
            f"REDCap took {took} of {len(subjects)} subjects in {len(rows)} rows: the next round asks again"
        )


def _read_back(
    redcap: Redcap, rows: Mapping[str, tuple[CrfRecord, RedcapRow]], numbers: Mapping[str, int], done: Round
) -> None:
    after = _Stored(redcap, [record.place for record, _ in rows.values()], {})
    lost = []
    for reading_id, (record, row) in rows.items():
        number = numbers[reading_id]
        wrong = after.differs(record.place, number, row)
        if wrong:
            lost.append(f"{reading_id} ({', '.join(wrong[:3])})")
        _left_over(done, record.place, after.blanks(record.place, number, row))
    if lost:
        raise FeedError(f"read back from REDCap, {len(lost)} of {len(rows)} are not as they were sent: {lost[0]}")


class _Stored:
    """What REDCap has of some subjects, by place and by reading."""

    def __init__(self, redcap: Redcap, places: Sequence[Place], former: Former) -> None:
        subjects = {record_id(place) for place in places}
        subjects |= {f"{site}-{inclusion}" for each in former.values() for site, inclusion, _, _ in each}
        fields = dict.fromkeys(name for place in places for name in fields_of(place.form).values())
        instruments = {key_of(place, 1)[2] for place in places}
        asked = [RECORD_ID, *fields, *(f"{name}_complete" for name in sorted(instruments))]
        self.rows: dict[Key, dict[str, Any]] = {}
        self.by_reading: dict[str, set[Key]] = {}
        for row in redcap.stored(sorted(subjects), asked):
            key = key_read(row)
            if key is None:
                continue
            self.rows[key] = row
            if reading_id := str(row.get(identity_field(key[2]), "")):
                self.by_reading.setdefault(reading_id, set()).add(key)

    def in_the_way(self, place: Place, number: int | None) -> str | None:
        """Return why a reading cannot be sent to its place, or None. `number` is None where it has none yet."""
        key = key_of(place, number or 0)
        row = self.rows.get(key, {})
        holds = str(row.get(identity_field(key[2]), ""))
        if holds not in ("", place.reading_id):
            return f"repeat {number} at {place.event} in REDCap holds another reading, {holds}: nothing was overwritten"
        if not holds and any(str(row.get(name, "")) for name in fields_of(place.form).values()):
            return f"repeat {number} at {place.event} in REDCap was filled in by hand: nothing was overwritten"
        other = {k for k in self.by_reading.get(place.reading_id, set()) if k[:3] == key[:3] and k != key}
        if other:
            mine = "not numbered here" if number is None else f"not {number}"
            return f"it is in REDCap as repeat {min(k[3] for k in other)} already, {mine}: nothing was sent"
        return None

    def differs(self, place: Place, number: int, row: RedcapRow) -> list[str]:
        """Return the fields that REDCap does not have as they stand; all of them where it has no such repeat."""
        stored = self.rows.get(key_of(place, number))
        return list(row) if stored is None else differing(row, stored, place.form)[0]

    def blanks(self, place: Place, number: int, row: RedcapRow) -> list[str]:
        """Return the fields that hold a value in REDCap where nothing stands here."""
        stored = self.rows.get(key_of(place, number))
        return [] if stored is None else differing(row, stored, place.form)[1]


def _left_over(done: Round, place: Place, blanks: list[str]) -> None:
    if blanks:
        why = f"{', '.join(blanks)}: holds a value in REDCap where nothing stands any more: clear it there by hand"
        done.wrong.append(Skipped(place.reading_id, why))


def _numbers_dry(engine: Engine, places: Sequence[Place]) -> dict[str, int]:
    with engine.connect() as connection:
        return kept(connection, ROUTE, places)


def _former(engine: Engine, places: Sequence[Place]) -> Former:
    with engine.connect() as connection:
        return left(connection, ROUTE, places)


def _moved(places: Sequence[Place], former: Former, stored: _Stored, done: Round) -> None:
    """Say where a reading still stands in REDCap at a place that a correction has moved it away from."""
    for place in places:
        for site, inclusion, event, number in former.get(place.reading_id, []):
            subject, instrument = f"{site}-{inclusion}", key_of(place, number)[2]
            row = stored.rows.get((subject, event_name(event), instrument, number), {})
            if str(row.get(identity_field(instrument), "")) == place.reading_id:
                why = f"it was moved: delete repeat {number} of {subject} at {event} in REDCap by hand"
                done.wrong.append(Skipped(place.reading_id, why))
