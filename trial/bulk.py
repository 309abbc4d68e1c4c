"""Insert many rows, and look for many keys, at once.

PostgreSQL gets them as one JSON text in one statement: a round trip and a parse for all, where one statement for each
row costs both sides most of their time (measured: docs/evidence/feed-speed.md). SQLite lives in this process and takes
them one by one.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from pydantic_core import to_json
from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    Connection,
    Insert,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    insert,
    select,
)


def insert_rows(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, in their order, that all have the same keys; an `id` is left to the database. Not for bytes."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(_from_json(table, tuple(rows[0])), {"rows": to_json(rows).decode()})
    else:
        connection.execute(insert(table), rows)


def one_of(connection: Connection, column: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that a text is one of many: to PostgreSQL they are one value, not one for each."""
    if connection.dialect.name == "postgresql":
        return column == any_(bindparam(None, list(values), type_=ARRAY(Text), unique=True))
    return column.in_(values)


@cache
def _from_json(table: Table, names: tuple[str, ...]) -> Insert:
    """Return `INSERT INTO table SELECT ... FROM json_to_recordset(:rows)`, each column in the table's own type."""
    given = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
    source = given.table_valued(*(column(name, table.c[name].type) for name in names)).render_derived(with_types=True)
    return insert(table).from_select(names, select(*source.c))
