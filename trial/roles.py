"""Who may do what in PostgreSQL: one table of rights, and the statements that grant them.

The owner of the tables runs `refill trial upgrade` and this; nobody else could drop a trigger. Everybody else has an
account that owns nothing. SQLite has no accounts: there the file's owner is everybody.
"""

import re
from collections.abc import Mapping
from typing import Literal

from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from trial.database import note
from trial.tables import APPEND_ONLY, metadata

Role = Literal["ingest", "manage", "backup", "read"]
Right = Literal["SELECT", "INSERT", "UPDATE"]

VERSION_TABLE = "alembic_version"
INGESTED: tuple[str, ...] = (
    *("record", "reading", "press", "mottling", "amendment", "amendment_change", "correction"),
    *("certificate", "certificate_receipt", "dead_letter", "receipt", "audit"),
)
"""What an ingester adds to: corrections are those that came from the bedside. Enrolments, replays and decisions are
people's."""
_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,62}")
_NO_RIGHT = "42501"


class RolesError(Exception):
    """Rights cannot be granted as asked; the text is one sentence."""


def rights(role: Role) -> dict[str, tuple[Right, ...]]:
    """Return what a role may do with each table. Nobody may DELETE, TRUNCATE, or change a table or its triggers.

    ingest: the ingesters. manage: enrolment, replay, correction, decision, import, export. backup: `refill trial
    backup` without `--verify`. read: gaps, status, and other people's reports.
    """
    may: dict[str, tuple[Right, ...]] = dict.fromkeys((*sorted(metadata.tables), VERSION_TABLE), ("SELECT",))
    added: dict[Role, tuple[str, ...]] = {"ingest": INGESTED, "manage": APPEND_ONLY, "backup": ("audit",), "read": ()}
    if role in ("ingest", "read"):
        # Hashes of passwords: who only reads or takes in has no use for them.
        del may["account"]
    for name in added[role]:
        may[name] = ("SELECT", "INSERT")
    if role == "ingest":
        may["device_status"] = ("SELECT", "INSERT", "UPDATE")
    return may


def statements(database: str, users: Mapping[Role, str]) -> list[str]:
    """Return what gives each user exactly the rights of its role; raises `RolesError` for a name that cannot be one."""
    for user in users.values():
        if not _NAME.fullmatch(user):
            raise RolesError(f"{user!r} is no name of an account: lower-case letters, digits, _ and -")
    if len(set(users.values())) < len(users):
        raise RolesError("one account for two roles: give each its own")
    database = database.replace('"', '""')
    # Until version 15 everybody might make tables in schema public.
    said = ["REVOKE CREATE ON SCHEMA public FROM PUBLIC"]
    for role, user in users.items():
        said += [
            f'REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "{user}"',
            f'REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM "{user}"',
            f'REVOKE ALL ON SCHEMA public FROM "{user}"',
            f'GRANT CONNECT ON DATABASE "{database}" TO "{user}"',
            f'GRANT USAGE ON SCHEMA public TO "{user}"',
            *(f'GRANT {", ".join(may)} ON {table} TO "{user}"' for table, may in rights(role).items()),
        ]
        if role != "read":
            said.append(f'GRANT {_of_sequences(role)} ON ALL SEQUENCES IN SCHEMA public TO "{user}"')
    return said


def _of_sequences(role: Role) -> str:
    return "USAGE, SELECT" if role == "backup" else "USAGE"


def statements_for(engine: Engine, users: Mapping[Role, str]) -> list[str]:
    """Return the statements for a database, without asking it. Raises `RolesError`."""
    if engine.dialect.name != "postgresql":
        raise RolesError("SQLite has no accounts: guard the file by its owner and mode")
    return statements(engine.url.database or engine.url.username or "", users)


def apply(engine: Engine, users: Mapping[Role, str]) -> list[str]:
    """Grant in one transaction, with a line in the audit trail; returns the statements. Only the owner may.

    Raises `RolesError` where the database is not PostgreSQL, an account does not exist, is a superuser, or owns a
    table or could become its owner; and SQLAlchemy's errors.
    """
    said = statements_for(engine, users)
    try:
        with engine.begin() as connection:
            for user in users.values():
                found = connection.execute(text(_POWERS), {"name": user}).one_or_none()
                if found is None:
                    raise RolesError(f"there is no account {user}: make it first, with CREATE ROLE {user} LOGIN")
                if any(found):
                    raise RolesError(f"{user} is a superuser or owns a table of the trial: no right binds it")
            for statement in said:
                connection.exec_driver_sql(statement)
            note(connection, "roles", "rights granted", ", ".join(f"{role} {user}" for role, user in users.items()))
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _NO_RIGHT:
            raise
        raise RolesError("this account may not grant: the owner of the tables does") from error
    return said


_POWERS = """
SELECT r.rolsuper, EXISTS (SELECT 1 FROM pg_class c WHERE pg_has_role(r.oid, c.relowner, 'MEMBER')
    AND c.relnamespace = current_schema()::regnamespace)
FROM pg_roles r WHERE r.rolname = :name
"""
