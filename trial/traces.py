"""The traces of presses in the trial database: the series behind a number, as the device hashed it. Reads only.

They come in the export of a device's journal (`trial.trace_import`); what is not here is on its device still. A trace
is evidence beside a reading and no part of it: nothing of the reading changes when it comes.
"""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from contract.reading import Reading
from contract.records import AnyRecord, read_record
from trial.tables import press, press_trace, reading

MOST_BYTES: int = 16 << 20
"""A longer text is no trace of one press: two minutes of 60 frames/s have about 1 MB."""
_AT_ONCE = 20


class AlteredTraceError(ValueError):
    """A stored trace is not the one that its reading names. One sentence."""


@dataclass(frozen=True)
class Kept:
    """What is known of a trace that is here: its hash, its length as text, when it came and who brought it."""

    sha256: str
    bytes: int
    at: datetime
    actor: str


@dataclass(frozen=True)
class Standing:
    """How many traces the readings of one device name, and how many of them are here."""

    site: str
    device: str
    named: int
    here: int


def named(record: AnyRecord) -> dict[int, str]:
    """Return the hash of each trace that a record says was kept, by the number of its press."""
    if not isinstance(record, Reading):
        return {}
    return {each.number: each.trace_sha256 for each in record.presses if each.trace_sha256 is not None}


def pack(text: bytes) -> bytes:
    """Return a text as it is stored."""
    return zlib.compress(text, 6)


def unpack(packed: bytes) -> bytes:
    """Return a stored text; raises `AlteredTraceError` where it cannot be read."""
    reader = zlib.decompressobj()
    try:
        text = reader.decompress(packed, MOST_BYTES)
    except zlib.error as error:
        raise AlteredTraceError("it cannot be unpacked") from error
    if not reader.eof or reader.unused_data:
        raise AlteredTraceError("it is cut short or too long")
    return text


def kept(connection: Connection, reading_id: str) -> dict[int, Kept]:
    """Return what is here of a reading's traces, by the number of the press."""
    t = press_trace.c
    query = select(t.number, t.sha256, t.bytes, t.at, t.actor).where(t.reading_id == reading_id)
    return {row.number: Kept(row.sha256, row.bytes, row.at, row.actor) for row in connection.execute(query)}


def text_of(connection: Connection, reading_id: str, number: int) -> bytes | None:
    """Return a trace as its device hashed it, None where it is not here; raises `AlteredTraceError`."""
    t = press_trace.c
    query = select(t.packed, reading.c.body).join(reading, reading.c.reading_id == t.reading_id)
    row = connection.execute(query.where(t.reading_id == reading_id, t.number == number)).one_or_none()
    return None if row is None else _sealed(row.packed, row.body, reading_id, number)


def of_study(connection: Connection, study: str) -> Iterator[tuple[str, int, bytes]]:
    """Yield every trace of a study: reading, number, text; raises `AlteredTraceError`. Holds a few at a time."""
    for reading_id, number, packed, body in _all(connection, study):
        yield reading_id, number, _sealed(packed, body, reading_id, number)


def altered(connection: Connection, study: str) -> Iterator[str]:
    """Yield one sentence for each trace that is not the one that its reading names; every text is hashed again."""
    for reading_id, number, packed, body in _all(connection, study):
        try:
            _sealed(packed, body, reading_id, number)
        except AlteredTraceError as error:
            yield str(error)


def named_here(connection: Connection, study: str) -> Iterator[tuple[str, int, str | None]]:
    """Yield of every trace that is here: reading, number, and the hash that stands in the reading itself."""
    t, r = press_trace.c, reading.c
    query = select(t.reading_id, t.number, r.body).join(reading, r.reading_id == t.reading_id)
    query = query.where(r.study == study).order_by(t.reading_id, t.number)
    for row in connection.execute(query, execution_options={"yield_per": _AT_ONCE}):
        yield row.reading_id, row.number, named(read_record(row.body)).get(row.number)


def standings(connection: Connection, study: str) -> list[Standing]:
    """Return how many traces of each device are here."""
    p, t, r = press.c, press_trace.c, reading.c
    same = and_(t.reading_id == p.reading_id, t.number == p.number)
    query = select(r.site, r.device, func.count().label("named"), func.count(t.reading_id).label("here"))
    query = query.select_from(press).join(reading, r.reading_id == p.reading_id).outerjoin(press_trace, same)
    query = query.where(r.study == study, p.trace_sha256.is_not(None)).group_by(r.site, r.device)
    found = [Standing(*row) for row in connection.execute(query)]
    return sorted(found, key=lambda each: (each.site, each.device))  # not by the database: its collation is its own


def _all(connection: Connection, study: str) -> Iterator[tuple[str, int, bytes, str]]:
    t, r = press_trace.c, reading.c
    query = select(t.reading_id, t.number, t.packed, r.body).join(reading, r.reading_id == t.reading_id)
    query = query.where(r.study == study).order_by(t.reading_id, t.number)
    for row in connection.execute(query, execution_options={"yield_per": _AT_ONCE}):
        yield row.reading_id, row.number, row.packed, row.body


def _sealed(packed: bytes, body: str, reading_id: str, number: int) -> bytes:
    """Return a text that has the hash that stands in the reading itself, which its device sealed."""
    what = f"reading {reading_id}: the trace of press {number}"
    try:
        text = unpack(packed)
    except AlteredTraceError as error:
        raise AlteredTraceError(f"{what}: {error}") from error
    if hashlib.sha256(text).hexdigest() != named(read_record(body)).get(number):
        raise AlteredTraceError(f"{what} is not the one that its device hashed")
    return text
