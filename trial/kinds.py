"""The three kinds of record in the database: where each stands, and what it is. Reads only."""

from typing import Any

from sqlalchemy import Connection, FromClause, Select, func, select

from contract.amendment import Amendment
from contract.mottling import MottlingReading
from contract.reading import Reading
from contract.records import read_record
from trial.tables import amendment, mottling, reading, record

TABLES: dict[str, FromClause] = {"refill": reading, "mottling": mottling, "amendment": amendment}
"""The table of each kind, by the `kind` that stands in the record."""

BODY = func.coalesce(*(table.c.body for table in TABLES.values())).label("body")
"""The text of a record, of whatever kind, in a query of `with_bodies`; NULL where its kind's table lacks it."""


class NotAReadingError(ValueError):
    """There is no reading of that id. One sentence."""


def with_bodies(query: Select[Any]) -> Select[Any]:
    """Return a query over `record` that can also select `BODY`."""
    source: FromClause = record
    for table in TABLES.values():
        source = source.outerjoin(table, table.c.reading_id == record.c.reading_id)
    return query.select_from(source)


def entry_of(connection: Connection, reading_id: str) -> Reading | MottlingReading:
    """Return a reading as it was entered; raises `NotAReadingError` where there is none, or it is an amendment."""
    body = connection.execute(with_bodies(select(BODY)).where(record.c.reading_id == reading_id)).scalar_one_or_none()
    if body is None:
        raise NotAReadingError(f"there is no reading {reading_id[:40]}")
    found = read_record(body)
    if isinstance(found, Amendment):
        raise NotAReadingError(f"{reading_id} is no reading: it is an amendment of {found.about}")
    return found
