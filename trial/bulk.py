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
    CTE,
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


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], *, first: Table | None = None
) -> None:
    """Insert rows, in their order, that all have the same keys; an `id` is left to the database. Not for bytes.

    With `first`, each row goes into that table and then into `table`, each taking the keys that it has columns for.
    """
    if not rows:
        return
    both = (table,) if first is None else (first, table)
    if connection.dialect.name == "postgresql":
        connection.execute(_from_json(both, tuple(rows[0])), {"rows": to_json(rows).decode()})
        return
    for each in both:
        names = [name for name in rows[0] if name in each.c]
        connection.execute(insert(each), [{name: row[name] for name in names} for row in rows])


def one_of(connection: Connection, column: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that a text is one of many: to PostgreSQL they are one value, not one for each."""
    if connection.dialect.name == "postgresql":
        return column == any_(bindparam(None, list(values), type_=ARRAY(Text), unique=True))
    return column.in_(values)


@cache
def _from_json(tables: tuple[Table, ...], names: tuple[str, ...]) -> Insert:
    """Return `INSERT INTO table SELECT ... FROM json_to_recordset(:rows)`, each column in the table's own type."""
    types = {name: each.c[name].type for each in tables for name in names if name in each.c}
    given = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
    listed = given.table_valued(*(column(name, type_) for name, type_ in types.items()))
    source = select(listed.render_derived(with_types=True)).cte("source")
    *before, last = (_taking(each, source, names) for each in tables)
    for statement in before:
        last = last.add_cte(statement.cte(f"into_{statement.table.name}"))
    return last


def _taking(table: Table, source: CTE, names: Iterable[str]) -> Insert:
    taken = [name for name in names if name in table.c]
    return insert(table).from_select(taken, select(*(source.c[name] for name in taken)))
