"""What was said of a reading at its bedside: confirmed, commented, corrected. Reads only.

An amendment counts for a reading where it is of the same study and device and comes after it in the device's count;
what else names a reading is a query (`trial.amendments`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from trial.tables import amendment, record


@dataclass(frozen=True)
class Remark:
    """One amendment of one reading. `mottling_score` is the person's, where they gave one; `at` is by the device."""

    reading_id: str
    about: str
    device_seq: int
    action: str
    operator: str
    at: datetime
    mottling_score: int | None
    comment: str | None
    why: str | None


def of_one(connection: Connection, reading_id: str) -> list[Remark]:
    """Return what was said of one reading, in the order of its device."""
    return _found(connection, _remarks().where(amendment.c.about == reading_id))


def of_study(connection: Connection, study: str) -> dict[str, list[Remark]]:
    """Return what was said of a study's readings, by reading, in the order of their device."""
    said: dict[str, list[Remark]] = {}
    for remark in _found(connection, _remarks().where(record.c.study == study)):
        said.setdefault(remark.about, []).append(remark)
    return said


def of_these(connection: Connection, reading_ids: Sequence[str]) -> dict[str, list[Remark]]:
    """Return what was said of some readings, by reading; at most a few hundred at once."""
    said: dict[str, list[Remark]] = {}
    for remark in _found(connection, _remarks().where(amendment.c.about.in_(reading_ids))):
        said.setdefault(remark.about, []).append(remark)
    return said


def confirmed_by(said: Iterable[Remark]) -> list[str]:
    """Return who confirmed a reading, each once, the first first."""
    return list(dict.fromkeys(remark.operator for remark in said if remark.action == "confirmed"))


def comments(said: Iterable[Remark]) -> list[str]:
    """Return the codes of the comments, each once, the first first."""
    return list(dict.fromkeys(remark.comment for remark in said if remark.comment is not None))


def scored(said: Iterable[Remark]) -> Remark | None:
    """Return the last remark with a person's mottling score, or None."""
    return next((remark for remark in reversed(list(said)) if remark.mottling_score is not None), None)


def _remarks() -> Select[Any]:
    about, a = record.alias("about"), amendment.c
    query = select(
        *(a.reading_id, a.about, record.c.device_seq, a.action, a.operator, a.measured_at.label("at")),
        *(a.mottling_score, a.comment, a.why),
    )
    query = query.join(record, record.c.reading_id == a.reading_id)
    belongs = and_(
        about.c.reading_id == a.about,
        about.c.study == record.c.study,
        about.c.device == record.c.device,
        about.c.device_seq < record.c.device_seq,
        about.c.kind != "amendment",
    )
    return query.join(about, belongs).order_by(record.c.device, record.c.device_seq)


def _found(connection: Connection, query: Select[Any]) -> list[Remark]:
    return [Remark(**row._mapping) for row in connection.execute(query)]
