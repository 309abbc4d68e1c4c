"""What people do to the trial's data has this in common: who, as a code and never a name; why; and one at a time."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from trial.database import writing

_ACTOR = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_PERSON = re.compile(r"(?!.*[a-z]{5})[a-z0-9][a-z0-9-]{0,15}")
MAX_WHY: int = 500
_LOCK = 0x526566696C70
_ALONE = text("SELECT pg_advisory_xact_lock(:key)")
_TOGETHER = text("SELECT pg_advisory_xact_lock_shared(:key)")


class UnsignedError(ValueError):
    """Who does it, or why, is missing or not in its form. One sentence."""


def signed(actor: str, why: str) -> str:
    """Return the reason without white space around it; raises `UnsignedError` unless actor and reason can be kept."""
    if not _ACTOR.fullmatch(actor):
        raise UnsignedError("an actor is a code of lower-case letters, digits and hyphens")
    reason = why.strip()
    if not reason or len(reason) > MAX_WHY or not reason.isprintable():
        raise UnsignedError(f"a reason is needed: one line of at most {MAX_WHY} characters")
    return reason


def is_person_code(code: str) -> bool:
    """Return whether a code is one for a person: no word of more than four letters, which could be a name."""
    return _PERSON.fullmatch(code) is not None


@contextmanager
def changing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction in which what was looked up stands until the commit: no other person's change runs beside it.

    SQLite's write lock, or an advisory lock in PostgreSQL, for which an account needs no right on any table.
    """
    with writing(engine).begin() as connection:
        wait_for_others(connection, alone=True)
        yield connection


def wait_for_others(connection: Connection, *, alone: bool) -> None:
    """Wait until nobody changes what is looked up here, as the first statement of a transaction that writes.

    Not `alone`: any number may write side by side, but nobody who is alone. SQLite's writers always are.
    """
    if connection.dialect.name == "postgresql":
        lock = _ALONE if alone else _TOGETHER
        connection.execute(lock, {"key": _LOCK})
