"""The rows of one study as plain text: a file of JSON lines for each table, and a manifest of what the columns are.

Everything that the database holds of the study and nothing of another; hashes of passwords stay behind. The files say
enough of themselves to be read without this program, and to be put into a database again.
"""

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, Column, ColumnElement, Connection, Double, Integer, LargeBinary, Row, Table, or_, select
from sqlalchemy.types import BigInteger

from trial import tables, traces
from trial.crf.files import whole_file
from trial.tables import UtcTime

FOLDER: str = "tables"
LEFT_OUT: dict[str, tuple[str, ...]] = {"account": ("password_hash",), "press_trace": ("packed",)}
"""Columns that no archive holds among its rows. Traces stand beside them as the files that they were (`TRACES`)."""
TRACES: str = "traces"
OF_ALL: frozenset[str] = frozenset({"schema upgraded", "backup made", "backup restored", "rights granted"})
"""Lines of the audit trail that are of the whole database, and so of each study in it."""
KINDS: dict[str, str] = {
    "text": "text",
    "integer": "whole number",
    "real": "number, so that it reads back the same",
    "boolean": "true or false",
    "time": "ISO 8601, UTC",
    "base64": "bytes, in base64",
}
_AT_ONCE = 1000
_ABOUT = re.compile(r"\b(?:reading|amendment) ([0-9a-f-]{36})\b")


class TableError(ValueError):
    """A table says of no row whose it is. One sentence."""


def write_tables(connection: Connection, study: str, folder: Path) -> list[dict[str, Any]]:
    """Write each table's rows of a study into `folder`, a new one, and return what is said of each in the manifest.

    The connection is one of `trial.crf.canonical.snapshot`. Raises `TableError`, `OSError` and SQLAlchemy's errors.
    """
    folder.mkdir(mode=0o700)
    return [_write(connection, study, table, folder) for table in tables.metadata.sorted_tables]


def write_traces(connection: Connection, study: str, folder: Path) -> int:
    """Write each trace of a study into `folder`, a new one, as its device hashed it; returns how many.

    Raises `trial.traces.AlteredTraceError`, `OSError` and SQLAlchemy's errors.
    """
    folder.mkdir(mode=0o700)
    count = 0
    for reading_id, number, text in traces.of_study(connection, study):
        (folder / trace_name(reading_id, number)).write_bytes(text)
        count += 1
    return count


def trace_name(reading_id: str, number: int) -> str:
    """Return the name of a trace's file."""
    return f"{reading_id}-{number}.json"


def _write(connection: Connection, study: str, table: Table, folder: Path) -> dict[str, Any]:
    columns = [column for column in table.columns if column.name not in LEFT_OUT.get(table.name, ())]
    count = 0
    with whole_file(folder / f"{table.name}.jsonl") as file:
        for row in _rows(connection, study, table, columns):
            file.write(json.dumps(_plain(row), ensure_ascii=False) + "\n")
            count += 1
    return {
        "table": table.name,
        "file": f"{FOLDER}/{table.name}.jsonl",
        "rows": count,
        "left_out": list(LEFT_OUT.get(table.name, ())),
        "columns": [_described(column) for column in columns],
    }


def _rows(connection: Connection, study: str, table: Table, columns: list[Column[Any]]) -> Iterator[Row[Any]]:
    query = select(*columns).order_by(*table.primary_key.columns)
    streamed = {"yield_per": _AT_ONCE}
    if table.name != tables.audit.name:
        yield from connection.execute(query.where(whose(table, study)), execution_options=streamed)
        return
    r = tables.record.c
    mine = set(connection.execute(select(r.reading_id).where(r.study == study)).scalars())
    for row in connection.execute(query, execution_options=streamed):
        if is_of(row.action, row.detail, study, mine):
            yield row


def whose(table: Table, study: str) -> ColumnElement[bool]:
    """Return which rows of a table are a study's, by its own column or by what they refer to; raises `TableError`."""
    if table.name == tables.dead_letter.name:
        # What could not be read names no study; the topic that it came by does.
        t = table.c
        return or_(t.study == study, t.study.is_(None) & t.topic.startswith(f"refill/v1/{study}/", autoescape=True))
    if "study" in table.c:
        return table.c.study == study
    ways = [key for key in table.foreign_keys if key.column.table is not table and not key.parent.nullable]
    for key in sorted(ways, key=lambda key: (key.column.table is not tables.record, key.parent.name)):
        return key.parent.in_(select(key.column).where(whose(key.column.table, study)))
    raise TableError(f"table {table.name}: nothing says of which study its rows are")


def is_of(action: str, detail: str, study: str, reading_ids: set[str]) -> bool:
    """Return whether a line of the audit trail is of a study: it begins with its name, or tells of its readings."""
    if action in OF_ALL or re.match(rf"(?:study )?{re.escape(study)}(?![a-z0-9-])", detail):
        return True
    about = _ABOUT.search(detail)
    return about is not None and about[1] in reading_ids


def _described(column: Column[Any]) -> dict[str, Any]:
    refers = sorted(f"{key.column.table.name}.{key.column.name}" for key in column.foreign_keys)
    return {
        "name": column.name,
        "kind": _kind(column),
        "may_be_null": bool(column.nullable),
        "primary_key": column.primary_key,
        "refers_to": refers[0] if refers else None,
    }


def _kind(column: Column[Any]) -> str:
    kinds: tuple[tuple[type, str], ...] = (
        *((UtcTime, "time"), (LargeBinary, "base64"), (Boolean, "boolean"), (Double, "real")),
        *((Integer, "integer"), (BigInteger, "integer")),
    )
    return next((kind for of, kind in kinds if isinstance(column.type, of)), "text")


def _plain(row: Row[Any]) -> dict[str, Any]:
    return {name: _text(value) for name, value in row._mapping.items()}


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value


def read_rows(folder: Path, described: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a table's rows as values; times in UTC without offset, as SQLite keeps them.

    Raises `OSError`, and `ValueError` or `KeyError` where the file is not what the manifest says.
    """
    kinds = {column["name"]: column["kind"] for column in described["columns"]}
    with (folder / described["file"]).open(encoding="utf-8") as file:
        for line in file:
            yield {name: _value(kinds[name], value) for name, value in json.loads(line).items()}


def _value(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "time":
        return datetime.fromisoformat(value).astimezone(UTC).replace(tzinfo=None)
    return base64.b64decode(value) if kind == "base64" else value
