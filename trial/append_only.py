"""Triggers that refuse any change of a stored record, in the words of each database.

SQLite's REPLACE deletes the old row without firing a delete trigger, so there an insert over an existing key is
refused as well. PostgreSQL's TRUNCATE is refused too. A table's owner can still drop a trigger: in production the
ingester's account owns nothing (docs), and the devices' hash chain shows what was altered.
"""

from collections.abc import Mapping

Keys = Mapping[str, tuple[tuple[str, ...], ...]]

FIRST: Keys = {
    "reading": (("id",), ("reading_id",), ("study", "device", "device_seq")),
    "press": (("reading_id", "position"),),
    "dead_letter": (("id",), ("fingerprint",)),
    "receipt": (("id",),),
    "audit": (("id",),),
}
"""Every unique key of the append-only tables that migration r0001 made. A released migration never changes."""

SECOND: Keys = {
    "enrolment": (("id",),),
    "replay": (("id",), ("dead_letter_id",)),
    "correction": (("id",), ("supersedes",)),
}
"""The same for migration r0002."""

THIRD: Keys = {
    "record": (("id",), ("reading_id",), ("study", "device", "device_seq")),
    "mottling": (("id",), ("reading_id",)),
    "amendment": (("id",), ("reading_id",)),
    "amendment_change": (("reading_id", "position"),),
    "amendment_decision": (("id",), ("amendment",)),
}
"""The same for migration r0003."""

FIFTH: Keys = {
    "query": (("id",), ("study", "stable_key")),
    "query_event": (("id",),),
    "missing_reason": (("id",),),
}
"""The same for migration r0005."""

SIXTH: Keys = {
    "feed_instance": (
        ("id",),
        ("study", "route", "site", "inclusion", "event", "form", "instance"),
        ("study", "route", "site", "inclusion", "event", "form", "reading_id"),
    ),
}
"""The same for migration r0006."""

SEVENTH: Keys = {"account": (("id",),)}
"""The same for migration r0007."""

EIGHTH: Keys = {"data_freeze": (("id",),)}
"""The same for migration r0008."""

NINTH: Keys = {
    "certificate": (("id",), ("study", "device", "certificate_id")),
    "certificate_receipt": (("id",),),
}
"""The same for migration r0009."""

TENTH: Keys = {"press_trace": (("reading_id", "number"),)}
"""The same for migration r0010."""

REBUILT: Keys = {"replay": SECOND["replay"], "correction": (("id",), ("supersedes",), ("amendment", "field"))}
"""Those that r0003 made anew in SQLite, where a foreign key cannot be changed."""

KEYS: Keys = {**FIRST, **SECOND, **THIRD, **FIFTH, **SIXTH, **SEVENTH, **EIGHTH, **NINTH, **TENTH, **REBUILT}
"""Every unique key of the append-only tables as they are now."""


def statements(dialect: str) -> list[str]:
    """Return what r0001 guards its tables with; raises `ValueError` for an unknown database."""
    made = [_POSTGRESQL_FUNCTION] if dialect == "postgresql" else []
    return made + guards(dialect, FIRST)


def guards(dialect: str, keys: Keys) -> list[str]:
    """Return the statements that guard tables, by their unique keys; raises `ValueError` for an unknown database.

    PostgreSQL's need the function that `statements` makes.
    """
    if dialect == "sqlite":
        return [text for table, unique in keys.items() for text in _sqlite(table, unique)]
    if dialect == "postgresql":
        return [text for table in keys for text in _postgresql(table)]
    raise ValueError(f"no append-only triggers for the database {dialect!r}")


def _sqlite(table: str, keys: tuple[tuple[str, ...], ...]) -> list[str]:
    same_key = " OR ".join("(" + " AND ".join(f"{name} = NEW.{name}" for name in key) + ")" for key in keys)
    stored_already = f"EXISTS (SELECT 1 FROM {table} WHERE {same_key})"  # noqa: S608 - names come from KEYS above
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {stored_already} {refuse}",
    ]


_POSTGRESQL_FUNCTION = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END
$$
"""


def _postgresql(table: str) -> list[str]:
    row, statement = (f"FOR EACH {each} EXECUTE FUNCTION refuse_change()" for each in ("ROW", "STATEMENT"))
    return [
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} {row}",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} {statement}",
    ]


def belonging(dialect: str) -> list[str]:
    """Return the statements that refuse a reading without its row in `record`; r0003 made them.

    An ingester from before r0003 would write such readings. PostgreSQL's error is one of the database's health, not of
    the message: that ingester stores nothing, acknowledges nothing, and says so until it is replaced.
    """
    if dialect == "postgresql":
        return [_BELONGING_FUNCTION, _BELONGING_TRIGGER]
    return [_BELONGING_SQLITE]


_BELONGING_SQLITE = """
CREATE TRIGGER reading_has_record BEFORE INSERT ON reading
WHEN NOT EXISTS (SELECT 1 FROM record WHERE reading_id = NEW.reading_id)
BEGIN SELECT RAISE(ABORT, 'a reading without its record: this program is older than the database'); END
"""
_BELONGING_FUNCTION = """
CREATE FUNCTION refuse_stranger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM added WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.reading_id = added.reading_id)) THEN
        RAISE EXCEPTION 'a reading without its record: this program is older than the database'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NULL;
END
$$
"""
_BELONGING_TRIGGER = """
CREATE TRIGGER reading_has_record AFTER INSERT ON reading REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION refuse_stranger()
"""
