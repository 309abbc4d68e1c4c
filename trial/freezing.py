"""Freeze: people change nothing more at a site or of a subject. Only ever added to; the last word of each stands.

What devices send is stored all the same: nothing measured is lost. It becomes a query.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Engine, insert, select

from trial.database import note
from trial.people import changing, signed
from trial.tables import data_freeze as table

Action = Literal["frozen", "unfrozen"]
Whose = tuple[str, str | None]
"""Site and inclusion number; None is the whole site."""


class FrozenError(ValueError):
    """It is frozen, or cannot be frozen or unfrozen as asked. One sentence."""


@dataclass(frozen=True)
class Freeze:
    """A freeze that stands: since when, by whom and why."""

    at: datetime
    actor: str
    why: str


def standing(connection: Connection, study: str) -> dict[Whose, Freeze]:
    """Return what is frozen in a study."""
    t = table.c
    found: dict[Whose, Freeze] = {}
    for row in connection.execute(select(table).where(t.study == study).order_by(t.id)):
        whose = (row.site, row.inclusion)
        if row.action == "frozen":
            found[whose] = Freeze(row.at, row.actor, row.why)
        else:
            found.pop(whose, None)
    return found


def problem(connection: Connection, study: str, site: str, inclusion: str | None) -> str | None:
    """Return why nothing is changed of a subject, or of a site where `inclusion` is None; None where it may be."""
    return held(standing(connection, study), site, inclusion)


def held(found: Mapping[Whose, Freeze], site: str, inclusion: str | None) -> str | None:
    """Return the same, of what `standing` has found: for many subjects at once."""
    for whose in ((site, None), (site, inclusion)):
        if whose in found:
            return f"{since(whose, found[whose])}: nothing of it is changed"
    return None


def since(whose: Whose, by: Freeze) -> str:
    """Return what is frozen, since when and by whom."""
    return f"{shown(whose)} is frozen since {by.at:%F %T}Z by {by.actor}"


def shown(whose: Whose) -> str:
    """Return site or subject as people read it."""
    return f"site {whose[0]}" if whose[1] is None else f"subject {whose[0]}-{whose[1]}"


def change(engine: Engine, study: str, whose: Whose, action: Action, now: datetime, *, actor: str, why: str) -> None:
    """Freeze or unfreeze; raises `FrozenError` where it is so already, and `UnsignedError`."""
    reason = signed(actor, why)
    with changing(engine) as connection:
        if (whose in standing(connection, study)) == (action == "frozen"):
            raise FrozenError(f"{shown(whose)} is {'frozen already' if action == 'frozen' else 'not frozen'}")
        row = {"study": study, "site": whose[0], "inclusion": whose[1], "action": action}
        connection.execute(insert(table).values(**row, at=now, actor=actor, why=reason))
        note(connection, actor, f"data {action}", f"study {study}, {shown(whose)}: {reason}")
