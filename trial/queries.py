"""What a data manager asks: what has arrived, what is missing, what does not fit. Reads only."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, exists, func, or_, select

from contract.identifiers import GENESIS_SHA256
from trial.tables import certificate, dead_letter, device_status, mottling, reading, record, replay


@dataclass(frozen=True)
class Gap:
    """Sequence numbers of a device that are not stored, first and last included; how many of them were refused.

    A refused number that was replayed is stored, and no part of any gap. `known_since` is when the first record
    from behind the gap came in: from then on it could be seen.
    """

    study: str
    device: str
    first_missing: int
    last_missing: int
    refused: int
    known_since: datetime

    @property
    def count(self) -> int:
        """Return how many are missing."""
        return self.last_missing - self.first_missing + 1


@dataclass(frozen=True)
class RefusedAhead:
    """Numbers of a device that were refused, beyond its last stored one: no gap shows them."""

    study: str
    device: str
    count: int


@dataclass(frozen=True)
class Letters:
    """Dead letters by reason: all, those that were replayed, and those whose record has come in otherwise."""

    refused: int
    replayed: int
    overtaken: int


@dataclass(frozen=True)
class ChainBreak:
    """A stored record whose `previous_sha256` is not the hash of the device's record before it."""

    study: str
    device: str
    device_seq: int
    reading_id: str


@dataclass(frozen=True)
class DeviceSummary:
    """One device as the trial sees it. `state` is None where no status has come in yet.

    `readings` are those of refill and of mottling, `measured` those with a number or a score; numbers and times are of
    its records of every kind.
    """

    study: str
    site: str
    device: str
    readings: int
    measured: int
    amendments: int
    last_seq: int
    last_received_at: datetime | None
    state: str | None
    unsent_readings: int | None
    problem: str | None


def gaps(connection: Connection, study: str | None = None) -> list[Gap]:
    """Return the gaps in every device's sequence, from 1 up to its highest stored number."""
    r = record.c
    before = func.lag(r.device_seq, 1, 0).over(partition_by=(r.study, r.device), order_by=r.device_seq)
    first_behind = func.min(r.received_at).over(partition_by=(r.study, r.device), order_by=r.device_seq, rows=(0, None))
    query = select(r.study, r.device, r.device_seq, before.label("before"), first_behind.label("known_since"))
    if study is not None:
        query = query.where(r.study == study)
    steps = query.subquery()
    d = dead_letter.c
    refused = (
        select(func.count(func.distinct(d.device_seq)))
        .where(
            d.study == steps.c.study,
            d.device == steps.c.device,
            d.device_seq > steps.c.before,
            d.device_seq < steps.c.device_seq,
        )
        .scalar_subquery()
    )
    found = select(steps, refused.label("refused")).where(steps.c.device_seq > steps.c.before + 1)
    return [
        Gap(row.study, row.device, row.before + 1, row.device_seq - 1, row.refused, row.known_since)
        for row in connection.execute(found.order_by(steps.c.study, steps.c.device, steps.c.device_seq))
    ]


def refused_ahead(connection: Connection, study: str | None = None) -> list[RefusedAhead]:
    """Return the devices with refused numbers beyond their last stored one, those with nothing stored included.

    A number is what the refused message claimed: a device that is not what it says can claim any.
    """
    d, r = dead_letter.c, record.c
    later = exists().where(r.study == d.study, r.device == d.device, r.device_seq >= d.device_seq)
    query = select(d.study, d.device, func.count(func.distinct(d.device_seq))).where(d.device_seq.is_not(None), ~later)
    if study is not None:
        query = query.where(d.study == study)
    ordered = query.group_by(d.study, d.device).order_by(d.study, d.device)
    return [RefusedAhead(*row) for row in connection.execute(ordered)]


def chain_breaks(connection: Connection, study: str | None = None) -> list[ChainBreak]:
    """Return the records that do not follow the stored record before them, or that claim to be a first and are not."""
    this, previous = record.alias("this"), record.alias("previous")
    follows = and_(
        previous.c.study == this.c.study,
        previous.c.device == this.c.device,
        previous.c.device_seq == this.c.device_seq - 1,
    )
    wrong = or_(
        this.c.previous_sha256 != previous.c.sha256,
        and_(this.c.device_seq == 1, this.c.previous_sha256 != GENESIS_SHA256),
        and_(this.c.device_seq > 1, this.c.previous_sha256 == GENESIS_SHA256),
    )
    query = select(this.c.study, this.c.device, this.c.device_seq, this.c.reading_id)
    query = query.select_from(this.outerjoin(previous, follows)).where(wrong)
    if study is not None:
        query = query.where(this.c.study == study)
    ordered = query.order_by(this.c.study, this.c.device, this.c.device_seq)
    return [ChainBreak(*row) for row in connection.execute(ordered)]


def devices(connection: Connection, study: str | None = None) -> list[DeviceSummary]:
    """Return every device that has sent a record or a status, in order of study, site and name."""
    r, s = record.c, device_status.c
    amends = r.kind == "amendment"
    counts = select(
        *(r.study, r.site, r.device, func.count().filter(~amends), func.count().filter(amends)),
        *(func.max(r.device_seq), func.max(r.received_at)),
    ).group_by(r.study, r.site, r.device)
    states = select(s.study, s.site, s.device, s.state, s.unsent_readings, s.problem)
    if study is not None:
        counts, states = counts.where(r.study == study), states.where(s.study == study)
    without = _without_a_result(connection, study)
    counted: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for *place, readings, amendments, last_seq, last_at in connection.execute(counts):
        measured = readings - without[tuple(place)]
        counted[tuple(place)] = (readings, measured, amendments, last_seq, last_at)
    stated = {tuple(row[:3]): tuple(row[3:]) for row in connection.execute(states)}
    return [
        DeviceSummary(*place, *counted.get(place, (0, 0, 0, 0, None)), *stated.get(place, (None, None, None)))
        for place in sorted(counted.keys() | stated.keys())
    ]


def _without_a_result(connection: Connection, study: str | None) -> Counter[tuple[str, ...]]:
    """Return how many readings of each device have neither number nor score: few, so only these are looked up.

    Which they are an index tells by itself; asked in one query, SQLite would read each reading's body.
    """
    found: Counter[tuple[str, ...]] = Counter()
    for table in (reading, mottling):
        t, r = table.c, record.c
        which = select(t.reading_id if table is mottling else t.id).where(t.status != "measured")
        if study is not None:
            which = which.where(t.study == study)
        if table is mottling:
            counts = select(r.study, r.site, r.device, func.count()).where(r.reading_id.in_(which))
            counts = counts.group_by(r.study, r.site, r.device)
        else:
            counts = select(t.study, t.site, t.device, func.count()).where(t.id.in_(which))
            counts = counts.group_by(t.study, t.site, t.device)
        for *place, count in connection.execute(counts):
            found[tuple(place)] += count
    return found


def dead_letters(connection: Connection) -> dict[str, int]:
    """Return the number of dead letters by reason, of every study: what cannot be read has none."""
    d = dead_letter.c
    return {
        row[0]: row[1]
        for row in connection.execute(select(d.reason, func.count()).group_by(d.reason).order_by(d.reason))
    }


def letters(connection: Connection) -> dict[str, Letters]:
    """Return what became of the dead letters by reason, of every study."""
    d, r = dead_letter.c, record.c
    certified = exists().where(certificate.c.study == d.study, certificate.c.sha256 == d.sha256)
    stored = or_(exists().where(r.reading_id == d.reading_id, r.sha256 == d.sha256), certified)
    was_replayed = replay.c.id.is_not(None)
    counts = (func.count(), func.count().filter(was_replayed), func.count().filter(and_(~was_replayed, stored)))
    query = select(d.reason, *counts).select_from(dead_letter.outerjoin(replay, replay.c.dead_letter_id == d.id))
    return {row[0]: Letters(*row[1:]) for row in connection.execute(query.group_by(d.reason).order_by(d.reason))}
